import { NavError } from '../../base/index.js';
import { type Frame, pointCovariance, requireSameFrame } from '../../frames/index.js';
import { invertRigid, multiply4, radiusQuantile, transformPoint } from '../../math/index.js';
import { ellipsoidDistance } from './ellipsoid.js';
import { shiftedMean } from './lattice.js';
import { MotionDraw, type MotionError } from './motion.js';
import { type Ellipsoid, ellipsoidOf } from './placed.js';
import { type AblationTarget, boxOf } from './target.js';
import { type AblationZone, EllipsoidZone, type PlacedProbe } from './zone.js';

/** An error that all of a zone shares, as a registration's: in the frame of the target, about its origin. */
export interface SharedError<in out F extends string> {
  readonly frame: Frame<F>;
  /** As in Transform.covariance. Absent: unknown. */
  readonly covariance?: ArrayLike<number>;
  readonly degreesOfFreedom?: number;
}

/** How {@link coverageProbability} is to be found. */
export interface CoverageOptions<in out F extends string> {
  /** The margin that the target must be covered with, mm. Default 0. */
  readonly marginMm?: number;
  /** What moves the zone as a whole against the target. Independent of the probes' own errors. Default: nothing does. */
  readonly shared?: SharedError<F>;
  /** Random shifts of 509 sampled poses each, 2 … 1000. Default 16: a standard error below 0.6 points. */
  readonly shifts?: number;
  /** Default 1. The same seed gives the same answer. */
  readonly seed?: number;
}

/** The probability that a zone covers a target, given how well its pose is known. */
export interface Coverage {
  /** 0 … 1. */
  readonly probability: number;
  /** Of {@link probability}, by the sampling. What the model leaves out is not in it. */
  readonly standardError: number;
  readonly marginMm: number;
  /** Poses that were tried. */
  readonly samples: number;
}

/** What is left to a point that is taken to be covered in every pose: of 1, the chance that it is not. */
const NEVER = 1e-7;
/** Displacements are bounded to first order; for rotations of a few degrees the rest is below this part of them. */
const SECOND_ORDER = 1.05;

/**
 * The probability that a zone covers ALL of a target with a margin at once, given the errors of the poses: each probe's own, and one that
 * they share. The motions are rigid, so the target's points are covered or missed together; they are not independent.
 *
 * Poses are sampled by a shifted lattice over all six degrees of freedom of every error (and Student's scale where the degrees of freedom are
 * finite). In each the points of the target enlarged by the margin are tested: for probes with their exact quadratic form, for a surface by its
 * distance. Points that no error within reach uncovers (1e-7 each) are not tested.
 *
 * Covered is geometry: it says nothing of tissue that heats otherwise than the zone's table says.
 * @throws NavError `ablation/unknown-error` where a pose's error is not known, or a zone from an image is given none;
 *   `frame/bad-covariance`, `frame/mismatch`, `ablation/bad-option`
 */
export function coverageProbability<F extends string>(
  target: AblationTarget<F>,
  zone: AblationZone<NoInfer<F>>,
  options: CoverageOptions<NoInfer<F>> = {},
): Coverage {
  requireSameFrame(target.frame, zone.frame, 'Finding the probability of coverage');
  const { marginMm = 0, shifts = 16, seed = 1 } = options;
  if (!(Number.isInteger(shifts) && shifts >= 2 && shifts <= 1000)) {
    throw new NavError('ablation/bad-option', `${shifts} shifts are no count between 2 and 1000.`);
  }
  const points = target.points(marginMm);
  const probes = zone instanceof EllipsoidZone ? zone.probes : undefined;
  const draws = new Draws(target.surface, sharedError(target, zone, options.shared), probes ?? []);
  const test = probes === undefined ? new FieldTest(points, zone, draws) : new ProbeTest(points, probes, draws);
  const {
    mean,
    standardError,
    points: samples,
  } = shiftedMean(
    (u) => {
      draws.draw(u);
      return test.covered() ? 1 : 0;
    },
    draws.dimensions,
    shifts,
    seed,
  );
  return Object.freeze({ probability: mean, standardError, marginMm, samples });
}

function sharedError<F extends string>(
  target: AblationTarget<F>,
  zone: AblationZone<F>,
  shared: SharedError<F> | undefined,
): MotionError {
  if (shared === undefined && !(zone instanceof EllipsoidZone)) {
    throw unknown('A zone from an image has no error of its own pose', 'Give the registration as `shared`');
  }
  if (shared === undefined) return { covariance: new Float64Array(36), degreesOfFreedom: Number.POSITIVE_INFINITY };
  requireSameFrame(target.frame, shared.frame, 'An error shared by a zone');
  return errorOf(shared, 'The error that the zone shares');
}

