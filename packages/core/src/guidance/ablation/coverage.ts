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
export interface AblationCoverage {
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
): AblationCoverage {
  requireSameFrame(target.frame, zone.frame, 'Finding the probability of coverage');
  const { marginMm = 0, shifts = 16, seed = 1 } = options;
  if (!(Number.isInteger(shifts) && shifts >= 2 && shifts <= 1000)) {
    throw new NavError('ablation/bad-option', `${shifts} shifts are no count between 2 and 1000.`);
  }
  const points = target.points(marginMm);
  const probes = zone instanceof EllipsoidZone ? zone.probes : undefined;
  const draws = new Draws(target.surface, sharedError(target, zone, options.shared), probes ?? []);
  const test =
    probes === undefined
      ? new FieldTest(points, target.surface, zone, draws)
      : new ProbeTest(points, target.surface, probes, draws);
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

/** The points that decide, with how deep each lies in the zone (in its deepest part), the least deep first. */
class Deciding {
  readonly points: Float64Array;
  readonly depths: Float64Array;
  readonly #centre: Float64Array;
  readonly #reachMm: number;

  /** @param spare how much deeper a point is than any error within reach can move it, and its depth, mm */
  constructor(points: Float64Array, surface: Surface, spare: (p: Float64Array) => readonly [number, number]) {
    const kept: { readonly at: Float64Array; readonly depth: number }[] = [];
    for (let n = 0; n < points.length; n += 3) {
      const at = points.slice(n, n + 3);
      const [left, depth] = spare(at);
      if (left < 0) kept.push({ at, depth });
    }
    kept.sort((a, b) => a.depth - b.depth);
    this.points = Float64Array.from(kept.flatMap(({ at }) => Array.from(at)));
    this.depths = Float64Array.from(kept, ({ depth }) => depth);
    const box = boxOf(surface);
    const centre = [0, 1, 2].map((k) => ((box[k] as number) + (box[3 + k] as number)) / 2);
    this.#centre = Float64Array.from(centre);
    this.#reachMm = kept.reduce((most, { at }) => Math.max(most, Math.hypot(...centre.map((v, k) => v - (at[k] as number)))), 0);
  }

  /** No point is moved further than this by a motion, mm: its middle's way, and the rotation's chord at the farthest point. */
  farthestWay(m: Float64Array): number {
    const [x, y, z] = this.#centre as unknown as [number, number, number];
    let way = 0;
    let turn = 0;
    for (let r = 0; r < 3; r += 1) {
      const c = this.#centre[r] as number;
      const moved = (m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z + (m[12 + r] as number) - c;
      way += moved * moved;
      for (let k = 0; k < 3; k += 1) turn += ((m[4 * k + r] as number) - (k === r ? 1 : 0)) ** 2;
    }
    return Math.sqrt(way) + Math.sqrt(turn / 2) * this.#reachMm;
  }

  /** Whether every point is inside that the motion's way leaves open; `last` is asked first. */
  allInside(way: number, last: number, inside: (n: number) => boolean, missed: (n: number) => void): boolean {
    const { depths } = this;
    if (depths.length === 0 || (depths[0] as number) >= way) return true;
    if (!inside(last)) return false;
    for (let n = 0; n < depths.length && (depths[n] as number) < way; n += 1) {
      if (inside(n)) continue;
      missed(n);
      return false;
    }
    return true;
  }
}

/** Whether the drawn poses of probes cover every point. */
class ProbeTest {
  readonly #deciding: Deciding;
  readonly #draws: Draws;
  readonly #parts: readonly Ellipsoid[];
  /** Per ellipsoid 12 numbers: the rows of diag(1/radii) · ellipsoid-from-frame. */
  readonly #rows: Float64Array;
  readonly #motion = new Float64Array(16);
  /** The point that was missed last: likely to be missed again. */
  #last = 0;

  constructor(points: Float64Array, surface: Surface, probes: readonly ProbePose[], draws: Draws) {
    this.#parts = probes.map(ellipsoidOf);
    this.#draws = draws;
    this.#rows = new Float64Array(12 * this.#parts.length);
    const [local, foot, scratch] = [new Float64Array(3), new Float64Array(3), new Float64Array(9)];
    this.#deciding = new Deciding(points, surface, (p) => {
      let [spare, deepest] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
      this.#parts.forEach(({ inverse, radii }, i) => {
        const depth = -ellipsoidDistance(foot, transformPoint(local, inverse, p), radii);
        spare = Math.max(spare, depth - reachOf(p, [draws.shared, draws.errors[i] as MotionError], scratch));
        deepest = Math.max(deepest, depth);
      });
      return [spare, deepest];
    });
  }

  covered(): boolean {
    return this.#deciding.allInside(this.#place(), this.#last, this.#inside, this.#missed);
  }

  readonly #missed = (n: number): void => {
    this.#last = n;
  };

  /**
   * T_true = Exp(shared) · Exp(own) · T, so a point goes to the ellipsoid by T⁻¹ · Exp(own)⁻¹ · Exp(shared)⁻¹. Returns the furthest that any
   * of the motions takes any point, mm.
   */
  #place(): number {
    let way = 0;
    for (let i = 0; i < this.#parts.length; i += 1) {
      const { inverse, radii } = this.#parts[i] as Ellipsoid;
      const m = multiply4(this.#motion, this.#draws.sharedMotion.matrix, (this.#draws.motions[i] as MotionDraw).matrix);
      invertRigid(m, m);
      way = Math.max(way, this.#deciding.farthestWay(m));
      multiply4(m, inverse, m);
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 4; c += 1) this.#rows[12 * i + 4 * r + c] = (m[4 * c + r] as number) / (radii[r] as number);
      }
    }
    return way;
  }

  readonly #inside = (n: number): boolean => {
    const { points } = this.#deciding;
    const x = points[3 * n] as number;
    const y = points[3 * n + 1] as number;
    const z = points[3 * n + 2] as number;
    const w = this.#rows;
    for (let o = 0; o < w.length; o += 12) {
      const a = (w[o] as number) * x + (w[o + 1] as number) * y + (w[o + 2] as number) * z + (w[o + 3] as number);
      const b = (w[o + 4] as number) * x + (w[o + 5] as number) * y + (w[o + 6] as number) * z + (w[o + 7] as number);
      const c = (w[o + 8] as number) * x + (w[o + 9] as number) * y + (w[o + 10] as number) * z + (w[o + 11] as number);
      if (a * a + b * b + c * c <= 1) return true;
    }
    return false;
  };
}

