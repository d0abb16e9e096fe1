import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError, type NavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { fromQuaternion, Random } from '../../math/index.js';
import { shearDegrees, spacingOf, type Volume } from '../../volume/index.js';
import { type ReadVolumeOptions, readVolume, type VolumeFile } from '../index.js';
import { COLUMNS, dicomSeries, dicomSlice, EXPLICIT_BE, IMPLICIT_LE, ROWS } from '../test-support/dicom-writer.js';

const ct = frame('ct');

function read(files: readonly VolumeFile[], options: Partial<ReadVolumeOptions<'ct'>> = {}): Promise<Volume<'ct'>> {
  return readVolume(files, { frame: ct, ...options });
}

async function refusal(files: readonly VolumeFile[], options: Partial<ReadVolumeOptions<'ct'>> = {}): Promise<NavError> {
  const outcome = await read(files, options).catch((error: unknown) => error);
  if (!isNavError(outcome)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  return outcome;
}

/** The centre of voxel (i, j, k), by the volume's own matrix. */
function centre(v: Volume<'ct'>, i: number, j: number, k: number): number[] {
  const m = v.frameFromIndex;
  return [0, 1, 2].map((r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number));
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, mm: number): void {
  expect(actual.length).toBe(expected.length);
  for (let n = 0; n < actual.length; n += 1)
    expect(Math.abs((actual[n] as number) - (expected[n] as number))).toBeLessThanOrEqual(mm);
}

/** A frame turned any way: direction cosines along a row, along a column, and their normal. */
function anyOrientation(seed: number): { along: number[]; down: number[]; normal: number[] } {
  const m = fromQuaternion(new Float64Array(16), new Random(seed).rotation(new Float64Array(4)), [0, 0, 0]);
  return { along: [...m.slice(0, 3)], down: [...m.slice(4, 7)], normal: [...m.slice(8, 11)] };
}

describe('a DICOM series as a volume', () => {
  it('places an axial series in LPS at voxel centres: columns along i, rows along j, slices along k', async () => {
    const v = await read(dicomSeries(4, { start: [-10, 20, 30], step: [0, 0, 2] }));
    expect(v.size).toEqual([COLUMNS, ROWS, 4]);
    // Pixel Spacing is (row spacing, column spacing): 0.7 mm down a column, 0.5 mm along a row.
    expect(Array.from(v.frameFromIndex)).toEqual([0.5, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 2, 0, -10, 20, 30, 1]);
    expect(v.voxels).toBeInstanceOf(Int16Array);
    for (const [i, j, k] of [
      [0, 0, 0],
      [7, 0, 0],
      [0, 5, 0],
      [0, 0, 3],
      [3, 2, 1],
    ] as const) {
      expect(v.voxels[(k * ROWS + j) * COLUMNS + i]).toBe(i + 10 * j + 100 * k);
    }
    expect(v.rescale).toEqual({ slope: 1, intercept: -1024, unit: 'HU' });
    expect(v.warnings).toEqual([]);
  });

  it('keeps who and what it is of', async () => {
    const v = await read(dicomSeries(2));
    expect(v.patient).toEqual({ name: 'Doe^Jane', id: 'ID-1' });
    expect(v.series).toEqual({ studyUid: '1.2.3.1', seriesUid: '1.2.3.2', description: 'Synthetic', patientPosition: 'HFS' });
    expect(v.frameOfReferenceUid).toBe('1.2.3.3');
    expect(v.modality).toBe('CT');
  });

  it('sorts by position, whatever the order, names and instance numbers of the files', async () => {
    const files = dicomSeries(7);
    const sorted = await read(files);
    const mixed = await read([4, 1, 6, 0, 5, 3, 2].map((k, n) => ({ name: `x${n}`, bytes: (files[k] as VolumeFile).bytes })));
    expect(mixed.voxels).toEqual(sorted.voxels);
    expect(mixed.frameFromIndex).toEqual(sorted.frameFromIndex);
  });

  it('stacks a series acquired downwards along its normal, so that the grid stays right-handed', async () => {
    const v = await read(dicomSeries(3, { start: [0, 0, 100], step: [0, 0, -2] }));
    expect(centre(v, 0, 0, 0)).toEqual([0, 0, 96]);
    expect(v.voxels[0]).toBe(200);
    expect(centre(v, 0, 0, 2)).toEqual([0, 0, 100]);
    expect(v.voxels[2 * ROWS * COLUMNS]).toBe(0);
  });

  it.each([
    ['feet first, supine', 'FFS', [-1, 0, 0, 0, 1, 0], [0, 0, -2]],
    ['head first, prone', 'HFP', [-1, 0, 0, 0, -1, 0], [0, 0, 2]],
    ['sagittal', 'HFS', [0, 1, 0, 0, 0, -1], [-2, 0, 0]],
    ['coronal', 'HFS', [1, 0, 0, 0, 0, -1], [0, 2, 0]],
  ])('takes the geometry of %s images from their tags alone', async (_, patientPosition, orientation, step) => {
    const tags = { '00185100': ['CS', patientPosition] } as const;
    const v = await read(dicomSeries(3, { start: [5, 6, 7], step, each: () => ({ orientation, tags }) }));
    for (let k = 0; k < 3; k += 1) {
      const at = step.map((s, r) => ([5, 6, 7][r] as number) + s * k);
      const corner = at.map((x, r) => x + 7 * 0.5 * (orientation[r] as number) + 5 * 0.7 * (orientation[3 + r] as number));
      const found = [0, 1, 2].find((n) => v.voxels[n * ROWS * COLUMNS] === 100 * k) as number;
      expectClose(centre(v, 0, 0, found), at, 1e-12);
      expectClose(centre(v, 7, 5, found), corner, 1e-12);
    }
    expect(v.series.patientPosition).toBe(patientPosition);
  });

  it('has every voxel where DICOM’s equation puts it, for any orientation, spacing and order (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.double({ min: 0.3, max: 5, noNaN: true }),
        fc.integer({ min: 2, max: 5 }),
        fc.boolean(),
        async (seed, rowSpacing, columnSpacing, step, count, up) => {
          const { along, down, normal } = anyOrientation(seed);
          const start = [0, 1, 2].map((n) => 100 * Math.sin(seed + n));
          const at = (k: number, i = 0, j = 0): number[] =>
            start.map(
              (x, r) =>
                x +
                (up ? 1 : -1) * k * step * (normal[r] as number) +
                i * columnSpacing * (along[r] as number) +
                j * rowSpacing * (down[r] as number),
            );
          const files = Array.from({ length: count }, (_, k) => ({
            name: `${k}`,
            bytes: dicomSlice({
              position: at(k),
              orientation: [...along, ...down],
              pixelSpacing: [rowSpacing, columnSpacing],
              offset: 100 * k,
            }),
          }));
          const v = await read(files);
          for (let n = 0; n < count; n += 1) {
            const k = Math.floor((v.voxels[n * ROWS * COLUMNS] as number) / 100);
            expectClose(centre(v, 0, 0, n), at(k), 1e-9);
            expectClose(centre(v, 7, 2, n), at(k, 7, 2), 1e-9);
            expect(v.voxels[(n * ROWS + 2) * COLUMNS + 7]).toBe(100 * k + 27);
          }
        },
      ),
      { numRuns: 60 * inject('effort') },
    );
  });

  it('keeps gantry tilt as exact shear, with a warning', async () => {
    const tilt = (18.5 * Math.PI) / 180;
    const v = await read(
      dicomSeries(5, { step: [0, 0, 2], each: () => ({ orientation: [1, 0, 0, 0, Math.cos(tilt), -Math.sin(tilt)] }) }),
    );
    expect(v.warnings.map((w) => w.code)).toEqual(['gantry-tilt']);
    expect(v.warnings[0]?.detail?.['degrees']).toBeCloseTo(18.5, 9);
    expect(shearDegrees(v)).toBeCloseTo(18.5, 9);
    expectClose(centre(v, 0, 0, 4), [0, 0, 8], 1e-12);
    expectClose(centre(v, 0, 5, 0), [0, 3.5 * Math.cos(tilt), -3.5 * Math.sin(tilt)], 1e-12);
  });

  it('takes the thickness of a lone slice, and refuses one that has none', async () => {
    const files = dicomSeries(1);
    expect(spacingOf(await read(files))).toEqual([0.5, 0.7, 2]);
    const bare = await refusal(dicomSeries(1, { each: () => ({ tags: { '00180050': undefined } }) }));
    expect([bare.code, bare.detail['absent']]).toEqual(['dicom/missing-geometry', ['(0018,0050)']]);
  });

  it('accepts positions rounded to a tenth of a millimetre, and says so', async () => {
    const files = dicomSeries(9, { each: (k) => ({ position: [0, 0, Math.round(23.7 * k) / 10] }) });
    const v = await read(files);
    expect(v.warnings.map((w) => w.code)).toEqual(['spacing-rounded']);
    expect(v.warnings[0]?.detail?.['offMm']).toBeGreaterThan(0.01);
  });
});

