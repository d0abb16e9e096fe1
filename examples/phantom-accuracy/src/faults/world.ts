import type { Clock, Instant } from '@trocar/core';
import {
  fromQuaternion,
  fromRotationVector,
  invertRigid,
  multiply4,
  quaternionOf,
  Random,
  transformPoint,
} from '@trocar/core/math';
import type { NdiSimulator, SimulatedPose, SimulatedTool } from '@trocar/device-bridge';

export type V3 = readonly [number, number, number];
export type Body = 'stylus' | 'reference' | 'second';

/** Standard deviations per axis, as of an optical tracker and a careful hand. */
const TRACKER_MM = 0.1;
const TRACKER_RAD = 0.0005;
const PLACING_MM = 0.2;
const MARKING_MM = 0.2;
export const SERIAL = '3A5C0100';
const TIP: V3 = [-18.5, 1.2, -158];

/** What a fault may turn. As made, nothing is wrong. */
export interface Wrongs {
  hidden: Set<Body>;
  /** The axis of the tracker that is mirrored; −1: none. */
  flipped: number;
  scale: number;
  /** Of the reference against the patient: a rigid motion about its own origin. */
  bump: Float64Array;
  /** By how much the stylus's tip is elsewhere in its frame, mm. */
  otherTip: V3;
  serial: string;
  /** Rate of the device's clock over the host's, from a moment on. */
  drift: number;
  driftFromMs: number;
  /** Bytes from the device are held back this long, ms. */
  delayMs: number;
  imageStops: 'no' | 'silent' | 'repeats';
}

/** What the hand does: turns the tip in the divot, holds it there again, or touches the place of a number. */
export type Doing = 'calibrate' | 'check' | number;

/** Poses of a pointer that were recorded on a phantom: the hand then does what was recorded. */
export interface RecordedHand {
  /** The phantom's divots that are touched, its frame, mm: those that register, and then at least three others. */
  readonly marked: readonly V3[];
  readonly fiducials: number;
  /** Reference from stylus, 16 numbers each, at even steps; with their own noise. At least one for everything the hand does. */
  readonly poses: (doing: Doing) => readonly ArrayLike<number>[];
  readonly periodMs: number;
}

/** Of the fourteen places of a world without recordings, so many register. */
const FIDUCIALS = 10;

/**
 * A patient, a tracker and a hand as they truly are. The station never sees this: it gets the bytes of the tracker and the scanner, the
 * images' headers, and that somebody says "now".
 */
export class World {
  readonly random: Random;
  readonly wrong: Wrongs = {
    hidden: new Set(),
    flipped: -1,
    scale: 1,
    bump: fromRotationVector(new Float64Array(16), [0, 0, 0]),
    otherTip: [0, 0, 0],
    serial: SERIAL,
    drift: 0,
    driftFromMs: Number.POSITIVE_INFINITY,
    delayMs: 0,
    imageStops: 'no',
  };
  /** As marked in the image, and as they are: patient frame, mm. The first are fiducials, the others landmarks. */
  readonly marked: readonly V3[];
  readonly fiducials: number;
  readonly #places: readonly V3[];
  readonly #patientFromReference: Float64Array;
  readonly #patientFromSecond: Float64Array;
  readonly #trackerFromPatient: Float64Array;
  readonly #host: Clock;
  /** Small differences of good clocks, in ms per ms. */
  readonly #crystal: number;
  #table: V3 = [0, 0, 0];
  #tableFrom: V3 = [0, 0, 0];
  #tableAt = 0;
  /** The tip and direction of the hand; pivoting about it or resting. */
  #tip: V3 = [0, 0, 300];
  #turn: Float64Array;
  #cone = 0;
  #coneFrom = 0;
  readonly #recorded: RecordedHand | undefined;
  #doing: Doing = 'calibrate';
  simulator: NdiSimulator | undefined;

