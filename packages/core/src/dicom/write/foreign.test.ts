import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { readVolume } from '../../io/index.js';
import { dataPath, unpack } from '../../io/test-support/real-data.js';
import { STRUCTURE } from './codes.js';
import { encodeDeformableRegistration, sampleDisplacements } from './deformable-registration.js';
import { decodeDeformableRegistration } from './read-deformable-registration.js';
import { decodeMeasurementReport } from './read-report.js';
import { decodeSegmentation } from './read-segmentation.js';
import { decodeSpatialRegistration } from './read-spatial-registration.js';
import { encodeMeasurementReport } from './report.js';
import { MEASUREMENT, UNIT } from './report-codes.js';
import { encodeSegmentation } from './segmentation.js';
import { readSource, sourcesOfSlices } from './source-facts.js';
import { encodeSpatialRegistration } from './spatial-registration.js';
import { CT_FRAME, ctReferences, MR_FRAME, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, HAS_DCIODVFY, HAS_DCMTK, withFile } from './test-support/validators.js';

const effort = inject('effort');
const sides = {
  fixed: { frameOfReferenceUid: CT_FRAME, references: ctReferences(2) },
  moving: { frameOfReferenceUid: MR_FRAME },
};
const turn = Float64Array.of(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 4.25, -1 / 3, 7, 1);

/** Each kind of object, with what is read of it as plain values. */
const OBJECTS: readonly [string, Uint8Array, (bytes: Uint8Array) => Promise<unknown>][] = [
  [
    'a Spatial Registration',
    encodeSpatialRegistration({
      ...SAMPLE_INIT,
      ...sides,
      fixedFromMoving: { matrix: turn, covariance: identity6() },
      treBound: { target: [1, 2, 3], boundMm: 2, probability: 0.95 },
    }).bytes,
    decodeSpatialRegistration,
  ],
  [
    'a Deformable Spatial Registration',
    encodeDeformableRegistration({
      ...SAMPLE_INIT,
      ...sides,
      grid: sampleDisplacements({ size: [3, 4, 2], frameFromIndex: turn }, (out, p) => {
        for (let c = 0; c < 3; c += 1) out[c] = (p[c] as number) + Math.sin((p[(c + 1) % 3] as number) / 3);
        return out;
      }),
    }).bytes,
    decodeDeformableRegistration,
  ],
  [
    'a Segmentation',
    encodeSegmentation({
      ...SAMPLE_INIT,
      geometry: { size: [5, 3, 4], frameFromIndex: turn },
      frameOfReferenceUid: CT_FRAME,
      sources: ctReferences(4),
      segments: [
        {
          label: 'Tumour',
          category: STRUCTURE.abnormal,
          type: STRUCTURE.neoplasm,
          algorithm: { type: 'MANUAL' },
          voxels: Uint8Array.from({ length: 60 }, (_, n) => (n % 7 < 3 ? 1 : 0)),
        },
      ],
    }).bytes,
    async (bytes) => {
      const read = await decodeSegmentation(bytes);
      return { ...read, voxelsOf: read.segments.map((s) => read.voxelsOf(s.number)) };
    },
  ],
  [
    'a measurement report',
    encodeMeasurementReport({
      ...SAMPLE_INIT,
      procedure: STRUCTURE.organ,
      groups: [
        {
          trackingId: 'Größe',
          measurements: [
            {
              name: MEASUREMENT.length,
              value: Math.PI,
              unit: UNIT.mm,
              standardUncertainty: 0.1,
              place: { kind: 'POINT', points: [[1, 2, 3]], frameOfReferenceUid: CT_FRAME },
            },
          ],
        },
      ],
    }).bytes,
    decodeMeasurementReport,
  ],
];

function identity6(): Float64Array {
  return Float64Array.from({ length: 36 }, (_, n) => (n % 7 === 0 ? 0.5 : 0));
}

/** The same object in another encoding, by dcmtk. */
function converted(bytes: Uint8Array, ...options: readonly string[]): Uint8Array {
  return withFile(bytes, (path) => {
    execFileSync('dcmconv', [...options, path, `${path}.out`]);
    return Uint8Array.from(readFileSync(`${path}.out`));
  });
}

