import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { dicomFile, dicomSlice, type Tags } from '../../io/test-support/dicom-writer.js';
import { MUTATORS, type Mutator } from '../../io/test-support/mutate.js';
import { fromQuaternion, Random } from '../../math/index.js';
import { type Volume, volume } from '../../volume/index.js';
import {
  type Contour,
  readStructures,
  type Structure,
  type StructureSet,
  structureField,
  structureLabel,
  structureMesh,
} from './index.js';

const ct = frame('ct');
const FRAME_UID = '1.2.3.3';

interface RoiSpec {
  readonly name: string;
  readonly contours: readonly (readonly number[])[];
  readonly kind?: string;
  readonly tags?: Tags;
  /** What Number of Contour Points says; default: the truth. */
  readonly says?: number;
}

/** A structure set, written with the test's own writer. */
function structureSet(rois: readonly RoiSpec[], tags: Tags = {}): Uint8Array {
  return dicomFile({
    '00080005': ['CS', 'ISO_IR 100'],
    '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.481.3'],
    '00080018': ['UI', '1.2.3.50'],
    '00080060': ['CS', 'RTSTRUCT'],
    '00100020': ['LO', 'ID-1'],
    '30060002': ['LO', 'Plan A'],
    '30060010': [
      'SQ',
      [{ '00200052': ['UI', FRAME_UID], '30060012': ['SQ', [{ '30060014': ['SQ', [{ '0020000E': ['UI', '1.2.3.2'] }]] }]] }],
    ],
    '30060020': [
      'SQ',
      rois.map(
        (roi, n): Tags => ({
          '30060022': ['IS', String(n + 1)],
          '30060024': ['UI', FRAME_UID],
          '30060026': ['LO', roi.name],
          '30060036': ['CS', 'MANUAL'],
          ...roi.tags,
        }),
      ),
    ],
    '30060039': [
      'SQ',
      rois.map(
        (roi, n): Tags => ({
          '3006002A': ['IS', '255\\0\\10'],
          '30060040': [
            'SQ',
            roi.contours.map(
              (points): Tags => ({
                '30060042': ['CS', roi.kind ?? 'CLOSED_PLANAR'],
                '30060046': ['IS', String(roi.says ?? points.length / 3)],
                '30060050': ['DS', points.map((x) => String(Number(x.toFixed(4)))).join('\\')],
              }),
            ),
          ],
          '30060084': ['IS', String(n + 1)],
        }),
      ),
    ],
    '30060080': ['SQ', rois.map((_, n): Tags => ({ '30060084': ['IS', String(n + 1)], '300600A4': ['CS', 'GTV'] }))],
    ...tags,
  });
}

const read = (bytes: Uint8Array) => readStructures({ name: 'rs.dcm', bytes });

function circle(centre: readonly number[], r: number, z: number, count = 180): number[] {
  return Array.from({ length: count }, (_, n) => {
    const a = (2 * Math.PI * n) / count;
    return [(centre[0] as number) + r * Math.cos(a), (centre[1] as number) + r * Math.sin(a), z];
  }).flat();
}

function grid(size: [number, number, number], m: ArrayLike<number>): Volume<'ct'> {
  return volume({
    frame: ct,
    voxels: new Uint8Array(size[0] * size[1] * size[2]),
    size,
    frameFromIndex: m,
    frameOfReferenceUid: FRAME_UID,
  });
}

const axial = (spacing: readonly number[], origin: readonly number[]): number[] => [
  ...[spacing[0] as number, 0, 0, 0],
  ...[0, spacing[1] as number, 0, 0],
  ...[0, 0, spacing[2] as number, 0],
  ...[...origin, 1],
];

function structure(contours: readonly number[][], kind: Contour['kind'] = 'closed-planar'): Structure {
  return {
    number: 1,
    name: 'test',
    frameOfReferenceUid: FRAME_UID,
    contours: contours.map((points) => ({ kind, points: Float64Array.from(points) })),
  };
}

