import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { frame } from '../../frames/index.js';
import { pythonWith } from '../../io/test-support/real-data.js';
import { identity4, multiply4, rigidityError, transformPoint } from '../../math/index.js';
import { REGISTRATION_METHOD } from './codes.js';
import { type Dataset, encodePart10 } from './part10.js';
import { affineBetween, decodeSpatialRegistration, transformBetween } from './read-spatial-registration.js';
import { encodeSpatialRegistration, rowMajor, type SpatialRegistrationInit } from './spatial-registration.js';
import { CT_FRAME, ctReferences, MR_FRAME, MR_REFERENCES, rigidMatrices, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, dcmdump, HAS_DCIODVFY, HAS_DCMTK, withFile } from './test-support/validators.js';
import { SOP_CLASS } from './uid.js';

const pydicom = pythonWith('pydicom');
const ct = { frame: frame('ct'), frameOfReferenceUid: CT_FRAME };
const mr = { frame: frame('mr'), frameOfReferenceUid: MR_FRAME };

const COVARIANCE = Array.from({ length: 36 }, (_, n) => (n % 7 === 0 ? 0.01 * (1 + n) : 0.001));

function init(matrix: ArrayLike<number>, more: Partial<SpatialRegistrationInit> = {}): SpatialRegistrationInit {
  return {
    ...SAMPLE_INIT,
    fixed: { frameOfReferenceUid: CT_FRAME, references: ctReferences(2) },
    moving: { frameOfReferenceUid: MR_FRAME, references: MR_REFERENCES },
    fixedFromMoving: { matrix, covariance: COVARIANCE, degreesOfFreedom: 15 },
    method: REGISTRATION_METHOD.fiducials,
    treBound: { target: [10, -20.5, 33], boundMm: 2.123456, probability: 0.95 },
    ...more,
  };
}

/** A registration as another program might have written it: a list of matrices, row-major. */
function foreign(matrices: readonly (readonly number[])[], type = 'RIGID', more: Dataset = {}): Uint8Array {
  return encodePart10({
    SOPClassUID: SOP_CLASS.spatialRegistration,
    SOPInstanceUID: '2.25.9',
    FrameOfReferenceUID: CT_FRAME,
    RegistrationSequence: [
      {
        FrameOfReferenceUID: MR_FRAME,
        MatrixRegistrationSequence: [
          {
            MatrixSequence: matrices.map((m) => ({
              FrameOfReferenceTransformationMatrix: m,
              FrameOfReferenceTransformationMatrixType: type,
            })),
          },
        ],
      },
    ],
    ...more,
  });
}

const corners = [-500, 0, 500].flatMap((x) => [-500, 500].flatMap((y) => [-2000, 2000].map((z) => [x, y, z])));

