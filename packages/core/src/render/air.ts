import { type AnyVolume, percentiles } from '../volume/index.js';

/** Rescaled values that part the air around a body from the body. */
export interface AirLevels {
  /** Below this it is surely air. */
  readonly surely: number;
  /** Near the body's mean: below this it is air where a window draws it black. */
  readonly black: number;
}

/**
 * Where air ends in a volume, from its histogram: the threshold that parts it best in two (Otsu 1979, IEEE Trans. SMC
 * 9:62), a tenth of the way to it from the dark part's upper quartile. For drawing only.
 */
export function airLevels(v: AnyVolume): AirLevels {
  const count = 256;
  const values = percentiles(
    v,
    Array.from({ length: count }, (_, n) => (n + 0.5) / count),
  );
  let total = 0;
  for (const x of values) total += x;
  let below = 0;
  let best = -1;
  let split = 0;
  for (let n = 1; n < count; n += 1) {
    below += values[n - 1] as number;
    const between = below / n - (total - below) / (count - n);
    const spread = n * (count - n) * between * between;
    if (spread > best) {
      best = spread;
      split = n;
    }
  }
  // Not the lowest: the fifth of a slice outside a scanner's round field may be padded with values far below air.
  const low = values[Math.floor(0.75 * split)] as number;
  const body = (total - sumTo(values, split)) / (count - split);
  const threshold = ((values[split - 1] as number) + (values[split] as number)) / 2;
  return { surely: low + 0.1 * (threshold - low), black: low + 0.85 * (body - low) };
}

function sumTo(values: readonly number[], n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i += 1) sum += values[i] as number;
  return sum;
}
