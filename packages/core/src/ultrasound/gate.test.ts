import { describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { smoothNoise } from '../testing/ultrasound/noise.js';
import { gateSweep, gridOfSweep, makeSweep, reconstructSweep, rowSpans, type SweepGate } from './index.js';
import { SCENE, sceneSweep } from './test-support/scenes.js';

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (!isNavError(error)) throw error;
    return error.code;
  }
  return 'nothing';
};

/** An image every 100 ms from 0 on; the third has no pose. */
function sweepOf(frames: number) {
  const m = Float64Array.of(0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  return makeSweep({
    frame: SCENE,
    size: [4, 3],
    frames: Array.from({ length: frames }, (_, n) => ({
      pixels: new Uint8Array(12),
      frameFromImage: m,
      timeMs: 100 * n,
      status: n === 2 ? 'missing' : 'ok',
    })),
  });
}

const timesOf = (gate: SweepGate): number[] => gateSweep(sweepOf(12), gate).frames.map((f) => f.timeMs as number);

describe('a gate', () => {
  it('keeps a part of every cycle, and numbers what it left out as the recording does', async () => {
    const gated = gateSweep(sweepOf(12), { cyclesMs: [100, 500, 1000], phase: [0.5, 0.9] });
    // The first cycle takes 400 ms: half of it is 300, nine tenths 460. The second 500: 750 and 950.
    expect(gated.frames.map((f) => f.timeMs)).toEqual([300, 400, 800, 900]);
    expect(gated.outsideGate).toEqual([0, 1, 5, 6, 7, 10, 11]);
    expect(gated.withoutPose).toEqual([2]);
    expect((await reconstructSweep(gated)).outsideGate).toEqual(gated.outsideGate);
  });

  it('goes over the end of a cycle', () => {
    expect(timesOf({ cyclesMs: [0, 500, 1000], phase: [0.8, 0.2] })).toEqual([0, 400, 500, 900]);
  });

  it('knows no phase before the first cycle, behind the last and in one too long', () => {
    expect(timesOf({ cyclesMs: [300, 500, 1000], phase: [0, 1], longestMs: 400 })).toEqual([300, 400]);
  });

  it('keeps a range of a signal, between measurements too, but not in its gaps', () => {
    const gate = { timesMs: [0, 50, 150, 250, 650, 750, 850], values: [0, 0, 10, 10, 10, 10, 0], range: [5, 20] } as const;
    expect(timesOf(gate)).toEqual([100, 700, 800]);
    expect(timesOf({ ...gate, longestMs: 400 })).toEqual([100, 300, 400, 500, 600, 700, 800]);
  });

  it('may follow another', () => {
    const once = gateSweep(sweepOf(12), { cyclesMs: [0, 500, 1000], phase: [0, 0.5] });
    const twice = gateSweep(once, { timesMs: [0, 1200], values: [0, 12], range: [0, 6], longestMs: 1e4 });
    expect(twice.frames.map((f) => f.timeMs)).toEqual([0, 100, 500, 600]);
    expect(twice.outsideGate).toEqual([3, 4, 7, 8, 9, 10, 11]);
  });

  it('takes the breathing out of a body that moves', async () => {
    const body = smoothNoise(3, 3);
    // The body stands still for half of a second and lies 3 mm further on for the other half; images come every 40 ms.
    const still = (x: number, y: number, z: number): number => 120 + 40 * body(x, y, z);
    const options = { seed: 2, frames: 60, stepMm: 0.1, tilt: 0.02 };
    const isAway = (timeMs: number): boolean => timeMs % 1000 >= 500;
    const truth = sceneSweep({ ...options, grey: still });
    const moved = sceneSweep({ ...options, grey: (x, y, z) => still(x - 3, y, z) });
    const frames = truth.frames.map((f, n) => (isAway(f.timeMs as number) ? (moved.frames[n] ?? f) : f));
    const sweep = makeSweep({ frame: SCENE, size: truth.size, frames });
    const grid = gridOfSweep(sweep, rowSpans(sweep.size), { spacingMm: 0.4 });
    const gated = gateSweep(sweep, { cyclesMs: [0, 1000, 2000, 3000], phase: [0, 0.5] });
    const [right, all, some] = await Promise.all(
      [truth, sweep, gated].map((s) => reconstructSweep(s, { grid, voxels: 'float32' })),
    );
    const errorOf = (made: typeof all): number => {
      let [sum, count] = [0, 0];
      some?.coverage.forEach((mark, n) => {
        if (mark !== 1) return;
        sum += ((made?.volume.voxels[n] as number) - (right?.volume.voxels[n] as number)) ** 2;
        count += 1;
      });
      return Math.sqrt(sum / count);
    };
    expect(errorOf(some)).toBeLessThan(0.2 * errorOf(all));
  });

  it.each<[string, SweepGate, string]>([
    ['one cycle', { cyclesMs: [0], phase: [0, 0.5] }, 'ultrasound/bad-option'],
    ['cycles that go back', { cyclesMs: [0, 500, 400], phase: [0, 0.5] }, 'ultrasound/bad-option'],
    ['no phase', { cyclesMs: [0, 500], phase: [0.5, 0.5] }, 'ultrasound/bad-option'],
    ['a phase in percent', { cyclesMs: [0, 500], phase: [0, 50] }, 'ultrasound/bad-option'],
    ['a range turned round', { timesMs: [0, 1], values: [0, 1], range: [2, 1] }, 'ultrasound/bad-option'],
    ['values that are missing', { timesMs: [0, 1], values: [0], range: [0, 1] }, 'ultrasound/bad-option'],
    ['NaN', { timesMs: [0, Number.NaN], values: [0, 1], range: [0, 1] }, 'ultrasound/bad-option'],
    ['another clock', { cyclesMs: [1e6, 2e6], phase: [0, 0.5] }, 'ultrasound/no-frames'],
  ])('refuses %s', (_, gate, code) => {
    expect(codeOf(() => gateSweep(sweepOf(12), gate))).toBe(code);
  });

  it('refuses images without times', () => {
    const m = Float64Array.of(0.1, 0, 0, 0, 0, 0.1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const sweep = makeSweep({ frame: SCENE, size: [4, 3], frames: [{ pixels: new Uint8Array(12), frameFromImage: m }] });
    expect(codeOf(() => gateSweep(sweep, { cyclesMs: [0, 1], phase: [0, 1] }))).toBe('ultrasound/bad-times');
  });
});
