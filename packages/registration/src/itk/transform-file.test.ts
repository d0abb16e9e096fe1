import { execFileSync } from 'node:child_process';
import { affineTransform, isNavError, type NavErrorCode, point, transform } from '@trocar/core';
import { multiply4, Random } from '@trocar/core/math';
import { describe, expect, it } from 'vitest';
import { randomPose } from '../testing/layouts.js';
import { ct, mr } from '../testing/phantoms.js';
import { affineParameterMap, chainedMatrix } from './elastix-transform.js';
import {
  deformation,
  formatParameterMap,
  type ParameterMap,
  readTransformFile,
  type TransformFile,
  writeTransformFile,
} from './index.js';

const frames = { to: mr, from: ct };
const text = (name: string, body: string): TransformFile => ({ name, bytes: new TextEncoder().encode(body) });
const insight = (body: string): TransformFile => text('t.tfm', `#Insight Transform File V1.0\n${body}`);

async function matrixIn(file: TransformFile): Promise<number[]> {
  const read = await readTransformFile(file, frames);
  if (read.kind !== 'linear') throw new Error('Not linear.');
  return Array.from(read.edge.matrix);
}

async function refused(code: NavErrorCode, doing: Promise<unknown>): Promise<void> {
  const error = await doing.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(isNavError(error, code), String(error)).toBe(true);
}

/** A B-spline on an oblique grid of 6 × 7 × 8 control points, 30 mm apart. */
function spline(random: Random): ParameterMap {
  const r = randomPose(random, 0);
  // The grid's first point, so that its middle lies at the origin.
  const corner = [75, 96, 98];
  const origin = [0, 1, 2].map((row) => -[0, 1, 2].reduce((s, c) => s + (r[4 * c + row] as number) * (corner[c] as number), 0));
  const count = 3 * 6 * 7 * 8;
  return {
    Transform: ['BSplineTransform'],
    BSplineTransformSplineOrder: ['3'],
    NumberOfParameters: [String(count)],
    TransformParameters: Array.from({ length: count }, () => String(random.between(-5, 5))),
    GridSize: ['6', '7', '8'],
    GridIndex: ['0', '0', '0'],
    GridSpacing: ['30', '32', '28'],
    GridOrigin: origin.map(String),
    GridDirection: [0, 1, 2].flatMap((c) => [0, 1, 2].map((row) => String(r[4 * c + row]))),
  };
}