function errorOf(of: { readonly covariance?: ArrayLike<number>; readonly degreesOfFreedom?: number }, what: string): MotionError {
  if (of.covariance === undefined) throw unknown(`${what} is not known`, "Give its covariance, or 'exact' where it has no error");
  return { covariance: of.covariance, degreesOfFreedom: of.degreesOfFreedom ?? Number.POSITIVE_INFINITY };
}

function unknown(what: string, remedy: string): NavError<'ablation/unknown-error'> {
  return new NavError('ablation/unknown-error', `${what}, so there is no probability of coverage. ${remedy}.`);
}

type Surface = Parameters<typeof boxOf>[0];
type ProbePose = Pick<PlacedProbe<string>, 'shape' | 'matrix' | 'covariance' | 'degreesOfFreedom'>;

/** The shared motion and each probe's own. */
class Draws {
  readonly errors: readonly MotionError[];
  readonly shared: MotionError;
  readonly dimensions: number;
  readonly sharedMotion: MotionDraw;
  readonly motions: readonly MotionDraw[];

  constructor(surface: Surface, shared: MotionError, probes: readonly ProbePose[]) {
    const box = boxOf(surface);
    const centre = [0, 1, 2].map((k) => ((box[k] as number) + (box[3 + k] as number)) / 2);
    const reach = Math.hypot(...[0, 1, 2].map((k) => ((box[3 + k] as number) - (box[k] as number)) / 2));
    this.shared = shared;
    this.errors = probes.map((p, i) => errorOf(p, `The error of probe ${i}'s pose`));
    this.sharedMotion = new MotionDraw(shared, centre, reach);
    this.motions = this.errors.map((error) => new MotionDraw(error, centre, reach));
    this.dimensions = this.motions.reduce((sum, m) => sum + m.dimensions, this.sharedMotion.dimensions);
  }

  draw(u: Float64Array): void {
    this.sharedMotion.draw(u, 0);
    let at = this.sharedMotion.dimensions;
    for (const motion of this.motions) {
      motion.draw(u, at);
      at += motion.dimensions;
    }
  }
}

/** How far a point may be displaced, but with probability {@link NEVER}, mm. */
function reachOf(p: ArrayLike<number>, errors: readonly MotionError[], scratch: Float64Array): number {
  let reach = 0;
  for (const { covariance, degreesOfFreedom } of errors) {
    pointCovariance(scratch, covariance, p);
    const trace = (scratch[0] as number) + (scratch[4] as number) + (scratch[8] as number);
    // Of all errors with this trace, one along a line reaches furthest that far out.
    reach += Math.sqrt(trace) * farthest(degreesOfFreedom);
  }
  return SECOND_ORDER * reach;
}

const quantiles = new Map<number, number>();

function farthest(degreesOfFreedom: number): number {
  const known = quantiles.get(degreesOfFreedom);
  if (known !== undefined) return known;
  const line = [1, 0, 0, 0, 0, 0, 0, 0, 0];
  const made = radiusQuantile(line, 1 - NEVER, degreesOfFreedom);
  quantiles.set(degreesOfFreedom, made);
  return made;
}

/** The points that decide, those in the greatest danger first. */
function deciding(points: Float64Array, spare: (p: Float64Array) => number): Float64Array {
  const kept: { readonly at: Float64Array; readonly spare: number }[] = [];
  for (let n = 0; n < points.length; n += 3) {
    const at = points.slice(n, n + 3);
    const s = spare(at);
    if (s < 0) kept.push({ at, spare: s });
  }
  kept.sort((a, b) => a.spare - b.spare);
  return Float64Array.from(kept.flatMap(({ at }) => Array.from(at)));
}

/** Whether the drawn poses of probes cover every point. */
class ProbeTest {
  readonly #points: Float64Array;
  readonly #draws: Draws;
  readonly #parts: readonly Ellipsoid[];
  /** Per ellipsoid 12 numbers: the rows of diag(1/radii) · ellipsoid-from-frame. */
  readonly #rows: Float64Array;
  readonly #motion = new Float64Array(16);
  /** The point that was missed last: likely to be missed again. */
  #last = 0;

