import { NavError } from '@trocar/core';
import { decodeAs, decodeText, textEnd } from './text.js';

/**
 * Reads the content of one message from its beginning to its end, big-endian, and never beyond it.
 *
 * Every method throws NavError `igtl/wrong-size` where fewer bytes are left than it needs.
 */
export class ContentReader {
  /** The message's type, for what is said of errors. */
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  /** Where the next byte is read. */
  at: number;
  readonly #borrow: boolean;
  readonly #size: number;

  /** @param borrow whether {@link take} may give views of `bytes` instead of copies */
  constructor(type: string, bytes: Uint8Array, view: DataView, start: number, end: number, borrow: boolean) {
    this.type = type;
    this.bytes = bytes;
    this.view = view;
    this.at = start;
    this.end = end;
    this.#borrow = borrow;
    this.#size = end - start;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** A reader of the next `size` bytes, which are taken from this one. */
  part(type: string, size: number): ContentReader {
    const at = this.skip(size);
    return new ContentReader(type, this.bytes, this.view, at, at + size, this.#borrow);
  }

  /** Moves on by `n` bytes and returns where they began. */
  skip(n: number): number {
    const at = this.at;
    if (n > this.end - at) {
      throw this.wrongSize(`at least ${n - (this.end - at)} more`);
    }
    this.at = at + n;
    return at;
  }

  u8(): number {
    return this.view.getUint8(this.skip(1));
  }

  u16(): number {
    return this.view.getUint16(this.skip(2));
  }

  u32(): number {
    return this.view.getUint32(this.skip(4));
  }

  i16(): number {
    return this.view.getInt16(this.skip(2));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.skip(8));
  }

  i64(): bigint {
    return this.view.getBigInt64(this.skip(8));
  }

  f64(): number {
    return this.view.getFloat64(this.skip(8));
  }

  f32(): number {
    return this.view.getFloat32(this.skip(4));
  }

  /** `n` single-precision numbers as doubles. */
  f32s(n: number): Float64Array {
    const at = this.skip(4 * n);
    const out = new Float64Array(n);
    for (let i = 0; i < n; i += 1) out[i] = this.view.getFloat32(at + 4 * i);
    return out;
  }

  u32s(n: number): Uint32Array {
    const at = this.skip(4 * n);
    const out = new Uint32Array(n);
    for (let i = 0; i < n; i += 1) out[i] = this.view.getUint32(at + 4 * i);
    return out;
  }

  size3(): readonly [number, number, number] {
    return [this.u16(), this.u16(), this.u16()];
  }

  rgba(): readonly [number, number, number, number] {
    return [this.u8(), this.u8(), this.u8(), this.u8()];
  }

  /** A byte that means nothing, as a field to spread: kept where it is not 0, so that a message can be written again as it came. */
  reserved(): { readonly reserved?: number } {
    const reserved = this.u8();
    return reserved === 0 ? {} : { reserved };
  }

  /** Text in a field of fixed width, up to its first NUL. */
  name(width: number): string {
    const at = this.skip(width);
    return decodeText(this.bytes, at, textEnd(this.bytes, at, at + width));
  }

  /** `n` bytes of text under a declared encoding. */
  text(encoding: number, n: number): string {
    const at = this.skip(n);
    return decodeAs(encoding, this.bytes, at, at + n);
  }

  /** Text up to a NUL, which must come. */
  terminated(): string {
    const at = this.at;
    const stop = textEnd(this.bytes, at, this.end);
    this.skip(stop - at + 1);
    return decodeText(this.bytes, at, stop);
  }

  /** `n` bytes: a copy, unless this reader lends. */
  take(n: number): Uint8Array {
    const at = this.skip(n);
    return this.#borrow ? this.bytes.subarray(at, at + n) : this.bytes.slice(at, at + n);
  }

  /**
   * How many elements of `width` bytes the rest holds.
   * @throws NavError `igtl/wrong-size` where it is no whole number of them
   */
  elements(width: number): number {
    if (this.left % width !== 0) throw this.wrongSize(`a multiple of ${width}`);
    return this.left / width;
  }

  /** @throws NavError `igtl/wrong-size` where bytes are left over */
  finish(): void {
    if (this.at !== this.end) throw this.wrongSize(`${this.left} less`);
  }

  /** Content of a size that its type does not have, as an error to throw. */
  wrongSize(wanted: string): NavError<'igtl/wrong-size'> {
    return new NavError('igtl/wrong-size', `${this.type} content of ${this.#size} bytes: it should be ${wanted}.`, {
      detail: { type: this.type, size: this.#size },
    });
  }

  /** A value that the protocol does not know, as an error to throw. */
  badValue(what: string, value: unknown): NavError<'igtl/bad-value'> {
    return new NavError('igtl/bad-value', `${this.#message()} has ${what} ${String(value)}, which does not exist.`, {
      detail: { type: this.type, what, value: String(value) },
    });
  }

  #message(): string {
    return `${/^[AEIOU]/.test(this.type) ? 'An' : 'A'} ${this.type} message`;
  }

  /** Sizes that contradict each other, as an error to throw. */
  mismatch(what: string, wanted: number, got: number): NavError<'igtl/size-mismatch'> {
    return new NavError('igtl/size-mismatch', `${this.#message()} should have ${wanted} ${what} but has ${got}.`, {
      detail: { type: this.type, wanted, got },
    });
  }
}
