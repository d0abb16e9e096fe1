import { NavError } from '../../base/index.js';

/** The longest message of a live session, bytes: a whole snapshot with all its alarms, views and annotations. */
export const LARGEST_LIVE_MESSAGE = 65_536;
/** Whole numbers beyond this have more than one double, and are refused. */
const LARGEST_WHOLE = Number.MAX_SAFE_INTEGER;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * What a text of a live session may not hold: control characters, and the marks that turn the direction of what follows, which can make
 * a text read as another one (Unicode Technical Report 36, 2.7). Line breaks are control characters too: every text is one line.
 */
const FORBIDDEN =
  /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/u;

/** Why a text cannot be sent or shown; undefined where it can. @param most UTF-8 bytes */
export function textFault(text: string, most: number): string | undefined {
  if (FORBIDDEN.test(text)) return 'it holds a control character, a mark that turns the direction, or half a surrogate pair';
  const bytes = encoder.encode(text).length;
  return bytes > most ? `it has ${bytes} bytes where ${most} are the most` : undefined;
}

/** Writes a message. What cannot be written is refused: nothing is cut or rounded beyond what a method says. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    this.#room(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
  }

  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f32(value: number): void {
    this.#room(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#room(8);
    // All NaNs are written as one, so that the same state has the same bytes.
    this.#view.setFloat64(this.#length, Number.isNaN(value) ? Number.NaN : value, true);
    this.#length += 8;
  }

  /** A whole number from 0 on, seven bits a byte, the lowest first (LEB128). @throws NavError `live/bad-value` */
  whole(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw badValue(`${value} is no whole number from 0 on`);
    let rest = value;
    while (rest >= 128) {
      this.u8((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.u8(rest);
  }

  /** A whole number of either sign: 0, −1, 1, −2 … as 0, 1, 2, 3 … @throws NavError `live/bad-value` */
  signed(value: number): void {
    this.whole(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** @param most UTF-8 bytes @throws NavError `live/bad-value` naming `what` */
  text(value: string, most: number, what: string): void {
    const fault = textFault(value, most);
    if (fault !== undefined) throw badValue(`the text of ${what} cannot be sent: ${fault}`);
    const bytes = encoder.encode(value);
    this.whole(bytes.length);
    this.bytes(bytes);
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed > LARGEST_LIVE_MESSAGE) {
      throw new NavError(
        'live/too-large',
        `A message of a live session has at most ${LARGEST_LIVE_MESSAGE} bytes, and this state needs more: show fewer annotations, views or alarms.`,
      );
    }
    if (needed <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    wider.set(this.#bytes);
    this.#bytes = wider;
    this.#view = new DataView(wider.buffer);
  }
}

/** Reads a message. Every method throws NavError `live/malformed` where the bytes are not what a {@link ByteWriter} writes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#step(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#step(8), true);
  }

  whole(most: number = LARGEST_WHOLE): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte % 128) * scale;
      if (value > most) throw malformed(`a number over ${most} at byte ${this.#at}`);
      if (byte < 128) {
        // One number has one text: the last byte of a longer one is not 0.
        if (byte === 0 && scale > 1) throw malformed(`a number that is written too long at byte ${this.#at}`);
        return value;
      }
    }
  }

  signed(): number {
    const code = this.whole();
    return code % 2 === 1 ? -(code + 1) / 2 : code / 2;
  }

  bytes(length: number): Uint8Array {
    const from = this.#step(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(most: number): string {
    const bytes = this.bytes(this.whole(most));
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch (cause) {
      throw malformed('a text that is no UTF-8', cause);
    }
    const fault = textFault(text, most);
    if (fault !== undefined) throw malformed(`a text that may not be shown: ${fault}`);
    return text;
  }

  /** @throws NavError `live/malformed` where bytes are left */
  end(): void {
    if (this.left > 0) throw malformed(`${this.left} bytes behind its end`);
  }

  #step(length: number): number {
    const from = this.#at;
    if (length > this.left) throw malformed(`its end at byte ${this.#bytes.length}, where ${length} more are needed`);
    this.#at += length;
    return from;
  }
}

/** What a state cannot be sent for. */
export function badValue(why: string): NavError {
  return new NavError('live/bad-value', `This state of a live session cannot be sent: ${why}.`);
}

/** What a message is refused for. */
export function malformed(what: string, cause?: unknown): NavError {
  return new NavError(
    'live/malformed',
    `A message of a live session is malformed: it has ${what}. It is let go, and a whole state asked for.`,
    cause === undefined ? {} : { cause },
  );
}
