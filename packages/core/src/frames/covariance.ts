import { NavError } from '../base/index.js';

/**
 * Uncertainty of rigid motions. ξ = (ρ, φ): ρ in mm first, φ in rad second; T_true = Exp(ξ) · T, so ξ lives in the
 * `to` frame, about its origin. 6×6 covariances are row-major.
 *
 * First order in ξ, as in Barfoot & Furgale 2014 (IEEE Trans. Robotics 30:679), eqs. 14, 30 and 44.
 */

/** Whether `c` is 36 finite numbers, symmetric to rounding, with non-negative variances. */
export function isCovariance(c: ArrayLike<number>): boolean {
  if (c.length !== 36) return false;
  for (let i = 0; i < 6; i += 1) {
    const cii = c[7 * i] as number;
    if (!(cii >= 0) || !Number.isFinite(cii)) return false;
    for (let j = 0; j < i; j += 1) {
      const a = c[6 * i + j] as number;
      const b = c[6 * j + i] as number;
      const scale = Math.sqrt(cii * (c[7 * j] as number));
      if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
      if (Math.abs(a - b) > 1e-9 * scale + 1e-300 || Math.abs(a) > scale * (1 + 1e-6) + 1e-300) return false;
    }
  }
  return true;
}

const adjointScratch = new Float64Array(36);
const productScratch = new Float64Array(36);

/** The adjoint of a rigid matrix for ξ = (ρ, φ): [[R, [t]×R], [0, R]], row-major, into `out`. */
export function adjoint(out: Float64Array, m: ArrayLike<number>): Float64Array {
  const tx = m[12] as number;
  const ty = m[13] as number;
  const tz = m[14] as number;
  for (let c = 0; c < 3; c += 1) {
    const x = m[4 * c] as number;
    const y = m[4 * c + 1] as number;
    const z = m[4 * c + 2] as number;
    out[c] = x;
    out[6 + c] = y;
    out[12 + c] = z;
    out[3 + c] = ty * z - tz * y;
    out[9 + c] = tz * x - tx * z;
    out[15 + c] = tx * y - ty * x;
    out[18 + c] = 0;
    out[24 + c] = 0;
    out[30 + c] = 0;
    out[21 + c] = x;
    out[27 + c] = y;
    out[33 + c] = z;
  }
  return out;
}

/** out += A · C · Aᵀ for 6×6 row-major matrices; no allocation. `out` must not be `a` or `c`. */
export function addTransformed(out: Float64Array, a: ArrayLike<number>, c: ArrayLike<number>): Float64Array {
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < 6; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (a[6 * i + k] as number) * (c[6 * k + j] as number);
      productScratch[6 * i + j] = sum;
    }
  }
  // Only one triangle is summed, and mirrored: the result stays exactly symmetric.
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (productScratch[6 * i + k] as number) * (a[6 * j + k] as number);
      out[6 * i + j] = (out[6 * i + j] as number) + sum;
      if (i !== j) out[6 * j + i] = out[6 * i + j] as number;
    }
  }
  return out;
}

/** Cov(a·b) = Cov_a + Ad(a) Cov_b Ad(a)ᵀ for independent errors, into `out` (not one of the inputs). */
export function composeCovariance(
  out: Float64Array,
  covarianceA: ArrayLike<number>,
  matrixA: ArrayLike<number>,
  covarianceB: ArrayLike<number>,
): Float64Array {
  for (let i = 0; i < 36; i += 1) out[i] = covarianceA[i] as number;
  return addTransformed(out, adjoint(adjointScratch, matrixA), covarianceB);
}

/** Cov(T⁻¹) = Ad(T⁻¹) Cov Ad(T⁻¹)ᵀ, into `out`. @param inverse the matrix of T⁻¹ */
export function invertCovariance(out: Float64Array, covariance: ArrayLike<number>, inverse: ArrayLike<number>): Float64Array {
  out.fill(0);
  return addTransformed(out, adjoint(adjointScratch, inverse), covariance);
}