describe('a structure set', () => {
  it('is read with names, colours, kinds and points', async () => {
    const set = await read(
      structureSet([
        { name: 'Tumour', contours: [circle([10, 20], 5, 30, 4)] },
        { name: 'Nothing', contours: [] },
      ]),
    );
    expect([set.label, set.referencedSeriesUids, set.patient]).toEqual(['Plan A', ['1.2.3.2'], { id: 'ID-1' }]);
    const [tumour, nothing] = set.structures;
    expect(tumour).toMatchObject({
      number: 1,
      name: 'Tumour',
      colour: [255, 0, 10],
      interpretedType: 'GTV',
      algorithm: 'MANUAL',
      frameOfReferenceUid: FRAME_UID,
    });
    expect(Array.from(tumour?.contours[0]?.points ?? [])).toEqual([15, 20, 30, 10, 25, 30, 5, 20, 30, 10, 15, 30]);
    expect(nothing?.contours).toEqual([]);
    expect(set.warnings.map((w) => w.code)).toEqual(['no-contours']);
  });

  it.each([
    ['another number of points', [{ name: 'x', contours: [circle([0, 0], 5, 0)], says: 7 }], {}],
    ['an unknown kind', [{ name: 'x', contours: [circle([0, 0], 5, 0)], kind: 'SPLINE' }], {}],
    ['a point off its plane', [{ name: 'x', contours: [[0, 0, 0, 9, 0, 0, 9, 9, 0, 0, 9, 3]] }], {}],
    ['two points', [{ name: 'x', contours: [[0, 0, 0, 9, 0, 0]] }], {}],
    ['a number that is none', [{ name: 'x', contours: [[0, 0, 0, 9, 0, 0, 9, Number.NaN, 0]] }], {}],
    ['an undeclared region', [{ name: 'x', contours: [circle([0, 0], 5, 0)], tags: { '30060022': ['IS', '9'] } as Tags }], {}],
  ] as const)('with %s is refused', async (_, rois, tags) => {
    await expect(read(structureSet(rois as unknown as RoiSpec[], tags))).rejects.toMatchObject({ code: 'dicom/bad-structures' });
  });

  it('is refused where the file is another object', async () => {
    await expect(read(dicomSlice())).rejects.toMatchObject({ code: 'dicom/unsupported-object' });
  });
});

