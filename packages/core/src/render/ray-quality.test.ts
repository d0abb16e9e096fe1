import { describe, expect, it } from 'vitest';
import { Fingerprint } from './fingerprint.js';
import { QualityChooser, RAY_QUALITIES } from './ray-quality.js';

/** The level after so many frames of that length, each of them changed or none. */
function after(chooser: QualityChooser, now: Float64Array, frames: number, ms: number, changed: boolean): number {
  for (let n = 0; n < frames; n += 1) {
    now[0] = (now[0] as number) + ms;
    chooser.choose(changed, now);
  }
  return chooser.level;
}

describe('the quality of rays', () => {
  it('is coarse while something moves, as coarse as it takes, and the finest when nothing does', () => {
    const chooser = new QualityChooser();
    const now = new Float64Array(1);
    expect(after(chooser, now, 3, 16, true)).toBe(2);
    expect(after(chooser, now, 5, 60, true)).toBeGreaterThan(2);
    expect(after(chooser, now, 60, 60, true)).toBe(RAY_QUALITIES.length - 1);
    expect(after(chooser, now, 1, 16, false), 'not yet still').toBe(RAY_QUALITIES.length - 1);
    expect(after(chooser, now, 10, 16, false)).toBe(0);
    expect(after(chooser, now, 1, 16, true), 'coarse at once').toBe(RAY_QUALITIES.length - 1);
  });

  it('becomes finer only after keeping up for long, and one late frame in between changes little', () => {
    const chooser = new QualityChooser();
    const now = new Float64Array(1);
    expect(after(chooser, now, 20, 16, true)).toBe(2);
    expect(after(chooser, now, 60, 16, true)).toBe(1);
    after(chooser, now, 1, 40, true);
    expect(after(chooser, now, 8, 16, true)).toBe(1);
  });
});

describe('a fingerprint', () => {
  it('changes with any number, and not without', () => {
    const print = new Fingerprint();
    const take = (numbers: readonly number[], n: number): boolean => {
      print.add(numbers);
      print.addInteger(n);
      return print.changed();
    };
    expect(take([1, 2.5, 3], 4)).toBe(true);
    expect(take([1, 2.5, 3], 4)).toBe(false);
    expect(take([1, 2.5001, 3], 4)).toBe(true);
    expect(take([1, 3, 2.5001], 4)).toBe(true);
    expect(take([1, 3, 2.5001], 5)).toBe(true);
    print.forget();
    expect(take([1, 3, 2.5001], 5)).toBe(true);
  });
});
