import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { affineTransform, frame, isNavError } from '@trocar/core';
import { fromRotationVector, identity4, Random, transformPoint } from '@trocar/core/math';
import { volume } from '@trocar/core/volume';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { splineDeformation } from '../deformable/index.js';
import { encodeDisplacementField } from './displacement-field.js';
import { formatParameterMap, type ParameterMap } from './parameters.js';
import { resampleThrough } from './resample-through.js';
import { asElastix } from './spline-maps.js';
import { readTransformFile, writeTransformFile } from './transform-file.js';

const frames = { to: frame('moving'), from: frame('fixed') };

function some(random: Random) {
  const m = fromRotationVector(new Float64Array(16), [0.2, -0.3, 0.4]);
  const gridFrameFromIndex = Float64Array.from(m, (x, n) => (n < 12 && n % 4 < 3 ? x * (9 + Math.floor(n / 4)) : x));
  // A grid whose third axis mirrors.
  for (let r = 8; r < 11; r += 1) gridFrameFromIndex[r] = -(gridFrameFromIndex[r] as number);
  gridFrameFromIndex.set([-30, 20, 55], 12);
  const initial = fromRotationVector(new Float64Array(16), [0.1, 0.2, -0.1]);
  initial.set([5, -7, 11], 12);
  const coefficients = Float64Array.from({ length: 3 * 5 * 6 * 7 }, () => random.between(-2, 2));
  return splineDeformation(frames.to, frames.from, { initial, gridFrameFromIndex, gridSize: [5, 6, 7], coefficients });
}

it('a spline of our own in elastix’s terms is the same map, inside, at the border and outside, and so is its file', async () => {
  const random = new Random(inject('seed'));
  const spline = some(random);
  const there = asElastix(spline);
  const file = await writeTransformFile(there, 'deformed.tfm');
  const back = await readTransformFile(file, frames);
  if (back.kind !== 'deformable') throw new Error(back.kind);
  const [a, b, c] = [0, 1, 2].map(() => new Float64Array(3)) as [Float64Array, Float64Array, Float64Array];
  let bent = 0;
  for (let n = 0; n < 2000; n += 1) {
    const p = [0, 1, 2].map(() => random.between(-150, 150));
    spline.map(a, p);
    there.map(b, p);
    back.deformation.map(c, p);
    expect(Math.hypot(...a.map((x, r) => x - (b[r] as number)))).toBeLessThan(1e-9);
    expect(Math.hypot(...a.map((x, r) => x - (c[r] as number)))).toBeLessThan(1e-9);
    const linear = [0, 1, 2].map((r) =>
      [0, 1, 2].reduce((s, k) => s + (spline.linear[4 * k + r] as number) * (p[k] as number), spline.linear[12 + r] as number),
    );
    bent = Math.max(bent, Math.hypot(...a.map((x, r) => x - (linear[r] as number))));
  }
  expect(bent).toBeGreaterThan(0.5);
  // ITK's text says what is applied last first.
  const text = new TextDecoder().decode(file.bytes);
  expect(text.indexOf('AffineTransform')).toBeLessThan(text.indexOf('BSplineTransform'));
});

it('elastix’s terms have the derivative that our own have, and an inverse to a nanometre', () => {
  const random = new Random(inject('seed') + 1);
  const spline = some(random);
  const there = asElastix(spline);
  const [j, k] = [new Float64Array(9), new Float64Array(9)];
  const q = new Float64Array(3);
  for (let n = 0; n < 300; n += 1) {
    const p = [0, 1, 2].map(() => random.between(-100, 100));
    spline.jacobian(j, p);
    there.jacobian(k, p);
    for (let d = 0; d < 9; d += 1) expect(k[d]).toBeCloseTo(j[d] as number, 9);
    const back = there.applyInverse({ ...there.apply({ frame: frames.from, xyz: p } as never) });
    for (let r = 0; r < 3; r += 1) q[r] = (back.xyz[r] as number) - (p[r] as number);
    expect(Math.hypot(...q)).toBeLessThan(1e-5);
  }
});

