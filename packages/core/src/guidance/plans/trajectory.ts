import { NavError } from '../../base/index.js';
import { type Frame, type Point, requireSameFrame } from '../../frames/index.js';
import type { SignedField } from '../../volume/index.js';
import { type Needle, reachOf } from './needle.js';
import { emptyShaft, ShaftClearance } from './shaft-clearance.js';

/** Something a needle must keep clear of. */
export interface KeepClear<in out F extends string> {
  readonly name: string;
  /** Signed distances to it, mm: {@link distanceToLabel} or {@link distanceToMesh} of `@trocar/core/volume` make them. */
  readonly field: SignedField<F>;
  /** How much room is to be left between the needle's surface and it, mm, beyond the error; 0 or more. */
  readonly marginMm: number;
}

/** What makes a way possible, and what makes it good. */
export interface TrajectoryDemands<in out F extends string> {
  readonly target: Point<F>;
  readonly needle: Needle;
  readonly structures: readonly KeepClear<F>[];
  /**
   * The 95 % bound of the error to expect along the way, mm: of the registration at the target and what the needle bends. There is no
   * default, for an error that nobody thought of is not 0.
   */
  readonly error95Mm: number;
  /** The steepest angle between the way and the skin's inward normal, degrees, up to 90. Default 60. */
  readonly maxSkinAngleDeg?: number;
  /** A way that is liked, from outside to the target, in the frame (need not be of unit length), and how far off it one may be (default 90°). */
  readonly preferred?: { readonly direction: readonly [number, number, number]; readonly maxAngleDeg?: number };
  /** How much each quality counts, 0 or more. Default: clearance 1, depth 0.5, skin 0.25, direction 0.25. They are the user's to choose. */
  readonly weights?: TrajectoryWeights;
  /** More room than this beyond the margin is no better, mm. Default 10. */
  readonly ampleMm?: number;
}

/** See {@link TrajectoryDemands.weights}. */
export interface TrajectoryWeights {
  readonly clearance?: number;
  readonly depth?: number;
  readonly skin?: number;
  readonly direction?: number;
}

/** Why a way is refused, as bits of {@link TrajectoryEvaluator.refusal}. */
export const TRAJECTORY_REFUSALS = { tooDeep: 1, tooOblique: 2, offDirection: 4, tooNear: 8, notFinite: 16 } as const;

/** One of {@link TRAJECTORY_REFUSALS}' names. */
export type TrajectoryRefusal = keyof typeof TRAJECTORY_REFUSALS;

/** The names in a set of bits, in the order of {@link TRAJECTORY_REFUSALS}. */
export function refusalsOf(bits: number): readonly TrajectoryRefusal[] {
  return (Object.keys(TRAJECTORY_REFUSALS) as TrajectoryRefusal[]).filter((name) => (bits & TRAJECTORY_REFUSALS[name]) !== 0);
}

const WEIGHTS = { clearance: 1, depth: 0.5, skin: 0.25, direction: 0.25 } as const;

/**
 * Judges straight ways to one target, one after the other, without allocating. What it found of the last one stands in its fields.
 *
 * The whole needle is looked at, from its tip (beyond the target by the needle's tip offset) to its hub, as a cylinder with rounded ends.
 *
 * The score is Σ w q / Σ w of four qualities, each 0 … 1: *clearance* min(1, spare / ample), with the spare room beyond the margin of the
 * structure that has least; *depth* 1 − depth / reach; *skin* 1 − angle / largest; *direction* the same. A quality that nothing is known of
 * (no normal, no preferred direction) has no weight.
 */
