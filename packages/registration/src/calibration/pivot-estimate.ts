import { pointCovariance } from '@trocar/core';
import { radiusQuantile } from '@trocar/core/math';
import { huberWeight, median } from '../accuracy/robust.js';
import { at } from '../points/rigid-fit.js';
import { type Consensus, findConsensus } from './pivot-consensus.js';
import { misfits, type PivotData, type RotationNoise, requireSolution, solvePivot, UNIT, undetermined } from './pivot-fit.js';
import { type NoiseEstimate, noiseOf, pivotCovariance, roots, roundingOf } from './pivot-noise.js';

/** What is known of the tracker's errors before the calibration. */
export interface TrackerNoise {
  /** Standard deviation of the marker's position per axis, mm. */
  readonly positionSdMm: number;
  /** Standard deviation of its rotation about each axis, rad. It acts on the tip with the tool's length as its lever. */
  readonly rotationSdRad: number;
}

/** How a pivot fit is made. */
export interface EstimateOptions {
  readonly robust: 'none' | 'huber';
  readonly noise: TrackerNoise | undefined;
  /** 6×6 covariances of the poses, in order, where all have one. */
  readonly covariances: readonly ArrayLike<number>[] | undefined;
  readonly seed: number;
}

/** A fit with everything the result is made of. */
export interface PivotEstimate {
  readonly x: Float64Array;
  /** Of (p, q), 6×6 row-major, mm². */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  /** Robust weights, 0 for a pose left out. */
  readonly weights: Float64Array;
  /** u_i in the tool's frame. */
  readonly misfits: Float64Array;
  readonly noise: NoiseEstimate;
  /** Squared misfits over what the known noise allows; undefined where the noise is estimated. */
  readonly excess: number | undefined;
  readonly converged: boolean;
}

/** √χ²₃ at 99 %: Huber's corner, which costs normal errors next to nothing. */
const CORNER = 3.3682;
/** A pose beyond this probability (for normal errors) is left out. */
const LEFT_OUT = 0.9995;
/** Share of the variance of normal errors that corner and limit leave. */
const LOSS = 0.9942;
const MOST_STEPS = 60;
/** Below so many independent poses, differences of weight and of direction are not told from chance. */
const ENOUGH = 30;
/** No direction is trusted more than another by more than this ratio of variances. */
const MOST_RATIO = 25;

/**
 * Estimates tip and pivot. With `robust: 'none'`, the plain algebraic one step over all poses.
 * @throws NavError `calibration/narrow`
 */
export function estimatePivot(data: PivotData, options: EstimateOptions): PivotEstimate {
  const known = knownNoise(data, options);
  if (options.robust === 'none') return plain(data, known);
  const consensus = findConsensus(data, options.seed);
  if (consensus === undefined) throw undetermined();
  return refined(data, consensus, known);
}

/** The covariances of the misfits in the tool's frame that are known beforehand, and the rotations' variance. */
interface KnownNoise {
  /** S for a tip: 9 numbers, or 9 for each pose. */
  readonly covariance: (x: ArrayLike<number>) => Float64Array;
  readonly rotationVariance: number;
}

function knownNoise(data: PivotData, { noise, covariances }: EstimateOptions): KnownNoise | undefined {
  if (noise !== undefined) {
    return { covariance: (x) => leverNoise(noise, x), rotationVariance: noise.rotationSdRad ** 2 };
  }
  if (covariances === undefined) return undefined;
  const rotation = covariances.reduce((sum, c) => sum + (at(c, 21) + at(c, 28) + at(c, 35)) / 3, 0) / covariances.length;
  return { covariance: (x) => poseNoise(data, covariances, x), rotationVariance: rotation };
}

/** σp² I + σr² (|p|² I − p pᵀ). */
export function leverNoise({ positionSdMm, rotationSdRad }: TrackerNoise, p: ArrayLike<number>): Float64Array {
  const r2 = rotationSdRad ** 2;
  const squared = at(p, 0) ** 2 + at(p, 1) ** 2 + at(p, 2) ** 2;
  return Float64Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [Math.floor(i / 3), i % 3];
    return (row === column ? positionSdMm ** 2 + r2 * squared : 0) - r2 * at(p, row) * at(p, column);
  });
}

