import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNavError, type NavErrorCode } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { fromQuaternion } from '../../math/index.js';
import { resampleStraight, type Volume, volume } from '../../volume/index.js';
import { encodeVolume, readVolume, type VolumeFile } from '../index.js';

/** Files as people's other programs write them: legal and odd ones are read exactly, nonsense is refused, never guessed. */
const mr = frame('mr');
const read = (...files: VolumeFile[]): Promise<Volume<'mr'>> => readVolume(files, { frame: mr });

async function codeOf(...files: VolumeFile[]): Promise<NavErrorCode> {
  const outcome = await read(...files).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome.code;
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-odd-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 3 × 2 × 2 voxels 0 … 11, turned and moved. */
const turned = (quaternion = [0.1, 0.2, 0.3, Math.sqrt(1 - 0.14)]): Volume<'mr'> =>
  volume({
    frame: mr,
    size: [3, 2, 2],
    frameFromIndex: fromQuaternion(new Float64Array(16), Float64Array.from(quaternion), [10, -20, 30]),
    voxels: Int16Array.from({ length: 12 }, (_, n) => n),
  });

describe('NIfTI', () => {
  /** A single .nii with fields overwritten. */
  async function nii(change: (view: DataView) => void, v = turned()): Promise<VolumeFile> {
    const bytes = await encodeVolume(v, 'a.nii');
    change(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return { name: 'a.nii', bytes };
  }
  const qformOnly = (view: DataView): void => view.setInt16(254, 0, true);

  it.each([0, 100, -5, 352.5, Number.NaN])('is refused where its voxels start at byte %s', async (offset) => {
    expect(await codeOf(await nii((view) => view.setFloat32(108, offset, true)))).toBe('io/corrupt');
  });

  it('is refused where it scales by a number but adds none; a slope of 0 or NaN scales nothing', async () => {
    const scaled = (slope: number, add: number) =>
      nii((view) => {
        view.setFloat32(112, slope, true);
        view.setFloat32(116, add, true);
      });
    expect(await codeOf(await scaled(2, Number.NaN))).toBe('io/corrupt');
    for (const slope of [0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect((await read(await scaled(slope, 5))).rescale).toEqual({ slope: 1, intercept: 0 });
    }
  });

  it('is refused where its quaternion is no rotation', async () => {
    const file = await nii((view) => {
      qformOnly(view);
      for (let n = 0; n < 3; n += 1) view.setFloat32(256 + 4 * n, 0.9, true);
    });
    expect(await codeOf(file)).toBe('io/corrupt');
  });

  it('keeps a half turn a half turn, where single precision leaves a rest of an angle', async () => {
    // The square of this vector, rounded to single precision, is 1 − 2.4e-7: an angle of 0.056° if it were taken for one.
    const part = Math.fround(Math.sqrt((1 - 2.4e-7) / 3));
    const file = await nii((view) => {
      qformOnly(view);
      for (let n = 0; n < 3; n += 1) view.setFloat32(256 + 4 * n, part, true);
    });
    const m = (await read(file)).frameFromIndex;
    // A half turn is its own inverse: symmetric, up to the signs that RAS → LPS puts on its rows.
    expect(Math.abs((m[1] as number) - (m[4] as number))).toBeLessThan(1e-6);
    expect(Math.abs((m[2] as number) + (m[8] as number))).toBeLessThan(1e-6);
  });

  it('reads a pair, named by either half, packed or not', async () => {
    const v = turned();
    const whole = await encodeVolume(v, 'a.nii');
    const header = whole.slice(0, 352);
    header.set([0x6e, 0x69, 0x31, 0], 344);
    new DataView(header.buffer).setFloat32(108, 0, true);
    const voxels = whole.slice(352);
    await writeFile(join(folder, 'p.hdr'), header);
    await writeFile(join(folder, 'p.img'), voxels);
    await writeFile(join(folder, 'z.hdr.gz'), gzipSync(header));
    await writeFile(join(folder, 'z.img.gz'), gzipSync(voxels));
    const single = await read({ name: 'a.nii', bytes: whole });
    for (const name of ['p.hdr', 'p.img', 'z.hdr.gz', 'z.img.gz']) {
      const back = await readVolume(join(folder, name), { frame: mr });
      expect([back.voxels, back.frameFromIndex]).toEqual([v.voxels, single.frameFromIndex]);
    }
    const [hdr, img] = [
      { name: 'p.hdr', bytes: header },
      { name: 'p.img', bytes: voxels },
    ];
    expect((await read(img, hdr)).voxels).toEqual(v.voxels);
    expect(await codeOf(hdr)).toBe('io/not-found');
    expect(await codeOf(hdr, { name: 'p.img', bytes: voxels.slice(2) })).toBe('io/truncated');
  });

  it('takes 64-bit integers as doubles where they are exact, and refuses them where they are not', async () => {
    const wide = async (value: bigint): Promise<VolumeFile> => {
      const small = await encodeVolume(turned(), 'a.nii');
      const bytes = new Uint8Array(352 + 96);
      bytes.set(small.subarray(0, 352));
      const view = new DataView(bytes.buffer);
      view.setInt16(70, 1024, true);
      view.setInt16(72, 64, true);
      view.setBigInt64(352, value, true);
      return { name: 'a.nii', bytes };
    };
    expect((await read(await wide(-7n))).voxels).toEqual(Int32Array.from([-7, ...new Array(11).fill(0)]));
    expect((await read(await wide(2n ** 40n))).voxels[0]).toBe(2 ** 40);
    expect(await codeOf(await wide(2n ** 60n + 1n))).toBe('io/unsupported-format');
  });
});

describe('a grid with shear', () => {
  it.each(['a.nii', 'a.nrrd'])('is told of in %s as it is in DICOM, until it is resampled', async (name) => {
    const m = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0.2, 1, 0, 0, 0, 0, 1];
    const v = volume({ frame: mr, size: [3, 2, 2], frameFromIndex: m, voxels: new Uint8Array(12) });
    const back = await read({ name, bytes: await encodeVolume(v, name) });
    expect(back.warnings.map((w) => w.code)).toContain('sheared');
    expect(resampleStraight(back).warnings.map((w) => w.code)).not.toContain('sheared');
  });
});

describe('NRRD', () => {
  const nrrd = (...lines: string[]): VolumeFile => ({
    name: 'a.nrrd',
    bytes: new TextEncoder().encode(
      ['NRRD0005', 'type: uint8', 'space: LPS', 'encoding: raw', 'space origin: (1,2,3)', ...lines, '', 'abcdefgh'].join('\n'),
    ),
  });
  const three = ['dimension: 3', 'sizes: 2 2 2', 'space directions: (1,0,0) (0,2,0) (0,0,3)'];

  it.each(['RGB-color domain domain', 'domain domain list', 'domain domain time', 'vector domain domain'])(
    'is no volume where its axes are %s, whatever its directions say',
    async (kinds) => {
      expect(await codeOf(nrrd(...three, `kinds: ${kinds}`))).toBe('io/unsupported-format');
    },
  );

  it('may keep its voxels packed beside it, in a folder or among files handed over', async () => {
    const header = (data: string): string =>
      new TextDecoder()
        .decode(nrrd(...three, data).bytes)
        .replace(/\n\nabcdefgh$/, '\n')
        .replace('encoding: raw', 'encoding: gzip');
    const files = [
      { name: 'h.nhdr', bytes: new TextEncoder().encode(header('data file: h.raw.gz')) },
      { name: 'h.raw.gz', bytes: new Uint8Array(gzipSync(new TextEncoder().encode('abcdefgh'))) },
    ];
    expect(new TextDecoder().decode((await read(...files)).voxels as Uint8Array)).toBe('abcdefgh');
    expect((await read(...files.toReversed())).size).toEqual([2, 2, 2]);
  });

  it('may have an axis of one component', async () => {
    const directions = 'space directions: none (1,0,0) (0,2,0) (0,0,3)';
    const v = await read(nrrd('dimension: 4', 'sizes: 1 2 2 2', directions, 'kinds: scalar domain domain domain'));
    expect([v.size, Array.from(v.frameFromIndex).slice(10, 15)]).toEqual([
      [2, 2, 2],
      [3, 0, 1, 2, 3],
    ]);
    expect(await codeOf(nrrd('dimension: 4', 'sizes: 2 2 2 1', directions, 'kinds: vector domain domain domain'))).toBe(
      'io/unsupported-format',
    );
  });
});

describe('MetaImage', () => {
  const HEADER = ['ObjectType = Image', 'NDims = 3', 'TransformMatrix = 1 0 0 0 1 0 0 0 1', 'Offset = 1 2 3'];
  const SHORT = [...HEADER, 'ElementSpacing = 1 2 3', 'DimSize = 1 1 2', 'ElementType = MET_SHORT'];
  const mha = (lines: readonly string[], data = 'LOCAL'): VolumeFile => ({
    name: 'a.mha',
    bytes: new TextEncoder().encode([...lines, `ElementDataFile = ${data}`, '\u0001\u0002\u0003\u0004'].join('\n')),
  });

  it.each(['True', 'TRUE', 't', 'T', '1'])('is big-endian where its flag is %s', async (flag) => {
    expect(Array.from((await read(mha([...SHORT, `BinaryDataByteOrderMSB = ${flag}`]))).voxels)).toEqual([0x0102, 0x0304]);
  });

  it('keeps the function from elements to intensities as its rescale', async () => {
    const scaled = (slope: string): VolumeFile =>
      mha([...SHORT, `ElementToIntensityFunctionSlope = ${slope}`, 'ElementToIntensityFunctionOffset = -1000']);
    expect((await read(scaled('2'))).rescale).toEqual({ slope: 2, intercept: -1000 });
    expect(await codeOf(scaled('0'))).toBe('io/corrupt');
  });

  it.each(['-1 2 3', '0 2 3'])('is refused with a spacing of %s', async (spacing) => {
    expect(
      await codeOf(mha(SHORT.map((line) => (line.startsWith('ElementSpacing') ? `ElementSpacing = ${spacing}` : line)))),
    ).toBe('io/corrupt');
  });

  it('may begin with any field, but must be an image', async () => {
    const commented = ['Comment = from a scanner', 'ID = 7', ...SHORT.filter((line) => !line.startsWith('Object'))];
    expect((await read(mha(commented))).size).toEqual([1, 1, 2]);
    expect(await codeOf(mha(SHORT.map((line) => line.replace('= Image', '= Tube'))))).toBe('io/unsupported-format');
  });

  it('may keep its voxels in a folder below, but not elsewhere', async () => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data/v.raw'), Uint8Array.of(1, 0, 2, 0));
    await writeFile(join(folder, 'v.raw'), Uint8Array.of(1, 0, 2, 0));
    const at = async (data: string): Promise<unknown> => {
      await writeFile(join(folder, 'a.mhd'), mha(SHORT, data).bytes);
      return readVolume(join(folder, 'a.mhd'), { frame: mr }).catch((error: { code: string }) => error.code);
    };
    expect(await at('data/v.raw')).toMatchObject({ voxels: Int16Array.of(1, 2) });
    expect(await at('data/../v.raw')).toBe('io/not-found');
    expect(await at(join(folder, 'v.raw'))).toBe('io/not-found');
  });
});
