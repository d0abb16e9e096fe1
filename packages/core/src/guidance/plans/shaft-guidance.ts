import { NavError } from '../../base/index.js';
import { isLive, type Path, PoseView, requireSameFrame, type Status } from '../../frames/index.js';
import { radiusQuantile } from '../../math/index.js';
import { Deviation, type DeviationOptions } from '../deviation.js';
import type { StraightPlan } from '../plan.js';
import { type GuidanceLimits, type GuidanceState, guidanceState } from '../state.js';
import type { Needle } from './needle.js';
import { emptyShaft, meanSquareAlong, ShaftClearance } from './shaft-clearance.js';
import { TipSpeed } from './tip-speed.js';
import type { KeepClear } from './trajectory.js';

/**
 * A {@link GuidanceState}, or `breach`: the shaft is, or with the error of its pose may be, nearer to a structure than its margin. A breach
 * is told before anything else.
 */
export type ShaftState = GuidanceState | 'breach';

/** What {@link ShaftGuidance} is made from. */
export interface ShaftGuidanceOptions<in out F extends string> extends DeviationOptions {
  readonly plan: StraightPlan<F>;
  readonly needle: Needle;
  readonly structures: readonly KeepClear<F>[];
  readonly limits?: GuidanceLimits;
  /** How much further than its margin the shaft must be from a structure before a breach ends, mm. Default 0.5. */
  readonly breachHysteresisMm?: number;
  /** How far ahead of the tip contact is looked for, mm. Default 100. */
  readonly lookAheadMm?: number;
  /** Poses that the tip's speed is taken from, ms. Default 200. */
  readonly speedWindowMs?: number;
}

/** Doubles kept of a structure: distance, certain distance, that less the error, where it is along the shaft, covered, time to contact. */
const FOUND = 6;
/** Steps towards contact; after so many the way grazes the structure, and the last place counts as contact. */
const MOST_STEPS = 64;
/** Nearer than this is contact, mm. */
const CONTACT_MM = 0.1;
/** Standard errors that the speed may be higher than measured: 97.7 % to one side. */
const SPEED_ERRORS = 2;
/** An error along one line: of all errors with the same mean square the one whose 95 % radius is largest. */
const ALONG_ONE_LINE = Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0);

/**
 * A whole needle against its plan and what it must keep clear of, from one pose after the other: the tip's deviation, and of the shaft from
 * tip to hub the distance to each structure. Made once, filled again and again, without allocating. Look at {@link status} first: unless the
 * pose is live every distance and time is NaN.
 *
 * The error of the pose is taken off at each place of the shaft by itself, for it grows with the distance from what the tracker sees: a
 * place p of the needle is off by ρ + φ × p, whose covariance C(p) follows from the pose's. The radius taken off is q √(trace C), where q is
 * the 95 % quantile of an error along one line: 1.96 where the covariance is known, Student's t where it was estimated. Of all Gaussian
 * errors with the same trace that one has the largest 95 % radius (Székely & Bakirov 2003, Probab. Theory Relat. Fields 126:184), so
 * the bound holds whatever the shape; for an error alike in all directions it is 21 % more than the exact radius.
 */
export class ShaftGuidance<in out F extends string> {
  /** Of the needle's working point, which is to lie on the target: the needle's tip offset behind its tip. */
  readonly deviation: Deviation<F>;
  readonly speed: TipSpeed;
  readonly #options: ShaftGuidanceOptions<F>;
  readonly #axis: Float64Array;
  readonly #working = new PoseView();
  readonly #clearance = new ShaftClearance(0.1);
  readonly #shaft = emptyShaft();
  readonly #found: Float64Array;
  readonly #one = new Float64Array(5);
  readonly #breached: Uint8Array;
  readonly #place = new Float64Array(3);
  readonly #sample = new Float64Array(3);
  /** Degrees of freedom the quantile was made for, and the quantile; speed along the axis at most, mm/ms; radius at the tip, mm. */
  readonly #numbers = Float64Array.of(Number.NaN, Number.NaN, Number.NaN, Number.NaN);
  #bounded = false;
  #inner: GuidanceState = 'noPose';
  #state: ShaftState = 'noPose';
  #tightest = -1;

