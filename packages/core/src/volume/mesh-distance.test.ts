import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { frame } from '../frames/index.js';
import { Random } from '../math/index.js';
import { MeshDistance, mesh } from './index.js';

const CT = frame('ct');

/** Triangles strewn about a cube of 100 mm, among them needles and very small ones. */
function soup(random: Random, count: number): { positions: Float64Array; triangles: Uint32Array } {
  const positions = new Float64Array(9 * count);
  for (let t = 0; t < count; t += 1) {
    const size = 10 ** random.between(-1, 1.3);
    const at = [0, 1, 2].map(() => random.between(-50, 50));
    for (let n = 0; n < 9; n += 1) positions[9 * t + n] = (at[n % 3] as number) + size * random.normal() * (n < 3 ? 0.05 : 1);
  }
  return { positions, triangles: Uint32Array.from({ length: 3 * count }, (_, n) => n) };
}

/** Slow truth: the least over a fine barycentric net, refined around its best place. */
function slowDistance(p: readonly number[], corners: ArrayLike<number>): number {
  const at = (s: number, t: number): number =>
    Math.hypot(
      ...[0, 1, 2].map((k) => {
        const a = corners[k] as number;
        return a + s * ((corners[3 + k] as number) - a) + t * ((corners[6 + k] as number) - a) - (p[k] as number);
      }),
    );
  let [bs, bt, best] = [0, 0, at(0, 0)];
  for (let step = 0.25; step > 1e-9; ) {
    const before = best;
    for (let i = -4; i <= 4; i += 1) {
      for (let j = -4; j <= 4; j += 1) {
        const s = Math.min(1, Math.max(0, bs + i * step));
        const t = Math.min(1 - s, Math.max(0, bt + j * step));
        const d = at(s, t);
        if (d < best) [bs, bt, best] = [s, t, d];
      }
    }
    if (!(best < before)) step /= 2;
  }
  return best;
}

describe('closest point on a mesh', () => {
  it('equals a slow search over all triangles, with and without a hint', () => {
    const random = new Random(inject('seed') + 11);
    const model = soup(random, 300);
    const tree = new MeshDistance(mesh({ frame: CT, ...model }));
    const out = new Float64Array(4);
    for (let n = 0; n < 40; n += 1) {
      const p = [0, 1, 2].map(() => random.between(-70, 70));
      const hint = n % 2 === 0 ? -1 : random.below(tree.length);
      const slot = tree.closest(out, Float64Array.from(p), hint);
      const distance = Math.sqrt(out[3] as number);
      let least = Number.POSITIVE_INFINITY;
      for (let t = 0; t < 300; t += 1) {
        const corners = model.positions.subarray(9 * t, 9 * t + 9);
        // Only those that can win: nothing of a triangle is nearer than its nearest corner less its longest side.
        const corner = Math.min(...[0, 3, 6].map((c) => Math.hypot(...p.map((x, k) => x - (corners[c + k] as number)))));
        const side = Math.max(
          ...[
            [0, 3],
            [0, 6],
            [3, 6],
          ].map(([a, b]) =>
            Math.hypot(...p.map((_, k) => (corners[(a as number) + k] as number) - (corners[(b as number) + k] as number))),
          ),
        );
        if (corner - side < distance) least = Math.min(least, slowDistance(p, corners));
      }
      expect(Math.abs(distance - least)).toBeLessThan(1e-6);
      expect(Math.hypot(...p.map((x, k) => x - (out[k] as number)))).toBeCloseTo(distance, 9);
      expect(
        slowDistance([...out.subarray(0, 3)], model.positions.subarray(9 * tree.triangleOf(slot), 9 * tree.triangleOf(slot) + 9)),
      ).toBeLessThan(1e-6);
    }
  });

  it('leaves out triangles without area and says which; refuses a mesh of nothing else', () => {
    const positions = Float64Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 2, 0, 0);
    const tree = new MeshDistance(mesh({ frame: CT, positions, triangles: Uint32Array.of(0, 1, 3, 0, 1, 2, 1, 1, 2) }));
    expect([...tree.degenerate]).toEqual([0, 2]);
    expect(tree.length).toBe(1);
    try {
      new MeshDistance(mesh({ frame: CT, positions, triangles: Uint32Array.of(0, 1, 3) }));
      expect.unreachable();
    } catch (error) {
      expect(isNavError(error, 'mesh/empty')).toBe(true);
    }
  });
});
