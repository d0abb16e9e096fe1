import { crc16, crc16Step, hex } from './crc16.js';
import { hexAt } from './digits.js';
import type { NdiFault, NdiReply } from './framer.js';

/** A whole reply in a file: its body is `[start … end)`, the next message begins at `next`. */
export interface ScannedReply {
  readonly kind: NdiReply['kind'];
  readonly at: number;
  readonly start: number;
  readonly end: number;
  readonly next: number;
  /** The name of the stream that it came from. */
  readonly stream?: string;
}

/** Bytes that are no reply. */
export interface ScannedFault {
  readonly fault: NdiFault;
  readonly at: number;
  readonly next: number;
  readonly message: string;
}

const CR = 0x0d;
const LF = 0x0a;
/** In a file without CR the end of a text is looked for over so many bytes. */
const LONGEST_TEXT = 65_536;
const MAGIC_SHORT = 0xa5c4;
const MAGIC_LONG = 0xa5c8;
const MAGIC_STREAM = 0xb5d4;
const HEADER = 6;
/** A damaged reply may be so many bytes too long or too short, and the one behind it is still looked for. */
const MOST_SHIFTED = 8;
/** The last bytes of noise that may look like text: each is one more chance for a checksum to fit by accident. */
const MOST_TEXT_IN_NOISE = 2;
const latin1 = new TextDecoder('latin1');

/** Printable ASCII, and the LF within replies. */
const isText = (byte: number): boolean => (byte >= 0x20 && byte <= 0x7e) || byte === 0x0a;

/**
 * Reads replies from bytes that are all there, as from a file. Unlike the framer of a live line it can look ahead: one
 * damaged reply is one fault, and what stands behind it is read.
 *
 * The work is bounded: checksums over bodies that turn out damaged may cost 16 times the file's length in all, and
 * beyond that damaged bodies are skipped whole.
 */
export class ReplyScanner {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** What ends text: CR, but LF in a file that was saved with LF for every CR. */
  readonly #ending: number;
  #allowance: number;

  constructor(bytes: Uint8Array, ending: typeof CR | typeof LF = CR) {
    this.#ending = ending;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#allowance = 16 * bytes.length + 1_000_000;
  }

  /** The reply that begins at `at`, or why there is none. Always moves on: `next` is greater than `at`. */
  read(at: number, end: number): ScannedReply | ScannedFault {
    const magic = at + 2 <= end ? this.#view.getUint16(at, true) : 0;
    if (magic === MAGIC_SHORT) return this.#readShort(at, end);
    if (magic === MAGIC_LONG) return this.#readLong(at, end);
    if (magic === MAGIC_STREAM) return this.#readStream(at, end);
    return this.#readText(at, end);
  }

