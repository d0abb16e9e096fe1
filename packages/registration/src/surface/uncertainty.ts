import { invertSymmetric, symmetricEigen } from '@trocar/core/math';
import { aboutOrigin } from '../accuracy/pose-covariance.js';
import { at } from '../points/rigid-fit.js';
import type { Aligner, CloudPose } from './aligner.js';
import { ROUNDING_MM, TUKEY } from './anneal.js';
import type { Fit } from './fit.js';

/** How well a cloud fixes a pose on its surface. */
export interface SurfaceUncertainty {
  /** Points whose residual the fit counted. */
  readonly inliers: number;
  /** Covariance of (ρ, φ) about the surface frame's origin, mm and rad, 6×6 row-major. */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  /**
   * Eigenvalues, largest first, of the information per inlier in mm⁻² of motion (turns measured by how far they move the
   * cloud): 1 where every point holds a motion back fully, near 0 where the cloud slides.
   */
  readonly stiffness: Float64Array;
  /** The eigenvectors in columns, 6×6 row-major: (ρ, L φ) about the cloud's centroid. */
  readonly motions: Float64Array;
  /** Standard deviation of each of those motions, mm. */
  readonly motionSdMm: Float64Array;
  /** Relative size error of the cloud that would fit best, and its standard deviation. */
  readonly scale: { readonly error: number; readonly sd: number };
}

/**
 * The uncertainty of a fit, from its measured and weighed distances (exact precision).
 *
 * A point holds the pose only across the surface, Σ⁻¹ = n nᵀ/σ². With Tukey's ψ the covariance of the M-estimate is
 * K² · Σψ²/(n − 6) / (Σψ′/n)² · (Σ a aᵀ)⁻¹, K = 1 + 6/n · Var ψ′ / (E ψ′)² (Huber 1981, sec. 7.6): the noise level and
 * what the robust weights cost are both seen in the residuals. Normals are the smoothed ones, so that a sphere's facets do
 * not pass for a shape.
 */
export function uncertaintyOf(aligner: Aligner, { pose, sigma, kernel }: Fit, known: number | undefined): SurfaceUncertainty {
  const { size, relative, distance } = aligner;
  const information = new Float64Array(49);
  let pull = 0;
  const row = new Float64Array(7);
  let inliers = 0;
  let psi2 = 0;
  let slope = 0;
  let slope2 = 0;
  for (let n = 0; n < aligner.count; n += 1) {
    const sd = at(relative, n);
    const u = kernel === 'squares' ? 0 : at(distance, n) / (sd * TUKEY * Math.max(sigma, ROUNDING_MM));
    if (!(u < 1)) continue;
    inliers += 1;
    const keep = 1 - u * u;
    psi2 += (at(distance, n) / sd) ** 2 * keep ** 4;
    slope += keep * (1 - 5 * u * u);
    slope2 += (keep * (1 - 5 * u * u)) ** 2;
    rowOf(row, aligner, pose, n);
    pull += (sizePull(aligner, pose, n) * keep * keep) / (sd * sd);
    addOuter(information, row, 1 / (sd * sd));
  }
  const free = Math.max(1, inliers - 6);
  const steepness = slope / inliers;
  const correction = 1 + (6 / inliers) * Math.max(0, slope2 / inliers / steepness ** 2 - 1);
  // A known level: 95 % is the efficiency that Tukey's constant stands for.
  const variance =
    known === undefined
      ? (correction ** 2 * psi2) / free / steepness ** 2
      : (correction * known) ** 2 / (kernel === 'tukey' ? 0.95 : 1);
  return {
    inliers,
    degreesOfFreedom: known === undefined ? free : Number.POSITIVE_INFINITY,
    ...spread(information, variance, inliers, size, pose),
    scale: scaleOf(information, pull, variance, steepness, size, inliers),
  };
}

/** information += w a aᵀ, 7×7. */
function addOuter(information: Float64Array, a: Float64Array, w: number): void {
  for (let i = 0; i < 7; i += 1) {
    const wi = w * (a[i] as number);
    for (let j = 0; j < 7; j += 1) information[7 * i + j] = (information[7 * i + j] as number) + wi * (a[j] as number);
  }
}

/** a = (n, q × n / L, n · q / L) of a measured point into `row`, n being the smoothed normal. */
function rowOf(row: Float64Array, { surface, placed, foot, slots, size }: Aligner, pose: CloudPose, n: number): void {
  surface.smoothAt(row, at(slots, n), foot, 3 * n);
  const x = at(row, 0);
  const y = at(row, 1);
  const z = at(row, 2);
  const qx = at(placed, 3 * n) - at(pose, 9);
  const qy = at(placed, 3 * n + 1) - at(pose, 10);
  const qz = at(placed, 3 * n + 2) - at(pose, 11);
  row[3] = (qy * z - qz * y) / size;
  row[4] = (qz * x - qx * z) / size;
  row[5] = (qx * y - qy * x) / size;
  // At the foot, as in the pull below.
  const [fx, fy, fz] = [at(foot, 3 * n) - at(pose, 9), at(foot, 3 * n + 1) - at(pose, 10), at(foot, 3 * n + 2) - at(pose, 11)];
  row[6] = (fx * x + fy * y + fz * z) / size;
}

/**
 * The distance of a point times how it changes as the cloud grows: d · (n · f) / L, with the distance's own direction, at the
 * FOOT of the point: its own place holds the noise that d is, and would make every noisy cloud look too large.
 */
function sizePull({ foot, direction, distance, size }: Aligner, pose: CloudPose, n: number): number {
  let along = 0;
  for (let k = 0; k < 3; k += 1) along += at(direction, 3 * n + k) * (at(foot, 3 * n + k) - at(pose, 9 + k));
  return (at(distance, n) * along) / size;
}

function spread(
  information7: Float64Array,
  variance: number,
  inliers: number,
  size: number,
  pose: CloudPose,
): Pick<SurfaceUncertainty, 'covariance' | 'stiffness' | 'motions' | 'motionSdMm'> {
  const information = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) for (let j = 0; j < 6; j += 1) information[6 * i + j] = at(information7, 7 * i + j) / inliers;
  const { values, vectors } = symmetricEigen(information, 6);
  // A motion that nothing holds back gets a finite, absurd spread, so that the matrix stays one.
  const stiffness = values.map((v) => Math.max(v, 1e-12));
  const motionSdMm = stiffness.map((v) => Math.sqrt(variance / (v * inliers)));
  const covariance = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += at(vectors, 6 * i + k) * at(vectors, 6 * j + k) * at(motionSdMm, k) ** 2;
      covariance[6 * i + j] = sum / ((i < 3 ? 1 : size) * (j < 3 ? 1 : size));
    }
  }
  return { covariance: aboutOrigin(covariance, pose.subarray(9, 12)), stiffness, motions: vectors, motionSdMm };
}

/**
 * One Gauss–Newton step of a similarity: the seventh unknown's estimate and its spread. At rest the other six have no pull.
 */
function scaleOf(
  information: Float64Array,
  pull: number,
  variance: number,
  steepness: number,
  size: number,
  inliers: number,
): SurfaceUncertainty['scale'] {
  const damped = information.slice();
  for (let i = 0; i < 7; i += 1) damped[8 * i] = at(damped, 8 * i) + 1e-9 * inliers;
  const inverse = invertSymmetric(damped, 7);
  // The cloud must grow by −error to fit: it is too large by that.
  return { error: (at(inverse, 48) * pull) / steepness / size, sd: Math.sqrt(variance * at(inverse, 48)) / size };
}
