/** An axis-aligned box, mm. */
export interface Box {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** The smallest box of points (3N), widened by `marginMm` on every side. */
export function boxOf(xyz: ArrayLike<number>, marginMm: number): Box {
  const low = new Float64Array(3).fill(Number.POSITIVE_INFINITY);
  const high = new Float64Array(3).fill(Number.NEGATIVE_INFINITY);
  for (let k = 0; k < xyz.length; k += 1) {
    low[k % 3] = Math.min(low[k % 3] as number, xyz[k] as number);
    high[k % 3] = Math.max(high[k % 3] as number, xyz[k] as number);
  }
  return { low: low.map((x) => x - marginMm), high: high.map((x) => x + marginMm) };
}

/** Whether a point lies in the box. */
export function isInside({ low, high }: Box, p: ArrayLike<number>): boolean {
  for (let i = 0; i < 3; i += 1)
    if (!((p[i] as number) >= (low[i] as number) && (p[i] as number) <= (high[i] as number))) return false;
  return true;
}

/**
 * The tensor product of Bernstein polynomials over a box: (degree + 1)³ functions that are not negative and add up to 1 inside it,
 * which keeps the fit well conditioned where powers would not (Farouki & Rajan 1987, Computer Aided Geometric Design 4:191).
 */
export class BernsteinBasis {
  readonly degree: number;
  readonly size: number;
  readonly box: Box;
  readonly #axis: readonly Float64Array[];
  readonly #binomial: Float64Array;

  constructor(degree: number, box: Box) {
    this.degree = degree;
    this.size = (degree + 1) ** 3;
    this.box = box;
    this.#axis = [0, 1, 2].map(() => new Float64Array(degree + 1));
    this.#binomial = new Float64Array(degree + 1);
    let c = 1;
    for (let k = 0; k <= degree; k += 1) {
      this.#binomial[k] = c;
      c = (c * (degree - k)) / (k + 1);
    }
  }

  /** All functions at a point, into `out` (size numbers). Outside the box they are polynomials still, and grow fast. */
  evaluate(out: Float64Array, p: ArrayLike<number>): Float64Array {
    const n = this.degree + 1;
    for (let i = 0; i < 3; i += 1) {
      const axis = this.#axis[i] as Float64Array;
      const width = (this.box.high[i] as number) - (this.box.low[i] as number);
      const u = width > 0 ? ((p[i] as number) - (this.box.low[i] as number)) / width : 0;
      let power = 1;
      for (let k = 0; k < n; k += 1) {
        axis[k] = (this.#binomial[k] as number) * power;
        power *= u;
      }
      power = 1;
      for (let k = n - 1; k >= 0; k -= 1) {
        axis[k] = (axis[k] as number) * power;
        power *= 1 - u;
      }
    }
    const [x, y, z] = this.#axis as [Float64Array, Float64Array, Float64Array];
    let place = 0;
    for (let i = 0; i < n; i += 1)
      for (let j = 0; j < n; j += 1) {
        const xy = (x[i] as number) * (y[j] as number);
        for (let k = 0; k < n; k += 1, place += 1) out[place] = xy * (z[k] as number);
      }
    return out;
  }
}
