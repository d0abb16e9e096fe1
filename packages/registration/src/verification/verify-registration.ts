import { apply, NavError, type Point, requireSameFrame, type Transform } from '@trocar/core';
import { chiSquareQuantile, cholesky, choleskySolve, fisherTail } from '@trocar/core/math';
import { expectedTreOf } from '../accuracy/expected-tre.js';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';

/** A landmark that the registration was NOT made from. */
export interface CheckLandmark<To extends string, From extends string> {
  /** Where it is known to be, in the registration's `to` frame (the image). */
  readonly known: Point<To>;
  /** Where it was measured, in the registration's `from` frame (the tracker or the reference). */
  readonly measured: Point<From>;
  readonly label?: string;
}

/** What {@link verifyRegistration} is held against. */
export interface VerificationOptions {
  /** What must be shown: that the root-mean-square error at such landmarks is below this, mm. */
  readonly limitMm: number;
  /** With this confidence. Default 0.95. */
  readonly confidence?: number;
  /**
   * Error of the check itself, mm (rms length): of localising a landmark on both sides together. It is tested against, and
   * never subtracted: a check with bad landmarks is a bad check. Default 0.
   */
  readonly fleMm?: number;
}

/**
 * `rejected`: the error is shown to be above the limit; `unproven`: neither above nor below is shown; `misfit`: the landmarks
 * are farther off than the registration's own covariance allows, so that its error bounds cannot be believed; `outlier`: one
 * landmark is.
 */
export type VerificationFinding = Finding<'rejected' | 'unproven' | 'misfit' | 'outlier'>;

/** One landmark's verdict. */
export interface LandmarkCheck {
  readonly label: string | undefined;
  /** Where the registration puts it minus where it is, mm. */
  readonly error: Float64Array;
  readonly errorMm: number;
  /** What the registration's covariance and the check's own error let expect, rms, mm; NaN where unknown. */
  readonly expectedMm: number;
  /** Probability of an error as large or larger, if that covariance is right; NaN where unknown. */
  readonly pValue: number;
}

/** An independent check of a registration. */
export interface RegistrationVerification {
  /** Whether the claim is shown, and nothing speaks against it: `outcome` is `ok`. */
  readonly accepted: boolean;
  readonly outcome: ResultOutcome;
  readonly findings: readonly VerificationFinding[];
  readonly landmarks: readonly LandmarkCheck[];
  /** Root-mean-square error over the landmarks, mm: an estimate from few. */
  readonly rmsMm: number;
  /** The true root-mean-square error is below this with the confidence asked for, mm: what the limit is held against. */
  readonly upperMm: number;
  /** 95 % of errors at such places are below this with the same confidence, mm. */
  readonly upper95Mm: number;
  /** Landmarks that would show the claim if the error is what it seems; Infinity where it seems to be above the limit. */
  readonly landmarksNeeded: number;
  /** All landmarks together against the registration's covariance: probability of errors as large; NaN where unknown. */
  readonly pValue: number;
}

const ALARM = 0.001;
/** √ of the 95 % quantile of χ²₃ over 3: the 95 % error over the rms one, for errors alike in all directions. */
const P95_OVER_RMS = 1.614;

/**
 * Checks a registration at landmarks it was not made from, and accepts it or not.
 *
 * The claim "the rms error at such places is below the limit" is accepted where its upper confidence bound is: Σ|e|² is
 * σ² χ² with 3 N degrees of freedom for errors alike in all directions, so σ² < Σ|e|² / χ²(1 − confidence). Where the
 * registration's covariance says that errors lie mainly along one or two directions, (tr C)² / tr C² counts instead of 3.
 * The landmarks' own error is in Σ|e|² and makes the bound larger, never smaller. "Such places" are the landmarks': of a
 * target elsewhere the check says as much as the landmarks surround it. The FRE of the registration plays no part.
 *
 * @throws NavError `registration/too-few-points` (none), `registration/bad-option`, `frame/mismatch`
 */