  constructor(points: Float64Array, probes: readonly ProbePose[], draws: Draws) {
    this.#parts = probes.map(ellipsoidOf);
    this.#draws = draws;
    this.#rows = new Float64Array(12 * this.#parts.length);
    const [local, foot, scratch] = [new Float64Array(3), new Float64Array(3), new Float64Array(9)];
    this.#points = deciding(points, (p) =>
      this.#parts.reduce((best, { inverse, radii }, i) => {
        const depth = -ellipsoidDistance(foot, transformPoint(local, inverse, p), radii);
        return Math.max(best, depth - reachOf(p, [draws.shared, draws.errors[i] as MotionError], scratch));
      }, Number.NEGATIVE_INFINITY),
    );
  }

  covered(): boolean {
    this.#place();
    const count = this.#points.length;
    if (count === 0) return true;
    if (!this.#inside(this.#last)) return false;
    for (let n = 0; n < count; n += 3) {
      if (!this.#inside(n)) {
        this.#last = n;
        return false;
      }
    }
    return true;
  }

  /** T_true = Exp(shared) · Exp(own) · T, so a point goes to the ellipsoid by T⁻¹ · Exp(own)⁻¹ · Exp(shared)⁻¹. */
  #place(): void {
    for (let i = 0; i < this.#parts.length; i += 1) {
      const { inverse, radii } = this.#parts[i] as Ellipsoid;
      const m = multiply4(this.#motion, this.#draws.sharedMotion.matrix, (this.#draws.motions[i] as MotionDraw).matrix);
      multiply4(m, inverse, invertRigid(m, m));
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 4; c += 1) this.#rows[12 * i + 4 * r + c] = (m[4 * c + r] as number) / (radii[r] as number);
      }
    }
  }

  #inside(n: number): boolean {
    const x = this.#points[n] as number;
    const y = this.#points[n + 1] as number;
    const z = this.#points[n + 2] as number;
    const w = this.#rows;
    for (let o = 0; o < w.length; o += 12) {
      const a = (w[o] as number) * x + (w[o + 1] as number) * y + (w[o + 2] as number) * z + (w[o + 3] as number);
      const b = (w[o + 4] as number) * x + (w[o + 5] as number) * y + (w[o + 6] as number) * z + (w[o + 7] as number);
      const c = (w[o + 8] as number) * x + (w[o + 9] as number) * y + (w[o + 10] as number) * z + (w[o + 11] as number);
      if (a * a + b * b + c * c <= 1) return true;
    }
    return false;
  }
}

/** Whether the drawn pose of a zone with a distance field covers every point. */
class FieldTest {
  readonly #points: Float64Array;
  readonly #depths: Float64Array;
  readonly #draws: Draws;
  readonly #zone: Pick<AblationZone<string>, 'distance'>;
  readonly #motion = new Float64Array(16);
  readonly #moved = new Float64Array(3);
  #last = 0;

  constructor(points: Float64Array, zone: Pick<AblationZone<string>, 'distance'>, draws: Draws) {
    this.#zone = zone;
    this.#draws = draws;
    const scratch = new Float64Array(9);
    this.#points = deciding(points, (p) => -zone.distance(p) - reachOf(p, [draws.shared], scratch));
    this.#depths = new Float64Array(this.#points.length / 3);
    for (let n = 0; n < this.#depths.length; n += 1) {
      this.#depths[n] = -zone.distance(this.#points.subarray(3 * n, 3 * n + 3));
    }
  }

  covered(): boolean {
    const count = this.#depths.length;
    if (count === 0) return true;
    invertRigid(this.#motion, this.#draws.sharedMotion.matrix);
    if (!this.#inside(this.#last)) return false;
    for (let n = 0; n < count; n += 1) {
      if (!this.#inside(n)) {
        this.#last = n;
        return false;
      }
    }
    return true;
  }

  /** A distance changes by no more than the way a point goes: only where that leaves it open is the field asked. */
  #inside(n: number): boolean {
    const at = this.#points.subarray(3 * n, 3 * n + 3);
    const p = transformPoint(this.#moved, this.#motion, at);
    const depth = this.#depths[n] as number;
    const way = Math.hypot(
      (p[0] as number) - (at[0] as number),
      (p[1] as number) - (at[1] as number),
      (p[2] as number) - (at[2] as number),
    );
    if (depth >= way) return true;
    if (depth <= -way) return false;
    return this.#zone.distance(p) <= 0;
  }
}
