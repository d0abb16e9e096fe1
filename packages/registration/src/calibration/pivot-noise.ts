import { choleskySolve, symmetricEigen } from '@trocar/core/math';
import { at } from '../points/rigid-fit.js';
import { inTracker, type PivotData, type PivotFit } from './pivot-fit.js';

/**
 * The noise of a pivot recording, as its own residuals tell it: how large, in which direction of the tool, and how long it
 * stays the same. Poses at 60 Hz are no independent measurements; a covariance that takes them for such is a fiction.
 */

/** How residuals keep from one pose to the next: Cov(e_i, e_j) = κ ρ^|i−j| S for i ≠ j. */
export interface Correlation {
  /** κ: the share of the variance that lasts. 0 for independent errors. */
  readonly share: number;
  /** ρ: what of it is left one step later. */
  readonly decay: number;
  /** 1 + 2 Σ κ ρ^k: so many poses count as one. */
  readonly inflation: number;
}

/** Independent errors. */
export const INDEPENDENT: Correlation = { share: 0, decay: 0, inflation: 1 };

/** Parameters of a pivot fit for each of the three components of a residual. */
const PER_COMPONENT = 2;

/**
 * The correlation of residuals from pose to pose, from the sums of their autocorrelations up to dyadic lags: taken as
 * real where one sum is above three times its spread for independent errors. κ and ρ reproduce the first lag and the sum
 * up to where the correlations first vanish (Geyer 1992, Statist. Sci. 7:473), so that `inflation` is the estimated one.
 * @param e residuals in the TRACKER's frame, 3 each
 * @param use which poses count
 */
export function correlationOf(e: ArrayLike<number>, use: ArrayLike<number>): Correlation {
  const n = use.length;
  let used = 0;
  for (let k = 0; k < n; k += 1) if (at(use, k) > 0) used += 1;
  const most = Math.min(Math.floor(used / 4), 400);
  if (used < FEWEST) return INDEPENDENT;
  const raw = autocorrelations(e, use, most);
  if (!isCorrelated(raw, used)) return INDEPENDENT;
  // The fit has taken some of the slow part out of the residuals: each lag is too small by about 2 × inflation / n.
  let inflation = 1;
  let result = INDEPENDENT;
  for (let iteration = 0; iteration < 8; iteration += 1) {
    const missing = Math.min(0.5, (PER_COMPONENT * inflation) / used);
    result = fitted(
      raw.map((r) => r * (1 - missing) + missing),
      used,
    );
    if (Math.abs(result.inflation - inflation) < 0.01 * inflation) break;
    inflation = result.inflation;
  }
  return result;
}

/** Fewer poses than this cannot show correlation. */
const FEWEST = 16;

/** r_1 … r_most of vectors, over pairs of poses that both count. */
function autocorrelations(e: ArrayLike<number>, use: ArrayLike<number>, most: number): number[] {
  const n = use.length;
  let variance = 0;
  let used = 0;
  for (let k = 0; k < n; k += 1) {
    if (!(at(use, k) > 0)) continue;
    used += 1;
    variance += at(e, 3 * k) ** 2 + at(e, 3 * k + 1) ** 2 + at(e, 3 * k + 2) ** 2;
  }
  variance /= used;
  return Array.from({ length: most }, (_, lag) => {
    let sum = 0;
    let pairs = 0;
    for (let k = 0; k + lag + 1 < n; k += 1) {
      const m = k + lag + 1;
      if (!(at(use, k) > 0 && at(use, m) > 0)) continue;
      pairs += 1;
      sum += at(e, 3 * k) * at(e, 3 * m) + at(e, 3 * k + 1) * at(e, 3 * m + 1) + at(e, 3 * k + 2) * at(e, 3 * m + 2);
    }
    return pairs > 0 && variance > 0 ? sum / pairs / variance : 0;
  });
}

function isCorrelated(raw: readonly number[], used: number): boolean {
  let sum = 0;
  let next = 1;
  for (let lag = 1; lag <= raw.length; lag += 1) {
    sum += at(raw, lag - 1);
    if (lag !== next) continue;
    if (sum > 3 * Math.sqrt(lag / (3 * used))) return true;
    next *= 2;
  }
  return false;
}

