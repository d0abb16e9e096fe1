import { transformDirection, transformPoint, vec3 } from '../math/index.js';
import { type AnyVolume, Sampler, spacingOf } from '../volume/index.js';
import { EDGE_RANGES_PER_MM } from './ray-material.js';
import { type TransferFunction, transferAt } from './transfer-function.js';

/** How a ray is cast, for tests. */
export interface Cast {
  /** Of the shortest edge of a voxel. */
  readonly step: number;
  readonly shading?: boolean;
  /** Cut away where n · p > d, mm. */
  readonly clip?: { readonly n: readonly number[]; readonly d: number };
  /** Where the ray ends at the latest, mm from the eye. */
  readonly end?: (eye: ArrayLike<number>, ray: ArrayLike<number>) => number;
}

/** Colour and opacity along a ray, in doubles, every step taken: nothing is skipped, nothing ended early. */
export class RayOracle {
  readonly #v: AnyVolume;
  readonly #points: TransferFunction;
  readonly #sampler: Sampler;
  readonly #drawn = new Float64Array(4);

  constructor(v: AnyVolume, points: TransferFunction) {
    this.#v = v;
    this.#points = points;
    this.#sampler = new Sampler(v);
  }

  #value(i: number[]): number {
    const [x, y, z] = i.map((c, k) => Math.min(Math.max(c, 0), (this.#v.size[k] as number) - 1)) as [number, number, number];
    return this.#sampler.atIndex(x, y, z);
  }

  cast(eye: ArrayLike<number>, ray: ArrayLike<number>, how: Cast): number[] {
    const m = this.#sampler.indexFromFrame;
    const o = transformPoint(vec3(0, 0, 0), m, eye);
    const d = transformDirection(vec3(0, 0, 0), m, ray);
    let enter = 0;
    let leave = how.end?.(eye, ray) ?? Number.POSITIVE_INFINITY;
    for (let k = 0; k < 3; k += 1) {
      const faces = [-0.5, (this.#v.size[k] as number) - 0.5].map((f) => (f - (o[k] as number)) / (d[k] as number));
      enter = Math.max(enter, Math.min(...faces));
      leave = Math.min(leave, Math.max(...faces));
    }
    if (how.clip !== undefined) {
      const { n, d: offset } = how.clip;
      const dot = (a: ArrayLike<number>): number => n.reduce((sum, c, k) => sum + c * (a[k] as number), 0);
      const t = (offset - dot(eye)) / dot(ray);
      if (dot(ray) > 0) leave = Math.min(leave, t);
      else enter = Math.max(enter, t);
    }
    const step = how.step * Math.min(...spacingOf(this.#v));
    const sum = [0, 0, 0, 0];
    for (let from = enter; from < leave; from += step) {
      const to = Math.min(leave, from + step);
      const p = [0, 1, 2].map((k) => (o[k] as number) + 0.5 * (from + to) * (d[k] as number));
      transferAt(this.#drawn, this.#points, this.#value(p));
      const share = (1 - (sum[3] as number)) * (1 - Math.exp(-(this.#drawn[3] as number) * (to - from)));
      if (share === 0) continue;
      const tint = this.#shade(Array.from(this.#drawn.subarray(0, 3)), p, ray, how.shading ?? true);
      for (let c = 0; c < 3; c += 1) sum[c] = (sum[c] as number) + share * Math.min(1, tint[c] as number);
      sum[3] = (sum[3] as number) + share;
    }
    return sum;
  }

  #shade(tint: number[], p: number[], ray: ArrayLike<number>, on: boolean): number[] {
    if (!on) return tint;
    const m = this.#sampler.indexFromFrame;
    const slope = [0, 1, 2].map((k) => {
      const moved = (by: number): number => this.#value(p.map((x, a) => (a === k ? x + by : x)));
      return (moved(1) - moved(-1)) / 2;
    });
    const g = [0, 1, 2].map((r) => [0, 1, 2].reduce((sum, k) => sum + (slope[k] as number) * (m[4 * r + k] as number), 0));
    const size = Math.hypot(...g);
    if (size === 0) return tint;
    const facing = Math.abs(g.reduce((sum, x, k) => sum + x * (ray[k] as number), 0)) / size;
    const range = (this.#points.at(-1)?.value as number) - (this.#points[0]?.value as number);
    const f = Math.min(1, size / (EDGE_RANGES_PER_MM * range));
    const smooth = f * f * (3 - 2 * f);
    return tint.map((c) => c + smooth * (c * (0.25 + 0.75 * facing) + 0.2 * facing ** 20 - c));
  }
}