const transformix = '/usr/bin/transformix';
const folder = mkdtempSync(join(tmpdir(), 'trocar-transformix-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Where Debian's transformix puts points through a file of transform parameters. */
function through(parameters: string, points: readonly (readonly number[])[]): number[][] {
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('points.txt'), `point\n${points.length}\n${points.map((p) => p.join(' ')).join('\n')}\n`);
  execFileSync(transformix, ['-def', at('points.txt'), '-tp', parameters, '-out', folder], { stdio: 'ignore' });
  const lines = readFileSync(at('outputpoints.txt'), 'utf8').trim().split('\n');
  return lines.map((line) => (/OutputPoint = \[([^\]]*)\]/.exec(line)?.[1] ?? '').trim().split(/\s+/).map(Number));
}

/** What transformix asks of every file, beside the transform: it draws no image here. */
const unused = (earlier = 'NoInitialTransform'): ParameterMap => ({
  // elastix has spelt it in two ways.
  InitialTransformParametersFileName: [earlier],
  InitialTransformParameterFileName: [earlier],
  FixedImageDimension: ['3'],
  MovingImageDimension: ['3'],
  FixedInternalImagePixelType: ['float'],
  MovingInternalImagePixelType: ['float'],
  HowToCombineTransforms: ['Compose'],
  Size: ['10', '10', '10'],
  Index: ['0', '0', '0'],
  Spacing: ['1', '1', '1'],
  Origin: ['0', '0', '0'],
  Direction: ['1', '0', '0', '0', '1', '0', '0', '0', '1'],
  UseDirectionCosines: ['true'],
});

const apart = (p: ArrayLike<number>, q: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((r) => (p[r] as number) - (q[r] as number)));

describe.skipIf(!existsSync(transformix))('Debian’s transformix', () => {
  const random = new Random(inject('seed') + 2);
  const spline = some(random);

  it('puts points where our parameter files say, inside, at the border and outside', () => {
    const points = Array.from({ length: 400 }, () => [0, 1, 2].map(() => random.between(-120, 120)));
    const [first, second] = asElastix(spline).parameterMaps as [ParameterMap, ParameterMap];
    const files = [join(folder, 'first.txt'), join(folder, 'second.txt')] as const;
    writeFileSync(files[0], formatParameterMap({ ...unused(), ...first }));
    writeFileSync(files[1], formatParameterMap({ ...unused(files[0]), ...second }));
    const theirs = through(files[1], points);
    expect(theirs.length).toBe(points.length);
    const bent = points.map((p, n) => {
      const own = spline.map(new Float64Array(3), p);
      // transformix writes six decimals.
      expect(apart(own, theirs[n] as number[])).toBeLessThan(2e-6);
      return apart(own, transformPoint(new Float64Array(3), spline.linear, p));
    });
    expect(Math.max(...bent)).toBeGreaterThan(0.5);
  });

  it.each(['field.nrrd', 'field.mha'])('reads our displacement field, %s, oblique and with a mirrored axis', (name) => {
    // Voxels that no axis has as many of, 2 × 3 × 4 mm.
    const frameFromIndex = fromRotationVector(identity4(), [0.3, -0.2, 0.1]);
    for (let r = 0; r < 3; r += 1) {
      frameFromIndex[r] = 2 * (frameFromIndex[r] as number);
      frameFromIndex[4 + r] = -3 * (frameFromIndex[4 + r] as number);
      frameFromIndex[8 + r] = 4 * (frameFromIndex[8 + r] as number);
    }
    frameFromIndex.set([-20, 60, 10], 12);
    const size = [25, 19, 13] as const;
    const file = encodeDisplacementField(spline, { frame: frames.from, size, frameFromIndex }, name);
    writeFileSync(join(folder, name), file.bytes);
    const parameters = join(folder, `${name}.txt`);
    const map = {
      ...unused(),
      Transform: ['DeformationFieldTransform'],
      DeformationFieldFileName: [join(folder, name)],
      DeformationFieldInterpolationOrder: ['1'],
      NumberOfParameters: ['0'],
    };
    writeFileSync(parameters, formatParameterMap(map));
    const points = Array.from({ length: 200 }, () =>
      Array.from(transformPoint(new Float64Array(3), frameFromIndex, [random.below(25), random.below(19), random.below(13)])),
    );
    through(parameters, points).forEach((q, n) => {
      // Voxel centres: only the 32-bit floats and six decimals are between.
      expect(apart(q, spline.map(new Float64Array(3), points[n] as number[]))).toBeLessThan(2e-5);
    });
  });
});

