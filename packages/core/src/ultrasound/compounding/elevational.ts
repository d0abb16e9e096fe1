import { identity4, invert4, multiply4 } from '../../math/index.js';
import { pixelMm } from '../sweep.js';
import { BoxMeans } from './box-means.js';
import { type SlabPlan, TO_STEPS } from './slab.js';

/** Numbers that a voxel takes: Σ w, Σ w d, Σ w d², Σ w v, Σ w d v. */
const SUMS = 5;
/** An image answers with its mean over so many edges of a voxel: that blurs as much as linear weights do, whose variance is a sixth. */
const BOX_EDGES = Math.SQRT2;
/** Planes whose distances spread less than this part of the reach say nothing of a slope. */
const LEAST_SPREAD = 0.05;
/** A weight below this would be rounded by a noticeable part of it. */
const LEAST_WEIGHT = 1e-3;
/** So much of the square must count: with weights of their own, and without. */
const LEAST_SHARE = { weighted: LEAST_WEIGHT, plain: 1 / 8 } as const;
const BEFORE = 1;
const BEHIND = 2;

/**
 * Backward reconstruction for a slab: each voxel asks the images whose beam reaches it, those whose plane lies within half the
 * elevational width. An image answers with its mean over a square of about the voxel's size, right across from it, and counts by its nearness,
 * w = 1 − d / reach. Through the answers goes a straight line over the signed distance d, and the voxel takes its value at d = 0
 * (locally weighted regression, Cleveland 1979, J. Am. Stat. Assoc. 74:829): two planes are interpolated between, many are
 * averaged. Where all planes lie on one side, their weighted mean; nothing is extrapolated.
 *
 * Every part is rounded to whole steps, so that sums are exact: the same to the last bit in every order and for every division. Takes 41
 * bytes a voxel.
 */
export class ElevationalSlab {
  readonly #plan: SlabPlan;
  readonly #reachMm: number;
  readonly #edgeMm: number;
  readonly #sums: Float64Array;
  /** On which sides planes lay. */
  readonly #sides: Uint8Array;
  readonly #means: BoxMeans;
  readonly #m = identity4();

  /** @param elevationMm the beam's width across the image */
  constructor(plan: SlabPlan, elevationMm: number) {
    const [ni, nj] = plan.grid.size;
    const count = ni * nj * (plan.end - plan.first);
    const g = plan.grid.frameFromIndex;
    this.#plan = plan;
    this.#reachMm = elevationMm / 2;
    this.#edgeMm = BOX_EDGES * Math.cbrt([0, 4, 8].reduce((product, c) => product * pixelMm(g, c), 1));
    this.#sums = new Float64Array(SUMS * count);
    this.#sides = new Uint8Array(count);
    this.#means = new BoxMeans(plan);
  }

