import { NavError, requireSameFrame, type Transform, transform } from '@trocar/core';
import { invertRigid, multiply4, radiusQuantile } from '@trocar/core/math';
import { aboutOrigin } from '../accuracy/pose-covariance.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import { requireOption } from './pivot-checks.js';
import { type AnyPoseList, type PoseList, type PoseRules, usablePoses } from './poses.js';
import { requireMillimetres } from './poses-spread.js';
import { difference, meanPose, type StillPose, stillPose } from './template-mean.js';

/** What {@link calibrateTemplate} may be told beside the poses. */
export interface TemplateOptions {
  /** A tool that moves more than this while it sits in the block (rms about its mean) is refused, mm. Default 1. */
  readonly stillMm?: number;
  /** The same for its rotation, rad. Default 1°. */
  readonly stillRad?: number;
  /** Insertions that differ by more than this are a finding, mm at the tip (rms). Default 0.5. */
  readonly maxRepeatMm?: number;
  /** The same for the direction, rad. Default 1°. */
  readonly maxRepeatRad?: number;
  readonly acceptUnknown?: boolean;
  /** Description or hash of the input, kept in the transform's provenance. */
  readonly inputs?: string;
}

/** `not-repeatable`: insertions differ more than the limits allow. */
export type TemplateFinding = Finding<'not-repeatable'>;

/** One insertion's answer against the mean of all. */
export interface Insertion {
  readonly poses: number;
  /** How far its tip lies from the common one, mm, and its rotation, rad. */
  readonly tipMm: number;
  readonly rotationRad: number;
  /** Movement of the tool in the block, rms. */
  readonly movedMm: number;
  readonly movedRad: number;
}

/** A template calibration. */
export interface TemplateCalibration<From extends string, Tip extends string> {
  readonly outcome: ResultOutcome;
  readonly findings: readonly TemplateFinding[];
  /**
   * Marker from tip: position AND directions, as the block defines them. With a single insertion it has no covariance: how
   * well a tool seats is only told by putting it in again.
   */
  readonly stylusFromTip: Transform<From, Tip>;
  /** The tip's error stays below this with 95 % probability, mm; NaN with a single insertion. */
  readonly tip95Mm: number;
  /** The largest turn about any axis with 95 % probability, degrees; NaN with a single insertion. */
  readonly rotation95Deg: number;
  readonly insertions: readonly Insertion[];
  /** Root-mean-square difference of insertions from their mean, per insertion: of the tip, mm, and of the rotation, degrees. */
  readonly repeatMm: number;
  readonly repeatDeg: number;
}

const RULES: PoseRules = { purpose: 'A template calibration', atLeast: 3, still: true };
const DEGREE = Math.PI / 180;

/**
 * Finds tip and directions of a tool from where it sits in a block with a marker of its own: block-from-tip is known, and
 * marker-from-tip = (block-from-marker)⁻¹ · block-from-tip.
 *
 * Poses of one insertion are averaged (chordal mean of the rotations), insertions likewise. With several insertions the
 * covariance is theirs, which holds the seating as well as the tracker; with one it is the tracker's noise alone.
 *
 * @param insertions recordings of the tool's marker in the BLOCK's frame, one for each time the tool was put in
 * @param blockFromTip where the block holds the tip, and how it is turned there
 * @throws NavError `calibration/moving` where the tool does not sit still in the block, `calibration/too-few-poses` (no insertion, or fewer than 3
 * poses in one), `calibration/hidden`, `calibration/identity-poses`, `calibration/units`, `calibration/not-finite`,
 * `calibration/not-rigid`, `calibration/bad-option`, `frame/mismatch`
 */
