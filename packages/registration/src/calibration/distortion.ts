import { type Frame, NavError, type Point, point, requireSameFrame } from '@trocar/core';
import type { Finding, ResultOutcome } from '../outcome.js';
import { coordinatesOf, requireSameCount } from '../points/checks.js';
import { at } from '../points/rigid-fit.js';
import { type Box, boxOf, isInside } from './distortion-basis.js';
import { type FieldFit, fieldAt, fitField, foldsOf, leverageOf, type ScoredField } from './distortion-fit.js';

/** What {@link fitDistortion} may be told. */
export interface DistortionOptions {
  /** Polynomial degree along each axis, 0 … 8; absent: that of 1 … 5 whose cross-validated error is smallest. */
  readonly degree?: number;
  /**
   * For each pair a number that says with which others it shares errors, as the frame of a calibration body: they are left out
   * together. Absent: each stands for itself.
   */
  readonly groups?: ArrayLike<number>;
  /** Folds of the cross-validation. Default 10. */
  readonly folds?: number;
  /** Seed of the folds. Default 1. */
  readonly seed?: number;
  /** Points up to this far outside the box of the readings are corrected too, mm. Default 0: nothing is extrapolated. */
  readonly marginMm?: number;
}

/**
 * Something about a correction that a person must look at before using it.
 *
 * `no-gain`: points left out are foretold no better with the correction than with none but a rigid shift;
 * `overfit`: they are foretold more than twice as badly as the points that were fitted: too few readings for the degree.
 */
export type DistortionFinding = Finding<'no-gain' | 'overfit'>;

/** A corrected reading. */
export type Correction<To extends string> =
  | {
      readonly status: 'ok';
      readonly point: Point<To>;
      /** Covariance of the correction itself, 3×3, mm²; the reading's own noise comes on top. */
      readonly covariance: Float64Array;
    }
  | {
      /** `outside`: beyond the box that was calibrated; `uncovered`: inside it, but where too few readings lie to tell. */
      readonly status: 'outside' | 'uncovered';
      readonly point: undefined;
      readonly covariance: undefined;
    };

/** A fitted distortion. */
export interface DistortionCorrection<To extends string, From extends string> {
  /** `failed` where there are findings. */
  readonly outcome: ResultOutcome;
  readonly findings: readonly DistortionFinding[];
  readonly degree: number;
  /** What is calibrated: the box of the readings, with the margin, mm, in `from`. */
  readonly box: Box;
  /** Root mean square distance between expected and measured points before, mm. */
  readonly beforeRmsMm: number;
  /** The same after correction, and the largest. */
  readonly rmsMm: number;
  readonly maxMm: number;
  /** The same at points, or groups, that took no part in the fit: what to expect of a new reading. */
  readonly crossValidatedMm: number;
  /** Covariance of one corrected reading's noise, from the residuals, 3×3, mm². */
  readonly noise: Float64Array;
  /** The corrected point, or why there is none. */
  correct(measured: Point<From>): Correction<To>;
  /** For many readings: corrects into `out`; false, with NaN in `out`, where {@link correct} gives no point. `out` may be `xyz`. */
  correctInto(out: Float64Array, xyz: ArrayLike<number>): boolean;
}

const DEFAULT_DEGREES = [1, 2, 3, 4, 5];
const MOST_DEGREE = 8;
/** A correction less certain than one reading itself is no correction. */
const MOST_LEVERAGE = 1;
/** Readings per coefficient that a degree needs. */
const LEAST_PER_COEFFICIENT = 1.5;

/**
 * Corrects the distortion of a field tracker: the smooth map from its readings to where the points truly were, as a displacement in a
 * tensor product of Bernstein polynomials over the box of the readings, by least squares (as Kindratenko 2000, Virtual Reality 5:169,
 * reviews for electromagnetic trackers). Nothing is extrapolated.
 *
 * @param to frame of the true positions
 * @param from frame of the readings: the same place, distorted
 * @throws NavError `registration/count-mismatch`, `registration/not-finite`, `registration/too-few-points`, `calibration/units`,
 * `calibration/failed` (the two sides are not one frame), `calibration/bad-option`, `frame/mismatch`
 */
