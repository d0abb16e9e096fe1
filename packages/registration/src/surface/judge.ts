import { at } from '../points/rigid-fit.js';
import type { Aligner, CloudPose } from './aligner.js';
import { TUKEY } from './anneal.js';
import type { Cloud } from './cloud.js';
import { type Checked, findingsOf, outcomeOf } from './findings.js';
import type { Fit } from './fit.js';
import { structureOf } from './mistakes.js';
import { type SurfaceUncertainty, uncertaintyOf } from './uncertainty.js';
import { type FreeMotion, freeMotion } from './words.js';

/** What a fit's own residuals say of it. */
export interface Judged extends Checked {
  readonly uncertainty: SurfaceUncertainty;
  readonly signed: Float64Array;
  readonly weights: Float64Array;
  readonly feet: Float64Array;
}

/** Measures a fit exactly and says what its residuals tell. */
export function judge(aligner: Aligner, fit: Fit, cloud: Cloud, maxSigmaMm: number | undefined): Judged {
  aligner.noiseVariance = fit.sigma ** 2;
  aligner.measure(fit.pose, aligner.count, 'exact');
  aligner.weigh(aligner.count, fit.kernel, TUKEY * fit.sigma);
  const uncertainty = uncertaintyOf(aligner, fit, cloud.known);
  const weights = aligner.weight.map((w, n) => w * at(aligner.relative, n) ** 2);
  const feet = aligner.foot.slice();
  const signed = aligner.distance.map((d, n) => (outward(aligner, n) < 0 ? -d : d));
  const structure = structureOf(aligner, fit.pose, signed, weights);
  const limit = maxSigmaMm ?? Math.min(3, 0.05 * aligner.size);
  const overlap = uncertainty.inliers / aligner.count;
  const seen = rmsOf(signed, weights);
  const suspect = overlap < 0.7 || seen > limit || (structure.correlation > 0.3 && structure.z > 4);
  const weakest = weakestOf(uncertainty, fit.pose, aligner.size);
  return {
    uncertainty,
    signed,
    weights,
    feet,
    structure,
    limit,
    overlap,
    suspect,
    weakest,
    rmsMm: seen,
    known: cloud.known,
    fit,
  };
}

function outward({ direction, slots, surface }: Aligner, n: number): number {
  const slot = at(slots, n);
  let dot = 0;
  for (let k = 0; k < 3; k += 1) dot += at(direction, 3 * n + k) * at(surface.exactly.normals, 3 * slot + k);
  return dot;
}

function rmsOf(signed: Float64Array, weights: Float64Array): number {
  let squares = 0;
  let count = 0;
  signed.forEach((d, n) => {
    if (!(at(weights, n) > 0)) return;
    squares += d * d;
    count += 1;
  });
  return Math.sqrt(squares / count);
}

function weakestOf({ motions, motionSdMm, stiffness }: SurfaceUncertainty, pose: CloudPose, size: number): FreeMotion {
  const motion = Float64Array.from({ length: 6 }, (_, i) => at(motions, 6 * i + 5));
  return freeMotion(motion, pose.subarray(9, 12), size, at(motionSdMm, 5), at(stiffness, 5));
}

/** Whether a fit's own residuals speak against it. */
export function doubtful(judged: Judged): boolean {
  return judged.suspect || outcomeOf(findingsOf(judged, [])) === 'failed';
}