export function calibrateTemplate<Block extends string, From extends string, Tip extends string>(
  insertions: readonly PoseList<Block, From>[],
  blockFromTip: Transform<Block, Tip>,
  options: TemplateOptions = {},
): TemplateCalibration<From, Tip> {
  const limits = limitsOf(options);
  const first = insertions[0];
  if (first === undefined) {
    throw new NavError(
      'calibration/too-few-poses',
      'A template calibration has no insertion. Put the tool into the block and record.',
    );
  }
  const single = insertions.map((list, k) => oneInsertion(list, k, first, blockFromTip, limits));
  const mean = meanPose(
    single.map((s) => s.mean),
    single.map(() => 1),
  );
  const reports = single.map((s): Insertion => {
    const [moved, turnedBy] = difference(mean, s.mean);
    return {
      poses: s.used,
      tipMm: Math.hypot(...moved),
      rotationRad: Math.hypot(...turnedBy),
      movedMm: s.movedMm,
      movedRad: s.movedRad,
    };
  });
  const known = insertions.length > 1;
  // Alike in all directions: a handful of insertions cannot tell directions apart.
  const freedom = 3 * (reports.length - 1);
  const variance = (of: (r: Insertion) => number): number => (known ? sumOfSquares(reports, of) / freedom : Number.NaN);
  const [tip, turn] = [variance((r) => r.tipMm), variance((r) => r.rotationRad)];
  const repeat = { mm: Math.sqrt(3 * tip), rad: Math.sqrt(3 * turn) };
  const findings = known ? findingsOf(repeat, limits) : [];
  const p = [at(mean, 12), at(mean, 13), at(mean, 14)];
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    stylusFromTip: transform(first.from, blockFromTip.from, mean, {
      ...(known && {
        covariance: aboutOrigin(diagonal(tip / reports.length, turn / reports.length), p),
        degreesOfFreedom: freedom,
      }),
      provenance: { method: 'template', ...(options.inputs !== undefined && { inputs: options.inputs }) },
    }),
    tip95Mm: known ? radiusQuantile(ball(tip / reports.length), 0.95, freedom) : Number.NaN,
    rotation95Deg: known ? radiusQuantile(ball(turn / reports.length), 0.95, freedom) / DEGREE : Number.NaN,
    insertions: reports,
    repeatMm: repeat.mm,
    repeatDeg: repeat.rad / DEGREE,
  };
}

interface Limits {
  readonly stillMm: number;
  readonly stillRad: number;
  readonly repeatMm: number;
  readonly repeatRad: number;
  readonly rules: PoseRules;
}

function limitsOf(options: TemplateOptions): Limits {
  const limits = {
    stillMm: options.stillMm ?? 1,
    stillRad: options.stillRad ?? DEGREE,
    repeatMm: options.maxRepeatMm ?? 0.5,
    repeatRad: options.maxRepeatRad ?? DEGREE,
  };
  for (const [name, value] of Object.entries(limits)) requireOption(name, value);
  return { ...limits, rules: { ...RULES, ...(options.acceptUnknown !== undefined && { acceptUnknown: options.acceptUnknown }) } };
}

/** The mean marker-from-tip of one insertion. */
function oneInsertion(
  list: AnyPoseList,
  place: number,
  first: AnyPoseList,
  blockFromTip: { readonly to: { readonly name: string }; readonly matrix: ArrayLike<number> },
  limits: Limits,
): StillPose {
  requireSameFrame(blockFromTip.to, list.to, 'A template calibration');
  requireSameFrame(first.from, list.from, 'A template calibration');
  const poses = usablePoses(list, limits.rules);
  requireMillimetres(poses, limits.rules);
  const matrices = Array.from({ length: poses.count }, (_, k) => {
    const markerFromBlock = invertRigid(new Float64Array(16), poses.matrices.subarray(16 * k, 16 * k + 16));
    return multiply4(markerFromBlock, markerFromBlock, blockFromTip.matrix);
  });
  const still = stillPose(matrices);
  if (still.movedMm <= limits.stillMm && still.movedRad <= limits.stillRad && 4 * still.used >= 3 * poses.count) return still;
  throw new NavError(
    'calibration/moving',
    `A template calibration: in insertion ${place + 1} (counting from 1) the tool moved in the block, by ${still.movedMm.toFixed(2)} mm and ` +
      `${(still.movedRad / DEGREE).toFixed(2)}° (rms; ${poses.count - still.used} of ${poses.count} poses far off). Seat it fully, hold it still, and record again.`,
    {
      detail: {
        insertion: place,
        movedMm: still.movedMm,
        movedDeg: still.movedRad / DEGREE,
        used: still.used,
        poses: poses.count,
      },
    },
  );
}

const ball = (variance: number): number[] => [variance, 0, 0, 0, variance, 0, 0, 0, variance];

function diagonal(position: number, rotation: number): Float64Array {
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) out[7 * i] = i < 3 ? position : rotation;
  return out;
}

const sumOfSquares = (reports: readonly Insertion[], of: (r: Insertion) => number): number =>
  reports.reduce((sum, r) => sum + of(r) ** 2, 0);

function findingsOf(repeat: { readonly mm: number; readonly rad: number }, limits: Limits): TemplateFinding[] {
  if (repeat.mm <= limits.repeatMm && repeat.rad <= limits.repeatRad) return [];
  return [
    {
      code: 'not-repeatable',
      message:
        `Insertions differ by ${repeat.mm.toFixed(2)} mm and ${(repeat.rad / DEGREE).toFixed(2)}° (rms); ${limits.repeatMm} mm and ` +
        `${(limits.repeatRad / DEGREE).toFixed(1)}° are the limits. Clean block and tool, seat the tool fully each time, and record again.`,
    },
  ];
}
