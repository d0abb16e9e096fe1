/**
 * Robust losses for iteratively reweighted least squares: what a residual of given size counts.
 *
 * `s` is the residual's length over its scale (its expected standard deviation, or a robust estimate of it); the weight
 * multiplies the squared residual's. Huber 1964 (Ann. Math. Stat. 35:73); Beaton & Tukey 1974 (Technometrics 16:147);
 * Holland & Welsch 1977 (Comm. Stat. A6:813) for the tuning constants, which keep 95 % of the efficiency on one
 * normally distributed component.
 */

/** Huber's weight: 1 up to `k`, then k / s. */
export function huberWeight(s: number, k = 1.345): number {
  return s <= k ? 1 : k / s;
}

/** Tukey's biweight: (1 − (s / c)²)², 0 beyond `c`. */
export function tukeyWeight(s: number, c = 4.685): number {
  if (!(s < c)) return 0;
  const u = 1 - (s / c) * (s / c);
  return u * u;
}

/** Normal-consistent scale of absolute deviations of ONE component: 1.4826 × their median. `values` is reordered. */
export function madScale(values: Float64Array): number {
  return 1.4826 * median(values);
}

/** The median; of an even number, the mean of the middle two; NaN for none. `values` is reordered. */
export function median(values: Float64Array): number {
  const n = values.length;
  if (n === 0) return Number.NaN;
  values.sort();
  const upper = values[n >> 1] as number;
  return n % 2 === 1 ? upper : (upper + (values[(n >> 1) - 1] as number)) / 2;
}
