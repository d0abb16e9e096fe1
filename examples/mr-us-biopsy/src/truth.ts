import type { Instant, PoseSample } from '@trocar/core';
import {
  fromRotationVector,
  identity4,
  invertRigid,
  multiply4,
  Random,
  transformDirection,
  transformPoint,
} from '@trocar/core/math';
import {
  END_FIRE_FAN,
  kelvinlet,
  type Movement,
  observePose,
  prostateTissue,
  type SimulatedProbe,
  simulatedProbe,
} from '@trocar/core/testing';
import type { ToolName } from './frames.js';
import { ProbeHand } from './hand.js';
import type { LiveFrame } from './live-images.js';
import { BATH_BEADS, CALIBRATION_SD, GUIDE_MIDDLE, GUN, PLANE_FROM_GUIDE, PLANE_MIDDLE, PROBE_FROM_PLANE } from './probe.js';

type Place = readonly [number, number, number];

/** How wrong the simulated world is: standard deviations per axis unless said otherwise. */
export interface WorldErrors {
  readonly tracker: { readonly positionSdMm: number; readonly rotationSdRad: number };
  /** How far the probe has pushed the gland's back beyond a rigid motion since the MR, mm (greatest). */
  readonly pushMm: number;
  /** The speed of sound is off by up to this share. */
  readonly speed: number;
  /** Of marking a place in the MR and in the ultrasound, mm: a clear place, and a vague one (edges, the apex). */
  readonly markingSdMm: { readonly clear: number; readonly vague: number };
  /** 1: the calibrations are off by as much as they say. */
  readonly calibration: number;
}

/** An electromagnetic or optical tracker at its usual distance, and a careful hand. */
export const USUAL_ERRORS: WorldErrors = {
  tracker: { positionSdMm: 0.15, rotationSdRad: 0.0012 },
  pushMm: 3,
  speed: 0.01,
  markingSdMm: { clear: 0.35, vague: 0.9 },
  calibration: 1,
};

/** What is wrong with the equipment, for who wants to see it found. */
export interface EquipmentFaults {
  /** The image's sides are exchanged. */
  readonly mirrored?: boolean;
  /** Another guide is clipped on: so far beside the right one, mm. */
  readonly guideOffMm?: number;
}

/** The body that lies there: what ultrasound is made of, and where its marks truly are; LPS mm about the gland's middle. */
export interface TrueBody {
  tissueAt(x: number, y: number, z: number): number;
  readonly landmarks: Readonly<Record<string, Place>>;
  /** Half the gland, mm. */
  readonly halfMm: Place;
  /** The MR from the body, rigid, 16 doubles. */
  readonly frameFromBody: Float64Array;
  /** 0 outside; 1 the gland; 2 … the lesions. */
  regionAt(x: number, y: number, z: number): number;
}

/** Where a core truly came from, in the MR's frame, mm, and on which side of the patient. */
export interface TrueCore {
  readonly near: Place;
  readonly far: Place;
  readonly middle: Place;
  readonly side: 'left' | 'right';
  /** How much of it lay in each lesion, mm, by the lesions' order. */
  readonly inLesionsMm: readonly number[];
}

/** A needle in the tissue: shown as long as it stays there. */
interface Needle {
  readonly tipMm: number;
  readonly untilMs: number;
}

/** How long a fired needle stays before it is drawn out, ms. */
const NEEDLE_STAYS_MS = 700;

/**
 * The world as it is: where gland, probe, guide and needle truly are. Only the simulated tracker and the simulated probe know it; tests
 * score a procedure by it.
 */
export class HiddenTruth {
  readonly body: TrueBody;
  readonly errors: WorldErrors;
  readonly hand: ProbeHand;
  /** Reference from body, as long as nobody moves the gland: 16 doubles. */
  readonly referenceFromBody: Float64Array;
  /** What the probe lies in. */
  surroundings: 'patient' | 'bath' = 'bath';
  /** Whether a finger lies on the probe's marked side. */
  finger = false;
  /** Whether the scanner hangs: it sends the same picture again. */
  frozen = false;
  readonly #faults: EquipmentFaults;
  readonly #probe: SimulatedProbe;
  readonly #push: Movement;
  readonly #noise: Random;
  readonly #random: Random;
  readonly #trackerFromReference: Float64Array;
  readonly #planeFromProbe: Float64Array;
  readonly #planeFromGuide: Float64Array;
  readonly #bodyFromReference: Float64Array;
  readonly #covered = new Set<ToolName>();
  /** How the gland has moved in the body since the sweep: rigid. */
  #moved: Float64Array = identity4();
  #unmoved: Float64Array = identity4();
  #needle: Needle | undefined;
  #number = 0;
  #last: LiveFrame | undefined;
  readonly #pose = identity4();