export function fitDistortion<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  expected: readonly Point<NoInfer<To>>[],
  measured: readonly Point<NoInfer<From>>[],
  options: DistortionOptions = {},
): DistortionCorrection<To, From> {
  requireSameCount(expected.length, measured.length);
  const truth = coordinatesOf('to', to, expected);
  const seen = coordinatesOf('from', from, measured);
  const count = expected.length;
  const degrees = degreesFor(count, options);
  const box = boxOf(seen, marginOf(options));
  const displacement = truth.map((x, i) => x - at(seen, i));
  const beforeRmsMm = Math.sqrt(displacement.reduce((sum, d) => sum + d * d, 0) / count);
  requireOneFrame(truth, seen, beforeRmsMm);
  const groups = options.groups ?? Int32Array.from({ length: count }, (_, i) => i);
  if (groups.length !== count) throw badOption('groups', `one number a pair (${count})`, groups.length);
  const folds = foldsOf(groups, options.folds ?? 10, options.seed ?? 1);
  const scored = degrees
    .map((degree) => fitField(degree, box, seen, displacement, folds))
    .filter((field): field is ScoredField => field !== undefined);
  const best = scored.reduce<ScoredField | undefined>(
    (a, b) => (a === undefined || b.crossValidatedMm < a.crossValidatedMm ? b : a),
    undefined,
  );
  if (best === undefined)
    throw new NavError('calibration/failed', 'The readings fix no correction. Take more, spread over the volume.');
  const shifted = fitField(0, box, seen, displacement, folds)?.crossValidatedMm ?? beforeRmsMm;
  return assembled(to, from, best, { box, seen, displacement, beforeRmsMm, shifted });
}

interface Readings {
  readonly box: Box;
  readonly seen: Float64Array;
  readonly displacement: Float64Array;
  readonly beforeRmsMm: number;
  /** Cross-validated error with a mere shift. */
  readonly shifted: number;
}

function assembled<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  { fit, crossValidatedMm }: ScoredField,
  readings: Readings,
): DistortionCorrection<To, From> {
  const left = leftOver(fit, readings);
  const findings = findingsOf(crossValidatedMm, left.rmsMm, readings);
  const b = new Float64Array(fit.basis.size);
  const scratch = new Float64Array(fit.basis.size);
  const field = new Float64Array(3);
  /** Leverage at a point, its field in `field`; undefined outside the box. */
  const look = (xyz: ArrayLike<number>): number | undefined => {
    if (!isInside(readings.box, xyz)) return undefined;
    fieldAt(field, fit, fit.basis.evaluate(b, xyz));
    return leverageOf(fit, b, scratch);
  };
  return {
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    degree: fit.basis.degree,
    box: readings.box,
    beforeRmsMm: readings.beforeRmsMm,
    ...left,
    crossValidatedMm,
    correct(measured): Correction<To> {
      requireSameFrame(from, measured.frame, 'Correcting a reading');
      const leverage = look(measured.xyz);
      if (leverage === undefined) return { status: 'outside', point: undefined, covariance: undefined };
      if (!(leverage <= MOST_LEVERAGE)) return { status: 'uncovered', point: undefined, covariance: undefined };
      const corrected = field.map((d, i) => d + at(measured.xyz, i));
      return { status: 'ok', point: point(to, corrected), covariance: left.noise.map((c) => c * leverage) };
    },
    correctInto(out, xyz): boolean {
      const leverage = look(xyz);
      const known = leverage !== undefined && leverage <= MOST_LEVERAGE;
      for (let i = 0; i < 3; i += 1) out[i] = known ? at(xyz, i) + at(field, i) : Number.NaN;
      return known;
    },
  };
}

/** Residuals after correction, and their covariance with N − m degrees of freedom. */
function leftOver(fit: FieldFit, { seen, displacement }: Readings): { rmsMm: number; maxMm: number; noise: Float64Array } {
  const b = new Float64Array(fit.basis.size);
  const r = new Float64Array(3);
  const noise = new Float64Array(9);
  const count = seen.length / 3;
  let sum = 0;
  let most = 0;
  for (let k = 0; k < count; k += 1) {
    fieldAt(r, fit, fit.basis.evaluate(b, seen.subarray(3 * k, 3 * k + 3)));
    for (let i = 0; i < 3; i += 1) r[i] = at(displacement, 3 * k + i) - at(r, i);
    for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) noise[3 * i + j] = at(noise, 3 * i + j) + at(r, i) * at(r, j);
    const square = at(r, 0) ** 2 + at(r, 1) ** 2 + at(r, 2) ** 2;
    sum += square;
    most = Math.max(most, square);
  }
  const freedom = Math.max(1, count - fit.basis.size);
  return { rmsMm: Math.sqrt(sum / count), maxMm: Math.sqrt(most), noise: noise.map((c) => c / freedom) };
}

