import { describe, expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import type { PlusVolume } from './arithmetic.js';
import { fillHolesLikePlus, type PlusHoleFilling } from './holes.js';

type Cube = Extract<PlusHoleFilling, { readonly size: number }>;

/** Random voxels of which a share was pasted, 1 to 3 times 256. */
function scene(seed: number, share: number): PlusVolume {
  const random = new Random(seed);
  const size = [7, 6, 5] as const;
  const count = size[0] * size[1] * size[2];
  const accumulator = Uint16Array.from({ length: count }, () => (random.uniform() < share ? 256 * (1 + random.below(3)) : 0));
  const voxels = Uint8Array.from({ length: count }, (_, n) => (accumulator[n] === 0 ? 0 : random.below(256)));
  return { size, accumulator, voxels };
}

/** The definition in doubles, a voxel at a time: what is not within a hundredth of a whole number must come out the same. */
function expected(v: PlusVolume, one: Cube, hole: readonly number[]): number | undefined {
  const reach = Math.floor((one.size - 1) / 2);
  const met: { value: number; far: number; distance: number; pasted: number }[] = [];
  for (let n = 0; n < v.voxels.length; n += 1) {
    const at = [n % v.size[0], Math.floor(n / v.size[0]) % v.size[1], Math.floor(n / (v.size[0] * v.size[1]))];
    const off = at.map((x, r) => x - (hole[r] as number));
    const far = Math.max(...off.map(Math.abs));
    const pasted = v.accumulator[n] as number;
    if (pasted > 0 && far <= reach) met.push({ value: v.voxels[n] as number, far, distance: Math.hypot(...off), pasted });
  }
  const least = Math.min(...met.map(({ far }) => far));
  const used = one.kind === 'nearest' ? met.filter(({ far }) => far === least) : met;
  if (used.length === 0 || !(used.length / one.size ** 3 > one.minKnownRatio)) return 0;
  const weight = ({ distance, pasted }: (typeof met)[number]): number => {
    if (one.kind === 'nearest') return 1;
    if (one.kind === 'inverse-distance') return 1 / distance;
    return Math.exp(-(distance ** 2) / (2 * (one.stdev as number) ** 2)) * (one.kind === 'gaussian' ? 1 : pasted);
  };
  const value = used.reduce((s, m) => s + m.value * weight(m), 0) / used.reduce((s, m) => s + weight(m), 0);
  return Math.abs(value - Math.round(value)) < 0.01 ? undefined : Math.floor(value);
}

describe('hole filling as in PLUS', () => {
  it.each([
    { kind: 'gaussian', size: 5, minKnownRatio: 0.1, stdev: 0.6667 },
    { kind: 'gaussian-accumulation', size: 3, minKnownRatio: 0.05, stdev: 1.1 },
    { kind: 'inverse-distance', size: 5, minKnownRatio: 0.2 },
    { kind: 'nearest', size: 5, minKnownRatio: 0.01 },
  ] as const)('$kind follows its definition, and leaves what was pasted', (one) => {
    let compared = 0;
    for (const share of [0.1, 0.4]) {
      const v = scene(7 + 10 * share, share);
      const out = fillHolesLikePlus(v, [one]);
      out.forEach((value, n) => {
        const hole = [n % v.size[0], Math.floor(n / v.size[0]) % v.size[1], Math.floor(n / (v.size[0] * v.size[1]))];
        const wanted = v.accumulator[n] === 0 ? expected(v, one, hole) : (v.voxels[n] as number);
        if (wanted === undefined) return;
        compared += 1;
        expect(value, `voxel ${hole.join(' ')}`).toBe(wanted);
      });
    }
    expect(compared).toBeGreaterThan(300);
  });

  it('tries one way after another, and reads only what was pasted', () => {
    const v: PlusVolume = {
      size: [5, 1, 1],
      accumulator: Uint16Array.of(256, 0, 0, 0, 256),
      voxels: Uint8Array.of(10, 0, 0, 0, 50),
    };
    const cube: PlusHoleFilling = { kind: 'gaussian', size: 3, minKnownRatio: 0.02, stdev: 1 };
    expect([...fillHolesLikePlus(v, [cube])]).toEqual([10, 10, 0, 50, 50]);
    // Forward 2, back 2, of 5: (1 − 3/5) · 10 + 3/5 · 50.
    expect([...fillHolesLikePlus(v, [cube, { kind: 'stick', lengthLimit: 9 }])]).toEqual([10, 10, 34, 50, 50]);
    expect([...fillHolesLikePlus(v, [{ ...cube, minKnownRatio: 1 / 27 }])]).toEqual([10, 0, 0, 0, 50]);
  });
});
