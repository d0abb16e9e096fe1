import { describe, expect, it } from 'vitest';
import { withoutJp2 } from './code-stream.js';

const ascii = (text: string): number[] => [...text].map((c) => c.charCodeAt(0));
const u32 = (n: number): number[] => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const box = (type: string, content: readonly number[], length = content.length + 8): number[] => [
  ...u32(length),
  ...ascii(type),
  ...content,
];

const SIGNATURE = box('jP  ', [0x0d, 0x0a, 0x87, 0x0a]);
const TYPE = box('ftyp', ascii('jp2 \0\0\0\0jp2 '));
const CODE = [0xff, 0x4f, 0xff, 0x51, 1, 2, 3, 0xff, 0xd9];

describe('a JP2 file in the place of a bare code stream', () => {
  const stream = (bytes: readonly number[]): number[] => [...withoutJp2(Uint8Array.from(bytes))];

  it('gives its code stream, of a length that is stated, long, or up to the end', () => {
    expect(stream([...SIGNATURE, ...TYPE, ...box('jp2c', CODE)])).toEqual(CODE);
    expect(stream([...SIGNATURE, ...TYPE, ...box('jp2c', CODE), ...box('xml ', [1, 2])])).toEqual(CODE);
    expect(stream([...SIGNATURE, ...box('jp2c', CODE, 0)])).toEqual(CODE);
    expect(stream([...SIGNATURE, ...u32(1), ...ascii('jp2c'), ...u32(0), ...u32(16 + CODE.length), ...CODE, 9])).toEqual(CODE);
  });

  it('is left as it is where it is none, has no code stream, or goes in circles', () => {
    for (const bytes of [
      CODE,
      [],
      SIGNATURE.slice(0, 11),
      [...SIGNATURE, ...TYPE],
      [...SIGNATURE, ...box('ftyp', [], 4)],
      [...SIGNATURE, ...u32(1), ...ascii('jp2c')],
      [...SIGNATURE.slice(0, 11), 0x0d, ...box('jp2c', CODE)],
    ]) {
      expect(stream(bytes)).toEqual([...bytes]);
    }
  });
});
