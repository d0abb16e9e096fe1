import type { Frame } from '../frames/index.js';
import { identity4, invert4, type Mat4 } from '../math/index.js';
import { spacingOf } from './volume.js';

/**
 * Something with a signed distance at every place of a frame: a {@link DistanceField}, or a shape with a formula.
 */
export interface SignedField<in out F extends string> {
  readonly frame: Frame<F>;
  /**
   * Into `out`: [0] the signed distance, mm, negative inside; [1] a number that the true one is never below; [2] 1 where
   * [0] is a value of the field, 0 where it is itself only a lower bound. All NaN for a place that is not finite. Allocates nothing.
   * @param p x, y, z in `frame`, mm
   */
  sampleInto(out: Float64Array, p: Float64Array): void;
}

/** A stored unit, mm. Int16 in these reaches 327 mm to either side. */
export const UNIT_MM = 0.01;

/** What rounding to a unit and the single precision before it may have added, mm. */
const ROUNDING_MM = 0.0051;

/** What a {@link DistanceField} is made from; {@link distanceToLabel} and {@link distanceToMesh} make it. */
export interface DistanceFieldParts<F extends string> {
  readonly frame: Frame<F>;
  /** Signed distances at the lattice's points in {@link UNIT_MM}, rounded. */
  readonly stored: Int16Array;
  readonly size: readonly [number, number, number];
  /** Right-angled: frame from lattice index, 16 numbers, column-major, mm. */
  readonly frameFromIndex: ArrayLike<number>;
  /** The tightest box around the structure, in lattice indices: low i, j, k, high i, j, k. */
  readonly box: readonly number[];
  /** Faces of the lattice (−i, −j, −k, +i, +j, +k) through which the structure leaves the image: nothing is known behind them. */
  readonly cut: readonly boolean[];
}

/**
 * Signed distances (mm, negative inside) to one structure, on a lattice cropped to it and to a margin around it, 2 bytes a point.
 *
 * Between the points values are trilinear. How far that is off is known: let h² = Σ s² f (1 − f) over the three axes (s: spacing,
 * f: place within the cell; h is at most half of a cell's diagonal). By Jensen's inequality an interpolated value v is at most
 * √(D² + h²) for a place at the true distance D outside the structure, and at most D + h anywhere. So D ≥ √(v² − h²) where v ≥ h, and
 * D ≥ v − h elsewhere: that is the lower bound {@link sampleInto} gives beside v,
 * with v less the rounding of what is stored.
 *
 * Behind the lattice there is no value, but a bound: from the point c of its border that is nearest to p, the structure is at least
 * √(|p − c|² + D(c)²) away, because it lies within the convex lattice; or as far as its box is. Where the image cuts the structure
 * off, it may go on behind that face: the bound is then no more than the distance to the face.
 */
export class DistanceField<in out F extends string> implements SignedField<F> {
  readonly frame: Frame<F>;
  readonly size: readonly [number, number, number];
  readonly frameFromIndex: Mat4 = identity4();
  /** Edges of a cell, mm. */
  readonly spacing: readonly [number, number, number];
  /** Whether the structure reaches the border of the image, and may go on where there is no image. */
  readonly cutOff: boolean;
  readonly #stored: Int16Array;
  readonly #box: Float64Array;
  readonly #cut: readonly boolean[];
  readonly #indexFromFrame: Mat4 = identity4();
  readonly #index = new Float64Array(3);
  readonly #clamped = new Float64Array(3);
  readonly #sample = new Float64Array(3);
  readonly #place = new Float64Array(3);

