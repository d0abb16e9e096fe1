import { type Instant, type Point, type PoseSample, type Transform, transform } from '@trocar/core';
import { fromQuaternion, fromRotationVector, invertRigid, multiply4, Random, transformPoint } from '@trocar/core/math';
import { observePose, type TrackerModel } from '@trocar/core/testing';
import { type BodyName, STYLUS, TIP } from './frames.js';
import { type Divot, Hand, type HandCase } from './hand.js';

/** How wrong the simulated world is. Standard deviations per axis. */
export interface WorldErrors {
  /** Of marking a fiducial in the image, mm. */
  readonly markingSdMm: number;
  /** Of placing the tip in a divot, anew at every touch, mm: along x, y and z of the image, where it is not the same. */
  readonly placingSdMm: number | readonly [number, number, number];
  /** Of the stored calibration of the stylus's tip, mm: where the tip truly is, for a whole procedure. */
  readonly tipSdMm: number;
  /** Of one measurement of a tool's place, mm, and rotation, rad. */
  readonly tracker: { readonly positionSdMm: number; readonly rotationSdRad: number };
}

/** An optical tracker at its usual distance, and a careful hand. */
export const USUAL_ERRORS: WorldErrors = {
  markingSdMm: 0.2,
  placingSdMm: 0.25,
  tipSdMm: 0.05,
  tracker: { positionSdMm: 0.12, rotationSdRad: 0.0006 },
};

/** The stylus's tip in its own frame as calibrated, mm: out along −z, as on a usual pointer. */
const TIP_MM = [-18.5, 1.2, -158] as const;

/**
 * The calibration of the stylus that was stored on an earlier day: where its tip was then, with its covariance. In a
 * simulated world the tip is elsewhere by as much.
 * @param tipSdMm standard deviation per axis
 */
export function storedStylus(tipSdMm: number): Transform<'stylus', 'tip'> {
  const covariance = new Float64Array(36);
  for (const k of [0, 7, 14]) covariance[k] = tipSdMm * tipSdMm;
  return transform(STYLUS, TIP, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], TIP_MM), {
    covariance,
    provenance: { method: 'stored' },
  });
}

/**
 * The world as it is, and as only the simulated tracker knows it: where patient, reference and tip truly are. A procedure
 * never sees this; a test scores it by this.
 */
export class HiddenTruth<F extends string, C extends HandCase<F> = HandCase<F>> {
  readonly case: C;
  readonly errors: WorldErrors;
  /** Where the fiducials truly are in the patient, ct frame, mm. */
  readonly fiducials: readonly (readonly [number, number, number])[];
  readonly hand: Hand<F>;
  readonly #noise: Random;
  readonly #anchorNoise: Random;
  /** As it was at the beginning: what the patient is placed by. */
  readonly #trackerFromReference: Float64Array;
  readonly #imageFromReference: Float64Array;
  readonly #imageFromAnchor: Float64Array;
  /** How the reference was pushed since, in its own frame. */
  readonly #bump = fromRotationVector(new Float64Array(16), [0, 0, 0]);
  readonly #bumped = new Float64Array(16);
  readonly #tipFromStylus = new Float64Array(16);
  /** The same as it was at the beginning: where the patient is, whatever was done to the reference. */
  readonly #patientFromImage = new Float64Array(16);
  readonly #referenceFromImage = new Float64Array(16);
  readonly #pose = new Float64Array(16);
  readonly #scratch = new Float64Array(16);
  readonly #covered = new Set<BodyName>();
  #shift: readonly [number, number, number] = [0, 0, 0];

