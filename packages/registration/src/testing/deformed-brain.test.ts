import { transformPoint } from '@trocar/core/math';
import { Sampler } from '@trocar/core/volume';
import { describe, expect, it } from 'vitest';
import { deformedBrain } from './deformed-brain.js';

const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length;

describe('a deformed brain', () => {
  it('without a shift is rigid: the truth is the rigid motion', () => {
    const { bestRigid, errorsOf } = deformedBrain({ kind: 'remap', seed: 3, shiftMm: 0, spacingMm: 3 });
    expect(Math.max(...errorsOf((out, p) => transformPoint(out, bestRigid.matrix, p)))).toBeLessThan(1e-6);
  });

  it('moves by what was asked for, most where it is pulled, and no rigid motion undoes it', () => {
    const { bestRigid, errorsOf } = deformedBrain({ kind: 'remap', seed: 4, shiftMm: 8, spacingMm: 3 });
    const left = errorsOf((out, p) => transformPoint(out, bestRigid.matrix, p));
    expect(mean(left)).toBeGreaterThan(0.6);
    expect(Math.max(...left)).toBeLessThan(8);
  });

  it('shows in the fixed image what its places say: equal tissue has equal grey, and by the rigid motion it has not', () => {
    const { fixed, moving, fixedPlaces, movingPlaces, bestRigid } = deformedBrain({
      kind: 'remap',
      seed: 5,
      shiftMm: 10,
      spacingMm: 2,
    });
    const [mr] = moving as readonly [(typeof moving)[number]];
    const [seen, before] = [new Sampler(fixed), new Sampler(mr)];
    /** Spread of the fixed image's grey among places whose moving grey is alike, of its whole spread. */
    const unexplained = (places: ArrayLike<number>): number => {
      const bins = new Map<number, number[]>();
      for (let n = 0; n < places.length; n += 3) {
        const grey = before.at(places[n] as number, places[n + 1] as number, places[n + 2] as number);
        const value = seen.at(...(fixedPlaces.slice(n, n + 3) as unknown as [number, number, number]));
        if (Number.isNaN(grey) || Number.isNaN(value)) continue;
        const bin = Math.floor(grey / 25);
        bins.set(bin, [...(bins.get(bin) ?? []), value]);
      }
      const squares = (x: number[]): number => {
        const m = x.reduce((a, b) => a + b, 0) / x.length;
        return x.reduce((s, v) => s + (v - m) ** 2, 0);
      };
      const all = [...bins.values()];
      return all.reduce((s, b) => s + squares(b), 0) / squares(all.flat());
    };
    const rigid = new Float64Array(fixedPlaces.length);
    for (let n = 0; n < rigid.length; n += 3) {
      rigid.set(transformPoint(new Float64Array(3), bestRigid.matrix, fixedPlaces.subarray(n, n + 3)), n);
    }
    expect(unexplained(movingPlaces)).toBeLessThan(0.6 * unexplained(rigid));
  });

  it('of ultrasound: steady places differ from recorded ones by a tracker’s noise, in no direction more than in another', () => {
    const { fixedPlaces, steadyPlaces } = deformedBrain({ kind: 'ultrasound', seed: 6, shiftMm: 5, spacingMm: 4 });
    const off = fixedPlaces.map((x, n) => x - (steadyPlaces[n] as number));
    const rms = Math.sqrt(off.reduce((s, x) => s + x * x, 0) / (off.length / 3));
    // 0.25 mm, and 0.3° at 20 to 60 mm from the probe.
    expect(rms).toBeGreaterThan(0.15);
    expect(rms).toBeLessThan(0.5);
    for (let r = 0; r < 3; r += 1) expect(Math.abs(off.reduce((s, x, n) => (n % 3 === r ? s + x : s), 0))).toBeLessThan(1e-9);
  });
});