describe('a Spatial Registration', () => {
  it('maps points within 1e-6 mm after it was written and read, whatever the pose', async () => {
    await fc.assert(
      fc.asyncProperty(rigidMatrices(5000), async (matrix) => {
        const read = await decodeSpatialRegistration(encodeSpatialRegistration(init(matrix)).bytes);
        const ctFromMr = transformBetween(read, ct, mr);
        const mrFromCt = transformBetween(read, mr, ct);
        for (const p of corners) {
          const there = transformPoint(new Float64Array(3), matrix, p);
          const back = transformPoint(new Float64Array(3), ctFromMr.matrix, p);
          expect(Math.hypot(...there.map((x, k) => x - (back[k] as number)))).toBeLessThan(1e-9);
          const home = transformPoint(new Float64Array(3), mrFromCt.matrix, there);
          expect(Math.hypot(...home.map((x, k) => x - (p[k] as number)))).toBeLessThan(1e-8);
        }
      }),
    );
  });

  it('brings back its method, bound, covariance, references and provenance', async () => {
    const encoded = encodeSpatialRegistration(init(identity4()));
    const read = await decodeSpatialRegistration(encoded.bytes);
    expect(read).toMatchObject({ sopInstanceUid: encoded.sopInstanceUid, frameOfReferenceUid: CT_FRAME });
    expect(read.provenance).toEqual(SAMPLE_INIT.provenance);
    const [fixed, moving] = read.registrations;
    expect(fixed).toMatchObject({ frameOfReferenceUid: CT_FRAME, references: ctReferences(2) });
    expect(moving).toMatchObject({
      kind: 'RIGID',
      factors: 1,
      method: REGISTRATION_METHOD.fiducials,
      comment: 'TRE 95 % bound 2.13 mm at (10.0, -20.5, 33.0)',
      references: MR_REFERENCES,
      covariance: Float64Array.from(COVARIANCE),
      degreesOfFreedom: 15,
      treBound: { target: Float64Array.from([10, -20.5, 33]), boundMm: 2.123456, probability: 0.95 },
    });
    const ctFromMr = transformBetween(read, ct, mr);
    expect(ctFromMr).toMatchObject({ degreesOfFreedom: 15, provenance: { method: 'paired-points', version: '0.1.0' } });
    expect(ctFromMr.covariance).toEqual(Float64Array.from(COVARIANCE));
    // The other way round the covariance is about another origin: unknown rather than wrong.
    expect(transformBetween(read, mr, ct).covariance).toBeUndefined();
  });

  it('is of the kind that it says, and never a mirror', () => {
    const scale = (x: number, y: number, z: number): Float64Array =>
      Float64Array.of(x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 1, 2, 3, 1);
    const shear = Float64Array.of(1, 0, 0, 0, 0.1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const refused: readonly Partial<SpatialRegistrationInit>[] = [
      { fixedFromMoving: { matrix: scale(1.001, 1, 1) } },
      { fixedFromMoving: { matrix: shear } },
      { fixedFromMoving: { matrix: shear }, kind: 'RIGID_SCALE' },
      { fixedFromMoving: { matrix: scale(-1, 1, 1) } },
      { fixedFromMoving: { matrix: scale(-1, 1, 1) }, kind: 'AFFINE' },
      { fixedFromMoving: { matrix: scale(0, 1, 1) }, kind: 'AFFINE' },
      { fixedFromMoving: { matrix: scale(Number.NaN, 1, 1) }, kind: 'AFFINE' },
      { fixedFromMoving: { matrix: identity4().slice(0, 12) } },
      { fixedFromMoving: { matrix: rowMajor(scale(1, 1, 1)) } },
      { fixedFromMoving: { matrix: identity4(), covariance: [1] } },
      { moving: { frameOfReferenceUid: CT_FRAME } },
      { moving: { frameOfReferenceUid: 'mr' } },
      { provenance: { ...SAMPLE_INIT.provenance, createdAt: '2026-11-27T16:02:39' } },
      { provenance: { ...SAMPLE_INIT.provenance, createdAt: '2026-02-30T16:02:39Z' } },
      { treBound: { target: [0, 0, 0], boundMm: 1, probability: 95 } },
    ];
    for (const more of refused) {
      expect(() => encodeSpatialRegistration(init(identity4(), more)), JSON.stringify(more)).toThrow(
        expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')),
      );
    }
    for (const kind of ['RIGID_SCALE', 'AFFINE'] as const) {
      expect(() => encodeSpatialRegistration(init(scale(1.1, 0.9, 1), { kind }))).not.toThrow();
    }
    expect(() => encodeSpatialRegistration(init(shear, { kind: 'AFFINE' }))).not.toThrow();
  });

  it('of several matrices applies the first one first (C.20.2.1.1)', async () => {
    const turn = [0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const shift = [1, 0, 0, 10, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const read = await decodeSpatialRegistration(foreign([turn, shift]));
    expect(read.registrations[0]?.factors).toBe(2);
    const expected = multiply4(identity4(), rowMajor(shift), rowMajor(turn));
    expect(read.registrations[0]?.matrix).toEqual(expected);
    expect(Array.from(transformPoint(new Float64Array(3), affineBetween(read, ct, mr).matrix, [1, 0, 0]))).toEqual([10, 1, 0]);
  });

  it('relates two moved frames by way of its own', async () => {
    const read = await decodeSpatialRegistration(foreign([[0, -1, 0, 5, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]]));
    const other = { ...(read.registrations[0] as (typeof read.registrations)[0]), frameOfReferenceUid: '1.2.3' };
    const three = {
      ...read,
      registrations: [
        ...read.registrations,
        { ...other, matrix: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 7, 1) },
      ],
    };
    const us = { frame: frame('us'), frameOfReferenceUid: '1.2.3' };
    expect(Array.from(transformPoint(new Float64Array(3), affineBetween(three, us, mr).matrix, [1, 0, 0]))).toEqual([5, 1, -7]);
    expect(() => affineBetween(read, us, mr)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'frame/unknown')));
    const twice = { ...read, registrations: [...read.registrations, ...read.registrations] };
    expect(() => affineBetween(twice, ct, mr)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'frame/unknown')));
  });

  it('of others may be rounded, but not mirrored, contradictory or incomplete', async () => {
    const rounded = [0.866, -0.5, 0, 1, 0.5, 0.866, 0, 2, 0, 0, 1, 3, 0, 0, 0, 1];
    const read = await decodeSpatialRegistration(foreign([rounded]));
    expect(rigidityError(read.registrations[0]?.matrix as Float64Array)).toBeGreaterThan(1e-6);
    expect(affineBetween(read, ct, mr).matrix[0]).toBe(0.866);
    // A transform of ours is rigid to 1e-6: to make it so is for a person to decide.
    expect(() => transformBetween(read, ct, mr)).toThrow(expect.toSatisfy((e: unknown) => isNavError(e, 'frame/not-rigid')));

    const I = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    const wrong: readonly Uint8Array[] = [
      foreign([[-1, ...I.slice(1)]]),
      foreign([[1.1, ...I.slice(1)]]),
      foreign([I], 'HELMERT'),
      foreign([I.slice(0, 12)]),
      foreign([[...I.slice(0, 15), 2]]),
      foreign([]),
      foreign([I], 'RIGID', { RegistrationSequence: [] }),
      foreign([I], 'RIGID', { FrameOfReferenceUID: undefined }),
      foreign([I], 'RIGID', { RegistrationSequence: [{ FrameOfReferenceUID: MR_FRAME }] }),
    ];
    for (const bytes of wrong) {
      await expect(decodeSpatialRegistration(bytes)).rejects.toSatisfy((e) => isNavError(e, 'io/corrupt'));
    }
    const other = foreign([I], 'RIGID', { SOPClassUID: SOP_CLASS.segmentation });
    await expect(decodeSpatialRegistration(other)).rejects.toSatisfy((e) => isNavError(e, 'dicom/unsupported-object'));
  });

  const variations: readonly [string, Partial<SpatialRegistrationInit>][] = [
    ['with all', {}],
    [
      'without images, method, bound',
      {
        fixed: { frameOfReferenceUid: CT_FRAME },
        moving: { frameOfReferenceUid: MR_FRAME },
        method: undefined,
        treBound: undefined,
      },
    ],
    ['affine, of an anonymous patient', { kind: 'AFFINE', study: { studyUid: '1.2.3', patient: {} } }],
    [
      'scaled, not accepted',
      { kind: 'RIGID_SCALE', provenance: { method: 'm', version: '1', createdAt: '2026-11-27T16:02:39Z' } },
    ],
  ];
  it.skipIf(!HAS_DCIODVFY).each(variations)('passes dciodvfy %s', (_, more) => {
    expect(dciodvfyErrors(encodeSpatialRegistration(init(identity4(), more)).bytes)).toEqual([]);
  });

  it.skipIf(!HAS_DCMTK)('is read by dcmtk', () => {
    const text = dcmdump(encodeSpatialRegistration(init(identity4())).bytes);
    expect(text).toContain('[1\\0\\0\\0\\0\\1\\0\\0\\0\\0\\1\\0\\0\\0\\0\\1]');
    expect(text).toContain('Müller^Jürgen');
  });

  it.skipIf(pydicom === undefined)('maps as pydicom has it', () => {
    const matrix = fc.sample(rigidMatrices(300), { numRuns: 1, seed: 7 })[0] as Float64Array;
    const theirs = withFile(encodeSpatialRegistration(init(matrix)).bytes, (path) =>
      pydicom?.(
        `import sys, json, pydicom
d = pydicom.dcmread(sys.argv[1])
m = d.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0].FrameOfReferenceTransformationMatrix
b = d.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0].private_block(0x77, 'TROCAR 1')[0x12].value
print(json.dumps({'m': [float(x) for x in m], 'bound': list(b), 'name': str(d.PatientName)}))`,
        path,
      ),
    ) as { m: number[]; bound: number[]; name: string };
    theirs.m.forEach((x, n) => {
      expect(Math.abs(x - (rowMajor(matrix)[n] as number))).toBeLessThan(1e-12 * 300);
    });
    expect(theirs.bound).toEqual([10, -20.5, 33, 2.123456, 0.95]);
    expect(theirs.name).toBe('Müller^Jürgen');
  });
});
