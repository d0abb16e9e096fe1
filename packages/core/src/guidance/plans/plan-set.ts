import { NavError } from '../../base/index.js';
import { type Frame, type Point, point, requireSameFrame } from '../../frames/index.js';
import type { PatientIdentity } from '../../volume/index.js';
import { type StraightPlan, straightPlan } from '../plan.js';
import { type Needle, requireReach } from './needle.js';

/** The sides a plan can be of, as DICOM Laterality (0020,0060) tells them: L, R, U (unpaired, here `midline`), B. */
export const SIDES = ['left', 'right', 'midline', 'both'] as const;

/** One of {@link SIDES}. */
export type Side = (typeof SIDES)[number];

/** One way of a plan. */
export interface TrajectoryInit<F extends string> {
  /** As it is called before the patient; no two of a plan have the same. */
  readonly name: string;
  readonly entry: Point<F>;
  readonly target: Point<NoInfer<F>>;
  readonly needle?: Needle;
  /** As {@link StraightPlan.maxTre95Mm}. */
  readonly maxTre95Mm?: number;
}

/** A named way with the needle that goes along it. Immutable. */
export interface Trajectory<in out F extends string> {
  readonly name: string;
  readonly plan: StraightPlan<F>;
  readonly needle: Needle | undefined;
}

/** The plane that parts left from right in the images. */
export interface Midsagittal {
  /** A point of it, mm. */
  readonly point: readonly [number, number, number];
  /** Across it, towards the patient's left; unit length. In an untilted LPS image (1, 0, 0). */
  readonly towardsLeft: readonly [number, number, number];
}

/** What {@link planSet} is made from. */
export interface PlanSetInit<F extends string> {
  readonly frame: Frame<F>;
  /** Who it was made for: the ID at least. */
  readonly patient: PatientIdentity;
  readonly side: Side;
  /** DICOM Frame of Reference UID of the images it was made on. */
  readonly frameOfReferenceUid: string;
  /** Series Instance UID of the images it was made on. */
  readonly seriesUid: string;
  readonly trajectories: readonly TrajectoryInit<NoInfer<F>>[];
  /** Where it is given, a target on the other side than {@link side} says is refused. */
  readonly midsagittal?: Midsagittal;
}

/** Several ways, bound to a patient, a side, a frame of reference and a series. Immutable; never moves with a registration. */
export interface PlanSet<in out F extends string> {
  readonly frame: Frame<F>;
  readonly patient: PatientIdentity;
  readonly side: Side;
  readonly frameOfReferenceUid: string;
  readonly seriesUid: string;
  readonly trajectories: readonly Trajectory<F>[];
  readonly midsagittal: Midsagittal | undefined;
}

/** A target this near the plane between left and right is on both sides: that plane is not known better, mm. */
const BOTH_SIDES_MM = 2;

/**
 * A plan of several ways, checked.
 * @throws NavError `guidance/bad-plan` where something is missing, named twice or makes no sense; `guidance/wrong-side` where a target lies
 * on the other side; `guidance/out-of-reach` where a needle is too short; `frame/mismatch`, `pose/not-finite`
 */
export function planSet<F extends string>(init: PlanSetInit<F>): PlanSet<F> {
  const { frameOfReferenceUid, seriesUid, side } = init;
  const patient = patientOf(init.patient);
  if (!SIDES.includes(side)) throw bad(`"${String(side)}" is no side. Give one of ${SIDES.join(', ')}.`);
  if (!frameOfReferenceUid || !seriesUid) throw bad('A plan needs the frame of reference and the series it was made on.');
  if (init.trajectories.length === 0) throw bad('A plan needs at least one trajectory.');
  const names = new Set<string>();
  const midsagittal = init.midsagittal && unitMidsagittal(init.midsagittal);
  const trajectories = init.trajectories.map((one) => {
    if (typeof one.name !== 'string' || one.name === '') throw bad('Every trajectory needs a name.');
    if (names.has(one.name)) throw bad(`Two trajectories are called "${one.name}". Name them differently.`);
    names.add(one.name);
    requireSameFrame(init.frame, one.entry.frame, `Trajectory "${one.name}"`);
    const { entry, target, maxTre95Mm } = one;
    const ends = { entry: storable(entry), target: storable(target) };
    const plan = straightPlan({ ...ends, frameOfReferenceUid, ...(maxTre95Mm !== undefined && { maxTre95Mm }) });
    if (one.needle !== undefined) requireReach(one.needle, plan.lengthMm, `Trajectory "${one.name}"`);
    if (midsagittal !== undefined) requireTargetSide(midsagittal, side, plan.target.xyz, one.name);
    return Object.freeze({ name: one.name, plan, needle: one.needle });
  });
  return Object.freeze({
    frame: init.frame,
    patient,
    side,
    frameOfReferenceUid,
    seriesUid,
    trajectories: Object.freeze(trajectories),
    midsagittal,
  });
}

function patientOf(given: PatientIdentity): PatientIdentity {
  if (typeof given.id !== 'string' || given.id.trim() === '') {
    throw bad('A plan needs the ID of the patient it is made for. Load images that say whose they are.');
  }
  const { id, name, birthDate, sex } = given;
  return Object.freeze({
    id,
    ...(name !== undefined && { name }),
    ...(birthDate !== undefined && { birthDate }),
    ...(sex !== undefined && { sex }),
  });
}

/** With 0 in place of −0, which a JSON file cannot hold: a plan is the same before and after. */
function storable<F extends string>({ frame, xyz }: Point<F>): Point<F> {
  return point(
    frame,
    Array.from(xyz, (v) => v + 0),
  );
}

function unitMidsagittal({ point: place, towardsLeft }: Midsagittal): Midsagittal {
  const length = Math.hypot(...towardsLeft);
  if (!(length > 0 && Number.isFinite(length)) || !place.every((v) => Number.isFinite(v))) {
    throw bad('The plane between left and right needs a finite point and a direction that is not zero.');
  }
  // A length that is 1 but for rounding stays: a plan read from its file is the plan that was written.
  const scale = Math.abs(length - 1) < 1e-12 ? 1 : length;
  const unit = towardsLeft.map((v) => v / scale + 0) as [number, number, number];
  return Object.freeze({ point: Object.freeze(place.map((v) => v + 0)), towardsLeft: Object.freeze(unit) }) as Midsagittal;
}

function requireTargetSide(plane: Midsagittal, side: Side, target: ArrayLike<number>, name: string): void {
  let leftMm = 0;
  for (let k = 0; k < 3; k += 1) {
    leftMm += ((target[k] as number) - (plane.point[k] as number)) * (plane.towardsLeft[k] as number);
  }
  const wrong = (side === 'left' && leftMm < -BOTH_SIDES_MM) || (side === 'right' && leftMm > BOTH_SIDES_MM);
  if (!wrong) return;
  throw new NavError(
    'guidance/wrong-side',
    `The target of trajectory "${name}" lies ${Math.abs(leftMm).toFixed(0)} mm to the patient's ${leftMm > 0 ? 'left' : 'right'}, ` +
      `but the plan is for the ${side} side. Check the side with the patient and the request, then plan again.`,
    { detail: { trajectory: name, side, leftMm } },
  );
}

function bad(message: string): NavError<'guidance/bad-plan'> {
  return new NavError('guidance/bad-plan', message);
}
