import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { Random } from '../math/index.js';
import { volume } from '../volume/index.js';
import { airLevels } from './air.js';

/** A fifth each of what `draw` gives for 0 … 4. */
function mixture(draw: (part: number, random: Random) => number): ReturnType<typeof airLevels> {
  const random = new Random(3);
  const voxels = Float32Array.from({ length: 30 ** 3 }, (_, n) => draw(n % 5, random));
  const m = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
  return airLevels(volume({ frame: frame('ct'), voxels, size: [30, 30, 30], frameFromIndex: m }));
}

describe('where air ends', () => {
  it('is between air and lung in a CT, padded or not', () => {
    for (const padding of [-1000, -2048]) {
      const { surely, black } = mixture((part, r) => (part === 0 ? padding : part < 3 ? -990 : 50) + 20 * r.normal());
      expect(surely).toBeGreaterThan(-990);
      expect(surely).toBeLessThan(-850);
      expect(black).toBeGreaterThan(-400);
      expect(black).toBeLessThan(0);
    }
  });

  it('is above the noise of an MR and below its dark tissue', () => {
    const { surely, black } = mixture((part, r) =>
      part > 2 ? 600 + 30 * r.normal() : Math.hypot(12 * r.normal(), 12 * r.normal()),
    );
    expect(surely).toBeGreaterThan(15);
    expect(surely).toBeLessThan(60);
    expect(black).toBeLessThan(600);
  });
});
