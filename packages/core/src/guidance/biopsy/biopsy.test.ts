import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { FrameGraph, frame, PoseSample, point, type Status, transform } from '../../frames/index.js';
import { chiSquareQuantile, cholesky, fromQuaternion, fromRotationVector, Random, transformPoint } from '../../math/index.js';
import { codeOf } from '../../test-support/error-code.js';
import { manualClock } from '../../testing/index.js';
import { isosurface, type Volume, volume } from '../../volume/index.js';
import {
  type AnyBiopsyCore,
  type BiopsyCore,
  ballToSample,
  biopsyGun,
  biopsyMap,
  coreSampling,
  depthStop,
  labelToSample,
  meshToSample,
  nextTargets,
  recordCore,
} from './index.js';
import { normalQuantile, sobolPoints } from './sobol.js';

const [mr, tracker, needle] = [frame('mr'), frame('tracker'), frame('needle')];
const uid = '2.25.77';
const image = { frame: mr, frameOfReferenceUid: uid };
/** As an 18 G gun for the prostate: 22 mm throw, 19 mm notch, 5 mm of dead end. */
const gun = biopsyGun({ name: '18 G × 20 cm', deadEndMm: 5, notchMm: 19, throwMm: 22, needleMm: 200 });
const said = { by: 'A. Surgeon', at: '2026-03-04T09:10:11Z', gun, image };

interface Scene {
  readonly sdMm?: number;
  readonly sdRad?: number;
  readonly noise?: { positionSdMm: number; rotationSdRad: number } | undefined;
  readonly status?: Status;
  readonly dof?: number;
  readonly at?: readonly number[];
  readonly ageMs?: number;
}

/** A tracked needle whose tip is at `at` in the images, pointing along −z there; registration and tracking with errors. */
function scene(s: Scene = {}) {
  const { sdMm = 0.8, sdRad = 0.01, status = 'ok', at = [10, -20, 30], ageMs = 20 } = s;
  const noise = 'noise' in s ? s.noise : { positionSdMm: 0.4, rotationSdRad: 0.01 };
  const covariance = new Float64Array(36);
  for (let k = 0; k < 6; k += 1) covariance[7 * k] = (k < 3 ? sdMm : sdRad) ** 2;
  const registration = transform(mr, tracker, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [0, 0, 0]), {
    covariance,
    ...(s.dof !== undefined && { degreesOfFreedom: s.dof }),
  });
  const graph = new FrameGraph();
  graph.set(registration);
  const buffer = graph.stream(tracker, needle, noise === undefined ? {} : { noise });
  const clock = manualClock(1000);
  const sample = new PoseSample();
  sample.measuredAt = clock.now();
  sample.arrivedAt = clock.now();
  sample.status = status;
  sample.setPose(at[0] as number, at[1] as number, at[2] as number, 0, 0, 0, 1);
  buffer.push(sample);
  clock.advance(ageMs);
  graph.tick(clock.now());
  return { path: graph.path(mr, needle), registration };
}

const recorded = (s: Scene = {}, id = 'L-mid-1'): BiopsyCore<'mr'> => {
  const { path, registration } = scene(s);
  return recordCore(path, { ...said, id, registration });
};