function fitted(r: readonly number[], used: number): Correlation {
  let sum = 0;
  for (let lag = 0; lag + 1 < r.length; lag += 2) {
    // Sums of neighbouring pairs are positive for a reversible process: the first that is not is noise.
    const pair = at(r, lag) + at(r, lag + 1);
    if (!(pair > 0)) break;
    sum += pair;
  }
  const first = Math.min(0.999, Math.max(at(r, 0), 0));
  if (!(sum > 0 && first > 0)) return INDEPENDENT;
  const decay = Math.min(0.9999, Math.max(first, 1 - first / sum));
  const share = Math.min(1, first / decay);
  const inflation = Math.min(used / 3, 1 + (2 * share * decay) / (1 - decay));
  return { share, decay, inflation };
}

/** The residuals' covariance in the tool's frame, and how well it is known. */
export interface NoiseEstimate {
  /** S, 9 numbers, mm². */
  readonly covariance: Float64Array;
  readonly degreesOfFreedom: number;
  readonly correlation: Correlation;
  /** So many independent poses would say as much. */
  readonly effective: number;
}

/** How many independent poses' worth of "alike in all directions" the estimate starts from. */
const PRIOR = 15;

/**
 * S from the residuals u in the tool's frame. Few poses cannot tell directions apart, so the estimate is drawn towards
 * its own mean over the directions by 15 poses' worth.
 * @param weights robust weights; 0 for a pose left out
 * @param loss share of the variance that the weights have taken away from normal errors: 1 where none
 */
export function noiseOf(data: PivotData, u: ArrayLike<number>, weights: ArrayLike<number>, loss: number): NoiseEstimate {
  const rounding = roundingOf(data);
  const correlation = isRounding(u, rounding) ? INDEPENDENT : correlationOf(inTracker(data, u), weights);
  const s = new Float64Array(9);
  let total = 0;
  for (let k = 0; k < data.n; k += 1) {
    const w = at(weights, k);
    if (!(w > 0)) continue;
    total += 1;
    for (let i = 0; i < 3; i += 1)
      for (let j = 0; j < 3; j += 1) s[3 * i + j] = at(s, 3 * i + j) + w * at(u, 3 * k + i) * at(u, 3 * k + j);
  }
  const effective = total / correlation.inflation;
  const freedom = total - Math.min(0.75 * total, PER_COMPONENT * correlation.inflation);
  for (let i = 0; i < 9; i += 1) s[i] = at(s, i) / (freedom * loss);
  const mean = (at(s, 0) + at(s, 4) + at(s, 8)) / 3;
  const own = effective / (effective + PRIOR);
  for (let i = 0; i < 9; i += 1) s[i] = own * at(s, i) + (i % 4 === 0 ? (1 - own) * mean : 0);
  return { covariance: s, degreesOfFreedom: Math.max(1, 3 * effective - 6), correlation, effective };
}

/** What doubles cannot tell apart in these poses, mm. */
export function roundingOf(data: PivotData): number {
  let farthest = 1;
  for (const x of data.translations) farthest = Math.max(farthest, Math.abs(x));
  return 1e-11 * farthest;
}

/** Whether misfits are no noise at all: what rounding leaves is alike from pose to pose. */
function isRounding(u: ArrayLike<number>, rounding: number): boolean {
  let sum = 0;
  for (let i = 0; i < u.length; i += 1) sum += at(u, i) ** 2;
  return sum <= u.length * rounding * rounding;
}

/** The square root of a symmetric 3×3 matrix, and that of its inverse; eigenvalues below 1 / `ratio` of the largest are raised. */
export function roots(s: ArrayLike<number>, ratio: number): { readonly root: Float64Array; readonly inverse: Float64Array } {
  const { values, vectors } = symmetricEigen(s, 3);
  const largest = at(values, 0);
  const root = new Float64Array(9);
  const inverse = new Float64Array(9);
  for (let e = 0; e < 3; e += 1) {
    const value = Math.max(at(values, e), largest / ratio, 1e-300);
    for (let i = 0; i < 3; i += 1) {
      for (let j = 0; j < 3; j += 1) {
        const outer = at(vectors, 3 * i + e) * at(vectors, 3 * j + e);
        root[3 * i + j] = at(root, 3 * i + j) + outer * Math.sqrt(value);
        inverse[3 * i + j] = at(inverse, 3 * i + j) + outer / value;
      }
    }
  }
  return { root, inverse };
}