describe('encodeDisplacementField refuses', () => {
  const spline = some(new Random(inject('seed') + 3));
  const grid = { frame: frames.from, size: [3, 4, 5] as const, frameFromIndex: identity4() };
  const codeOf = (run: () => unknown): unknown => {
    try {
      run();
    } catch (error) {
      return isNavError(error) && error.code;
    }
    return undefined;
  };

  it('another frame, another format, a sheared grid, and a map without a place', () => {
    expect(codeOf(() => encodeDisplacementField(spline, { ...grid, frame: frames.to } as never, 'a.nrrd'))).toBe(
      'frame/mismatch',
    );
    expect(codeOf(() => encodeDisplacementField(spline, grid, 'a.png'))).toBe('io/unsupported-format');
    const frameFromIndex = identity4().map((x, n) => (n === 4 ? 0.3 : x));
    expect(codeOf(() => encodeDisplacementField(spline, { ...grid, frameFromIndex }, 'a.nrrd'))).toBe(
      'registration/sheared-volume',
    );
    const nowhere = { from: frames.from, map: (out: Float64Array) => out.fill(Number.NaN) };
    expect(codeOf(() => encodeDisplacementField(nowhere, grid, 'a.mha'))).toBe('registration/failed');
  });
});

describe('resampleThrough with the nearest voxel', () => {
  const random = new Random(inject('seed') + 4);
  const size = [21, 19, 17] as const;
  const frameFromIndex = Float64Array.of(3, 0, 0, 0, 0, 3, 0, 0, 0, 0, 3, 0, -30, -28, -25, 1);
  const voxels = Uint8Array.from({ length: 21 * 19 * 17 }, () => 3 * random.below(5));
  const labels = volume({ frame: frames.to, voxels, size, frameFromIndex, modality: 'SEG' });
  const grid = {
    frame: frames.from,
    size: [30, 28, 26] as const,
    frameFromIndex: Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -30, -28, -26, 1),
  };
  const labelAt = (q: ArrayLike<number>): number => {
    const i = [0, 1, 2].map((r) => Math.round(((q[r] as number) - (frameFromIndex[12 + r] as number)) / 3)) as [
      number,
      number,
      number,
    ];
    return i.every((x, a) => x >= 0 && x < (size[a] as number)) ? (voxels[i[0] + 21 * (i[1] + 19 * i[2])] as number) : 0;
  };

  it('gives every voxel the label at its place, in the labels’ own type, through a deformation and through a matrix', () => {
    const spline = some(random);
    const linear = affineTransform(frames.to, frames.from, Float64Array.from(spline.linear));
    for (const [map, through] of [
      [spline.map, spline],
      [(out: Float64Array, p: ArrayLike<number>) => transformPoint(out, linear.matrix, p), linear],
    ] as const) {
      const drawn = resampleThrough(labels, grid, through, { interpolation: 'nearest' });
      expect(drawn.voxels).toBeInstanceOf(Uint8Array);
      let shown = 0;
      for (let n = 0; n < drawn.voxels.length; n += 1) {
        const p = transformPoint(new Float64Array(3), grid.frameFromIndex, [
          n % 30,
          Math.floor(n / 30) % 28,
          Math.floor(n / 840),
        ]);
        const expected = labelAt(map(new Float64Array(3), p));
        if (drawn.voxels[n] !== expected) throw new Error(`voxel ${n} is ${drawn.voxels[n]}, not ${expected}`);
        if (expected > 0) shown += 1;
      }
      expect(shown).toBeGreaterThan(1000);
    }
  });

  it('fills what lies outside with the value asked for, in the volume’s own scale', () => {
    const scaled = volume({
      frame: frames.to,
      voxels,
      size,
      frameFromIndex,
      modality: 'SEG',
      rescale: { slope: 2, intercept: 10 },
    });
    const away = affineTransform(frames.to, frames.from, Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 500, 0, 0, 1));
    const drawn = resampleThrough(scaled, grid, away, { interpolation: 'nearest', outside: 18 });
    expect(new Set(drawn.voxels)).toEqual(new Set([4]));
    expect(drawn.rescale).toMatchObject({ slope: 2, intercept: 10 });
  });
});
