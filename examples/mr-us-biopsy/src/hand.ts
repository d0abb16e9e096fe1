import type { Instant } from '@trocar/core';
import {
  fromQuaternion,
  fromRotationVector,
  identity4,
  multiply4,
  quaternionOf,
  type Random,
  slerp,
  transformPoint,
} from '@trocar/core/math';
import { BATH_BEADS, BEAD_PLACES, PLANE_FROM_GUIDE } from './probe.js';

/** How fast the scripted hand is. */
export interface HandPace {
  /** Of a sweep over the whole gland, ms. */
  readonly sweepMs: number;
  /** Of anything else, ms. */
  readonly moveMs: number;
}

/** A careful hand, and one for tests that have no patience. */
export const PACES: { readonly usual: HandPace; readonly fast: HandPace } = {
  usual: { sweepMs: 9000, moveMs: 1200 },
  fast: { sweepMs: 5000, moveMs: 350 },
};

interface Move {
  readonly from: Float64Array;
  readonly to: Float64Array;
  readonly startMs: number;
  readonly durationMs: number;
  /** For a sweep: the plane at a share of it. */
  readonly along?: (f: number) => Float64Array;
}

/** What can go wrong with a sweep. */
export type SweepFault = 'gap' | 'too-fast';

/** The sweep, as the wrist does it: tilted to either side, rad, and slid, mm. */
const TILT_RAD = 0.42;
const SLIDE_MM = 12;
const TREMOR_MM = 0.08;
/** How exactly a person brings the needle's line onto a target, mm. */
const AIM_SD_MM = 0.5;

/**
 * The hand that holds the simulated probe in the rectum: a plane's pose in the body at any moment, a function of time alone. It goes where it
 * is told, by a minimum-jerk way (Flash & Hogan 1985), with a little tremor.
 */
export class ProbeHand {
  pace: HandPace = PACES.usual;
  readonly #apexY: number;
  readonly #bodyFromReference: Float64Array;
  readonly #random: Random;
  #move: Move;

  /** @param apexY where the fan's apex lies behind the gland while the face lies on the rectal wall, LPS y in the body, mm */
  constructor(apexY: number, bodyFromReference: Float64Array, random: Random) {
    this.#apexY = apexY;
    this.#bodyFromReference = bodyFromReference;
    this.#random = random;
    const rest = this.#plane(0, 0, 0);
    this.#move = { from: rest, to: rest, startMs: Number.NEGATIVE_INFINITY, durationMs: 0 };
  }

  /** When the movement ends. */
  get arrivesAt(): number {
    return this.#move.startMs + this.#move.durationMs;
  }

  /** Rests over the gland's middle. Returns when it is there. */
  rest(at: Instant): number {
    return this.#go(this.#plane(0, 0, 0), at);
  }