/** Whether the drawn pose of a zone with a distance field covers every point. */
class FieldTest {
  readonly #deciding: Deciding;
  readonly #draws: Draws;
  readonly #zone: Pick<AblationZone<string>, 'contains'>;
  readonly #motion = new Float64Array(16);
  readonly #moved = new Float64Array(3);
  #last = 0;

  constructor(points: Float64Array, surface: Surface, zone: Pick<AblationZone<string>, 'distance' | 'contains'>, draws: Draws) {
    this.#zone = zone;
    this.#draws = draws;
    const scratch = new Float64Array(9);
    this.#deciding = new Deciding(points, surface, (p) => {
      const depth = -zone.distance(p);
      return [depth - reachOf(p, [draws.shared], scratch), depth];
    });
  }

  covered(): boolean {
    const m = invertRigid(this.#motion, this.#draws.sharedMotion.matrix);
    return this.#deciding.allInside(this.#deciding.farthestWay(m), this.#last, this.#inside, this.#missed);
  }

  readonly #missed = (n: number): void => {
    this.#last = n;
  };

  readonly #inside = (n: number): boolean => {
    const m = this.#motion;
    return this.#zone.contains(transformPoint(this.#moved, m, this.#deciding.points.subarray(3 * n, 3 * n + 3)));
  };
}
