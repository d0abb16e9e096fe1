import { UNKNOWN } from '../../guidance/index.js';

/**
 * How many standard deviations along each axis of a plane the ellipse reaches that holds an error within that plane with
 * probability `p`: √(2 F₂,ν(p)), where the covariance was estimated with ν degrees of freedom. For two dimensions Fisher's
 * quantile has a closed form, 2 F₂,ν(p) = ν ((1 − p)^(−2/ν) − 1), and in the limit −2 ln(1 − p).
 */
export function planarReach(p: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom > 1e7) return Math.sqrt(-2 * Math.log1p(-p));
  return Math.sqrt(degreesOfFreedom * Math.expm1((-2 / degreesOfFreedom) * Math.log1p(-p)));
}

/**
 * Turns a symmetric, positive 2×2 matrix C (xx, xy, yy) in place into its ellipse dᵀ C⁻¹ d ≤ 1: longer and shorter semi-axis, and
 * the angle of the longer from the first axis towards the second, rad. Allocates nothing, for no double goes in or out by itself.
 */
export function ellipseOf(out: Float64Array): Float64Array {
  const xx = out[0] as number;
  const xy = out[1] as number;
  const yy = out[2] as number;
  const middle = (xx + yy) / 2;
  const spread = Math.sqrt(((xx - yy) / 2) ** 2 + xy * xy);
  out[0] = Math.sqrt(Math.max(0, middle + spread));
  out[1] = Math.sqrt(Math.max(0, middle - spread));
  out[2] = Math.atan2(2 * xy, xx - yy) / 2;
  return out;
}

/**
 * The covariance of a point of a moved body within a plane, from the 6×6 covariance of its pose: xx, xy and yy into `out`, each
 * times the square of `reach`. A pose error (ρ, φ) moves the point p by ρ + φ × p, so along r by r · ρ + (p × r) · φ: the variance is
 * g C gᵀ with g = (r, p × r). Allocates nothing.
 * @param c 6×6 row-major, mm and rad, about the origin of the frame
 * @param p the point, mm
 * @param right and `up`: unit vectors of the plane
 * @param reach one number, in a cell so that it is not boxed
 */
export function inPlane(
  out: Float64Array,
  c: ArrayLike<number>,
  p: ArrayLike<number>,
  right: ArrayLike<number>,
  up: ArrayLike<number>,
  reach: ArrayLike<number>,
): Float64Array {
  lever(alongRight, p, right);
  lever(alongUp, p, up);
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (let i = 0; i < 6; i += 1) {
    const r = alongRight[i] as number;
    const u = alongUp[i] as number;
    for (let j = 0; j < 6; j += 1) {
      const v = c[6 * i + j] as number;
      xx += r * v * (alongRight[j] as number);
      xy += r * v * (alongUp[j] as number);
      yy += u * v * (alongUp[j] as number);
    }
  }
  const f = (reach[0] as number) * (reach[0] as number);
  out[0] = f * xx;
  out[1] = f * xy;
  out[2] = f * yy;
  return out;
}

const alongRight = new Float64Array(6);
const alongUp = new Float64Array(6);

/** (r, p × r) */
function lever(out: Float64Array, p: ArrayLike<number>, r: ArrayLike<number>): void {
  for (let k = 0; k < 3; k += 1) {
    const i = k === 2 ? 0 : k + 1;
    const j = k === 0 ? 2 : k - 1;
    out[k] = r[k] as number;
    out[3 + k] = (p[i] as number) * (r[j] as number) - (p[j] as number) * (r[i] as number);
  }
}

/** The full scales that a dial or bar may have, mm. */
const SCALES_MM = [2, 5, 10, 20, 50, 100, 200] as const;

/**
 * The scale for a distance: the smallest that leaves it a tenth of room, and one that was left is come back to only where the
 * distance fits into seven tenths of it, so that a hand at the border does not make the picture jump.
 * @param before the scale of the frame before: 2, 5, 10, 20, 50, 100 or 200 mm
 * @param mm the distance; NaN keeps the scale
 * @param least no smaller scale than this, mm: at 2 mm noise fills the dial
 */
export function adaptiveScale(before: number, mm: number, least = 5): number {
  const d = Math.abs(mm);
  if (Number.isNaN(d)) return before;
  let scale: number = before;
  for (let n = 0; n < SCALES_MM.length; n += 1)
    if ((SCALES_MM[n] as number) > scale && d > 0.9 * scale) scale = SCALES_MM[n] as number;
  for (let n = SCALES_MM.length - 1; n >= 0; n -= 1) {
    const smaller = SCALES_MM[n] as number;
    if (smaller >= least && smaller < scale && d < 0.7 * smaller) scale = smaller;
  }
  return scale;
}

/** The text of a number that changes with every frame, made anew only where another text could be due. */
export class CachedText {
  readonly #make: (value: number) => string;
  readonly #step: number;
  readonly #key = Float64Array.of(Number.NaN);
  #text = UNKNOWN;

  /** @param step half a unit of the last decimal shown: texts change only at its multiples */
  constructor(make: (value: number) => string, step: number) {
    this.#make = make;
    this.#step = step;
  }

  /** Makes the text anew when it is next asked for: it is said in other words now. */
  forget(): void {
    this.#key[0] = Number.NaN;
  }

  of(value: number): string {
    const key = Math.floor(value / this.#step);
    if (key === this.#key[0]) return this.#text;
    this.#key[0] = key;
    this.#text = Number.isFinite(value) ? this.#make(value) : UNKNOWN;
    return this.#text;
  }
}
