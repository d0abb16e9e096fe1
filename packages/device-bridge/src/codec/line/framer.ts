import { NavError } from '@trocar/core';

const CR = 0x0d;
const LF = 0x0a;

/** What ends a line: any of CR, LF and both; or these bytes and no others. */
export type LineEnding = 'any' | '\n' | '\r' | '\r\n' | Uint8Array;

/** Who gets the lines. */
export interface LineHandler {
  /** One line without its ending, never empty; the bytes are valid only until it returns. */
  line(bytes: Uint8Array): void;
  /** A line is longer than the cap: so many bytes of it were given up. Told once when it is found, and once for the rest. */
  fault(code: 'codec/oversize', lost: number): void;
}

/** Cuts a stream of bytes into lines, keeping at most one. */
export class LineFramer {
  readonly #handler: LineHandler;
  readonly #ending: Uint8Array | undefined;
  readonly #kept: Uint8Array;
  /** The last bytes, as many as the ending has: also of a line that is given up. */
  readonly #tail: Uint8Array;
  #length = 0;
  /** Bytes of a line that is too long, given up and not told yet; −1 outside one. */
  #lost = -1;

  /**
   * @param maxBytes the longest line, its ending among it
   * @throws NavError `bridge/bad-option`
   */
  constructor(handler: LineHandler, ending: LineEnding = 'any', maxBytes = 1024) {
    this.#handler = handler;
    this.#ending = ending === 'any' ? undefined : toBytes(ending);
    if (!(Number.isInteger(maxBytes) && maxBytes >= 1) || this.#ending?.length === 0) {
      throw new NavError(
        'bridge/bad-option',
        `Lines need a cap of at least 1 byte and an ending of at least one, got ${maxBytes}.`,
      );
    }
    this.#kept = new Uint8Array(maxBytes);
    this.#tail = new Uint8Array(this.#ending?.length ?? 0);
  }

  /** Bytes kept for later. */
  get buffered(): number {
    return this.#length;
  }

  /** Forgets the line begun. */
  reset(): void {
    this.#length = 0;
    this.#lost = -1;
    this.#tail.fill(0);
  }

  /** Bytes in any chunks. */
  feed(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i += 1) this.#take(bytes[i] as number);
  }

  /** What is kept is the last line, although nothing ends it: of a datagram. */
  end(): void {
    this.#finish(0);
  }

  #take(byte: number): void {
    const ending = this.#ending;
    if (ending === undefined) {
      if (byte === CR || byte === LF) this.#finish(0);
      else this.#keep(byte);
      return;
    }
    this.#keep(byte);
    this.#tail.copyWithin(0, 1);
    this.#tail[ending.length - 1] = byte;
    for (let i = 0; i < ending.length; i += 1) if (this.#tail[i] !== ending[i]) return;
    this.#finish(ending.length);
  }

  #keep(byte: number): void {
    if (this.#lost >= 0) {
      this.#lost += 1;
    } else if (this.#length === this.#kept.length) {
      // Told at once: a line without end would never be.
      this.#handler.fault('codec/oversize', this.#length);
      this.#length = 0;
      this.#lost = 1;
    } else {
      this.#kept[this.#length] = byte;
      this.#length += 1;
    }
  }

  #finish(endingLength: number): void {
    const length = this.#length - endingLength;
    const lost = this.#lost;
    this.reset();
    if (lost > endingLength) this.#handler.fault('codec/oversize', lost - endingLength);
    else if (lost < 0 && length > 0) this.#handler.line(this.#kept.subarray(0, length));
  }
}

function toBytes(ending: Exclude<LineEnding, 'any'>): Uint8Array {
  return typeof ending === 'string' ? Uint8Array.from(ending, (c) => c.charCodeAt(0)) : ending.slice();
}