  constructor(given: C, seed: number, errors: WorldErrors = USUAL_ERRORS) {
    this.case = given;
    this.errors = errors;
    const random = new Random(seed);
    // Apart from the rest: how often a tracker was asked must not decide how the hand errs.
    this.#noise = new Random(seed ^ 0x5bd1e995);
    this.#anchorNoise = new Random(seed ^ 0x2545f491);
    const vector = (sd: number): [number, number, number] => [sd * random.normal(), sd * random.normal(), sd * random.normal()];
    const turn = (): Float64Array => random.rotation(new Float64Array(4));
    this.#trackerFromReference = fromQuaternion(new Float64Array(16), turn(), [
      random.between(-200, 200),
      random.between(-150, 150),
      random.between(-1700, -1200),
    ]);
    const referenceTurn = turn();
    const angle = random.between(-1, 1);
    this.#imageFromReference = fromQuaternion(new Float64Array(16), referenceTurn, beside(given, angle));
    invertRigid(this.#patientFromImage, this.#imageFromReference);
    this.#referenceFromImage.set(this.#patientFromImage);
    // A hand's breadth from the reference: the farther apart, the more the noise of a rotation hides a push.
    const place = angle + (this.#anchorNoise.uniform() < 0.5 ? -0.7 : 0.7);
    this.#imageFromAnchor = fromQuaternion(
      new Float64Array(16),
      this.#anchorNoise.rotation(new Float64Array(4)),
      beside(given, place),
    );
    const offset = vector(errors.tipSdMm);
    const stylusFromTip = fromQuaternion(
      new Float64Array(16),
      [0, 0, 0, 1],
      TIP_MM.map((v, k) => v + (offset[k] as number)),
    );
    invertRigid(this.#tipFromStylus, stylusFromTip);
    this.fiducials = given.fiducials.map((f) => add(f.xyz, vector(errors.markingSdMm)));
    const placing = errors.placingSdMm;
    const [px, py, pz] = typeof placing === 'number' ? [placing, placing, placing] : placing;
    const placed = (): [number, number, number] => [px * random.normal(), py * random.normal(), pz * random.normal()];
    this.hand = new Hand(given, this.fiducials, divotBeside(given, this.#imageFromReference), placed, random);
  }

  /** image from reference as it is now, rigid, 16 doubles, reused: what a registration tries to find. */
  get imageFromReference(): Float64Array {
    return multiply4(this.#bumped, this.#imageFromReference, this.#bump);
  }

  /** The tools that nobody can see now. */
  get covered(): readonly BodyName[] {
    return [...this.#covered];
  }

  /** Hides a tool from the tracker, or shows it again. */
  cover(tool: BodyName, hidden: boolean): void {
    if (hidden) this.#covered.add(tool);
    else this.#covered.delete(tool);
  }

  /** Moves the table, and patient and reference with it, by this many mm in the tracker frame. */
  moveTable(by: readonly [number, number, number]): void {
    this.#shift = [this.#shift[0] + by[0], this.#shift[1] + by[1], this.#shift[2] + by[2]];
  }

  /** Pushes the reference against the patient, who stays: by so many mm, and turned by so many rad, in its own frame. */
  bumpReference(by: readonly [number, number, number], turnRad: readonly [number, number, number] = [0, 0, 0]): void {
    const push = fromRotationVector(new Float64Array(16), turnRad);
    push.set(by, 12);
    multiply4(this.#bump, this.#bump, push);
    invertRigid(this.#referenceFromImage, this.imageFromReference);
  }

  /** The true tool frame in the tracker's at a moment: 16 doubles, reused. */
  truePose(tool: BodyName, at: Instant): Float64Array {
    const m = this.#pose;
    m.set(this.#trackerFromReference);
    for (let k = 0; k < 3; k += 1) m[12 + k] = (m[12 + k] as number) + (this.#shift[k] as number);
    if (tool === 'reference') return multiply4(m, m, this.#bump);
    multiply4(m, m, this.#patientFromImage);
    if (tool === 'anchor') return multiply4(m, m, this.#imageFromAnchor);
    multiply4(m, m, this.hand.pose(this.#scratch, at));
    return multiply4(m, m, this.#tipFromStylus);
  }

  /** How far a calibrated tip is from where the stylus's tip truly is, mm. */
  tipCalibrationErrorMm(stylusFromTip: Transform<'stylus', 'tip'>): number {
    const m = stylusFromTip.matrix;
    const off = transformPoint(new Float64Array(3), this.#tipFromStylus, [m[12] as number, m[13] as number, m[14] as number]);
    return Math.hypot(...off);
  }

  /** What the tracker measures of a tool at a moment, noise and covers included, into `out`. */
  observe(out: PoseSample, tool: BodyName, at: Instant): void {
    const occlusions = this.#covered.has(tool) ? ALWAYS : NEVER;
    const model: TrackerModel = { ...this.errors.tracker, occlusions };
    observePose(out, this.truePose(tool, at), at, model, tool === 'anchor' ? this.#anchorNoise : this.#noise);
  }

  /** Where an edge found by registering puts a point of the image, against where it truly is, mm. */
  trueTreMm(edge: Transform<F, 'reference'>, p: Point<F>): number {
    return Math.hypot(...this.trueErrorAt(edge, p));
  }

  /** From where a point of the image truly is to where an edge found by registering puts it, mm in the image. */
  trueErrorAt(edge: Transform<F, 'reference'>, p: Point<F>): [number, number, number] {
    const x = transformPoint(new Float64Array(3), this.#referenceFromImage, p.xyz);
    transformPoint(x, edge.matrix, x);
    return [0, 1, 2].map((k) => (x[k] as number) - (p.xyz[k] as number)) as [number, number, number];
  }

  /** How far a tip shown in the image is from where the tip truly is, mm. */
  tipErrorMm(shown: ArrayLike<number>, at: Instant): number {
    const m = this.hand.pose(this.#scratch, at);
    return Math.hypot(...[0, 1, 2].map((k) => (shown[k] as number) - (m[12 + k] as number)));
  }
}

const ALWAYS = [{ fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }];
const NEVER: typeof ALWAYS = [];

/** Where the divot for pivoting is: on the mount of the reference, outside it, open away from the patient. */
function divotBeside<F extends string>(given: HandCase<F>, imageFromReference: Float64Array): Divot {
  const origin = Array.from(imageFromReference.subarray(12, 15));
  const centre = middleOf(given);
  const out = origin.map((v, k) => v - (centre[k] as number));
  const length = Math.hypot(...out);
  const normal = out.map((v) => v / length) as [number, number, number];
  return {
    at: add(
      origin,
      normal.map((v) => 50 * v),
    ),
    normal,
  };
}

function middleOf<F extends string>({ fiducials }: HandCase<F>): number[] {
  const n = fiducials.length;
  return [0, 1, 2].map((k) => fiducials.reduce((sum, f) => sum + (f.xyz[k] as number) / n, 0));
}

/** A place for a body: a hand's breadth beside the fiducials, turned about the axis of the patient by so many rad. */
function beside<F extends string>(given: HandCase<F>, angle: number): [number, number, number] {
  const centre = middleOf(given);
  const turn = fromRotationVector(new Float64Array(16), [0, 0, angle]);
  const away = transformPoint(new Float64Array(3), turn, [0, 170, 0]);
  return add(centre, away);
}

function add(a: ArrayLike<number>, b: ArrayLike<number>): [number, number, number] {
  return [0, 1, 2].map((k) => (a[k] as number) + (b[k] as number)) as [number, number, number];
}
