import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readImageDicomFileSeriesNode } from '@itk-wasm/dicom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { cornersOf, requireNoShear, shearDegrees, type Volume, type VoxelArray } from '../volume/index.js';
import { parseDicomFile } from './dicom/dataset.js';
import { storedValues } from './dicom/pixels.js';
import type { Slice } from './dicom/slice.js';
import { readVolume } from './index.js';
import { platform } from './node/platform.js';
import { dataPath, filesIn, pythonWith, sameBytes, unpack } from './test-support/real-data.js';

const image = frame('image');
const pydicom = pythonWith('pydicom');

/**
 * Corners and a pixel checksum by pydicom alone: slices sorted along the normal, DICOM's equation (PS3.3, C.7.6.2.1.1).
 * Weights differ at every voxel, so that any flip or swap changes the sum.
 */
const PYDICOM = `
import sys, os, json, numpy as np, pydicom
d = sys.argv[1]
ds = []
for f in sorted(os.listdir(d)):
    try: x = pydicom.dcmread(os.path.join(d, f))
    except Exception: continue
    if 'PixelData' in x: ds.append(x)
iop = np.array(ds[0].ImageOrientationPatient, float)
n = np.cross(iop[:3], iop[3:])
ds.sort(key=lambda x: float(np.dot(n, np.array(x.ImagePositionPatient, float))))
dr, dc = [float(s) for s in ds[0].PixelSpacing]
nj, ni = ds[0].Rows, ds[0].Columns
corners = []
for c in range(8):
    s = ds[len(ds) - 1 if c & 4 else 0]
    i, j = (ni - 1 if c & 1 else 0), (nj - 1 if c & 2 else 0)
    corners.append((np.array(s.ImagePositionPatient, float) + i * dc * iop[:3] + j * dr * iop[3:]).tolist())
total = 0
w = (np.arange(ni) % 251 + 1)[None, :] * (np.arange(nj) % 241 + 1)[:, None]
for k, s in enumerate(ds):
    total += (k + 1) * int((s.pixel_array.astype(np.int64) * w).sum())
print(json.dumps({'corners': corners, 'sum': str(total), 'size': [ni, nj, len(ds)]}))
`;

function weightedSum(v: Volume<'image'>): string {
  const [ni, nj, nk] = v.size;
  let total = 0n;
  for (let k = 0; k < nk; k += 1) {
    let slice = 0;
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) slice += (v.voxels[(k * nj + j) * ni + i] as number) * ((i % 251) + 1) * ((j % 241) + 1);
    }
    total += BigInt(k + 1) * BigInt(slice);
  }
  return total.toString();
}

interface Reference {
  readonly corners: number[][];
  readonly sum: string;
  readonly size: number[];
}

function expectAgreement(v: Volume<'image'>, reference: Reference): void {
  expect(v.size).toEqual(reference.size);
  cornersOf(v).forEach((corner, n) => {
    const theirs = reference.corners[n] as number[];
    expect(Math.hypot(...theirs.map((x, r) => x - (corner[r] as number)))).toBeLessThan(0.01);
  });
  expect(weightedSum(v)).toBe(reference.sum);
}

describe('the head MR series', () => {
  const archive = dataPath('dicom', 'head-mr-t1-dicom.tar.gz');
  let data: ReturnType<typeof unpack> | undefined;
  beforeAll(() => {
    if (!archive.absent) data = unpack(archive.path, 'dicom');
  });
  afterAll(() => data?.remove());
  const folder = (): string => data?.folder ?? '';

  it.skipIf(archive.absent)('is read whole, with its identity and what was ignored', async () => {
    const v = await readVolume(folder(), { frame: image });
    expect([v.size, v.modality]).toEqual([[512, 512, 120], 'MR']);
    expect(v.rescale).toEqual({ slope: 1, intercept: 0 });
    expect(v.patient.id).toBe('VS-SEG-001');
    expect(v.series.patientPosition).toBe('HFS');
    expect(v.frameOfReferenceUid).toMatch(/^1[.]3[.]6[.]1/);
    expect(v.warnings.map((w) => [w.code, w.detail])).toEqual([['ignored-files', { files: ['niivue-manifest.txt'] }]]);
    expect(shearDegrees(v)).toBeLessThan(1e-6);
  });

  it.skipIf(archive.absent || pydicom === undefined)('agrees with pydicom in every corner and every pixel', async () => {
    expectAgreement(await readVolume(folder(), { frame: image }), pydicom?.(PYDICOM, folder()) as Reference);
  });

  it.skipIf(archive.absent)('agrees with ITK’s series reader in every pixel', async () => {
    const v = await readVolume(folder(), { frame: image });
    const files = filesIn(folder()).filter((f) => f.endsWith('.dcm'));
    const { outputImage } = await readImageDicomFileSeriesNode({ inputImages: files, singleSortedSeries: false });
    expect(outputImage.size).toEqual([...v.size]);
    const theirs = outputImage.data as Uint16Array;
    let different = 0;
    for (let n = 0; n < v.voxels.length; n += 1) if (theirs[n] !== v.voxels[n]) different += 1;
    expect(different).toBe(0);
  });
});

