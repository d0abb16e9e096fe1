import { crc16, hex } from './crc16.js';
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
const MAGIC_SHORT = 0xa5c4;
const MAGIC_LONG = 0xa5c8;
const MAGIC_STREAM = 0xb5d4;
const HEADER = 6;
const latin1 = new TextDecoder('latin1');

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
  #allowance: number;

  constructor(bytes: Uint8Array) {
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
      const next = this.resume(at + 1, end);
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
    this.#allowance -= stop - start;
    const whole = this.#allowance < 0 || stop + 2 === end || this.#begins(stop + 2, end);
    const next = whole ? stop + 2 : this.resume(at + 1, end);
    return { fault: 'codec/bad-crc', at, next, message: `The body of a binary reply carries ${crcs(crc, right)}.` };
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
    if (cr >= end || this.#bytes[cr] !== CR) {
      const what = cr < end ? 'are no reply' : 'end without CR: a reply stops, or it is none';
      return { fault: 'codec/malformed', at, next: cr, message: `${cr - at} bytes ${what}.` };
    }
    const stop = cr - 4;
    const stated = stop < at ? -1 : hexAt(this.#bytes, stop, 4, cr);
    const next = cr + 1;
    if (stated < 0) {
      return { fault: 'codec/malformed', at, next, message: `A line of ${cr - at} bytes does not end with a CRC.` };
    }
    const wanted = crc16(this.#bytes, at, stop);
    if (stated !== wanted) {
      return { fault: 'codec/bad-crc', at, next, message: `A reply of ${cr - at} characters carries ${crcs(stated, wanted)}.` };
    }
    return { kind: 'text', at, start: at, end: stop, next };
  }

  /** The CR that ends the text at `at`, or where something else begins, or the end. */
  #textEnd(at: number, end: number): number {
    for (let i = at; i < end; i += 1) {
      const byte = this.#bytes[i] as number;
      if (byte === CR || (i > at && byte > 0x7e && this.#beginsBinary(i, end))) return i;
    }
    return end;
  }

  /** Where to go on after damage: behind the next CR, or at a header that its own checksum confirms. */
  resume(from: number, end: number): number {
    if (from >= end) return end;
    if (this.#beginsBinary(from, end)) return from;
    const at = this.#textEnd(from, end);
    return at < end && this.#bytes[at] === CR ? at + 1 : at;
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
    if (cr - at < 4 || this.#bytes[cr] !== CR || cr >= end) return false;
    return hexAt(this.#bytes, cr - 4, 4, cr) === crc16(this.#bytes, at, cr - 4);
  }
}

const crcs = (stated: number, wanted: number): string => `CRC ${hex(stated, 4)} where ${hex(wanted, 4)} is right`;
