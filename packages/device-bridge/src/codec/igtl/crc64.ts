/**
 * CRC-64 of OpenIGTLink bodies: ECMA-182 polynomial 42F0E1EBA9EA3693, not reflected, initial value 0, no final xor.
 *
 * Eight bytes a step (slicing-by-8, Kounavis and Berry 2008), on pairs of 32-bit halves because JavaScript has no
 * 64-bit integers that are quick. Table k holds what a byte becomes after k more zero bytes; its high and low halves
 * lie side by side.
 */
const POLYNOMIAL_HIGH = 0x42f0e1eb;
const POLYNOMIAL_LOW = 0xa9ea3693 | 0;
const TABLE = makeTable();

function makeTable(): Int32Array {
  const table = new Int32Array(8 * 512);
  for (let byte = 0; byte < 256; byte += 1) {
    let high = byte << 24;
    let low = 0;
    for (let bit = 0; bit < 64; bit += 1) {
      if (bit % 8 === 0) {
        // After each eight zero bits one more table is complete; the first shift happens before the first is.
        if (bit > 0) store(table, bit / 8 - 1, byte, high, low);
      }
      const carry = high < 0;
      high = (high << 1) | (low >>> 31);
      low <<= 1;
      if (carry) {
        high ^= POLYNOMIAL_HIGH;
        low ^= POLYNOMIAL_LOW;
      }
    }
    store(table, 7, byte, high, low);
  }
  return table;
}

function store(table: Int32Array, k: number, byte: number, high: number, low: number): void {
  table[k * 512 + 2 * byte] = high;
  table[k * 512 + 2 * byte + 1] = low;
}

/**
 * Carries a checksum over `bytes[start … end)`, in place: begin with zeros in both cells.
 * @param crc the high and the low half, as signed 32-bit integers
 */
export function crc64(crc: Int32Array, bytes: Uint8Array, start: number, end: number): void {
  const t = TABLE;
  let high = crc[0] as number;
  let low = crc[1] as number;
  let i = start;
  for (const last = end - 8; i <= last; i += 8) {
    const a = ((high >>> 24) ^ (bytes[i] as number)) << 1;
    const b = (((high >>> 16) & 0xff) ^ (bytes[i + 1] as number)) << 1;
    const c = (((high >>> 8) & 0xff) ^ (bytes[i + 2] as number)) << 1;
    const d = ((high & 0xff) ^ (bytes[i + 3] as number)) << 1;
    const e = ((low >>> 24) ^ (bytes[i + 4] as number)) << 1;
    const f = (((low >>> 16) & 0xff) ^ (bytes[i + 5] as number)) << 1;
    const g = (((low >>> 8) & 0xff) ^ (bytes[i + 6] as number)) << 1;
    const h = ((low & 0xff) ^ (bytes[i + 7] as number)) << 1;
    high =
      (t[3584 + a] as number) ^
      (t[3072 + b] as number) ^
      (t[2560 + c] as number) ^
      (t[2048 + d] as number) ^
      (t[1536 + e] as number) ^
      (t[1024 + f] as number) ^
      (t[512 + g] as number) ^
      (t[h] as number);
    low =
      (t[3585 + a] as number) ^
      (t[3073 + b] as number) ^
      (t[2561 + c] as number) ^
      (t[2049 + d] as number) ^
      (t[1537 + e] as number) ^
      (t[1025 + f] as number) ^
      (t[513 + g] as number) ^
      (t[h + 1] as number);
  }
  for (; i < end; i += 1) {
    const at = ((high >>> 24) ^ (bytes[i] as number)) << 1;
    high = ((high << 8) | (low >>> 24)) ^ (t[at] as number);
    low = (low << 8) ^ (t[at + 1] as number);
  }
  crc[0] = high;
  crc[1] = low;
}
