import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../math/index.js';
import type { Mesh } from './mesh.js';
import { MeshDistance } from './mesh-distance.js';
import { SignedMeshDistance } from './signed-mesh-distance.js';

type Triangles = Pick<Mesh<string>, 'positions' | 'triangles'>;

/** A box from one corner to the other, twelve triangles that share no vertices, as an STL file has them. */
function box(low: readonly number[], high: readonly number[]): Triangles {
  const at = (n: number): number[] => [0, 1, 2].map((k) => ((n >> k) & 1 ? high : low)[k] as number);
  const quads = [
    [0, 2, 3, 1],
    [4, 5, 7, 6],
    [0, 1, 5, 4],
    [2, 6, 7, 3],
    [0, 4, 6, 2],
    [1, 3, 7, 5],
  ] as const;
  const positions = Float64Array.from(quads.flatMap(([a, b, c, d]) => [a, b, c, a, c, d].flatMap(at)));
  return { positions, triangles: Uint32Array.from({ length: positions.length / 3 }, (_, n) => n) };
}

/** A sphere about the origin of rings and meridians; the triangles at its poles have no area. */
function sphere(radius: number, meridians: number, rings: number): Triangles {
  const positions = new Float64Array(3 * (meridians + 1) * (rings + 1));
  const triangles: number[] = [];
  for (let r = 0, at = 0; r <= rings; r += 1) {
    const polar = (r / rings) * Math.PI;
    for (let m = 0; m <= meridians; m += 1, at += 3) {
      const azimuth = ((m % meridians) / meridians) * 2 * Math.PI;
      const ring = r % rings === 0 ? 0 : radius * Math.sin(polar);
      positions.set([ring * Math.cos(azimuth), ring * Math.sin(azimuth), radius * Math.cos(polar)], at);
      if (r === rings || m === meridians) continue;
      const here = at / 3;
      const below = here + meridians + 1;
      triangles.push(here, below, here + 1, here + 1, below, below + 1);
    }
  }
  return { positions, triangles: Uint32Array.from(triangles) };
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
    const distance = new SignedMeshDistance(box(low, high));
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
    const mesh = sphere(20, 48, 32);
    const whole = new SignedMeshDistance(mesh);
    // The poles' triangles without area are nobody's.
    const flat = new Set(new MeshDistance(mesh).degenerate);
    const each = Array.from({ length: mesh.triangles.length / 3 }, (_, t) => {
      const one = { positions: mesh.positions, triangles: mesh.triangles.slice(3 * t, 3 * t + 3) };
      return flat.has(t) ? undefined : new SignedMeshDistance(one);
    }).filter((one) => one !== undefined);
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
    const turned = { positions: mesh.positions, triangles: mesh.triangles.slice().reverse() };
    expect(new SignedMeshDistance(turned).from([0, 0, 40])).toBeCloseTo(-10, 9);
  });

  it('is unknown for a place that is not finite, and known again for the next', () => {
    const distance = new SignedMeshDistance(box(low, high));
    expect(distance.from([0, 0, 40])).toBeCloseTo(10, 9);
    expect(distance.from([0, Number.NaN, 40])).toBeNaN();
    expect([...distance.nearest]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(distance.from([0, 0, 40])).toBeCloseTo(10, 9);
  });
});
