/** How a frame of rays is drawn. */
export interface RayQuality {
  /** The length of a step, in the shortest edge of a voxel. */
  readonly stepVoxels: number;
  /** Pixels of the view to a pixel drawn, along each side. */
  readonly coarse: 1 | 2 | 3 | 4;
}

/** From the finest, for a picture that stands still, to the fastest. */
export const RAY_QUALITIES: readonly RayQuality[] = [
  { stepVoxels: 0.5, coarse: 1 },
  { stepVoxels: 1, coarse: 1 },
  { stepVoxels: 1, coarse: 2 },
  { stepVoxels: 2, coarse: 2 },
  { stepVoxels: 2, coarse: 3 },
];

/** A picture that has not changed for so long is drawn in the finest quality, ms. */
const STILL_MS = 120;
/** Longer than this from frame to frame while moving is too slow; shorter than {@link FAST_MS} keeps up with a screen of 60 Hz. */
const SLOW_MS = 28;
const FAST_MS = 18;
/** Frames judged together: one that was late by itself does not change the quality. */
const JUDGED = 4;
/** So many judgements of "keeps up" in turn before a finer quality is tried: it must not go to and fro. */
const PATIENCE = 15;

/**
 * Chooses the quality of each frame: the finest when nothing changes, and while something does whatever keeps the frames coming.
 * Times in ms, in typed cells: a changing double passed by itself would be allocated.
 */
export class QualityChooser {
  readonly #times = new Float64Array(3);
  #moving = 2;
  #judged = 0;
  #good = 0;
  /** Number of the quality now, in {@link RAY_QUALITIES}. */
  level = 0;

  constructor() {
    this.#times.fill(Number.NEGATIVE_INFINITY);
  }

  /**
   * Decides for one frame.
   * @param changed whether what is to be drawn differs from the last frame
   * @param now one number, ms
   */
  choose(changed: boolean, now: Float64Array): number {
    const t = this.#times; // last frame, last change, frame times summed
    const t0 = t[0] as number;
    const wasMoving = (now[0] as number) - (t[1] as number) < STILL_MS;
    if (changed && wasMoving) this.#judge((now[0] as number) - t0);
    if (!changed && !wasMoving) this.#judged = 0;
    t[0] = now[0] as number;
    if (changed) t[1] = now[0] as number;
    this.level = changed || wasMoving ? this.#moving : 0;
    return this.level;
  }

  #judge(frameMs: number): void {
    const t = this.#times;
    t[2] = (this.#judged === 0 ? 0 : (t[2] as number)) + frameMs;
    this.#judged += 1;
    if (this.#judged < JUDGED) return;
    const mean = (t[2] as number) / this.#judged;
    this.#judged = 0;
    this.#good = mean < FAST_MS ? this.#good + 1 : 0;
    if (mean > SLOW_MS) this.#moving = Math.min(RAY_QUALITIES.length - 1, this.#moving + 1);
    if (this.#good < PATIENCE) return;
    this.#good = 0;
    this.#moving = Math.max(1, this.#moving - 1);
  }
}