/**
 * The 3×3 covariance (mm², row-major) of a transformed point's position, into `out`.
 *
 * J = [I | −[p]×] for a point p in the `to` frame, so Cov_p = J Cov Jᵀ.
 * @param p the transformed point, in the frame the covariance is expressed in, mm
 */
export function pointCovariance(out: Float64Array, covariance: ArrayLike<number>, p: ArrayLike<number>): Float64Array {
  const x = p[0] as number;
  const y = p[1] as number;
  const z = p[2] as number;
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      out[3 * i + j] = crossRow(covariance, i, j, x, y, z) + rotationTerm(covariance, i, j, x, y, z);
    }
  }
  out[1] = out[3] = ((out[1] as number) + (out[3] as number)) / 2;
  out[2] = out[6] = ((out[2] as number) + (out[6] as number)) / 2;
  out[5] = out[7] = ((out[5] as number) + (out[7] as number)) / 2;
  return out;
}

/** Row r of C · Jᵀ at column j: C[r][j] + (C[r][φ] × p)_j, because δp = ρ + φ × p. */
function crossRow(c: ArrayLike<number>, r: number, j: number, x: number, y: number, z: number): number {
  const a = c[6 * r + 3] as number;
  const b = c[6 * r + 4] as number;
  const d = c[6 * r + 5] as number;
  const turned = j === 0 ? b * z - d * y : j === 1 ? d * x - a * z : a * y - b * x;
  return (c[6 * r + j] as number) + turned;
}

/** The part of J · (C Jᵀ) that the rotation rows contribute to row i. */
function rotationTerm(c: ArrayLike<number>, i: number, j: number, x: number, y: number, z: number): number {
  if (i === 0) return crossRow(c, 4, j, x, y, z) * z - crossRow(c, 5, j, x, y, z) * y;
  if (i === 1) return crossRow(c, 5, j, x, y, z) * x - crossRow(c, 3, j, x, y, z) * z;
  return crossRow(c, 3, j, x, y, z) * y - crossRow(c, 4, j, x, y, z) * x;
}

/**
 * The covariance of a tracked pose whose errors are independent and isotropic at the tool's own origin, moved to
 * the `to` frame's origin, into `out`: Ad(T) · diag(σp² I, σr² I) · Ad(T)ᵀ; the rotation cancels.
 * @param positionSdMm standard deviation per axis, mm
 * @param rotationSdRad standard deviation per axis, rad
 */
export function poseNoiseCovariance(
  out: Float64Array,
  m: ArrayLike<number>,
  positionSdMm: number,
  rotationSdRad: number,
): Float64Array {
  const p2 = positionSdMm * positionSdMm;
  const r2 = rotationSdRad * rotationSdRad;
  const x = m[12] as number;
  const y = m[13] as number;
  const z = m[14] as number;
  out.fill(0);
  out[0] = p2 + r2 * (y * y + z * z);
  out[7] = p2 + r2 * (x * x + z * z);
  out[14] = p2 + r2 * (x * x + y * y);
  out[1] = out[6] = -r2 * x * y;
  out[2] = out[12] = -r2 * x * z;
  out[8] = out[13] = -r2 * y * z;
  // ρ–φ block: [t]× σr².
  out[4] = out[24] = -r2 * z;
  out[5] = out[30] = r2 * y;
  out[9] = out[19] = r2 * z;
  out[11] = out[31] = -r2 * x;
  out[15] = out[20] = -r2 * y;
  out[16] = out[26] = r2 * x;
  out[21] = out[28] = out[35] = r2;
  return out;
}

/**
 * Refuses a noise model that is not two finite, non-negative numbers.
 * @throws NavError `frame/bad-covariance`
 */
export function requireNoise(positionSdMm: number, rotationSdRad: number): void {
  if (!(positionSdMm >= 0 && rotationSdRad >= 0 && Number.isFinite(positionSdMm + rotationSdRad))) {
    throw new NavError(
      'frame/bad-covariance',
      `A pose noise needs finite, non-negative standard deviations, got ${positionSdMm} mm and ${rotationSdRad} rad.`,
    );
  }
}