describe('a structure on a volume', () => {
  it('labels exactly the voxels whose centre is inside', () => {
    const on = grid([40, 30, 5], axial([0.8, 1.1, 2.5], [-16, -16, 100]));
    const label = structureLabel(structure([0, 1, 2].map((k) => circle([1, 1.3], 9, 102.5 + 2.5 * k, 720))), on);
    for (let k = 0; k < 5; k += 1) {
      for (let j = 0; j < 30; j += 1) {
        for (let i = 0; i < 40; i += 1) {
          const r = Math.hypot(-16 + 0.8 * i - 1, -16 + 1.1 * j - 1.3);
          // The polygon of 720 corners lies within 0.0001 mm of the circle.
          if (Math.abs(r - 9) < 1e-3) continue;
          expect([i, j, k, label.voxels[(k * 30 + j) * 40 + i]]).toEqual([i, j, k, r < 9 && k >= 1 && k <= 3 ? 1 : 0]);
        }
      }
    }
    expect(label.warnings).toEqual([]);
  });

  it('has holes: a contour in another, an island in the hole, and a keyhole', () => {
    const on = grid([41, 41, 1], axial([1, 1, 3], [-20, -20, 0]));
    const nested = structureLabel(structure([circle([0, 0], 15, 0), circle([0, 0], 10, 0), circle([0, 0], 5, 0)]), on);
    const at = (v: Volume<'ct'>, x: number): number | undefined => v.voxels[20 * 41 + 20 + x];
    expect([0, 7, 12, 17].map((x) => at(nested, x))).toEqual([1, 0, 1, 0]);
    const outer = circle([0.1, 0.1], 15, 0, 90);
    const inner = circle([0.1, 0.1], 8, 0, 90);
    // Around the outside, in along a channel, around the inside the other way, and out along the same channel.
    const reversed = Array.from({ length: 90 }, (_, n) => inner.slice(3 * (89 - n), 3 * (89 - n) + 3)).flat();
    const key = structureLabel(structure([[...outer, ...outer.slice(0, 3), ...inner.slice(0, 3), ...reversed]]), on);
    expect([-17, -12, -5, 0, 5, 12].map((x) => at(key, x))).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it('has a surface within half a voxel of the true sphere, on turned grids too', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const random = new Random(seed);
      const turn = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
      const spacing = [random.between(0.6, 1.2), random.between(0.6, 1.2), random.between(1, 2)];
      const m = Float64Array.from(turn, (x, n) => (n < 12 && n % 4 < 3 ? x * (spacing[Math.floor(n / 4)] as number) : x));
      m.set([random.between(-50, 50), random.between(-50, 50), random.between(-50, 50)], 12);
      const on = grid([48, 48, 28], m);
      const [r, c] = [random.between(8, 11), [24, 24, 13.6]];
      const depthOf = (k: number): number => (k - (c[2] as number)) * (spacing[2] as number);
      const contours = Array.from({ length: 28 }, (_, k) => k)
        .filter((k) => Math.abs(depthOf(k)) < r)
        .map((k) => {
          const rho = Math.sqrt(r * r - depthOf(k) ** 2);
          return Array.from({ length: 360 }, (_, n) => {
            const a = (2 * Math.PI * n) / 360;
            const [i, j] = [24 + (rho * Math.cos(a)) / (spacing[0] as number), 24 + (rho * Math.sin(a)) / (spacing[1] as number)];
            return [0, 1, 2].map(
              (q) => (m[q] as number) * i + (m[4 + q] as number) * j + (m[8 + q] as number) * k + (m[12 + q] as number),
            );
          }).flat();
        });
      const centre = [0, 1, 2].map(
        (q) =>
          (m[q] as number) * 24 + (m[4 + q] as number) * 24 + (m[8 + q] as number) * (c[2] as number) + (m[12 + q] as number),
      );
      const { positions } = structureMesh(structure(contours), on);
      let [worst, total] = [0, 0];
      for (let n = 0; n < positions.length; n += 3) {
        const d = Math.abs(Math.hypot(...centre.map((x, q) => (positions[n + q] as number) - x)) - r);
        worst = Math.max(worst, d);
        total += d / (positions.length / 3);
      }
      const voxel = Math.max(...spacing);
      expect([seed, worst / voxel < 0.5 || worst / voxel, total / voxel < 0.1 || total / voxel]).toEqual([seed, true, true]);
    }
  });

  it('drawn on every second slice is bridged, and told; a wider gap is not', () => {
    const on = grid([40, 40, 12], axial([1, 1, 1], [-20, -20, 0]));
    const every = structureLabel(structure([0, 2, 4, 6].map((z) => circle([0, 0], 8 + z / 2, z + 2))), on);
    const inSlice = (v: Volume<'ct'>, k: number): number =>
      Array.from(v.voxels.subarray(k * 1600, (k + 1) * 1600)).reduce((a, b) => a + b, 0);
    expect(inSlice(every, 3)).toBeGreaterThan(inSlice(every, 2));
    expect(inSlice(every, 3)).toBeLessThan(inSlice(every, 4));
    expect([inSlice(every, 0), inSlice(every, 11)]).toEqual([0, 0]);
    const gap = structureLabel(structure([1, 2, 3, 8, 9].map((z) => circle([0, 0], 8, z))), on);
    expect([4, 5, 6, 7].map((k) => inSlice(gap, k) > 0)).toEqual([false, false, false, false]);
    expect(gap.warnings[0]?.message).toContain('1 gap(s)');
    const off = structureField(structure([1.4, 2.4].map((z) => circle([0, 0], 8, z))), on);
    expect(off.warnings[0]?.message).toContain('2 of 2 planes of contours lie off the slices, by up to 0.40 mm');
  });

  it('is refused in another frame of reference, across the slices, or without closed contours', () => {
    const on = grid([40, 40, 12], axial([1, 1, 1], [-20, -20, 0]));
    const code = (f: () => unknown): string => {
      try {
        f();
      } catch (error) {
        if (isNavError(error)) return error.code;
      }
      return 'none';
    };
    const disc = structure([circle([0, 0], 8, 3)]);
    expect(code(() => structureLabel({ ...disc, frameOfReferenceUid: '9.9' }, on))).toBe('guidance/wrong-frame-of-reference');
    expect(code(() => structureLabel({ ...disc, frameOfReferenceUid: undefined }, on))).toBe('guidance/wrong-frame-of-reference');
    expect(code(() => structureLabel({ ...disc, frameOfReferenceUid: '9.9' }, on, { unproven: true }))).toBe('none');
    const upright = Array.from({ length: 4 }, (_, n) => [n & 1 ? 5 : -5, 0, n & 2 ? 9 : 2]).flat();
    expect(code(() => structureLabel(structure([upright]), on))).toBe('dicom/bad-structures');
    expect(code(() => structureLabel(structure([[0, 0, 3]], 'point'), on))).toBe('dicom/bad-structures');
  });
});