describe('stored values', () => {
  it.each([
    ['implicit little endian', IMPLICIT_LE],
    ['explicit big endian', EXPLICIT_BE],
  ])('are the same in %s', async (_, syntax) => {
    const plain = await read(dicomSeries(3));
    const other = await read(dicomSeries(3, { each: () => ({ syntax }) }));
    expect(other.voxels).toEqual(plain.voxels);
    expect(other.frameFromIndex).toEqual(plain.frameFromIndex);
  });

  it.each([
    ['unsigned 12 of 16 bits', 0, 11, 0xf000 | 0x0abc, 0x0abc],
    ['signed 12 of 16 bits', 1, 11, 0x7800, -2048],
    ['unsigned 12 bits below a high bit of 15', 0, 15, 0xabc7, 0xabc],
    ['signed 12 bits below a high bit of 15', 1, 15, 0x8005, -2048],
  ])('%s lose what does not belong to them', async (_, signed, highBit, raw, expected) => {
    const tags = { '00280101': ['US', 12], '00280102': ['US', highBit], '00280103': ['US', signed] } as const;
    const v = await read([{ name: 'a', bytes: dicomSlice({ pixels: new Array(48).fill(raw), tags }) }]);
    expect(Array.from(v.voxels)).toEqual(new Array(48).fill(expected));
    expect(v.voxels.constructor).toBe(signed === 1 ? Int16Array : Uint16Array);
  });

  it('are the same compressed, also where only some slices are, signed and of 12 bits', async () => {
    const tags = { '00280101': ['US', 12], '00280102': ['US', 11] } as const;
    const pixels = Array.from({ length: ROWS * COLUMNS }, (_, n) => 97 * n - 2048);
    const plain = await read(dicomSeries(5, { each: () => ({ tags, pixels }) }));
    expect(Array.from(plain.voxels.slice(0, 48))).toEqual(pixels.map((x) => (x << 20) >> 20));
    const some = await read(dicomSeries(5, { each: (k) => ({ tags, pixels, rle: k % 2 === 1 }) }));
    const all = await read(dicomSeries(5, { each: (k) => ({ offset: 100 * k, rle: true }) }));
    expect(some.voxels).toEqual(plain.voxels);
    expect(all.voxels).toEqual((await read(dicomSeries(5))).voxels);
  });

  it('of slices with different rescale become values in single precision, with a warning', async () => {
    const v = await read(dicomSeries(2, { each: (k) => ({ slope: k + 0.5, intercept: -k }) }));
    expect(v.voxels).toBeInstanceOf(Float32Array);
    expect(v.rescale).toEqual({ slope: 1, intercept: 0, unit: 'HU' });
    expect(v.voxels[1]).toBe(0.5);
    expect(v.voxels[ROWS * COLUMNS + 1]).toBe(1.5 * 101 - 1);
    expect(v.warnings.map((w) => w.code)).toEqual(['rescale-applied']);
  });

  it('are handed out in a tight array of our own', async () => {
    const files = dicomSeries(2);
    const v = await read(files);
    expect([v.voxels.byteOffset, v.voxels.buffer.byteLength]).toEqual([0, v.voxels.byteLength]);
    const before = v.voxels[0];
    for (const file of files) file.bytes.fill(0);
    expect(v.voxels[0]).toBe(before);
  });
});