  /** Holds bead `n` of the bath where it is looked for. Returns when it is there. */
  bead(n: number, at: Instant): number {
    const [px, pz] = BEAD_PLACES[n] ?? [0, 40];
    const turned = multiply4(
      identity4(),
      this.#bodyFromReference,
      fromRotationVector(identity4(), [0.1 * n, 0.2, 0.3 - 0.2 * n]),
    );
    const bead = transformPoint(new Float64Array(3), this.#bodyFromReference, BATH_BEADS[n] ?? [0, 0, 0]);
    return this.#go(placedSo(turned, [px, 0, pz], bead), at);
  }

  /** Looks at the first bead from another side: view `n` of many, turned about all axes. Returns when it is there. */
  viewBead(n: number, at: Instant): number {
    const spread = (base: number): number => 2 * radicalInverse(n + 1, base) - 1;
    const turned = multiply4(
      identity4(),
      this.#bodyFromReference,
      fromRotationVector(identity4(), [0.45 * spread(2), 0.45 * spread(3), 0.3 + 0.6 * spread(5)]),
    );
    const bead = transformPoint(new Float64Array(3), this.#bodyFromReference, BATH_BEADS[0] ?? [0, 0, 0]);
    return this.#go(placedSo(turned, [16 * spread(7), 0, 38 + 14 * spread(11)], bead), at);
  }

  /** Goes to where a sweep begins. Returns when it is there. */
  begin(at: Instant): number {
    return this.#go(this.#plane(-TILT_RAD, 0, -SLIDE_MM), at);
  }

  /** Sweeps over the gland, from apex to base. Returns when it has done. */
  sweep(at: Instant, fault?: SweepFault): number {
    const first = this.#plane(-TILT_RAD, 0, -SLIDE_MM);
    this.#go(first, at);
    // A hand that slips leaves out a piece in the middle.
    const warped = (f: number): number =>
      fault === 'gap' && f > 0.5 ? f + 0.13 * Math.min(1, (f - 0.5) / 0.004) * (1 - f) * 2 : f;
    const along = (f: number): Float64Array => {
      const t = 2 * warped(f) - 1;
      return this.#plane(t * TILT_RAD, 0, t * SLIDE_MM);
    };
    const durationMs = this.pace.sweepMs * (fault === 'too-fast' ? 0.2 : 1);
    this.#move = { from: first, to: along(1), startMs: at + this.pace.moveMs, durationMs, along };
    return this.arrivesAt;
  }

  /**
   * Brings the needle's line through a place, as a person does who follows the screen: not exactly.
   * @param place in the reference's frame, mm
   */
  aim(place: ArrayLike<number>, at: Instant): number {
    const target = transformPoint(new Float64Array(3), this.#bodyFromReference, place);
    for (let k = 0; k < 3; k += 1) target[k] = (target[k] as number) + AIM_SD_MM * this.#random.normal();
    const pitch = 0.15 * Math.max(-1, Math.min(1, (target[2] as number) / 20));
    const [guide, way] = [PLANE_FROM_GUIDE.subarray(12, 15), PLANE_FROM_GUIDE.subarray(8, 11)];
    // So deep in the plane that the face stays on the wall.
    const depth = (this.#apexY - (target[1] as number)) / Math.cos(pitch);
    const along = (depth - (guide[2] as number)) / (way[2] as number);
    const inPlane = [0, 1, 2].map((k) => (guide[k] as number) + along * (way[k] as number)) as [number, number, number];
    return this.#go(placedSo(this.#plane(pitch, 0, 0), inPlane, target), at);
  }

  /** body from plane at a moment, into `out`. */
  pose(out: Float64Array, at: number): Float64Array {
    const { from, to, startMs, durationMs, along } = this.#move;
    const s = durationMs === 0 ? 1 : Math.min(1, Math.max(0, (at - startMs) / durationMs));
    if (along !== undefined) {
      out.set(at < startMs ? from : along(s));
    } else {
      const f = s * s * s * (10 - 15 * s + 6 * s * s);
      const q = slerp(new Float64Array(4), quaternionOf(new Float64Array(4), from), quaternionOf(new Float64Array(4), to), f);
      fromQuaternion(
        out,
        q,
        [12, 13, 14].map((k) => (from[k] as number) + f * ((to[k] as number) - (from[k] as number))),
      );
    }
    for (let k = 0; k < 3; k += 1) {
      out[12 + k] = (out[12 + k] as number) + TREMOR_MM * Math.sin(2 * Math.PI * (1.3 + 0.7 * k) * (at / 1000) + k);
    }
    return out;
  }

  #go(to: Float64Array, at: Instant): number {
    const from = this.pose(identity4(), at);
    this.#move = { from, to, startMs: at, durationMs: this.pace.moveMs };
    return this.arrivesAt;
  }

  /** The plane tilted about the patient's left–right axis, its apex at x, z: it looks to the front, x to the patient's left. */
  #plane(tilt: number, x: number, z: number): Float64Array {
    const [c, s] = [Math.cos(tilt), Math.sin(tilt)];
    return Float64Array.of(1, 0, 0, 0, 0, s, c, 0, 0, -c, s, 0, x, this.#apexY, z, 1);
  }
}

/** Van der Corput's sequence: 0 … 1, evenly spread however many are taken. */
function radicalInverse(n: number, base: number): number {
  let [value, share] = [0, 1 / base];
  for (let rest = n; rest > 0; rest = Math.floor(rest / base), share /= base) value += share * (rest % base);
  return value;
}

/** A plane turned as `turned` is, where its own place `own` comes to lie at `there`. */
function placedSo(turned: Float64Array, own: readonly [number, number, number], there: ArrayLike<number>): Float64Array {
  const m = Float64Array.from(turned);
  m.set([0, 0, 0], 12);
  const p = transformPoint(new Float64Array(3), m, own);
  m.set(
    [0, 1, 2].map((k) => (there[k] as number) - (p[k] as number)),
    12,
  );
  return m;
}
