import { invertSymmetric, transformPoint } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../../outcome.js';
import { Lc2 } from './lc2.js';
import type { Levels } from './levels.js';
import { type Found, separationMm } from './search.js';

/**
 * Something about a registration to ultrasound that a person must look at before accepting it.
 *
 * `runner-up`: another pose explains the ultrasound about as well; `little-overlap`: under half of what the ultrasound shows
 * lies on the moving images; `unlike`: the images agree hardly better than images that do not belong together;
 * `few-agree`: hardly any of the starts ended at this pose; `outside-search`: the pose lies beyond the range searched.
 */
export type UltrasoundFinding = Finding<'runner-up' | 'little-overlap' | 'unlike' | 'few-agree' | 'outside-search'>;

/** What speaks for and against a pose. */
export interface Evidence {
  /** Moving from ultrasound, 16 doubles, column-major, mm. */
  readonly matrix: Float64Array;
  /** Mean LC2 at the pose, 0 … 1. */
  readonly similarity: number;
  /** Share of the ultrasound's contrast on the moving images. */
  readonly overlap: number;
  /**
   * How far the cost lies under that of the best other place, in units of how far that lies under the usual place where a
   * descent ends; 10 where there is no other.
   */
  readonly runnerUpGap: number;
  /** Where the runner-up lies, rms mm from the pose; 0 where there is none. */
  readonly runnerUpMm: number;
  /** Share of the continued descents that ended within 2 mm of the pose. */
  readonly agreement: number;
  /** How far the pose is from the initial one at the middle of the ultrasound, mm, and in its rotation, rad. */
  readonly movedMm: number;
  readonly movedRad: number;
  /** 6×6 row-major, mm and rad, about the pose's image of the ultrasound's middle, in the moving frame. */
  readonly covariance: Float64Array | undefined;
  readonly starts: number;
}

/** What is made of the evidence. */
export interface Judgement {
  readonly outcome: ResultOutcome;
  readonly findings: readonly UltrasoundFinding[];
  readonly confidence: number;
}

/** Gathers the evidence for the best place found. */
export function evidenceOf(levels: Levels, found: Found, start: ArrayLike<number>): Evidence {
  const [best, second] = found.places;
  const { matrix, cost } = best as Found['places'][0];
  const lc2 = new Lc2(levels.fine.patches, levels.fine.fields);
  const pivot = transformPoint(new Float64Array(3), matrix, levels.centre);
  lc2.evaluate(matrix, pivot);
  const near = found.descents.filter((d) => separationMm(d.matrix, matrix, levels) < 2).length;
  const before = transformPoint(new Float64Array(3), start, levels.centre);
  let turn = 0;
  for (let k = 0; k < 12; k += 1) if (k % 4 < 3) turn += ((matrix[k] as number) - (start[k] as number)) ** 2;
  return {
    matrix,
    similarity: 1 - cost,
    overlap: lc2.overlap,
    runnerUpGap: second === undefined ? 10 : (second.cost - cost) / Math.max(1e-6, found.usual - second.cost),
    runnerUpMm: second === undefined ? 0 : separationMm(second.matrix, matrix, levels),
    agreement: near / found.descents.length,
    movedMm: Math.hypot(...[0, 1, 2].map((r) => (before[r] as number) - (pivot[r] as number))),
    movedRad: 2 * Math.asin(Math.min(1, Math.sqrt(turn / 8))),
    covariance: covarianceOf(lc2),
    starts: found.starts,
  };
}

/**
 * H⁻¹ (Σ g gᵀ) H⁻¹ with the patches' gradients (White 1980, Econometrica 48:817), times how often patches share their places.
 */
function covarianceOf(lc2: Lc2): Float64Array | undefined {
  let inverse: Float64Array;
  try {
    inverse = invertSymmetric(lc2.hessian, 6);
  } catch {
    return undefined;
  }
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      let sum = 0;
      for (let a = 0; a < 6; a += 1) {
        for (let b = 0; b < 6; b += 1) {
          sum += (inverse[6 * i + a] as number) * (lc2.scatter[6 * a + b] as number) * (inverse[6 * b + j] as number);
        }
      }
      out[6 * i + j] = SHARED * sum;
    }
  }
  for (let i = 0; i < 6; i += 1)
    for (let j = 0; j < i; j += 1)
      out[6 * i + j] = out[6 * j + i] = ((out[6 * i + j] as number) + (out[6 * j + i] as number)) / 2;
  return out;
}

/** Patches of 7 cubes every 5: each place counts (7/5)³ times. */
const SHARED = (7 / 5) ** 3;

/** What is to be thought of a pose. */
export function judged(e: Evidence, range: { readonly searchMm: number; readonly searchRad: number }): Judgement {
  const findings: UltrasoundFinding[] = [];
  if (e.overlap < 0.5)
    findings.push({
      code: 'little-overlap',
      message: `Only ${Math.round(100 * e.overlap)} % of what the ultrasound shows lies on the moving images.`,
    });
  if (e.runnerUpGap < 0.05) {
    findings.push({
      code: 'runner-up',
      message: `Another pose, ${e.runnerUpMm.toFixed(1)} mm away, explains the ultrasound about as well. Compare both by eye, or start nearer.`,
    });
  }
  const confidence = Math.max(0, Math.min(1, e.runnerUpGap));
  const outside = e.movedMm > 1.8 * range.searchMm + 5 || e.movedRad > 1.8 * range.searchRad + 0.1;
  if (outside)
    findings.push({
      code: 'outside-search',
      message: `The pose lies ${e.movedMm.toFixed(1)} mm and ${((e.movedRad * 180) / Math.PI).toFixed(0)}° from the start, beyond the range searched.`,
    });
  const failed = findings.some((f) => f.code !== 'runner-up');
  return { outcome: failed ? 'failed' : findings.length > 0 ? 'ambiguous' : 'ok', findings, confidence };
}
