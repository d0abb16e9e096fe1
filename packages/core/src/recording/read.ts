import { NavError } from '../base/index.js';
import { RecordingDecoder, type RecordingFacts, type RecordingStatus } from './decoder.js';
import type { RecordedTool } from './device-recorder.js';
import type { RecordedEntry } from './entries.js';

/** Where a recording's bytes come from; it can be read again and again. */
export interface RecordingInput {
  /** For people: the file's name. */
  readonly label: string;
  /**
   * The bytes from the first to the last, in pieces of any size.
   * @throws NavError `io/not-found`
   */
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Pieces in which memory is read, so that a long recording is not decoded at once. */
const PIECE = 1024 * 1024;

/** A recording in memory. */
export function bytesInput(bytes: Uint8Array, label: string = 'the recording'): RecordingInput {
  return {
    label,
    *open() {
      for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
    },
  };
}

/** A recording in a Blob or a File, as a browser has it. */
export function blobInput(blob: Blob, label: string = 'the recording'): RecordingInput {
  return {
    label,
    async *open() {
      const reader = blob.stream().getReader();
      try {
        for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
      } finally {
        reader.releaseLock();
      }
    },
  };
}

/** What a whole recording holds. */
export interface RecordingSummary {
  readonly facts: RecordingFacts;
  readonly status: RecordingStatus;
  /** First and last time of an entry, host ms; NaN where there is none. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly devices: readonly RecordedDevice[];
  /** How often the recording says that it lacks something. */
  readonly gaps: number;
}

/** What a recording holds of one device. */
export interface RecordedDevice {
  readonly name: string;
  /** The newest list. */
  readonly tools: readonly RecordedTool[];
  readonly poses: number;
  readonly flushes: number;
  readonly rawBytes: number;
}

/** A recording that is read as a stream, from its beginning, as often as one likes. */
export class Recording {
  readonly label: string;
  /** What the recording says of itself; known once the first entries have come. */
  facts: RecordingFacts | undefined;
  /** What the last pass to the end has shown; undefined before one. */
  status: RecordingStatus | undefined;
  readonly #input: RecordingInput;

  constructor(input: RecordingInput) {
    this.#input = input;
    this.label = input.label;
  }

  /**
   * The entries in the order recorded, a chunk's at a time. An unfinished or damaged file gives what is whole, and
   * {@link status} then says what was given up.
   * @throws NavError `recording/not-a-recording`, `recording/unsupported-version`; the input's own
   */
  async *entries(): AsyncGenerator<readonly RecordedEntry[]> {
    const ready: Array<readonly RecordedEntry[]> = [];
    const decoder = new RecordingDecoder((entries) => ready.push(entries), this.label);
    for await (const bytes of this.#input.open()) {
      decoder.feed(bytes);
      this.facts ??= decoder.facts;
      yield* ready.splice(0);
    }
    this.status = decoder.end();
    this.facts ??= decoder.facts;
    yield* ready.splice(0);
  }

  /**
   * Reads everything once and says what there is.
   * @throws NavError as {@link entries}; `recording/truncated` where the file ends before it says what it is
   */
  async summary(): Promise<RecordingSummary> {
    const devices = new Map<string, Counted>();
    let firstAt = Number.NaN;
    let lastAt = Number.NaN;
    let gaps = 0;
    for await (const entries of this.entries()) {
      for (const entry of entries) {
        if (Number.isNaN(firstAt)) firstAt = entry.at;
        lastAt = entry.at;
        if (entry.kind === 'event') gaps += entry.name === 'trocar/gap' ? 1 : 0;
        else count(devices, entry);
      }
    }
    const { facts, status } = this;
    if (facts === undefined || status === undefined) {
      throw new NavError('recording/truncated', `${this.label} ends before it says what it is: nothing can be read from it.`);
    }
    return { facts, status, firstAt, lastAt, gaps, devices: [...devices.values()] };
  }
}

type Counted = { -readonly [K in keyof RecordedDevice]: RecordedDevice[K] };

function count(devices: Map<string, Counted>, entry: Exclude<RecordedEntry, { kind: 'event' }>): void {
  let device = devices.get(entry.device);
  if (device === undefined) {
    device = { name: entry.device, tools: [], poses: 0, flushes: 0, rawBytes: 0 };
    devices.set(entry.device, device);
  }
  if (entry.kind === 'tools') device.tools = entry.tools;
  if (entry.kind === 'raw') device.rawBytes += entry.bytes.length;
  if (entry.kind !== 'poses') return;
  device.poses += entry.count;
  device.flushes += entry.flushed ? 1 : 0;
}

/** All of a recording in memory at once: for short ones and for tests. @throws NavError as {@link Recording.entries} */
export function readRecordingBytes(
  bytes: Uint8Array,
  label: string = 'the recording',
): { readonly entries: readonly RecordedEntry[]; readonly status: RecordingStatus; readonly facts: RecordingFacts | undefined } {
  const entries: RecordedEntry[] = [];
  const decoder = new RecordingDecoder((part) => {
    for (const entry of part) entries.push(entry);
  }, label);
  decoder.feed(bytes);
  return { status: decoder.end(), entries, facts: decoder.facts };
}
