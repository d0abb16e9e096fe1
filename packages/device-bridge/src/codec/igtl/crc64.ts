/**
 * CRC-64 of OpenIGTLink bodies: ECMA-182 polynomial 42F0E1EBA9EA3693, not reflected, initial value 0, no final xor.
 *
 * Eight bytes a step (slicing-by-8, Kounavis and Berry 2008), on pairs of 32-bit halves because JavaScript has no
 * 64-bit integers that are quick. Table k holds what a byte becomes after k more zero bytes. Sixteen small tables by
 * name, each indexed by what can only be 0 … 255, let the engine leave out the checks of their bounds.
 */
const POLYNOMIAL_HIGH = 0x42f0e1eb;
const POLYNOMIAL_LOW = 0xa9ea3693 | 0;

/** The table of `k` more zero bytes; its high or its low halves. */
function makeTable(k: number, half: 'high' | 'low'): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let high = byte << 24;
    let low = 0;
    for (let bit = 0; bit < 8 * (k + 1); bit += 1) {
      const carry = high < 0;
      high = (high << 1) | (low >>> 31);
      low <<= 1;
      if (carry) {
        high ^= POLYNOMIAL_HIGH;
        low ^= POLYNOMIAL_LOW;
      }
    }
    return half === 'high' ? high : low;
  });
}

const H0 = makeTable(0, 'high');
const H1 = makeTable(1, 'high');
const H2 = makeTable(2, 'high');
const H3 = makeTable(3, 'high');
const H4 = makeTable(4, 'high');
const H5 = makeTable(5, 'high');
const H6 = makeTable(6, 'high');
const H7 = makeTable(7, 'high');
const L0 = makeTable(0, 'low');
const L1 = makeTable(1, 'low');
const L2 = makeTable(2, 'low');
const L3 = makeTable(3, 'low');
const L4 = makeTable(4, 'low');
const L5 = makeTable(5, 'low');
const L6 = makeTable(6, 'low');
const L7 = makeTable(7, 'low');

/**
 * Carries a checksum over the bytes `[start … end)` of a view, in place: begin with zeros in both cells.
 * @param crc the high and the low half, as signed 32-bit integers
 */
export function crc64(crc: Int32Array, view: DataView, start: number, end: number): void {
  let high = crc[0] as number;
  let low = crc[1] as number;
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    const x = high ^ view.getInt32(i);
    const y = low ^ view.getInt32(i + 4);
    high =
      (H7[x >>> 24] as number) ^
      (H6[(x >>> 16) & 0xff] as number) ^
      (H5[(x >>> 8) & 0xff] as number) ^
      (H4[x & 0xff] as number) ^
      (H3[y >>> 24] as number) ^
      (H2[(y >>> 16) & 0xff] as number) ^
      (H1[(y >>> 8) & 0xff] as number) ^
      (H0[y & 0xff] as number);
    low =
      (L7[x >>> 24] as number) ^
      (L6[(x >>> 16) & 0xff] as number) ^
      (L5[(x >>> 8) & 0xff] as number) ^
      (L4[x & 0xff] as number) ^
      (L3[y >>> 24] as number) ^
      (L2[(y >>> 16) & 0xff] as number) ^
      (L1[(y >>> 8) & 0xff] as number) ^
      (L0[y & 0xff] as number);
  }
  for (; i < end; i += 1) {
    const at = (high >>> 24) ^ view.getUint8(i);
    high = ((high << 8) | (low >>> 24)) ^ (H0[at] as number);
    low = (low << 8) ^ (L0[at] as number);
  }
  crc[0] = high;
  crc[1] = low;
}
