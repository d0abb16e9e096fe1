import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { pythonWith } from '../../io/test-support/real-data.js';
import { identity4, multiply4 } from '../../math/index.js';
import { STRUCTURE } from './codes.js';
import type { GridGeometry } from './grid.js';
import { labOf } from './lab.js';
import { decodeSegmentation, labelVolume, segmentVolume } from './read-segmentation.js';
import { encodeSegmentation, type SegmentationInit, type SegmentInit } from './segmentation.js';
import { CT_FRAME, ctReferences, rigidMatrices, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, dcmdump, HAS_DCIODVFY, HAS_DCMTK, withFile } from './test-support/validators.js';

const pydicom = pythonWith('pydicom');
const ct = frame('ct');

const TUMOUR: Omit<SegmentInit, 'voxels'> = {
  label: 'Tumour 1',
  category: STRUCTURE.abnormal,
  type: STRUCTURE.neoplasm,
  anatomicRegion: STRUCTURE.liver,
  algorithm: { type: 'SEMIAUTOMATIC', name: 'Region growing 1.2' },
  colour: [220, 40, 30],
  trackingId: 'T1',
  trackingUid: '2.25.100',
};
const ZONE: Omit<SegmentInit, 'voxels'> = {
  label: 'Ablation zone',
  category: STRUCTURE.abnormal,
  type: STRUCTURE.ablationZone,
  algorithm: { type: 'AUTOMATIC', name: 'Zone model' },
};
const ORGAN: Omit<SegmentInit, 'voxels'> = {
  label: 'Liver',
  category: STRUCTURE.anatomical,
  type: STRUCTURE.liver,
  algorithm: { type: 'MANUAL' },
};

function geometryOf(
  pose: ArrayLike<number>,
  [a, b, c]: readonly number[],
  size: readonly [number, number, number],
  shear = 0,
): GridGeometry {
  const scale = Float64Array.of(a as number, 0, 0, 0, 0, b as number, 0, 0, 0, shear, c as number, 0, 0, 0, 0, 1);
  return { size, frameFromIndex: multiply4(identity4(), pose, scale) };
}

const PLAIN = geometryOf(identity4(), [0.7, 0.8, 2.5], [5, 3, 4]);

function ball(count: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, n) => (Math.imul(n + 1, 2654435761 * seed) >>> 13) & 1);
}

function init(segments: readonly SegmentInit[], more: Partial<SegmentationInit> = {}): SegmentationInit {
  return { ...SAMPLE_INIT, geometry: PLAIN, frameOfReferenceUid: CT_FRAME, segments, ...more };
}

const two = (): readonly SegmentInit[] => [
  { ...TUMOUR, voxels: ball(60, 1) },
  { ...ZONE, voxels: ball(60, 3) },
];

