import { describe, expect, it } from 'vitest';
import type { DecodedLine } from '../decoded.js';
import { decodeIgtl, decodeIgtlLog, encodeIgtl, type IgtlContent, IgtlFramer } from './index.js';

const bytesOf = (type: string, content: IgtlContent): Uint8Array => encodeIgtl({ type, device: 'd', content }).slice();
const raw = (type: string, bytes: Uint8Array | readonly number[]): Uint8Array =>
  bytesOf(type, { kind: 'raw', bytes: Uint8Array.from(bytes) });
const only = (bytes: Uint8Array): Record<string, unknown> => {
  const lines = [...decodeIgtlLog(bytes)] as DecodedLine[];
  expect(lines.length).toBe(1);
  return lines[0] as unknown as Record<string, unknown>;
};

const NO_CELLS = new Uint32Array(0);

describe('what the reference library writes', () => {
  it.each([
    [3, 4],
    [3, 9],
    [4, 9],
    [4, 4],
    [0x14, 9],
  ])('attributes of type %i with %i numbers each, as its release 1.11 swaps tensors and colours', (attributeType, components) => {
    const values = Float64Array.from({ length: 2 * components }, (_, i) => i);
    const line = only(
      bytesOf('POLYDATA', {
        kind: 'polydata',
        points: Float64Array.of(1, 2, 3, 4, 5, 6),
        vertices: NO_CELLS,
        lines: NO_CELLS,
        polygons: NO_CELLS,
        triangleStrips: NO_CELLS,
        attributes: [{ name: 'a', attributeType, components, values }],
      }),
    );
    expect(line).toMatchObject({ attributes: [{ attributeType, components, values: [...values] }] });
  });

  it('other numbers of components are refused', () => {
    const header = [...new Array<number>(36).fill(0), 0, 0, 0, 1];
    expect(only(raw('POLYDATA', [...header, 3, 5, 0, 0, 0, 0, 0x61, 0]))['error']).toBe('igtl/size-mismatch');
    expect(only(raw('POLYDATA', [...header, 1, 4, 0, 0, 0, 0, 0x61, 0]))['error']).toBe('igtl/size-mismatch');
  });

  it('the table of names in BIND has an even size, in GET_BIND any', () => {
    const request = [0, 1, ...Buffer.from('IMAGE'), 0, 0, 0, 0, 0, 0, 0];
    expect(only(raw('GET_BIND', [...request, 0, 3, 0x75, 0x73, 0]))).toMatchObject({ wanted: [{ type: 'IMAGE', device: 'us' }] });
    const child = [0, 1, ...Buffer.from('STRING'), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];
    expect(only(raw('BIND', [...child, 0, 4, 0x75, 0x73, 0, 0, 0, 3, 0, 0]))).toMatchObject({ messages: [{ deviceName: 'us' }] });
    expect(only(raw('BIND', [...child, 0, 3, 0x75, 0x73, 0, 0, 3, 0, 0]))).toMatchObject({ error: 'igtl/bad-value' });
  });
});

describe('what is kept of bytes that mean nothing', () => {
  it.each([
    ['TDATA', 70, 21],
    ['QTDATA', 50, 21],
    ['TRAJ', 150, 97],
    ['IMGMETA', 260, 259],
    ['LBMETA', 116, 85],
    ['VIDEOMETA', 322, 321],
  ])('a reserved byte of %s comes back as it was', (type, size, at) => {
    for (const value of [0, 0xbe]) {
      const bytes = raw(type, new Uint8Array(2 * size).fill(value, at, at + 1));
      let again: Uint8Array | undefined;
      const framer = new IgtlFramer({
        message: (frame) => (again = encodeIgtl(decodeIgtl(frame)).slice()),
        fault: () => undefined,
      });
      framer.feed(bytes);
      expect(again).toEqual(bytes);
      expect(JSON.stringify(only(bytes)).includes('"reserved":190')).toBe(value !== 0);
    }
  });

  it('an answer that nobody knows passes as bytes, one that is known has one', () => {
    expect(only(raw('RTS_MINE', [1, 2, 3]))).toMatchObject({ kind: 'raw', bytesByteCount: 3 });
    expect(only(raw('RTS_MINE', [1]))).toMatchObject({ kind: 'reply', status: 1 });
    expect(only(raw('RTS_TDATA', [1, 2, 3]))).toMatchObject({ error: 'igtl/wrong-size' });
  });
});

describe('what would be too much to print', () => {
  it('long lists of numbers are counted', () => {
    const values = new Uint16Array(70_000);
    expect(only(bytesOf('NDARRAY', { kind: 'ndarray', complex: false, size: [7, 10_000], values }))).toMatchObject({
      size: [7, 10_000],
      scalar: 'uint16',
      values: null,
      valuesCount: 70_000,
    });
  });

  it('lists, texts and metadata of many megabytes are refused, and reading goes on behind them', () => {
    const many = raw('CAPABILITY', new Uint8Array(12 * 1_500_000));
    const small = raw('TRANSFORM', new Uint8Array(48));
    const lines = [...decodeIgtlLog(new Uint8Array(Buffer.concat([many, small])))];
    expect(lines).toMatchObject([
      { error: 'codec/oversize', offset: 0 },
      { type: 'TRANSFORM', offset: many.length },
    ]);
  });

  it('says "an IMAGE message"', () => {
    expect(String(only(raw('IMAGE', [0, 9]))['message'])).toMatch(/^An IMAGE message has/);
    expect(String(only(raw('SENSOR', [9, 0, 0, 0, 0, 0, 0, 0, 0, 0]))['message'])).toMatch(/^A SENSOR message/);
  });
});
