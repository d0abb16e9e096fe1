import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { pythonWith } from '../../io/test-support/real-data.js';
import { identity4, multiply4, transformPoint } from '../../math/index.js';
import { REGISTRATION_METHOD } from './codes.js';
import {
  type DeformableRegistrationInit,
  type DisplacementGrid,
  encodeDeformableRegistration,
  sampleDisplacements,
} from './deformable-registration.js';
import { decodeDeformableRegistration, deformPoint, type ReadDeformation } from './read-deformable-registration.js';
import { CT_FRAME, ctReferences, MR_FRAME, MR_REFERENCES, rigidMatrices, SAMPLE_INIT } from './test-support/sample.js';
import { dciodvfyErrors, dcmdump, HAS_DCIODVFY, HAS_DCMTK, withFile } from './test-support/validators.js';

const pydicom = pythonWith('pydicom');

/** A smooth push of up to 8 mm, with no symmetry that an exchange of axes could hide behind. */
function push(out: Float64Array, p: ArrayLike<number>): Float64Array {
  const [x, y, z] = [p[0], p[1], p[2]] as [number, number, number];
  out[0] = x + 5 * Math.sin(y / 30) + 1;
  out[1] = y + 3 * Math.cos(z / 25);
  out[2] = z + 8 * Math.sin((x + y) / 50);
  return out;
}

function gridOn(
  pose: ArrayLike<number>,
  spacing: readonly number[],
  size: readonly [number, number, number],
  mirrored = false,
): DisplacementGrid {
  const [a, b, c] = spacing as [number, number, number];
  const scale = Float64Array.of(a, 0, 0, 0, 0, b, 0, 0, 0, 0, mirrored ? -c : c, 0, 0, 0, 0, 1);
  return sampleDisplacements({ size, frameFromIndex: multiply4(identity4(), pose, scale) }, push);
}

function init(grid: DisplacementGrid, more: Partial<DeformableRegistrationInit> = {}): DeformableRegistrationInit {
  return {
    ...SAMPLE_INIT,
    fixed: { frameOfReferenceUid: CT_FRAME, references: ctReferences(2) },
    moving: { frameOfReferenceUid: MR_FRAME, references: MR_REFERENCES },
    grid,
    method: REGISTRATION_METHOD.imageContent,
    ...more,
  };
}

async function first(bytes: Uint8Array): Promise<ReadDeformation> {
  return (await decodeDeformableRegistration(bytes)).deformations[0] as ReadDeformation;
}

