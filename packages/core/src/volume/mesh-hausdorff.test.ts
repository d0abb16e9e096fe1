import { describe, expect, inject, it } from 'vitest';
import { fromRotationVector, Random, transformPoint, vec3 } from '../math/index.js';
import { hausdorffDistance, MeshDistance } from './index.js';

interface Faces {
  readonly positions: Float64Array;
  readonly triangles: Uint32Array;
}

/** A sphere of triangles, its vertices at `radius` of a direction. */
function ball(rings: number, radius: (x: number, y: number, z: number) => number): Faces {
  const around = 2 * rings;
  const positions: number[] = [];
  for (let r = 0; r <= rings; r += 1) {
    for (let a = 0; a < around; a += 1) {
      const [polar, turn] = [(Math.PI * r) / rings, (2 * Math.PI * a) / around];
      const [x, y, z] = [Math.sin(polar) * Math.cos(turn), Math.sin(polar) * Math.sin(turn), Math.cos(polar)];
      positions.push(...[x, y, z].map((c) => c * radius(x, y, z)));
    }
  }
  const triangles: number[] = [];
  for (let r = 0; r < rings; r += 1) {
    for (let a = 0; a < around; a += 1) {
      const [p, q] = [r * around + a, r * around + ((a + 1) % around)];
      triangles.push(p, p + around, q, q, p + around, q + around);
    }
  }
  return { positions: Float64Array.from(positions), triangles: Uint32Array.from(triangles) };
}

/** The greatest distance from a fine net of points on every triangle, both ways: never more than the truth. */
function slow(a: Faces, b: Faces, net: number): number {
  let most = 0;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const tree = new MeshDistance(to);
    const out = new Float64Array(4);
    for (let t = 0; t < from.triangles.length; t += 3) {
      for (let i = 0; i <= net; i += 1) {
        for (let j = 0; i + j <= net; j += 1) {
          const weights = [i / net, j / net, 1 - (i + j) / net];
          const p = [0, 1, 2].map((k) =>
            weights.reduce((sum, w, c) => sum + w * (from.positions[3 * (from.triangles[t + c] as number) + k] as number), 0),
          );
          tree.closest(out, p);
          most = Math.max(most, Math.sqrt(out[3] as number));
        }
      }
    }
  }
  return most;
}

const square = (corners: readonly (readonly number[])[]): Faces => ({
  positions: Float64Array.from(corners.flat()),
  triangles: Uint32Array.of(0, 1, 2, 0, 2, 3),
});
const FLAT = square([
  [0, 0, 0],
  [10, 0, 0],
  [10, 10, 0],
  [0, 10, 0],
]);

