import { NavError } from '../base/index.js';

/** A dense matrix: row-major doubles, rows × columns. Small sizes: everything here is O(n³) and allocation-aware. */

/**
 * The Cholesky factor L (lower triangle, row-major n×n) of a symmetric positive definite matrix, into `out`.
 * Returns false where `a` is not positive definite to working precision. `out` may be `a`.
 */
export function cholesky(out: Float64Array, a: ArrayLike<number>, n: number): boolean {
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k += 1) sum -= (out[i * n + k] as number) * (out[j * n + k] as number);
      if (i === j) {
        if (!(sum > 0)) return false;
        out[i * n + i] = Math.sqrt(sum);
      } else {
        out[i * n + j] = sum / (out[j * n + j] as number);
      }
    }
    for (let j = i + 1; j < n; j += 1) out[i * n + j] = 0;
  }
  return true;
}

/** Solves L Lᵀ x = b for the factor of {@link cholesky}; `x` may be `b`. */
export function choleskySolve(x: Float64Array, l: ArrayLike<number>, b: ArrayLike<number>, n: number): Float64Array {
  for (let i = 0; i < n; i += 1) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k += 1) sum -= (l[i * n + k] as number) * (x[k] as number);
    x[i] = sum / (l[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    let sum = x[i] as number;
    for (let k = i + 1; k < n; k += 1) sum -= (l[k * n + i] as number) * (x[k] as number);
    x[i] = sum / (l[i * n + i] as number);
  }
  return x;
}

/**
 * The inverse of a symmetric positive definite n×n matrix (row-major), new.
 * @throws NavError `math/singular` where it is not positive definite.
 */
export function invertSymmetric(a: ArrayLike<number>, n: number): Float64Array {
  const l = new Float64Array(n * n);
  if (!cholesky(l, a, n)) {
    throw new NavError('math/singular', `The symmetric ${n}×${n} matrix is not positive definite, so it has no inverse.`);
  }
  const inverse = new Float64Array(n * n);
  const column = new Float64Array(n);
  for (let j = 0; j < n; j += 1) {
    column.fill(0);
    column[j] = 1;
    choleskySolve(column, l, column, n);
    for (let i = 0; i < n; i += 1) inverse[i * n + j] = column[i] as number;
  }
  return inverse;
}

/** The eigenvalues (descending) and eigenvectors of a symmetric matrix. */
export interface SymmetricEigen {
  /** Eigenvalues, largest first. */
  readonly values: Float64Array;
  /** Row-major n×n: eigenvector k is COLUMN k. */
  readonly vectors: Float64Array;
}

/** Eigen-decomposition of a symmetric n×n matrix (row-major) by cyclic Jacobi rotations; accurate for tiny eigenvalues. */
export function symmetricEigen(a: ArrayLike<number>, n: number): SymmetricEigen {
  const m = Float64Array.from(a);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) v[i * n + i] = 1;
  for (let sweep = 0; sweep < 60 && offDiagonal(m, n) > 0; sweep += 1) {
    for (let p = 0; p < n - 1; p += 1) for (let q = p + 1; q < n; q += 1) jacobiRotate(m, v, n, p, q);
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => (m[j * n + j] as number) - (m[i * n + i] as number));
  const values = new Float64Array(n);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => {
    values[to] = m[from * n + from] as number;
    for (let i = 0; i < n; i += 1) vectors[i * n + to] = v[i * n + from] as number;
  });
  return { values, vectors };
}

/** Sum of squares above the diagonal, taken as zero once it is below rounding of the diagonal. */
function offDiagonal(m: Float64Array, n: number): number {
  let off = 0;
  let diagonal = 0;
  for (let i = 0; i < n; i += 1) {
    diagonal += (m[i * n + i] as number) ** 2;
    for (let j = i + 1; j < n; j += 1) off += (m[i * n + j] as number) ** 2;
  }
  return off <= diagonal * 1e-34 ? 0 : off;
}