describe('a core', () => {
  it('lies where the notch does after firing, with its error along it', () => {
    const core = recorded();
    // The tip goes from z = 30 by 22 mm to 8; 5 mm behind it the notch begins, 19 mm long.
    expect(core.far).toEqual([10, -20, 13]);
    expect(core.near).toEqual([10, -20, 32]);
    expect(core).toMatchObject({ status: 'ok', ageMs: 20, by: 'A. Surgeon', frameOfReferenceUid: uid, id: 'L-mid-1' });
    const variance = (c: readonly number[]): number => (c[0] as number) + (c[4] as number) + (c[8] as number);
    // Registration at p, and tracking about the tip: 3σ² + 2 σφ² r² each.
    const expected = (z: number): number =>
      3 * 0.8 ** 2 + 2 * 1e-4 * (10 ** 2 + 20 ** 2 + z ** 2) + 3 * 0.4 ** 2 + 2 * 1e-4 * (z - 30) ** 2;
    expect(variance(core.covarianceAlong.near)).toBeCloseTo(expected(32), 9);
    expect(variance(core.covarianceAlong.middle)).toBeCloseTo(expected(22.5), 9);
    expect(variance(core.covarianceAlong.far)).toBeCloseTo(expected(13), 9);
  });

  it('through a guide lies along the guide, from its mouth', () => {
    const { path } = scene();
    const guide = { origin: [0, 30, 5], direction: [0, 0.6, -0.8], insertedMm: 40 } as const;
    const core = recordCore(path, { ...said, id: '1', guide });
    const on = (mm: number): number[] => [10, -20 + 30 + 0.6 * mm, 30 + 5 - 0.8 * mm];
    for (const k of [0, 1, 2]) {
      expect(core.far[k]).toBeCloseTo(on(40 + 22 - 5)[k] as number, 9);
      expect(core.near[k]).toBeCloseTo(on(40 + 22 - 24)[k] as number, 9);
    }
    expect(codeOf(() => recordCore(path, { ...said, id: '1', guide, toolAxis: [0, 0, -1] }))).toBe('biopsy/bad-instrument');
    expect(codeOf(() => recordCore(path, { ...said, id: '1', toolAxis: [0, 0, 0] }))).toBe('biopsy/bad-instrument');
  });

  it('is never one whose pose was not live, and the refusal names the status', () => {
    for (const status of ['unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'] as const) {
      expect(codeOf(() => recorded({ status }))).toBe('biopsy/not-live');
    }
    // Ok when measured, but too long ago when fired.
    expect(() => recorded({ ageMs: 400 })).toThrow(/"stale"/);
    expect(recorded({ ageMs: 100 }).status).toBe('ok');
  });

  it.each([
    ['an unknown error', () => recordCore(scene({ noise: undefined }).path, { ...said, id: '1' }), 'biopsy/no-covariance'],
    [
      'other images',
      () => recordCore(scene().path, { ...said, id: '1', image: { ...image, frame: frame('ct') } as never }),
      'frame/mismatch',
    ],
    [
      'images of no frame of reference',
      () => recordCore(scene().path, { ...said, id: '1', image: { frame: mr, frameOfReferenceUid: undefined } }),
      'guidance/wrong-frame-of-reference',
    ],
    ['no id', () => recordCore(scene().path, { ...said, id: ' ' }), 'biopsy/bad-core'],
    ['nobody', () => recordCore(scene().path, { ...said, id: '1', by: '' }), 'biopsy/bad-core'],
    ['local time', () => recordCore(scene().path, { ...said, id: '1', at: '2026-03-04T09:10:11' }), 'biopsy/bad-core'],
    [
      "another path's registration",
      () => recordCore(scene().path, { ...said, id: '1', registration: scene({ sdMm: 3 }).registration }),
      'biopsy/bad-core',
    ],
    [
      'a registration without an error',
      () => recordCore(scene().path, { ...said, id: '1', registration: transform(mr, tracker, scene().registration.matrix) }),
      'biopsy/no-covariance',
    ],
  ])('refuses %s', (_, run, code) => {
    expect(codeOf(run)).toBe(code);
  });

  it('cannot be changed, and survives being stored', () => {
    const core = recorded() as AnyBiopsyCore;
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(core)).toBe(true);
    expect(() => {
      (core.near as number[])[0] = 0;
    }).toThrow(TypeError);
    const stored = JSON.parse(JSON.stringify(core));
    expect(stored.covariance).toEqual(core.covariance);
    expect(stored.far).toEqual(core.far);
    const lesion = ballToSample('lesion', point(mr, [12, -20, 22]), 3);
    expect(coreSampling(stored, lesion as never)).toEqual(coreSampling(core as BiopsyCore<'mr'>, lesion));
    expect(codeOf(() => coreSampling({ ...stored, degreesOfFreedom: 0 }, lesion as never))).toBe('biopsy/bad-core');
  });
});

