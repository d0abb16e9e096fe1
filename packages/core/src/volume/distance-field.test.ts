import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { frame } from '../frames/index.js';
import { fromRotationVector, multiply4, Random } from '../math/index.js';
import { codeOf } from '../test-support/error-code.js';
import { signedSquares } from './distance-transform.js';
import { type DistanceField, distanceToLabel, distanceToMesh, mesh, type Volume, volume } from './index.js';

const CT = frame('ct');
type Three = [number, number, number];

/** Row by row as a person would: the nearest box of a voxel of the other kind. */
function slowDistances(inside: Uint8Array, size: Three, spacing: Three): Float64Array {
  const [ni, nj] = size;
  const place = (n: number): Three => [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
  return Float64Array.from(inside, (kind, n) => {
    const from = place(n);
    let least = Number.POSITIVE_INFINITY;
    for (let m = 0; m < inside.length; m += 1) {
      if (inside[m] === kind) continue;
      const gaps = place(m).map((v, k) => Math.max(0, Math.abs(v - (from[k] as number)) - 0.5) * (spacing[k] as number));
      least = Math.min(least, Math.hypot(...gaps));
    }
    return kind === 1 ? -least : least;
  });
}

/** The same by the transform, told no more than it must know of where something is marked, or less. */
function fastDistances(inside: Uint8Array, size: Three, spacing: Three): Float32Array {
  const [ni, nj, nk] = size;
  const marked = [...inside.keys()].filter((n) => inside[n] === 1);
  const between = (of: (n: number) => number, length: number): [number, number] =>
    marked.length === 0 ? [0, length - 1] : [Math.min(...marked.map(of)), Math.max(...marked.map(of))];
  const out = new Float32Array(inside.length).fill(Number.NaN);
  signedSquares(
    {
      size,
      spacing,
      j: between((n) => Math.floor(n / ni) % nj, nj),
      k: between((n) => Math.floor(n / (ni * nj)), nk),
      mark: (slice, k) => slice.set(inside.subarray(ni * nj * k, ni * nj * (k + 1))),
    },
    (lines, length, count, at, stride) => {
      for (let n = 0; n < length * count; n += 1) {
        out[at + Math.floor(n / length) + (n % length) * stride] = lines[n] as number;
      }
    },
  );
  return out.map((v) => Math.sign(v) * Math.sqrt(Math.abs(v)));
}

/** A grid turned, mirrored or neither, its first voxel somewhere. */
function grid(random: Random, spacing: Three, mirrored: boolean): Float64Array {
  const turn = fromRotationVector(
    new Float64Array(16),
    [0, 1, 2].map(() => random.between(-2, 2)),
  );
  const scale = Float64Array.of(
    mirrored ? -spacing[0] : spacing[0],
    0,
    0,
    0,
    0,
    spacing[1],
    0,
    0,
    0,
    0,
    spacing[2],
    0,
    0,
    0,
    0,
    1,
  );
  const out = multiply4(new Float64Array(16), turn, scale);
  for (let r = 0; r < 3; r += 1) out[12 + r] = random.between(-80, 80);
  return out;
}

const toFrame = (m: ArrayLike<number>, [i, j, k]: Three): Three =>
  [0, 1, 2].map(
    (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
  ) as Three;

/** A label map of a shape given by its signed distance in index space scaled to mm. */
function labelled(size: Three, frameFromIndex: Float64Array, inside: (at: Three) => boolean): Volume<'ct'> {
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) voxels[n] = inside([i, j, k]) ? 7 : 0;
    }
  }
  return volume({ frame: CT, voxels, size, frameFromIndex });
}

/** The signed distance to the union of the marked voxels' boxes at any place of the grid (index coordinates), with nothing behind it. */
function slowAt({ voxels, size }: Volume<'ct'>, spacing: Three, at: Three): number {
  let outside = Number.POSITIVE_INFINITY;
  let inside = Number.POSITIVE_INFINITY;
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        const gaps = [i, j, k].map(
          (v, axis) => Math.max(0, Math.abs(v - (at[axis] as number)) - 0.5) * (spacing[axis] as number),
        );
        if (voxels[n] === 7) outside = Math.min(outside, Math.hypot(...gaps));
        else inside = Math.min(inside, Math.hypot(...gaps));
      }
    }
  }
  return outside > 0 ? outside : -inside;
}