describe('the phantom CT slices', () => {
  const archive = dataPath('dicom', 'phantom-ct-dicom.tar.gz');
  let data: ReturnType<typeof unpack> | undefined;
  beforeAll(() => {
    if (!archive.absent) data = unpack(archive.path, 'phantom-ct-dicom');
  });
  afterAll(() => data?.remove());
  const folder = (): string => data?.folder ?? '';

  it.skipIf(archive.absent)('have gaps of up to 13.75 mm, and are refused with the first one named', async () => {
    const error = await readVolume(folder(), { frame: image }).catch((e: unknown) => e);
    expect(isNavError(error, 'dicom/missing-slice') && error.detail).toMatchObject({
      files: ['00000265.dcm', '00000191.dcm'],
      missing: 2,
    });
  });

  it.skipIf(archive.absent)('become an even stack where that is asked for, true slices unchanged', async () => {
    const v = await readVolume(folder(), { frame: image, gaps: 'interpolate' });
    expect(v.size).toEqual([512, 512, 404]);
    expect([v.modality, v.rescale, v.series.patientPosition]).toEqual(['CT', { slope: 1, intercept: -1024, unit: 'HU' }, 'FFS']);
    expect(v.warnings.map((w) => w.code)).toEqual(['gaps-filled']);
    expect(v.warnings[0]?.detail).toMatchObject({ planes: 404, filled: 284, largestGapMm: 13.75 });
    for (const file of filesIn(folder()).slice(0, 10)) {
      const { dataset } = await parseDicomFile({ name: file, bytes: new Uint8Array(readFileSync(file)) });
      const z = Number(dataset.string('x00200032')?.split('\\')[2]);
      const k = Math.round((z + 122.25) / 0.625);
      const start = dataset.elements['x7fe00010']?.dataOffset as number;
      const truth = new Int16Array(dataset.byteArray.slice(start, start + 2 * 512 * 512).buffer);
      expect(sameBytes(v.voxels.subarray(k * 512 * 512, (k + 1) * 512 * 512), truth)).toBe(true);
    }
  });
});

describe('the tilted CT', () => {
  const archive = dataPath('dicom', 'tilted-ct.tar.gz');
  let data: ReturnType<typeof unpack> | undefined;
  beforeAll(() => {
    if (!archive.absent) data = unpack(archive.path, 'Philips/S21610/S2010');
  });
  afterAll(() => data?.remove());
  const folder = (): string => data?.folder ?? '';

  it.skipIf(archive.absent)(
    'keeps its shear of 18.50°, with a warning, and is refused where straight axes are needed',
    async () => {
      const v = await readVolume(folder(), { frame: image });
      expect(v.warnings.map((w) => w.code)).toEqual(['gantry-tilt', 'ignored-files']);
      expect(v.warnings[0]?.detail?.['degrees']).toBeCloseTo(18.5, 2);
      expect(() => requireNoShear(v, 'Navigating')).toThrow(/18[.]50°/);
    },
  );

  it.skipIf(archive.absent || pydicom === undefined)('agrees with pydicom in every corner and every pixel', async () => {
    expectAgreement(await readVolume(folder(), { frame: image }), pydicom?.(PYDICOM, folder()) as Reference);
  });
});

