import { type Point, point } from '@trocar/core';
import type { AblationTarget, Midsagittal } from '@trocar/core/guidance';
import type { AblationCase } from './case.js';
import { CT } from './frames.js';

/** A place or a direction of the image's frame, LPS mm. */
export type V3 = readonly [number, number, number];

/** Ways are offered to the tumour's middle and to places so far beside it, mm. */
const ASIDE_MM = [7] as const;
/** A probe that leaves less margin by this than one before is looked at no further, mm. */
const GIVE_UP_MM = 1;

/** The tumour's middle, and places beside and around it. */
export function aimsAbout(c: ArrayLike<number>): V3[] {
  const offsets: V3[] = [[0, 0, 0]];
  for (const k of [0, 1, 2]) {
    for (const s of ASIDE_MM.flatMap((mm) => [-mm, mm])) offsets.push([0, 1, 2].map((r) => (r === k ? s : 0)) as unknown as V3);
  }
  return offsets.map((o) => [0, 1, 2].map((k) => (c[k] as number) + (o[k] as number)) as unknown as V3);
}

/** The plane between left and right: upright through the middle of the image's grid. */
export function midsagittalOf({ volume: { frameFromIndex: m, size } }: AblationCase): Midsagittal {
  const middle = [0, 1, 2].map((r) =>
    [0, 1, 2].reduce((s, a) => s + ((m[4 * a + r] as number) * ((size[a] as number) - 1)) / 2, m[12 + r] as number),
  );
  return { point: middle as unknown as V3, towardsLeft: [1, 0, 0] };
}

/** The least of a value over places; given up, as less than it is worth to know, below what was found before. */
export function leastOver(
  places: readonly Float64Array[],
  value: (p: Float64Array, n: number) => number,
  before?: number,
): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < places.length; n += 1) {
    least = Math.min(least, value(places[n] as Float64Array, n));
    if (before !== undefined && least < before - GIVE_UP_MM) break;
  }
  return least;
}

/** Some hundred places of a target's surface. */
export function placesOn({ surface: { positions } }: AblationTarget<'ct'>, count = 250): Float64Array[] {
  const step = Math.max(1, Math.floor(positions.length / 3 / count));
  return Array.from({ length: Math.floor(positions.length / 3 / step) }, (_, n) =>
    positions.slice(3 * n * step, 3 * n * step + 3),
  );
}

/** The centre of mass of a target. */
export function middleOf(target: AblationTarget<'ct'>): V3 {
  const { places, volumes } = target.cells();
  const sum = [0, 0, 0];
  let all = 0;
  volumes.forEach((v, n) => {
    all += v;
    for (let k = 0; k < 3; k += 1) sum[k] = (sum[k] as number) + v * (places[3 * n + k] as number);
  });
  return sum.map((v) => v / all) as unknown as V3;
}

/** So far along the line from one point towards another. */
export function along(from: Point<'ct'>, to: Point<'ct'>, mm: number): Point<'ct'> {
  const length = apart(from.xyz, to.xyz);
  return point(
    CT,
    [0, 1, 2].map((k) => (from.xyz[k] as number) + (mm * ((to.xyz[k] as number) - (from.xyz[k] as number))) / length),
  );
}

export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.hypot(...[0, 1, 2].map((k) => (a[k] as number) - (b[k] as number)));
}