  /** @param recorded poses of a pointer on a phantom, in place of a simulated hand; the bodies that it is seen with stay simulated */
  constructor(seed: number, host: Clock, recorded?: RecordedHand) {
    const random = new Random(seed);
    this.random = random;
    this.#host = host;
    this.#crystal = random.between(-5e-5, 5e-5);
    this.#recorded = recorded;
    this.#places = recorded?.marked ?? layout(random);
    this.marked = recorded?.marked ?? this.#places.map((p) => off(p, MARKING_MM, random));
    this.fiducials = recorded?.fiducials ?? FIDUCIALS;
    const turned = (t: V3): Float64Array => fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), t);
    this.#patientFromReference = turned([random.between(-40, 40), 150, random.between(20, 80)]);
    this.#patientFromSecond = turned([random.between(-40, 40), 150, random.between(-80, -20)]);
    this.#trackerFromPatient = turned([random.between(-200, 200), random.between(-150, 150), random.between(-1700, -1200)]);
    this.#turn = random.rotation(new Float64Array(4));
  }

  get tools(): readonly SimulatedTool[] {
    return [
      { name: 'stylus', kind: 'wired', serial: this.wrong.serial },
      { name: 'reference', kind: 'wired', serial: '3A5C0200' },
      { name: 'second', kind: 'wired', serial: '3A5C0300' },
    ];
  }

  /** Now, on the host's clock, ms. */
  get hostMs(): number {
    return this.#host.now();
  }

  /** The device's clock: it runs a little off, and more where a fault has it. */
  get deviceClock(): Clock {
    const now = (): Instant => {
      const t = this.#host.now();
      const { drift, driftFromMs } = this.wrong;
      return (t + this.#crystal * t + drift * Math.max(0, t - driftFromMs)) as Instant;
    };
    return { now, plus: (at, ms) => this.#host.plus(at, ms), utc: (at) => this.#host.utc(at) };
  }

  /** Pushes the table: patient, reference and second body go along, within a second. */
  moveTable(by: V3): void {
    this.#tableFrom = this.#table;
    this.#table = [0, 1, 2].map((k) => (this.#table[k] as number) + (by[k] as number)) as unknown as V3;
    this.#tableAt = this.#host.now();
  }

  /** The hand holds the tip in the divot on the reference's mount, and turns the stylus about it, to calibrate far and to check a little. */
  inDivot(doing: 'calibrate' | 'check'): void {
    const m = transformPoint(new Float64Array(3), this.#patientFromReference, [60, 5, 10]);
    this.#rest(doing, [m[0] as number, m[1] as number, m[2] as number], doing === 'calibrate' ? 0.6 : 0.3);
  }

  /** The hand holds the tip in a place of the patient, as well as hands do. */
  touch(index: number): void {
    this.#rest(index, off(this.#places[index] as V3, PLACING_MM, this.random), 0.03);
  }

  /** What the tracker measures of a body at a moment of its clock. */
  measure(body: string, at: Instant): SimulatedPose | undefined {
    const { wrong, random } = this;
    if (wrong.hidden.has(body as Body)) return undefined;
    const m = multiply4(new Float64Array(16), this.#trackerFrom(), this.#patientFrom(body as Body, at));
    // What was recorded has a tracker's noise already.
    const noise = body === 'stylus' && this.#recorded !== undefined ? 0 : 1;
    const turned = [0, 0, 0].map(() => noise * TRACKER_RAD * random.normal());
    multiply4(m, m, fromRotationVector(new Float64Array(16), turned));
    const q = quaternionOf(new Float64Array(4), m);
    const p = [0, 1, 2].map((k) => (m[12 + k] as number) * wrong.scale + noise * TRACKER_MM * random.normal());
    if (wrong.flipped >= 0) {
      p[wrong.flipped] = -(p[wrong.flipped] as number);
      // The mirror image of a rotation: its axis keeps what lies along the mirrored axis.
      for (let k = 0; k < 3; k += 1) if (k !== wrong.flipped) q[k] = -(q[k] as number);
    }
    return { position: p, rotation: q, errorMm: 0.1 + 0.02 * random.uniform() };
  }

  #rest(doing: Doing, tip: V3, coneRad: number): void {
    this.#doing = doing;
    this.#tip = tip;
    this.#turn = this.random.rotation(new Float64Array(4));
    this.#cone = coneRad;
    this.#coneFrom = this.#host.now();
  }

  #trackerFrom(): Float64Array {
    const m = this.#trackerFromPatient.slice();
    const f = Math.min(1, (this.#host.now() - this.#tableAt) / 1000);
    for (let k = 0; k < 3; k += 1) {
      const from = this.#tableFrom[k] as number;
      m[12 + k] = (m[12 + k] as number) + from + f * ((this.#table[k] as number) - from);
    }
    return m;
  }

  #patientFrom(body: Body, at: number): Float64Array {
    if (body === 'second') return this.#patientFromSecond;
    if (body === 'reference') return multiply4(new Float64Array(16), this.#patientFromReference, this.wrong.bump);
    return this.#recorded === undefined ? this.#byHand(at) : this.#asRecorded(this.#recorded, at);
  }

  /** The poses of what the hand does, again and again; another tool's marker is elsewhere while its tip is where the first's was. */
  #asRecorded({ poses, periodMs }: RecordedHand, at: number): Float64Array {
    const list = poses(this.#doing);
    const pose = list[Math.max(0, Math.floor((at - this.#coneFrom) / periodMs)) % list.length] as ArrayLike<number>;
    const m = multiply4(new Float64Array(16), this.#patientFromReference, pose);
    return multiply4(
      m,
      m,
      fromQuaternion(
        new Float64Array(16),
        [0, 0, 0, 1],
        this.wrong.otherTip.map((v) => -v),
      ),
    );
  }

  #byHand(at: number): Float64Array {
    const s = (at - this.#coneFrom) / 1000;
    const radius = this.#cone * Math.abs(Math.sin(1.1 * s));
    const sway = fromRotationVector(new Float64Array(16), [radius * Math.cos(5 * s), radius * Math.sin(5 * s), 0]);
    const m = fromQuaternion(new Float64Array(16), this.#turn, this.#tip);
    for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + 0.03 * Math.sin(2 * Math.PI * (7 + k) * s);
    multiply4(m, m, sway);
    const tip = TIP.map((v, k) => v + (this.wrong.otherTip[k] as number));
    const stylusFromTip = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], tip);
    return multiply4(m, m, invertRigid(new Float64Array(16), stylusFromTip));
  }
}

/** Fourteen places over a head, none where its mirror image would be. */
function layout(random: Random): V3[] {
  return Array.from({ length: 14 }, (_, k) => {
    const z = -0.5 + (1.4 * ((k * 5) % 14)) / 13;
    const a = 2.4 * k + random.between(-0.2, 0.2);
    const r = Math.sqrt(1 - Math.min(0.95, z * z));
    return [75 * r * Math.cos(a) + 10 * z, 95 * r * Math.sin(a), 85 * z + 0.1 * (75 * r * Math.cos(a))] as const;
  });
}

const off = (p: V3, sd: number, random: Random): V3 =>
  [p[0] + sd * random.normal(), p[1] + sd * random.normal(), p[2] + sd * random.normal()] as const;