  constructor(body: TrueBody, seed: number, errors: WorldErrors = USUAL_ERRORS, faults: EquipmentFaults = {}) {
    this.body = body;
    this.errors = errors;
    this.#faults = faults;
    const random = new Random(seed * 2 + 1);
    this.#random = random;
    this.#noise = new Random(seed ^ 0x5bd1e995);
    this.referenceFromBody = rigid(random, 0.5, 120);
    this.#bodyFromReference = invertRigid(identity4(), this.referenceFromBody);
    this.#trackerFromReference = rigid(random, 1, 200);
    this.#trackerFromReference[14] = -900;
    const { planeMm, planeRad, guideMm, guideRad } = CALIBRATION_SD;
    const scale = errors.calibration;
    const plane = wrongAbout(random, PLANE_MIDDLE, scale * planeMm, scale * planeRad);
    this.#planeFromProbe = invertRigid(identity4(), multiply4(identity4(), PROBE_FROM_PLANE, plane));
    const guide = wrongAbout(random, GUIDE_MIDDLE, scale * guideMm, scale * guideRad);
    this.#planeFromGuide = multiply4(identity4(), PLANE_FROM_GUIDE, guide);
    this.#planeFromGuide[12] = (this.#planeFromGuide[12] as number) + (faults.guideOffMm ?? 0);
    const back = [random.between(-6, 6), body.halfMm[1], random.between(-8, 8)];
    const push = errors.pushMm;
    this.#push = kelvinlet(
      back,
      [random.between(-0.3, 0.3) * push, -push * random.between(0.5, 1), random.between(-0.3, 0.3) * push],
      20,
    );
    const speed = 1 + random.between(-1, 1) * errors.speed;
    this.#probe = simulatedProbe({ seed, fan: { ...END_FIRE_FAN, stepMm: END_FIRE_FAN.stepMm * speed } });
    this.hand = new ProbeHand(body.halfMm[1] + 6.5 + END_FIRE_FAN.startMm, this.#bodyFromReference, random);
  }

