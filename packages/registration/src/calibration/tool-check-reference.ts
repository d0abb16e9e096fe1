import { NavError, type Point, requireSameFrame } from '@trocar/core';
import { chiSquareTail, fisherTail, radiusQuantile, transformPoint } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { coordinatesOf, isLine } from '../points/checks.js';
import { at, fitRigid } from '../points/rigid-fit.js';
import { requireOption } from './pivot-checks.js';

/** What {@link checkReference} is held against. */
export interface ReferenceCheckOptions {
  /** The reference may have moved by this much at the landmarks (rms), with 95 % confidence, mm. */
  readonly limitMm: number;
  /** Error of touching one landmark once, mm (rms length). Needed with fewer than 4 landmarks; estimated without. */
  readonly fleMm?: number;
}

/**
 * `moved`: the landmarks lie elsewhere, all together, by more than the limit; `unsure`: they may, and the landmarks are too
 * few or too badly touched to tell; `changed-shape`: their distances from each other changed, so that a landmark itself moved
 * or was touched wrongly.
 */
export type ReferenceCheckFinding = Finding<'moved' | 'unsure' | 'changed-shape'>;

/** Landmarks touched at two times. */
export interface ReferenceCheck {
  readonly pass: boolean;
  readonly outcome: ResultOutcome;
  readonly findings: readonly ReferenceCheckFinding[];
  /** 4×4 column-major, mm: carries the earlier places onto the later ones. A translation where fewer than 3 landmarks (or a line) are given. */
  readonly motion: Float64Array;
  /** How far that carries the landmarks, rms, and its 95 % upper bound, mm. */
  readonly movedMm: number;
  readonly upper95Mm: number;
  /** Probability of a motion as large from touching errors alone. */
  readonly pValue: number;
  /** What the motion leaves, per landmark, mm. */
  readonly residualsMm: readonly number[];
  /** As given, or estimated from the residuals. */
  readonly fleMm: number;
}

const ALARM = 0.001;

/**
 * Whether a reference has moved against the patient: the same landmarks (or divots of the reference's holder), touched
 * earlier and later, both in the reference's frame. The common rigid motion is fitted and tested against touching errors:
 * its share of the squares is χ² with 6 degrees of freedom (3 for a translation) in units of 2 σ², or Fisher's F where the
 * touching error is estimated from what is left.
 * @throws NavError `registration/count-mismatch`, `registration/not-finite`, `registration/too-few-points` (none, or fewer than 4
 * without a known touching error), `calibration/bad-option`, `frame/mismatch`
 */
export function checkReference<F extends string>(
  earlier: readonly Point<F>[],
  later: readonly Point<NoInfer<F>>[],
  options: ReferenceCheckOptions,
): ReferenceCheck {
  requireOption('limitMm', options.limitMm);
  if (options.fleMm !== undefined) requireOption('fleMm', options.fleMm);
  requireLandmarks(earlier.length, later.length, options.fleMm);
  const frame = (earlier[0] as Point<F>).frame;
  for (const p of later) requireSameFrame(frame, p.frame, 'A reference check');
  const before = coordinatesOf('earlier', frame, earlier);
  const after = coordinatesOf('later', frame, later);
  const n = earlier.length;
  const all = Array.from({ length: n }, (_, k) => k);
  const rigid = n >= 3 && !isLine(before, all) && !isLine(after, all);
  const motion = rigid ? fitRigid(after, before, new Float64Array(n).fill(1)).matrix : meanShift(before, after);
  const parameters = rigid ? 6 : 3;
  const { carried, residualsMm } = carriedBy(motion, before, after);
  const left = residualsMm.reduce((sum, r) => sum + r * r, 0);
  const freedom = 3 * n - parameters;
  // Both touches err: a difference has twice the variance of one.
  const variance = options.fleMm === undefined ? left / freedom : (2 * options.fleMm ** 2) / 3;
  const explained = carried.reduce((sum, c) => sum + c * c, 0);
  const known = options.fleMm !== undefined;
  const floor = Math.max(variance, 1e-18);
  const pValue = known
    ? chiSquareTail(explained / floor, parameters)
    : fisherTail(explained / parameters / floor, parameters, freedom);
  const movedMm = Math.sqrt(explained / n);
  const own = (floor * parameters) / (3 * n);
  const upper95Mm = movedMm + radiusQuantile([own, 0, 0, 0, own, 0, 0, 0, own], 0.95, known ? Number.POSITIVE_INFINITY : freedom);
  const shapeChanged = known && freedom > 0 && chiSquareTail(left / floor, freedom) < ALARM;
  const findings = findingsOf({ movedMm, upper95Mm, pValue, limitMm: options.limitMm, shapeChanged, residualsMm });
  return {
    pass: upper95Mm <= options.limitMm && !shapeChanged,
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    motion,
    movedMm,
    upper95Mm,
    pValue,
    residualsMm,
    fleMm: options.fleMm ?? Math.sqrt((3 * variance) / 2),
  };
}

