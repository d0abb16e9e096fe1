import { chiSquareCdf, svd3 } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { type RegistrationEvidence, RIGHT_MM, type SearchEvidence } from './evidence.js';

/**
 * Something about a registration of volumes that a person must look at before accepting it.
 *
 * `ambiguous`: another, different pose, or the mirror image, explains the images about as well; `unsure`: the evidence together
 * is what wrong results have; `little-overlap`: hardly any of the fixed image lies on the moving one; `outside-search`: the best pose is not
 * within the limits that were asked for; `not-affine`: the map that may stretch and shear does so beyond what bodies and
 * scanners do; `mirrored`: the moving image's mirror image fits better; `reduced`: the images were made coarser to fit.
 */
export type VolumeFinding = Finding<
  'ambiguous' | 'unsure' | 'little-overlap' | 'outside-search' | 'not-affine' | 'mirrored' | 'reduced'
>;

/**
 * Weights of the terms: fitted to phantoms by bench/intensity/confidence.ts and rounded; those of reversal,
 * stretch, sampling and overlap then raised by hand, because the few wrong results that looked right showed there.
 */
const WEIGHTS: readonly number[] = [4.6, -2.6, -3.2, -0.3, -2.5, -2.5, -2.2, -1.6, -1.5, -3.5];

/** 0 up to `good`, 1 from `bad` on, even between; what is no number is bad. */
function doubt(x: number, good: number, bad: number): number {
  const t = (x - good) / (bad - good);
  return t >= 0 ? Math.min(1, t) : t < 0 ? 0 : 1;
}

/** How many octaves a length is above another. */
function octaves(mm: number, unitMm: number): number {
  return Math.log2(Math.max(mm, 1e-6) / unitMm);
}

/** However coarse the level, a result that other ways miss by half of this is no longer right within 2 mm for sure. */
const MOST_UNIT_MM = 4;

/** The evidence as doubts, each 0 … 1, that the confidence is a logistic function of; the first term is 1. */
export function confidenceTerms(e: SearchEvidence): number[] {
  return [
    1,
    doubt(e.runnerUpSigmas, 8, 1),
    doubt(e.runnerUpGap, 0.12, 0),
    doubt(e.edges, 0.6, 0.35),
    doubt(e.edgePeak, 6, 1),
    // Exchanged on the judged level, or by another measure on the finest: whichever leads farther off.
    Math.max(
      doubt(octaves(e.reversalMm, Math.min(e.judgedSpacingMm, MOST_UNIT_MM)), -1, 1),
      doubt(octaves(e.finishMm, RIGHT_MM), -1, 1),
    ),
    doubt(octaves(e.affineGapMm, 0.03 * e.radiusMm), -0.25, 1.5),
    doubt(octaves(e.samplingMm, 0.01 * e.radiusMm), -2.5, 1),
    doubt(e.mutualInformation, 0.3, 0),
    doubt(e.overlap, 0.5, 0.1),
  ];
}

/** The probability that a result with this evidence is right. */
export function confidenceOf(e: SearchEvidence): number {
  const x = confidenceTerms(e).reduce((sum, term, n) => sum + term * (WEIGHTS[n] as number), 0);
  return 1 / (1 + Math.exp(-x));
}

/** A result is `ok` from this confidence on. */
const ENOUGH = 0.9;
/** Another pose that is worse by less than this share, or by fewer standard errors, is as good. */
const LEAST_GAP = 0.02;
const LEAST_SIGMAS = 2.5;
const LEAST_OVERLAP = 0.1;

/** By so much the mirror image must be worth more, relative and in standard errors: a body that is its own does neither. */
const MIRROR_GAIN = 0.01;
const MIRROR_SIGMAS = 2;

/** Whether another pose of the image itself, found by the same search, is as good as its best. */
function hasRival({ runnerUpGap = 1, runnerUpSigmas = LEAST_SIGMAS }: Partial<RegistrationEvidence>): boolean {
  return runnerUpGap >= -LEAST_GAP && (runnerUpGap < LEAST_GAP || runnerUpSigmas < LEAST_SIGMAS);
}

/**
 * Whether the mirror image fits so much better that the image must be taken for mirrored. Where the image itself fits in two places
 * alike it was not found at all, in noise for one: that its mirror image fits better then says nothing of left and right.
 */
export function isMirrored(e: Partial<RegistrationEvidence>): boolean {
  const { mirrorGap = 1, mirrorSigmas = 1 } = e;
  return mirrorGap < -MIRROR_GAIN && mirrorSigmas < -MIRROR_SIGMAS && !hasRival(e);
}