describe('a dose grid', () => {
  const dose = (tags: Tags = {}) => {
    const pixels = new Uint8Array(2 * 48 * 3);
    for (let n = 0; n < 144; n += 1) new DataView(pixels.buffer).setUint16(2 * n, n, true);
    const all: Tags = {
      '00080016': ['UI', '1.2.840.10008.5.1.4.1.1.481.2'],
      '00080060': ['CS', 'RTDOSE'],
      '00200032': ['DS', '-10\\5\\40'],
      '00280008': ['IS', '3'],
      '00280103': ['US', 0],
      '00281052': undefined,
      '00281053': undefined,
      '30040002': ['CS', 'GY'],
      '30040004': ['CS', 'PHYSICAL'],
      '3004000C': ['DS', '0\\2.5\\5'],
      '3004000E': ['DS', '0.002'],
      '7FE00010': ['OW', pixels],
      ...tags,
    };
    return readVolume([{ name: 'rd.dcm', bytes: dicomSlice({ tags: all }) }], { frame: ct });
  };

  it('is a volume in gray, its frames at their offsets', async () => {
    const v = await dose();
    expect(v.size).toEqual([8, 6, 3]);
    expect(Array.from(v.frameFromIndex)).toEqual([0.5, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 2.5, 0, -10, 5, 40, 1]);
    expect([v.rescale, v.voxels[100]]).toEqual([{ slope: 0.002, intercept: 0, unit: 'Gy' }, 100]);
  });

  it('with absolute or falling offsets has each frame at its place', async () => {
    expect(Array.from((await dose({ '3004000C': ['DS', '40\\42.5\\45'] })).frameFromIndex)).toEqual(
      Array.from((await dose()).frameFromIndex),
    );
    const falling = await dose({ '3004000C': ['DS', '0\\-2.5\\-5'] });
    expect([falling.frameFromIndex[14], falling.voxels[0]]).toEqual([35, 96]);
    const feet = await dose({ '00200037': ['DS', '1\\0\\0\\0\\-1\\0'], '3004000C': ['DS', '40\\42.5\\45'] });
    const last = [0, 1, 2].map((r) => (feet.frameFromIndex[12 + r] as number) + 2 * (feet.frameFromIndex[8 + r] as number));
    expect([last[2], feet.frameFromIndex[14], feet.voxels[2 * 48]]).toEqual([40, 45, 0]);
  });

  it.each([
    ['no scaling', { '3004000E': undefined }],
    ['other units', { '30040002': ['CS', 'RAD'] }],
    ['no offsets', { '3004000C': undefined }],
    ['offsets that begin anywhere', { '3004000C': ['DS', '7\\9.5\\12'] }],
    ['uncertainties', { '30040004': ['CS', 'ERROR'] }],
  ] as const)('with %s is refused', async (_, tags) => {
    await expect(dose(tags as unknown as Tags)).rejects.toMatchObject({ code: 'dicom/bad-dose' });
  });
});

describe('a damaged structure set', () => {
  it('gives contours of finite points or one of our errors (mutations)', async () => {
    const intact = structureSet([
      { name: 'Tumour', contours: [circle([10, 20], 5, 30, 12), circle([10, 20], 6, 33, 12)] },
      { name: 'Seed', contours: [[1, 2, 3]], kind: 'POINT' },
    ]);
    const random = new Random(inject('seed'));
    const kinds = Object.values(MUTATORS);
    let refused = 0;
    for (let n = 0; n < 300 * inject('effort'); n += 1) {
      const bytes = (kinds[n % kinds.length] as Mutator)(intact, random);
      const outcome = await read(bytes).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        if (!isNavError(outcome)) throw outcome;
        refused += 1;
      } else {
        const { structures } = outcome as StructureSet;
        expect(structures.every((s) => s.contours.every((c) => c.points.every((x) => Number.isFinite(x))))).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });
});
