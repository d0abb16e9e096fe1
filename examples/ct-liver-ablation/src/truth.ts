import { type Instant, type Point, type PoseSample, point, type Transform, transform } from '@trocar/core';
import {
  ellipsoidZone,
  type ProbeSetting,
  type StraightPlan,
  straightPlan,
  type ZoneShape,
  zoneShapeOf,
} from '@trocar/core/guidance';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { observePose, type TrackerModel } from '@trocar/core/testing';
import { Sampler, type SignedField } from '@trocar/core/volume';
import { STYLUS, TIP } from '../../suite/src/frames.js';
import { Hand } from '../../suite/src/hand.js';
import { Breathing, type BreathingOptions } from './breathing.js';
import type { AblationCase, Marked } from './case.js';
import { CT, type ToolName } from './frames.js';
import { fieldOf } from './label-fields.js';

type V3 = readonly [number, number, number];

/** How wrong the simulated world is. Standard deviations per axis. */
export interface WorldErrors {
  /** Of marking a fiducial or a landmark in the image, mm. */
  readonly markingSdMm: number;
  /** Of placing a tip in a divot, anew at every touch, mm. */
  readonly placingSdMm: number;
  /** Of the stored calibration of the stylus, mm. */
  readonly tipSdMm: number;
  /** Of one measurement of a tool's place, mm, and rotation, rad. */
  readonly tracker: { readonly positionSdMm: number; readonly rotationSdRad: number };
  /** How far the end of expiration differs from that of the CT, mm along head to foot and front to back. */
  readonly restSdMm: number;
  /** How much larger or smaller a zone comes out than its table says: share of its radii. */
  readonly zoneSd: number;
}

/** An optical tracker, a careful hand, a patient who breathes quietly, tissue that burns nearly as the table says. */
export const USUAL_ERRORS: WorldErrors = {
  markingSdMm: 0.3,
  placingSdMm: 0.3,
  tipSdMm: 0.05,
  tracker: { positionSdMm: 0.12, rotationSdRad: 0.0006 },
  restSdMm: 0.4,
  zoneSd: 0.04,
};

/** What moves with breathing, from the end of expiration to inspiration, LPS mm: towards the feet and to the front. */
const LIVER_MM: V3 = [0, -3, -14];
const SKIN_MM: V3 = [0, -7, -3];
/** So near to a large vessel the blood keeps tissue alive, mm. */
const COOLED_MM = 1.5;
/** A hand takes so long to come to rest on what breathes, ms. */
const SETTLE_MS = 400;

/** The stylus's tip in its own frame as calibrated, mm: out along −z. */
const STYLUS_TIP_MM: V3 = [-18.5, 1.2, -158];
/** The applicator's tip in its own frame by its drawing, mm. */
export const APPLICATOR_TIP_MM: V3 = [-11.2, 0.6, -231];

/** The stylus as it was calibrated on an earlier day. In a simulated world its tip is elsewhere by as much. */
export function storedStylus(tipSdMm: number): Transform<'stylus', 'tip'> {
  const covariance = new Float64Array(36);
  for (const k of [0, 7, 14]) covariance[k] = tipSdMm * tipSdMm;
  const matrix = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], STYLUS_TIP_MM);
  return transform(STYLUS, TIP, matrix, { covariance, provenance: { method: 'stored' } });
}

/** Something that was burnt, as only the world knows it. */
interface TrueBurn {
  /** ct from applicator tip at the burn, the liver at the end of expiration. */
  readonly matrix: Float64Array;
  readonly shape: ZoneShape;
}

/**
 * The world as it is, and as only the simulated tracker knows it: where patient, bodies, tips and burnt tissue truly are. Everything in
 * `ct` is at the end of expiration, as the CT was taken. A procedure never sees this; a test scores it by this.
 */
export class HiddenTruth {
  readonly case: AblationCase;
  readonly errors: WorldErrors;
  readonly breathing: Breathing;
  readonly hand: Hand<'ct'>;
  /** ct from reference: what a registration tries to find. */
  readonly ctFromReference: Float64Array;
  readonly burns: TrueBurn[] = [];
  /** What the hand holds. */
  held: 'stylus' | 'applicator' = 'stylus';
  readonly #random: Random;
  readonly #noise: Random;
  readonly #trackerFromCt: Float64Array;
  readonly #ctFromAnchor: Float64Array;
  readonly #referenceFromCt = new Float64Array(16);
  readonly #tipFromTool: Readonly<Record<'stylus' | 'applicator', Float64Array>>;
  readonly #marks: readonly Marked[];
  readonly #rest: V3;
  readonly #vessels: readonly SignedField<'ct'>[];
  readonly #pose = new Float64Array(16);
  readonly #scratch = new Float64Array(16);
  readonly #covered = new Set<ToolName>();
  #bump: Float64Array | undefined;
  #table: V3 = [0, 0, 0];
  #ride: { readonly from: V3; readonly to: V3; readonly atMs: number } = { from: [0, 0, 0], to: [0, 0, 0], atMs: -1e9 };

