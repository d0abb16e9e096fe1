/** Which measure of agreement is optimised: mutual information, or its normalised form for images that overlap in part. */
export type IntensityMetric = 'mi' | 'nmi';

/**
 * A cubic B-spline Parzen window over the moving side of a joint histogram (Mattes 2003, IEEE TMI 22:120; Thévenaz & Unser 2000,
 * IEEE TIP 9:2083). The samples' intensities are counted in fine steps and the window is laid over the counts: the same sum as over
 * samples, at a fraction of the cost.
 */
export interface ParzenWindow {
  /** Even. */
  readonly movingBins: number;
  /** Fine intensity steps, a multiple of 4. */
  readonly fine: number;
  /** The first of the four bins that each fine step falls into. */
  readonly first: Int32Array;
  /** Four values for each fine step: they add up to 1. */
  readonly values: Float64Array;
  /** Their derivatives by the moving byte. */
  readonly slopes: Float64Array;
}

/** The window for so many bins, the first and last of which only carry its skirts. */
export function parzenWindow(movingBins: number, fine: number): ParzenWindow {
  const first = new Int32Array(fine);
  const values = new Float64Array(4 * fine);
  const slopes = new Float64Array(4 * fine);
  const step = (movingBins - 4) / (fine - 1);
  // An intensity is a byte, and a byte is (fine − 1) / 254 steps.
  const perByte = (step * (fine - 1)) / 254;
  for (let v = 0; v < fine; v += 1) {
    const u = 1 + v * step;
    const bin = Math.min(Math.floor(u), movingBins - 3);
    const t = u - bin;
    const r = 1 - t;
    first[v] = bin - 1;
    values.set([(r * r * r) / 6, (4 + t * t * (3 * t - 6)) / 6, (4 + r * r * (3 * r - 6)) / 6, (t * t * t) / 6], 4 * v);
    const slope = [(-r * r) / 2, (t * (3 * t - 4)) / 2, (-r * (3 * r - 4)) / 2, (t * t) / 2];
    slopes.set(
      slope.map((s) => s * perByte),
      4 * v,
    );
  }
  return { movingBins, fine, first, values, slopes };
}

/** Of a joint histogram, nats. */
export interface Entropies {
  readonly fixed: number;
  readonly moving: number;
  readonly joint: number;
}

/** The joint histogram of a pose under its window: shares and their logarithms. */
export interface JointShares {
  /** Fixed bins × moving bins, row-major. */
  readonly joint: Float64Array;
  readonly jointLogs: Float64Array;
  readonly fixedLogs: Float64Array;
  readonly movingLogs: Float64Array;
}

/** Standard deviation of log p(f, b) / (p(f) p(b)): what one sample says, nats. */
export function informationSpread({ joint, jointLogs, fixedLogs, movingLogs }: JointShares, mi: number): number {
  const nb = movingLogs.length;
  let squares = 0;
  for (let n = 0; n < joint.length; n += 1) {
    const p = joint[n] as number;
    if (!(p > 0)) continue;
    const gain = (jointLogs[n] as number) - (fixedLogs[Math.floor(n / nb)] as number) - (movingLogs[n % nb] as number);
    squares += p * gain * gain;
  }
  return Math.sqrt(Math.max(0, squares - mi * mi));
}
