import type { Frame } from '../../../frames/index.js';
import type { SignedField } from '../../../volume/index.js';

/** A shape by its formula: its distances are exact, so that what is computed from them can be held against an analytic answer. */
export function shape<F extends string>(frame: Frame<F>, distance: (x: number, y: number, z: number) => number): SignedField<F> {
  return {
    frame,
    sampleInto(out, p) {
      out[0] = distance(p[0] as number, p[1] as number, p[2] as number);
      out[1] = out[0] as number;
      out[2] = 1;
    },
  };
}

/** A ball. */
export function ball<F extends string>(frame: Frame<F>, centre: ArrayLike<number>, radiusMm: number): SignedField<F> {
  const [a = 0, b = 0, c = 0] = Array.from(centre);
  return shape(frame, (x, y, z) => Math.hypot(x - a, y - b, z - c) - radiusMm);
}

/** The distance from a point to a segment, mm. */
export function toSegment(p: ArrayLike<number>, from: ArrayLike<number>, to: ArrayLike<number>): number {
  const way = [0, 1, 2].map((k) => (to[k] as number) - (from[k] as number));
  const off = [0, 1, 2].map((k) => (p[k] as number) - (from[k] as number));
  const dot = (a: number[], b: number[]): number => a.reduce((sum, v, k) => sum + v * (b[k] as number), 0);
  const t = Math.min(1, Math.max(0, dot(way, off) / dot(way, way)));
  return Math.hypot(...off.map((v, k) => v - t * (way[k] as number)));
}
