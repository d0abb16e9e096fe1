import type { SlabPlan } from './slab.js';

/**
 * Means over rectangles of an image's pixels, of any size and at any place, from summed areas (Crow 1984, SIGGRAPH 18:207). A pixel is a
 * square of one value around its centre: the mean over a rectangle of one pixel's size is bilinear interpolation.
 */
export class BoxMeans {
  readonly #columns: number;
  readonly #rows: number;
  /** Of each pixel 0 … 255; undefined where all are 255. */
  readonly #mask: Uint8Array | undefined;
  /** Σ mask × value, and Σ mask, over the pixels above and left of each corner. */
  readonly #values: Float64Array;
  readonly #weights: Float64Array | undefined;
  /** What {@link at} found: the mean, and how much of the rectangle counts, 0 … 1. */
  mean = 0;
  share = 0;

  constructor(plan: SlabPlan) {
    this.#columns = plan.columns;
    this.#rows = plan.spans.length / 4;
    this.#mask = maskOf(plan);
    const corners = (this.#columns + 1) * (this.#rows + 1);
    this.#values = new Float64Array(corners);
    if (this.#mask === undefined) return;
    this.#weights = new Float64Array(corners);
    this.#sumUp(this.#weights, this.#mask, undefined);
  }

  /** Takes an image in. */
  load(pixels: Uint8Array): void {
    this.#sumUp(this.#values, pixels, this.#mask);
  }

  #sumUp(sums: Float64Array, pixels: Uint8Array, mask: Uint8Array | undefined): void {
    const columns = this.#columns;
    for (let row = 0, n = 0; row < this.#rows; row += 1) {
      let along = 0;
      let at = (row + 1) * (columns + 1) + 1;
      for (let column = 0; column < columns; column += 1, n += 1, at += 1) {
        along += mask === undefined ? (pixels[n] as number) : (pixels[n] as number) * (mask[n] as number);
        sums[at] = (sums[at - columns - 1] as number) + along;
      }
    }
  }

  /** Looks at a rectangle around a place, column and row; the results are `mean` and `share`. What of it lies beside the image does not count. */
  at(column: number, row: number, width: number, height: number): void {
    const x0 = Math.max(0, column + 0.5 - width / 2);
    const x1 = Math.min(this.#columns, column + 0.5 + width / 2);
    const y0 = Math.max(0, row + 0.5 - height / 2);
    const y1 = Math.min(this.#rows, row + 0.5 + height / 2);
    this.share = 0;
    if (!(x0 < x1 && y0 < y1)) return;
    const sum = this.#between(this.#values, x0, x1, y1) - this.#between(this.#values, x0, x1, y0);
    const weights = this.#weights;
    const whole = width * height;
    if (weights === undefined) {
      const weight = (x1 - x0) * (y1 - y0);
      this.mean = sum / weight;
      this.share = weight / whole;
    } else {
      const weight = this.#between(weights, x0, x1, y1) - this.#between(weights, x0, x1, y0);
      this.mean = sum / weight;
      this.share = weight / (255 * whole);
    }
  }

  /** The sum above y between two columns. */
  #between(sums: Float64Array, x0: number, x1: number, y: number): number {
    const stride = this.#columns + 1;
    const row = Math.min(y | 0, this.#rows - 1);
    const c0 = Math.min(x0 | 0, this.#columns - 1);
    const c1 = Math.min(x1 | 0, this.#columns - 1);
    const fx0 = x0 - c0;
    const fx1 = x1 - c1;
    const a = row * stride + c0;
    const b = row * stride + c1;
    const upper = mix(sums[b] as number, sums[b + 1] as number, fx1) - mix(sums[a] as number, sums[a + 1] as number, fx0);
    const lower =
      mix(sums[b + stride] as number, sums[b + stride + 1] as number, fx1) -
      mix(sums[a + stride] as number, sums[a + stride + 1] as number, fx0);
    return mix(upper, lower, y - row);
  }
}

const mix = (a: number, b: number, t: number): number => a + (b - a) * t;

/** Clip and importance as one; undefined where every pixel counts in full. */
function maskOf({ spans, columns, importance }: SlabPlan): Uint8Array | undefined {
  const mask = new Uint8Array((spans.length / 4) * columns);
  for (let n = 0; n < spans.length; n += 2) {
    const row = Math.floor(n / 4) * columns;
    const [from, to] = [row + (spans[n] as number), row + (spans[n + 1] as number)];
    if (importance === undefined) mask.fill(255, from, to);
    else mask.set(importance.subarray(from, to), from);
  }
  return mask.every((m) => m === 255) ? undefined : mask;
}
