/** The four cubic B-splines β³(t + 1), β³(t), β³(1 − t), β³(2 − t) that are not zero at a fraction t of a cell, 0 ≤ t ≤ 1. */
export function cubicWeights(out: Float64Array, at: number, t: number): void {
  const s = 1 - t;
  out[at] = (s * s * s) / 6;
  out[at + 1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
  out[at + 2] = (4 - 6 * s * s + 3 * s * s * s) / 6;
  out[at + 3] = (t * t * t) / 6;
}

/** Their derivatives by t. */
export function cubicSlopes(out: Float64Array, at: number, t: number): void {
  const s = 1 - t;
  out[at] = -(s * s) / 2;
  out[at + 1] = (3 * t * t - 4 * t) / 2;
  out[at + 2] = (4 * s - 3 * s * s) / 2;
  out[at + 3] = (t * t) / 2;
}