describe.each(OBJECTS)('%s', (_, bytes, decode) => {
  const encodings: readonly (readonly [string, readonly string[]])[] = [
    ['implicit VR', ['+ti']],
    ['sequences of stated length', ['+te', '+e']],
    ['deflated', ['+td']],
  ];
  it.skipIf(!HAS_DCMTK).each(encodings)('is the same object in another encoding: %s', async (_name, options) => {
    expect(await decode(converted(bytes, ...options))).toEqual(await decode(bytes));
  });

  it('that is damaged is refused by name, or read; nothing else', async () => {
    const change = fc.record({ at: fc.integer({ min: 132, max: bytes.length - 1 }), value: fc.integer({ min: 0, max: 255 }) });
    const mutation = fc.record({
      changes: fc.array(change, { minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.nat(bytes.length), { freq: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ changes, cut }) => {
        const damaged = Uint8Array.from(bytes);
        for (const { at, value } of changes) damaged[at] = value;
        try {
          await decode(cut === null ? damaged : damaged.slice(0, cut));
        } catch (error) {
          if (!isNavError(error)) throw error;
        }
      }),
      { numRuns: 150 * effort },
    );
  });
});

/** The coordinate that differs from slice to slice. */
function sliceAxis(positions: readonly (readonly number[] | undefined)[]): number {
  const spread = [0, 1, 2].map((c) => new Set(positions.map((p) => p?.[c])).size);
  return spread.indexOf(Math.max(...spread));
}

const archive = dataPath('dicom', 'head-mr-t1-dicom.tar.gz');

describe.skipIf(archive.absent)('a segmentation of a real MR', () => {
  it('lies on its voxels, names its slices and joins its study', async () => {
    const { folder, remove } = unpack(archive.path, '.');
    try {
      const paths = execFileSync('find', [folder, '-name', '*.dcm'], { encoding: 'utf8' }).trim().split('\n').sort();
      const files = paths.map((path) => ({ name: path, bytes: Uint8Array.from(readFileSync(path)) }));
      const all = await Promise.all(files.map(async (file) => ({ file, facts: await readSource(file) })));
      // Twelve neighbouring slices are enough, and quick; their order in the folder is not their order in space.
      const height = (each: (typeof all)[0]): number =>
        Number(each.facts.position?.[sliceAxis(all.map((x) => x.facts.position))]);
      const some = all.sort((a, b) => height(a) - height(b)).slice(40, 52);
      const volume = await readVolume(
        some.map((each) => each.file),
        { frame: frame('mr') },
      );
      expect(volume.size[2]).toBe(12);
      const facts = all.map((each) => each.facts);
      const voxels = new Uint8Array(volume.voxels.length);
      for (let n = 0; n < voxels.length; n += 1) voxels[n] = (volume.voxels[n] as number) > 200 ? 1 : 0;
      const segments = [
        {
          label: 'Dense',
          category: STRUCTURE.physicalObject,
          type: STRUCTURE.physicalObject,
          algorithm: { type: 'AUTOMATIC', name: 'Threshold' },
          voxels,
        },
      ] as const;
      const { bytes } = encodeSegmentation({
        ...SAMPLE_INIT,
        study: facts[0]?.study ?? SAMPLE_INIT.study,
        geometry: volume,
        frameOfReferenceUid: volume.frameOfReferenceUid ?? CT_FRAME,
        segments,
        sources: sourcesOfSlices(facts, volume),
      });
      const read = await decodeSegmentation(bytes, { onto: volume });
      expect(Buffer.compare(read.voxelsOf(1), voxels)).toBe(0);
      expect(() => sourcesOfSlices(facts.slice(0, 45), volume)).toThrow(/source images/);
      expect(read.studyUid).toBe(volume.series.studyUid);
      if (HAS_DCIODVFY) expect(dciodvfyErrors(bytes)).toEqual([]);
    } finally {
      remove();
    }
  });
});