  /** @throws NavError `guidance/bad-plan`, `guidance/bad-option`, `frame/mismatch` */
  constructor(options: ShaftGuidanceOptions<F>) {
    const { plan, structures, breachHysteresisMm = 0.5, lookAheadMm = 100 } = options;
    this.deviation = new Deviation(plan, options);
    for (const one of structures) {
      requireSameFrame(plan.frame, one.field.frame, `Keeping clear of ${one.name}`);
      if (!(one.marginMm >= 0 && one.marginMm < 1000))
        throw bad(`The margin of ${one.name} is ${one.marginMm} mm. Give 0 or more.`);
    }
    if (!(breachHysteresisMm >= 0 && breachHysteresisMm < 100 && lookAheadMm > 0 && lookAheadMm < 10_000)) {
      throw bad(`A hysteresis of ${breachHysteresisMm} mm or a look ahead of ${lookAheadMm} mm makes no sense.`);
    }
    this.#options = options;
    const axis = options.toolAxis ?? [0, 0, -1];
    this.#axis = Float64Array.from(axis, (v) => v / Math.hypot(...axis));
    this.#found = new Float64Array(FOUND * structures.length).fill(Number.NaN);
    this.#breached = new Uint8Array(structures.length);
    this.speed = new TipSpeed(options.speedWindowMs);
  }

  /**
   * Reads a path at its graph's query time into `view`, then measures. Returns the state.
   * @throws NavError `frame/mismatch` where the path does not lead to the plan's frame
   */
  read<Tip extends string>(path: Path<F, Tip>, view: PoseView): ShaftState {
    const { frame } = this.#options.plan;
    if (path.to.name !== frame.name) requireSameFrame(frame, path.to, 'Guiding a needle');
    path.read(view);
    return this.measure(view);
  }

  /** Measures a pose of the plan's frame from the tip; that the view is one, the caller answers for. */
  measure(view: PoseView): ShaftState {
    this.deviation.measure(this.#workingPoint(view));
    this.speed.update(view);
    this.#found.fill(Number.NaN);
    this.#tightest = -1;
    this.#bounded = false;
    this.#inner = guidanceState(this.deviation, this.#inner, this.#options.limits);
    if (isLive(view.status)) {
      this.#pose(view);
      this.#keepClear();
    } else this.#breached.fill(0);
    this.#state = this.#breached.includes(1) ? 'breach' : this.#inner;
    return this.#state;
  }

  /** The pose moved back along the needle; its covariance is that at the plan's origin, and so the same. */
  #workingPoint(view: PoseView): PoseView {
    const back = this.#options.needle.tipOffsetMm;
    if (back === 0) return view;
    const own = this.#working;
    own.matrix.set(view.matrix);
    own.covariance.set(view.covariance);
    own.times.set(view.times);
    own.status = view.status;
    own.covarianceKnown = view.covarianceKnown;
    own.degreesOfFreedom = view.degreesOfFreedom;
    own.worstEdge = view.worstEdge;
    for (let k = 0; k < 3; k += 1) {
      let along = 0;
      for (let c = 0; c < 3; c += 1) along += (view.matrix[4 * c + k] as number) * (this.#axis[c] as number);
      own.matrix[12 + k] = (own.matrix[12 + k] as number) - back * along;
    }
    return own;
  }

  /** The shaft of a pose, the error along it, and how fast it goes ahead. */
  #pose(view: PoseView): void {
    const m = view.matrix;
    const { line } = this.#shaft;
    const ax = this.#axis[0] as number;
    const ay = this.#axis[1] as number;
    const az = this.#axis[2] as number;
    let ahead = 0;
    for (let k = 0; k < 3; k += 1) {
      const along = (m[k] as number) * ax + (m[4 + k] as number) * ay + (m[8 + k] as number) * az;
      line[k] = m[12 + k] as number;
      line[3 + k] = -along;
      ahead += along * (this.speed.velocity[k] as number);
    }
    line[6] = this.#options.needle.lengthMm;
    this.#numbers[2] = (ahead + SPEED_ERRORS * this.speed.standardErrorMmPerS) / 1000;
    this.#bounded = view.covarianceKnown;
    this.#errors(view);
  }