describe('transform files', () => {
  it.each(['a.tfm', 'a.txt', 'a.h5', 'a.mat'])(
    '%s: a rigid and an affine transform come back to the last digit',
    async (name) => {
      const random = new Random(4);
      const rigid = transform(mr, ct, randomPose(random));
      expect(await matrixIn(await writeTransformFile(rigid, name))).toEqual(Array.from(rigid.matrix));
      const sheared = Float64Array.from(rigid.matrix);
      sheared[4] = (sheared[4] as number) + 0.2;
      const affine = affineTransform(mr, ct, sheared);
      expect(await matrixIn(await writeTransformFile(affine, name))).toEqual(Array.from(affine.matrix));
    },
  );

  it.each(['b.tfm', 'b.txt'])('%s: a B-spline on an oblique grid maps points alike', async (name) => {
    const random = new Random(7);
    const given = deformation(mr, ct, [spline(random)]);
    const read = await readTransformFile(await writeTransformFile(given, name), frames);
    if (read.kind !== 'deformable') throw new Error('Not a deformation.');
    let bent = 0;
    for (let n = 0; n < 200; n += 1) {
      const p = point(ct, [random.between(-70, 70), random.between(-70, 70), random.between(-70, 70)]);
      const expected = given.apply(p).xyz;
      expect(Array.from(read.deformation.apply(p).xyz)).toEqual(Array.from(expected));
      if (Array.from(expected).some((x, i) => x !== p.xyz[i])) bent += 1;
    }
    expect(bent).toBeGreaterThan(50);
  });

  it('a composite keeps its order as text, and is refused where it would be lost', async () => {
    const random = new Random(9);
    const first = affineParameterMap(randomPose(random, 20));
    const given = deformation(mr, ct, [first, spline(random)]);
    const file = await writeTransformFile(given, 'c.tfm');
    const kinds = [...new TextDecoder().decode(file.bytes).matchAll(/^Transform: (\w+?)_/gm)].map((m) => m[1]);
    // ITK keeps what is applied first at the end.
    expect(kinds).toEqual(['CompositeTransform', 'BSplineTransform', 'AffineTransform']);
    const read = await readTransformFile(file, frames);
    if (read.kind !== 'deformable') throw new Error('Not a deformation.');
    const p = point(ct, [10, -20, 15]);
    expect(Array.from(read.deformation.apply(p).xyz)).toEqual(Array.from(given.apply(p).xyz));
    await refused('transform/unsupported', writeTransformFile(given, 'c.h5'));
    await refused('transform/unsupported', writeTransformFile(deformation(mr, ct, [spline(random)]), 'c.mat'));
  });

  it('a composite of linear parts is one matrix: the last is applied first', async () => {
    const file = insight(`#Transform 0
Transform: CompositeTransform_double_3_3
#Transform 1
Transform: TranslationTransform_double_3_3
Parameters: 10 0 0
FixedParameters:
#Transform 2
Transform: Euler3DTransform_double_3_3
Parameters: 0 0 ${Math.PI / 2} 0 0 0
FixedParameters: 0 0 0
`);
    const m = await matrixIn(file);
    // (1, 0, 0) turns to (0, 1, 0), then moves to (10, 1, 0).
    expect(m[0] as number).toBeCloseTo(0, 12);
    expect(m[1] as number).toBeCloseTo(1, 12);
    expect(m.slice(12, 15)).toEqual([10, 0, 0]);
  });

  it('every rigid parameterization of ITK, about its centre', async () => {
    const h = Math.SQRT1_2;
    const body = (kind: string, parameters: string): TransformFile =>
      insight(`Transform: ${kind}_double_3_3\nParameters: ${parameters}\nFixedParameters: 5 6 7\n`);
    // A quarter turn about z through (5, 6, 7), then (1, 2, 3).
    const expected = [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5 + 6 + 1, 6 - 5 + 2, 3, 1];
    const files = [
      body('Euler3DTransform', `0 0 ${Math.PI / 2} 1 2 3`),
      body('VersorRigid3DTransform', `0 0 ${h} 1 2 3`),
      body('QuaternionRigidTransform', `0 0 ${h} ${h} 1 2 3`),
      body('Similarity3DTransform', `0 0 ${h} 1 2 3 1`),
      body('Rigid3DTransform', '0 -1 0 1 0 0 0 0 1 1 2 3'),
      body('AffineTransform', '0 -1 0 1 0 0 0 0 1 1 2 3'),
      body('MatrixOffsetTransformBase', '0 -1 0 1 0 0 0 0 1 1 2 3'),
    ];
    for (const file of files) {
      const m = await matrixIn(file);
      m.forEach((x, n) => {
        expect(x).toBeCloseTo(expected[n] as number, 12);
      });
    }
  });

  it('Euler angles in ITK’s two orders', async () => {
    const turn = (axis: 0 | 1 | 2, angle: number): Float64Array => {
      const m = new Float64Array(16);
      m[15] = m[5 * axis] = 1;
      const [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
      m[5 * a] = m[5 * b] = Math.cos(angle);
      m[4 * a + b] = Math.sin(angle);
      m[4 * b + a] = -Math.sin(angle);
      return m;
    };
    const [x, y, z] = [turn(0, 0.3), turn(1, -0.5), turn(2, 0.7)];
    const times = (a: Float64Array, b: Float64Array): Float64Array => multiply4(new Float64Array(16), a, b);
    const euler = (last: string): TransformFile =>
      insight(`Transform: Euler3DTransform_double_3_3\nParameters: 0.3 -0.5 0.7 0 0 0\nFixedParameters: 0 0 0 ${last}\n`);
    for (const [file, expected] of [
      [euler('0'), times(z, times(x, y))],
      [euler('1'), times(z, times(y, x))],
    ] as const) {
      (await matrixIn(file)).forEach((v, n) => {
        expect(v).toBeCloseTo(expected[n] as number, 12);
      });
    }
  });

  it('what is broken or foreign is refused by name', async () => {
    const read = (file: TransformFile): Promise<unknown> => readTransformFile(file, frames);
    await refused('transform/corrupt', read(text('a.tfm', 'Parameters: 1 2 3')));
    await refused('transform/corrupt', read(insight('')));
    await refused('transform/corrupt', read(insight('Transform: AffineTransform_double_3_3\n')));
    await refused(
      'transform/corrupt',
      read(insight('Transform: AffineTransform_double_3_3\nParameters: 1 0 0\nFixedParameters: 0 0 0\n')),
    );
    await refused('transform/corrupt', read(insight('Transform: TranslationTransform_double_3_3\nParameters: 1 NaN 0\n')));
    await refused('transform/corrupt', read(insight('Hello: 3\n')));
    for (const [kind, parameters] of [
      // A vector part longer than 1 belongs to no rotation; a matrix of rank 2 cannot be undone.
      ['VersorTransform', '0.9 0.9 0.9'],
      ['VersorRigid3DTransform', '0.9 0.9 0.9 1 2 3'],
      ['Similarity3DTransform', '0.9 0.9 0.9 1 2 3 1.1'],
      ['AffineTransform', '1 0 0 0 1 0 0 0 0 1 2 3'],
    ]) {
      await refused(
        'transform/corrupt',
        read(insight(`Transform: ${kind}_double_3_3\nParameters: ${parameters}\nFixedParameters: 0 0 0\n`)),
      );
    }
    await refused('transform/corrupt', read(insight('Transform: nothing\n')));
    await refused('transform/unsupported', read(insight('Transform: Euler2DTransform_double_2_2\nParameters: 0 0 0\n')));
    await refused(
      'transform/unsupported',
      read(insight('Transform: ThinPlateSplineKernelTransform_double_3_3\nParameters: 0 0 0\n')),
    );
    const two = 'Transform: TranslationTransform_double_3_3\nParameters: 1 0 0\nFixedParameters:\n';
    await refused('transform/unsupported', read(insight(two + two)));
    await refused('transform/unsupported', read(text('a.xyz', '')));
    await refused('transform/corrupt', read({ name: 'a.h5', bytes: new Uint8Array(100) }));
    await refused('transform/corrupt', read({ name: 'a.mat', bytes: new Uint8Array(3) }));
  });
});

describe('transform files of elastix', () => {
  const random = new Random(11);
  const first = { ...affineParameterMap(randomPose(random, 20)), CenterOfRotationPoint: ['0', '0', '0'] };
  const second = spline(random);
  const file = (name: string, map: ParameterMap): TransformFile => text(name, `// written by hand\n\n${formatParameterMap(map)}`);
  const after = (name: string): ParameterMap => ({ ...second, InitialTransformParameterFileName: [name] });

  it('one file, or one after another that it names, maps points as what was written', async () => {
    const p = point(ct, [12, -7, 20]);
    const alone = await readTransformFile(file('TransformParameters.0.txt', after('NoInitialTransform')), frames);
    if (alone.kind !== 'deformable') throw new Error('Not a deformation.');
    expect(Array.from(alone.deformation.apply(p).xyz)).toEqual(Array.from(deformation(mr, ct, [second]).apply(p).xyz));
    const others = [file('old/TransformParameters.0.txt', first), text('else.txt', '')];
    for (const key of ['InitialTransformParameterFileName', 'InitialTransformParametersFileName']) {
      const last = file('TransformParameters.1.txt', { ...second, [key]: ['/data/run 3/TransformParameters.0.txt'] });
      const both = await readTransformFile(last, frames, others);
      if (both.kind !== 'deformable') throw new Error('Not a deformation.');
      expect(Array.from(both.deformation.apply(p).xyz)).toEqual(Array.from(deformation(mr, ct, [first, second]).apply(p).xyz));
    }
    expect(await matrixIn(file('a.txt', first))).toEqual(Array.from(chainedMatrix([first])));
  });

  it('an earlier transform may be in ITK’s own format', async () => {
    const edge = transform(mr, ct, randomPose(random, 20));
    const read = await readTransformFile(file('b.txt', after('a.tfm')), frames, [await writeTransformFile(edge, 'a.tfm')]);
    if (read.kind !== 'deformable') throw new Error('Not a deformation.');
    const p = point(ct, [12, -7, 20]);
    const expected = deformation(mr, ct, [affineParameterMap(edge.matrix), second]).apply(p).xyz;
    expect(Array.from(read.deformation.apply(p).xyz)).toEqual(Array.from(expected));
  });

  it.each([
    ['an earlier file that is not given', after('other.txt'), 'transform/unsupported'],
    ['itself as the earlier file', after('t.txt'), 'transform/unsupported'],
    ['added transforms', { ...after('first.txt'), HowToCombineTransforms: ['Add'] }, 'transform/unsupported'],
    ['parameters elsewhere', { ...second, UseBinaryFormatForTransformationParameters: ['true'] }, 'transform/unsupported'],
    ['images laid straight', { ...second, UseDirectionCosines: ['false'] }, 'transform/unsupported'],
    ['two dimensions', { ...second, FixedImageDimension: ['2'] }, 'transform/unsupported'],
    ['a kind that is not known', { ...second, Transform: ['SplineKernelTransform'] }, 'transform/unsupported'],
    ['no transform', { Size: ['1'] }, 'transform/corrupt'],
    ['too few parameters', { ...second, TransformParameters: ['1', '2'] }, 'transform/corrupt'],
  ] as const)('is refused: %s', async (_, map, code) => {
    await refused(code, readTransformFile(file('t.txt', map), frames, [file('first.txt', first)]));
  });

  it('is refused: a file cut short', async () => {
    await refused('transform/corrupt', readTransformFile(text('t.txt', '(Transform "AffineTransform")\n(TransformPara'), frames));
  });
});

const python = process.env['TROCAR_PYTHON'] ?? '/usr/bin/python3';

function hasScipy(): boolean {
  try {
    execFileSync(python, ['-c', 'import scipy.io'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasScipy())('against an independent reader (scipy.io)', () => {
  it('a .mat file holds ITK’s parameters and fixed parameters', async () => {
    const edge = affineTransform(mr, ct, [1, 0.1, 0, 0, 0, 1, 0.2, 0, 0.3, 0, 1, 0, 7, 8, 9, 1]);
    const { bytes } = await writeTransformFile(edge, 'a.mat');
    const script =
      'import sys,io,json,scipy.io as s; m=s.loadmat(io.BytesIO(sys.stdin.buffer.read())); ' +
      'print(json.dumps({k:v.ravel().tolist() for k,v in m.items() if not k.startswith("__")}))';
    const read = JSON.parse(execFileSync(python, ['-c', script], { input: bytes, encoding: 'utf8' })) as Record<string, number[]>;
    expect(Object.values(read)).toContainEqual([1, 0, 0.3, 0.1, 1, 0, 0, 0.2, 1, 7, 8, 9]);
    expect(read['fixed']).toEqual([0, 0, 0]);
  });
});
