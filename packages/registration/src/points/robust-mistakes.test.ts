import { frame, isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { registerPoints } from '../index.js';
import { headLayout, localised, moved, pointsIn, randomPose } from '../testing/layouts.js';

const ct = frame('ct');
const tracker = frame('tracker');
const SD = 0.3;

type Cloud = Float64Array[];

function wordOf(to: Cloud, from: Cloud, options: { readonly fleMm?: number }): string {
  try {
    const { outcome, findings } = registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from), {
      robust: 'tukey',
      ...options,
    });
    return outcome === 'ok' ? 'ok' : findings.map((f) => f.code).join();
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
}

const runs = Math.min(300, 15 * inject('effort'));

describe('a robust fit does not hide a usual mistake behind outliers', () => {
  it.each<[string, (random: Random, from: Cloud) => Cloud, string]>([
    // Of a mirrored head a robust fit keeps the points near one plane, and all is well with those.
    ['mirrored', (_, from) => from.map(([x = 0, y = 0, z = 0]) => Float64Array.of(x, -y, z)), 'registration/mirrored'],
    ['2 % larger', (_, from) => from.map((p) => p.map((x) => 1.02 * x)), 'registration/scale'],
    ...[false, true].map((rows): [string, (random: Random, from: Cloud) => Cloud, string] => [
      `written ${rows ? 'row by row' : 'column by column'} and read the other way`,
      (_, from) => {
        const n = from.length;
        const flat = Float64Array.from(from.flatMap((p) => [...p]));
        const other = flat.map(
          (_x, m) => flat[rows ? (m % 3) * n + Math.floor(m / 3) : (m % n) * 3 + Math.floor(m / n)] as number,
        );
        return from.map((_p, k) => other.slice(3 * k, 3 * k + 3));
      },
      'registration/transposed',
    ]),
    [
      'with two points exchanged',
      (random, from) => {
        const k = random.below(from.length);
        const m = (k + 1) % from.length;
        return from.map((p, i) => (i === k ? (from[m] as Float64Array) : i === m ? (from[k] as Float64Array) : p));
      },
      'registration/swapped',
    ],
  ])('%s', (_, mistaken, code) => {
    for (let run = 0; run < runs; run += 1) {
      const random = new Random(9000 + run);
      const from = headLayout(random, 5 + random.below(7));
      const to = localised(random, moved(randomPose(random), from), [SD, SD, SD]);
      const options = run % 2 === 0 ? { fleMm: SD * Math.sqrt(3) } : {};
      expect([run, wordOf(to, mistaken(random, from), options)]).toEqual([run, code]);
    }
  });

  it('mirrored, with an outlier besides', () => {
    for (let run = 0; run < runs; run += 1) {
      const random = new Random(7000 + run);
      const from = headLayout(random, 8);
      const to = localised(random, moved(randomPose(random), from), [SD, SD, SD]);
      to[3] = (to[3] as Float64Array).map((x) => x + 15);
      const flipped = from.map(([x = 0, y = 0, z = 0]) => Float64Array.of(-x, y, z));
      expect([run, wordOf(to, flipped, { fleMm: SD * Math.sqrt(3) })]).toEqual([run, 'registration/mirrored']);
      expect([run, wordOf(to, from, { fleMm: SD * Math.sqrt(3) })]).toEqual([run, 'ok']);
    }
  });
});
