/** Zeros and ones as bits, the first in the lowest bit of the first byte (PS3.5, 8.2 and annex D). */
export function packBits(values: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 8));
  for (let n = 0; n < values.length; n += 1) {
    if (values[n] !== 0) bytes[Math.floor(n / 8)] = (bytes[Math.floor(n / 8)] as number) | (1 << (n & 7));
  }
  return bytes;
}

/** `count` bits from the bit `from` on, as zeros and ones. */
export function unpackBits(bytes: Uint8Array, from: number, count: number): Uint8Array {
  const values = new Uint8Array(count);
  for (let n = 0; n < count; n += 1) {
    const at = from + n;
    values[n] = ((bytes[Math.floor(at / 8)] as number) >> (at % 8)) & 1;
  }
  return values;
}