export function verifyRegistration<To extends string, From extends string>(
  edge: Transform<To, From>,
  landmarks: readonly CheckLandmark<To, From>[],
  options: VerificationOptions,
): RegistrationVerification {
  const { limitMm, confidence, fleMm } = checkedOptions(options);
  if (landmarks.length === 0) {
    throw new NavError(
      'registration/too-few-points',
      'A verification needs at least one landmark that the registration was not made from.',
    );
  }
  const checks = landmarks.map((l) => checkOf(edge, l, fleMm));
  const n = landmarks.length;
  const each = edge.covariance === undefined ? 3 : checks.reduce((sum, c) => sum + directions(c.covariance), 0) / n;
  const rmsMm = Math.sqrt(checks.reduce((sum, c) => sum + c.errorMm ** 2, 0) / n);
  const factor = (level: number): number => Math.sqrt((each * n) / chiSquareQuantile(level, each * n));
  const upperMm = rmsMm * factor(1 - confidence);
  const lowerMm = rmsMm * factor(confidence);
  const pValue = edge.covariance === undefined ? Number.NaN : jointProbability(edge, landmarks, checks, fleMm);
  const findings = findingsOf({ checks, rmsMm, upperMm, lowerMm, limitMm, confidence, pValue });
  return {
    accepted: findings.length === 0,
    outcome: findings.length === 0 ? 'ok' : 'failed',
    findings,
    landmarks: checks.map(({ covariance: _, ...check }) => check),
    rmsMm,
    upperMm,
    upper95Mm: P95_OVER_RMS * upperMm,
    landmarksNeeded: landmarksNeeded(rmsMm, limitMm, confidence, each),
    pValue,
  };
}

function checkedOptions(options: VerificationOptions): { limitMm: number; confidence: number; fleMm: number } {
  const { limitMm, confidence = 0.95, fleMm = 0 } = options;
  if (limitMm > 0 && Number.isFinite(limitMm) && confidence >= 0.5 && confidence < 1 && fleMm >= 0 && Number.isFinite(fleMm)) {
    return { limitMm, confidence, fleMm };
  }
  throw new NavError(
    'registration/bad-option',
    `A verification needs a limit above 0 mm, a confidence of 0.5 … 1 and an error of at least 0 mm, got ${limitMm}, ${confidence} and ${fleMm}.`,
    { detail: { limitMm, confidence, fleMm } },
  );
}

interface FullCheck extends LandmarkCheck {
  /** Of the error, 9 numbers, mm²; NaN where unknown. */
  readonly covariance: Float64Array;
}

function checkOf<To extends string, From extends string>(
  edge: Transform<To, From>,
  landmark: CheckLandmark<To, From>,
  fleMm: number,
): FullCheck {
  requireSameFrame(edge.to, landmark.known.frame, 'Verifying a registration');
  const put = apply(edge, landmark.measured);
  const error = Float64Array.from({ length: 3 }, (_, i) => at(put.xyz, i) - at(landmark.known.xyz, i));
  const expected = expectedTreOf(edge, put, { targetFleMm: fleMm });
  const squared = mahalanobis(expected.covariance, error);
  return {
    label: landmark.label,
    error,
    errorMm: Math.hypot(...error),
    expectedMm: expected.rmsMm,
    pValue: squared === undefined ? Number.NaN : fisherTail(squared / 3, 3, edge.degreesOfFreedom ?? Number.POSITIVE_INFINITY),
    covariance: expected.covariance,
  };
}

/** eᵀ C⁻¹ e; undefined where C is unknown or flat. */
function mahalanobis(covariance: ArrayLike<number>, error: Float64Array): number | undefined {
  const factor = new Float64Array(9);
  if (!cholesky(factor, covariance, 3)) return undefined;
  const solved = choleskySolve(new Float64Array(3), factor, error, 3);
  return error.reduce((sum, x, i) => sum + x * at(solved, i), 0);
}

/** In how many directions an error goes, 1 … 3: (tr C)² / tr C². */
function directions(c: ArrayLike<number>): number {
  const trace = at(c, 0) + at(c, 4) + at(c, 8);
  let squares = 0;
  for (let i = 0; i < 9; i += 1) squares += at(c, i) ** 2;
  return squares > 0 ? Math.min(3, trace ** 2 / squares) : 3;
}

/**
 * Probability of Σ|e|² as large: errors of one registration go together, C_kl = J_k Cov J_lᵀ, so the sum is a weighted χ²,
 * matched by its first two moments (Satterthwaite 1946, Biometrics 2:110).
 */
