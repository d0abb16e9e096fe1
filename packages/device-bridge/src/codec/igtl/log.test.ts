import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DecodedLine } from '../decoded.js';
import { decodeIgtlLog, encodeIgtl, type TransformContent } from './index.js';
import { sampleBytes, sampleMessages } from './test-messages.js';

const FOLDER = join(process.env['TROCAR_DATA'] ?? join(process.cwd(), '../shared/data'), 'igtl');
const missing = !existsSync(FOLDER);
const at = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));
const lines = (bytes: Uint8Array): DecodedLine[] => [...decodeIgtlLog(bytes)];

function join2(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe('a log of every type', () => {
  const all = lines(join2(sampleBytes()));
  const messages = sampleMessages();

  it('gives one line per message, with type, place and header', () => {
    let offset = 0;
    expect(all.length).toBe(messages.length);
    for (const [i, line] of all.entries()) {
      const message = messages[i];
      expect(line).toMatchObject({
        type: message?.type,
        offset,
        deviceName: `device ${i}`,
        headerVersion: i % 2 === 0 ? 1 : 2,
        timestamp: '2023-11-14T22:13:20.537Z',
        messageId: i % 2 === 0 ? 0 : i,
        kind: message?.content.kind,
      });
      offset += encodeIgtl(message as never).length;
    }
  });

  it('is JSON that loses nothing that JSON can hold', () => {
    for (const line of all) expect(JSON.parse(JSON.stringify(line))).toEqual(line);
  });

  it('has matrices as rows: turned round, the position would be in the last row', () => {
    const { matrix } = messages.map((message) => message.content as TransformContent)[0] as TransformContent;
    const line = all[0] as unknown as { matrix: number[][] };
    expect(line.matrix[0]).toEqual([matrix[0], matrix[4], matrix[8], matrix[12]]);
    expect(line.matrix[2]?.[3]).toBe(matrix[14]);
    expect(line.matrix[3]).toEqual([0, 0, 0, 1]);
  });

  it('names metadata, sub-messages and bytes', () => {
    const byType = (type: string): DecodedLine => all.find((line) => 'type' in line && line.type === type) as DecodedLine;
    expect(byType('STATUS')).toMatchObject({ code: 18, subcode: '-5', name: 'BUMP', message: 'Stoß' });
    expect(byType('BIND')).toMatchObject({ messages: [{ type: 'STRING', deviceName: 'text', text: 'odd' }, {}, {}] });
    expect(byType('VIDEO')).toMatchObject({ kind: 'raw', bytesByteCount: 33 });
    expect(byType('MYTYPE')).toMatchObject({ kind: 'raw', bytesByteCount: 0, bytesCrc64: '0000000000000000', bytesBase64: '' });
    expect(all.some((line) => JSON.stringify(line).includes('"key":"Operator","encoding":106,"value":"Jürgen"'))).toBe(true);
  });
});

describe('an image', () => {
  const image = {
    kind: 'image',
    version: 1,
    components: 1,
    scalarType: 3,
    pixelsLittleEndian: true,
    size: [3, 5, 1],
    axes: Float64Array.of(2, 0, 0, 0, 4, 0, 0, 0, 6),
    centre: Float64Array.of(10, 20, 30),
    blockStart: [0, 0, 0],
    blockSize: [3, 5, 1],
    pixels: new Uint8Array(15).fill(7),
  } as const;
  const line = (coordinates: 'RAS' | 'LPS', inlineBytes?: number): DecodedLine =>
    [
      ...decodeIgtlLog(
        encodeIgtl({ type: 'IMAGE', device: 'us', content: { ...image, coordinates } }),
        inlineBytes === undefined ? {} : { inlineBytes },
      ),
    ][0] as DecodedLine;

  it.each(['RAS', 'LPS'] as const)('has its place in the axes that it was sent in: %s', (coordinates) => {
    expect(line(coordinates)).toMatchObject({
      coordinates,
      size: [3, 5, 1],
      stepIMm: [2, 0, 0],
      stepJMm: [0, 4, 0],
      stepKMm: [0, 0, 6],
      centreMm: [10, 20, 30],
      // (n − 1)/2 steps back from the centre.
      firstVoxelMm: [8, 12, 30],
      scalar: 'uint8',
      pixelsByteCount: 15,
      pixelsBase64: Buffer.from(image.pixels).toString('base64'),
      timestamp: null,
      utcMs: null,
    });
  });

  it('has its pixels as length and CRC only where they are long', () => {
    expect(line('RAS', 14)).toMatchObject({ pixelsByteCount: 15, pixelsBase64: null });
    expect((line('RAS', 14) as unknown as { pixelsCrc64: string }).pixelsCrc64).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('what is refused', () => {
  const [first, second] = sampleBytes() as [Uint8Array, Uint8Array];

  it('a wrong CRC is one line, and reading goes on behind it', () => {
    const bad = first.slice();
    bad[70] = (bad[70] as number) ^ 1;
    const got = lines(join2([first, bad, second]));
    expect(got.map((line) => ('error' in line ? line.error : line.type))).toEqual(['TRANSFORM', 'codec/bad-crc', 'POSITION']);
    expect(got[1]?.offset).toBe(first.length);
    expect(got[2]?.offset).toBe(2 * first.length);
  });

  it('a cut in a header or in a body is said', () => {
    for (let size = 1; size < first.length; size += 1) {
      const got = lines(join2([second, first.subarray(0, size)]));
      const error = size < 58 ? 'igtl/truncated-header' : 'igtl/truncated-body';
      expect(got.slice(1)).toMatchObject([{ error, offset: second.length }]);
    }
  });

  it('nothing is read behind a header that cannot be one', () => {
    const got = lines(join2([first, new Uint8Array(58).fill(9), first]));
    expect(got.map((line) => ('error' in line ? line.error : line.type))).toEqual(['TRANSFORM', 'igtl/bad-version']);
  });

  it('an empty file has no lines', () => {
    expect(lines(new Uint8Array(0))).toEqual([]);
  });
});

describe.skipIf(missing)('real bytes', () => {
  const files = missing
    ? []
    : ['official', 'v3', 'live'].flatMap((folder) => readdirSync(join(FOLDER, folder)).map((f) => `${folder}/${f}`));
  const PIECE = /_(?:body|header|PacketBuffer)\.bin$|test_image\.bin$/;
  const whole = files.filter((file) => file.endsWith('.bin') && (!PIECE.test(file) || /imgmeta/.test(file)));

  it.each(whole)('%s decodes whole', (file) => {
    const got = lines(at(file));
    expect(got.length).toBeGreaterThan(0);
    expect(got.filter((line) => 'error' in line)).toEqual([]);
    expect(got.every((line) => 'kind' in line && line['kind'] !== 'raw')).toBe(true);
  });

  const pieces = files.filter((file) => file.endsWith('.bin') && !whole.includes(file));
  it.each(pieces)('%s is a piece of a message, and is refused', (file) => {
    expect(lines(at(file)).some((line) => 'error' in line)).toBe(true);
  });

  const negative = missing
    ? []
    : readdirSync(join(FOLDER, 'negative'), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.bin'));
  it.each(negative)('%s is refused, in one line', (file) => {
    expect(lines(at(`negative/${file}`))).toMatchObject([{ error: expect.stringMatching(/^(igtl|codec)[/]/), offset: 0 }]);
  });
});
