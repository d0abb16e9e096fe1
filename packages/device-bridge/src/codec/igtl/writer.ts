import { NavError } from '@trocar/core';
import { encodeAs, encodeText } from './text.js';

/**
 * Storage that messages are written into, again and again: it grows to the largest and stays.
 *
 * Every method that takes a number or a text throws NavError `igtl/does-not-fit` where the field cannot hold it.
 */
export class IgtlStorage {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  /** Where the next byte is written. */
  at = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Room for `n` more bytes, which hold what was written last time; returns where they begin. */
  skip(n: number): number {
    const at = this.at;
    const end = at + n;
    if (end > this.bytes.length) this.#grow(end);
    this.at = end;
    return at;
  }

  #grow(wanted: number): void {
    const larger = new Uint8Array(Math.max(wanted, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  u8(value: number): void {
    this.#check(value, 0, 0xff);
    const at = this.skip(1);
    this.view.setUint8(at, value);
  }

  u16(value: number): void {
    this.#check(value, 0, 0xffff);
    const at = this.skip(2);
    this.view.setUint16(at, value);
  }

  u32(value: number): void {
    this.#check(value, 0, 0xffff_ffff);
    const at = this.skip(4);
    this.view.setUint32(at, value);
  }

  i16(value: number): void {
    this.#check(value, -0x8000, 0x7fff);
    const at = this.skip(2);
    this.view.setInt16(at, value);
  }

  u64(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) throw doesNotFit(`${value} does not fit 64 bits.`);
    const at = this.skip(8);
    this.view.setBigUint64(at, value);
  }

  i64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw doesNotFit(`${value} does not fit 64 bits.`);
    const at = this.skip(8);
    this.view.setBigInt64(at, value);
  }

  f32(value: number): void {
    const at = this.skip(4);
    this.view.setFloat32(at, value);
  }

  f64(value: number): void {
    const at = this.skip(8);
    this.view.setFloat64(at, value);
  }

  f32s(values: ArrayLike<number>, n: number): void {
    requireLength(values, n);
    const at = this.skip(4 * n);
    for (let i = 0; i < n; i += 1) this.view.setFloat32(at + 4 * i, values[i] as number);
  }

  u32s(values: ArrayLike<number>): void {
    const at = this.skip(4 * values.length);
    for (let i = 0; i < values.length; i += 1) this.view.setUint32(at + 4 * i, values[i] as number);
  }

  /** Three sizes, or four colour parts: each with `put`. */
  size3(size: readonly [number, number, number]): void {
    for (const n of size) this.u16(n);
  }

  rgba(colour: readonly [number, number, number, number]): void {
    for (const part of colour) this.u8(part);
  }

  put(bytes: Uint8Array): void {
    const at = this.skip(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** Text in a field of fixed width, NUL-padded. Never cut short: a cut name is another name. */
  name(text: string, width: number): void {
    const bytes = encodeText(text);
    if (bytes.length > width || bytes.includes(0)) {
      throw doesNotFit(`"${text}" does not fit a name of ${width} bytes without NUL.`, { text, width });
    }
    const at = this.skip(width);
    this.bytes.fill(0, at, at + width);
    this.bytes.set(bytes, at);
  }

  /** Text and a NUL. */
  terminated(text: string): void {
    const bytes = encodeText(text);
    if (bytes.includes(0)) throw doesNotFit(`"${text}" holds a NUL, which would end it.`);
    this.put(bytes);
    this.u8(0);
  }

  #check(value: number, low: number, high: number): void {
    if (!(Number.isInteger(value) && value >= low && value <= high)) {
      throw doesNotFit(`${value} does not fit a field for whole numbers from ${low} to ${high}.`, { value, low, high });
    }
  }
}

/** The bytes of text under an encoding, for fields that tell their length. @throws NavError `igtl/does-not-fit` */
export function requireEncoded(encoding: number, text: string): Uint8Array {
  const bytes = encodeAs(encoding, text);
  if (bytes === undefined) throw doesNotFit(`A character of the text has no place in encoding ${encoding}; use 106 (UTF-8).`);
  return bytes;
}

/** @throws NavError `igtl/does-not-fit` where there are not exactly `n` values */
export function requireLength(values: ArrayLike<number>, n: number): void {
  if (values.length !== n) throw doesNotFit(`${values.length} numbers were given where ${n} belong.`);
}

/** What cannot be written, as an error to throw. */
export function doesNotFit(message: string, detail: Record<string, unknown> = {}): NavError<'igtl/does-not-fit'> {
  return new NavError('igtl/does-not-fit', `Not an OpenIGTLink message: ${message}`, { detail });
}