/** Each pose's own covariance at the tip, turned into the tool's frame. */
function poseNoise(data: PivotData, covariances: readonly ArrayLike<number>[], x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(9 * data.n);
  const own = new Float64Array(9);
  covariances.forEach((covariance, k) => {
    // About the pivot: where the tip is to first order.
    pointCovariance(own, covariance, [at(x, 3), at(x, 4), at(x, 5)]);
    const r = data.rotations.subarray(9 * k, 9 * k + 9);
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        let sum = 0;
        for (let a = 0; a < 3; a += 1)
          for (let b = 0; b < 3; b += 1) sum += at(r, 3 * a + i) * at(own, 3 * a + b) * at(r, 3 * b + j);
        out[9 * k + 3 * i + j] = sum;
      }
    }
  });
  return out;
}

function plain(data: PivotData, known: KnownNoise | undefined): PivotEstimate {
  const weights = new Float64Array(data.n).fill(1);
  const fit = requireSolution(solvePivot(data, weights, UNIT));
  const u = misfits(data, fit.x);
  const noise = noiseOf(data, u, weights, 1);
  const s = known === undefined ? noise.covariance : known.covariance(fit.x);
  return assembled(data, { x: fit.x, weights, w: Float64Array.from(UNIT), s, u, noise, known, converged: true });
}

/** Roots of one covariance, or of one for each pose. */
function rootsOf(s: Float64Array, ratio: number): { root: Float64Array; inverse: Float64Array } {
  if (s.length === 9) return roots(s, ratio);
  const root = new Float64Array(s.length);
  const inverse = new Float64Array(s.length);
  for (let i = 0; i < s.length; i += 9) {
    const own = roots(s.subarray(i, i + 9), ratio);
    root.set(own.root, i);
    inverse.set(own.inverse, i);
  }
  return { root, inverse };
}

/** Reweighted least squares: weights from misfits, noise from weighted misfits, until neither changes. */
function refined(data: PivotData, start: Consensus, known: KnownNoise | undefined): PivotEstimate {
  const floor = roundingOf(data) ** 2;
  let x = start.x;
  let u = misfits(data, x);
  let freedom = Number.POSITIVE_INFINITY;
  let s = known?.covariance(x) ?? isotropic(start.scaleMm ** 2);
  let weights: Float64Array = new Float64Array(data.n);
  let noise: NoiseEstimate | undefined;
  let converged = false;
  for (let step = 0; step < MOST_STEPS && !converged; step += 1) {
    raise(s, floor);
    const { inverse } = rootsOf(s, known === undefined ? MOST_RATIO : 1e6);
    weights = weightsOf(u, inverse, freedom);
    const w = noise === undefined && known === undefined ? UNIT : inverse;
    const next = requireSolution(solvePivot(data, weights, w, pullOf(noise, known, x)));
    const moved = Math.hypot(...next.x.map((value, i) => value - at(x, i)));
    x = next.x;
    u = misfits(data, x);
    noise = noiseOf(data, u, weights, LOSS);
    s = known?.covariance(x) ?? Float64Array.from(noise.covariance);
    freedom = known === undefined ? Math.max(3, noise.degreesOfFreedom) : Number.POSITIVE_INFINITY;
    converged = step > 2 && moved < 1e-6 * Math.sqrt(trace(s) / 3) + Math.sqrt(floor);
  }
  raise(s, floor);
  const { inverse } = rootsOf(s, known === undefined ? MOST_RATIO : 1e6);
  return assembled(data, { x, weights, w: inverse, s, u, noise: noise as NoiseEstimate, known, converged });
}

const isotropic = (variance: number): Float64Array => Float64Array.from(UNIT, (x) => x * variance);

const trace = (s: ArrayLike<number>): number => at(s, 0) + at(s, 4) + at(s, 8);

/** Adds a little to the diagonals, so that perfect data have a weight. */
function raise(s: Float64Array, floor: number): void {
  for (let i = 0; i < s.length; i += 9) for (const d of [0, 4, 8]) s[i + d] = at(s, i + d) + floor;
}

