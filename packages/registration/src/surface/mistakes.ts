import { NavError } from '@trocar/core';
import { Random, symmetricEigen } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { Aligner, type CloudPose } from './aligner.js';
import { anneal, ROUNDING_MM } from './anneal.js';
import { type Fit, fitFrom, gapOf, lossesOf } from './fit.js';
import { type Candidate, scoreOf, searchEverywhere } from './search.js';

/** Another explanation must be better by this many standard deviations (Vuong) before the input is called wrong. */
const PROOF = 4;

/** A mirror image of the cloud that fits the surface significantly better than the cloud does. */
export interface Mirrored {
  readonly sigmaMm: number;
  readonly mirroredSigmaMm: number;
  /** By how many standard deviations of sampling noise (Vuong). */
  readonly gap: number;
}

/**
 * Whether the cloud's mirror image explains the surface significantly better than the cloud itself does. The mirror image
 * is tried from the fitted pose through the planes in which the surface or the part touched might be symmetric; where the
 * fit is bad, from everywhere.
 */
export function mirroredBetter(aligner: Aligner, fit: Fit, everywhere: boolean): Mirrored | undefined {
  const mirrored = new Aligner(
    aligner.surface,
    aligner.cloud.map((x, n) => (n % 3 === 0 ? -x : x)),
    aligner.relative,
  );
  const own = scoreOf(aligner, fit.pose, 100);
  const starts = reflections(aligner, fit.pose).map((pose) => improved(mirrored, pose, 60, 6));
  starts.sort((a, b) => a.score - b.score);
  const ends = starts.slice(0, 2).map(({ pose }) => improved(mirrored, pose, 100, 14));
  if (everywhere) ends.push(...searchEverywhere(mirrored, new Random(1), 1));
  const best = ends.reduce((least, end) => (end.score < least.score ? end : least));
  if (best.score > own + ROUNDING_MM) return undefined;
  // A face is nearly its own mirror image, so this is as far as most clouds come: the grid's distances tell enough.
  const rough = gapOf(lossesOf(mirrored, best.pose, fit.sigma, 'grid'), lossesOf(aligner, fit.pose, fit.sigma, 'grid'));
  if (!everywhere && rough < 0) return undefined;
  const other = fitFrom(mirrored, best.pose, undefined, undefined);
  const sigma = Math.min(fit.sigma, other.sigma);
  const gap = gapOf(lossesOf(mirrored, other.pose, sigma), lossesOf(aligner, fit.pose, sigma));
  // A flat cloud's mirror image is a turn of itself: what it reaches the cloud could have reached, and nothing is proven.
  return gap > PROOF && !isFlat(aligner, 3 * other.sigma) ? { sigmaMm: fit.sigma, mirroredSigmaMm: other.sigma, gap } : undefined;
}

function improved(mirrored: Aligner, from: CloudPose, count: number, steps: number): Candidate {
  const pose = from.slice();
  anneal(mirrored, pose, { count, fromMm: 0.15 * mirrored.size, rate: 0.7, steps });
  return { pose, score: scoreOf(mirrored, pose, count), starts: 1 };
}

/** Whether the cloud's least width (standard deviation across its plane) is below a share of its size or what noise makes. */
function isFlat({ scatter, size }: Aligner, noiseMm: number): boolean {
  const { values } = symmetricEigen(scatter, 3);
  return Math.sqrt(Math.max(0, at(values, 2))) < Math.max(0.05 * size, noiseMm);
}

/** @throws NavError `registration/mirrored` */
export function refuseMirrored({ sigmaMm, mirroredSigmaMm, gap }: Mirrored): never {
  throw new NavError(
    'registration/mirrored',
    `The mirror image of the points fits the surface better (${mirroredSigmaMm.toFixed(2)} mm against ${sigmaMm.toFixed(2)} mm of noise): ` +
      'left and right are exchanged somewhere. Check the axes of the points and of the image.',
    { detail: { sigmaMm, mirroredSigmaMm, gap } },
  );
}

/** Planes tried across the part touched: half the angle between two is within what a fit captures. */
const FAN = 8;

/**
 * Poses of the mirrored cloud: through the planes across the surface's principal axes (by the places spread over it), and
 * through a fan of planes along the direction in which the cloud, as it lies, is thinnest.
 */
function reflections(aligner: Aligner, pose: CloudPose): CloudPose[] {
  const { surface, scatter } = aligner;
  const { anchors, middle } = surface;
  const spread = new Float64Array(9);
  for (let o = 0; o < anchors.length; o += 3) {
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        spread[3 * i + j] = at(spread, 3 * i + j) + (at(anchors, o + i) - at(middle, i)) * (at(anchors, o + j) - at(middle, j));
      }
    }
  }
  const ofSurface = symmetricEigen(spread, 3).vectors;
  const ofCloud = symmetricEigen(scatter, 3).vectors;
  const poses = [0, 1, 2].map((c) =>
    reflectedPose(
      pose,
      Float64Array.from([0, 1, 2], (r) => at(ofSurface, 3 * r + c)),
      middle,
    ),
  );
  const wide = [0, 1].map((c) =>
    [0, 1, 2].map((r) => [0, 1, 2].reduce((sum, k) => sum + at(pose, 3 * k + r) * at(ofCloud, 3 * k + c), 0)),
  );
  for (let n = 0; n < FAN; n += 1) {
    const [u, v] = [Math.cos((n * Math.PI) / FAN), Math.sin((n * Math.PI) / FAN)];
    const normal = Float64Array.from([0, 1, 2], (r) => u * at(wide[0] as number[], r) + v * at(wide[1] as number[], r));
    poses.push(reflectedPose(pose, normal, pose.subarray(9, 12)));
  }
  return poses;
}

