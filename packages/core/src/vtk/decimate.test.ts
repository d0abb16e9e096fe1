import { MeshoptSimplifier } from 'meshoptimizer/simplifier';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { frame } from '../frames/index.js';
import { Random, transformPoint, vec3 } from '../math/index.js';
import { headPhantom } from '../testing/index.js';
import { MeshDistance, type Volume, volume } from '../volume/index.js';
import { decimate, decimationReady, type Isosurface, isosurface, labelSurface } from './index.js';

const CT = frame('ct');

beforeAll(decimationReady);

/** Values on a grid of cubes, its first voxel at the origin. */
function field(size: number, spacing: number, value: (x: number, y: number, z: number) => number, skew = 0): Volume<'ct'> {
  const frameFromIndex = Float64Array.of(-spacing, 0, 0, 0, 0, spacing, 0, 0, 0, skew * spacing, spacing, 0, 0, 0, 0, 1);
  const voxels = new Float32Array(size ** 3);
  const p = vec3(0, 0, 0);
  for (let n = 0; n < voxels.length; n += 1) {
    transformPoint(p, frameFromIndex, [n % size, Math.floor(n / size) % size, Math.floor(n / size ** 2)]);
    voxels[n] = value(p[0] as number, p[1] as number, p[2] as number);
  }
  return volume({ frame: CT, voxels, size: [size, size, size], frameFromIndex });
}

const [MIDDLE, RADIUS] = [[-24, 26, 24], 17] as const;
const fromMiddle = (x: number, y: number, z: number): number => Math.hypot(x - MIDDLE[0], y - MIDDLE[1], z - MIDDLE[2]);

/** Distance to a helix of two turns and more: a vessel of 2.4 mm on voxels of 0.8. */
const HELIX = Array.from(
  { length: 150 },
  (_, n) => [-24 + 14 * Math.cos(n / 10), 24 + 14 * Math.sin(n / 10), 5 + 0.25 * n] as const,
);
const toHelix = (x: number, y: number, z: number): number =>
  Math.min(...HELIX.map((p) => Math.hypot(x - p[0], y - p[1], z - p[2])));

/** Corners of a triangle, mm. */
const corners = ({ positions, indices }: Isosurface, t: number): number[][] =>
  [0, 1, 2].map((c) => Array.from(positions.subarray(3 * (indices[t + c] as number), 3 * (indices[t + c] as number) + 3)));

const cross = (a: number[], b: number[], c: number[]): number[] =>
  [0, 1, 2].map((k) => {
    const [i, j] = [(k + 1) % 3, (k + 2) % 3];
    const side = (to: number[], m: number): number => (to[m] as number) - (a[m] as number);
    return side(b, i) * side(c, j) - side(b, j) * side(c, i);
  });

function enclosed(s: Isosurface): number {
  let sum = 0;
  for (let t = 0; t < s.indices.length; t += 3) {
    const [a, b, c] = corners(s, t) as [number[], number[], number[]];
    sum += cross(a, b, c).reduce((dot, x, k) => dot + x * (a[k] as number), 0) / 6;
  }
  return sum;
}

/** By edges alone, one way and the other: what is closed has every edge once each way. */
function hang(s: Isosurface): { open: string[]; crowded: number; euler: number; pieces: number } {
  const count = new Map<string, number>();
  const at = (n: number): string => Array.from(s.positions.subarray(3 * n, 3 * n + 3)).join();
  const parent = new Map<string, string>();
  const root = (v: string): string => {
    let r = v;
    while (parent.get(r) !== undefined && parent.get(r) !== r) r = parent.get(r) as string;
    parent.set(v, r);
    return r;
  };
  let triangles = 0;
  for (let t = 0; t < s.indices.length; t += 3) {
    const v = [0, 1, 2].map((c) => at(s.indices[t + c] as number)) as [string, string, string];
    if (new Set(v).size < 3) continue;
    triangles += 1;
    v.forEach((from, c) => {
      const to = v[(c + 1) % 3] as string;
      count.set(`${from}>${to}`, (count.get(`${from}>${to}`) ?? 0) + 1);
      parent.set(root(from), root(to));
    });
  }
  const back = (edge: string): string => edge.split('>').reverse().join('>');
  const open = [...count.keys()].filter((edge) => !count.has(back(edge))).sort();
  const crowded = [...count.values()].filter((n) => n > 1).length;
  const vertices = new Set(parent.keys());
  const pieces = new Set([...vertices].map(root)).size;
  return { open, crowded, euler: vertices.size - (count.size + open.length) / 2 + triangles, pieces };
}