describe('a depth stop', () => {
  it('brings the middle of the notch to the target after firing, to the nearest mark or the one before', () => {
    const near = depthStop(gun, { targetDepthMm: 100 });
    expect(near).toEqual({ settingMm: 90, exactMm: 92.5, missMm: -2.5, tipAfterMm: 112 } satisfies typeof near);
    const short = depthStop(gun, { targetDepthMm: 103, rounding: 'shallower' });
    expect([short.settingMm, short.missMm]).toEqual([95, -0.5]);
    fc.assert(
      fc.property(
        fc.double({ min: 10, max: 180, noNaN: true }),
        fc.constantFrom(1, 2, 5, 10),
        fc.constantFrom('nearest' as const, 'shallower' as const),
        (targetDepthMm, marksMm, rounding) => {
          const stop = depthStop(gun, { targetDepthMm, marksMm, rounding });
          const middle = stop.settingMm + gun.throwMm - gun.deadEndMm - gun.notchMm / 2;
          expect(middle - targetDepthMm).toBeCloseTo(stop.missMm, 9);
          expect(stop.settingMm % marksMm).toBe(0);
          if (rounding === 'nearest') expect(Math.abs(stop.missMm)).toBeLessThanOrEqual(marksMm / 2 + 1e-9);
          else expect(stop.missMm).toBeLessThanOrEqual(1e-8);
        },
      ),
    );
  });

  it('is refused beyond the needle and where the throw would pass the target', () => {
    expect(depthStop(gun, { targetDepthMm: 207 }).settingMm).toBe(200);
    expect(codeOf(() => depthStop(gun, { targetDepthMm: 211 }))).toBe('guidance/out-of-reach');
    expect(codeOf(() => depthStop(gun, { targetDepthMm: 3 }))).toBe('guidance/out-of-reach');
    expect(codeOf(() => depthStop(gun, { targetDepthMm: 50, marksMm: 0 }))).toBe('guidance/bad-option');
    expect(codeOf(() => depthStop(gun, { targetDepthMm: Number.NaN }))).toBe('guidance/bad-option');
    for (const wrong of [{ notchMm: 0 }, { throwMm: -1 }, { deadEndMm: 190 }, { needleMm: Number.NaN }]) {
      expect(codeOf(() => biopsyGun({ ...gun, ...wrong }))).toBe('biopsy/bad-instrument');
    }
  });
});

/** Exp(ξ) p in full (Barfoot & Furgale 2014, eq. 5): nothing is left out, unlike in what it is held against. */
function moved(p: readonly number[], xi: readonly number[]): number[] {
  const phi = xi.slice(3);
  const angle = Math.hypot(...phi);
  const cross = (a: readonly number[], b: readonly number[]): number[] =>
    [0, 1, 2].map(
      (k) => (a[(k + 1) % 3] as number) * (b[(k + 2) % 3] as number) - (a[(k + 2) % 3] as number) * (b[(k + 1) % 3] as number),
    );
  const once = cross(phi, xi.slice(0, 3));
  const twice = cross(phi, once);
  const [c1, c2] = angle < 1e-6 ? [0.5, 1 / 6] : [(1 - Math.cos(angle)) / angle ** 2, (angle - Math.sin(angle)) / angle ** 3];
  const turned = transformPoint(new Float64Array(3), fromRotationVector(new Float64Array(16), phi), p);
  return [0, 1, 2].map((k) => (turned[k] as number) + (xi[k] as number) + c1 * (once[k] as number) + c2 * (twice[k] as number));
}

function drawn(random: Random, factor: Float64Array, scale: number): number[] {
  const z = Array.from({ length: 6 }, () => random.normal());
  return z.map((_, i) => scale * z.reduce((sum, v, k) => sum + (factor[6 * i + k] as number) * v, 0));
}

function factorOf(covariance: ArrayLike<number>): Float64Array {
  const padded = Float64Array.from(covariance, (v, n) => v + (n % 7 === 0 ? 1e-15 : 0));
  const factor = new Float64Array(36);
  expect(cholesky(factor, padded, 6)).toBe(true);
  return factor;
}

/** The length of a segment in a ball: between the roots of |a + t (b − a) − c|² = r². */
function within(a: readonly number[], b: readonly number[], centre: readonly number[], radius: number): number {
  let [aa, ab, bb] = [-radius * radius, 0, 0];
  for (let k = 0; k < 3; k += 1) {
    const from = (a[k] as number) - (centre[k] as number);
    const way = (b[k] as number) - (a[k] as number);
    aa += from * from;
    ab += from * way;
    bb += way * way;
  }
  const root = Math.sqrt(ab * ab - aa * bb);
  return Number.isNaN(root) ? 0 : Math.sqrt(bb) * (Math.min(1, (root - ab) / bb) - Math.max(0, (-root - ab) / bb));
}

function scaleOf(random: Random, dof: number): number {
  if (!Number.isFinite(dof)) return 1;
  let sum = 0;
  for (let n = 0; n < dof; n += 1) sum += random.normal() ** 2;
  return Math.sqrt(dof / sum);
}