describe('a binary Segmentation', () => {
  it('comes back voxel for voxel, in place, on any grid and whatever slices are empty', async () => {
    const mm = fc.double({ min: 0.2, max: 6, noNaN: true });
    const grids = fc.record({
      pose: rigidMatrices(800),
      spacing: fc.tuple(mm, mm, mm),
      size: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 6 })),
      mirrored: fc.boolean(),
      shear: fc.double({ min: -2, max: 2, noNaN: true }),
      seed: fc.integer({ min: 1, max: 1e6 }),
    });
    await fc.assert(
      fc.asyncProperty(grids, async ({ pose, spacing, size, mirrored, shear, seed }) => {
        const [a, b, c] = spacing;
        const geometry = geometryOf(pose, [a, b, mirrored ? -c : c], size, shear);
        const area = size[0] * size[1];
        // Slices 0, 2, 3 … are empty now and then; the first voxel is set so that a segment is never empty.
        const voxels = ball(area * size[2], seed).map((x, n) => ((seed >> Math.floor(n / area)) & 1 ? 0 : x));
        voxels[Math.min(area, voxels.length - 1)] = 1;
        const { bytes } = encodeSegmentation(init([{ ...TUMOUR, voxels }], { geometry }));
        const onto = await decodeSegmentation(bytes, { onto: geometry });
        expect(onto.voxelsOf(1)).toEqual(voxels);
        // On its own grid: fewer slices perhaps, and from below upwards, but each voxel in its place.
        const own = segmentVolume(await decodeSegmentation(bytes), 1, ct);
        expect(placesOf(own).sort()).toEqual(placesOf({ voxels, ...geometry }).sort());
      }),
      { numRuns: 40 },
    );
  });

  it('tells its segments, sources and overlap', async () => {
    const { bytes } = encodeSegmentation(init(two(), { sources: ctReferences(4) }));
    const read = await decodeSegmentation(bytes, { onto: PLAIN });
    expect(read.segments).toMatchObject([
      {
        number: 1,
        label: 'Tumour 1',
        category: STRUCTURE.abnormal,
        type: STRUCTURE.neoplasm,
        anatomicRegion: STRUCTURE.liver,
        algorithm: { type: 'SEMIAUTOMATIC', name: 'Region growing 1.2' },
        trackingUid: '2.25.100',
      },
      { number: 2, type: STRUCTURE.ablationZone },
    ]);
    expect(read).toMatchObject({ kind: 'BINARY', frameOfReferenceUid: CT_FRAME, slope: 1, provenance: SAMPLE_INIT.provenance });
    expect([...read.sources].map((s) => s.sopInstanceUid).sort()).toEqual(ctReferences(4).map((s) => s.sopInstanceUid));
    expect(read.voxelsOf(2)).toEqual(ball(60, 3));
    expect(() => read.voxelsOf(3)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')));
    expect(() => labelVolume(read, ct)).toThrow(/overlap/);
  });

  it('takes segments of a label map, and gives one back', async () => {
    const labels = Uint8Array.from({ length: 60 }, (_, n) => [0, 7, 9][n % 3] as number);
    const { bytes } = encodeSegmentation(
      init([
        { ...TUMOUR, voxels: labels, value: 9 },
        { ...ORGAN, voxels: labels, value: 7 },
      ]),
    );
    const volume = labelVolume(await decodeSegmentation(bytes, { onto: PLAIN }), ct);
    expect(Array.from(volume.voxels)).toEqual(Array.from(labels, (x) => (x === 9 ? 1 : x === 7 ? 2 : 0)));
    expect(volume).toMatchObject({ modality: 'SEG', frameOfReferenceUid: CT_FRAME, size: [5, 3, 4] });
  });

  it('is refused where it says nothing, or what DICOM cannot', () => {
    const voxels = ball(60, 1);
    const wrong: readonly SegmentationInit[] = [
      init([]),
      init([{ ...TUMOUR, voxels: new Uint8Array(60) }]),
      init([{ ...TUMOUR, voxels: new Uint8Array(59).fill(1) }]),
      init([{ ...TUMOUR, voxels: voxels.map((x) => 2 * x) }]),
      init([{ ...TUMOUR, voxels: Array.from(voxels, () => Number.NaN) }]),
      init([{ ...ZONE, voxels, algorithm: { type: 'AUTOMATIC' } }]),
      init([{ ...TUMOUR, voxels, trackingUid: undefined }]),
      init([{ ...TUMOUR, voxels, type: { value: '', scheme: 'SCT', meaning: 'x' } }]),
      init([{ ...TUMOUR, voxels }], { sources: ctReferences(3) }),
      init([{ ...TUMOUR, voxels }], { geometry: { ...PLAIN, frameFromIndex: new Float64Array(16) } }),
      init([{ ...TUMOUR, voxels }], { kind: 'PROBABILITY', segments: [{ ...TUMOUR, voxels, value: 1 }] }),
      init([{ ...TUMOUR, voxels: Float32Array.from(voxels, (x) => 1.01 * x) }], { kind: 'OCCUPANCY' }),
    ];
    for (const each of wrong) {
      expect(() => encodeSegmentation(each)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')));
    }
  });

  it("does not pretend to lie on another volume's voxels", async () => {
    const { bytes } = encodeSegmentation(init(two()));
    const moved = (at: number, by: number): GridGeometry => ({
      ...PLAIN,
      frameFromIndex: PLAIN.frameFromIndex && Float64Array.from(PLAIN.frameFromIndex, (x, n) => (n === at ? x + by : x)),
    });
    const others = [
      moved(12, 0.1),
      moved(14, 1.25),
      moved(14, 5),
      moved(0, 0.01),
      moved(1, 0.01),
      { ...PLAIN, size: [5, 4, 4] as const },
    ];
    for (const onto of others) {
      await expect(decodeSegmentation(bytes, { onto })).rejects.toSatisfy((e) => isNavError(e, 'dicom/bad-geometry'));
    }
  });
});

