import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { metaReadImageNode, niftiReadImageNode, nrrdReadImageNode } from '@itk-wasm/image-io';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isNavError, type NavErrorCode } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { fromQuaternion, Random } from '../../math/index.js';
import { type Volume, type VoxelArray, volume } from '../../volume/index.js';
import { encodeVolume, readVolume, type VolumeFile, writeVolume } from '../index.js';

const mr = frame('mr');
const read = (...files: VolumeFile[]): Promise<Volume<'mr'>> => readVolume(files, { frame: mr });

async function codeOf(...files: VolumeFile[]): Promise<NavErrorCode> {
  const outcome = await read(...files).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome.code;
}

/** Any straight grid: a rotation, three spacings, an origin, perhaps mirrored. */
function anyVolume(seed: number, mirrored: boolean, voxels?: VoxelArray): Volume<'mr'> {
  const random = new Random(seed);
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  const size = [5, 4, 3] as const;
  for (let c = 0; c < 3; c += 1) {
    const s = random.between(0.3, 3) * (mirrored && c === 1 ? -1 : 1);
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = s * (m[4 * c + r] as number);
    m[12 + c] = random.between(-200, 200);
  }
  return volume({ frame: mr, size, frameFromIndex: m, voxels: voxels ?? Int16Array.from({ length: 60 }, (_, n) => n * n - 900) });
}

function expectMatrix(actual: ArrayLike<number>, expected: ArrayLike<number>, mm: number): void {
  for (let n = 0; n < 16; n += 1) expect(Math.abs((actual[n] as number) - (expected[n] as number))).toBeLessThanOrEqual(mm);
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trocar-formats-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FORMATS = [
  // Single precision in NIfTI-1: half a unit in the last place at 200 mm, and the same for the axes.
  ['a.nii', 1e-5],
  ['a.nii.gz', 1e-5],
  ['a.nrrd', 0],
  ['a.mha', 1e-13],
] as const;

describe('written and read back', () => {
  it.each(FORMATS)('%s keeps voxels and geometry, mirrored axes too (property)', async (name, mm) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), fc.boolean(), async (seed, mirrored) => {
        const v = anyVolume(seed, mirrored);
        const back = await read({ name, bytes: await encodeVolume(v, name) });
        expect(back.voxels).toEqual(v.voxels);
        expect(back.size).toEqual(v.size);
        expectMatrix(back.frameFromIndex, v.frameFromIndex, mm);
        expect([back.voxels.byteOffset, back.voxels.buffer.byteLength]).toEqual([0, back.voxels.byteLength]);
      }),
      { numRuns: 40 * inject('effort') },
    );
  });

  it.each(FORMATS)('%s keeps every voxel type', async (name) => {
    const types: readonly (new (values: readonly number[]) => VoxelArray)[] = [
      Int8Array,
      Uint8Array,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
    ];
    for (const Type of types) {
      const v = anyVolume(3, false, new Type(Array.from({ length: 60 }, (_, n) => n + 1)));
      expect((await read({ name, bytes: await encodeVolume(v, name) })).voxels).toEqual(v.voxels);
    }
  });

  it('NIfTI keeps stored values and rescale; the others hold the values themselves', async () => {
    const v = { ...anyVolume(4, false), rescale: { slope: 2, intercept: -1024 } };
    const nii = await read({ name: 'a.nii', bytes: await encodeVolume(v, 'a.nii') });
    expect([nii.rescale, nii.voxels]).toEqual([{ slope: 2, intercept: -1024 }, v.voxels]);
    for (const name of ['a.nrrd', 'a.mha']) {
      const back = await read({ name, bytes: await encodeVolume(v, name) });
      expect(back.voxels).toEqual(v.voxels.map((x) => 2 * x - 1024));
      expect(back.voxels).toBeInstanceOf(Int16Array);
    }
    const fraction = { ...v, rescale: { slope: 0.5, intercept: 0.25 } };
    const back = await read({ name: 'a.mha', bytes: await encodeVolume(fraction, 'a.mha') });
    expect(back.voxels).toEqual(Float32Array.from(v.voxels, (x) => 0.5 * x + 0.25));
  });

  it('shear survives in NIfTI and NRRD, and is refused where MetaImage cannot hold it', async () => {
    const straight = anyVolume(5, false);
    const frameFromIndex = Float64Array.from(straight.frameFromIndex);
    for (let r = 0; r < 3; r += 1)
      frameFromIndex[8 + r] = (frameFromIndex[8 + r] as number) + 0.3 * (frameFromIndex[4 + r] as number);
    const sheared = { ...straight, frameFromIndex };
    expectMatrix(
      (await read({ name: 'a.nii', bytes: await encodeVolume(sheared, 'a.nii') })).frameFromIndex,
      frameFromIndex,
      1e-5,
    );
    expectMatrix(
      (await read({ name: 'a.nrrd', bytes: await encodeVolume(sheared, 'a.nrrd') })).frameFromIndex,
      frameFromIndex,
      0,
    );
    await expect(encodeVolume(sheared, 'a.mha')).rejects.toMatchObject({ code: 'volume/sheared' });
  });

  it('to an unknown format or an impossible place is refused', async () => {
    await expect(encodeVolume(anyVolume(6, false), 'a.png')).rejects.toMatchObject({ code: 'io/unsupported-format' });
    await expect(writeVolume(anyVolume(6, false), join(folder, 'no', 'a.nii'))).rejects.toMatchObject({
      code: 'io/not-writable',
    });
  });
});

