import type { Instant, Point } from '@trocar/core';
import type { StraightPlan } from '@trocar/core/guidance';
import { fromQuaternion, fromRotationVector, multiply4, quaternionOf, type Random, slerp } from '@trocar/core/math';

type V3 = readonly [number, number, number];

/** What a hand has to know of a patient: where it will touch, how the skin lies there, and where it is to go. Image frame, LPS mm. */
export interface HandCase<F extends string> {
  readonly fiducials: readonly Point<F>[];
  /** Unit normals of the skin there, outwards. */
  readonly normals: readonly V3[];
  readonly plan: StraightPlan<F>;
}

/** A place and direction of the tip in the image frame. */
interface Stance {
  readonly at: V3;
  /** Unit quaternion, x y z w, of the tip frame in the image frame. */
  readonly turn: Float64Array;
}

/** One movement between two stances. */
interface Move {
  readonly from: Stance;
  readonly to: Stance;
  readonly startMs: number;
  readonly durationMs: number;
  /** Around the patient, or straight. */
  readonly around: boolean;
  /** Tilts about the tip on the way: the half-angle of the cone, rad. */
  readonly coneRad?: number;
}

/** A small hole that a tip can be turned in, and the way out of it: a unit vector. Image frame, mm. */
export interface Divot {
  readonly at: V3;
  readonly normal: V3;
}

/** How fast the hand is. */
export interface HandPace {
  /** Around the patient, mm/s. */
  readonly travel: number;
  /** Down to a divot and along the plan, mm/s. */
  readonly approach: number;
  /** How long it pivots, ms. */
  readonly pivotMs: number;
}

/** A person's usual pace, and one for tests that have no patience. */
export const PACES: { readonly usual: HandPace; readonly fast: HandPace } = {
  usual: { travel: 600, approach: 180, pivotMs: 12_000 },
  fast: { travel: 1500, approach: 300, pivotMs: 5000 },
};

/** Above a divot or an entry the hand waits here, mm. */
const STANDOFF_MM = 50;
/** Tremor of a resting hand: amplitude along each axis, mm. */
const TREMOR_MM = 0.04;
/** A resting hand turns the stylus slowly about its tip by this much, rad. */
const SWAY_RAD = 0.06;
/** A hand that pivots as it should tilts the stylus this far to every side, degrees. */
export const PIVOT_CONE_DEG = 38;
/** Times around the cone, and from its middle to its rim and back, in one pivoting. */
const PIVOT_TURNS = 7;
const PIVOT_SWEEPS = 3;

/**
 * The hand that holds the simulated stylus: goes where it is told, by the way a hand would take, and never quite rests. Its
 * pose is a function of time alone, so that any number of tools and clocks can ask.
 */
export class Hand<F extends string> {
  pace: HandPace = PACES.usual;
  readonly #case: HandCase<F>;
  readonly #fiducials: readonly V3[];
  readonly #divot: Divot;
  readonly #placing: () => V3;
  readonly #random: Random;
  readonly #centre: V3;
  #moves: Move[];
  readonly #quaternion = new Float64Array(4);
  readonly #sway = new Float64Array(16);

  /**
   * @param fiducials where they truly are, ct frame, mm
   * @param divot for pivoting, beside the reference
   * @param placing how far the tip ends from a fiducial's centre, mm, asked at every touch
   */
  constructor(given: HandCase<F>, fiducials: readonly V3[], divot: Divot, placing: () => V3, random: Random) {
    this.#case = given;
    this.#fiducials = fiducials;
    this.#divot = divot;
    this.#placing = placing;
    this.#random = random;
    this.#centre = [0, 1, 2].map((k) => fiducials.reduce((s, f) => s + (f[k] as number) / fiducials.length, 0)) as unknown as V3;
    const start = this.#above(0);
    this.#moves = [{ from: start, to: start, startMs: Number.NEGATIVE_INFINITY, durationMs: 0, around: false }];
  }

  /** When the last movement ends. */
  get arrivesAt(): number {
    const last = this.#moves.at(-1) as Move;
    return last.startMs + last.durationMs;
  }

  /** Goes to the divot and rests in it. Returns when it is there. */
  goToDivot(at: Instant): number {
    const { above, inside } = this.#divotStances();
    this.#begin(at);
    this.#go(above, this.pace.travel, true);
    return this.#go(inside, this.pace.approach, false);
  }