function requireLandmarks(earlier: number, later: number, fleMm: number | undefined): void {
  if (earlier !== later) {
    throw new NavError(
      'registration/count-mismatch',
      `There are ${earlier} earlier landmarks and ${later} later ones. Touch the same ones again, in order.`,
      {
        detail: { earlier, later },
      },
    );
  }
  const least = fleMm === undefined ? 4 : 1;
  if (earlier >= least) return;
  throw new NavError(
    'registration/too-few-points',
    `A reference check needs at least ${least} landmark${least > 1 ? 's, or the touching error as fleMm,' : ''} and has ${earlier}.`,
    { detail: { given: earlier, least } },
  );
}

function meanShift(before: Float64Array, after: Float64Array): Float64Array {
  const out = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  before.forEach((x, i) => {
    out[12 + (i % 3)] = at(out, 12 + (i % 3)) + (3 * (at(after, i) - x)) / before.length;
  });
  return out;
}

function carriedBy(
  motion: Float64Array,
  before: Float64Array,
  after: Float64Array,
): { carried: number[]; residualsMm: number[] } {
  const carried: number[] = [];
  const residualsMm: number[] = [];
  const q = new Float64Array(3);
  for (let i = 0; i < before.length; i += 3) {
    const p = before.subarray(i, i + 3);
    transformPoint(q, motion, p);
    carried.push(Math.hypot(at(q, 0) - at(p, 0), at(q, 1) - at(p, 1), at(q, 2) - at(p, 2)));
    residualsMm.push(Math.hypot(at(q, 0) - at(after, i), at(q, 1) - at(after, i + 1), at(q, 2) - at(after, i + 2)));
  }
  return { carried, residualsMm };
}

interface Figures {
  readonly movedMm: number;
  readonly upper95Mm: number;
  readonly pValue: number;
  readonly limitMm: number;
  readonly shapeChanged: boolean;
  readonly residualsMm: readonly number[];
}

function findingsOf({ movedMm, upper95Mm, pValue, limitMm, shapeChanged, residualsMm }: Figures): ReferenceCheckFinding[] {
  const findings: ReferenceCheckFinding[] = [];
  if (movedMm > limitMm && pValue < ALARM) {
    findings.push({
      code: 'moved',
      message: `The landmarks lie ${movedMm.toFixed(1)} mm (rms) from where they were; ${limitMm} mm is the limit. The reference has moved: register again.`,
    });
  } else if (upper95Mm > limitMm) {
    findings.push({
      code: 'unsure',
      message: `The reference may have moved by up to ${upper95Mm.toFixed(1)} mm (95 %); ${limitMm} mm is the limit. Touch more landmarks, or the same ones again.`,
    });
  }
  if (shapeChanged) {
    const worst = residualsMm.indexOf(Math.max(...residualsMm));
    findings.push({
      code: 'changed-shape',
      index: worst,
      message: `The landmarks' distances from each other changed; landmark ${worst + 1} (counting from 1) is ${(residualsMm[worst] as number).toFixed(1)} mm off. Touch it again.`,
    });
  }
  return findings;
}