export class TrajectoryEvaluator<in out F extends string> {
  readonly frame: Frame<F>;
  /** Bits of {@link TRAJECTORY_REFUSALS}; 0: the way can be gone. */
  refusal = 0;
  /** 0 … 1, more is better; NaN for a way that is refused. */
  score: number = Number.NaN;
  /** From the entry to the target, mm. */
  depthMm: number = Number.NaN;
  /** Between the way and the skin's inward normal, degrees; NaN where no normal was given. */
  skinAngleDeg: number = Number.NaN;
  /** Between the way and the preferred direction, degrees; NaN where none is. */
  directionAngleDeg: number = Number.NaN;
  /**
   * From the needle's surface to each structure, less the error, mm: never more than there is, and less than that by no more than 0.1 mm
   * and what the field does not know. NaN where the way was refused before anything was measured.
   */
  readonly clearancesMm: Float64Array;
  /** Number of the structure with the least room beyond its margin; −1 where there is none. */
  tightest = -1;
  /** The room to it beyond its margin, mm: negative where the way is too near; Infinity without structures. */
  spareMm: number = Number.NaN;
  readonly #demands: TrajectoryDemands<F>;
  readonly #reach: number;
  readonly #maxSkin: number;
  readonly #maxDirection: number;
  readonly #preferred: Float64Array | undefined;
  readonly #clearance = new ShaftClearance(0.1);
  readonly #shaft = emptyShaft();
  readonly #found = new Float64Array(5);
  readonly #weights: Required<TrajectoryWeights>;

  /** @throws NavError `guidance/bad-option` for demands that make no sense, `frame/mismatch` */
  constructor(demands: TrajectoryDemands<F>) {
    requireDemands(demands);
    this.#demands = demands;
    this.frame = demands.target.frame;
    this.#reach = reachOf(demands.needle);
    this.#maxSkin = demands.maxSkinAngleDeg ?? 60;
    this.#maxDirection = demands.preferred?.maxAngleDeg ?? 90;
    this.#preferred = demands.preferred && Float64Array.from(demands.preferred.direction);
    this.#weights = { ...WEIGHTS, ...demands.weights };
    this.clearancesMm = new Float64Array(demands.structures.length);
    this.#shaft.error[0] = demands.error95Mm ** 2;
    this.#shaft.line[6] = demands.needle.lengthMm;
  }

  /** The structure with the least room. */
  get tightestName(): string | undefined {
    return this.#demands.structures[this.tightest]?.name;
  }