  /**
   * Tilts the stylus about its tip in the divot, to all sides. Returns when it has done.
   * @param coneDeg how far to every side; 0: does not tilt it
   */
  pivot(at: Instant, coneDeg: number = PIVOT_CONE_DEG): number {
    const { inside } = this.#divotStances();
    const coneRad = (coneDeg * Math.PI) / 180;
    this.#moves = [
      { from: inside, to: inside, startMs: Number.NEGATIVE_INFINITY, durationMs: 0, around: false },
      { from: inside, to: inside, startMs: at, durationMs: this.pace.pivotMs, around: false, coneRad },
    ];
    return this.arrivesAt;
  }

  #divotStances(): { readonly above: Stance; readonly inside: Stance } {
    const { at, normal } = this.#divot;
    const turn = pointing(scale(normal, -1), 0);
    return { above: { at: add(at, scale(normal, STANDOFF_MM)), turn }, inside: { at, turn } };
  }

  /**
   * Goes to a fiducial and rests in it, or beside it. Returns when it is there.
   * @param besideMm how far beside it the tip comes to rest: a slip
   */
  touch(index: number, at: Instant, besideMm = 0): number {
    const above = this.#above(index);
    const placed = add(this.#beside(index, above.turn, besideMm), this.#placing());
    this.#begin(at);
    this.#go(above, this.pace.travel, true);
    return this.#go({ at: placed, turn: above.turn }, this.pace.approach, false);
  }

  /** Rests in a fiducial, or so far beside it, at once: for simulations whose clock jumps. */
  placeAt(index: number, besideMm = 0): void {
    const placed = this.#placing();
    const { turn } = this.#above(index);
    const stance = { at: add(this.#beside(index, turn, besideMm), placed), turn };
    this.#moves = [{ from: stance, to: stance, startMs: Number.NEGATIVE_INFINITY, durationMs: 0, around: false }];
  }

  /** So far from a fiducial, across the stylus held with that turn. */
  #beside(index: number, turn: Float64Array, mm: number): V3 {
    const m = fromQuaternion(new Float64Array(16), turn, [0, 0, 0]);
    return add(this.#fiducials[index] as V3, scale([m[0] as number, m[1] as number, m[2] as number], mm));
  }

  /** Goes over the entry and in along the plan, to `beyondMm` past the target. Returns when it is there. */
  insert(at: Instant, beyondMm = 0, plan: StraightPlan<F> = this.#case.plan): number {
    const turn = pointing(plan.axis, 0.4);
    const along = (mm: number): V3 => add(plan.entry.xyz, scale(plan.axis, mm));
    this.#begin(at);
    this.#go({ at: along(-STANDOFF_MM), turn }, this.pace.travel, true);
    this.#go({ at: along(0), turn }, this.pace.approach, false);
    return this.#go({ at: along(plan.lengthMm + beyondMm), turn }, this.pace.approach / 3, false);
  }

  /** Goes straight back out along the tool's axis. Returns when it is there. */
  retract(at: Instant): number {
    this.#begin(at);
    const here = (this.#moves.at(-1) as Move).to;
    const m = fromQuaternion(new Float64Array(16), here.turn, [0, 0, 0]);
    const out: V3 = [m[8] as number, m[9] as number, m[10] as number];
    return this.#go({ at: add(here.at, scale(out, 2 * STANDOFF_MM)), turn: here.turn }, this.pace.approach, false);
  }

  /** ct from tip at a moment, into `out`. */
  pose(out: Float64Array, at: Instant): Float64Array {
    let move = this.#moves[0] as Move;
    for (const m of this.#moves) if (m.startMs <= at) move = m;
    const q = this.#quaternion;
    const f = smooth(move, at);
    slerp(q, move.from.turn, move.to.turn, f);
    fromQuaternion(out, q, move.around ? this.#around(move, f) : mix(move.from.at, move.to.at, f));
    // Laid down instead of pivoted, it keeps truly still.
    if (move.coneRad === 0) return out;
    const s = at / 1000;
    if (move.coneRad !== undefined) multiply4(out, out, tilted(this.#sway, move.coneRad, (at - move.startMs) / move.durationMs));
    multiply4(out, out, fromRotationVector(this.#sway, [SWAY_RAD * Math.sin(3.1 * s), SWAY_RAD * Math.cos(2.3 * s), 0]));
    for (let k = 0; k < 3; k += 1) out[12 + k] = (out[12 + k] as number) + TREMOR_MM * Math.sin(2 * Math.PI * (7 + k) * s + k);
    return out;
  }

  /** Breaks off whatever is going on, where it is. */
  #begin(at: Instant): void {
    const m = this.pose(new Float64Array(16), at);
    const here: Stance = {
      at: [m[12] as number, m[13] as number, m[14] as number],
      turn: quaternionOf(new Float64Array(4), m),
    };
    this.#moves = [{ from: here, to: here, startMs: at, durationMs: 0, around: false }];
  }

  #go(to: Stance, speed: number, around: boolean): number {
    const last = this.#moves.at(-1) as Move;
    const length = Math.max(1, distance(last.to.at, to.at)) * (around ? 1.3 : 1);
    const move = { from: last.to, to, startMs: this.arrivesAt, durationMs: (1000 * length) / speed, around };
    this.#moves.push(move);
    return move.startMs + move.durationMs;
  }

  /** Over a fiducial, pointing down at it, tilted and rolled a little differently every time. */
  #above(index: number): Stance {
    const normal = this.#case.normals[index] as V3;
    const f = this.#fiducials[index] as V3;
    const turn = pointing(scale(normal, -1), this.#random.between(-Math.PI, Math.PI));
    const tilt = fromRotationVector(new Float64Array(16), [
      this.#random.between(-0.35, 0.35),
      this.#random.between(-0.35, 0.35),
      0,
    ]);
    const m = multiply4(new Float64Array(16), fromQuaternion(new Float64Array(16), turn, [0, 0, 0]), tilt);
    return { at: add(f, scale(normal, STANDOFF_MM)), turn: quaternionOf(new Float64Array(4), m) };
  }

  /** On a bulge around the middle of the fiducials: a hand goes around a patient, not through. */
  #around(move: Move, f: number): V3 {
    const [a, b] = [minus(move.from.at, this.#centre), minus(move.to.at, this.#centre)];
    const [ra, rb] = [Math.hypot(...a), Math.hypot(...b)];
    const straight = mix(scale(a, 1 / ra), scale(b, 1 / rb), f);
    const length = Math.hypot(...straight);
    const radius = ra + f * (rb - ra);
    // Exactly opposite ends have no shortest way around: the straight one then leads through the middle, for an instant.
    return add(this.#centre, scale(straight, length > 1e-3 ? radius / length : radius));
  }
}

/** 0 … 1 along a move, starting and ending at rest (minimum jerk; Flash & Hogan 1985). */
function smooth(move: Move, at: number): number {
  if (move.durationMs === 0) return 1;
  const s = Math.min(1, Math.max(0, (at - move.startMs) / move.durationMs));
  return s * s * s * (10 - 15 * s + 6 * s * s);
}

/** The tilt of a pivoting hand: around the cone, from the middle to the rim and back, and a little about the shaft. */
function tilted(out: Float64Array, coneRad: number, f: number): Float64Array {
  if (f <= 0 || f >= 1) return fromRotationVector(out, [0, 0, 0]);
  const gently = Math.min(1, 12 * f, 12 * (1 - f));
  const tilt = coneRad * gently * (0.25 + 0.75 * Math.abs(Math.sin(Math.PI * PIVOT_SWEEPS * f)));
  const around = 2 * Math.PI * PIVOT_TURNS * f;
  fromRotationVector(out, [tilt * Math.cos(around), tilt * Math.sin(around), 0]);
  const roll = fromRotationVector(new Float64Array(16), [0, 0, coneRad * Math.sin(2 * Math.PI * f)]);
  return multiply4(out, out, roll);
}

/** The turn of a tip whose −z points along `direction`, rolled about it by `roll`. */
function pointing(direction: V3, roll: number): Float64Array {
  const z = scale(direction, -1);
  const side: V3 = Math.abs(z[0]) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  const flat = minus(side, scale(z, side[0] * z[0] + side[1] * z[1] + side[2] * z[2]));
  const x = scale(flat, 1 / Math.hypot(...flat));
  const y: V3 = [z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]];
  const m = Float64Array.from([...x, 0, ...y, 0, ...z, 0, 0, 0, 0, 1]);
  multiply4(m, m, fromRotationVector(new Float64Array(16), [0, 0, roll]));
  return quaternionOf(new Float64Array(4), m);
}

function add(a: ArrayLike<number>, b: ArrayLike<number>): V3 {
  return [(a[0] as number) + (b[0] as number), (a[1] as number) + (b[1] as number), (a[2] as number) + (b[2] as number)];
}

function minus(a: V3, b: V3): V3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

function scale(a: V3, s: number): V3 {
  return [a[0] * s, a[1] * s, a[2] * s];
}

function mix(a: V3, b: V3, f: number): V3 {
  return [a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1]), a[2] + f * (b[2] - a[2])];
}

function distance(a: V3, b: V3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
