import { affineTransform, invertAffine, isNavError, type NavErrorCode, point, transform } from '@trocar/core';
import { fromRotationVector } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import { regrid, resample, type Volume, volume } from '@trocar/core/volume';
import { describe, expect, it } from 'vitest';
import { rigidFile } from '../testing/parameter-files.js';
import { ct, ctHead, errorsOf, headPlaces, mr, mrHead, through, warped } from '../testing/phantoms.js';
import { formatParameterMap, type ParameterMap, parseParameterMap, registerImages, resampleThrough } from './index.js';

const SPACING = 4;
const fixed = ctHead(SPACING);
const places = headPlaces(fixed);

const pose = fromRotationVector(new Float64Array(16), [0.12, -0.08, 0.15]);
pose.set([9, -7, 6], 12);
const mrFromCt = transform(mr, ct, pose);
const moving = mrHead(SPACING, pose).volume;

async function refused(code: NavErrorCode, doing: Promise<unknown>): Promise<Error> {
  const error = await doing.then(
    () => new Error(`Nothing was refused as ${code}.`),
    (e: unknown) => e,
  );
  if (!isNavError(error, code)) throw error;
  return error;
}

/** Whole registrations, on machines that may be busy. */
const PATIENCE_MS = 240_000;

describe('registerImages on a head with known truth', { timeout: PATIENCE_MS }, () => {
  it('rigid: CT to MR on an oblique, mirroring grid, within half a voxel everywhere', async () => {
    const steps: number[] = [];
    const result = await registerImages(fixed.volume, moving, { kind: 'rigid', progress: (f) => steps.push(f) });
    const { mean, worst } = errorsOf(
      places,
      (p) => through(result.movingFromFixed, p),
      (p) => through(mrFromCt, p),
    );
    console.log(`rigid: mean ${mean.toFixed(3)} mm, worst ${worst.toFixed(3)} mm, ${(result.totalMs / 1000).toFixed(1)} s`);
    expect(worst).toBeLessThan(SPACING / 2);
    expect(result.outcome).toBe('ok');
    expect(result.after.mutualInformation).toBeGreaterThan(result.before.mutualInformation);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect([steps[0], steps.at(-1), steps.length]).toEqual([0, 1, 4]);
    expect(result.movingFromFixed.provenance?.method).toBe('elastix-rigid');
    const back = through(result.fixedFromMoving, through(result.movingFromFixed, [1, 2, 3]));
    expect(Math.hypot((back[0] as number) - 1, (back[1] as number) - 2, (back[2] as number) - 3)).toBeLessThan(1e-9);
  });

  it('affine: scale and shear within half a voxel everywhere', async () => {
    const m = Float64Array.from(pose);
    for (const [i, s] of [1.06, 0.95, 1.04].entries()) for (let r = 0; r < 3; r += 1) m[4 * i + r] = (m[4 * i + r] as number) * s;
    m[4] = (m[4] as number) + 0.04;
    const truth = affineTransform(mr, ct, m);
    const source = headPhantom({ spacingMm: SPACING, contrast: 'mr', seed: 2 }).volume;
    const grid = { frame: mr, size: source.size, frameFromIndex: source.frameFromIndex };
    const stretched = resample(source, grid, invertAffine(truth));
    const result = await registerImages(fixed.volume, stretched, { kind: 'affine' });
    const { mean, worst } = errorsOf(
      places,
      (p) => through(result.movingFromFixed, p),
      (p) => through(truth, p),
    );
    console.log(`affine: mean ${mean.toFixed(3)} mm, worst ${worst.toFixed(3)} mm, ${(result.totalMs / 1000).toFixed(1)} s`);
    expect(worst).toBeLessThan(SPACING / 2);
  });

  it('B-spline beats rigid and affine on a deformed head, inverts, and warps volumes', async () => {
    const pulls = [
      [40, 20, 60, 9, 0, -5],
      [-30, 60, 20, -7, 8, 0],
      [0, -40, 50, 0, -9, 7],
    ];
    /** How far the moving anatomy at y has come. */
    const shift = (y: ArrayLike<number>): number[] =>
      [0, 1, 2].map((r) =>
        pulls.reduce((sum, b) => {
          const d2 = [0, 1, 2].reduce((s, i) => s + ((y[i] as number) - (b[i] as number)) ** 2, 0);
          return sum + (b[3 + r] as number) * Math.exp(-d2 / (2 * 35 * 35));
        }, 0),
      );
    const source = headPhantom({ spacingMm: SPACING, contrast: 'mr', seed: 2 }).volume;
    const grid = { frame: mr, size: source.size, frameFromIndex: source.frameFromIndex };
    const bent = warped(source, grid, (y) => shift(y).map((s, i) => (y[i] as number) - s));
    // The truth is known from moving to fixed, so errors are judged in the fixed frame: y − shift(y) against p.
    const judged = (map: (p: number[]) => ArrayLike<number>): number =>
      errorsOf(
        places,
        (p) => {
          const y = map(p);
          return shift(y).map((s, i) => (y[i] as number) - s);
        },
        (p) => p,
      ).mean;
    const rigid = await registerImages(fixed.volume, bent, { kind: 'rigid' });
    const affine = await registerImages(fixed.volume, bent, { kind: 'affine' });
    const found = await registerImages(fixed.volume, bent, { kind: 'bspline' });
    const map = found.deformation;
    const means = [
      judged((p) => through(rigid.movingFromFixed, p)),
      judged((p) => through(affine.movingFromFixed, p)),
      judged((p) => map.apply(point(ct, p)).xyz),
    ] as const;
    console.log(
      `deformed head, mean mm: rigid ${means[0].toFixed(2)}, affine ${means[1].toFixed(2)}, B-spline ${means[2].toFixed(2)}`,
    );
    console.log(`B-spline ${(found.totalMs / 1000).toFixed(1)} s`);
    expect(means[2]).toBeLessThan(0.75 * Math.min(means[0], means[1]));
    for (const p of places.slice(0, 200)) {
      const back = map.applyInverse(map.apply(point(ct, p))).xyz;
      expect(Math.hypot(...p.map((x, i) => x - (back[i] as number)))).toBeLessThan(1e-4);
    }
    const straightened = resampleThrough(bent, fixed.volume, map);
    expect(straightened.frame).toBe(fixed.volume.frame);
    expect(straightened.size).toEqual(fixed.volume.size);
    const undeformed = resampleThrough(bent, fixed.volume, rigid.movingFromFixed);
    const right = regrid(source, fixed.volume);
    const far = (v: Volume<'ct'>): number => {
      let sum = 0;
      for (let n = 0; n < v.voxels.length; n += 1) sum += Math.abs((v.voxels[n] as number) - (right.voxels[n] as number));
      return sum / v.voxels.length;
    };
    expect(far(straightened)).toBeLessThan(0.85 * far(undeformed));
  });

  it('the fixed image on a mirrored grid, too', async () => {
    const v = fixed.volume;
    const [ni, nj, nk] = v.size;
    const voxels = v.voxels.slice();
    for (let row = 0; row < nj * nk; row += 1) voxels.subarray(row * ni, (row + 1) * ni).reverse();
    const m = Float64Array.from(v.frameFromIndex);
    for (let r = 0; r < 3; r += 1) {
      m[12 + r] = (m[12 + r] as number) + (ni - 1) * (m[r] as number);
      m[r] = -(m[r] as number);
    }
    const flipped = volume({ frame: ct, voxels, size: v.size, frameFromIndex: m, rescale: v.rescale });
    const result = await registerImages(flipped, moving, { kind: 'rigid' });
    const { worst } = errorsOf(
      places,
      (p) => through(result.movingFromFixed, p),
      (p) => through(mrFromCt, p),
    );
    expect(worst).toBeLessThan(SPACING / 2);
  });

  it('starts from a given transform or from the images’ centres, and repeats itself to the bit', async () => {
    const offset = [400, 250, -300];
    const moved = (m: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: 16 }, (_, n) => (m[n] as number) + (n >= 12 && n < 15 ? (offset[n - 12] as number) : 0));
    const distant = volume({ ...moving, frameFromIndex: moved(moving.frameFromIndex), frameOfReferenceUid: '1.2.3' });
    await refused('registration/no-overlap', registerImages(fixed.volume, distant, { kind: 'rigid' }));
    const centred = await registerImages(fixed.volume, distant, { kind: 'rigid', initial: 'centres' });
    const truth = transform(mr, ct, moved(pose));
    const of = (m: typeof centred): number =>
      errorsOf(
        places,
        (p) => through(m.movingFromFixed, p),
        (p) => through(truth, p),
      ).worst;
    expect(of(centred)).toBeLessThan(SPACING / 2);
    const near = transform(mr, ct, centred.movingFromFixed.matrix);
    const one = await registerImages(fixed.volume, distant, { kind: 'rigid', initial: near });
    const two = await registerImages(fixed.volume, distant, { kind: 'rigid', initial: near });
    expect(of(one)).toBeLessThan(SPACING / 2);
    expect(Array.from(one.movingFromFixed.matrix)).toEqual(Array.from(two.movingFromFixed.matrix));
  });
});