  /** The square of the error's radius along the shaft. */
  #errors(view: PoseView): void {
    const { error } = this.#shaft;
    error.fill(Number.NaN);
    this.#numbers[3] = 0;
    if (!this.#bounded) return;
    const n = this.#numbers;
    if (n[0] !== view.degreesOfFreedom) {
      n[0] = view.degreesOfFreedom;
      n[1] = radiusQuantile(ALONG_ONE_LINE, 0.95, view.degreesOfFreedom);
    }
    meanSquareAlong(this.#shaft, view.covariance);
    for (let k = 0; k < 3; k += 1) error[k] = (error[k] as number) * (n[1] as number) * (n[1] as number);
    n[3] = Math.sqrt(Math.max(0, error[0] as number));
  }

  #keepClear(): void {
    const { structures, breachHysteresisMm = 0.5 } = this.#options;
    const radius = this.#options.needle.outerDiameterMm / 2;
    let spare = Number.POSITIVE_INFINITY;
    for (let n = 0; n < structures.length; n += 1) {
      const { field, marginMm } = structures[n] as KeepClear<F>;
      const found = this.#one;
      this.#clearance.measureInto(found, field, this.#shaft);
      const o = FOUND * n;
      for (let k = 0; k < 3; k += 1) this.#found[o + k] = (found[k] as number) - radius;
      this.#found[o + 3] = found[3] as number;
      this.#found[o + 4] = found[4] as number;
      const room = (this.#found[o + (this.#bounded ? 2 : 1)] as number) - marginMm;
      // Written so that a distance that is not known is a breach.
      this.#breached[n] = room > (this.#breached[n] === 1 ? breachHysteresisMm : 0) ? 0 : 1;
      if (room < spare) {
        spare = room;
        this.#tightest = n;
      }
      this.#time(n, radius);
    }
  }

  /** How soon the tip would touch, going on along its axis as fast as it may be going now, into the structure's place. */
  #time(n: number, radius: number): void {
    const fastest = this.#numbers[2] as number;
    const o = FOUND * n + 5;
    if (!(fastest > 0)) {
      this.#found[o] = fastest <= 0 ? Number.POSITIVE_INFINITY : Number.NaN;
      return;
    }
    const { structures, lookAheadMm = 100 } = this.#options;
    const { field } = structures[n] as KeepClear<F>;
    const { line } = this.#shaft;
    const less = radius + (this.#numbers[3] as number);
    let along = 0;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      for (let k = 0; k < 3; k += 1) this.#place[k] = (line[k] as number) - along * (line[3 + k] as number);
      field.sampleInto(this.#sample, this.#place);
      const room = (this.#sample[1] as number) - less;
      if (!(room > CONTACT_MM)) break;
      along += room;
      if (along > lookAheadMm) {
        this.#found[o] = Number.POSITIVE_INFINITY;
        return;
      }
    }
    this.#found[o] = along / fastest;
  }

  /** The status of the pose that was measured last. */
  get status(): Status {
    return this.deviation.status;
  }
  /** What {@link read} or {@link measure} returned last. */
  get state(): ShaftState {
    return this.#state;
  }
  /** Whether the error of the pose is known, and so taken off in {@link clearanceMm}. */
  get bounded(): boolean {
    return this.#bounded;
  }
  /** Number of the structure with the least room beyond its margin; −1 where nothing is known or there is none. */
  get tightest(): number {
    return this.#tightest;
  }

  /**
   * From the shaft's surface to a structure as the pose and the field say it, mm: negative inside, NaN unless live. Where {@link covered} is
   * false it is at least this.
   * @param n number of the structure in the list given
   */
  distanceMm(n: number): number {
    return this.#found[FOUND * n] as number;
  }

  /** Whether {@link distanceMm} is a value of the field and not only a bound from outside of what it covers. */
  covered(n: number): boolean {
    return this.#found[FOUND * n + 4] === 1;
  }

  /**
   * What the distance is not below with 95 %, mm: less the error of the pose at each place of the shaft, and what the field does not know
   * between its points. NaN where the error is not known ({@link bounded}) and unless live. This is what decides of a breach; without a
   * known error the certain distance of the shown shaft does.
   */
  clearanceMm(n: number): number {
    return this.#found[FOUND * n + 2] as number;
  }

  /** Where on the shaft the least clearance is, mm from the tip towards the hub. */
  nearestAlongMm(n: number): number {
    return this.#found[FOUND * n + 3] as number;
  }

  /**
   * How soon the tip may touch a structure if it goes on along its axis, ms: never later than that, for the speed is taken as high as its
   * error allows (two standard errors) and the distance as small as the bound of the tip's error allows. Infinity where the tip
   * withdraws or nothing is within the look ahead; NaN where the speed is not known, and unless live.
   */
  timeToContactMs(n: number): number {
    return this.#found[FOUND * n + 5] as number;
  }

  /** Whether the shaft is in breach of a structure's margin, with hysteresis. */
  breached(n: number): boolean {
    return this.#breached[n] === 1;
  }
}

function bad(message: string): NavError<'guidance/bad-option'> {
  return new NavError('guidance/bad-option', message);
}