describe('the distance transform', () => {
  it('is that of a slow search over all voxels, in any grid and of any pattern', () => {
    const side = fc.integer({ min: 1, max: 8 });
    const mm = fc.double({ min: 0.3, max: 4, noNaN: true });
    fc.assert(
      fc.property(side, side, side, mm, mm, mm, fc.integer({ min: 0, max: 1e9 }), (ni, nj, nk, a, b, c, seed) => {
        const random = new Random(seed);
        const share = random.uniform();
        const inside = new Uint8Array(ni * nj * nk).map(() => Number(random.uniform() < share));
        const fast = fastDistances(inside, [ni, nj, nk], [a, b, c]);
        const slow = slowDistances(inside, [ni, nj, nk], [a, b, c]);
        for (const [n, d] of slow.entries()) {
          if (Number.isFinite(d)) expect(Math.abs((fast[n] as number) - d)).toBeLessThan(1e-5);
          else expect(fast[n]).toBe(d);
        }
      }),
    );
  });
});

describe('the distance to a label', () => {
  const random = new Random(inject('seed') + 40);

  it.each([false, true])('is exact at voxel centres of an oblique anisotropic grid (mirrored: %s)', (mirrored) => {
    const spacing: Three = [0.7, 1.1, 2.5];
    const size: Three = [17, 13, 9];
    const m = grid(random, spacing, mirrored);
    // No symmetry: a flip or an exchange of axes moves it.
    const map = labelled(
      size,
      m,
      ([i, j, k]) => (i > 3 && i < 7 && j === 4 && k > 2 && k < 6) || (i === 9 && j > 6 && j < 10 && k === 4),
    );
    const field = distanceToLabel(map, 7, { reachMm: 6 });
    expect([field.cutOff, field.bytes < 2 * map.voxels.length + 1]).toEqual([false, true]);
    let covered = 0;
    for (let n = 0; n < 300; n += 1) {
      const at: Three = [random.below(17), random.below(13), random.below(9)];
      const p = toFrame(m, at);
      if (!field.covers(...p)) continue;
      covered += 1;
      // Half of a hundredth, and what the oblique grid's rounding adds to an interpolation at a point.
      expect(Math.abs(field.at(...p) - slowAt(map, spacing, at))).toBeLessThan(0.0051);
    }
    expect(covered).toBeGreaterThan(100);
  });

  it('is never below its lower bound, nor off by more than half of a cell: within, between and beyond its points', () => {
    for (const mirrored of [false, true]) {
      const spacing: Three = [0.8, 1.3, 2];
      const m = grid(random, spacing, mirrored);
      const map = labelled([20, 16, 12], m, ([i, j, k]) => ((i - 9) / 5) ** 2 + ((j - 8) / 3) ** 2 + ((k - 5) / 2) ** 2 < 1);
      const field = distanceToLabel(map, 7, { reachMm: 3 });
      let [beyond, tight] = [0, 0];
      for (let n = 0; n < 150; n += 1) {
        const at: Three = [random.between(-15, 35), random.between(-10, 26), random.between(-8, 20)];
        if (n % 2 === 0) for (let k = 0; k < 3; k += 1) at[k] = ([9, 8, 5][k] as number) + random.between(-6, 6);
        const p = toFrame(m, at);
        const d = slowAt(map, spacing, at);
        expect(field.leastAt(...p)).toBeLessThanOrEqual(d + 1e-9);
        if (field.covers(...p)) {
          expect(Math.abs(field.at(...p) - d)).toBeLessThan(field.interpolationErrorMm + 0.006);
        } else {
          beyond += 1;
          expect(field.at(...p)).toBeLessThanOrEqual(d + field.interpolationErrorMm);
          if (field.leastAt(...p) > 0.85 * d) tight += 1;
        }
      }
      expect(beyond).toBeGreaterThan(30);
      expect(tight / beyond).toBeGreaterThan(0.8);
    }
  });

  it('is below what lies between its points where that is too far: about a single voxel', () => {
    const m = Float64Array.of(1, 0, 0, 0, 0, 1.2, 0, 0, 0, 0, 1.4, 0, 0, 0, 0, 1);
    const map = labelled([9, 9, 9], m, ([i, j, k]) => i === 4 && j === 4 && k === 4);
    const field = distanceToLabel(map, 7, { reachMm: 5 });
    let over = 0;
    for (let n = 0; n < 400; n += 1) {
      const at: Three = [random.between(1, 7), random.between(1, 7), random.between(1, 7)];
      const p = toFrame(m, at);
      const d = slowAt(map, [1, 1.2, 1.4], at);
      expect(field.leastAt(...p)).toBeLessThanOrEqual(d + 1e-9);
      if (field.at(...p) > d + 0.02) over += 1;
    }
    // Without the bound it would have been wrong, and often.
    expect(over).toBeGreaterThan(100);
  });

  it('of a ball and a box it is what their formulas say, but for the size of a voxel; flipped or exchanged it is not', () => {
    const spacing: Three = [0.9, 0.9, 1.5];
    const size: Three = [64, 56, 40];
    const m = grid(new Random(inject('seed') + 41), spacing, true);
    const mm = (at: Three): Three => at.map((v, k) => v * (spacing[k] as number)) as Three;
    const shapes: ((p: Three) => number)[] = [
      ([x, y, z]) => Math.hypot(x - 20, y - 30, z - 25) - 9,
      ([x, y, z]) => {
        const q = [Math.abs(x - 35) - 11, Math.abs(y - 20) - 7, Math.abs(z - 20) - 5] as Three;
        return Math.hypot(...q.map((v) => Math.max(0, v))) + Math.min(0, Math.max(...q));
      },
    ];
    const half = Math.hypot(...spacing) / 2;
    for (const shape of shapes) {
      const map = labelled(size, m, (at) => shape(mm(at)) <= 0);
      const field = distanceToLabel(map, 7, { reachMm: 12 });
      const worst = (arrange: (at: Three) => Three): number => {
        let most = 0;
        const own = new Random(5);
        for (let n = 0; n < 2000; n += 1) {
          const at: Three = [own.between(4, 59), own.between(4, 51), own.between(4, 35)];
          const p = toFrame(m, arrange(at));
          if (field.covers(...p)) most = Math.max(most, Math.abs(field.at(...p) - shape(mm(at))));
        }
        return most;
      };
      // Half of a voxel's diagonal for the map, and as much between its points.
      expect(worst((at) => at)).toBeLessThan(2 * half);
      for (let axis = 0; axis < 3; axis += 1) {
        const flipped = (at: Three): Three => at.map((v, k) => (k === axis ? (size[k] as number) - 1 - v : v)) as Three;
        expect(worst(flipped)).toBeGreaterThan(4 * half);
      }
      expect(worst(([i, j, k]) => [j, i, k])).toBeGreaterThan(4 * half);
    }
  });

  it('may go on behind the image where the image cuts it off, and only there', () => {
    const m = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const map = labelled([20, 20, 20], m, ([i, j, k]) => Math.hypot(i - 10, j - 10) < 3 && k < 10);
    const field = distanceToLabel(map, 7, { reachMm: 15 });
    expect(field.cutOff).toBe(true);
    expect(field.leastAt(0, 0, -4)).toBeLessThanOrEqual(-4);
    expect(field.leastAt(0, 0, 2)).toBeLessThanOrEqual(2);
    expect(field.leastAt(10, 10, 18)).toBeGreaterThan(8);
    // Behind the face it may be anywhere: ten millimetres from here, nearer than the part that the image shows.
    expect(field.leastAt(-20, 10, 10)).toBe(10);
    expect(field.at(-20, 10, 10)).toBeGreaterThan(25);
    const whole = distanceToLabel(
      labelled([20, 20, 20], m, ([i, j, k]) => Math.hypot(i - 10, j - 10, k - 10) < 3),
      7,
    );
    expect([whole.cutOff, whole.leastAt(10, 10, -40) > 45]).toEqual([false, true]);
  });

  it('is unknown at a place that is none, and refused where there is nothing to measure from', () => {
    const m = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const map = labelled([6, 6, 6], m, ([i]) => i === 2);
    const field = distanceToLabel(map, 7);
    expect([field.at(Number.NaN, 0, 0), field.leastAt(0, Number.POSITIVE_INFINITY, 0)]).toEqual([Number.NaN, Number.NaN]);
    expect(codeOf(() => distanceToLabel(map, 3))).toBe('volume/bad-distance-field');
    expect(
      codeOf(() =>
        distanceToLabel(
          labelled([6, 6, 6], m, () => true),
          7,
        ),
      ),
    ).toBe('volume/bad-distance-field');
    expect(codeOf(() => distanceToLabel(map, 7, { reachMm: 0 }))).toBe('volume/bad-distance-field');
    const tilted = Float64Array.from(m);
    tilted[9] = 0.2;
    expect(
      codeOf(() =>
        distanceToLabel(
          labelled([6, 6, 6], tilted, ([i]) => i === 2),
          7,
        ),
      ),
    ).toBe('volume/sheared');
  });

  it('takes a label by its rescaled value', () => {
    const m = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const map = { ...labelled([9, 9, 9], m, ([i]) => i === 4), rescale: { slope: 2, intercept: -4 } };
    expect(distanceToLabel(map, 10).at(7, 4, 4)).toBeCloseTo(2.5, 6);
    expect(codeOf(() => distanceToLabel(map, 7))).toBe('volume/bad-distance-field');
  });
});

