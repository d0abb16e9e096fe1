import { invertSymmetric, transformPoint } from '@trocar/core/math';
import type { Lc2Crew } from './crew.js';
import type { PatchCorrelation } from './lc2.js';
import { FINE, type Levels, type UltrasoundMetric } from './levels.js';
import { peakAt } from './mind-profile.js';
import { type Candidate, descentOptions, type Found, motionBetween, RIVAL_MM, separationMm } from './search.js';
import { ALL, comparedBy, type Selection } from './workshop.js';

/** What speaks for and against a pose: figures that need no truth. */
export interface UltrasoundEvidence {
  readonly metric: UltrasoundMetric;
  /** Mean similarity at the pose: LC2, 0 … 1; of MIND 0 where descriptors are unrelated, 1 where they are equal. */
  readonly similarity: number;
  /** How far the cost lies under that of poses drawn at random, in their standard deviations. */
  readonly peak: number;
  /** The same as a difference of similarities: what a pose of images that do not belong together gains by chance is small. */
  readonly gain: number;
  /**
   * By how much the best pose more than 4 mm away is worse, as a share of what the pose gains over poses drawn at random;
   * NaN where none was found, which says little.
   */
  readonly runnerUpGap: number;
  /** How far that pose is, rms mm over what the ultrasound shows; 0 where there is none. */
  readonly runnerUpMm: number;
  /** Share of the descents, from starts everywhere in the range, that ended within 4 mm of the pose. */
  readonly agreement: number;
  /** How far apart the poses lie that two halves of the patches lead to, rms mm over three ways to halve them. */
  readonly halvesMm: number;
  /** The other metric, MIND or LC2: how far its cost at the pose lies under that of poses 3 mm around it, in their spread. */
  readonly otherPeak: number;
  /** Share of the ultrasound's contrast on the moving images. */
  readonly overlap: number;
  /** Expected error of the pose by the patches alone, rms mm over what the ultrasound shows. */
  readonly samplingMm: number;
  /** How far the pose is from the initial one at the middle of the ultrasound, mm, and in its rotation, degrees. */
  readonly movedMm: number;
  readonly movedDeg: number;
  /** Poses that were looked at to begin with. */
  readonly starts: number;
}

/** Evidence, with the pose's covariance. */
export interface Gathered {
  readonly evidence: UltrasoundEvidence;
  /** Moving from ultrasound, 16 doubles, column-major, mm. */
  readonly matrix: Float64Array;
  /** 6×6 row-major, mm and rad, turning about the pose's image of the ultrasound's middle; absent where the cost is flat. */
  readonly covariance: Float64Array | undefined;
  /** What the covariance's rotations turn about, mm in the moving frame. */
  readonly pivot: Float64Array;
}

/** Gathers the evidence for the best place found. */
export async function gather(levels: Levels, found: Found, start: ArrayLike<number>, crew: Lc2Crew): Promise<Gathered> {
  const best = found.places[0] as Candidate;
  const { matrix, cost } = best;
  const apart = (c: Candidate): number => separationMm(c.matrix, matrix, levels);
  const halves = halvesApart(levels, matrix, crew);
  const rival = found.places.find((c) => apart(c) > RIVAL_MM);
  // Without the kernel: here once is enough.
  const own = comparedBy(levels.fine.data, ALL);
  const pivot = transformPoint(new Float64Array(3), matrix, levels.centre);
  own.evaluate(matrix, pivot);
  const covariance = covarianceOf(own);
  const { mean, sd } = spreadOf(found.unrelated);
  const moved = motionBetween(start, matrix, levels.centre);
  return {
    matrix,
    pivot,
    covariance: covariance && withSystematic(covariance, levels.reachMm),
    evidence: {
      metric: levels.metric,
      similarity: 1 - cost,
      peak: (mean - cost) / sd,
      gain: mean - cost,
      runnerUpGap: rival === undefined ? Number.NaN : (rival.cost - cost) / Math.max(1e-6, mean - cost),
      runnerUpMm: rival === undefined ? 0 : apart(rival),
      agreement: found.descents.filter((c) => apart(c) < RIVAL_MM).length / found.descents.length,
      halvesMm: await halves,
      otherPeak: peakAt(levels.otherCost, matrix, pivot, levels.reachMm),
      overlap: own.overlap,
      samplingMm: covariance === undefined ? Number.POSITIVE_INFINITY : rmsOf(covariance, levels.reachMm),
      movedMm: moved.mm,
      movedDeg: (moved.rad * 180) / Math.PI,
      starts: found.starts,
    },
  };
}

/** Mean and standard deviation. */
function spreadOf(values: readonly number[]): { readonly mean: number; readonly sd: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((a, b) => a + (b - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / Math.max(1, values.length - 1)) || 1e-9 };
}

/** Ways to part the patches in two. */
const PARTINGS = 3;

/** Pairs of registrations with nothing in common but the moving images: from some of the patches, and from all others. */
async function halvesApart(levels: Levels, matrix: Float64Array, crew: Lc2Crew): Promise<number> {
  const how = { ...descentOptions(levels, levels.fine.spacingMm), most: 12 };
  const halves = Array.from({ length: 2 * PARTINGS }, (_, n): Selection => ({ bit: n >> 1, value: n % 2 === 0 ? 0 : 1 }));
  const ends = await crew.run(halves.map((some) => ({ kind: 'descent' as const, level: FINE, some, from: matrix, how })));
  let squares = 0;
  for (let bit = 0; bit < PARTINGS; bit += 1) {
    const [one, other] = [ends[2 * bit] as Candidate, ends[2 * bit + 1] as Candidate];
    squares += separationMm(one.matrix, other.matrix, levels) ** 2 / PARTINGS;
  }
  return Math.sqrt(squares);
}

/** Patches of 7 cubes every 5: each place counts (7/5)³ times. */
const SHARED = (7 / 5) ** 3;

/** H⁻¹ (Σ g gᵀ) H⁻¹ with the patches' gradients (White 1980, Econometrica 48:817), times how often patches share their places. */
function covarianceOf(lc2: PatchCorrelation): Float64Array | undefined {
  let inverse: Float64Array;
  try {
    inverse = invertSymmetric(lc2.hessian, 6);
  } catch {
    return undefined;
  }
  const half = product6(inverse, lc2.scatter);
  const out = product6(half, inverse);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      const mean = (SHARED * ((out[6 * i + j] as number) + (out[6 * j + i] as number))) / 2;
      out[6 * i + j] = mean;
      out[6 * j + i] = mean;
    }
  }
  return out;
}

function product6(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (a[6 * i + k] as number) * (b[6 * k + j] as number);
      out[6 * i + j] = sum;
    }
  }
  return out;
}

/**
 * Errors that more patches do not lessen, mm along each axis at the middle and again at the reach: speed of sound, echoes that
 * begin at a border and not on it, tissue that moved as a whole differently than around it.
 */
const SYSTEMATIC_MM = 0.5;

function withSystematic(c: Float64Array, reachMm: number): Float64Array {
  const own = SYSTEMATIC_MM * SYSTEMATIC_MM;
  return c.map((x, n) => x + (n % 7 === 0 ? (n < 21 ? own : own / (reachMm * reachMm)) : 0));
}

/** Translations, and rotations at the reach, two thirds of which lie across any direction. */
function rmsOf(c: Float64Array, reachMm: number): number {
  let sum = 0;
  for (let i = 0; i < 6; i += 1) sum += (c[7 * i] as number) * (i < 3 ? 1 : (2 * reachMm * reachMm) / 3);
  return Math.sqrt(sum);
}
