import { NavError, type NavErrorCode } from '@trocar/core';
import { finiteOrNull } from '../decoded.js';
import type { FrameLayout } from './version.js';

/** Metres of the protocol to millimetres of this library: the one place where that is done. */
const MM_PER_M = 1000;
/** Names of the protocol have at most 256 bytes, the zero among them. */
const LONGEST_TEXT = 256;

const utf8 = new TextDecoder();

/**
 * Reads little-endian fields from one packet, never beyond its end. Reused; numbers that may be large or fractional go
 * into cells of the caller's, so that reading a pose allocates nothing.
 */
export class Reader {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  end = 0;
  #sectionEnd = 0;
  readonly #copies: boolean;

  /** @param room bytes of an own memory that packets are copied to: a view of each packet would be an allocation */
  constructor(room = 0) {
    this.#copies = room > 0;
    if (!this.#copies) return;
    this.bytes = new Uint8Array(room);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Looks at the bytes from `from` to `end` of a packet, which has room in the own memory where there is one. */
  use(packet: Uint8Array, from: number, end: number): void {
    this.at = from;
    this.end = end;
    if (this.#copies) {
      this.bytes.set(packet);
      return;
    }
    this.bytes = packet;
    this.view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  }

  get left(): number {
    return this.end - this.at;
  }

  /** @throws NavError with the byte in the packet */
  refuse(code: NavErrorCode, what: string): never {
    throw new NavError(code, `NatNet packet, byte ${this.at} of ${this.end}: ${what}.`, { detail: { byte: this.at } });
  }

  /** Makes sure that so many bytes follow. @throws NavError `natnet/truncated` */
  need(size: number): void {
    if (size > this.end - this.at) this.refuse('natnet/truncated', `${size} bytes are needed and ${this.left} follow`);
  }

  /** @throws NavError `natnet/truncated` */
  skip(size: number): void {
    this.need(size);
    this.at += size;
  }

  /** @throws NavError `natnet/truncated` */
  u8(): number {
    this.need(1);
    const value = this.view.getUint8(this.at);
    this.at += 1;
    return value;
  }

  /** @throws NavError `natnet/truncated` */
  u16(): number {
    this.need(2);
    const value = this.view.getUint16(this.at, true);
    this.at += 2;
    return value;
  }

  /** @throws NavError `natnet/truncated` */
  i32(): number {
    this.need(4);
    const value = this.view.getInt32(this.at, true);
    this.at += 4;
    return value;
  }

  /**
   * How many elements follow, each of at least `least` bytes.
   * @throws NavError `natnet/truncated`; `natnet/bad-count` for one that cannot be in what follows
   */
  count(least: number): number {
    const n = this.i32();
    if (n < 0 || n * least > this.left) {
      this.at -= 4;
      this.refuse('natnet/bad-count', `${n} elements of at least ${least} bytes cannot follow`);
    }
    return n;
  }

  /** `n` floats into `out`, times `scale`. @throws NavError `natnet/truncated` */
  floats(out: Float64Array, index: number, n: number, scale: number): void {
    this.need(4 * n);
    for (let k = 0; k < n; k += 1) out[index + k] = this.view.getFloat32(this.at + 4 * k, true) * scale;
    this.at += 4 * n;
  }

  /** `n` floats of metres into `out`, in mm. @throws NavError `natnet/truncated` */
  millimetres(out: Float64Array, index: number, n: number): void {
    this.floats(out, index, n, MM_PER_M);
  }

  /** A double into `out[index]`. @throws NavError `natnet/truncated` */
  f64(out: Float64Array, index: number): void {
    this.need(8);
    out[index] = this.view.getFloat64(this.at, true);
    this.at += 8;
  }

  /** A count of clock ticks into `out[index]`: exact up to 2⁵³, NaN beyond. @throws NavError `natnet/truncated` */
  ticks(out: Float64Array, index: number): void {
    this.need(8);
    const high = this.view.getUint32(this.at + 4, true);
    out[index] = high < 0x20_0000 ? high * 2 ** 32 + this.view.getUint32(this.at, true) : Number.NaN;
    this.at += 8;
  }

  /** An unsigned 64-bit number as text, every digit kept. @throws NavError `natnet/truncated` */
  u64Text(): string {
    this.need(8);
    const value = this.view.getBigUint64(this.at, true);
    this.at += 8;
    return value.toString();
  }

  /** Passes a text and its zero. @throws NavError `natnet/truncated`, `natnet/bad-value` where it is longer than 256 bytes */
  skipText(): void {
    const zero = this.bytes.indexOf(0, this.at);
    const length = zero < 0 || zero >= this.end ? this.left : zero - this.at;
    if (length >= LONGEST_TEXT) this.refuse('natnet/bad-value', 'a name of more than 256 bytes');
    if (length === this.left) this.refuse('natnet/truncated', 'a name does not end');
    this.at += length + 1;
  }

  /** A text that a zero ends. @throws NavError as {@link skipText} */
  text(): string {
    const from = this.at;
    this.skipText();
    return utf8.decode(this.bytes.subarray(from, this.at - 1));
  }

  /** A field of fixed size with a text in it; what stands behind its zero is left-over memory of the sender. */
  fixedText(size: number): string {
    this.need(size);
    const field = this.bytes.subarray(this.at, this.at + size);
    this.at += size;
    const zero = field.indexOf(0);
    if (zero < 0) this.refuse('natnet/bad-value', 'a name fills its field and does not end');
    return utf8.decode(field.subarray(0, zero));
  }

  /** Three floats of metres as mm, for facts. @throws NavError `natnet/truncated` */
  pointMm(): Array<number | null> {
    return this.floatList(3, MM_PER_M);
  }

  /** `n` points. @throws NavError `natnet/truncated` */
  pointsMm(n: number): Array<Array<number | null>> {
    return Array.from({ length: n }, () => this.pointMm());
  }

  /** `n` floats times `scale`; null for those that are no numbers. @throws NavError `natnet/truncated` */
  floatList(n: number, scale = 1): Array<number | null> {
    this.need(4 * n);
    return Array.from({ length: n }, () => {
      const value = this.view.getFloat32(this.at, true) * scale;
      this.at += 4;
      return finiteOrNull(value);
    });
  }

  /**
   * Begins a section of a frame and returns how many elements it has. From 4.1 it also says its size.
   * @throws NavError `natnet/truncated`, `natnet/bad-count`, `natnet/size-mismatch`
   */
  beginSection(layout: FrameLayout, least: number): number {
    const n = this.count(layout.sized ? 0 : least);
    this.#sectionEnd = -1;
    if (!layout.sized) return n;
    const size = this.i32();
    if (size < 0 || size > this.left) this.refuse('natnet/size-mismatch', `a section of ${size} bytes, and ${this.left} follow`);
    if (n * least > size) this.refuse('natnet/bad-count', `${n} elements of at least ${least} bytes in a section of ${size}`);
    this.#sectionEnd = this.at + size;
    return n;
  }

  /** Bytes of the section that are not read yet; only where sections have sizes. */
  get sectionLeft(): number {
    return this.#sectionEnd - this.at;
  }

  /** Ends it: exactly where it said, or, for versions later than the newest known, there at the latest. @throws NavError `natnet/size-mismatch` */
  endSection(layout: FrameLayout): void {
    if (this.#sectionEnd < 0) return;
    const exact = layout.version <= 0x401;
    if (this.at > this.#sectionEnd || (exact && this.at !== this.#sectionEnd)) {
      this.refuse('natnet/size-mismatch', `a section that should end at byte ${this.#sectionEnd}`);
    }
    this.at = this.#sectionEnd;
  }
}
