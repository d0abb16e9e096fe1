import { NavError } from '@trocar/core';
import { median } from '../accuracy/robust.js';
import { at } from './rigid-fit.js';

/** Millimetres in the units that coordinates come in by mistake. */
const UNITS = [
  ['metres', 1000],
  ['centimetres', 10],
  ['inches', 25.4],
] as const;

/** Sizes this near (10 %) to a unit's factor are taken for that unit: layouts are known far better. */
const NEAR = 1.1;

/** Pair distances looked at; above, they are spread evenly over all. */
const MOST_DISTANCES = 20_000;

/**
 * How many times larger the `to` side is: the median ratio of the distances between two points, which neither a few wrong
 * points nor two exchanged ones move.
 */
export function sizeRatio(to: ArrayLike<number>, from: ArrayLike<number>, used: readonly number[]): number {
  const n = used.length;
  const stride = Math.max(1, Math.ceil((n * (n - 1)) / 2 / MOST_DISTANCES));
  const ratios: number[] = [];
  let count = 0;
  for (let a = 1; a < n; a += 1) {
    for (let b = 0; b < a; b += 1) {
      if (count++ % stride !== 0) continue;
      const i = used[a] as number;
      const j = used[b] as number;
      ratios.push(distance(to, i, j) / distance(from, i, j));
    }
  }
  return median(Float64Array.from(ratios));
}

/**
 * Refuses two sides in different units of length. No rigid motion joins sides whose sizes differ tenfold, so that this
 * only gives a refusal its name.
 * @throws NavError `registration/units` (detail: `ratio`, `unit`, `side`: which side seems to be in that unit)
 */
export function requireSameUnits(ratio: number): void {
  for (const [unit, factor] of UNITS) {
    const side = near(ratio, factor) ? 'from' : near(ratio, 1 / factor) ? 'to' : undefined;
    if (side === undefined) continue;
    throw new NavError(
      'registration/units',
      `The "to" side is ${Number(ratio.toPrecision(3))} times as large as the "from" side: the ${side} points seem to be in ${unit}, ` +
        `the others in millimetres. Multiply the ${side} points by ${factor}.`,
      { detail: { ratio, unit, side, factor } },
    );
  }
}

function near(ratio: number, factor: number): boolean {
  return ratio < factor * NEAR && ratio > factor / NEAR;
}

function distance(xyz: ArrayLike<number>, i: number, j: number): number {
  return Math.hypot(
    at(xyz, 3 * i) - at(xyz, 3 * j),
    at(xyz, 3 * i + 1) - at(xyz, 3 * j + 1),
    at(xyz, 3 * i + 2) - at(xyz, 3 * j + 2),
  );
}
