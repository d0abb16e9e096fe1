import { NavError, type NavErrorCode } from '@trocar/core';
import { crc64 } from './crc64.js';
import { HEADER, HEADER_SIZE, IgtlFrame, isType, layOut, typeAt } from './frame.js';

/** Something in the stream that was no message. Told once each, never thrown. */
export interface IgtlFault {
  readonly code: NavErrorCode;
  readonly message: string;
  /** Where the header of the refused message began, in bytes since the connection began. */
  readonly offset: number;
  /** How many bytes were given up for it. */
  readonly skipped: number;
  /** The stream cannot be followed any further: nothing more comes out until {@link IgtlFramer.reset}. Reconnect. */
  readonly fatal: boolean;
}

/** Who gets messages and faults. Both are called from inside {@link IgtlFramer.feed}. */
export interface IgtlHandler {
  /** @param frame reused, and a window into bytes that will be overwritten: copy what is to be kept */
  message(frame: IgtlFrame): void;
  fault(fault: IgtlFault): void;
}

/** How a framer guards itself. */
export interface IgtlFramerOptions {
  /** A longer body is refused, and ends the stream. Default 128 MiB: a CT of 512 × 512 × 256. */
  readonly maxBodyBytes?: number;
}

/** As {@link IgtlFramerOptions.maxBodyBytes}. */
export const DEFAULT_MAX_BODY: number = 128 * 2 ** 20;
/** A buffer larger than this is let go once its message has been handed on. */
const KEPT_BUFFER = 8 * 2 ** 20;
/** So many bytes are copied one by one. */
const FEW = 1024;

/**
 * Cuts a byte stream into OpenIGTLink messages, header versions 1 and 2.
 *
 * However the bytes are chunked, the messages are the same. A message that lies whole in one chunk is read where it
 * is; only one that is split is copied, into a buffer that grows with the bytes that have come and never with the
 * size that a header claims. A wrong CRC and a body whose parts do not add up are told and skipped by the body's
 * size. There is no mark to start again from, so a header that cannot be one ends the stream.
 */
export class IgtlFramer {
  readonly maxBodyBytes: number;
  readonly #handler: IgtlHandler;
  readonly #frame = new IgtlFrame();
  readonly #crc: Int32Array = new Int32Array(2);
  /** The split message so far. */
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #view: DataView = new DataView(this.#bytes.buffer);
  #held = 0;
  /** How many bytes the split message needs before it can be looked at again. */
  #need: number = HEADER_SIZE;
  /** The type of the message that was measured last. */
  #type = '';
  /** Where the next header begins in the stream. */
  #offset = 0;
  #failed = false;
  /** All of the memory that the last chunk was a part of: sockets read into the same again and again. */
  #memory: Uint8Array = new Uint8Array(0);
  #memoryView: DataView = new DataView(this.#memory.buffer);
  #chunk: Uint8Array = this.#memory;
  #base = 0;
  /** The first thing a handler threw, told once the bytes are in order again. */
  #thrown: { error: unknown } | undefined = undefined;

  /** @throws NavError `codec/oversize` where the cap is no whole number of bytes */
  constructor(handler: IgtlHandler, options: IgtlFramerOptions = {}) {
    const cap = options.maxBodyBytes ?? DEFAULT_MAX_BODY;
    if (!(Number.isInteger(cap) && cap >= 0 && cap <= 2 ** 31)) {
      throw new NavError('codec/oversize', `maxBodyBytes must be a whole number from 0 to 2³¹, got ${cap}.`);
    }
    this.#handler = handler;
    this.maxBodyBytes = cap;
  }

  /** How many bytes wait for the rest of their message. */
  get buffered(): number {
    return this.#held;
  }

  /** Whether the stream ended in a header that could be none. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Begins anew, for a new connection. */
  reset(): void {
    this.#held = 0;
    this.#need = HEADER_SIZE;
    this.#offset = 0;
    this.#failed = false;
  }

  /**
   * Takes the next bytes, in chunks of any size, and calls the handler for each message that is complete. The bytes
   * may be reused once it returns. What a handler throws is thrown on once the chunk has been taken.
   */
  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#failed) at = this.#held > 0 ? this.#fill(chunk, at) : this.#takeFrom(chunk, at);
    if (this.#thrown === undefined) return;
    const { error } = this.#thrown;
    this.#thrown = undefined;
    throw error;
  }

