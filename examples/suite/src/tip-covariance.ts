import { pointCovariance, type Transform } from '@trocar/core';

/** How well a calibrated tip's place is known: 3×3 row-major, mm², along the axes of the tip frame; NaN where it is not known. */
export function tipCovariance<Tool extends string, Tip extends string>(stylusFromTip: Transform<Tool, Tip>): Float64Array {
  const out = new Float64Array(9);
  if (stylusFromTip.covariance === undefined) return out.fill(Number.NaN);
  const m = stylusFromTip.matrix;
  const inStylus = pointCovariance(new Float64Array(9), stylusFromTip.covariance, Array.from(m).slice(12, 15));
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      let sum = 0;
      for (let a = 0; a < 3; a += 1) {
        for (let b = 0; b < 3; b += 1)
          sum += (m[4 * i + a] as number) * (inStylus[3 * a + b] as number) * (m[4 * j + b] as number);
      }
      out[3 * i + j] = sum;
    }
  }
  return out;
}
