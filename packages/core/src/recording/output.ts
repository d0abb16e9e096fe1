import { NavError } from '../base/index.js';

/** Where a recording's bytes go: a file, memory, a network. A value handed in. */
export interface RecordingOutput {
  /**
   * Appends bytes. The next call comes only after this one has settled, and the bytes are valid until then. Either all
   * of them are kept or none, as far as the medium allows: what was there before stays readable.
   * @throws NavError `recording/disk-full`, `recording/write-failed`
   */
  append(bytes: Uint8Array): Promise<void>;
  /** Nothing more comes. @throws NavError as {@link append} */
  close(): Promise<void>;
}

/** An output that keeps everything in memory: for tests, short recordings and browsers. */
export interface MemoryOutput extends RecordingOutput {
  /** A copy of all that has been appended. */
  bytes(): Uint8Array;
}

/** @param limitBytes what more than this would be is refused as a full disk would be; default no limit */
export function memoryOutput(limitBytes: number = Number.POSITIVE_INFINITY): MemoryOutput {
  const parts: Uint8Array[] = [];
  let length = 0;
  return {
    append: async (bytes) => {
      if (length + bytes.length > limitBytes) {
        throw new NavError('recording/disk-full', `The recording is longer than the ${limitBytes} bytes that it may have.`);
      }
      parts.push(bytes.slice());
      length += bytes.length;
    },
    close: async () => undefined,
    bytes: () => joined(parts, length),
  };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
