/** Reading numbers from reply text without making strings: the hot path of TX and GX. */

/** `digits` upper-case hex digits as a number; −1 where they are none, or do not end by `end`. */
export function hexAt(bytes: Uint8Array, at: number, digits: number, end: number): number {
  if (at + digits > end) return -1;
  let value = 0;
  for (let i = at; i < at + digits; i += 1) {
    const c = bytes[i] as number;
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 65 && c <= 70 ? c - 55 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** A sign and digits, `width` characters, as an integer; NaN where it is not one. */
export function signedAt(bytes: Uint8Array, at: number, width: number, end: number): number {
  if (at + width > end) return Number.NaN;
  const sign = bytes[at];
  if (sign !== 0x2b && sign !== 0x2d) return Number.NaN;
  let value = 0;
  for (let i = at + 1; i < at + width; i += 1) {
    const digit = (bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return sign === 0x2d ? -value : value;
}

/** Three coordinates of 7 characters, hundredths of a millimetre, into `out[3 i …]` as mm; the offset behind, or −1. */
export function positionAt(out: Float64Array, i: number, bytes: Uint8Array, at: number, end: number): number {
  for (let k = 0; k < 3; k += 1) {
    const n = signedAt(bytes, at + 7 * k, 7, end);
    if (Number.isNaN(n)) return -1;
    out[3 * i + k] = n / 100;
  }
  return at + 21;
}

/** Digits of the eight numbers of a transform, and what a unit of them is worth. */
const QUATERNION = { width: 6, units: 10_000 } as const;
const POSITION = { width: 7, units: 100 } as const;
const NUMBERS = 8;

/** A transform as TX and GX write it, q0 qx qy qz tx ty tz error, into `out[8 i …]`; the offset behind, or −1. */
export function transformAt(out: Float64Array, i: number, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let k = 0; k < NUMBERS; k += 1) {
    const form = k >= 4 && k < 7 ? POSITION : QUATERNION;
    const n = signedAt(bytes, at, form.width, end);
    if (Number.isNaN(n)) return -1;
    out[NUMBERS * i + k] = n / form.units;
    at += form.width;
  }
  return at;
}

/** Whether `word` stands at `at`. */
export function wordAt(bytes: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (at + word.length > end) return false;
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** What stands in place of a transform. */
export const WORDS: { readonly missing: Uint8Array; readonly disabled: Uint8Array; readonly unoccupied: Uint8Array } = {
  missing: new TextEncoder().encode('MISSING'),
  disabled: new TextEncoder().encode('DISABLED'),
  unoccupied: new TextEncoder().encode('UNOCCUPIED'),
};