  /**
   * Judges the way from an entry. Returns whether it can be gone.
   * @param entry x, y, z, mm, in the target's frame
   * @param normal of the skin there, outwards, of any length; undefined, or without a direction: not known
   */
  evaluate(entry: Float64Array, normal?: Float64Array): boolean {
    const { line } = this.#shaft;
    const { target, needle } = this.#demands;
    let depth2 = 0;
    for (let k = 0; k < 3; k += 1) {
      line[3 + k] = (entry[k] as number) - (target.xyz[k] as number);
      depth2 += (line[3 + k] as number) ** 2;
    }
    const depth = Math.sqrt(depth2);
    this.depthMm = depth;
    for (let k = 0; k < 3; k += 1) {
      line[3 + k] = (line[3 + k] as number) / depth;
      line[k] = (target.xyz[k] as number) - needle.tipOffsetMm * (line[3 + k] as number);
    }
    this.skinAngleDeg = angleDeg(line, normal, 1);
    this.directionAngleDeg = angleDeg(line, this.#preferred, -1);
    this.refusal =
      (depth <= this.#reach ? 0 : TRAJECTORY_REFUSALS.tooDeep) |
      (this.skinAngleDeg > this.#maxSkin ? TRAJECTORY_REFUSALS.tooOblique : 0) |
      (this.directionAngleDeg > this.#maxDirection ? TRAJECTORY_REFUSALS.offDirection : 0);
    if (!(depth > 0 && depth < Number.POSITIVE_INFINITY)) this.refusal = TRAJECTORY_REFUSALS.notFinite;
    this.#measure();
    this.score = this.refusal === 0 ? this.#rate() : Number.NaN;
    return this.refusal === 0;
  }

  /** Clearances of a way that is possible by its shape; the tightest decides. */
  #measure(): void {
    this.tightest = -1;
    this.clearancesMm.fill(Number.NaN);
    this.spareMm = Number.NaN;
    if (this.refusal !== 0) return;
    const { structures, needle } = this.#demands;
    this.spareMm = Number.POSITIVE_INFINITY;
    for (let n = 0; n < structures.length; n += 1) {
      const { field, marginMm } = structures[n] as KeepClear<F>;
      this.#clearance.measureInto(this.#found, field, this.#shaft);
      const clearance = (this.#found[2] as number) - needle.outerDiameterMm / 2;
      this.clearancesMm[n] = clearance;
      if (clearance - marginMm < this.spareMm) {
        this.spareMm = clearance - marginMm;
        this.tightest = n;
      }
      // Written so that a distance that is not known refuses.
      if (!(clearance >= marginMm)) this.refusal |= TRAJECTORY_REFUSALS.tooNear;
    }
  }

  #rate(): number {
    const { clearance, depth, skin, direction } = this.#weights;
    const knownSkin = Number.isNaN(this.skinAngleDeg) ? 0 : skin;
    const knownDirection = Number.isNaN(this.directionAngleDeg) ? 0 : direction;
    let sum = clearance * Math.min(1, this.spareMm / (this.#demands.ampleMm ?? 10)) + depth * (1 - this.depthMm / this.#reach);
    if (knownSkin > 0) sum += knownSkin * (1 - this.skinAngleDeg / this.#maxSkin);
    if (knownDirection > 0) sum += knownDirection * (1 - this.directionAngleDeg / this.#maxDirection);
    const weights = clearance + depth + knownSkin + knownDirection;
    return weights > 0 ? sum / weights : 0;
  }
}

/** Between the direction backwards along the shaft and a vector, or its opposite, degrees; NaN where there is no vector. */
function angleDeg(line: Float64Array, v: Float64Array | undefined, sign: number): number {
  if (v === undefined) return Number.NaN;
  const ax = line[3] as number;
  const ay = line[4] as number;
  const az = line[5] as number;
  const bx = sign * (v[0] as number);
  const by = sign * (v[1] as number);
  const bz = sign * (v[2] as number);
  if (!(bx * bx + by * by + bz * bz > 0)) return Number.NaN;
  const cx = ay * bz - az * by;
  const cy = az * bx - ax * bz;
  const cz = ax * by - ay * bx;
  return (Math.atan2(Math.sqrt(cx * cx + cy * cy + cz * cz), ax * bx + ay * by + az * bz) * 180) / Math.PI;
}

function requireDemands<F extends string>(demands: TrajectoryDemands<F>): void {
  const { maxSkinAngleDeg = 60, ampleMm = 10, error95Mm, preferred, structures } = demands;
  const weights = { ...WEIGHTS, ...demands.weights };
  const names = new Set<string>();
  for (const one of structures) {
    requireSameFrame(demands.target.frame, one.field.frame, `Keeping clear of ${one.name}`);
    if (!(one.marginMm >= 0 && one.marginMm < 1000))
      throw bad(`The margin of ${one.name} is ${one.marginMm} mm. Give 0 or more.`);
    if (names.has(one.name)) throw bad(`Two structures are called "${one.name}". Name them differently.`);
    names.add(one.name);
  }
  if (!(error95Mm >= 0 && error95Mm < 1000))
    throw bad(`An error of ${error95Mm} mm is not known. Give the 95 % bound to expect.`);
  if (!(maxSkinAngleDeg > 0 && maxSkinAngleDeg <= 90))
    throw bad(`${maxSkinAngleDeg}° to the skin: give more than 0° and at most 90°.`);
  if (!(ampleMm > 0 && ampleMm < 1000)) throw bad(`${ampleMm} mm are not ample. Give a length above 0.`);
  const direction = preferred?.direction ?? [1, 0, 0];
  const most = preferred?.maxAngleDeg ?? 90;
  if (!(Math.hypot(...direction) > 0 && Math.hypot(...direction) < 1e9 && most > 0 && most <= 180)) {
    throw bad('The preferred direction needs a finite vector that is not zero and an angle above 0° and at most 180°.');
  }
  if (!Object.values(weights).every((w) => w >= 0 && w < 1e9)) throw bad('Weights must be finite and not negative.');
}

function bad(message: string): NavError<'guidance/bad-option'> {
  return new NavError('guidance/bad-option', message);
}