describe('a series that cannot be navigated on is refused, and the slice named', () => {
  const without = (files: VolumeFile[], ...gone: number[]): VolumeFile[] => files.filter((_, k) => !gone.includes(k));

  it('with a slice missing', async () => {
    const error = await refusal(without(dicomSeries(6), 3));
    expect(error.code).toBe('dicom/missing-slice');
    expect(error.message).toContain('"s002.dcm" at (0.000, 0.000, 4.000) mm and "s004.dcm" at (0.000, 0.000, 8.000) mm');
    expect(error.message).toContain('missing at (0.000, 0.000, 6.000) mm');
    expect(error.detail).toMatchObject({ files: ['s002.dcm', 's004.dcm'], missing: 1, missingAt: [0, 0, 6] });
  });

  it('with several missing, and where only three slices are left', async () => {
    expect((await refusal(without(dicomSeries(9), 3, 4, 5))).detail).toMatchObject({ missing: 3, missingAt: [0, 0, 6] });
    expect((await refusal(without(dicomSeries(4), 2))).detail).toMatchObject({ files: ['s001.dcm', 's003.dcm'] });
  });

  it('with uneven spacing', async () => {
    const error = await refusal(dicomSeries(6, { each: (k) => ({ position: [0, 0, 2 * k + (k > 3 ? 0.7 : 0)] }) }));
    expect(error.code).toBe('dicom/uneven-spacing');
    expect(error.detail).toMatchObject({ files: ['s003.dcm', 's004.dcm'] });
  });

  it('with a slice shifted sideways', async () => {
    const error = await refusal(dicomSeries(6, { each: (k) => ({ position: [k === 4 ? 0.5 : 0, 0, 2 * k] }) }));
    expect([error.code, error.detail['file']]).toEqual(['dicom/uneven-spacing', 's004.dcm']);
  });

  it('with a position twice', async () => {
    const error = await refusal([...dicomSeries(4), { name: 'again.dcm', bytes: dicomSlice({ position: [0, 0, 2] }) }]);
    expect([error.code, error.detail['files']]).toEqual(['dicom/duplicate-position', ['s001.dcm', 'again.dcm']]);
  });

  it.each([
    ['dicom/mixed-orientation', { orientation: [0, 1, 0, 0, 0, -1] }],
    ['dicom/mixed-orientation', { orientation: [1, 0, 0, 0, Math.cos(0.01), Math.sin(0.01)] }],
    ['dicom/mixed-size', { rows: 7 }],
    ['dicom/mixed-size', { pixelSpacing: [0.7, 0.6] }],
    ['dicom/mixed-size', { tags: { '00280103': ['US', 0] } }],
    ['dicom/mixed-frame-of-reference', { tags: { '00200052': ['UI', '9.9'] } }],
    ['dicom/mixed-frame-of-reference', { tags: { '00200052': undefined } }],
    ['dicom/mixed-patient', { tags: { '00100020': ['LO', 'ID-2'] } }],
    ['dicom/mixed-series', { tags: { '00080060': ['CS', 'MR'] } }],
  ] as const)('%s', async (code, odd) => {
    const error = await refusal(dicomSeries(5, { each: (k) => (k === 2 ? odd : {}) }));
    expect([error.code, error.detail['file']]).toEqual([code, 's002.dcm']);
    expect(error.message).toContain('"s002.dcm" at (0.000, 0.000, 4.000) mm');
    // Errors end in logs: no patient in them.
    expect(JSON.stringify([error.message, error.detail])).not.toMatch(/Doe|ID-/);
  });

  it('with a localizer among its slices, which it calls so', async () => {
    const localizer = { orientation: [1, 0, 0, 0, 0, -1], tags: { '00080008': ['CS', 'ORIGINAL\\PRIMARY\\LOCALIZER'] } } as const;
    const error = await refusal(dicomSeries(4, { each: (k) => (k === 0 ? localizer : {}) }));
    expect(error.code).toBe('dicom/mixed-orientation');
    expect(error.message).toContain('"s000.dcm" is a localizer');
  });

  it.each([
    ['position', '00200032', '(0020,0032)'],
    ['orientation', '00200037', '(0020,0037)'],
    ['pixel spacing', '00280030', '(0028,0030)'],
  ])('without %s', async (_, tag, name) => {
    const hex = name === '(0020,0037)' ? '0x1\\0\\0\\0\\1\\0' : name === '(0020,0032)' ? '0x10\\0\\2' : '0x1\\0x1';
    for (const value of [undefined, ['DS', ''], ['DS', 'abc\\1\\2'], ['DS', '1'], ['DS', hex]] as const) {
      const error = await refusal(dicomSeries(3, { each: (k) => (k === 1 ? { tags: { [tag]: value } } : {}) }));
      expect([error.code, error.detail['file'], error.detail['absent']]).toEqual(['dicom/missing-geometry', 's001.dcm', [name]]);
    }
  });

  it.each([
    ['no unit vectors', { orientation: [2, 0, 0, 0, 1, 0] }],
    ['no right angle', { orientation: [1, 0, 0, 0.6, 0.8, 0] }],
    ['zero spacing', { pixelSpacing: [0, 1] }],
    ['negative spacing', { pixelSpacing: [1, -1] }],
  ])('with an impossible geometry: %s', async (_, odd) => {
    expect((await refusal(dicomSeries(3, { each: () => odd }))).code).toBe('dicom/bad-geometry');
  });

  it.each([
    ['colour', { tags: { '00280002': ['US', 3], '00280004': ['CS', 'RGB'] } }],
    ['a palette', { tags: { '00280004': ['CS', 'PALETTE COLOR'] } }],
    ['inverted grey', { tags: { '00280004': ['CS', 'MONOCHROME1'] } }],
    ['one bit a pixel', { tags: { '00280100': ['US', 1], '00280101': ['US', 1], '00280102': ['US', 0] } }],
    ['bits that contradict each other', { tags: { '00280101': ['US', 17] } }],
    ['a non-linear lookup table', { tags: { '00283000': ['SQ', [{ '00283003': ['LO', 'x'] }]] } }],
  ] as const)('of %s', async (_, odd) => {
    expect((await refusal(dicomSeries(2, { each: () => odd }))).code).toBe('dicom/unsupported-object');
  });

  it.each([
    ['00281053', 'abc'],
    ['00281053', '0'],
    ['00281053', '1\\2'],
    ['00281052', '-1024,5'],
    ['00281052', 'NaN'],
  ])('with a rescale %s of "%s", for which nothing is assumed', async (tag, text) => {
    const error = await refusal(dicomSeries(3, { each: (k) => (k === 1 ? { tags: { [tag]: ['DS', text] } } : {}) }));
    expect([error.code, error.detail['file']]).toEqual(['io/corrupt', 's001.dcm']);
  });

  it('in a transfer syntax nobody decodes', async () => {
    const error = await refusal(dicomSeries(2, { each: () => ({ syntax: '1.2.840.10008.1.2.4.100' }) }));
    expect([error.code, error.detail['syntax']]).toEqual(['dicom/unsupported-syntax', '1.2.840.10008.1.2.4.100']);
  });
});

