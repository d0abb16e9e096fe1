import type { Instant } from '@trocar/core';
import { fromQuaternion, fromRotationVector, multiply4, quaternionOf, type Random, slerp } from '@trocar/core/math';
import type { NavigationCase } from './case.js';

type V3 = readonly [number, number, number];

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
}

/** How fast the hand is. */
export interface HandPace {
  /** Around the patient, mm/s. */
  readonly travel: number;
  /** Down to a divot and along the plan, mm/s. */
  readonly approach: number;
}

/** A person's usual pace, and one for tests that have no patience. */
export const PACES: { readonly usual: HandPace; readonly fast: HandPace } = {
  usual: { travel: 600, approach: 180 },
  fast: { travel: 1500, approach: 300 },
};

/** Above a divot or an entry the hand waits here, mm. */
const STANDOFF_MM = 50;
/** Tremor of a resting hand: amplitude along each axis, mm. */
const TREMOR_MM = 0.04;
/** A resting hand turns the stylus slowly about its tip by this much, rad. */
const SWAY_RAD = 0.06;

/**
 * The hand that holds the simulated stylus: goes where it is told, by the way a hand would take, and never quite rests. Its
 * pose is a function of time alone, so that any number of tools and clocks can ask.
 */
export class Hand {
  pace: HandPace = PACES.usual;
  readonly #case: NavigationCase;
  readonly #fiducials: readonly V3[];
  readonly #placing: () => V3;
  readonly #random: Random;
  readonly #centre: V3;
  #moves: Move[];
  readonly #quaternion = new Float64Array(4);
  readonly #sway = new Float64Array(16);

  /**
   * @param fiducials where they truly are, ct frame, mm
   * @param placing how far the tip ends from a divot's centre, mm, asked at every touch
   */
  constructor(given: NavigationCase, fiducials: readonly V3[], placing: () => V3, random: Random) {
    this.#case = given;
    this.#fiducials = fiducials;
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

  /** Goes to a fiducial and rests in it. Returns when it is there. */
  touch(index: number, at: Instant): number {
    const above = this.#above(index);
    const placed = add(this.#fiducials[index] as V3, this.#placing());
    this.#begin(at);
    this.#go(above, this.pace.travel, true);
    return this.#go({ at: placed, turn: above.turn }, this.pace.approach, false);
  }

  /** Rests in a fiducial at once: for simulations whose clock jumps. */
  placeAt(index: number): void {
    const stance = { at: add(this.#fiducials[index] as V3, this.#placing()), turn: this.#above(index).turn };
    this.#moves = [{ from: stance, to: stance, startMs: Number.NEGATIVE_INFINITY, durationMs: 0, around: false }];
  }

  /** Goes over the entry and in along the plan, to `beyondMm` past the target. Returns when it is there. */
  insert(at: Instant, beyondMm = 0, plan: NavigationCase['plan'] = this.#case.plan): number {
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
    const s = at / 1000;
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
