import fc from 'fast-check';
import { expect, it } from 'vitest';
import { crc64 } from './crc64.js';

const POLYNOMIAL = 0x42f0e1eba9ea3693n;

/** Bit by bit, as the definition says it. */
function slow(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte) << 56n;
    for (let k = 0; k < 8; k += 1) {
      const carry = crc >> 63n;
      crc = BigInt.asUintN(64, crc << 1n);
      if (carry === 1n) crc ^= POLYNOMIAL;
    }
  }
  return crc;
}

function fast(bytes: Uint8Array, ...cuts: number[]): bigint {
  const crc = new Int32Array(2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    crc64(crc, view, at, cut);
    at = cut;
  }
  return (BigInt((crc[0] as number) >>> 0) << 32n) | BigInt((crc[1] as number) >>> 0);
}

it('gives the check value of CRC-64/ECMA-182', () => {
  expect(fast(new TextEncoder().encode('123456789'))).toBe(0x6c40df5f0b497347n);
  expect(fast(new Uint8Array(0))).toBe(0n);
});

it('equals the definition for any bytes, in one piece and in two', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (bytes, cut) => {
      expect(fast(bytes)).toBe(slow(bytes));
      expect(fast(bytes, cut % (bytes.length + 1))).toBe(slow(bytes));
    }),
  );
});
