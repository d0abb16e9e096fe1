/** CRC-32 as in zlib and MCAP (polynomial 0xEDB88320, reflected), eight bytes a step. */

const TABLES: Uint32Array = makeTables();

function makeTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let n = 0; n < 256; n += 1) {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    tables[n] = c;
  }
  for (let n = 0; n < 256; n += 1) {
    let c = tables[n] as number;
    for (let t = 1; t < 8; t += 1) {
      c = (tables[c & 0xff] as number) ^ (c >>> 8);
      tables[t * 256 + n] = c;
    }
  }
  return tables;
}

/**
 * Takes `bytes[start … end)` into a running CRC.
 * @param state one cell: 0xFFFFFFFF to begin with, and its complement is the CRC. A cell, because a number that is no
 *   small integer is boxed wherever a call is not inlined
 */
export function crc32Update(state: Uint32Array, bytes: Uint8Array, start: number, end: number): void {
  const t = TABLES;
  let c = state[0] as number;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const low =
      c ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    c =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[i + 4] as number)] as number) ^
      (t[512 + (bytes[i + 5] as number)] as number) ^
      (t[256 + (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < end; i += 1) c = (t[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  state[0] = c;
}

/** The CRC-32 of all bytes. */
export function crc32(bytes: Uint8Array): number {
  const state = new Uint32Array([0xffffffff]);
  crc32Update(state, bytes, 0, bytes.length);
  return ~(state[0] as number) >>> 0;
}