describe('a fractional Segmentation', () => {
  it.each(['PROBABILITY', 'OCCUPANCY'] as const)('of %s comes back to half a step of 1/255', async (kind) => {
    const fractions = Float32Array.from({ length: 60 }, (_, n) => ((n * 7919) % 1009) / 1008);
    const { bytes } = encodeSegmentation(init([{ ...TUMOUR, voxels: fractions }], { kind }));
    const read = await decodeSegmentation(bytes, { onto: PLAIN });
    expect(read.kind).toBe(kind);
    const volume = segmentVolume(read, 1, ct);
    fractions.forEach((x, n) => {
      expect(Math.abs((volume.voxels[n] as number) * volume.rescale.slope - x)).toBeLessThanOrEqual(1 / 510 + 1e-7);
    });
    expect(() => labelVolume(read, ct)).toThrow(/fractions/);
  });
});

describe("others' programs", () => {
  const fractions = Float32Array.from({ length: 60 }, (_, n) => n / 59);
  const variations: readonly [string, SegmentationInit][] = [
    ['two binary segments, with sources', init(two(), { sources: ctReferences(4) })],
    ['one, drawn by hand, without', init([{ ...ORGAN, voxels: ball(60, 1) }])],
    [
      'a multi-frame source',
      init(two(), {
        sources: ctReferences(1).flatMap((r) =>
          [1, 2, 3, 4].map((n) => ({ ...r, sopClassUid: '1.2.840.10008.5.1.4.1.1.2.1', frame: n })),
        ),
      }),
    ],
    ['probabilities', init([{ ...TUMOUR, voxels: fractions }], { kind: 'PROBABILITY' })],
    ['occupancies', init([{ ...TUMOUR, voxels: fractions }], { kind: 'OCCUPANCY', description: 'Partial volume' })],
  ];
  it.skipIf(!HAS_DCIODVFY).each(variations)('dciodvfy passes %s', (_, each) => {
    expect(dciodvfyErrors(encodeSegmentation(each).bytes)).toEqual([]);
  });

  it.skipIf(!HAS_DCMTK)('dcmtk reads it', () => {
    expect(dcmdump(encodeSegmentation(init(two())).bytes)).toMatch(/\(0062,0001\) CS \[BINARY\]/);
  });

  it.skipIf(pydicom === undefined)('pydicom unpacks the same bits', () => {
    const voxels = two().map((s) => Array.from(s.voxels));
    const theirs = withFile(encodeSegmentation(init(two())).bytes, (path) =>
      pydicom?.(
        `import sys, json, numpy as np, pydicom
d = pydicom.dcmread(sys.argv[1])
out = {}
a = d.pixel_array
for n, f in enumerate(d.PerFrameFunctionalGroupsSequence):
    s = f.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    z = float(f.PlanePositionSequence[0].ImagePositionPatient[2])
    out[f'{s} {z}'] = a[n].flatten().tolist()
print(json.dumps(out))`,
        path,
      ),
    ) as Record<string, number[]>;
    voxels.forEach((all, s) => {
      for (let k = 0; k < 4; k += 1) expect(theirs[`${s + 1} ${(2.5 * k).toFixed(1)}`]).toEqual(all.slice(15 * k, 15 * k + 15));
    });
  });
});

it('colours are CIELab under D50', () => {
  // White is L = 100, black 0, both without hue; red is (54.29, 80.80, 69.89) by Lindbloom's calculator.
  expect(labOf([255, 255, 255])).toEqual([65535, 32896, 32896].map((x) => expect.closeTo(x, -1)));
  expect(labOf([0, 0, 0])).toEqual([0, 32896, 32896]);
  const [l, a, b] = labOf([255, 0, 0]);
  expect([(l / 65535) * 100, (a / 65535) * 255 - 128, (b / 65535) * 255 - 128]).toEqual([
    expect.closeTo(54.29, 1),
    expect.closeTo(80.8, 1),
    expect.closeTo(69.89, 1),
  ]);
});

/** Where the voxels that are set lie, mm, rounded to what decimal strings keep. */
function placesOf(v: { voxels: ArrayLike<number>; size: readonly number[]; frameFromIndex: ArrayLike<number> }): string[] {
  const places: string[] = [];
  const [ni, nj] = v.size as [number, number];
  const m = v.frameFromIndex as number[];
  for (let n = 0; n < v.voxels.length; n += 1) {
    if (v.voxels[n] === 0) continue;
    const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    places.push(
      [0, 1, 2]
        .map((r) =>
          Math.round(1e5 * ((m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number))),
        )
        .join(),
    );
  }
  return places;
}
