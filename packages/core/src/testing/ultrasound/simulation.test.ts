import { beforeAll, describe, expect, inject, it } from 'vitest';
import { apply, invert } from '../../frames/index.js';
import { Sampler } from '../../volume/index.js';
import { kelvinlet } from './deformation.js';
import { simulateUltrasound, type UltrasoundSimulation } from './simulation.js';

const seed = inject('seed');
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...[0, 1, 2].map((r) => (a[r] as number) - (b[r] as number)));
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('a Kelvinlet', () => {
  const movement = kelvinlet([3, -2, 20], [1, 0.5, -8], 28);
  const out = new Float64Array(3);

  it('moves its place by the given shift, and less the further away', () => {
    movement.forward(out, 3, -2, 20);
    expect(Array.from(out, (x, r) => x - ([3, -2, 20][r] as number))).toEqual(
      [1, 0.5, -8].map((x) => expect.closeTo(x, 12) as number),
    );
    movement.forward(out, 3, -2, -40);
    expect(distance(out, [3, -2, -40])).toBeLessThan(5);
  });

  it('is undone by its way back to a hundredth of a millimetre', () => {
    for (const p of [
      [3, -2, 20],
      [-20, 14, 3],
      [10, 25, -30],
    ] as const) {
      movement.forward(out, p[0], p[1], p[2]);
      movement.back(out, out[0] as number, out[1] as number, out[2] as number);
      expect(distance(out, p)).toBeLessThan(0.01);
    }
  });
});

describe('simulated ultrasound', () => {
  let still: UltrasoundSimulation;
  let shifted: UltrasoundSimulation;
  beforeAll(() => {
    still = simulateUltrasound({ seed, errors: 0 });
    shifted = simulateUltrasound({ seed, shiftMm: 8 });
  }, 120_000);

  it('without errors and shift shows its targets where the rigid truth puts them', () => {
    expect(still.targets.mr.length).toBeGreaterThan(20);
    still.targets.mr.forEach((p, k) => {
      expect(distance(apply(still.usFromMr, p).xyz, still.targets.us[k]?.xyz ?? [])).toBeLessThan(1e-9);
    });
  });

  it('has echoes at its targets: sulci and vessels are brighter than what lies around them', () => {
    for (const { us, targets } of [still, shifted]) {
      const sampler = new Sampler(us);
      const at = (x: ArrayLike<number>, axis: number, mm: number): number => {
        const [a, b, c] = [0, 1, 2].map((r) => (x[r] as number) + (r === axis ? mm : 0)) as [number, number, number];
        return sampler.at(a, b, c);
      };
      // Beyond the volume is NaN, beyond the fan 0.
      const seen = (values: readonly number[]): number[] => values.filter((x) => x > 0);
      const own = seen(targets.us.map((p) => at(p.xyz, 0, 0)));
      const around = seen(targets.us.flatMap((p) => [0, 1, 2].flatMap((axis) => [at(p.xyz, axis, -5), at(p.xyz, axis, 5)])));
      expect(own.length).toBeGreaterThan(0.8 * targets.us.length);
      expect(mean(own) - mean(around)).toBeGreaterThan(15);
    }
  });

  it('moves its targets by the shift and by errors of tracking', () => {
    const offsets = shifted.targets.mr.map((p, k) => distance(apply(shifted.usFromMr, p).xyz, shifted.targets.us[k]?.xyz ?? []));
    expect(mean(offsets)).toBeGreaterThan(2);
    expect(Math.max(...offsets)).toBeLessThan(12);
  });

  it('is empty outside its fan and the same for the same seed', () => {
    const { voxels } = shifted.us;
    const empty = (voxels as Uint8Array).reduce((n, x) => n + (x === 0 ? 1 : 0), 0) / voxels.length;
    expect(empty).toBeGreaterThan(0.3);
    expect(empty).toBeLessThan(0.9);
    const again = simulateUltrasound({ seed, shiftMm: 8 });
    // Element by element here: a matcher takes half a minute over a million voxels.
    expect((again.us.voxels as Uint8Array).every((x, n) => x === shifted.us.voxels[n])).toBe(true);
    expect((again.flair.voxels as Int16Array).every((x, n) => x === shifted.flair.voxels[n])).toBe(true);
  });

  it('shows in the MR what the labels say: sulci dark on FLAIR, where white matter is not', () => {
    const sampler = new Sampler(still.flair);
    const own = mean(still.targets.mr.map((p) => sampler.at(p.xyz[0] as number, p.xyz[1] as number, p.xyz[2] as number)));
    const everywhere = mean(Array.from({ length: 2000 }, (_, n) => still.flair.voxels[n * 97] as number));
    expect(own).toBeLessThan(everywhere);
    expect(
      distance(apply(invert(still.usFromMr), still.targets.us[0] as never).xyz, still.targets.mr[0]?.xyz ?? []),
    ).toBeLessThan(1e-9);
  });
});
