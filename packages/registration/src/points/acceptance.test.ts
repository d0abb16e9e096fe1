import { frame, point } from '@trocar/core';
import { Random, transformPoint } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { carried, poseUncertainty } from '../accuracy/pose-covariance.js';
import { registerPoints } from '../index.js';
import { pointsIn, randomPose } from '../testing/layouts.js';
import { estimatePose, fitPose } from './estimate.js';
import { noiseModel, type PointNoise } from './noise.js';

/**
 * Predicted against simulated error over random configurations. The simulation has a control variate: the error that a
 * linear estimator makes with the same noise. Its slopes are differences of fits, and its mean square is known exactly, so
 * that a thousand runs tell one per cent. bench/points-monte-carlo does the same through the public function, with more.
 */
const image = frame('image');
const tracker = frame('tracker');

type Kind = 'isotropic' | 'anisotropic on both sides' | 'per point';

interface Configuration {
  readonly to: Float64Array;
  readonly from: Float64Array;
  /** Standard deviation of each coordinate, `to` before `from`, mm. */
  readonly sd: Float64Array;
  readonly noise: PointNoise;
  readonly target: Float64Array;
  readonly seen: Float64Array;
}

function configurationOf(random: Random, n: number, kind: Kind, longest: number): Configuration {
  const middle = longest ** -random.uniform();
  const widths = [80, 80 * middle, 80 * middle * random.uniform()];
  return configurationWith(random, n, kind, widths, random.between(0.002, 0.02), random.uniform());
}

/**
 * @param relativeFle FLE over the layout's rms radius
 * @param share of the error's variance that the `from` side has
 */
function configurationWith(
  random: Random,
  n: number,
  kind: Kind,
  widths: readonly number[],
  relativeFle: number,
  share: number,
): Configuration {
  const places = Array.from({ length: n }, () => Float64Array.from(widths, (w) => w * random.normal()));
  const mean = [0, 1, 2].map((i) => places.reduce((s, p) => s + (p[i] as number), 0) / n);
  const spread = Math.sqrt(places.reduce((s, p) => s + p.reduce((t, x, i) => t + (x - (mean[i] as number)) ** 2, 0), 0) / n);
  const fle = relativeFle * spread;
  const sideOf = (part: number): Float64Array[] => {
    const one = (): Float64Array => {
      const axes = [0, 0, 0].map(() => (kind === 'anisotropic on both sides' ? 0.2 + random.uniform() : 1));
      const own = kind === 'per point' ? Math.exp(random.between(-0.7, 0.7)) : 1;
      return Float64Array.from(axes, (x) => (own * fle * Math.sqrt(part) * x) / Math.hypot(...axes));
    };
    const same = one();
    return places.map(() => (kind === 'per point' ? one() : same));
  };
  const [toSd, fromSd] = [sideOf(1 - share), sideOf(share)];
  const diagonal = (s: Float64Array): number[] =>
    [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => (i === j ? (s[i] as number) ** 2 : 0)));
  const noise: PointNoise =
    kind === 'isotropic'
      ? { fleMm: fle }
      : kind === 'per point'
        ? { fleMm: toSd.map((s, k) => Math.hypot(...s, ...(fromSd[k] as Float64Array))) }
        : { covariances: { to: toSd.map(diagonal), from: fromSd.map(diagonal) } };
  const truth = randomPose(random);
  const target = Float64Array.from(mean, (m) => m + random.between(-1, 1) * spread);
  return {
    to: flat(places.map((p) => transformPoint(new Float64Array(3), truth, p))),
    from: flat(places),
    sd: flat([...toSd, ...fromSd]),
    noise,
    target,
    seen: transformPoint(new Float64Array(3), truth, target),
  };
}

function flat(places: readonly ArrayLike<number>[]): Float64Array {
  return Float64Array.from(places.flatMap((p) => Array.from(p)));
}

/** The error at the target of a fit of the points with this noise added, mm. */
function errorOf(c: Configuration, noise: ArrayLike<number>): number[] {
  const model = noiseModel(c.to.length / 3, c.noise);
  const pairs = {
    to: c.to.map((x, i) => x + (noise[i] as number)),
    from: c.from.map((x, i) => x + (noise[c.to.length + i] as number)),
    noise: model,
  };
  const shown = transformPoint(new Float64Array(3), fitPose(pairs, model.weights).matrix, c.target);
  return [0, 1, 2].map((i) => (shown[i] as number) - (c.seen[i] as number));
}

