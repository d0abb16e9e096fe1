import fc from 'fast-check';
import { SphereGeometry } from 'three';
import { describe, expect, it } from 'vitest';
import { Random } from '../../math/index.js';
import { type AvoidLevel, avoidLevel, formatLeast } from './avoid.js';
import { MeshDistance, type TriangleMesh } from './mesh-distance.js';

/** A box from one corner to the other, twelve triangles that share no vertices, as an STL file has them. */
function box(low: readonly number[], high: readonly number[]): TriangleMesh {
  const at = (n: number): number[] => [0, 1, 2].map((k) => ((n >> k) & 1 ? high : low)[k] as number);
  const quads = [
    [0, 2, 3, 1],
    [4, 5, 7, 6],
    [0, 1, 5, 4],
    [2, 6, 7, 3],
    [0, 4, 6, 2],
    [1, 3, 7, 5],
  ] as const;
  const positions = quads.flatMap(([a, b, c, d]) => [a, b, c, a, c, d].flatMap(at));
  return { positions, indices: positions.slice(0, positions.length / 3).map((_, n) => n) };
}

/** The distance to a box, negative inside. */
function toBox(p: readonly number[], low: readonly number[], high: readonly number[]): number {
  const out = p.map((v, k) => Math.max((low[k] as number) - v, v - (high[k] as number)));
  const beyond = Math.hypot(...out.map((v) => Math.max(0, v)));
  return beyond > 0 ? beyond : Math.max(...out);
}

describe('the distance to a mesh', () => {
  const [low, high] = [
    [-10, -20, 5],
    [15, 4, 30],
  ] as const;

  it('is that to a box at its faces, edges and corners, inside and out', () => {
    const distance = new MeshDistance(box(low, high));
    const coordinate = fc.oneof(fc.double({ min: -60, max: 60, noNaN: true }), fc.constantFrom(-10, -20, 5, 15, 4, 30, 0));
    fc.assert(
      fc.property(coordinate, coordinate, coordinate, (x, y, z) => {
        const d = distance.from([x, y, z]);
        expect(d).toBeCloseTo(toBox([x, y, z], low, high), 9);
        const { nearest } = distance;
        expect(Math.hypot(x - (nearest[0] as number), y - (nearest[1] as number), z - (nearest[2] as number))).toBeCloseTo(
          Math.abs(d),
          9,
        );
        expect(Math.abs(toBox([...nearest], low, high))).toBeLessThan(1e-9);
      }),
      { numRuns: 400 },
    );
  });

  it('is on a fine sphere what every triangle by itself says', () => {
    const g = new SphereGeometry(20, 48, 32);
    const mesh = { positions: Float64Array.from(g.getAttribute('position').array), indices: Array.from(g.index?.array ?? []) };
    const whole = new MeshDistance(mesh);
    const each = Array.from({ length: mesh.indices.length / 3 }, (_, t) => {
      return new MeshDistance({ positions: mesh.positions, indices: mesh.indices.slice(3 * t, 3 * t + 3) });
    });
    const random = new Random(5);
    for (let n = 0; n < 40; n += 1) {
      const p = [0, 1, 2].map(() => 60 * random.uniform() - 30);
      const least = each.reduce((best, one) => Math.min(best, Math.abs(one.from(p))), Number.POSITIVE_INFINITY);
      const d = whole.from(p);
      expect(Math.abs(d)).toBeCloseTo(least, 9);
      const r = Math.hypot(...p);
      // The facets lie within the sphere, by a fraction of a millimetre.
      if (Math.abs(r - 20) > 0.2) expect(Math.sign(d)).toBe(Math.sign(r - 20));
      expect(Math.abs(d - (r - 20))).toBeLessThan(0.12);
    }
  });

  it('has its sign from the side the triangles face: turned inside out, it is turned', () => {
    const mesh = box(low, high);
    const turned = { positions: mesh.positions, indices: [...(mesh.indices as number[])].reverse() };
    expect(new MeshDistance(turned).from([0, 0, 40])).toBeCloseTo(-10, 9);
  });

  it.each([
    ['math/wrong-shape', { positions: [0, 0, 0], indices: [] }],
    ['math/wrong-shape', { positions: [0, 0, 0], indices: [0, 1, 2] }],
    ['math/not-finite', { positions: [0, 0, 0, 1, 0, 0, 0, Number.NaN, 0], indices: [0, 1, 2] }],
  ])('is refused with %s', (code, mesh) => {
    expect(() => new MeshDistance(mesh)).toThrow(expect.objectContaining({ code }));
  });
});

it('a distance that is a bound is rounded down, and says that it is one', () => {
  expect([4.29, 4.2, 4.3 - 1e-6, -0.01, 0.1 + 0.2].map(formatLeast)).toEqual(
    ['4.2', '4.2', '4.2', '−0.1', '0.3'].map((text) => `≥\u202f${text}\u202fmm`),
  );
});

describe('the level of a structure', () => {
  const limits = { warnMm: 8, dangerMm: 3, hysteresisMm: 0.5 };
  const run = (distances: readonly number[]): AvoidLevel[] => {
    let level: AvoidLevel = 'unknown';
    return distances.map((d) => (level = avoidLevel(d, level, limits)));
  };

  it('rises at once, and falls only beyond the hysteresis', () => {
    expect(run([20, 8, 8.4, 8.6, 3, 3.4, 3.6, -0.1, 0.4, 0.6, Number.NaN, 8.2])).toEqual(
      'clear warn warn clear danger danger warn inside inside danger unknown clear'.split(' '),
    );
  });

  it('is never better than the distance says, and does not flicker with noise', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -5, max: 20, noNaN: true }),
        fc.array(fc.double({ min: -0.24, max: 0.24, noNaN: true }), { minLength: 4 }),
        (at, noise) => {
          const order = ['clear', 'warn', 'danger', 'inside'];
          const distances = noise.map((n) => at + n);
          const levels = run(distances);
          for (const [n, d] of distances.entries()) {
            const plain = d <= 0 ? 3 : d <= 3 ? 2 : d <= 8 ? 1 : 0;
            expect(order.indexOf(levels[n] as string)).toBeGreaterThanOrEqual(plain);
          }
          const changes = levels.filter((l, n) => n > 0 && l !== levels[n - 1]).length;
          expect(changes).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('is never clear while nothing is known', () => {
    for (const before of ['clear', 'warn', 'danger', 'inside'] as const)
      expect(avoidLevel(Number.NaN, before, limits)).toBe('unknown');
  });
});