describe('transfer syntaxes', () => {
  const folder = dataPath('dicom', 'syntaxes');
  const files = folder.absent ? [] : filesIn(folder.path).map((f) => basename(f));
  const compressed = files.filter((f) => f.startsWith('CTImage.dcm_'));

  it.skipIf(folder.absent)('are six beside the uncompressed one', () => {
    expect(compressed).toHaveLength(6);
  });

  it.skipIf(folder.absent).each(folder.absent ? ['(absent)'] : compressed)('%s: the same pixels and geometry', async (name) => {
    const truth = await readVolume(dataPath('dicom', 'syntaxes', 'CTImage.dcm').path, { frame: image });
    const v = await readVolume(dataPath('dicom', 'syntaxes', name).path, { frame: image });
    expect([v.voxels.constructor, sameBytes(v.voxels, truth.voxels)]).toEqual([truth.voxels.constructor, true]);
    expect([v.frameFromIndex, v.rescale, v.patient, v.frameOfReferenceUid]).toEqual([
      truth.frameFromIndex,
      truth.rescale,
      truth.patient,
      truth.frameOfReferenceUid,
    ]);
    expect([v.voxels.byteOffset, v.voxels.buffer instanceof ArrayBuffer, v.voxels.buffer.byteLength]).toEqual([
      0,
      true,
      v.voxels.byteLength,
    ]);
  });

  it.skipIf(folder.absent).each([
    ['TestPattern_Palette.dcm', 'dicom/unsupported-object'],
    ['TestPattern_RGB.dcm', 'dicom/unsupported-object'],
    ['US-YBR_FULL_422-EVRLE.dcm', 'dicom/missing-geometry'],
    ['no-pixel-data.dcm', 'dicom/no-pixel-data'],
    ['no-pixel-spacing.dcm', 'dicom/missing-geometry'],
  ])('%s is refused: %s', async (name, code) => {
    await expect(readVolume(dataPath('dicom', 'syntaxes', name).path, { frame: image })).rejects.toMatchObject({ code });
  });

  it.skipIf(folder.absent)('compressed pixels that are damaged or cut end in an error or in pixels, not in a hang', async () => {
    for (const name of compressed.filter((f) => /RLE|JPEG2000|JPEGLS/.test(f))) {
      const whole = new Uint8Array(readFileSync(dataPath('dicom', 'syntaxes', name).path));
      const cut = whole.slice(0, Math.floor(whole.length * 0.7));
      await expect(readVolume([{ name, bytes: cut }], { frame: image })).rejects.toMatchObject({ code: 'dicom/truncated' });
      const spoilt = whole.slice();
      spoilt.fill(0xa5, Math.floor(whole.length * 0.5), Math.floor(whole.length * 0.5) + 2000);
      const outcome = await readVolume([{ name, bytes: spoilt }], { frame: image }).catch((e: unknown) => e);
      expect(isNavError(outcome) || (outcome as Volume<'image'>).size.join()).toBeTruthy();
    }
  });
});

describe('enhanced MR', () => {
  const folder = dataPath('dicom', 'enhanced');
  const names = ['emri_small.dcm', 'emri_small_RLE.dcm', 'emri_small_jpeg_2k_lossless.dcm'];

  /** The files lack their functional groups, so their frames are given places here: the pixels are what is tested. */
  async function pixelsOf(name: string): Promise<VoxelArray> {
    const path = dataPath('dicom', 'enhanced', name).path;
    const file = await parseDicomFile({ name, bytes: new Uint8Array(readFileSync(path)) });
    const layout = { bitsAllocated: 16, bitsStored: 12, highBit: 11, signed: false } as const;
    const header = { file, rows: 64, columns: 64, frames: 10, layout };
    const slices = Array.from({ length: 10 }, (_, n) => ({ header, frame: n }) as unknown as Slice);
    return storedValues(slices, { platform, signal: undefined, progress: () => {} });
  }

  it.skipIf(folder.absent)('has the same ten frames in three syntaxes', async () => {
    const truth = await pixelsOf(names[0] as string);
    expect(truth.length).toBe(10 * 64 * 64);
    expect(Math.max(...Array.from(truth))).toBeGreaterThan(100);
    for (const name of names.slice(1)) expect(sameBytes(await pixelsOf(name), truth)).toBe(true);
  });

  it.skipIf(folder.absent).each(names)('%s has lost its functional groups, so it is refused', async (name) => {
    const path = dataPath('dicom', 'enhanced', name).path;
    await expect(readVolume(path, { frame: image })).rejects.toMatchObject({ code: 'dicom/missing-geometry' });
  });

  it.skipIf(folder.absent).each([
    ['US1_UNCI.dcm', 'dicom/missing-geometry'],
    ['liver.dcm', 'dicom/unsupported-object'],
  ])('%s is refused: %s', async (name, code) => {
    await expect(readVolume(dataPath('dicom', 'enhanced', name).path, { frame: image })).rejects.toMatchObject({ code });
  });

  it.skipIf(folder.absent)('a file with a malformed sequence is still read', async () => {
    const v = await readVolume(dataPath('dicom', 'enhanced', 'bad_sequence.dcm').path, { frame: image });
    expect(v.size).toEqual([512, 512, 1]);
  });
});
