import { describe, expect, it } from 'vitest';
import { EYE_QUALITIES, RayBudget } from './ray-budget.js';

const FRAME_MS = 1000 / 72;
const STILL = [0, 1.6, 0, 0, 0, 0, 1];

/** A session whose frames take as long as `costMs` says of each quality, in whole refreshes of the display. */
function session(
  budget: RayBudget,
  costMs: (level: number) => number,
): (frames: number, headOf?: (t: number) => number[]) => number[] {
  let now = 1000;
  return (frames, headOf = () => STILL) => {
    const levels: number[] = [];
    for (let n = 0; n < frames; n += 1) {
      const level = EYE_QUALITIES.indexOf(budget.choose([now, FRAME_MS], headOf(now)));
      levels.push(level);
      now += FRAME_MS * Math.max(1, Math.ceil(costMs(level) / FRAME_MS));
    }
    return levels;
  };
}

/** A head that turns at so many degrees a second. */
const turning =
  (degreesPerS: number) =>
  (t: number): number[] => {
    const half = (degreesPerS * (t / 1000) * Math.PI) / 360;
    return [0, 1.6, 0, 0, Math.sin(half), 0, Math.cos(half)];
  };

describe('how fine the rays of a headset are', () => {
  it('gets finer while frames come in time, up to the finest', () => {
    const play = session(new RayBudget(), () => 5);
    const levels = play(400);
    expect(levels[0]).toBe(2);
    expect(levels.at(-1)).toBe(0);
    expect(levels.every((level, n) => n === 0 || level <= (levels[n - 1] as number))).toBe(true);
  });

  it('gets coarser within a few frames where they are late, down to the coarsest', () => {
    const play = session(new RayBudget(), () => 40);
    const levels = play(40);
    expect(levels.at(-1)).toBe(EYE_QUALITIES.length - 1);
    expect(levels[12]).toBeGreaterThan(2);
  });

  it('settles at what the headset can do, and seldom tries what was late', () => {
    const play = session(new RayBudget(), (level) => [60, 40, 20, 12, 8, 5, 4][level] as number);
    play(2000);
    const levels = play(4000);
    const tried = levels.filter((level) => level < 3).length;
    expect(levels.filter((level) => level === 3).length).toBeGreaterThan(0.95 * levels.length);
    expect(tried).toBeLessThan(0.02 * levels.length);
  });

  it.each([
    ['turns', turning(40)],
    ['goes', (t: number): number[] => [0.3 * (t / 1000), 1.6, 0, 0, 0, 0, 1]],
  ])('is one coarser while the head %s, and fine again soon after', (_, headOf) => {
    const budget = new RayBudget();
    const play = session(budget, () => 5);
    play(400);
    expect(new Set(play(30, headOf).slice(2))).toEqual(new Set([1]));
    expect(budget.moving).toBe(true);
    const after = play(30);
    expect(after.slice(15).every((level) => level === 0)).toBe(true);
    expect(budget.moving).toBe(false);
  });

  it('takes a head that only trembles for one that is still', () => {
    const play = session(new RayBudget(), () => 5);
    play(400);
    const trembling = (t: number): number[] => [0.0002 * Math.sin(t), 1.6, 0, 0, 0.0003 * Math.cos(t), 0, 1];
    expect(new Set(play(50, trembling).slice(2))).toEqual(new Set([0]));
  });

  it('does not take a pause for lateness', () => {
    const budget = new RayBudget();
    const play = session(budget, () => 5);
    play(400);
    budget.choose([60_000, FRAME_MS], STILL);
    budget.choose([120_000, FRAME_MS], STILL);
    expect(EYE_QUALITIES.indexOf(budget.choose([180_000, FRAME_MS], STILL))).toBe(0);
  });
});