function jointProbability<To extends string, From extends string>(
  edge: Transform<To, From>,
  landmarks: readonly CheckLandmark<To, From>[],
  checks: readonly FullCheck[],
  fleMm: number,
): number {
  const jacobians = landmarks.map((l) => jacobian(apply(edge, l.measured).xyz));
  let trace = 0;
  let squares = 0;
  jacobians.forEach((a, k) => {
    jacobians.forEach((b, m) => {
      const c = between(a, edge.covariance as ArrayLike<number>, b);
      if (k === m) for (const i of [0, 4, 8]) c[i] = at(c, i) + fleMm ** 2 / 3;
      if (k === m) trace += at(c, 0) + at(c, 4) + at(c, 8);
      for (let i = 0; i < 9; i += 1) squares += at(c, i) ** 2;
    });
  });
  if (!(squares > 0)) return Number.NaN;
  const sum = checks.reduce((s, c) => s + c.errorMm ** 2, 0);
  return fisherTail(sum / trace, trace ** 2 / squares, edge.degreesOfFreedom ?? Number.POSITIVE_INFINITY);
}

/** [I | −[p]×], 3×6 row-major. */
function jacobian(p: ArrayLike<number>): Float64Array {
  const [x, y, z] = [at(p, 0), at(p, 1), at(p, 2)];
  return Float64Array.of(1, 0, 0, 0, z, -y, 0, 1, 0, -z, 0, x, 0, 0, 1, y, -x, 0);
}

/** A C Bᵀ, 3×3. */
function between(a: Float64Array, c: ArrayLike<number>, b: Float64Array): Float64Array {
  const out = new Float64Array(9);
  for (let i = 0; i < 3; i += 1) {
    for (let k = 0; k < 6; k += 1) {
      let ac = 0;
      for (let l = 0; l < 6; l += 1) ac += at(a, 6 * i + l) * at(c, 6 * l + k);
      for (let j = 0; j < 3; j += 1) out[3 * i + j] = at(out, 3 * i + j) + ac * at(b, 6 * j + k);
    }
  }
  return out;
}

/** More are not asked for. */
const MOST_LANDMARKS = 10_000;

/**
 * How many landmarks show that the rms error is below a limit, if it is `rmsMm` at them.
 * @param each degrees of freedom per landmark: 3 for errors alike in all directions
 * @returns Infinity where `rmsMm` is not below the limit, or more than 10 000 would be needed
 */
export function landmarksNeeded(rmsMm: number, limitMm: number, confidence = 0.95, each = 3): number {
  if (!(rmsMm < limitMm)) return Number.POSITIVE_INFINITY;
  const shows = (n: number): boolean => rmsMm * Math.sqrt((each * n) / chiSquareQuantile(1 - confidence, each * n)) <= limitMm;
  if (!shows(MOST_LANDMARKS)) return Number.POSITIVE_INFINITY;
  let [few, enough] = [0, MOST_LANDMARKS];
  while (enough - few > 1) {
    const middle = (few + enough) >> 1;
    if (shows(middle)) enough = middle;
    else few = middle;
  }
  return enough;
}

interface Figures {
  readonly checks: readonly FullCheck[];
  readonly rmsMm: number;
  readonly upperMm: number;
  readonly lowerMm: number;
  readonly limitMm: number;
  readonly confidence: number;
  readonly pValue: number;
}

function findingsOf({ checks, rmsMm, upperMm, lowerMm, limitMm, confidence, pValue }: Figures): VerificationFinding[] {
  const findings: VerificationFinding[] = [];
  const percent = Math.round(100 * confidence);
  if (lowerMm > limitMm) {
    findings.push({
      code: 'rejected',
      message: `The registration is off by ${rmsMm.toFixed(1)} mm (rms over ${checks.length} landmarks), above ${limitMm} mm with ${percent} % confidence. Register again.`,
    });
  } else if (upperMm > limitMm) {
    const needed = landmarksNeeded(rmsMm, limitMm, confidence);
    const advice = Number.isFinite(needed) ? `About ${needed} landmarks of this kind would show it.` : 'Register again.';
    findings.push({
      code: 'unproven',
      message: `${checks.length} landmarks are off by ${rmsMm.toFixed(1)} mm (rms), which leaves up to ${upperMm.toFixed(1)} mm (${percent} %); ${limitMm} mm is the limit. ${advice}`,
    });
  }
  if (pValue < ALARM) {
    findings.push({
      code: 'misfit',
      message:
        'The landmarks are farther off than the error bounds of the registration allow: these cannot be believed elsewhere either. Look for a moved reference, or register again.',
    });
  }
  checks.forEach((check, index) => {
    if (!(check.pValue < ALARM / checks.length)) return;
    findings.push({
      code: 'outlier',
      index,
      message: `Landmark ${check.label ?? index + 1} is off by ${check.errorMm.toFixed(1)} mm, where ${check.expectedMm.toFixed(1)} mm (rms) is expected. Touch it again.`,
    });
  });
  return findings;
}
