import type { PoseView } from '@trocar/core';
import { transformPoint } from '@trocar/core/math';
import { Sampler, type Volume } from '@trocar/core/volume';
import type { LiveFrame } from './live-images.js';
import { FAN } from './probe.js';

/** What the live image says of the gland's place since the sweep. */
export interface GlandDrift {
  /** How far the live image fits better elsewhere, mm; NaN where it fits nowhere. */
  readonly mm: number;
  /** Along the plane's x, y (across) and z, mm. */
  readonly alongMm: readonly [number, number, number];
  /** Correlation where it fits best, and where it should. */
  readonly best: number;
  readonly here: number;
}

/** A gland that is this far from where it was swept must be verified again, mm. */
export const MOVED_MM = 3;
/** A live image that correlates less than this with the sweep anywhere says nothing. */
const LEAST_FIT = 0.35;
/** A better fit elsewhere counts from this gain on. */
const LEAST_GAIN = 0.08;
const STEP_MM = 2;
const REACH = { x: 4, y: 3, z: 4 } as const;
const SPACING_MM = 2;
/** Half the width that speckle is averaged over, mm. */
const BLUR_MM = 1.4;

/**
 * Holds live images against the swept volume: where the probe's pose says the plane is, and up to 8 mm beside it. Tissue that moved with no
 * marker on it is seen in this way only. Both are averaged over speckle first (a separable box of 3 mm), and compared by normalised
 * correlation over the part of the plane that the gland lies in.
 */
export class MovedWatch {
  readonly #sampler: Sampler;
  readonly #points: Float64Array;

  constructor(us: Volume<'reference'>) {
    this.#sampler = new Sampler({ ...us, voxels: blurred(us) });
    const points: number[] = [];
    for (let z = FAN.startMm + 6; z < FAN.startMm + 42; z += SPACING_MM) {
      for (let x = -26; x <= 26; x += SPACING_MM) if (FAN.holds(1.05 * x, z)) points.push(x, z);
    }
    this.#points = Float64Array.from(points);
  }

  /** @param referenceFromPlane at the image's time, 16 doubles */
  look(echoes: Uint8Array, referenceFromPlane: ArrayLike<number>): GlandDrift {
    const live = this.#smoothed(echoes);
    const scores = new Map<string, number>();
    let best = { score: Number.NEGATIVE_INFINITY, at: [0, 0, 0] as [number, number, number] };
    for (let x = -REACH.x; x <= REACH.x; x += 1) {
      for (let y = -REACH.y; y <= REACH.y; y += 1) {
        for (let z = -REACH.z; z <= REACH.z; z += 1) {
          const score = this.#fit(live, referenceFromPlane, STEP_MM * x, STEP_MM * y, STEP_MM * z);
          scores.set(`${x},${y},${z}`, score);
          if (score > best.score) best = { score, at: [x, y, z] };
        }
      }
    }
    const here = scores.get('0,0,0') ?? Number.NaN;
    if (!(best.score >= LEAST_FIT))
      return { mm: Number.NaN, alongMm: [Number.NaN, Number.NaN, Number.NaN], best: best.score, here };
    if (!(best.score - here >= LEAST_GAIN)) return { mm: 0, alongMm: [0, 0, 0], best: best.score, here };
    const alongMm = best.at.map((n, k) => STEP_MM * (n + peak(scores, best.at, k))) as [number, number, number];
    return { mm: Math.hypot(...alongMm), alongMm, best: best.score, here };
  }