/** Rounding of positions, mm: below it nothing is gained or lost. */
const ROUNDING_MM = 0.02;

function findingsOf(crossValidatedMm: number, rmsMm: number, { shifted }: Readings): DistortionFinding[] {
  const findings: DistortionFinding[] = [];
  if (crossValidatedMm > shifted && crossValidatedMm > ROUNDING_MM) {
    findings.push({
      code: 'no-gain',
      message:
        `Left-out readings are foretold to ${crossValidatedMm.toFixed(2)} mm, and to ${shifted.toFixed(2)} mm without any correction but a shift. ` +
        'There is no smooth distortion to correct, or too few readings to tell it.',
    });
  }
  if (crossValidatedMm > 2 * rmsMm + ROUNDING_MM) {
    findings.push({
      code: 'overfit',
      message:
        `Left-out readings are foretold to ${crossValidatedMm.toFixed(2)} mm, fitted ones to ${rmsMm.toFixed(2)} mm. ` +
        'Take more readings, spread over the volume, or a lower degree.',
    });
  }
  return findings;
}

function degreesFor(count: number, { degree }: DistortionOptions): readonly number[] {
  if (degree !== undefined && !(Number.isInteger(degree) && degree >= 0 && degree <= MOST_DEGREE)) {
    throw badOption('degree', `a whole number from 0 to ${MOST_DEGREE}`, degree);
  }
  const wanted = degree === undefined ? DEFAULT_DEGREES : [degree];
  const possible = wanted.filter((d) => count >= LEAST_PER_COEFFICIENT * (d + 1) ** 3);
  if (possible.length > 0) return possible;
  const least = Math.ceil(LEAST_PER_COEFFICIENT * ((wanted[0] as number) + 1) ** 3);
  throw new NavError(
    'registration/too-few-points',
    `A correction of degree ${wanted[0]} needs at least ${least} readings and has ${count}. Take more, spread over the whole volume.`,
    { detail: { count, least, degree: wanted[0] } },
  );
}

function marginOf({ marginMm = 0 }: DistortionOptions): number {
  if (marginMm >= 0 && Number.isFinite(marginMm)) return marginMm;
  throw badOption('marginMm', 'a number of millimetres from 0 on', marginMm);
}

function badOption(name: string, wanted: string, given: unknown): NavError {
  return new NavError('calibration/bad-option', `The option ${name} is ${wanted}, not ${given}.`, { detail: { name, given } });
}

/** Displacements larger than this share of the volume's width are no distortion. */
const MOST_DISPLACEMENT = 0.25;
const UNIT_FACTOR = 1.5;

/** Refuses two sides that are not one frame, distorted a little. */
function requireOneFrame(truth: Float64Array, seen: Float64Array, beforeRmsMm: number): void {
  const width = (xyz: Float64Array): number => {
    const { low, high } = boxOf(xyz, 0);
    return Math.hypot(...low.map((x, i) => at(high, i) - x));
  };
  const [a, b] = [width(truth), width(seen)];
  const factor = a / b;
  if (factor > UNIT_FACTOR || factor < 1 / UNIT_FACTOR) {
    throw new NavError(
      'calibration/units',
      `The true points spread over ${a.toPrecision(3)} mm, the readings over ${b.toPrecision(3)}. Give both in millimetres.`,
      { detail: { factor } },
    );
  }
  if (beforeRmsMm <= MOST_DISPLACEMENT * a) return;
  throw new NavError(
    'calibration/failed',
    `The readings lie ${beforeRmsMm.toPrecision(3)} mm from the true points, in a volume of ${a.toPrecision(3)} mm: that is another frame, another ` +
      "order or a mirror, not a distortion. Register first, and give the true points in the tracker's frame.",
    { detail: { beforeRmsMm, widthMm: a } },
  );
}