  constructor(given: AblationCase, seed: number, errors: WorldErrors = USUAL_ERRORS, breathing: BreathingOptions = {}) {
    this.case = given;
    this.errors = errors;
    const random = new Random(seed);
    this.#random = random;
    this.#noise = new Random(seed ^ 0x5bd1e995);
    this.breathing = new Breathing(breathing);
    this.#marks = [...given.fiducials, ...given.landmarks];
    const centre = middleOf(given);
    this.#trackerFromCt = placed(random, [random.between(-200, 200), random.between(-150, 150), random.between(-1700, -1200)]);
    this.ctFromReference = placed(random, [centre[0] + 20, centre[1] - 30, centre[2] - 140]);
    this.#ctFromAnchor = placed(random, [centre[0] + 150, centre[1] - 20, centre[2] - 90]);
    invertRigid(this.#referenceFromCt, this.ctFromReference);
    this.#tipFromTool = { stylus: this.#tip(STYLUS_TIP_MM), applicator: this.#tip(APPLICATOR_TIP_MM) };
    this.#rest = [0, errors.restSdMm * random.normal(), errors.restSdMm * random.normal()];
    const sd =
      (of: number): (() => V3) =>
      () => [of * random.normal(), of * random.normal(), of * random.normal()];
    const marking = sd(errors.markingSdMm);
    // On the table beside the patient, open upwards: it does not breathe.
    const divot = { at: add(centre, [260, 60, 0]), normal: [0, -1, 0] as const };
    const trulyAt = this.#marks.map(({ at }) => add(at.xyz, marking()));
    const hand = { fiducials: this.#marks.map((m) => m.at), normals: this.#marks.map((m) => m.normal), plan: anyPlan(given) };
    this.hand = new Hand<'ct'>(hand, trulyAt, divot, sd(errors.placingSdMm), random);
    this.#vessels = given.roles.vessels.map((label) => fieldOf(given.labels, label));
  }

  #tip(at: V3): Float64Array {
    const sd = this.errors.tipSdMm;
    const off = at.map((v) => v + sd * this.#random.normal());
    return invertRigid(new Float64Array(16), fromQuaternion(new Float64Array(16), [0, 0, 0, 1], off));
  }

  /** The tools that nobody can see now. */
  get covered(): readonly ToolName[] {
    return [...this.#covered];
  }

  /** Hides a tool from the tracker, or shows it again. */
  cover(tool: ToolName, hidden: boolean): void {
    if (hidden) this.#covered.add(tool);
    else this.#covered.delete(tool);
  }

  /** Moves the table, and all that is on it, by this many mm in the tracker frame. */
  moveTable(by: V3): void {
    this.#table = add(this.#table, by);
  }

  /** Pushes the reference against the patient by so many mm. */
  bumpReference(mm: number): void {
    this.#bump = fromRotationVector(new Float64Array(16), [0.01, 0, 0]);
    this.#bump[12] = mm;
  }

  /** Takes a tool into the hand. */
  take(tool: 'stylus' | 'applicator'): void {
    this.held = tool;
  }

  /** The hand goes to a fiducial or, numbered after these, a landmark. Returns when it is there. */
  touch(index: number, at: Instant, besideMm = 0): number {
    const front = Math.max(0, -(this.#marks[index] as Marked).normal[1]);
    this.#rideOn(scaled(SKIN_MM, 0.75 + 0.25 * front), at);
    return this.hand.touch(index, at, besideMm);
  }

  /** The hand goes to the divot on the table. Returns when it is there. */
  goToDivot(at: Instant): number {
    this.#rideOn([0, 0, 0], at);
    return this.hand.goToDivot(at);
  }

  /** The hand goes in along a plan, beside it where it errs. Returns when it is there. */
  insert(plan: StraightPlan<'ct'>, at: Instant, besideMm = 0, beyondMm = 0): number {
    this.#rideOn(LIVER_MM, at);
    const aside = perpendicular(plan.axis);
    const shifted = (p: Point<'ct'>): Point<'ct'> => point(CT, add(p.xyz, scaled(aside, besideMm)));
    return this.hand.insert(at, beyondMm, straightPlan({ entry: shifted(plan.entry), target: shifted(plan.target) }));
  }

  #rideOn(to: V3, at: Instant): void {
    this.#ride = { from: this.#riding(at), to, atMs: at };
  }

  #riding(at: number): V3 {
    const f = Math.min(1, Math.max(0, (at - this.#ride.atMs) / SETTLE_MS));
    return add(scaled(this.#ride.from, 1 - f), scaled(this.#ride.to, f));
  }

  /** ct from the held tool's tip, as the tracker's room has it: what rides on the patient moves with the breath. */
  #tipNow(at: Instant): Float64Array {
    const m = this.hand.pose(this.#scratch, at);
    const moved = scaled(this.#riding(at), this.breathing.depth(at));
    for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + (moved[k] as number);
    return m;
  }

  /** The true tool frame in the tracker's at a moment: 16 doubles, reused. */
  truePose(tool: ToolName, at: Instant): Float64Array {
    const m = this.#pose;
    m.set(this.#trackerFromCt);
    for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + (this.#table[k] as number);
    if (tool === 'reference' || tool === 'anchor') {
      const moved = scaled(SKIN_MM, this.breathing.depth(at));
      multiply4(m, m, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], moved));
      multiply4(m, m, tool === 'anchor' ? this.#ctFromAnchor : this.ctFromReference);
      return tool === 'reference' && this.#bump !== undefined ? multiply4(m, m, this.#bump) : m;
    }
    if (tool === this.held) return multiply4(m, multiply4(m, m, this.#tipNow(at)), this.#tipFromTool[tool]);
    return multiply4(m, m, TRAY);
  }

  /** What the tracker measures of a tool at a moment, noise and covers included, into `out`. */
  observe(out: PoseSample, tool: ToolName, at: Instant): void {
    const model: TrackerModel = { ...this.errors.tracker, occlusions: this.#covered.has(tool) ? ALWAYS : [] };
    observePose(out, this.truePose(tool, at), at, model, this.#noise);
  }

  /** How far a calibrated tip is from where it truly is, mm. */
  tipCalibrationErrorMm(tool: 'stylus' | 'applicator', toolFromTip: { readonly matrix: ArrayLike<number> }): number {
    const m = toolFromTip.matrix;
    return Math.hypot(
      ...transformPoint(new Float64Array(3), this.#tipFromTool[tool], [m[12] as number, m[13] as number, m[14] as number]),
    );
  }

  /**
   * Where a place of the liver truly lies in the room at the end of expiration, against where an edge puts it, mm: the rest of this day
   * is not quite that of the CT.
   */
  trueTreMm(edge: { readonly matrix: ArrayLike<number> }, p: Point<'ct'>): number {
    const x = transformPoint(new Float64Array(3), this.#referenceFromCt, add(p.xyz, this.#rest));
    transformPoint(x, edge.matrix, x);
    return Math.hypot(...minus([...x], p.xyz));
  }

  /** ct from the held tip, in the liver's own coordinates (as the CT shows it), at a moment. */
  trueTip(at: Instant): Float64Array {
    const m = Float64Array.from(this.#tipNow(at));
    const moved = add(scaled(LIVER_MM, this.breathing.depth(at)), this.#rest);
    for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) - (moved[k] as number);
    return m;
  }

  /** How far a tip shown in the image is from where the tip truly is in the liver, mm. */
  tipErrorMm(shown: ArrayLike<number>, at: Instant): number {
    return Math.hypot(...minus(shown, this.trueTip(at).subarray(12, 15)));
  }

  /** Burns where the applicator truly is, a little more or less than the table says. */
  burn({ applicator, powerW, minutes }: ProbeSetting, at: Instant): void {
    const shape = zoneShapeOf(applicator, powerW, minutes);
    const scale = (): number => 1 + this.errors.zoneSd * this.#random.normal();
    const across = scale();
    const [rx, ry, rz] = shape.radiiMm;
    this.burns.push({
      matrix: this.trueTip(at),
      shape: { radiiMm: [rx * across, ry * across, rz * scale()], centreMm: shape.centreMm + this.#random.normal() },
    });
  }

  /**
   * The true least margin at places of the tumour's surface, mm: how far the nearest tissue is that lives, by rays; up to
   * {@link FURTHEST_MM}. Negative for a place that lives itself: so far it is to what was destroyed.
   */
  marginMm(places: readonly ArrayLike<number>[]): number {
    const destroyed = this.destroyed();
    let least = FURTHEST_MM;
    for (const p of places) {
      const [x, y, z] = p as unknown as V3;
      const inside = destroyed(x, y, z);
      const most = inside ? least : FURTHEST_MM;
      const far = nearestChange((d, t) => destroyed(x + t * d[0], y + t * d[1], z + t * d[2]) !== inside, most);
      least = Math.min(least, inside ? far : -far);
    }
    return least;
  }

  /** Whether the tissue at a place of the CT was destroyed: liver within a true zone, and not kept alive by a vessel. */
  destroyed(): (x: number, y: number, z: number) => boolean {
    if (this.burns.length === 0) return () => false;
    const zone = ellipsoidZone(this.burns.map((burn) => ({ frame: CT, ...burn })));
    const [p, out] = [new Float64Array(3), new Float64Array(3)];
    const liver = new Set([...this.case.roles.liver, this.case.roles.tumour]);
    const burnable = labelled(this.case, (label) => liver.size === 1 || liver.has(label));
    return (x, y, z) => {
      p.set([x, y, z]);
      if (!zone.contains(p) || !burnable(x, y, z)) return false;
      return this.#vessels.every((vessel) => {
        vessel.sampleInto(out, p);
        return (out[0] as number) > COOLED_MM;
      });
    };
  }
}

/** Directions and steps of {@link HiddenTruth.marginMm}. */
const RAYS = 300;
const STEP_MM = 0.25;
const FURTHEST_MM = 12;

const ALWAYS = [{ fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }];
/** A tool that nobody holds lies here, in the image's frame. */
const TRAY = fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [420, -60, 0]);

function anyPlan(given: AblationCase): StraightPlan<'ct'> {
  const at = (given.fiducials[0] as Marked).at;
  return straightPlan({ entry: at, target: point(CT, add(at.xyz, [0, 40, 0])) });
}

function middleOf({ fiducials }: AblationCase): V3 {
  return [0, 1, 2].map((k) => fiducials.reduce((sum, f) => sum + (f.at.xyz[k] as number) / fiducials.length, 0)) as unknown as V3;
}

function placed(random: Random, at: ArrayLike<number>): Float64Array {
  return fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), at);
}

/** The least way in any direction after which something changes, up to `most`, mm. */
function nearestChange(changes: (direction: V3, mm: number) => boolean, most: number): number {
  let best = Math.max(0, most);
  for (let n = 0; n < RAYS; n += 1) {
    const z = 1 - (2 * n + 1) / RAYS;
    const angle = 2 * Math.PI * n * 0.6180339887498949;
    const r = Math.sqrt(1 - z * z);
    const direction: V3 = [r * Math.cos(angle), r * Math.sin(angle), z];
    for (let t = STEP_MM; t < best; t += STEP_MM) {
      if (changes(direction, t)) best = t;
    }
  }
  return best;
}

function perpendicular([x, y, z]: V3): V3 {
  const side: V3 = Math.abs(z) < 0.9 ? [-y, x, 0] : [0, -z, y];
  return scaled(side, 1 / Math.hypot(...side));
}

function add(a: ArrayLike<number>, b: ArrayLike<number>): V3 {
  return [(a[0] as number) + (b[0] as number), (a[1] as number) + (b[1] as number), (a[2] as number) + (b[2] as number)];
}

function minus(a: ArrayLike<number>, b: ArrayLike<number>): V3 {
  return [(a[0] as number) - (b[0] as number), (a[1] as number) - (b[1] as number), (a[2] as number) - (b[2] as number)];
}

function scaled(a: ArrayLike<number>, s: number): V3 {
  return [s * (a[0] as number), s * (a[1] as number), s * (a[2] as number)];
}

/** Whether the voxel at a place of the first CT has a label that is asked for; true outside the image. */
function labelled({ labels }: AblationCase, wanted: (label: number) => boolean): (x: number, y: number, z: number) => boolean {
  const { indexFromFrame: m } = new Sampler(labels);
  const [ni, nj, nk] = labels.size;
  return (x, y, z) => {
    const at = (r: number): number =>
      Math.round((m[r] as number) * x + (m[4 + r] as number) * y + (m[8 + r] as number) * z + (m[12 + r] as number));
    const [i, j, k] = [at(0), at(1), at(2)];
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return false;
    return wanted(labels.voxels[i + ni * (j + nj * k)] as number);
  };
}