/** Where the cloud mirrored in its own x must be put to lie where a plane's mirror image of the cloud lies now. */
function reflectedPose(pose: CloudPose, normal: Float64Array, through: Float64Array): CloudPose {
  const out = pose.slice();
  for (let column = 0; column < 12; column += 3) {
    const offset = column === 9 ? through : undefined;
    let dot = 0;
    for (let k = 0; k < 3; k += 1) dot += at(normal, k) * (at(pose, column + k) - (offset === undefined ? 0 : at(offset, k)));
    const sign = column === 0 ? -1 : 1;
    for (let k = 0; k < 3; k += 1) out[column + k] = sign * (at(pose, column + k) - 2 * dot * at(normal, k));
  }
  return out;
}

/**
 * Refuses a cloud that fits significantly better after a half-turn about the patient's long axis: RAS coordinates where LPS
 * are meant. Only a start pose can tell, for without one any turn is as likely.
 * @param start the pose that the caller gave
 * @param centroid of the cloud in its own frame, mm
 * @throws NavError `registration/ras-lps`
 */
export function requireLps(aligner: Aligner, fit: Fit, start: CloudPose, centroid: Float64Array): void {
  // start · diag(−1, −1, 1) as a pose of the cloud about its centroid: R's first two columns change sign.
  const pose = start.slice();
  for (let k = 0; k < 6; k += 1) pose[k] = -at(start, k);
  for (let k = 0; k < 3; k += 1) {
    pose[9 + k] = at(start, 9 + k) - 2 * (at(start, k) * at(centroid, 0) + at(start, 3 + k) * at(centroid, 1));
  }
  const before = pose.slice();
  aligner.measure(pose, Math.min(100, aligner.count), 'grid');
  const off = at(aligner.sortedSizes(Math.min(100, aligner.count)), Math.min(100, aligner.count) >> 1);
  if (off > aligner.size) return;
  anneal(aligner, pose, { count: 100, fromMm: Math.max(10, off), rate: 0.7, steps: 20 });
  if (scoreOf(aligner, pose, 100) > scoreOf(aligner, fit.pose, 100) + ROUNDING_MM) return;
  const other = fitFrom(aligner, pose, undefined, undefined);
  const sigma = Math.min(fit.sigma, other.sigma);
  const gap = gapOf(lossesOf(aligner, other.pose, sigma), lossesOf(aligner, fit.pose, sigma));
  // It must also be the half-turn that did it: not a pose which both starts could have led to.
  if (!(gap > PROOF) || turnBetween(before, other.pose) > turnBetween(start, other.pose)) return;
  throw new NavError(
    'registration/ras-lps',
    `Turned by half about the patient's long axis, the points fit better (${other.sigma.toFixed(2)} mm against ${fit.sigma.toFixed(2)} mm of ` +
      'noise): they seem to be RAS coordinates where LPS are meant. Negate x and y of the points or of the surface.',
    { detail: { sigmaMm: fit.sigma, turnedSigmaMm: other.sigma, gap } },
  );
}

/** Angle between two poses' rotations, rad. */
export function turnBetween(a: CloudPose, b: CloudPose): number {
  let sum = 0;
  for (let k = 0; k < 9; k += 1) sum += (at(a, k) - at(b, k)) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(sum / 8)));
}

/** How alike neighbouring points' residuals are. */
export interface Structure {
  /** Correlation of a point's signed distance with its nearest neighbour's: 0 for noise, near 1 for a surface that does not fit. */
  readonly correlation: number;
  /** The same in standard deviations of what noise alone gives. */
  readonly z: number;
}

/** A misfit is smooth and noise is not, so neighbours that err alike give a wrong pose or a wrong surface away. */
export function structureOf(aligner: Aligner, pose: CloudPose, signed: Float64Array, weight: Float64Array): Structure {
  const use = Array.from(signed.keys())
    .filter((n) => at(weight, n) > 0)
    .slice(0, 250);
  aligner.place(pose, aligner.count);
  const { placed } = aligner;
  const mean = use.reduce((sum, n) => sum + at(signed, n), 0) / use.length;
  let products = 0;
  let squares = 0;
  for (const n of use) {
    const x = placed[3 * n] as number;
    const y = placed[3 * n + 1] as number;
    const z = placed[3 * n + 2] as number;
    let least = Number.POSITIVE_INFINITY;
    let neighbour = n;
    for (const m of use) {
      const dx = (placed[3 * m] as number) - x;
      const dy = (placed[3 * m + 1] as number) - y;
      const dz = (placed[3 * m + 2] as number) - z;
      const d = dx * dx + dy * dy + dz * dz;
      if (d < least && m !== n) {
        least = d;
        neighbour = m;
      }
    }
    products += (at(signed, n) - mean) * (at(signed, neighbour) - mean);
    squares += (at(signed, n) - mean) ** 2;
  }
  const correlation = squares > 0 ? products / squares : 0;
  // Mutual neighbours count twice: about 0.62 of the points on a plane.
  return { correlation, z: correlation * Math.sqrt(use.length / 1.62) };
}