  /** The connection ended: a message that was cut short is told. */
  end(): void {
    if (this.#failed || this.#held === 0) return;
    const [code, wanted]: [NavErrorCode, string] =
      this.#need === HEADER_SIZE
        ? ['igtl/truncated-header', `${HEADER_SIZE} of a header`]
        : ['igtl/truncated-body', `${this.#need} of its message`];
    this.#fail(code, `The stream ended after ${this.#held} bytes where there should be ${wanted}.`, this.#held);
  }

  /** Messages that lie whole in the chunk; what is left is kept. Returns how far the chunk has been taken. */
  #takeFrom(chunk: Uint8Array, from: number): number {
    if (this.#chunk !== chunk) this.#look(chunk);
    const base = this.#base;
    let at = from;
    while (chunk.length - at >= HEADER_SIZE) {
      const total = this.#measure(this.#memory, this.#memoryView, base + at);
      if (total < 0) return chunk.length;
      if (chunk.length - at < total) {
        this.#need = total;
        return this.#fill(chunk, at);
      }
      this.#deliver(this.#memory, this.#memoryView, base + at, total);
      at += total;
    }
    return at < chunk.length ? this.#fill(chunk, at) : at;
  }

  /** Takes a new chunk's memory in sight, most often the last one's: `buffer` is slow to ask for. */
  #look(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#base = chunk.byteOffset;
    if (this.#memory.buffer === chunk.buffer) return;
    this.#memory = new Uint8Array(chunk.buffer);
    this.#memoryView = new DataView(chunk.buffer);
  }

  /** Copies what the split message still needs, and hands it on when it is whole. */
  #fill(chunk: Uint8Array, from: number): number {
    const n = Math.min(this.#need - this.#held, chunk.length - from);
    this.#reserve(this.#held + n);
    this.#copy(chunk, from, n);
    this.#held += n;
    if (this.#held === HEADER_SIZE && this.#need === HEADER_SIZE) {
      const total = this.#measure(this.#bytes, this.#view, 0);
      if (total < 0) return chunk.length;
      this.#need = total;
    }
    if (this.#held === this.#need) {
      const total = this.#need;
      this.#held = 0;
      this.#need = HEADER_SIZE;
      this.#deliver(this.#bytes, this.#view, 0, total);
      if (this.#bytes.length > KEPT_BUFFER) this.#replaceBuffer(1024);
    }
    return from + n;
  }

  #copy(chunk: Uint8Array, from: number, n: number): void {
    if (n > FEW) {
      this.#bytes.set(chunk.subarray(from, from + n), this.#held);
      return;
    }
    // Without the small object that subarray makes.
    for (let i = 0; i < n; i += 1) this.#bytes[this.#held + i] = chunk[from + i] as number;
  }

  #reserve(wanted: number): void {
    if (wanted <= this.#bytes.length) return;
    const old = this.#bytes;
    this.#replaceBuffer(Math.min(Math.max(wanted, 2 * old.length), Math.max(this.#need, wanted)));
    this.#bytes.set(old.subarray(0, this.#held));
  }

  #replaceBuffer(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The length of the message whose header is at `at`, or −1 where that is no header. */
  #measure(bytes: Uint8Array, view: DataView, at: number): number {
    const version = view.getUint16(at);
    const high = view.getUint32(at + HEADER.size);
    const size = high * 2 ** 32 + view.getUint32(at + HEADER.size + 4);
    if (version !== 1 && version !== 2) return this.#fail('igtl/bad-version', `Header version ${version}: only 1 and 2 exist.`);
    const type = typeAt(bytes, view, at + HEADER.type);
    if (type !== this.#type && !isType(type)) {
      return this.#fail('igtl/bad-header', 'The type in a header is not printable text.');
    }
    if (high >= 2 ** 21) return this.#fail('igtl/impossible-size', 'A header claims a body of more than 2⁵³ bytes.');
    if (size > this.maxBodyBytes) {
      return this.#fail('codec/oversize', `A header claims a body of ${size} bytes; at most ${this.maxBodyBytes} are taken.`);
    }
    if (type !== this.#type) this.#type = type;
    return HEADER_SIZE + size;
  }

  #fail(code: NavErrorCode, message: string, skipped = HEADER_SIZE): -1 {
    this.#failed = true;
    this.#held = 0;
    this.#tell(code, `${message} Nothing behind byte ${this.#offset} can be read; connect again.`, skipped, true);
    return -1;
  }

  #deliver(bytes: Uint8Array, view: DataView, start: number, total: number): void {
    const offset = this.#offset;
    const frame = this.#frame;
    if (frame.view !== view) {
      frame.bytes = bytes;
      frame.view = view;
    }
    frame.start = start;
    frame.end = start + total;
    frame.offset = offset;
    if (frame.type !== this.#type) frame.type = this.#type;
    frame.headerVersion = view.getUint16(start) === 1 ? 1 : 2;
    const crc = this.#crc;
    crc[0] = crc[1] = 0;
    crc64(crc, view, start + HEADER_SIZE, start + total);
    if (crc[0] !== view.getInt32(start + HEADER.crc) || crc[1] !== view.getInt32(start + HEADER.crc + 4)) {
      this.#tell('codec/bad-crc', `The CRC of the message at byte ${offset} does not fit its body.`, total, false);
    } else {
      this.#handOn(frame, total);
    }
    this.#offset = offset + total;
  }

  #handOn(frame: IgtlFrame, total: number): void {
    const wrong = layOut(frame);
    if (wrong !== undefined) {
      const what = wrong === 'igtl/bad-metadata' ? 'metadata' : 'extended header';
      this.#tell(wrong, `The sizes in the ${what} of the message at byte ${frame.offset} do not add up.`, total, false);
      return;
    }
    try {
      this.#handler.message(frame);
    } catch (error) {
      this.#thrown ??= { error };
    }
  }

  #tell(code: NavErrorCode, message: string, skipped: number, fatal: boolean): void {
    try {
      this.#handler.fault({ code, message, offset: this.#offset, skipped, fatal });
    } catch (error) {
      this.#thrown ??= { error };
    }
  }
}