/**
 * The covariance of (p, q), 6×6 row-major: Λ⁻¹ M Λ⁻¹ with M = Σ_ij Z_i Cov_ij Z_jᵀ, Z_i = w_i Bᵀ W S^½ R_iᵀ and errors
 * that last as `correlation` says, alike in all directions of the tracker once divided by S^½.
 * @param w W of the fit: 9 numbers, or 9 for each pose
 * @param root S^½: 9 numbers, or 9 for each pose
 */
export function pivotCovariance(
  data: PivotData,
  fit: PivotFit,
  weights: ArrayLike<number>,
  w: ArrayLike<number>,
  root: ArrayLike<number>,
  correlation: Correlation,
): Float64Array {
  const meat = new Float64Array(36);
  const lasting = new Float64Array(18);
  const z = new Float64Array(18);
  for (let k = 0; k < data.n; k += 1) {
    if (at(weights, k) > 0) scoreOf(z, data, k, at(weights, k), at3(w, k), at3(root, k));
    else z.fill(0);
    for (let i = 0; i < 6; i += 1) {
      for (let j = 0; j < 6; j += 1) {
        let sum = 0;
        for (let c = 0; c < 3; c += 1) {
          const zi = at(z, 3 * i + c);
          const zj = at(z, 3 * j + c);
          sum += zi * zj + correlation.share * (zi * at(lasting, 3 * j + c) + at(lasting, 3 * i + c) * zj);
        }
        meat[6 * i + j] = at(meat, 6 * i + j) + sum;
      }
    }
    for (let i = 0; i < 18; i += 1) lasting[i] = correlation.decay * (at(lasting, i) + at(z, i));
  }
  return sandwich(fit.factor, meat);
}

/** The 9 numbers of pose k, of 9 for all or 9 for each. */
function at3(values: ArrayLike<number>, k: number): ArrayLike<number> {
  return values.length === 9 ? values : (values as Float64Array).subarray(9 * k, 9 * k + 9);
}

/** Z = weight · Bᵀ W S^½ Rᵀ, 6×3 row-major, into `out`. */
function scoreOf(
  out: Float64Array,
  data: PivotData,
  k: number,
  weight: number,
  w: ArrayLike<number>,
  root: ArrayLike<number>,
): void {
  const r = data.rotations.subarray(9 * k, 9 * k + 9);
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      let sum = 0;
      for (let a = 0; a < 3; a += 1) {
        let ws = 0;
        for (let b = 0; b < 3; b += 1) ws += at(w, 3 * i + b) * at(root, 3 * b + a);
        sum += ws * at(r, 3 * j + a);
      }
      out[3 * i + j] = weight * sum;
    }
  }
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      out[9 + 3 * i + j] = -(at(r, 3 * i) * at(out, j) + at(r, 3 * i + 1) * at(out, 3 + j) + at(r, 3 * i + 2) * at(out, 6 + j));
    }
  }
}

/** Λ⁻¹ M Λ⁻¹ for the Cholesky factor of Λ. */
function sandwich(factor: Float64Array, meat: Float64Array): Float64Array {
  const half = new Float64Array(36);
  for (let j = 0; j < 6; j += 1) {
    const column = choleskySolve(
      new Float64Array(6),
      factor,
      [0, 1, 2, 3, 4, 5].map((i) => at(meat, 6 * i + j)),
      6,
    );
    for (let i = 0; i < 6; i += 1) half[6 * i + j] = at(column, i);
  }
  const out = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    const row = choleskySolve(new Float64Array(6), factor, half.subarray(6 * i, 6 * i + 6), 6);
    for (let j = 0; j < 6; j += 1) out[6 * i + j] = at(row, j);
  }
  for (let i = 0; i < 6; i += 1)
    for (let j = 0; j < i; j += 1) out[6 * i + j] = out[6 * j + i] = (at(out, 6 * i + j) + at(out, 6 * j + i)) / 2;
  return out;
}