describe('the probability that a core sampled a target', () => {
  const runs = 20_000 * Math.min(10, inject('effort'));
  // Chance of the simulation itself: four of its standard deviations at worst, beside the one point that is claimed.
  const allowed = 0.01 + 4 * Math.sqrt(0.25 / runs);

  it.each([
    [41, 3, Infinity, 0.01, [12, -20, 22]],
    [42, 3, 6, 0.02, [10, -17, 30]],
    [43, 1.5, 12, 0.03, [11, -21, 14]],
    [44, 6, 3, 0.01, [16, -22, 34]],
  ] as const)(
    'is that of brute simulation with the full exponential (seed %i, radius %s mm, %s degrees of freedom)',
    (seed, radius, dof, sdRad, centre) => {
      const core = recorded({ dof, sdRad });
      const target = ballToSample('lesion', point(mr, centre), radius);
      const found = coreSampling(core, target);
      const random = new Random(seed);
      const factor = factorOf(core.covariance);
      let hits = 0;
      for (let n = 0; n < runs; n += 1) {
        const xi = drawn(random, factor, scaleOf(random, dof));
        if (within(moved(core.near, xi), moved(core.far, xi), centre, radius) >= 1) hits += 1;
      }
      expect(found.probability).toBeGreaterThan(0.05);
      expect(found.probability).toBeLessThan(0.95);
      expect(Math.abs(found.probability - hits / runs)).toBeLessThan(allowed);
      expect(coreSampling(core, target)).toEqual(found);
    },
  );

  it('does not hang on its number of nodes', () => {
    const core = recorded({ dof: 8 });
    const target = ballToSample('lesion', point(mr, [12, -20, 22]), 2);
    const fine = coreSampling(core, target, { nodes: 2 ** 17 }).probability;
    expect(Math.abs(coreSampling(core, target).probability - fine)).toBeLessThan(0.005);
    expect(Math.abs(coreSampling(core, target, { nodes: 1024 }).probability - fine)).toBeLessThan(0.02);
  });

  it('is nearly the same for a ball as a formula, as a surface and as voxels', () => {
    const n = 48;
    const [centre, radius] = [[12, -20, 22], 5] as const;
    const at = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0].map((v) => v * 0.4);
    const origin = centre.map((v) => v - (0.4 * (n - 1)) / 2);
    const frameFromIndex = [...at, ...origin, 1];
    const depth = Float32Array.from({ length: n ** 3 }, (_, v) => {
      const place = [v % n, Math.floor(v / n) % n, Math.floor(v / n / n)].map((i, k) => (origin[k] as number) + 0.4 * i);
      return radius - Math.hypot(...place.map((p, k) => p - (centre[k] as number)));
    });
    const field = volume({ frame: mr, voxels: depth, size: [n, n, n], frameFromIndex });
    const labels = volume({ frame: mr, voxels: Uint8Array.from(depth, (d) => (d > 0 ? 3 : 0)), size: [n, n, n], frameFromIndex });
    const core = recorded();
    const options = { atLeastMm: 4, nodes: 1024 };
    const exact = coreSampling(core, ballToSample('ball', point(mr, centre), radius), options);
    const surface = coreSampling(core, meshToSample('mesh', isosurface(field, 0)), options);
    const voxels = coreSampling(core, labelToSample('label', labels as Volume<'mr'>, 3), options);
    for (const other of [surface, voxels]) {
      expect(Math.abs(other.probability - exact.probability)).toBeLessThan(0.01);
      expect(Math.abs(other.expectedMm - exact.expectedMm)).toBeLessThan(0.1);
    }
    expect(codeOf(() => labelToSample('none', labels as Volume<'mr'>, 9))).toBe('biopsy/bad-core');
    expect(codeOf(() => ballToSample('none', point(mr, centre), 0))).toBe('biopsy/bad-core');
    expect(codeOf(() => coreSampling(core, ballToSample('ct', point(frame('ct'), centre), 3) as never))).toBe('frame/mismatch');
  });
});

