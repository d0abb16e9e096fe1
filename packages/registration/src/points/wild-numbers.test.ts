import { frame, isNavError } from '@trocar/core';
import { expect, it } from 'vitest';
import { registerPoints } from '../index.js';
import { pointsIn } from '../testing/layouts.js';

const ct = frame('ct');
const tracker = frame('tracker');
const layout = [
  [0, 0, 0],
  [80, 5, 0],
  [10, 90, 3],
  [-20, 15, 70],
];

// NDI's number for nothing, and the largest that a table can hold: not "the same place", which their widths would make of them.
it.each([-3.697314e28, 1e308])('a coordinate of %s is no place, and its point is named', (value) => {
  const wild = layout.map((p, k) => (k === 2 ? [10, value, 3] : p));
  for (const [to, from] of [
    [wild, layout],
    [layout, wild],
    [wild, wild],
  ] as const) {
    let thrown: unknown;
    try {
      registerPoints(ct, tracker, pointsIn(ct, to), pointsIn(tracker, from));
    } catch (error) {
      thrown = error;
    }
    expect(isNavError(thrown, 'registration/not-finite')).toBe(true);
    expect(thrown).toMatchObject({ detail: { index: 2 } });
  }
});