describe('ITK’s own readers agree on what is written', () => {
  const READERS = {
    'a.nii': niftiReadImageNode,
    'a.nii.gz': niftiReadImageNode,
    'a.nrrd': nrrdReadImageNode,
    'a.mha': metaReadImageNode,
  };

  it.each(Object.keys(READERS) as (keyof typeof READERS)[])('%s', async (name) => {
    for (const [seed, mirrored] of [
      [11, false],
      [12, true],
    ] as const) {
      const v = anyVolume(seed, mirrored);
      const path = join(folder, `${seed}-${name}`);
      await writeVolume(v, path);
      const { image } = await READERS[name](path);
      expect(Array.from(image.data as Int16Array)).toEqual(Array.from(v.voxels));
      const m = new Float64Array(16);
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 3; c += 1) m[4 * c + r] = (image.direction[3 * r + c] as number) * (image.spacing[c] as number);
        m[12 + r] = image.origin[r] as number;
      }
      m[15] = 1;
      expectMatrix(v.frameFromIndex, m, 2e-5);
    }
  });
});

/** A NIfTI-1 header in either byte order, with 24 int16 voxels of 2 × 3 × 4. */
function nifti({ little = true, fill }: { little?: boolean; fill?: (view: DataView, little: boolean) => void } = {}): Uint8Array {
  const bytes = new Uint8Array(352 + 48);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 348, little);
  [3, 2, 3, 4, 1, 1, 1, 1].forEach((n, at) => {
    view.setInt16(40 + 2 * at, n, little);
  });
  [1, 2, 3, 4, 0, 0, 0, 0].forEach((n, at) => {
    view.setFloat32(76 + 4 * at, n, little);
  });
  view.setInt16(70, 4, little);
  view.setInt16(72, 16, little);
  view.setFloat32(108, 352, little);
  view.setUint8(123, 2);
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  for (let n = 0; n < 24; n += 1) view.setInt16(352 + 2 * n, n - 5, little);
  fill?.(view, little);
  return bytes;
}

const sform = (view: DataView, little: boolean): void => {
  view.setInt16(254, 1, little);
  [2, 0, 0, 10, 0, 3, 0, 20, 0, 0, 4, 30].forEach((x, at) => {
    view.setFloat32(280 + 4 * at, x, little);
  });
};

/** A quarter turn about z: i runs along +y, j along −x (RAS). */
const qform = (view: DataView, little: boolean): void => {
  view.setInt16(252, 1, little);
  [0, 0, Math.SQRT1_2, 10, 20, 30].forEach((x, at) => {
    view.setFloat32(256 + 4 * at, x, little);
  });
};