  constructor(parts: DistanceFieldParts<F>) {
    this.frame = parts.frame;
    this.size = parts.size;
    this.frameFromIndex.set(parts.frameFromIndex);
    this.spacing = spacingOf(parts);
    this.#stored = parts.stored;
    this.#box = Float64Array.from(parts.box);
    this.#cut = parts.cut;
    this.cutOff = parts.cut.includes(true);
    invert4(this.#indexFromFrame, parts.frameFromIndex);
  }

  /** Memory held, bytes. */
  get bytes(): number {
    return this.#stored.byteLength;
  }

  /** Half of a cell's diagonal, mm: an interpolated value is never further off. */
  get interpolationErrorMm(): number {
    return Math.hypot(...this.spacing) / 2;
  }

  sampleInto(out: Float64Array, p: Float64Array): void {
    const m = this.#indexFromFrame;
    const x = p[0] as number;
    const y = p[1] as number;
    const z = p[2] as number;
    const i = (m[0] as number) * x + (m[4] as number) * y + (m[8] as number) * z + (m[12] as number);
    const j = (m[1] as number) * x + (m[5] as number) * y + (m[9] as number) * z + (m[13] as number);
    const k = (m[2] as number) * x + (m[6] as number) * y + (m[10] as number) * z + (m[14] as number);
    const { size } = this;
    const at = this.#index;
    at[0] = i;
    at[1] = j;
    at[2] = k;
    if (i >= 0 && j >= 0 && k >= 0 && i <= size[0] - 1 && j <= size[1] - 1 && k <= size[2] - 1) {
      this.#inside(out, at);
      if (this.cutOff) this.#lowerByCuts(out, at);
    } else this.#outside(out, at);
  }

  /** The signed distance at a place of the frame, mm, or a lower bound of it where {@link covers} is false; NaN for a place that is none. */
  at(x: number, y: number, z: number): number {
    return this.#read(x, y, z)[0] as number;
  }

  /** What the true distance to the structure is never below, mm. */
  leastAt(x: number, y: number, z: number): number {
    return this.#read(x, y, z)[1] as number;
  }

  /** Whether a place lies on the lattice. */
  covers(x: number, y: number, z: number): boolean {
    return this.#read(x, y, z)[2] === 1;
  }

  #read(x: number, y: number, z: number): Float64Array {
    this.#place[0] = x;
    this.#place[1] = y;
    this.#place[2] = z;
    this.sampleInto(this.#sample, this.#place);
    return this.#sample;
  }

  /** Trilinear, with its lower bound. */
  #inside(out: Float64Array, at: Float64Array): void {
    const ni = this.size[0];
    const nj = this.size[1];
    const nk = this.size[2];
    const i = at[0] as number;
    const j = at[1] as number;
    const k = at[2] as number;
    // The last point is the far end of the last cell; a lattice has at least two points along each axis.
    const i0 = Math.min(Math.floor(i), ni - 2);
    const j0 = Math.min(Math.floor(j), nj - 2);
    const k0 = Math.min(Math.floor(k), nk - 2);
    const fx = i - i0;
    const fy = j - j0;
    const fz = k - k0;
    const v = this.#stored;
    const o = i0 + ni * (j0 + nj * k0);
    const q = o + ni * nj;
    const a = (v[o] as number) + fx * ((v[o + 1] as number) - (v[o] as number));
    const b = (v[o + ni] as number) + fx * ((v[o + ni + 1] as number) - (v[o + ni] as number));
    const c = (v[q] as number) + fx * ((v[q + 1] as number) - (v[q] as number));
    const d = (v[q + ni] as number) + fx * ((v[q + ni + 1] as number) - (v[q + ni] as number));
    const near = a + fy * (b - a);
    const value = UNIT_MM * (near + fz * (c + fy * (d - c) - near));
    const sx = this.spacing[0];
    const sy = this.spacing[1];
    const sz = this.spacing[2];
    const h2 = sx * sx * fx * (1 - fx) + sy * sy * fy * (1 - fy) + sz * sz * fz * (1 - fz);
    const low = value - ROUNDING_MM;
    const square = low * low - h2;
    out[0] = value;
    out[1] = low > 0 && square >= 0 ? Math.sqrt(square) : low - Math.sqrt(h2);
    out[2] = 1;
  }

  /** Lower bounds only: over the nearest point of the lattice, and over the structure's box. */
  #outside(out: Float64Array, at: Float64Array): void {
    const c = this.#clamped;
    let away2 = 0;
    let box2 = 0;
    for (let axis = 0; axis < 3; axis += 1) {
      const x = at[axis] as number;
      const s = this.spacing[axis] as number;
      const last = (this.size[axis] as number) - 1;
      c[axis] = Math.min(Math.max(x, 0), last);
      away2 += s * s * (x - (c[axis] as number)) * (x - (c[axis] as number));
      const beyond = Math.max((this.#box[axis] as number) - x, x - (this.#box[3 + axis] as number), 0);
      box2 += s * s * beyond * beyond;
    }
    // Not finite: a lattice index that is NaN, or a distance that overflows.
    if (!(away2 < Number.POSITIVE_INFINITY)) {
      out.fill(Number.NaN, 0, 3);
      return;
    }
    this.#inside(out, c);
    const value = Math.max(out[0] as number, 0);
    const least = Math.max(out[1] as number, 0);
    out[0] = Math.sqrt(Math.max(away2 + value * value, box2));
    out[1] = Math.sqrt(Math.max(away2 + least * least, box2));
    out[2] = 0;
    this.#lowerByCuts(out, at);
  }

  /** The structure may stand directly behind a face that cuts it off. */
  #lowerByCuts(out: Float64Array, at: Float64Array): void {
    for (let axis = 0; axis < 3; axis += 1) {
      const s = this.spacing[axis] as number;
      const x = at[axis] as number;
      if (this.#cut[axis] === true) out[1] = Math.min(out[1] as number, s * x);
      if (this.#cut[3 + axis] === true) out[1] = Math.min(out[1] as number, s * ((this.size[axis] as number) - 1 - x));
    }
  }
}