describe('a biopsy map', () => {
  const runs = 8000 * Math.min(10, inject('effort'));
  const cores = (
    [
      ['a', [10, -20, 30]],
      ['b', [11, -20, 31]],
      ['c', [10, -21, 29]],
    ] as const
  ).map(([id, at]) => recorded({ at, sdMm: 1.2, sdRad: 0.015, dof: 9, noise: { positionSdMm: 0.7, rotationSdRad: 0.01 } }, id));
  const centre = [12, -22, 20] as const;
  const target = ballToSample('lesion', point(mr, centre), 2.5);

  it('is that of brute simulation, in which the registration is off for all cores alike', () => {
    const map = biopsyMap(cores, [target]);
    const random = new Random(71);
    const first = cores[0] as BiopsyCore<'mr'>;
    const shared = factorOf((first.registration as { covariance: readonly number[] }).covariance);
    const own = cores.map((core) =>
      factorOf(
        core.covariance.map((v, n) => v - ((core.registration as { covariance: readonly number[] }).covariance[n] as number)),
      ),
    );
    let [hits, alone] = [0, 0];
    for (let n = 0; n < runs; n += 1) {
      const scale = scaleOf(random, 9);
      const common = drawn(random, shared, scale);
      const met = cores.map((core, c) => {
        const xi = drawn(random, own[c] as Float64Array, scale);
        const end = (p: readonly number[]): number[] => moved(moved(p, xi), common);
        return within(end(core.near), end(core.far), centre, 2.5) >= 1;
      });
      if (met.includes(true)) hits += 1;
      if (met[1]) alone += 1;
    }
    const [found] = map.targets;
    const allowed = 0.01 + 4 * Math.sqrt(0.25 / runs);
    expect(Math.abs((found?.probability as number) - hits / runs)).toBeLessThan(allowed);
    expect(Math.abs((found?.cores[1]?.probability as number) - alone / runs)).toBeLessThan(allowed);
    // As independent chances they would promise visibly more.
    const independent = 1 - (found?.cores ?? []).reduce((missed, core) => missed * (1 - core.probability), 1);
    expect(independent - (found?.probability as number)).toBeGreaterThan(0.03);
    expect(biopsyMap(cores, [target])).toEqual(map);
  });

  it('agrees with each core by itself, and takes an untold registration as shared altogether', () => {
    const [found] = biopsyMap(cores, [target]).targets;
    cores.forEach((core, c) => {
      expect(Math.abs((found?.cores[c]?.probability as number) - coreSampling(core, target).probability)).toBeLessThan(0.01);
    });
    const untold = cores.map((core) => ({ ...core, registration: undefined }));
    const [less] = biopsyMap(untold, [target]).targets;
    expect(less?.probability).toBeLessThanOrEqual((found?.probability as number) + 0.005);
    expect(less?.probability).toBeGreaterThanOrEqual(Math.max(...(found?.cores ?? []).map((c) => c.probability)) - 0.01);
  });

  it('tells what to sample next', () => {
    const far = ballToSample('apex', point(mr, [60, 0, 0]), 4);
    const map = biopsyMap(cores, [target, far]);
    expect(map.targets[1]?.probability).toBe(0);
    expect(nextTargets(map)[0]).toEqual({ target: 'apex', gain: 1 });
    expect(nextTargets(map, { apex: 0.1 })[0]?.target).toBe('lesion');
    expect(biopsyMap([] as BiopsyCore<'mr'>[], [target]).targets[0]).toEqual({ target: 'lesion', probability: 0, cores: [] });
  });

  it('refuses cores that do not belong together', () => {
    const [a, b] = cores as [BiopsyCore<'mr'>, BiopsyCore<'mr'>];
    expect(codeOf(() => biopsyMap([a, { ...b, frameOfReferenceUid: '2.25.1' }], [target]))).toBe(
      'guidance/wrong-frame-of-reference',
    );
    expect(codeOf(() => biopsyMap([a, { ...b, frame: frame('ct') } as never], [target]))).toBe('frame/mismatch');
    expect(codeOf(() => biopsyMap([a, a], [target]))).toBe('biopsy/bad-core');
    expect(codeOf(() => biopsyMap([a], [target], { atLeastMm: 0 }))).toBe('guidance/bad-option');
    expect(codeOf(() => biopsyMap([a], [target], { nodes: 10 }))).toBe('guidance/bad-option');
  });
});

describe('the nodes of the integrals', () => {
  it('fill every dimension evenly: one in each of 256 slices, in every pair of dimensions one in each of 16 × 16 boxes or nearly', () => {
    const points = sobolPoints(256, 7, 3);
    for (let d = 0; d < 7; d += 1) {
      const slices = new Set(Array.from({ length: 256 }, (_, n) => Math.floor((points[7 * n + d] as number) * 256)));
      expect(slices.size).toBe(256);
    }
    const boxes = new Set(
      Array.from({ length: 256 }, (_, n) => [0, 1].map((d) => Math.floor((points[7 * n + d] as number) * 16)).join()),
    );
    expect(boxes.size).toBe(256);
  });

  it('become normal by a quantile that is right to six digits', () => {
    for (const u of [1e-9, 1e-4, 0.01, 0.2, 0.49, 0.5, 0.8, 0.975, 0.9999]) {
      const exact = u === 0.5 ? 0 : Math.sign(u - 0.5) * Math.sqrt(chiSquareQuantile(Math.abs(1 - 2 * u), 1));
      expect(Math.abs(normalQuantile(u) - exact)).toBeLessThan(2e-6);
    }
  });
});
