import type { Random } from '@trocar/core/math';

/** A probe that was moved up and down over the bottom of a water tank. */
export interface WaterTank {
  readonly size: readonly [number, number];
  readonly video: { readonly timesMs: Float64Array; readonly images: readonly Uint8Array[] };
  readonly tracker: { readonly timesMs: Float64Array; readonly places: Float64Array };
  readonly pixelsPerMm: number;
}

/** What the tank is made of. */
export interface WaterTankOptions {
  /** The tracker tells of a motion so much later than the video shows it. */
  readonly lagMs: number;
  readonly seconds?: number;
  /** Share of the images in which an echo is brighter than the bottom. */
  readonly echoes?: number;
  /** Of the tracker along each axis, mm. */
  readonly noiseMm?: number;
  /** The hand's motion at a time, mm. */
  readonly motion?: (timeMs: number) => number;
  /** Motion along the bottom, which the video does not show, at a time, mm. */
  readonly slide?: (timeMs: number) => number;
  /** Images and poses a second. Default 28 and 45. */
  readonly hz?: readonly [number, number];
  /** How far times are off evenly spaced ones, ms to either side. Default 2. */
  readonly jitterMs?: number;
  /** Pixels a millimetre. Default 5. */
  readonly pixelsPerMm?: number;
}

/** A hand that moves up and down, never twice alike. */
export const handOver = (random: Random): ((timeMs: number) => number) => {
  const waves = [310, 173, 97].map(
    (period, k) => [period * random.between(0.9, 1.1), random.between(0, 6.28), [9, 4, 2][k] as number] as const,
  );
  return (t) => waves.reduce((sum, [period, phase, mm]) => sum + mm * Math.sin(t / period + phase), 0);
};

/** Video at 28 Hz and a tracker at 45 Hz: a bottom that is slanted and speckled, ring-down that stands still, noise, an echo at twice the depth. */
export function waterTank(random: Random, options: WaterTankOptions): WaterTank {
  const { lagMs, seconds = 5, echoes = 0, noiseMm = 0.1, motion = handOver(random), slide = () => 0 } = options;
  const { hz = [28, 45], jitterMs = 2 } = options;
  const size = [56, 240] as const;
  const pixelsPerMm = (options.pixelsPerMm ?? 5) * (random.uniform() < 0.5 ? -1 : 1);
  const slope = random.between(-0.15, 0.15);
  const axis = [random.normal(), random.normal(), random.normal()];
  const length = Math.hypot(...axis);
  // At right angles to it: along the bottom.
  const beside = [axis[1] as number, -(axis[0] as number), 0];
  const width = Math.hypot(...beside);
  const videoTimes = timesOf(random, seconds, 1000 / hz[0], jitterMs);
  const images = Array.from(videoTimes, (t) =>
    picture(random, size, 120 + pixelsPerMm * motion(t), slope, random.uniform() < echoes),
  );
  const trackerTimes = timesOf(random, seconds, 1000 / hz[1], jitterMs);
  const places = Float64Array.from(
    Array.from(trackerTimes, (t) =>
      axis.map(
        (x, r) =>
          (x / length) * motion(t - lagMs) +
          ((beside[r] as number) / width) * slide(t - lagMs) +
          100 * r +
          noiseMm * random.normal(),
      ),
    ).flat(),
  );
  return { size, video: { timesMs: videoTimes, images }, tracker: { timesMs: trackerTimes, places }, pixelsPerMm };
}

const timesOf = (random: Random, seconds: number, period: number, jitterMs: number): Float64Array =>
  Float64Array.from(
    { length: Math.floor((1000 * seconds) / period) },
    (_, n) => 5000 + n * period + random.between(-jitterMs, jitterMs),
  );

function picture(
  random: Random,
  [columns, rows]: readonly [number, number],
  bottom: number,
  slope: number,
  echo: boolean,
): Uint8Array {
  const pixels = new Uint8Array(columns * rows);
  for (let u = 0; u < columns; u += 1) {
    const line = bottom + slope * (u - (columns - 1) / 2);
    const [bright, second] = [random.between(90, 200), echo ? 230 : 60];
    for (let v = 0; v < rows; v += 1) {
      const ring = v < 14 ? 220 - 8 * v : 0;
      const value =
        ring +
        bright * Math.exp(-((v - line) ** 2) / 8) +
        second * Math.exp(-((v - 2 * line + 20) ** 2) / 18) +
        12 * random.uniform();
      pixels[v * columns + u] = Math.min(255, value);
    }
  }
  return pixels;
}