describe('the Hausdorff distance of two surfaces', () => {
  it('is nothing from a surface to itself, cut otherwise too', () => {
    const other = { ...FLAT, triangles: Uint32Array.of(0, 1, 3, 1, 2, 3) };
    expect(hausdorffDistance(FLAT, FLAT)).toEqual({ foundMm: 0, boundMm: 0 });
    expect(hausdorffDistance(FLAT, other).boundMm).toBeLessThan(2e-3);
  });

  it('is found between corners, where no vertex of either is far', () => {
    // A tent over the square's middle: its top is a vertex. The square's own vertices all lie on the tent.
    const tent = {
      positions: Float64Array.from([...FLAT.positions, 5, 5, 3]),
      triangles: Uint32Array.of(0, 1, 4, 1, 2, 4, 2, 3, 4, 3, 0, 4),
    };
    const { foundMm, boundMm } = hausdorffDistance(FLAT, tent);
    expect(foundMm).toBeCloseTo(3, 6);
    expect(boundMm).toBeGreaterThanOrEqual(3);
    expect(boundMm).toBeLessThanOrEqual(3 * 1.05);
    // A ridge between two opposite corners against a valley between the other two: every vertex is in both.
    const up = square([
      [0, 0, 2],
      [10, 0, 0],
      [10, 10, 2],
      [0, 10, 0],
    ]);
    const down = { ...up, triangles: Uint32Array.of(0, 1, 3, 1, 2, 3) };
    const vertices = hausdorffDistance(up, down, { mostQueries: 0 });
    const exact = hausdorffDistance(up, down);
    // By hand: the ridge's middle (5, 5, 2) is 2 / √1.08 from each plane 0.2 x + 0.2 y + z = 2 of the valley.
    const truth = 2 / Math.sqrt(1.08);
    expect(exact.foundMm).toBeLessThanOrEqual(truth + 1e-9);
    expect(exact.boundMm).toBeGreaterThanOrEqual(truth - 1e-9);
    expect(exact.boundMm / exact.foundMm).toBeLessThanOrEqual(1.051);
    expect(vertices.boundMm).toBeGreaterThanOrEqual(exact.foundMm);
  });

  it('counts both ways: a dent as much as a bump, a piece that is missing in either', () => {
    const whole = ball(12, () => 20);
    const bump = ball(12, (x, y, z) => 20 + (Math.hypot(x, y, z - 1) < 0.5 ? 4 : 0));
    for (const [a, b] of [
      [whole, bump],
      [bump, whole],
    ] as const) {
      const { foundMm, boundMm } = hausdorffDistance(a, b);
      expect(foundMm).toBeGreaterThan(3.5);
      expect(foundMm).toBeLessThanOrEqual(boundMm);
      expect(boundMm).toBeLessThan(4.25);
    }
    const half = { ...whole, triangles: whole.triangles.subarray(0, whole.triangles.length / 2) };
    expect(hausdorffDistance(whole, half).foundMm).toBeCloseTo(20 * Math.SQRT2, 0);
    expect(hausdorffDistance(half, whole).foundMm).toBeCloseTo(20 * Math.SQRT2, 0);
  });

  it('lies between a fine net of points and its bound, on shapes drawn by chance, wherever they stand', () => {
    const random = new Random(inject('seed') + 31);
    for (let n = 0; n < 6; n += 1) {
      const [u, v, w] = [0, 1, 2].map(() => random.between(-3, 3)) as [number, number, number];
      const a = ball(6, () => 15);
      const b = ball(9, (x, y, z) => 15 + Math.sin(u * x + v * y) + 0.5 * Math.cos(w * z));
      const { foundMm, boundMm } = hausdorffDistance(a, b);
      const net = slow(a, b, 12);
      expect(boundMm).toBeGreaterThanOrEqual(net);
      expect(boundMm).toBeLessThanOrEqual(1.05 * foundMm + 1e-3);
      expect(foundMm).toBeGreaterThan(0.9 * net);
      const pose = fromRotationVector(new Float64Array(16), [u, v, w]);
      pose.set([100 * u, 100 * v, 100 * w], 12);
      const moved = hausdorffDistance(posed(a, pose), posed(b, pose));
      expect(Math.abs(moved.foundMm - foundMm)).toBeLessThan(0.05 * foundMm);
    }
  });

  it('is less exact where it may look less, never too small', () => {
    const a = ball(8, () => 20);
    const b = ball(20, (x) => 20 + 0.3 * x);
    const exact = hausdorffDistance(a, b);
    const rough = hausdorffDistance(a, b, { mostQueries: 50 });
    expect(rough.boundMm).toBeGreaterThanOrEqual(exact.foundMm);
    expect(hausdorffDistance(a, b, { enoughMm: 5 }).boundMm).toBeGreaterThanOrEqual(exact.foundMm);
  });
});

function posed({ positions, triangles }: Faces, pose: Float64Array): Faces {
  const out = new Float64Array(positions.length);
  const p = vec3(0, 0, 0);
  for (let n = 0; n < positions.length; n += 3) out.set(transformPoint(p, pose, positions.subarray(n, n + 3)), n);
  return { positions: out, triangles };
}
