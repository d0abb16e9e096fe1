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

/**
 * out += Ad(m) · C · Ad(m)ᵀ for a symmetric 6×6 C, without allocating: the error of an edge moved to where the path
 * begins. `out` must not be `c`.
 *
 * In blocks, C = [[A, B], [Bᵀ, D]] turned by R and then moved by T = [t]×:
 * A″ = A′ + T B′ᵀ + (T B′ᵀ)ᵀ + T D′ Tᵀ, B″ = B′ + T D′, D″ = D′. A third of the full product's work.
 */
export function addMoved(out: Float64Array, m: ArrayLike<number>, c: ArrayLike<number>): Float64Array {
  const a = blockA;
  const b = blockB;
  const d = blockD;
  turnBlock(a, m, c, 0, 0);
  turnBlock(b, m, c, 0, 3);
  turnBlock(d, m, c, 3, 3);
  // E = T D′, then B″ = B′ + E, and the upper block gains F + Fᵀ + G with F = T B′ᵀ, G = E Tᵀ.
  crossColumns(blockE, m, d, false);
  crossColumns(blockF, m, b, true);
  crossRows(blockG, m, blockE);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      const moved = (blockF[3 * i + j] as number) + (blockF[3 * j + i] as number) + (blockG[3 * i + j] as number);
      const upper = (out[6 * i + j] as number) + (a[3 * i + j] as number) + moved;
      out[6 * i + j] = out[6 * j + i] = upper;
      const lower = (out[6 * (i + 3) + j + 3] as number) + (d[3 * i + j] as number);
      out[6 * (i + 3) + j + 3] = out[6 * (j + 3) + i + 3] = lower;
    }
    for (let j = 0; j < 3; j += 1) {
      const mixed = (out[6 * i + j + 3] as number) + (b[3 * i + j] as number) + (blockE[3 * i + j] as number);
      out[6 * i + j + 3] = out[6 * (j + 3) + i] = mixed;
    }
  }
  return out;
}

/** out = R · C[row … row + 2][column … column + 2] · Rᵀ, R the rotation of a column-major 4×4. */
function turnBlock(out: Float64Array, m: ArrayLike<number>, c: ArrayLike<number>, row: number, column: number): void {
  const half = blockHalf;
  for (let i = 0; i < 3; i += 1) {
    const r0 = m[i] as number;
    const r1 = m[4 + i] as number;
    const r2 = m[8 + i] as number;
    for (let j = 0; j < 3; j += 1) {
      const k = 6 * row + column + j;
      half[3 * i + j] = r0 * (c[k] as number) + r1 * (c[k + 6] as number) + r2 * (c[k + 12] as number);
    }
  }
  for (let i = 0; i < 3; i += 1) {
    const h0 = half[3 * i] as number;
    const h1 = half[3 * i + 1] as number;
    const h2 = half[3 * i + 2] as number;
    for (let j = 0; j < 3; j += 1) {
      out[3 * i + j] = h0 * (m[j] as number) + h1 * (m[4 + j] as number) + h2 * (m[8 + j] as number);
    }
  }
}

/** out = [t]× · X, or [t]× · Xᵀ; t the translation of a column-major 4×4, X 3×3 row-major. */
function crossColumns(out: Float64Array, m: ArrayLike<number>, x: Float64Array, transposed: boolean): void {
  const tx = m[12] as number;
  const ty = m[13] as number;
  const tz = m[14] as number;
  for (let j = 0; j < 3; j += 1) {
    const x0 = x[transposed ? 3 * j : j] as number;
    const x1 = x[transposed ? 3 * j + 1 : 3 + j] as number;
    const x2 = x[transposed ? 3 * j + 2 : 6 + j] as number;
    out[j] = ty * x2 - tz * x1;
    out[3 + j] = tz * x0 - tx * x2;
    out[6 + j] = tx * x1 - ty * x0;
  }
}

/** out = X · [t]×ᵀ: every row of X crossed by the translation. */
function crossRows(out: Float64Array, m: ArrayLike<number>, x: Float64Array): void {
  const tx = m[12] as number;
  const ty = m[13] as number;
  const tz = m[14] as number;
  for (let i = 0; i < 9; i += 3) {
    const x0 = x[i] as number;
    const x1 = x[i + 1] as number;
    const x2 = x[i + 2] as number;
    out[i] = ty * x2 - tz * x1;
    out[i + 1] = tz * x0 - tx * x2;
    out[i + 2] = tx * x1 - ty * x0;
  }
}

const blockA = new Float64Array(9);
const blockB = new Float64Array(9);
const blockD = new Float64Array(9);
const blockE = new Float64Array(9);
const blockF = new Float64Array(9);
const blockG = new Float64Array(9);
const blockHalf = new Float64Array(9);

/** Cov(a·b) = Cov_a + Ad(a) Cov_b Ad(a)ᵀ for independent errors, into `out` (not one of the inputs). */
export function composeCovariance(
  out: Float64Array,
  covarianceA: ArrayLike<number>,
  matrixA: ArrayLike<number>,
  covarianceB: ArrayLike<number>,
): Float64Array {
  for (let i = 0; i < 36; i += 1) out[i] = covarianceA[i] as number;
  return addMoved(out, matrixA, covarianceB);
}

/** Cov(T⁻¹) = Ad(T⁻¹) Cov Ad(T⁻¹)ᵀ, into `out`. @param inverse the matrix of T⁻¹ */
export function invertCovariance(out: Float64Array, covariance: ArrayLike<number>, inverse: ArrayLike<number>): Float64Array {
  out.fill(0);
  return addMoved(out, inverse, covariance);
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
 * @param sds standard deviations per axis: position in mm, rotation in rad; in a typed array, so that none is boxed
 */
export function poseNoiseCovariance(out: Float64Array, m: ArrayLike<number>, sds: Float64Array): Float64Array {
  const p2 = (sds[0] as number) * (sds[0] as number);
  const r2 = (sds[1] as number) * (sds[1] as number);
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