  #readShort(at: number, end: number): ScannedReply | ScannedFault {
    if (at + HEADER > end) return { fault: 'codec/malformed', at, next: end, message: 'A binary reply stops in its header.' };
    const wanted = crc16(this.#bytes, at, at + 4);
    const stated = this.#view.getUint16(at + 4, true);
    if (wanted !== stated) {
      const next = this.#behindBody(at, end) ?? this.resume(at + 1, end);
      return { fault: 'codec/bad-crc', at, next, message: `The header of a binary reply carries ${crcs(stated, wanted)}.` };
    }
    const start = at + HEADER;
    const stop = start + this.#view.getUint16(at + 2, true);
    if (stop + 2 > end) {
      const message = `A binary reply of ${stop - start} bytes stops after ${end - start}.`;
      return { fault: 'codec/malformed', at, next: this.resume(at + 1, end), message };
    }
    const crc = this.#view.getUint16(stop, true);
    const right = crc16(this.#bytes, start, stop);
    if (crc === right) return { kind: 'binary', at, start, end: stop, next: stop + 2 };
    const next = this.#behindDamaged(at, start, stop + 2, end);
    return { fault: 'codec/bad-crc', at, next, message: `The body of a binary reply carries ${crcs(crc, right)}.` };
  }

  /** Behind a body that its own checksum confirms, although its header is damaged: only the header's checksum was. */
  #behindBody(at: number, end: number): number | undefined {
    const start = at + HEADER;
    const stop = start + this.#view.getUint16(at + 2, true);
    if (stop + 2 > end || this.#allowance < 0) return undefined;
    this.#allowance -= stop - start;
    return crc16(this.#bytes, start, stop) === this.#view.getUint16(stop, true) ? stop + 2 : undefined;
  }

  /** Where to go on behind a damaged body: at its end, or where a reply begins near it, as when bytes were lost. */
  #behindDamaged(at: number, start: number, stop: number, end: number): number {
    this.#allowance -= stop - start;
    if (this.#allowance < 0 || stop === end) return stop;
    for (let k = 0; k <= MOST_SHIFTED; k += 1) {
      if (stop - k > start && this.#begins(stop - k, end)) return stop - k;
      if (stop + k < end && this.#begins(stop + k, end)) return stop + k;
    }
    return this.resume(at + 1, end);
  }

  /** No checksum guards a long reply: its length is believed where the bytes are there. */
  #readLong(at: number, end: number): ScannedReply | ScannedFault {
    const length = at + HEADER <= end ? this.#view.getUint32(at + 2, true) : 0;
    const stop = at + HEADER + length;
    if (at + HEADER <= end && stop <= end) return { kind: 'long', at, start: at + HEADER, end: stop, next: stop };
    const message = `A long binary reply of ${length} bytes stops after ${Math.max(0, end - at - HEADER)}.`;
    return { fault: 'codec/malformed', at, next: this.resume(at + 1, end), message };
  }

  #readStream(at: number, end: number): ScannedReply | ScannedFault {
    const length = this.#streamName(at, end);
    if (length < 0) {
      const message = 'The header of a stream reply is damaged.';
      return { fault: 'codec/bad-crc', at, next: this.resume(at + 1, end), message };
    }
    const inner = at + HEADER + length;
    const magic = inner + 2 <= end ? this.#view.getUint16(inner, true) : 0;
    if (inner >= end || magic === MAGIC_STREAM) {
      return { fault: 'codec/malformed', at, next: Math.min(inner, end), message: 'No reply stands behind a stream header.' };
    }
    const reply = this.read(inner, end);
    const stream = latin1.decode(this.#bytes.subarray(at + 4, at + 4 + length));
    return 'fault' in reply ? { ...reply, at } : { ...reply, at, stream };
  }

  /** Length of the name in a whole stream header, or −1. */
  #streamName(at: number, end: number): number {
    const length = at + 4 <= end ? this.#view.getUint16(at + 2, true) : 0;
    if (at + HEADER + length > end || length > 64) return -1;
    return crc16(this.#bytes, at, at + 4 + length) === this.#view.getUint16(at + 4 + length, true) ? length : -1;
  }

  #readText(at: number, end: number): ScannedReply | ScannedFault {
    const cr = this.#textEnd(at, end);
    if (cr >= end || this.#bytes[cr] !== this.#ending) {
      const what = cr < end ? 'are no reply' : 'end without CR: a reply stops, or it is none';
      return { fault: 'codec/malformed', at, next: cr, message: `${cr - at} bytes ${what}.` };
    }
    const stop = cr - 4;
    const stated = stop < at ? -1 : hexAt(this.#bytes, stop, 4, cr);
    if (stated < 0) {
      const next = this.#withinText(at, cr);
      return { fault: 'codec/malformed', at, next, message: `A line of ${cr - at} bytes does not end with a CRC.` };
    }
    const wanted = crc16(this.#bytes, at, stop);
    if (stated !== wanted) {
      const next = this.#withinText(at, cr);
      return { fault: 'codec/bad-crc', at, next, message: `A reply of ${cr - at} characters carries ${crcs(stated, wanted)}.` };
    }
    return { kind: 'text', at, start: at, end: stop, next: cr + 1 };
  }

  /**
   * Where a whole reply begins within damaged text that ends with CR at `cr`; behind the CR where none does. Either
   * noise stands before it, bytes that are no text, or a whole reply that lost its CR. Its own checksum confirms it.
   */
  #withinText(at: number, cr: number): number {
    let noise = cr - 1;
    while (noise >= at && isText(this.#bytes[noise] as number)) noise -= 1;
    if (noise >= at) {
      // The last bytes of noise may look like text.
      for (let from = noise + 1; from <= noise + 1 + MOST_TEXT_IN_NOISE; from += 1) if (this.#isReply(from, cr)) return from;
    }
    return this.#behindLostCr(at, cr);
  }

  /** Behind a reply whose CR was lost, or became another byte, and before the whole reply that follows it. */
  #behindLostCr(at: number, cr: number): number {
    let crc = 0;
    let tries = MOST_SHIFTED;
    for (let i = at; i + 4 < cr && tries > 0; i += 1) {
      if (crc === hexAt(this.#bytes, i, 4, cr)) {
        for (const from of [i + 4, i + 5]) if (this.#isReply(from, cr)) return from;
        tries -= 1;
      }
      crc = crc16Step(crc, this.#bytes[i] as number);
    }
    return cr + 1;
  }

  /** Whether a whole text reply that says something stands from `from` to the CR at `cr`. */
  #isReply(from: number, cr: number): boolean {
    return cr - 4 > from && hexAt(this.#bytes, cr - 4, 4, cr) === crc16(this.#bytes, from, cr - 4);
  }

  /** The CR that ends the text at `at`, or where something else begins, or the end. */
  #textEnd(at: number, end: number): number {
    if (this.#ending === LF) return this.#lineEnd(at, end);
    for (let i = at; i < end; i += 1) {
      const byte = this.#bytes[i] as number;
      if (byte === CR || (i > at && byte > 0x7e && this.#beginsBinary(i, end))) return i;
    }
    return end;
  }

  /** Text of several lines ends with the first LF before which its CRC stands; where there is none, its first line does. */
  #lineEnd(at: number, end: number): number {
    const stop = Math.min(end, at + LONGEST_TEXT);
    let first = -1;
    let crc = 0;
    for (let i = at; i < stop; i += 1) {
      const byte = this.#bytes[i] as number;
      if (i > at && byte > 0x7e && this.#beginsBinary(i, end)) return first < 0 ? i : first;
      if (i - at > 4) crc = crc16Step(crc, this.#bytes[i - 5] as number);
      if (byte !== LF) continue;
      if (i - at > 4 && crc === hexAt(this.#bytes, i - 4, 4, i)) return i;
      if (first < 0) first = i;
      if (this.#allowance < 0) return first;
    }
    this.#allowance -= stop - at;
    return first < 0 ? end : first;
  }

  /** Where to go on after damage: behind the next CR, or at a reply or a header that its own checksum confirms. */
  resume(from: number, end: number): number {
    if (from >= end) return end;
    if (this.#beginsBinary(from, end)) return from;
    const at = this.#textEnd(from, end);
    return at < end && this.#bytes[at] === this.#ending ? this.#withinText(from, at) : at;
  }

  /** Whether the header of a short or stream reply stands here, with its CRC. */
  #beginsBinary(at: number, end: number): boolean {
    if (at + HEADER > end) return false;
    const magic = this.#view.getUint16(at, true);
    if (magic === MAGIC_SHORT) return crc16(this.#bytes, at, at + 4) === this.#view.getUint16(at + 4, true);
    return magic === MAGIC_STREAM && this.#streamName(at, end) >= 0;
  }

  #begins(at: number, end: number): boolean {
    if (this.#beginsBinary(at, end)) return true;
    const cr = this.#textEnd(at, Math.min(end, at + 4096));
    return cr < end && this.#bytes[cr] === this.#ending && this.#isReply(at, cr);
  }
}

const crcs = (stated: number, wanted: number): string => `CRC ${hex(stated, 4)} where ${hex(wanted, 4)} is right`;