describe('NIfTI', () => {
  it('turns RAS into LPS: x and y change sign, z does not', async () => {
    const v = await read({ name: 'a.nii', bytes: nifti({ fill: sform }) });
    expect(Array.from(v.frameFromIndex)).toEqual([-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0, -10, -20, 30, 1]);
    expect(Array.from(v.voxels)).toEqual(Array.from({ length: 24 }, (_, n) => n - 5));
    expect(v.warnings.map((w) => w.code)).toEqual(['no-frame-of-reference', 'no-patient']);
  });

  it('reads the quaternion, with its third axis turned by qfac', async () => {
    const v = await read({ name: 'a.nii', bytes: nifti({ fill: qform }) });
    expectMatrix(v.frameFromIndex, [0, -2, 0, 0, 3, 0, 0, 0, 0, 0, 4, 0, -10, -20, 30, 1], 1e-6);
    const turned = nifti({
      fill: (view, little) => {
        qform(view, little);
        view.setFloat32(76, -1, little);
      },
    });
    expectMatrix(
      (await read({ name: 'a.nii', bytes: turned })).frameFromIndex,
      [0, -2, 0, 0, 3, 0, 0, 0, 0, 0, -4, 0, -10, -20, 30, 1],
      1e-6,
    );
  });

  it('reads big-endian files', async () => {
    const v = await read({ name: 'a.nii', bytes: nifti({ little: false, fill: sform }) });
    expect(Array.from(v.voxels)).toEqual(Array.from({ length: 24 }, (_, n) => n - 5));
    expect(v.frameFromIndex[12]).toBe(-10);
  });

  it('takes the sform where both are given, and says where they disagree', async () => {
    const both = nifti({
      fill: (view, little) => {
        sform(view, little);
        qform(view, little);
      },
    });
    const v = await read({ name: 'a.nii', bytes: both });
    expect(v.frameFromIndex[0]).toBe(-2);
    expect(v.warnings.map((w) => w.code)).toContain('orientation-assumed');
  });

  it.each([
    ['metres', 1, 1000],
    ['micrometres', 3, 0.001],
    ['no unit named', 0, 1],
  ])('converts %s to millimetres', async (_, unit, factor) => {
    const bytes = nifti({
      fill: (view, little) => {
        sform(view, little);
        view.setUint8(123, unit);
      },
    });
    const v = await read({ name: 'a.nii', bytes });
    expectMatrix(
      v.frameFromIndex,
      [-2, 0, 0, 0, 0, -3, 0, 0, 0, 0, 4, 0, -10, -20, 30, 1 / factor].map((x) => x * factor),
      1e-9,
    );
    expect(v.warnings.some((w) => w.code === 'unit-assumed')).toBe(unit === 0);
  });

  it('keeps slope and intercept, of which slope 0 means none', async () => {
    const scaled = (slope: number): Uint8Array =>
      nifti({
        fill: (view, little) => {
          sform(view, little);
          view.setFloat32(112, slope, little);
          view.setFloat32(116, -7, little);
        },
      });
    expect((await read({ name: 'a.nii', bytes: scaled(2) })).rescale).toEqual({ slope: 2, intercept: -7 });
    expect((await read({ name: 'a.nii', bytes: scaled(0) })).rescale).toEqual({ slope: 1, intercept: 0 });
  });

  it.each([
    ['io/no-geometry', 'neither form', () => {}],
    [
      'io/unsupported-format',
      'a time series',
      (view: DataView) => {
        view.setInt16(40, 4, true);
        view.setInt16(48, 5, true);
      },
    ],
    [
      'io/unsupported-format',
      'colour',
      (view: DataView) => {
        view.setInt16(70, 128, true);
      },
    ],
    [
      'io/not-found',
      'half of a pair',
      (view: DataView) => {
        view.setUint8(345, 0x69);
      },
    ],
    [
      'io/corrupt',
      'a negative size',
      (view: DataView) => {
        view.setInt16(42, -2, true);
      },
    ],
    [
      'io/corrupt',
      'flat axes',
      (view: DataView) => {
        view.setFloat32(280, 0, true);
      },
    ],
    [
      'io/corrupt',
      'NaN in its matrix',
      (view: DataView) => {
        view.setFloat32(284, Number.NaN, true);
      },
    ],
    [
      'io/truncated',
      'more voxels than bytes',
      (view: DataView) => {
        view.setInt16(46, 40, true);
      },
    ],
  ] as const)('%s: %s', async (code, what, spoil) => {
    const fill = (view: DataView): void => {
      if (what !== 'neither form') sform(view, true);
      spoil(view);
    };
    expect(await codeOf({ name: 'a.nii', bytes: nifti({ fill }) })).toBe(code);
  });

  it('accepts a fourth dimension of one', async () => {
    const bytes = nifti({
      fill: (view, little) => {
        sform(view, little);
        view.setInt16(40, 4, little);
      },
    });
    expect((await read({ name: 'a.nii', bytes })).size).toEqual([2, 3, 4]);
  });

  it('reads version 2, with doubles and 64-bit integers', async () => {
    const bytes = new Uint8Array(544 + 64);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, 540, true);
    bytes.set([0x6e, 0x2b, 0x32, 0], 4);
    view.setInt16(12, 1024, true);
    [3, 2, 2, 2, 1, 1, 1, 1].forEach((n, at) => {
      view.setBigInt64(16 + 8 * at, BigInt(n), true);
    });
    view.setBigInt64(168, 544n, true);
    view.setInt32(348, 1, true);
    view.setInt32(500, 2, true);
    [0.1, 0, 0, 1.5, 0, 0.2, 0, 2.5, 0, 0, 0.3, 3.5].forEach((x, at) => {
      view.setFloat64(400 + 8 * at, x, true);
    });
    for (let n = 0; n < 8; n += 1) view.setBigInt64(544 + 8 * n, BigInt(n - 3), true);
    const v = await read({ name: 'a.nii', bytes });
    expect(Array.from(v.frameFromIndex)).toEqual([-0.1, 0, 0, 0, 0, -0.2, 0, 0, 0, 0, 0.3, 0, -1.5, -2.5, 3.5, 1]);
    expect(v.voxels).toEqual(Int32Array.from([-3, -2, -1, 0, 1, 2, 3, 4]));
    view.setBigInt64(544, 2n ** 60n + 1n, true);
    expect(await codeOf({ name: 'a.nii', bytes })).toBe('io/unsupported-format');
  });
});
