import { NavError } from '../../base/index.js';
import { hasPose, isLive, type PoseView } from '../../frames/index.js';
import { transformPoint } from '../../math/index.js';
import type { ReferenceWatched } from './watched.js';

/** How a reference is watched. */
export interface ReferenceWatchOptions {
  /**
   * Places that matter, in the reference's frame, mm: its own origin and the target, say. A turn of the reference that leaves its origin
   * where it was moves the target.
   */
  readonly points: readonly (readonly [number, number, number])[];
  /** A movement of any of them by this much is alarmed, mm. Default 0.5: a bump of 1 mm is seen when half the window has it. */
  readonly limitMm?: number;
}

/** Readings whose middle is held against where the points were: 0.4 s at 60 Hz. */
const WINDOW = 24;
/** Readings from which it is learnt where they are: 1 s at 60 Hz. */
const LEARN = 60;

/**
 * Watches the reference against a second body that is fixed to the patient elsewhere. Both are read at one time; where the points of the
 * reference lie in the second body's frame must not change. The table and the camera may move: that moves both.
 *
 * One body alone cannot tell a push of the reference from a move of the table: then there is only the touch of a landmark.
 */
export class ReferenceWatch {
  readonly limitMm: number;
  readonly #points: readonly (readonly [number, number, number])[];
  readonly #ring: Float64Array;
  readonly #home: Float64Array;
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  readonly #sorted = new Float64Array(WINDOW);
  readonly #place = new Float64Array(3);
  /** Time of the newest reading; noise of the window's middle, mm; movement, mm; a middle: a double that is returned may be boxed. */
  readonly #cells = Float64Array.of(Number.NEGATIVE_INFINITY, Number.NaN, Number.NaN, Number.NaN);
  #readings = 0;
  #filled = 0;
  #head = 0;

  /** @throws NavError `guidance/bad-option` */
  constructor(options: ReferenceWatchOptions) {
    this.limitMm = options.limitMm ?? 0.5;
    this.#points = options.points;
    const good = this.#points.length > 0 && this.#points.every((p) => p.every(Number.isFinite)) && this.limitMm > 0;
    if (!good) {
      throw new NavError(
        'guidance/bad-option',
        `A reference watch needs finite points and limitMm above 0, got ${this.#points.length} points and ${this.limitMm} mm.`,
      );
    }
    const numbers = 3 * this.#points.length;
    this.#ring = new Float64Array(numbers * WINDOW);
    this.#home = new Float64Array(numbers);
    this.#sum = new Float64Array(numbers);
    this.#squares = new Float64Array(numbers);
  }

  /** Whether it is known where the reference was. */
  get ready(): boolean {
    return this.#readings >= LEARN;
  }

  /** Learns anew where the reference is: at every registration, never to be rid of an alarm. */
  reset(): void {
    this.#readings = 0;
    this.#filled = 0;
    this.#head = 0;
    this.#sum.fill(0);
    this.#squares.fill(0);
    this.#cells.fill(Number.NaN, 1);
  }

  /** Adds a reading: second-body-from-reference. One that is not live, or of the same measurement as the last, is passed over. */
  push(view: PoseView): void {
    if (!hasPose(view.status) || !isLive(view.status) || !(view.measuredAt > (this.#cells[0] as number))) return;
    this.#cells[0] = view.measuredAt;
    const n = this.#home.length;
    for (let p = 0; p < this.#points.length; p += 1) {
      transformPoint(this.#place, view.matrix, this.#points[p] as readonly [number, number, number]);
      for (let k = 0; k < 3; k += 1) this.#ring[this.#head * n + 3 * p + k] = this.#place[k] as number;
    }
    if (!this.ready) this.#learn();
    this.#head = (this.#head + 1) % WINDOW;
    this.#filled = Math.min(WINDOW, this.#filled + 1);
    if (this.ready && this.#filled === WINDOW) this.#measure();
  }

  /** Into the reference's figures. */
  fill(reference: ReferenceWatched): void {
    reference.limitMm = this.limitMm;
    reference.noiseMm = this.#cells[1] as number;
    reference.movedMm = this.#cells[2] as number;
  }

  #learn(): void {
    const n = this.#home.length;
    this.#readings += 1;
    for (let i = 0; i < n; i += 1) {
      // Against the first reading: squares of large numbers would lose the noise.
      if (this.#readings === 1) this.#home[i] = this.#ring[this.#head * n + i] as number;
      const d = (this.#ring[this.#head * n + i] as number) - (this.#home[i] as number);
      this.#sum[i] = (this.#sum[i] as number) + d;
      this.#squares[i] = (this.#squares[i] as number) + d * d;
    }
    if (this.ready) this.#settle();
  }

  #settle(): void {
    const n = this.#home.length;
    let worst = 0;
    for (let i = 0; i < n; i += 1) {
      const mean = (this.#sum[i] as number) / LEARN;
      worst = Math.max(worst, (this.#squares[i] as number) / LEARN - mean * mean);
      this.#home[i] = (this.#home[i] as number) + mean;
    }
    // The median of a window has π / 2 of the variance of its mean, and the home has its own error.
    this.#cells[1] = SIXFOLD * Math.sqrt(worst * (Math.PI / 2 / WINDOW + 1 / LEARN));
  }

  #measure(): void {
    const n = this.#home.length;
    let largest = 0;
    for (let p = 0; p < n; p += 3) {
      let square = 0;
      for (let k = 0; k < 3; k += 1) {
        this.#findMiddle(p + k);
        square += ((this.#cells[3] as number) - (this.#home[p + k] as number)) ** 2;
      }
      largest = Math.max(largest, square);
    }
    this.#cells[2] = Math.sqrt(largest);
  }

  /** Into the last cell. */
  #findMiddle(i: number): void {
    const n = this.#home.length;
    const sorted = this.#sorted;
    for (let w = 0; w < WINDOW; w += 1) {
      const value = this.#ring[w * n + i] as number;
      let k = w;
      for (; k > 0 && (sorted[k - 1] as number) > value; k -= 1) sorted[k] = sorted[k - 1] as number;
      sorted[k] = value;
    }
    this.#cells[3] = ((sorted[WINDOW / 2 - 1] as number) + (sorted[WINDOW / 2] as number)) / 2;
  }
}

const SIXFOLD = 6;