/**
 * The probability that the image fits and not its mirror image, both taken for equally likely beforehand: the normal probability of
 * their difference in standard errors, where a difference by the least share counts for no more than the least errors.
 */
export function unmirroredChance({ mirrorGap, mirrorSigmas }: Pick<RegistrationEvidence, 'mirrorGap' | 'mirrorSigmas'>): number {
  const z = Math.min(mirrorSigmas, (mirrorGap * LEAST_SIGMAS) / LEAST_GAP);
  const within = chiSquareCdf(z * z, 1);
  return z < 0 ? (1 - within) / 2 : (1 + within) / 2;
}

/** What else is known where findings are made. */
export interface Circumstances {
  readonly confidence: number;
  readonly allowed: boolean;
  readonly reduced: boolean;
  /** 3×3 of the result. */
  readonly linear: ArrayLike<number>;
}

/** Scanners and bodies do not stretch more than this. */
const MOST_STRETCH = 1.25;

/** What must be said of a result beside the best pose of the mirror image. */
function mirrorFindings(e: Partial<RegistrationEvidence>): VolumeFinding[] {
  const { mirrorGap = 1, mirrorSigmas = LEAST_SIGMAS } = e;
  if (isMirrored(e)) {
    return [
      {
        code: 'mirrored',
        message:
          `The moving image's mirror image fits better by ${(-100 * mirrorGap).toFixed(0)} %: left and right of one ` +
          'of the images seem to be exchanged. Correct its file.',
      },
    ];
  }
  // A rival like any other pose. Noise does that to heads, and so does a body that is its own mirror image.
  if (mirrorGap >= LEAST_GAP && mirrorSigmas >= LEAST_SIGMAS) return [];
  return [
    {
      code: 'ambiguous',
      message:
        `The moving image's mirror image explains the images about as well, or better (it is worse by ${(100 * mirrorGap).toFixed(1)} %, ` +
        `${mirrorSigmas.toFixed(1)} standard errors): whether left and right of a file are exchanged cannot be told from ` +
        'these images. Check where they came from, or decide by eye.',
    },
  ];
}

/** What must be said of a result. */
export function volumeFindings(
  e: SearchEvidence & Partial<RegistrationEvidence>,
  { confidence, allowed, reduced, linear }: Circumstances,
): VolumeFinding[] {
  const findings: VolumeFinding[] = [];
  findings.push(...mirrorFindings(e));
  // The runner-up is only ever better where it was not asked for.
  const beaten = e.runnerUpGap < -LEAST_GAP;
  if (hasRival(e)) {
    findings.push({
      code: 'ambiguous',
      message:
        `Another, different pose explains the images about as well: it is worse by ${(100 * e.runnerUpGap).toFixed(1)} % ` +
        `(${e.runnerUpSigmas.toFixed(1)} standard errors). Give an initial pose and limits, or decide by eye.`,
    });
  }
  if (e.overlap < LEAST_OVERLAP) {
    findings.push({
      code: 'little-overlap',
      message: `Only ${(100 * e.overlap).toFixed(0)} % of the fixed image lies on the moving one.`,
    });
  }
  if (!allowed || beaten) {
    findings.push({
      code: 'outside-search',
      message: 'The best pose lies outside the limits of the search. Widen searchMm and searchDeg, or correct the initial pose.',
    });
  }
  const { s } = svd3(linear);
  const [most, least] = [Math.max(...s), Math.min(...s)];
  if (most > MOST_STRETCH || least < 1 / MOST_STRETCH) {
    findings.push({
      code: 'not-affine',
      message: `The result stretches by ${most.toFixed(2)} and ${least.toFixed(2)}: more than bodies and scanners do.`,
    });
  }
  if (confidence < ENOUGH && !isMirrored(e)) {
    findings.push({
      code: 'unsure',
      message: `The checks together give this result a chance of ${(100 * confidence).toFixed(0)} % to be right.`,
    });
  }
  if (reduced)
    findings.push({ code: 'reduced', message: 'Voxels were averaged before the registration, to bound memory and time.' });
  return findings;
}

/** The word for a result with these findings. */
export function outcomeOf(findings: readonly VolumeFinding[]): ResultOutcome {
  const has = (...codes: Array<VolumeFinding['code']>): boolean => findings.some(({ code }) => codes.includes(code));
  if (has('little-overlap', 'outside-search', 'not-affine', 'mirrored')) return 'failed';
  if (has('ambiguous')) return 'ambiguous';
  return has('unsure') ? 'failed' : 'ok';
}