/** Root mean square of the true error, and the share of errors within `bound`. */
function simulated(random: Random, c: Configuration, runs: number, bound: number): { rms: number; covered: number } {
  const n = c.sd.length;
  const slopes = Array.from({ length: n }, (_, k) => {
    const one = new Float64Array(n);
    one[k] = 1e-3;
    const up = errorOf(c, one);
    one[k] = -1e-3;
    const down = errorOf(c, one);
    return up.map((u, r) => (u - (down[r] as number)) / 2e-3);
  });
  const exact = slopes.reduce((sum, s, k) => sum + s.reduce((t, x) => t + x * x, 0) * (c.sd[k] as number) ** 2, 0);
  let excess = 0;
  let covered = 0;
  for (let run = 0; run < runs; run += 1) {
    const noise = c.sd.map((s) => s * random.normal());
    const error = errorOf(c, noise);
    const linear = [0, 1, 2].map((r) => slopes.reduce((e, s, k) => e + (s[r] as number) * (noise[k] as number), 0));
    excess += (error.reduce((s, x) => s + x * x, 0) - linear.reduce((s, x) => s + x * x, 0)) / runs;
    if (Math.hypot(...error) <= bound) covered += 1 / runs;
  }
  return { rms: Math.sqrt(exact + excess), covered };
}

function points(xyz: Float64Array): Float64Array[] {
  return Array.from({ length: xyz.length / 3 }, (_, k) => xyz.slice(3 * k, 3 * k + 3));
}

const seed = inject('seed');
const kinds: readonly Kind[] = ['isotropic', 'anisotropic on both sides', 'per point'];
const cases = kinds.flatMap((kind) => [4, 6, 12].flatMap((n) => [1, 12].map((longest) => [kind, n, longest] as const)));

describe('the predicted error over random configurations, FLE up to 2 % of the spread', () => {
  it.each(cases)('%s, %i fiducials, up to %i times longer than wide: within 2 %, bound covers 93–97 %', (kind, n, longest) => {
    const random = new Random(seed * 1000 + 100 * kinds.indexOf(kind) + n + longest);
    const runs = Math.min(10_000, 500 * inject('effort'));
    const c = configurationOf(random, n, kind, longest);
    const noisy = (xyz: Float64Array, first: number): Float64Array[] =>
      points(xyz.map((x, i) => x + (c.sd[first + i] as number) * random.normal()));
    // What one user is told, from noisy points; averaged over a few users, for one is off by what the noise does to the layout.
    let predicted = 0;
    let bound = 0;
    for (let user = 0; user < 20; user += 1) {
      const to = pointsIn(image, noisy(c.to, 0));
      const from = pointsIn(tracker, noisy(c.from, c.to.length));
      const tre = registerPoints(image, tracker, to, from, c.noise).expectedTre(point(image, c.seen));
      predicted += tre.rmsMm ** 2 / 20;
      bound += tre.p95Mm / 20;
    }
    const { rms, covered } = simulated(random, c, runs, bound);
    expect(Math.abs(Math.sqrt(predicted) / rms - 1)).toBeLessThan(0.02);
    const chance = 3.5 * Math.sqrt((0.95 * 0.05) / runs);
    expect(covered).toBeGreaterThan(Math.min(0.94, 0.95 - chance));
    expect(covered).toBeLessThan(Math.max(0.96, 0.95 + chance));
  });
});

describe('a needle: 20 times longer than wide, errors mostly on one side', () => {
  it('first-order theory is 4 % and more too low; with the levers’ own noise it is within 1 %', () => {
    const random = new Random(7);
    const c = configurationWith(random, 12, 'anisotropic on both sides', [80, 4, 0.8], 0.014, 0.8);
    const model = noiseModel(12, c.noise);
    const users = inject('effort') > 1 ? 200 : 100;
    const told = { first: 0, full: 0 };
    for (let user = 0; user < users; user += 1) {
      const pairs = {
        to: c.to.map((x, i) => x + (c.sd[i] as number) * random.normal()),
        from: c.from.map((x, i) => x + (c.sd[c.to.length + i] as number) * random.normal()),
        noise: model,
      };
      const full = estimatePose(pairs, model.weights);
      const first = poseUncertainty(model, model.weights, pairs.from, full.matrix);
      const lever = c.seen.map((x, i) => x - (first.centre[i] as number));
      const trace = (m: Float64Array): number => (m[0] as number) + (m[4] as number) + (m[8] as number);
      told.first += trace(carried(first.covariance, lever)) / users;
      told.full += trace(carried(full.uncertainty.covariance, lever)) / users;
    }
    const { rms } = simulated(random, c, inject('effort') > 1 ? 2000 : 800, 1);
    console.log(
      `needle: simulated ${rms.toFixed(3)}, first order ${Math.sqrt(told.first).toFixed(3)}, in full ${Math.sqrt(told.full).toFixed(3)} mm`,
    );
    expect(Math.sqrt(told.first) / rms).toBeLessThan(0.96);
    expect(Math.abs(Math.sqrt(told.full) / rms - 1)).toBeLessThan(0.01);
  });
});