/** Huber's weights of the misfits in units of their spread; 0 beyond what normal errors reach. */
function weightsOf(u: Float64Array, inverse: Float64Array, freedom: number): Float64Array {
  const limit = radiusQuantile(UNIT, LEFT_OUT, freedom);
  return Float64Array.from({ length: u.length / 3 }, (_, k) => {
    const d = Math.sqrt(quadratic(u, inverse, k));
    return d > limit ? 0 : huberWeight(d, CORNER);
  });
}

/** uᵀ W u of pose k. */
function quadratic(u: ArrayLike<number>, w: ArrayLike<number>, k: number): number {
  const start = w.length === 9 ? 0 : 9 * k;
  let sum = 0;
  for (let i = 0; i < 3; i += 1)
    for (let j = 0; j < 3; j += 1) sum += at(u, 3 * k + i) * at(w, start + 3 * i + j) * at(u, 3 * k + j);
  return Math.max(0, sum);
}

/**
 * The rotations' variance: given, or what the misfits show across the tool beyond what they show along it. The smaller of
 * the two directions across: a tracker that is worse in depth must not pass for one that turns.
 */
function pullOf(
  noise: NoiseEstimate | undefined,
  known: KnownNoise | undefined,
  x: ArrayLike<number>,
): RotationNoise | undefined {
  const tip = [at(x, 0), at(x, 1), at(x, 2)];
  if (known !== undefined) return { variance: known.rotationVariance, tip };
  if (noise === undefined || noise.effective < ENOUGH) return undefined;
  const length = Math.hypot(...tip);
  if (!(length > 0)) return undefined;
  const s = noise.covariance;
  const axis = tip.map((v) => v / length);
  const [a, b] = acrossOf(axis as [number, number, number]);
  const [along, aa, bb, ab] = [form(s, axis, axis), form(s, a, a), form(s, b, b), form(s, a, b)];
  const least = (aa + bb) / 2 - Math.sqrt(((aa - bb) / 2) ** 2 + ab * ab);
  return { variance: Math.max(0, least - along) / length ** 2, tip };
}

function acrossOf([x, y, z]: readonly [number, number, number]): [number[], number[]] {
  const a = Math.abs(x) < 0.6 ? [0, z, -y] : [-z, 0, x];
  const size = Math.hypot(...a);
  const [ax, ay, az] = a.map((v) => v / size) as [number, number, number];
  return [
    [ax, ay, az],
    [y * az - z * ay, z * ax - x * az, x * ay - y * ax],
  ];
}

function form(s: ArrayLike<number>, a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) sum += at(a, i) * at(s, 3 * i + j) * at(b, j);
  return sum;
}

interface Parts {
  readonly x: Float64Array;
  readonly weights: Float64Array;
  readonly w: Float64Array;
  readonly s: Float64Array;
  readonly u: Float64Array;
  readonly noise: NoiseEstimate;
  readonly known: KnownNoise | undefined;
  readonly converged: boolean;
}

function assembled(data: PivotData, { x, weights, w, s, u, noise, known, converged }: Parts): PivotEstimate {
  const last = requireSolution(solvePivot(data, weights, w));
  const { root, inverse } = rootsOf(s, 1e6);
  const covariance = pivotCovariance(data, last, weights, w, root, noise.correlation);
  const excess = known === undefined ? undefined : excessOf(u, inverse, weights);
  const degreesOfFreedom = known === undefined ? noise.degreesOfFreedom : Number.POSITIVE_INFINITY;
  return { x, covariance, degreesOfFreedom, weights, misfits: u, noise, excess, converged };
}

/** The median of χ²₃. */
const MEDIAN_SQUARE = 2.366;

/**
 * Squared misfits over what the known noise allows: their mean over the poses in use, or their median over all poses, where
 * that is larger. Noise stated far too small would have most poses left out, and the few that stay would agree with it.
 */
function excessOf(u: ArrayLike<number>, inverse: ArrayLike<number>, weights: ArrayLike<number>): number {
  const squares = Float64Array.from({ length: weights.length }, (_, k) => quadratic(u, inverse, k));
  const used = squares.filter((_, k) => at(weights, k) > 0);
  const mean = used.reduce((sum, d) => sum + d, 0) / Math.max(1, 3 * used.length - 6);
  return Math.max(mean, median(squares) / MEDIAN_SQUARE);
}