  /** Where the plane truly lies in the probe's marker: for scoring a calibration. 16 doubles. */
  get probeFromPlane(): Float64Array {
    return invertRigid(identity4(), this.#planeFromProbe);
  }

  /** Where in the plane the middle beam's echo truly comes from that a picture shows `depthMm` from the apex: the speed of sound is not the assumed one, mm. */
  shownFrom(depthMm: number): number {
    const { startMm, stepMm } = this.#probe.fan;
    return startMm + ((depthMm - startMm) * stepMm) / END_FIRE_FAN.stepMm;
  }

  /** Hides a tool from the tracker, or shows it again. */
  cover(tool: ToolName, hidden: boolean): void {
    if (hidden) this.#covered.add(tool);
    else this.#covered.delete(tool);
  }

  get covered(): readonly ToolName[] {
    return [...this.#covered];
  }

  /** What the tracker measures of a tool, into `out`; `missing` where it is covered. */
  observe(out: PoseSample, tool: ToolName, at: Instant): void {
    const hidden = this.#covered.has(tool);
    observePose(
      out,
      this.#trackerFrom(tool, at),
      at,
      { ...this.errors.tracker, ...(hidden && { occlusions: [{ fromMs: at, toMs: at + 1 }] }) },
      this.#noise,
    );
  }

  #trackerFrom(tool: ToolName, at: Instant): Float64Array {
    if (tool === 'reference') return this.#trackerFromReference;
    const bodyFromProbe = multiply4(identity4(), this.hand.pose(this.#pose, at), this.#planeFromProbe);
    const inReference = multiply4(identity4(), this.referenceFromBody, bodyFromProbe);
    return multiply4(identity4(), this.#trackerFromReference, inReference);
  }

  /** The gland moves in the body, by so many mm along its axes: the reference does not see it. */
  moveGland(by: Place): void {
    this.#moved = identity4();
    this.#moved.set(by, 12);
    this.#unmoved = invertRigid(identity4(), this.#moved);
  }

  /** A picture of this moment, or the last one again where the scanner hangs. */
  image(at: Instant): LiveFrame {
    if (this.frozen && this.#last !== undefined) return { ...this.#last, atMs: at, number: this.#last.number };
    this.#number += 1;
    const pose = this.hand.pose(identity4(), at);
    // Tissue that moves as a whole takes its scatterers along: seen from it, the probe moves the other way.
    const seen = this.surroundings === 'patient' ? multiply4(identity4(), this.#unmoved, pose) : pose;
    const echoes = this.#probe.image(this.#around(seen, at), seen, this.#number);
    if (this.finger) this.#press(echoes);
    const frame: LiveFrame = {
      echoes: this.#faults.mirrored === true ? exchanged(echoes, this.#probe.fan.samples) : echoes,
      atMs: at,
      number: this.#number,
    };
    this.#last = frame;
    return frame;
  }

  /** What is where, with the needle in it. */
  #around(pose: Float64Array, at: number): (x: number, y: number, z: number) => number {
    const around = this.surroundings === 'patient' ? this.#tissue() : this.#bath();
    const needle = this.#needle;
    if (needle === undefined || at > needle.untilMs) return around;
    const guide = multiply4(identity4(), pose, this.#planeFromGuide);
    const metal = prostateTissue('needle');
    const [gx, gy, gz] = [guide[12] as number, guide[13] as number, guide[14] as number];
    const [wx, wy, wz] = [guide[8] as number, guide[9] as number, guide[10] as number];
    return (x, y, z) => {
      const t = (x - gx) * wx + (y - gy) * wy + (z - gz) * wz;
      const off = Math.hypot(x - gx - t * wx, y - gy - t * wy, z - gz - t * wz);
      return t > 0 && t < needle.tipMm && off < 0.8 ? metal : around(x, y, z);
    };
  }

  #tissue(): (x: number, y: number, z: number) => number {
    const p = new Float64Array(3);
    return (x, y, z) => {
      this.#push.back(p, x, y, z);
      return this.body.tissueAt(p[0] as number, p[1] as number, p[2] as number);
    };
  }

  #bath(): (x: number, y: number, z: number) => number {
    const [water, bead] = [prostateTissue('water'), prostateTissue('bead')];
    const beads = BATH_BEADS.map((b) => transformPoint(new Float64Array(3), this.#bodyFromReference, b));
    return (x, y, z) =>
      beads.some((b) => Math.hypot(x - (b[0] as number), y - (b[1] as number), z - (b[2] as number)) < 1.1) ? bead : water;
  }

  /** A finger on the marked side: bright under the face there. */
  #press(echoes: Uint8Array): void {
    const { lines, samples } = this.#probe.fan;
    for (let line = Math.floor(0.72 * lines); line < lines; line += 1) {
      for (let s = 0; s < 10; s += 1) {
        const n = line * samples + s;
        echoes[n] = Math.max(echoes[n] as number, 170 + this.#noise.below(60));
      }
    }
  }

  /** Puts the needle in for the trial of the guide, or draws it out. */
  insert(tipMm: number | undefined): void {
    this.#needle = tipMm === undefined ? undefined : { tipMm, untilMs: Number.POSITIVE_INFINITY };
  }

  /**
   * Fires at a moment from a tip that is `insertedMm` beyond the guide: where the core truly came from.
   */
  fire(at: Instant, insertedMm: number): TrueCore {
    const tipMm = insertedMm + GUN.throwMm;
    this.#needle = { tipMm, untilMs: at + NEEDLE_STAYS_MS };
    const bodyFromGuide = multiply4(identity4(), this.hand.pose(identity4(), at), this.#planeFromGuide);
    const farMm = tipMm - GUN.deadEndMm;
    const on = (mm: number): Float64Array => this.#beforeMr(bodyFromGuide, mm);
    const [near, far] = [on(farMm - GUN.notchMm), on(farMm)];
    const middle = on(farMm - GUN.notchMm / 2);
    const inLesionsMm = lesionLengths(
      this.body,
      Array.from({ length: 77 }, (_, n) => on(farMm - (n * GUN.notchMm) / 76)),
      GUN.notchMm / 76,
    );
    const toMr = (p: Float64Array): Place => triple(transformPoint(new Float64Array(3), this.body.frameFromBody, p));
    return {
      near: toMr(near),
      far: toMr(far),
      middle: toMr(middle),
      side: (middle[0] as number) > 0 ? 'left' : 'right',
      inLesionsMm,
    };
  }

  /** What tissue lies now at a depth of the guide: its place in the body before anything moved, mm. */
  #beforeMr(bodyFromGuide: Float64Array, mm: number): Float64Array {
    const p = transformPoint(new Float64Array(3), bodyFromGuide, [0, 0, mm]);
    transformPoint(p, this.#unmoved, p);
    this.#push.back(p, p[0] as number, p[1] as number, p[2] as number);
    return p;
  }

  /** Where a place of the body before is now, in the reference's frame, mm. */
  now(place: ArrayLike<number>): Float64Array {
    const p = new Float64Array(3);
    this.#push.forward(p, place[0] as number, place[1] as number, place[2] as number);
    transformPoint(p, this.#moved, p);
    return transformPoint(p, this.referenceFromBody, p);
  }

  /** Where a person marks a landmark in the MR, and in the ultrasound: not exactly. @throws RangeError for an unknown name */
  marked(name: string): { readonly mr: Place; readonly reference: Place } {
    const place = this.body.landmarks[name];
    if (place === undefined) throw new RangeError(`There is no landmark "${name}".`);
    const sd = VAGUE.test(name) ? this.errors.markingSdMm.vague : this.errors.markingSdMm.clear;
    const off = (p: ArrayLike<number>): Place => triple([0, 1, 2].map((k) => (p[k] as number) + sd * this.#random.normal()));
    return { mr: off(transformPoint(new Float64Array(3), this.body.frameFromBody, place)), reference: off(this.now(place)) };
  }

  /** How far a registration puts places of the MR from where they are, mm. @param mrFromReference 16 doubles */
  registrationErrorMm(mrFromReference: ArrayLike<number>, mr: ArrayLike<number>): number {
    const body = transformPoint(new Float64Array(3), invertRigid(identity4(), this.body.frameFromBody), mr);
    const put = transformPoint(new Float64Array(3), mrFromReference, this.now(body));
    return Math.hypot(...[0, 1, 2].map((k) => (put[k] as number) - (mr[k] as number)));
  }

  /** The way of the needle in the reference's frame at a moment, as it truly is: for the hand's own eyes. */
  needleWay(at: Instant): { readonly from: Float64Array; readonly along: Float64Array } {
    const m = multiply4(
      identity4(),
      this.referenceFromBody,
      multiply4(identity4(), this.hand.pose(identity4(), at), this.#planeFromGuide),
    );
    return { from: m.slice(12, 15), along: transformDirection(new Float64Array(3), m, [0, 0, 1]) };
  }
}

const VAGUE = /edge|neck|apex/;

const triple = (p: ArrayLike<number>): Place => [p[0] as number, p[1] as number, p[2] as number];

function rigid(random: Random, rad: number, mm: number): Float64Array {
  const m = fromRotationVector(identity4(), [random.between(-rad, rad), random.between(-rad, rad), random.between(-rad, rad)]);
  m.set([random.between(-mm, mm), random.between(-mm, mm), random.between(-mm, mm)], 12);
  return m;
}

/** A small wrong motion about a place. */
function wrongAbout(random: Random, [x, y, z]: Place, sdMm: number, sdRad: number): Float64Array {
  const m = fromRotationVector(identity4(), [sdRad * random.normal(), sdRad * random.normal(), sdRad * random.normal()]);
  m.set([x + sdMm * random.normal(), y + sdMm * random.normal(), z + sdMm * random.normal()], 12);
  const back = identity4();
  back.set([-x, -y, -z], 12);
  return multiply4(identity4(), m, back);
}

function exchanged(echoes: Uint8Array, samples: number): Uint8Array {
  const lines = echoes.length / samples;
  const out = new Uint8Array(echoes.length);
  for (let line = 0; line < lines; line += 1) {
    out.set(echoes.subarray((lines - 1 - line) * samples, (lines - line) * samples), line * samples);
  }
  return out;
}

function lesionLengths(body: TrueBody, places: readonly Float64Array[], stepMm: number): number[] {
  const lengths: number[] = [];
  for (const p of places) {
    const region = body.regionAt(p[0] as number, p[1] as number, p[2] as number);
    if (region >= 2) lengths[region - 2] = (lengths[region - 2] ?? 0) + stepMm;
  }
  return Array.from(lengths, (mm) => mm ?? 0);
}