/** The greatest distance of a net of points on each triangle from the other surface, both ways. */
function apart(a: Isosurface, b: Isosurface, net = 4): number {
  let most = 0;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const tree = new MeshDistance({ positions: Float64Array.from(to.positions), triangles: to.indices });
    const out = new Float64Array(4);
    let near = -1;
    for (let t = 0; t < from.indices.length; t += 3) {
      const [p, q, r] = corners(from, t) as [number[], number[], number[]];
      for (let i = 0; i <= net; i += 1) {
        for (let j = 0; i + j <= net; j += 1) {
          const at = p.map((x, k) => x + (i / net) * ((q[k] as number) - x) + (j / net) * ((r[k] as number) - x));
          near = tree.closest(out, at, near);
          most = Math.max(most, Math.sqrt(out[3] as number));
        }
      }
    }
  }
  return most;
}

/** Bytes of a float on coordinates of up to 100 mm. */
const FLOAT_MM = 1e-5;

describe('a sphere, thinned out', () => {
  const full = isosurface(
    field(44, 1.1, (x, y, z) => RADIUS - fromMiddle(x, y, z), 0.1),
    0,
  );
  const truth = (4 / 3) * Math.PI * RADIUS ** 3;

  it.each([0.05, 0.2, 0.6])(
    'to %d mm: no point further than it says, by the sphere itself and by the full surface',
    (toErrorMm) => {
      const thin = decimate(full, { toErrorMm });
      expect(thin.errorMm).toBeLessThanOrEqual(toErrorMm);
      expect(thin.errorMm).toBeGreaterThan(0.5 * toErrorMm);
      const measured = apart(full, thin);
      expect(measured).toBeLessThanOrEqual(thin.errorMm + FLOAT_MM);
      expect(measured).toBeGreaterThan(0.7 * thin.errorMm);
      const off = (s: Isosurface): number => {
        let most = 0;
        for (let t = 0; t < s.indices.length; t += 3) {
          const middle = [0, 1, 2].map((k) => corners(s, t).reduce((sum, c) => sum + (c[k] as number) / 3, 0));
          most = Math.max(most, Math.abs(fromMiddle(...(middle as [number, number, number])) - RADIUS));
        }
        return most;
      };
      expect(off(thin)).toBeLessThanOrEqual(off(full) + thin.errorMm);
      expect(thin.indices.length).toBeLessThan(full.indices.length / (toErrorMm < 0.1 ? 1.5 : 5));
      expect(Math.abs(enclosed(thin) / truth - 1)).toBeLessThan(Math.max(0.01, (3 * toErrorMm) / RADIUS));
    },
  );

  it('stays closed, in one piece, every triangle facing outwards, its vertices and normals those of the full surface', () => {
    const thin = decimate(full, { toErrorMm: 0.3 });
    expect(hang(thin)).toEqual({ open: [], crowded: 0, euler: 2, pieces: 1 });
    const there = new Map<string, string>();
    const at = (of: Float32Array, v: number): string => Array.from(of.subarray(3 * v, 3 * v + 3)).join();
    for (let v = 0; v < full.positions.length / 3; v += 1) there.set(at(full.positions, v), at(full.normals, v));
    for (let v = 0; v < thin.positions.length / 3; v += 1) expect(there.get(at(thin.positions, v))).toBe(at(thin.normals, v));
    for (let t = 0; t < thin.indices.length; t += 3) {
      const [a, b, c] = corners(thin, t) as [number[], number[], number[]];
      const n = cross(a, b, c);
      const outward = n.reduce((sum, x, k) => sum + x * ((a[k] as number) - (MIDDLE[k] as number)), 0);
      expect(outward).toBeGreaterThan(0);
    }
  });

  it('to a number of triangles, and what that costs in mm; to both, whichever comes first', () => {
    const thin = decimate(full, { toTriangles: 800 });
    expect(Math.abs(thin.indices.length / 3 - 800)).toBeLessThan(20);
    expect(apart(full, thin, 8)).toBeLessThanOrEqual(thin.errorMm + FLOAT_MM);
    expect(decimate(full, { toTriangles: 800, toErrorMm: 0.02 }).errorMm).toBeLessThanOrEqual(0.02);
    const few = decimate(full, { toTriangles: 3000, toErrorMm: 2 });
    expect(Math.abs(few.indices.length / 3 - 3000)).toBeLessThan(20);
  });

  it('is the surface it was made of where there is nothing to thin out, and adds to an error that is there', () => {
    const thin = decimate(full, { toErrorMm: 0.1 });
    expect(decimate(thin, { toErrorMm: 0.1 }).errorMm).toBeGreaterThan(thin.errorMm);
    const none = isosurface(
      field(12, 1, () => 1),
      0,
    );
    expect(decimate(none, { toErrorMm: 0.1 })).toBe(none);
    expect(full.errorMm).toBe(0);
  });

  it('comes so from isosurface, smoothed before', () => {
    const v = field(30, 1.7, (x, y, z) => RADIUS - fromMiddle(x, y, z));
    const whole = isosurface(v, 0, { windowedSinc: 10 });
    expect(isosurface(v, 0, { windowedSinc: 10, decimation: { toErrorMm: 0.2 } })).toEqual(decimate(whole, { toErrorMm: 0.2 }));
  });

  it.each([
    {},
    { toErrorMm: 0 },
    { toErrorMm: Number.NaN },
    { toErrorMm: Number.POSITIVE_INFINITY },
    { toTriangles: 1.5 },
    { toTriangles: 0 },
  ])('refuses %o', (decimation) => {
    expect(() => decimate(full, decimation)).toThrow(expect.objectContaining({ code: 'vtk/failed' }));
    expect(() =>
      isosurface(
        field(8, 1, () => 1),
        0,
        { decimation },
      ),
    ).toThrow(expect.objectContaining({ code: 'vtk/failed' }));
  });
});