  /** Adds an image. */
  add(pixels: Uint8Array, frameFromImage: ArrayLike<number>): void {
    const m = this.#imageFromIndex(frameFromImage);
    const { first, end, grid, columns, spans } = this.#plan;
    const [ni, nj] = grid.size;
    const width = Math.max(1, this.#edgeMm / pixelMm(frameFromImage, 0));
    const height = Math.max(1, this.#edgeMm / pixelMm(frameFromImage, 4));
    const limits = [
      [-0.5, columns - 0.5],
      [-0.5, spans.length / 4 - 0.5],
      [-this.#reachMm, this.#reachMm],
    ] as const;
    let loaded = false;
    for (let k = first; k < end; k += 1) {
      for (let j = 0; j < nj; j += 1) {
        let [from, to] = [0, ni - 1];
        for (let r = 0; r < 3; r += 1) {
          const start = (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
          const [a, b] = stretch(start, m[r] as number, limits[r] as readonly [number, number]);
          from = Math.max(from, Math.ceil(a));
          to = Math.min(to, Math.floor(b));
        }
        if (from > to) continue;
        if (!loaded) this.#means.load(pixels);
        loaded = true;
        this.#askFrom(m, from, to, j, k, width, height);
      }
    }
  }

  /** Column, row and signed distance from the plane, mm, of voxels. */
  #imageFromIndex(frameFromImage: ArrayLike<number>): Float64Array {
    const m = Float64Array.from(frameFromImage);
    const [ax, ay, az, , bx, by, bz] = m as unknown as [number, number, number, number, number, number, number];
    const normal = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
    const length = Math.hypot(...normal);
    for (let r = 0; r < 3; r += 1) m[8 + r] = (normal[r] as number) / length;
    invert4(this.#m, m);
    return multiply4(this.#m, this.#m, this.#plan.grid.frameFromIndex);
  }

  /** Has the voxels from … to of a row ask the image. */
  #askFrom(m: Float64Array, from: number, to: number, j: number, k: number, width: number, height: number): void {
    const start = (r: number): number => (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
    const [u, v, d] = [start(0), start(1), start(2)];
    const [du, dv, dd] = [m[0] as number, m[1] as number, m[2] as number];
    const least = this.#plan.importance === undefined ? LEAST_SHARE.plain : LEAST_SHARE.weighted;
    const [ni, nj] = this.#plan.grid.size;
    const row = ni * (j + nj * (k - this.#plan.first));
    const means = this.#means;
    for (let i = from; i <= to; i += 1) {
      means.at(u + i * du, v + i * dv, width, height);
      if (means.share >= least) this.#take(row + i, d + i * dd, means.share, means.mean);
    }
  }

  #take(voxel: number, d: number, share: number, value: number): void {
    const w = share * (1 - Math.abs(d) / this.#reachMm);
    if (!(w >= LEAST_WEIGHT)) return;
    this.#sides[voxel] = (this.#sides[voxel] as number) | (d < 0 ? BEFORE : BEHIND);
    const at = SUMS * voxel;
    const sums = this.#sums;
    sums[at] = (sums[at] as number) + (w + TO_STEPS - TO_STEPS);
    sums[at + 1] = (sums[at + 1] as number) + (w * d + TO_STEPS - TO_STEPS);
    sums[at + 2] = (sums[at + 2] as number) + (w * d * d + TO_STEPS - TO_STEPS);
    sums[at + 3] = (sums[at + 3] as number) + (w * value + TO_STEPS - TO_STEPS);
    sums[at + 4] = (sums[at + 4] as number) + (w * d * value + TO_STEPS - TO_STEPS);
  }

  /**
   * Writes the slab's voxels, as SlabCompounder.read() does; in whole numbers they end at 0 and 255.
   * @param seen 1 where an image's beam reaches
   */
  read(out: Uint8Array | Float32Array, seen: Uint8Array): void {
    const whole = out instanceof Uint8Array;
    for (let n = 0; n < out.length; n += 1) {
      const value = this.#value(n);
      seen[n] = Number.isNaN(value) ? 0 : 1;
      if (whole) out[n] = Number.isNaN(value) ? 0 : Math.max(0, Math.min(255, Math.floor(value + 0.5)));
      else out[n] = value;
    }
  }

  #value(voxel: number): number {
    const at = SUMS * voxel;
    const sums = this.#sums;
    const w = sums[at] as number;
    if (!(w > 0)) return Number.NaN;
    const wd = sums[at + 1] as number;
    const wdd = sums[at + 2] as number;
    const wv = sums[at + 3] as number;
    const wdv = sums[at + 4] as number;
    const spread = w * wdd - wd * wd;
    if (this.#sides[voxel] !== (BEFORE | BEHIND) || spread < (LEAST_SPREAD * this.#reachMm * w) ** 2) return wv / w;
    return (wdd * wv - wd * wdv) / spread;
  }
}

/** Which i keep start + i · step between two limits: from … to, perhaps none. */
function stretch(start: number, step: number, [low, high]: readonly [number, number]): readonly [number, number] {
  if (Math.abs(step) < 1e-12)
    return start >= low && start <= high ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : [1, 0];
  const [a, b] = [(low - start) / step, (high - start) / step];
  return a < b ? [a, b] : [b, a];
}