describe('what does not go well', { timeout: PATIENCE_MS }, () => {
  it('stops within a second of being aborted, before or during the work', async () => {
    await refused('registration/aborted', registerImages(fixed.volume, moving, { kind: 'rigid', signal: AbortSignal.abort() }));
    const controller = new AbortController();
    let stoppedAt = 0;
    const work = registerImages(fixed.volume, moving, {
      kind: 'bspline',
      signal: controller.signal,
      progress: (f) => {
        if (f > 0) return;
        setTimeout(() => {
          stoppedAt = performance.now();
          controller.abort();
        }, 300);
      },
    });
    await refused('registration/aborted', work);
    expect(performance.now() - stoppedAt).toBeLessThan(1000);
  });

  it('leaves the event loop free while elastix works', async () => {
    let last = performance.now();
    let gap = 0;
    const timer = setInterval(() => {
      gap = Math.max(gap, performance.now() - last);
      last = performance.now();
    }, 5);
    const parameters = [{ ...rigidFile, MaximumNumberOfIterations: ['50'] }];
    const started = performance.now();
    const { stages } = await registerImages(fixed.volume, moving, { kind: 'rigid', parameters });
    clearInterval(timer);
    // Preparing the images and judging the result take a moment on this thread; the run itself none.
    expect(gap).toBeLessThan(0.5 * (performance.now() - started));
    expect(stages).toHaveLength(1);
  });

  it('refuses a sheared volume, unknown parameters, and a kind that they do not make', async () => {
    const tilted = headPhantom({ spacingMm: 8, tiltDegrees: 10 }).volume;
    expect((await refused('registration/sheared-volume', registerImages(tilted, moving, { kind: 'rigid' }))).message).toMatch(
      /fixed/,
    );
    await refused('registration/sheared-volume', registerImages(fixed.volume, tilted, { kind: 'rigid' }));
    const cases: [RegExp, ReadonlyArray<string | ParameterMap>][] = [
      [/Metric "Nonsense"/, [{ ...rigidFile, Metric: ['Nonsense'] }]],
      [/no Transform/, [{ Metric: ['AdvancedMeanSquares'] }]],
      [/do not make a rigid/, [{ ...rigidFile, Transform: ['AffineTransform'] }]],
      [/do not make a rigid/, []],
      [/Line 2/, ['(Transform "EulerTransform")\nMetric "AdvancedMeanSquares"']],
      [/dimension/, [{ ...rigidFile, FixedImageDimension: ['2'] }]],
      [/HowToCombineTransforms "Add"/, [{ ...rigidFile, HowToCombineTransforms: ['Add'] }]],
      [/UseDirectionCosines "false"/, [{ ...rigidFile, UseDirectionCosines: ['false'] }]],
    ];
    for (const [message, parameters] of cases) {
      const error = await refused(
        'registration/bad-parameters',
        registerImages(fixed.volume, moving, { kind: 'rigid', parameters }),
      );
      expect(error.message).toMatch(message);
    }
    const straight = registerImages(fixed.volume, moving, { kind: 'bspline', parameters: [rigidFile] });
    expect((await refused('registration/bad-parameters', straight)).message).toMatch(/do not make a bspline/);
    const scaled = affineTransform(mr, ct, [1.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    await refused('registration/bad-parameters', registerImages(fixed.volume, moving, { kind: 'rigid', initial: scaled }));
  });

  it('a failure inside elastix is an error with words, not a number', async () => {
    const parameters = [{ ...rigidFile, ImageSampler: ['Nonsense'] }];
    const error = await refused('registration/failed', registerImages(fixed.volume, moving, { kind: 'rigid', parameters }));
    expect(error.message).toMatch(/elastix gave up in stage "1 EulerTransform"/);
  });

  it('makes images coarser to fit into memory and says so, or refuses', async () => {
    const parameters = [{ ...rigidFile, MaximumNumberOfIterations: ['60'] }];
    const reduced = await registerImages(fixed.volume, moving, { kind: 'rigid', parameters, maxBytes: 160e6 });
    expect(reduced.findings.map((f) => f.code)).toEqual(['reduced']);
    expect(reduced.outcome).toBe('ok');
    await refused('registration/too-large', registerImages(fixed.volume, moving, { kind: 'rigid', maxBytes: 150.1e6 }));
  });

  it('refuses an image that shows nothing, where elastix would hand back its start as if it were a result', async () => {
    const still = new Int16Array(fixed.volume.voxels.length).fill(40);
    const blank = new Float32Array(fixed.volume.voxels.length).fill(Number.NaN);
    for (const voxels of [still, blank]) {
      const error = await refused('registration/failed', registerImages({ ...fixed.volume, voxels }, moving, { kind: 'rigid' }));
      expect(error.message).toMatch(/The fixed image shows nothing/);
      await refused('registration/failed', registerImages(moving, { ...fixed.volume, voxels }, { kind: 'rigid' }));
    }
    await refused('registration/bad-parameters', registerImages(fixed.volume, moving, { kind: 'wobbly' as 'rigid' }));
  });

  it('takes voxels without a value, as resampling leaves them, for background', async () => {
    const [ni, nj] = fixed.volume.size;
    const voxels = Float32Array.from(fixed.volume.voxels, (x, n) => (n < 3 * ni * nj || n % ni < 3 ? Number.NaN : x));
    const result = await registerImages({ ...fixed.volume, voxels }, moving, { kind: 'rigid' });
    const { worst } = errorsOf(
      places,
      (p) => through(result.movingFromFixed, p),
      (p) => through(mrFromCt, p),
    );
    expect(worst).toBeLessThan(SPACING / 2);
  });

  it('an image that is not of the same body fails its checks', async () => {
    const noise = fixed.volume.voxels.map((_, n) => ((n * 7919) % 977) + ((n * 104729) % 313));
    const other = volume({ frame: mr, voxels: noise, size: fixed.volume.size, frameFromIndex: fixed.volume.frameFromIndex });
    const half = Float64Array.from([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 150, 150, 0, 1]);
    const result = await registerImages(fixed.volume, other, {
      kind: 'rigid',
      initial: transform(mr, ct, half),
      parameters: [{ ...rigidFile, MaximumNumberOfIterations: ['1'], RequiredRatioOfValidSamples: ['0.01'] }],
    });
    expect(result.outcome).toBe('failed');
  });
});

describe('parameter files', () => {
  it('survive writing and reading', () => {
    expect(parseParameterMap(formatParameterMap(rigidFile))).toEqual(rigidFile);
    expect(parseParameterMap('(Path "http://x" "a b") // comment\n\n(N 1 2.5e-3)')).toEqual({
      Path: ['http://x', 'a b'],
      N: ['1', '2.5e-3'],
    });
  });
});
