import { describe, expect, it } from 'vitest';
import { deidentify } from './deidentify.js';
import { withoutComments } from './pixel-comments.js';
import { readElements } from './read-elements.js';
import { plantedStudy } from './test-support/planted-study.js';

const segment = (marker: number, text: string): Buffer => {
  const content = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.of(0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 0xff), content]);
};
const scan = Buffer.concat([segment(0xda, 'head'), Buffer.from('entropy Okonkwo coded'), Buffer.of(0xff, 0xd9)]);
const jpeg = (...parts: Buffer[]): Uint8Array => new Uint8Array(Buffer.concat([Buffer.of(0xff, 0xd8), ...parts, scan]));
const jfif = segment(0xe0, 'JFIF\0\x01\x01\0\0\x01\0\x01\0\0');

describe('comments inside of compressed frames', () => {
  it.each([
    ['a comment', segment(0xfe, 'Okonkwo^Adaeze')],
    ['Exif', segment(0xe1, 'Exif\0\0Okonkwo')],
    ['data that begins as Adobe does', segment(0xee, 'Adobe\0 Okonkwo')],
    ['a JFIF head with a picture', segment(0xe0, 'JFIF\0Okonkwo-thumb')],
    ['a comment that begins as an encoder does', segment(0xfe, 'Kakadu-v7.1 for Okonkwo')],
  ])('%s is blanked, and nothing else', (_, part) => {
    const before = jpeg(jfif, part, segment(0xc3, 'frame'));
    const { fragment, blanked } = withoutComments(before);
    expect(blanked).toBe(1);
    const expected = Buffer.from(before);
    const at = 2 + jfif.length + 4;
    expected.fill(0, at, at + part.length - 4);
    expect(Buffer.compare(fragment, expected)).toBe(0);
  });

  it.each([
    ['no comments', jpeg(jfif, segment(0xc3, 'frame'))],
    ['what decoders need', jpeg(jfif, segment(0xee, 'Adobe\0d\0\0\0\0\x01'), segment(0xe8, 'SPIFF'))],
    ['an encoder’s own name', jpeg(segment(0xfe, 'Kakadu-v7.1'))],
    ['a segment that goes past the end', new Uint8Array([0xff, 0xd8, 0xff, 0xfe, 0xff, 0xff, 65])],
    ['no JPEG', new Uint8Array([1, 2, 3])],
    ['nothing', new Uint8Array(0)],
  ])('%s stays byte for byte', (_, bytes) => {
    expect(withoutComments(bytes)).toEqual({ fragment: bytes, blanked: 0 });
  });

  it('of JPEG 2000 too, and what stands behind the end', () => {
    const head = Buffer.concat([Buffer.of(0xff, 0x4f), segment(0x51, 'size'), segment(0x64, '\0\x01Okonkwo')]);
    const { fragment, blanked } = withoutComments(
      new Uint8Array(Buffer.concat([head, segment(0x90, 'tile'), Buffer.of(0xff, 0xd9), Buffer.from('Abernathy')])),
    );
    expect(blanked).toBe(2);
    expect(Buffer.from(fragment).toString('latin1')).not.toMatch(/Okonkwo|Abernathy/);
  });
});

describe('bytes behind the last pixel', () => {
  it('are left out and told, and the pixels stay', async () => {
    const file = plantedStudy().files[1] as { name: string; bytes: Uint8Array };
    const bytes = Buffer.from(file.bytes);
    const at = bytes.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57]));
    const extra = Buffer.from('Unlisted name!');
    bytes.writeUInt32LE(60 + extra.length, at + 8);
    const { files, report } = await deidentify([{ name: 'a', bytes: new Uint8Array(Buffer.concat([bytes, extra])) }]);
    expect(report.files[0]?.notes).toEqual(['14 bytes behind the last pixel were left out']);
    const pixels = async (b: Uint8Array): Promise<Uint8Array> =>
      (await readElements(b, 'it')).elements.at(-1)?.bytes as Uint8Array;
    expect(await pixels(files[0]?.bytes as Uint8Array)).toEqual(await pixels(file.bytes));
  });
});