describe('a folder of several series', () => {
  const two = (): VolumeFile[] => [
    ...dicomSeries(3),
    ...dicomSeries(4, { each: () => ({ tags: { '0020000E': ['UI', '5.6'], '0008103E': ['LO', 'Bone'] } }) }).map((f) => ({
      ...f,
      name: `b${f.name}`,
    })),
  ];

  it('is refused with the list to choose from', async () => {
    const error = await refusal(two());
    expect(error.code).toBe('dicom/mixed-series');
    expect(error.detail['series']).toEqual([
      { uid: '1.2.3.2', description: 'Synthetic', modality: 'CT', slices: 3 },
      { uid: '5.6', description: 'Bone', modality: 'CT', slices: 4 },
    ]);
  });

  it('is read once one is chosen', async () => {
    expect((await read(two(), { seriesUid: '5.6' })).size[2]).toBe(4);
    expect((await read(two(), { seriesUid: '1.2.3.2' })).size[2]).toBe(3);
    expect((await refusal(two(), { seriesUid: '7' })).code).toBe('io/not-found');
  });
});

describe('files beside the images', () => {
  const notes = { name: 'notes.txt', bytes: new TextEncoder().encode('not an image') };
  const report = { name: 'report.dcm', bytes: dicomSlice({ tags: { '7FE00010': undefined, '00280010': undefined } }) };

  it('are ignored aloud', async () => {
    const v = await read([notes, ...dicomSeries(3), report]);
    expect(v.size[2]).toBe(3);
    expect(v.warnings.map((w) => [w.code, w.detail])).toEqual([['ignored-files', { files: ['notes.txt', 'report.dcm'] }]]);
  });

  it('are errors of their own where there is no image', async () => {
    expect((await refusal([notes, notes])).code).toBe('dicom/not-dicom');
    expect((await refusal([notes])).code).toBe('io/unsupported-format');
    expect((await refusal([report])).code).toBe('dicom/no-pixel-data');
    expect((await refusal([])).code).toBe('io/not-found');
  });

  it('are not passed over where they claim to be an image', async () => {
    const cut = { name: 'cut.dcm', bytes: dicomSlice({ position: [0, 0, 6], tags: { '7FE00010': undefined } }) };
    expect((await refusal([...dicomSeries(3), cut])).code).toBe('dicom/no-pixel-data');
  });
});