function jacobiRotate(m: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = m[p * n + q] as number;
  if (apq === 0) return;
  const theta = ((m[q * n + q] as number) - (m[p * n + p] as number)) / (2 * apq);
  const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let k = 0; k < n; k += 1) {
    const kp = m[k * n + p] as number;
    const kq = m[k * n + q] as number;
    m[k * n + p] = c * kp - s * kq;
    m[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k += 1) {
    const pk = m[p * n + k] as number;
    const qk = m[q * n + k] as number;
    m[p * n + k] = c * pk - s * qk;
    m[q * n + k] = s * pk + c * qk;
    const vp = v[k * n + p] as number;
    const vq = v[k * n + q] as number;
    v[k * n + p] = c * vp - s * vq;
    v[k * n + q] = s * vp + c * vq;
  }
}

/** A = U · diag(s) · Vᵀ. All 3×3 row-major; singular values largest first, never negative. */
export interface Svd3 {
  readonly u: Float64Array;
  readonly s: Float64Array;
  readonly v: Float64Array;
}

/**
 * Singular value decomposition of a 3×3 matrix (row-major) by one-sided Jacobi (Hestenes 1958): columns are
 * rotated in pairs until orthogonal, so small singular values keep their relative accuracy.
 *
 * U and V are orthogonal also for rank-deficient input; their determinants may be −1.
 */
export function svd3(a: ArrayLike<number>): Svd3 {
  const w = Float64Array.from(a);
  const v = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  for (let sweep = 0; sweep < 60; sweep += 1) {
    const turned = orthogonalise(w, v, 0, 1) | orthogonalise(w, v, 0, 2) | orthogonalise(w, v, 1, 2);
    if (turned === 0) break;
  }
  const norms = [0, 1, 2].map((c) => Math.hypot(w[c] as number, w[3 + c] as number, w[6 + c] as number));
  const order = [0, 1, 2].sort((i, j) => (norms[j] as number) - (norms[i] as number));
  const s = Float64Array.from(order, (c) => norms[c] as number);
  const vSorted = new Float64Array(9);
  const u = new Float64Array(9);
  order.forEach((from, to) => {
    for (let r = 0; r < 3; r += 1) {
      vSorted[3 * r + to] = v[3 * r + from] as number;
      u[3 * r + to] = w[3 * r + from] as number;
    }
  });
  completeBasis(u, s);
  return { u, s, v: vSorted };
}

/** Rotates columns i and j of w (and v) until they are orthogonal; 1 where anything moved. */
function orthogonalise(w: Float64Array, v: Float64Array, i: number, j: number): 0 | 1 {
  let alpha = 0;
  let beta = 0;
  let gamma = 0;
  for (let r = 0; r < 3; r += 1) {
    const x = w[3 * r + i] as number;
    const y = w[3 * r + j] as number;
    alpha += x * x;
    beta += y * y;
    gamma += x * y;
  }
  if (gamma === 0 || Math.abs(gamma) <= 1e-16 * Math.sqrt(alpha * beta)) return 0;
  const zeta = (beta - alpha) / (2 * gamma);
  const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = c * t;
  for (const m of [w, v]) {
    for (let r = 0; r < 3; r += 1) {
      const x = m[3 * r + i] as number;
      const y = m[3 * r + j] as number;
      m[3 * r + i] = c * x - s * y;
      m[3 * r + j] = s * x + c * y;
    }
  }
  return 1;
}

/** Normalises the columns of u, and replaces those of zero singular value by an orthonormal completion. */
function completeBasis(u: Float64Array, s: Float64Array): void {
  const tiny = (s[0] as number) * 1e-15;
  const column = (c: number): [number, number, number] => [u[c] as number, u[3 + c] as number, u[6 + c] as number];
  const store = (c: number, x: readonly [number, number, number]): void => {
    const n = Math.hypot(x[0], x[1], x[2]);
    u[c] = x[0] / n;
    u[3 + c] = x[1] / n;
    u[6 + c] = x[2] / n;
  };
  if (!((s[0] as number) > 0)) {
    u.set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    return;
  }
  store(0, column(0));
  if ((s[1] as number) > tiny) {
    store(1, column(1));
  } else {
    const [x, y, z] = column(0);
    store(1, Math.abs(x) < 0.6 ? [0, z, -y] : [-z, 0, x]);
  }
  if ((s[2] as number) > tiny) store(2, column(2));
  else store(2, cross(column(0), column(1)));
}

function cross(a: readonly [number, number, number], b: readonly [number, number, number]): [number, number, number] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
