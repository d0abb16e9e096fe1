import { RAY_QUALITIES, type RayQuality } from '../ray-quality.js';

/** Both eyes of every frame are drawn anew, so that one goes further down than on a screen; the page's own qualities before that. */
export const EYE_QUALITIES: readonly RayQuality[] = [
  ...RAY_QUALITIES,
  { stepVoxels: 3, coarse: 3 },
  { stepVoxels: 3, coarse: 4 },
];

/** Where a session begins: two times two pixels, a voxel a step. */
const FIRST = 2;
/** A frame that comes so much later than the headset's own rhythm is late; one that comes sooner than the second is in time. */
const [LATE, IN_TIME] = [1.35, 1.15];
/** Frames judged together: one that was late by itself does not change the quality. */
const JUDGED = 6;
/** So many judgements of "in time" in turn before a finer quality is tried, and at most, where finer ones were late before. */
const [PATIENCE, MOST_PATIENCE] = [10, 160];
/** A head that turns or goes faster than this moves: pictures pass over the eye, and their edges are not seen so sharp. */
const [MOVING_DEGREES_PER_S, MOVING_M_PER_S] = [20, 0.1];
/** So long after that it is held to be still, ms. */
const STILL_MS = 150;

/**
 * Chooses how fine the rays of a headset's frame are: as fine as its rhythm allows, and one less while the head moves. A headset that
 * gets no frame in time shows an old one where the head was, so lateness weighs more than grain.
 */
export class RayBudget {
  /** The last frame, the last movement, intervals summed, the last interval, ms: in cells, for changing doubles passed on are allocated. */
  readonly #times = Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY, 0, 0);
  /** Where the head was in the last frame, m, and its quaternion. */
  readonly #head = new Float64Array(7).fill(Number.NaN);
  #level = FIRST;
  #judged = 0;
  #inTime = 0;
  #patience = PATIENCE;
  #moving = false;

  /** Whether the head moves, or has just moved. */
  get moving(): boolean {
    return this.#moving;
  }

  /**
   * Decides for one frame.
   * @param times the frame's time and the headset's rhythm, ms
   * @param head x, y, z in metres and the quaternion x, y, z, w
   */
  choose(times: ArrayLike<number>, head: ArrayLike<number>): RayQuality {
    const t = this.#times;
    t[3] = (times[0] as number) - (t[0] as number);
    t[0] = times[0] as number;
    if ((t[3] as number) > 0) {
      this.#watch(head);
      // A pause (the headset was taken off) is no frame that was late.
      if ((t[3] as number) < 10 * (times[1] as number)) this.#judge(times);
    }
    for (let k = 0; k < 7; k += 1) this.#head[k] = head[k] as number;
    const level = Math.min(EYE_QUALITIES.length - 1, this.#level + (this.#moving ? 1 : 0));
    return EYE_QUALITIES[level] as RayQuality;
  }

  #watch(head: ArrayLike<number>): void {
    const t = this.#times;
    const before = this.#head;
    let way2 = 0;
    let dot = 0;
    for (let k = 0; k < 3; k += 1) way2 += ((head[k] as number) - (before[k] as number)) ** 2;
    for (let k = 3; k < 7; k += 1) dot += (head[k] as number) * (before[k] as number);
    const degrees = (360 / Math.PI) * Math.acos(Math.min(1, Math.abs(dot)));
    const seconds = (t[3] as number) / 1000;
    const fast = Math.sqrt(way2) > MOVING_M_PER_S * seconds || degrees > MOVING_DEGREES_PER_S * seconds;
    if (fast) t[1] = t[0] as number;
    this.#moving = (t[0] as number) - (t[1] as number) < STILL_MS;
  }

  #judge(times: ArrayLike<number>): void {
    const t = this.#times;
    const frameMs = times[1] as number;
    t[2] = (this.#judged === 0 ? 0 : (t[2] as number)) + (t[3] as number);
    this.#judged += 1;
    if (this.#judged < JUDGED) return;
    const mean = (t[2] as number) / this.#judged;
    this.#judged = 0;
    this.#inTime = mean < IN_TIME * frameMs ? this.#inTime + 1 : 0;
    if (mean > LATE * frameMs && this.#level < EYE_QUALITIES.length - 1) {
      this.#level += 1;
      // What was tried and was late is tried again later and later: no going to and fro.
      this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
    }
    if (this.#inTime < this.#patience || this.#level === 0) return;
    this.#inTime = 0;
    this.#level -= 1;
  }
}