  #smoothed(echoes: Uint8Array): Float64Array {
    const out = new Float64Array(this.#points.length / 2);
    for (let n = 0; n < out.length; n += 1) {
      let [sum, count] = [0, 0];
      for (let dx = -BLUR_MM; dx <= BLUR_MM; dx += 0.7) {
        for (let dz = -BLUR_MM; dz <= BLUR_MM; dz += 0.7) {
          const echo = FAN.echoAt(echoes, (this.#points[2 * n] as number) + dx, (this.#points[2 * n + 1] as number) + dz);
          if (Number.isNaN(echo)) continue;
          sum += echo;
          count += 1;
        }
      }
      out[n] = count > 0 ? sum / count : Number.NaN;
    }
    return out;
  }

  /** Normalised correlation with the tissue that lies at the points plus a shift, where half of them were swept. */
  #fit(live: Float64Array, m: ArrayLike<number>, dx: number, dy: number, dz: number): number {
    const p = new Float64Array(3);
    let [n, sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0, 0];
    for (let k = 0; k < live.length; k += 1) {
      p[0] = (this.#points[2 * k] as number) + dx;
      p[1] = dy;
      p[2] = (this.#points[2 * k + 1] as number) + dz;
      transformPoint(p, m, p);
      const b = this.#sampler.at(p[0] as number, p[1] as number, p[2] as number);
      const a = live[k] as number;
      if (!(b > 0) || Number.isNaN(a)) continue;
      n += 1;
      sa += a;
      sb += b;
      saa += a * a;
      sbb += b * b;
      sab += a * b;
    }
    if (n < live.length / 2) return Number.NEGATIVE_INFINITY;
    return (sab - (sa * sb) / n) / Math.sqrt(Math.max(1e-9, (saa - (sa * sa) / n) * (sbb - (sb * sb) / n)));
  }
}

/** It is looked this often, ms, and believed when it was seen this often in a row. */
const LOOK_EVERY_MS = 900;
const SEEN_TWICE = 2;

/** Looks at the live image now and then, and believes a movement of the gland that was seen twice in a row. */
export class GlandWatch {
  readonly #watch: MovedWatch;
  #drift: GlandDrift | undefined;
  #seen = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(us: Volume<'reference'>) {
    this.#watch = new MovedWatch(us);
  }

  /** What the last look said; undefined before the first. */
  get drift(): GlandDrift | undefined {
    return this.#drift;
  }

  /**
   * Looks, where it is time to.
   * @param view reference from plane when the picture was taken; one that was not measured is not looked at
   * @returns whether the gland has moved
   */
  look(nowMs: number, frame: LiveFrame, view: PoseView): boolean {
    if (nowMs - this.#lookedAtMs <= LOOK_EVERY_MS || view.status !== 'ok') return this.#seen >= SEEN_TWICE;
    this.#lookedAtMs = nowMs;
    this.#drift = this.#watch.look(frame.echoes, view.matrix);
    this.#seen = this.#drift.mm >= MOVED_MM ? this.#seen + 1 : 0;
    return this.#seen >= SEEN_TWICE;
  }

  /** Landmarks say that it lies as it was swept. */
  settle(): void {
    this.#drift = undefined;
    this.#seen = 0;
  }
}

/** Of a parabola through the best and its neighbours along one axis, in steps, −½ … ½. */
function peak(scores: ReadonlyMap<string, number>, at: readonly [number, number, number], axis: number): number {
  const beside = (by: number): number =>
    scores.get(at.map((v, k) => (k === axis ? v + by : v)).join(',')) ?? Number.NEGATIVE_INFINITY;
  const [a, b, c] = [beside(-1), beside(0), beside(1)];
  const bend = a - 2 * b + c;
  return Number.isFinite(bend) && bend < 0 ? Math.max(-0.5, Math.min(0.5, (a - c) / (2 * bend))) : 0;
}

/** A box of three voxels' half width along each axis, over what was swept. */
function blurred({ voxels, size }: Volume<'reference'>): Float32Array {
  let values = Float32Array.from(voxels);
  let weights = values.map((v) => (v > 0 ? 1 : 0));
  const strides = [1, size[0], size[0] * size[1]];
  for (let axis = 0; axis < 3; axis += 1) {
    values = summed(values, size, strides[axis] as number, axis);
    weights = summed(weights, size, strides[axis] as number, axis);
  }
  return values.map((v, n) => ((voxels[n] as number) > 0 ? v / (weights[n] as number) : 0));
}

function summed(source: Float32Array, size: readonly number[], stride: number, axis: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(source.length);
  const [count, half] = [size[axis] as number, 2];
  for (let n = 0; n < source.length; n += 1) {
    const i = Math.floor(n / stride) % count;
    let sum = 0;
    for (let d = -Math.min(half, i); d <= Math.min(half, count - 1 - i); d += 1) sum += source[n + d * stride] as number;
    out[n] = sum;
  }
  return out;
}