describe('what quadrics alone would break', () => {
  const bare = (s: Isosurface, told: number): Isosurface => ({
    ...s,
    indices: MeshoptSimplifier.simplify(s.indices, s.positions, 3, 0, told, ['LockBorder', 'ErrorAbsolute'])[0],
  });

  it('a thin vessel stays one closed tube that encloses as much', () => {
    const full = isosurface(
      field(60, 0.8, (x, y, z) => 1.2 - toHelix(x, y, z)),
      0,
    );
    expect(hang(bare(full, 1)).crowded, 'alone they crush it').toBeGreaterThan(0);
    const volumeMm3 = enclosed(full);
    for (const [toErrorMm, share] of [
      [0.1, 0.01],
      [0.3, 0.08],
      [1, 0.5],
    ] as const) {
      const thin = decimate(full, { toErrorMm });
      expect(hang(thin)).toEqual({ open: [], crowded: 0, euler: 2, pieces: 1 });
      expect(Math.abs(enclosed(thin) / volumeMm3 - 1)).toBeLessThan(share);
      expect(apart(full, thin)).toBeLessThanOrEqual(thin.errorMm + FLOAT_MM);
      expect(thin.indices.length).toBeLessThan(0.7 * full.indices.length);
    }
    const least = decimate(full, { toTriangles: 10 });
    expect(hang(least)).toEqual({ open: [], crowded: 0, euler: 2, pieces: 1 });
  });

  it('a segment with specks and hollows keeps each of them, and all its handles', () => {
    const random = new Random(inject('seed') + 7);
    const values = field(30, 1, (x, y, z) => 9 - Math.hypot(x + 15, y - 15, z - 15) + 3 * (random.uniform() - 0.5));
    const voxels = Uint8Array.from(values.voxels, (x) => (x > 0 ? 4 : 0));
    const { size, frameFromIndex } = values;
    const full = labelSurface(volume({ frame: CT, voxels, size, frameFromIndex }), 4, { windowedSinc: 0 });
    const before = hang(full);
    expect(before.pieces).toBeGreaterThan(3);
    const alone = hang(bare(full, 0.5));
    expect([alone.pieces, alone.crowded], 'alone they lose some').not.toEqual([before.pieces, 0]);
    const thin = decimate(full, { toErrorMm: 0.5 });
    expect(hang(thin)).toEqual(before);
    expect(thin.indices.length).toBeLessThan(full.indices.length);
  });

  it('a head keeps its open border edge by edge, and the distance that is told is no belief', () => {
    const full = isosurface(headPhantom({ frame: CT, spacingMm: 5 }).volume, -300);
    const before = hang(full);
    expect(before.open.length).toBeGreaterThan(20);
    const thin = decimate(full, { toErrorMm: 0.8 });
    expect(hang(thin)).toEqual(before);
    const measured = apart(full, thin);
    expect(measured).toBeLessThanOrEqual(thin.errorMm + FLOAT_MM);
    expect(thin.errorMm).toBeLessThanOrEqual(0.8);
    expect(apart(full, bare(full, 0.8)), 'what quadrics say of themselves').toBeGreaterThan(1.5 * 0.8);
  });
});