describe('the distance to a mesh', () => {
  /** A box of twelve triangles that share no vertices. */
  function box(low: Three, high: Three): Parameters<typeof distanceToMesh<'ct'>>[0] {
    const at = (n: number): number[] => [0, 1, 2].map((k) => ((n >> k) & 1 ? high : low)[k] as number);
    const quads = ['0231', '4576', '0154', '2673', '0462', '1375'].map((text) => [...text].map(Number));
    const positions = Float64Array.from(quads.flatMap(([a = 0, b = 0, c = 0, d = 0]) => [a, b, c, a, c, d].flatMap(at)));
    return mesh({ frame: CT, positions, triangles: Uint32Array.from({ length: positions.length / 3 }, (_, n) => n) });
  }

  it('is exact at the points, bounded between and beyond them', () => {
    const [low, high]: [Three, Three] = [
      [-4, 3, -9],
      [5, 8, 2],
    ];
    const distance = (p: Three): number => {
      const q = p.map((v, k) => Math.max((low[k] as number) - v, v - (high[k] as number)));
      return Math.hypot(...q.map((v) => Math.max(0, v))) + Math.min(0, Math.max(...q));
    };
    const field: DistanceField<'ct'> = distanceToMesh(box(low, high), { reachMm: 6, spacingMm: 0.75 });
    const random = new Random(inject('seed') + 43);
    for (let n = 0; n < 400; n += 1) {
      const index: Three = [0, 1, 2].map((k) => random.below(field.size[k] as number)) as Three;
      const point = toFrame(field.frameFromIndex, index);
      expect(Math.abs(field.at(...point) - distance(point))).toBeLessThan(0.0051);
      const p: Three = [random.between(-30, 30), random.between(-30, 30), random.between(-30, 30)];
      expect(field.leastAt(...p)).toBeLessThanOrEqual(distance(p) + 1e-9);
      if (field.covers(...p)) expect(Math.abs(field.at(...p) - distance(p))).toBeLessThan(field.interpolationErrorMm);
      else expect(field.leastAt(...p)).toBeGreaterThan(0.85 * distance(p));
    }
  });

  it('is refused of a surface that is inside out', () => {
    const { positions, triangles } = box([0, 0, 0], [9, 9, 9]);
    const turned = mesh({ frame: CT, positions, triangles: triangles.slice().reverse() });
    expect(codeOf(() => distanceToMesh(turned))).toBe('volume/bad-distance-field');
  });

  it('is refused for a lattice that makes no sense', () => {
    const surface = box([0, 0, 0], [200, 200, 200]);
    expect(codeOf(() => distanceToMesh(surface, { spacingMm: 0 }))).toBe('volume/bad-distance-field');
    expect(codeOf(() => distanceToMesh(surface, { spacingMm: 0.1 }))).toBe('volume/bad-distance-field');
  });
});
