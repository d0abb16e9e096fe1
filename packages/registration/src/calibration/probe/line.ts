import { NavError } from '@trocar/core';
import { at } from '../../points/rigid-fit.js';

/** How {@link LineFinder} looks. */
export interface LineOptions {
  /** Pixels outside are not looked at: origin and size in pixels. Default all. */
  readonly clip?: { readonly origin: readonly [number, number]; readonly size: readonly [number, number] };
  /** Columns that are looked at, spread evenly. Default 40. */
  readonly columns?: number;
}

/** Points farther from a line than this, pixels, do not belong to it. */
const NEAR = 2.5;
/** A line must go through so many of the columns. */
const LEAST_SHARE = 0.4;
/** What is as bright in this share of the images is no moving line. */
const STILL = 0.2;
/** Half the width of the running mean down a column, pixels. */
const SMOOTH = 1;
/** Images that the still picture is made of, at most. */
const MOST_STILL = 101;
/** A peak must be this much brighter than the rest of its column. */
const LEAST_CONTRAST = 12;

/**
 * Where a bright line that moves, such as the bottom of a water tank, shows in each image of a recording: its row at the middle column. Images are added one
 * after another, of which only some columns are kept; then what stands still in the images (the probe's ring-down) is taken away, each column's
 * brightest stretch is its candidate, and the line through most of them is the answer (exhaustive consensus over pairs, then least
 * squares). After PLUS's line segmentation (Lasso 2014, IEEE Trans. Biomed. Eng. 61:2527), which keeps what stands still.
 */
export class LineFinder {
  readonly #size: readonly [number, number];
  readonly #columns: Int32Array;
  readonly #top: number;
  readonly #rows: number;
  readonly #middle: number;
  readonly #images: Uint8Array[] = [];

  /** @param size columns and rows of an image. @throws NavError `calibration/bad-option` */
  constructor(size: readonly [number, number], options: LineOptions = {}) {
    const { origin, size: extent } = options.clip ?? { origin: [0, 0], size };
    const [left, top] = [Math.max(0, Math.ceil(origin[0])), Math.max(0, Math.ceil(origin[1]))];
    const right = Math.min(size[0], Math.floor(origin[0] + extent[0]));
    const bottom = Math.min(size[1], Math.floor(origin[1] + extent[1]));
    const count = Math.min(options.columns ?? 40, right - left);
    if (!(count >= 5 && bottom - top >= 16)) {
      throw new NavError(
        'calibration/bad-option',
        `The clip leaves too little of images of ${size.join(' × ')} pixels to see a line in.`,
      );
    }
    this.#size = size;
    this.#top = top;
    this.#rows = bottom - top;
    this.#middle = (left + right - 1) / 2;
    this.#columns = Int32Array.from({ length: count }, (_, c) => left + Math.round((c * (right - left - 1)) / (count - 1)));
  }

  /** @param pixels grey values, row by row. @throws NavError `calibration/bad-option` */
  add(pixels: Uint8Array): void {
    if (pixels.length !== this.#size[0] * this.#size[1])
      throw new NavError('calibration/bad-option', `An image has ${pixels.length} pixels and not ${this.#size.join(' × ')}.`);
    const kept = new Uint8Array(this.#columns.length * this.#rows);
    for (let c = 0; c < this.#columns.length; c += 1) {
      let from = this.#top * this.#size[0] + at(this.#columns, c);
      for (let row = 0; row < this.#rows; row += 1, from += this.#size[0]) kept[c * this.#rows + row] = pixels[from] as number;
    }
    this.#images.push(kept);
  }

  /** The line's row at the middle column of each image, in pixels; NaN where none is seen. */
  rows(): Float64Array {
    const still = this.#still();
    return Float64Array.from(this.#images, (image) => this.#rowIn(image, still));
  }

  /** How bright each pixel is in nearly all images. */
  #still(): Uint8Array {
    const step = Math.max(1, Math.ceil(this.#images.length / MOST_STILL));
    const some = this.#images.filter((_, n) => n % step === 0);
    const still = new Uint8Array(this.#columns.length * this.#rows);
    const counts = new Int32Array(256);
    for (let k = 0; k < still.length; k += 1) {
      counts.fill(0);
      for (const image of some) counts[image[k] as number] = at(counts, image[k] as number) + 1;
      let [value, below] = [0, at(counts, 0)];
      while (below <= STILL * some.length && value < 255) {
        value += 1;
        below += at(counts, value);
      }
      still[k] = value;
    }
    return still;
  }

  #rowIn(image: Uint8Array, still: Uint8Array): number {
    const points: (readonly [number, number])[] = [];
    for (let c = 0; c < this.#columns.length; c += 1) {
      const row = this.#peak(image, still, c * this.#rows);
      if (!Number.isNaN(row)) points.push([at(this.#columns, c) - this.#middle, this.#top + row]);
    }
    return consensus(points, Math.max(5, LEAST_SHARE * this.#columns.length));
  }

  /** Centre of brightness of the stretch above half the maximum that holds most, from the first row of the clip. */
  #peak(image: Uint8Array, still: Uint8Array, from: number): number {
    const n = this.#rows;
    const bright = new Float64Array(n);
    let [most, total] = [0, 0];
    for (let row = 0; row < n; row += 1) {
      let sum = 0;
      for (let k = Math.max(0, row - SMOOTH); k <= Math.min(n - 1, row + SMOOTH); k += 1)
        sum += Math.max(0, (image[from + k] as number) - (still[from + k] as number));
      bright[row] = sum / (2 * SMOOTH + 1);
      most = Math.max(most, at(bright, row));
      total += at(bright, row);
    }
    if (most < LEAST_CONTRAST || most < (4 * total) / n) return Number.NaN;
    let [best, centre] = [0, Number.NaN];
    for (let row = 0; row < n; ) {
      let [area, moment] = [0, 0];
      for (; row < n && at(bright, row) > most / 2; row += 1) {
        area += at(bright, row);
        moment += at(bright, row) * row;
      }
      if (area > best) [best, centre] = [area, moment / area];
      row += 1;
    }
    return centre;
  }
}

/** The height at 0 of the line near most of the points; NaN where too few agree. */
function consensus(points: ReadonlyArray<readonly [number, number]>, least: number): number {
  let [most, slope, height] = [0, 0, Number.NaN];
  for (let i = 0; i < points.length; i += 1) {
    for (let j = i + 1; j < points.length; j += 1) {
      const [a, b] = [points[i] as readonly [number, number], points[j] as readonly [number, number]];
      const m = (b[1] - a[1]) / (b[0] - a[0]);
      const h = a[1] - m * a[0];
      // Steeper ones cross the middle anywhere.
      if (!(Math.abs(m) < 1)) continue;
      let count = 0;
      for (const [x, y] of points) if (Math.abs(h + m * x - y) <= NEAR) count += 1;
      if (count > most) [most, slope, height] = [count, m, h];
    }
  }
  if (most < least) return Number.NaN;
  const near = points.filter(([x, y]) => Math.abs(height + slope * x - y) <= NEAR);
  let [x1, y1, xx, xy] = [0, 0, 0, 0];
  for (const [x, y] of near) {
    x1 += x / near.length;
    y1 += y / near.length;
  }
  for (const [x, y] of near) {
    xx += (x - x1) ** 2;
    xy += (x - x1) * (y - y1);
  }
  return y1 - (xy / xx) * x1;
}
