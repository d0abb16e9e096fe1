import { expect, it } from 'vitest';
import { RayRefinement } from './ray-refinement.js';

/** Refines a picture on a machine that takes so long for all of it, and so long for everything else in a frame. */
function refined(wholeMs: number, restMs: number, height = 300): { frames: number[]; rows: number } {
  const refinement = new RayRefinement();
  const now = new Float64Array(1);
  // Moving, with a picture of a sixteenth of the work; then still.
  for (let n = 0; n < 10; n += 1) {
    refinement.other(now, n < 5 ? 16 : 0);
    now[0] = (now[0] as number) + Math.max(16.7, restMs + (n < 5 ? wholeMs / 16 : 0));
  }
  refinement.other(now, 0);
  refinement.begin(height, now);
  const frames: number[] = [];
  let rows = 0;
  for (let n = 0; n < 1000; n += 1) {
    refinement.next(now);
    expect(refinement.from).toBe(rows);
    rows += refinement.rows;
    const took = Math.max(16.7, restMs + (wholeMs * refinement.rows) / height);
    frames.push(took);
    now[0] = (now[0] as number) + took;
    if (refinement.ended()) break;
  }
  return { frames, rows };
}

it('draws every row once', () => {
  for (const whole of [1, 100, 1000, 5000]) expect(refined(whole, 5).rows).toBe(300);
});

it('no frame is longer than 30 ms by more than a tenth, and a slow machine is not a slow picture', () => {
  for (const [whole, rest] of [
    [1000, 8],
    [400, 12],
    [1700, 2],
  ] as const) {
    const { frames } = refined(whole, rest);
    expect(Math.max(...frames)).toBeLessThan(33);
    expect(frames.length).toBeLessThan((1.8 * whole) / (30 - rest) + 8);
  }
});

it('takes few frames where the machine is fast', () => {
  expect(refined(10, 3).frames.length).toBeLessThan(10);
});

it('still ends where frames are slow without it', () => {
  const { frames, rows } = refined(500, 60);
  expect(rows).toBe(300);
  expect(frames.length).toBeLessThan(70);
  expect(Math.max(...frames)).toBeLessThan(100);
});

it('begins anew after it was left', () => {
  const refinement = new RayRefinement();
  const now = new Float64Array(1);
  refinement.begin(640, now);
  refinement.next(now);
  refinement.next(now);
  expect(refinement.from).toBeGreaterThan(0);
  refinement.abandon();
  expect(refinement.begun).toBe(false);
  refinement.begin(640, now);
  refinement.next(now);
  expect(refinement.from).toBe(0);
});