describe('gaps filled on demand', () => {
  it('lays an even grid through the slices and says how much of it was invented', async () => {
    const files = dicomSeries(6).filter((_, k) => k !== 2 && k !== 3);
    const v = await read(files, { gaps: 'interpolate' });
    expect(v.size).toEqual([COLUMNS, ROWS, 6]);
    for (let k = 0; k < 6; k += 1) expect(v.voxels[k * ROWS * COLUMNS + 3]).toBe(100 * k + 3);
    expectClose(centre(v, 0, 0, 5), [0, 0, 10], 1e-12);
    expect(v.warnings.map((w) => [w.code, w.detail])).toEqual([['gaps-filled', { planes: 6, filled: 2, largestGapMm: 6 }]]);
  });

  it('changes nothing of an even series, and mends neither duplicates nor sideways shifts', async () => {
    const even = await read(dicomSeries(4), { gaps: 'interpolate' });
    expect(even.warnings).toEqual([]);
    const twice = [...dicomSeries(3), { name: 'again.dcm', bytes: dicomSlice({ position: [0, 0, 2] }) }];
    expect((await refusal(twice, { gaps: 'interpolate' })).code).toBe('dicom/duplicate-position');
    const shifted = dicomSeries(6, { each: (k) => ({ position: [k === 4 ? 0.5 : 0, 0, 2 * k] }) });
    expect((await refusal(shifted, { gaps: 'interpolate' })).code).toBe('dicom/uneven-spacing');
  });

  it('refuses to invent most of a volume', async () => {
    const files = dicomSeries(3, { each: (k) => ({ position: [0, 0, [0, 0.5, 100][k] as number] }) });
    expect((await refusal(files, { gaps: 'interpolate' })).code).toBe('dicom/missing-slice');
  });
});