describe('a Deformable Spatial Registration', () => {
  it('carries points of the fixed frame into the moving one, on any grid', async () => {
    const grids = fc.record({
      pose: rigidMatrices(200),
      spacing: fc.tuple(
        fc.double({ min: 0.5, max: 9, noNaN: true }),
        fc.double({ min: 0.5, max: 9, noNaN: true }),
        fc.double({ min: 0.5, max: 9, noNaN: true }),
      ),
      size: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      mirrored: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(grids, async ({ pose, spacing, size, mirrored }) => {
        const grid = gridOn(pose, spacing, size, mirrored);
        const read = await first(encodeDeformableRegistration(init(grid)).bytes);
        for (let n = 0; n < size[0] * size[1] * size[2]; n += 1) {
          const index = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
          const p = transformPoint(new Float64Array(3), grid.frameFromIndex, index);
          const expected = push(new Float64Array(3), p);
          const there = deformPoint(read, p);
          expect(Math.hypot(...expected.map((x, c) => x - (there?.[c] ?? Number.NaN)))).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('is trilinear between nodes, silent beyond them, and takes matrices before and after', async () => {
    const linear = Float64Array.of(1.02, 0.01, 0, 0, -0.03, 0.97, 0.02, 0, 0.01, 0, 1.01, 0, 4, -2, 1, 1);
    const grid = sampleDisplacements(
      { size: [3, 4, 5], frameFromIndex: Float64Array.of(5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 7, 0, -5, -6, -7, 1) },
      (out, p) => transformPoint(out, linear, p),
    );
    const read = await first(encodeDeformableRegistration(init(grid)).bytes);
    const p = [1.3, 2.7, 8.1];
    const expected = transformPoint(new Float64Array(3), linear, p);
    deformPoint(read, p)?.forEach((x, c) => {
      expect(x).toBeCloseTo(expected[c] as number, 5);
    });
    expect(deformPoint(read, [5.01, 0, 0])).toBeUndefined();
    expect(deformPoint(read, [0, 0, -7.01])).toBeUndefined();

    const still: DisplacementGrid = { ...grid, displacements: new Float32Array(3 * 60).map((_, n) => (n % 3 === 0 ? 10 : 0)) };
    const turn = Float64Array.of(0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const stretch = Float64Array.of(1.5, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 3, 1);
    const both = await first(
      encodeDeformableRegistration(
        init(still, { pre: { matrix: turn, kind: 'RIGID' }, post: { matrix: stretch, kind: 'RIGID_SCALE' } }),
      ).bytes,
    );
    // (1, 2, 3) turned is (-2, 1, 3), pushed (8, 1, 3), stretched and moved (12, 1, 6).
    expect(Array.from(deformPoint(both, [1, 2, 3]) ?? [])).toEqual([12, 1, 6]);
    expect(both).toMatchObject({ pre: { kind: 'RIGID' }, post: { kind: 'RIGID_SCALE' }, references: MR_REFERENCES });
    expect(both).toMatchObject({ sourceFrameOfReferenceUid: MR_FRAME, method: REGISTRATION_METHOD.imageContent });
  });

  it('refuses grids that DICOM cannot say, and displacements that are not known', () => {
    const good = gridOn(identity4(), [2, 2, 2], [2, 2, 2]);
    const sheared = Float64Array.from(good.frameFromIndex);
    sheared[8] = 0.5;
    const unknown = Float64Array.from(good.displacements);
    unknown[5] = Number.NaN;
    const mirror = Float64Array.of(-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const wrong = [
      init({ ...good, frameFromIndex: sheared }),
      init({ ...good, displacements: unknown }),
      init({ ...good, displacements: good.displacements as Float64Array, size: [2, 2, 3] }),
      init({ ...good, frameFromIndex: new Float64Array(16) }),
      init(good, { pre: { matrix: mirror, kind: 'AFFINE' } }),
      init(good, { post: { matrix: sheared, kind: 'RIGID' } }),
    ];
    for (const each of wrong) {
      expect(() => encodeDeformableRegistration(each)).toThrow(
        expect.toSatisfy((e: unknown) => isNavError(e, 'dicom/bad-object')),
      );
    }
  });

  it('that is cut or contradicts itself is refused', async () => {
    const { bytes } = encodeDeformableRegistration(init(gridOn(identity4(), [2, 2, 2], [2, 3, 4])));
    // The grid's dimensions, as they are stored: another number of nodes than there are vectors.
    const at = Buffer.from(bytes).indexOf(Buffer.from([0x64, 0, 7, 0, 0x55, 0x4c, 12, 0, 2, 0, 0, 0]));
    const more = Uint8Array.from(bytes);
    more[at + 8] = 3;
    await expect(decodeDeformableRegistration(more)).rejects.toSatisfy((e) => isNavError(e, 'io/corrupt'));
    await expect(decodeDeformableRegistration(bytes.slice(0, at + 100))).rejects.toSatisfy((e) => isNavError(e));
  });

  const grid = gridOn(identity4(), [2, 3, 4], [4, 3, 2]);
  it.skipIf(!HAS_DCIODVFY).each([
    ['with images', init(grid)],
    [
      'without, with matrices',
      init(grid, {
        fixed: { frameOfReferenceUid: CT_FRAME },
        moving: { frameOfReferenceUid: MR_FRAME },
        method: undefined,
        pre: { matrix: identity4(), kind: 'AFFINE' },
      }),
    ],
  ])('passes dciodvfy %s', (_, each) => {
    expect(dciodvfyErrors(encodeDeformableRegistration(each).bytes)).toEqual([]);
  });

  it.skipIf(!HAS_DCMTK)('is read by dcmtk', () => {
    expect(dcmdump(encodeDeformableRegistration(init(grid)).bytes)).toMatch(/\(0064,0007\) UL 4\\3\\2/);
  });

  it.skipIf(pydicom === undefined)("holds the vectors where pydicom's reader looks for them", () => {
    const theirs = withFile(encodeDeformableRegistration(init(grid)).bytes, (path) =>
      pydicom?.(
        `import sys, json, numpy as np, pydicom
d = pydicom.dcmread(sys.argv[1]).DeformableRegistrationSequence[0].DeformableRegistrationGridSequence[0]
nx, ny, nz = d.GridDimensions
v = np.frombuffer(d.VectorGridData, '<f4').reshape(nz, ny, nx, 3)
o = np.array(d.ImageOrientationPatient, float); x, y = o[:3], o[3:]
p = np.array(d.ImagePositionPatient, float) + 3*d.GridResolution[0]*x + 1*d.GridResolution[1]*y + 1*d.GridResolution[2]*np.cross(x, y)
print(json.dumps((p + v[1, 1, 3]).tolist()))`,
        path,
      ),
    ) as number[];
    push(new Float64Array(3), [6, 3, 4]).forEach((x, c) => {
      expect(theirs[c]).toBeCloseTo(x, 5);
    });
  });
});
