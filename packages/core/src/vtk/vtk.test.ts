import { describe, expect, it } from 'vitest';
import { frame } from '../frames/index.js';
import { transformPoint, vec3 } from '../math/index.js';
import { type Volume, volume } from '../volume/index.js';
import type { Isosurface } from './index.js';
import { isosurface, labelSurface, toVtkImageData } from './index.js';

const CENTRE = [12, -30, 95] as const;
const RADIUS = 22;
const LEVEL = 100;

/** Values that fall linearly across a sphere's surface: the isosurface at LEVEL is the sphere itself. */
function sphere(
  frameFromIndex: ArrayLike<number>,
  size: [number, number, number],
  rescale = { slope: 1, intercept: 0 },
): Volume<'ct'> {
  const voxels = new Float32Array(size[0] * size[1] * size[2]);
  const p = vec3(0, 0, 0);
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1) {
        transformPoint(p, frameFromIndex, [i, j, k]);
        const r = Math.hypot((p[0] as number) - CENTRE[0], (p[1] as number) - CENTRE[1], (p[2] as number) - CENTRE[2]);
        voxels[n++] = (LEVEL + 10 * (RADIUS - r) - rescale.intercept) / rescale.slope;
      }
    }
  }
  return volume({ frame: frame('ct'), voxels, size, frameFromIndex, rescale });
}

/** Grid of spacing s with its middle on the sphere, its axes given as columns (unit). */
function grid(axes: readonly (readonly number[])[], spacing: readonly number[], size: readonly number[]): Float64Array {
  const m = new Float64Array(16);
  m[15] = 1;
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = (axes[c]?.[r] as number) * (spacing[c] as number);
  for (let r = 0; r < 3; r += 1) {
    m[12 + r] =
      (CENTRE[r] as number) - [0, 1, 2].reduce((sum, c) => sum + (m[4 * c + r] as number) * ((size[c] as number) - 1), 0) / 2;
  }
  return m;
}

/** The values of image data; vtk.js's declarations do not reach that far under Node's module resolution. */
function valuesOf(image: unknown): ArrayLike<number> {
  return (image as { getPointData(): { getScalars(): { getData(): ArrayLike<number> } } }).getPointData().getScalars().getData();
}

const h = Math.SQRT1_2;
const SIZE = [64, 60, 44] as [number, number, number];
const SPACING = [0.9, 0.95, 1.4];
const GRIDS = {
  straight: grid(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    SPACING,
    SIZE,
  ),
  mirrored: grid(
    [
      [-1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    SPACING,
    SIZE,
  ),
  'feet first': grid(
    [
      [1, 0, 0],
      [0, -1, 0],
      [0, 0, -1],
    ],
    SPACING,
    SIZE,
  ),
  oblique: grid(
    [
      [h, h, 0],
      [-h, h, 0],
      [0, 0, 1],
    ],
    SPACING,
    SIZE,
  ),
  permuted: grid(
    [
      [0, 0, 1],
      [1, 0, 0],
      [0, 1, 0],
    ],
    SPACING,
    SIZE,
  ),
  tilted: grid(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0.25, 0.968],
    ],
    SPACING,
    SIZE,
  ),
};

function measure(s: Isosurface): { area: number; volume: number; worstMm: number; worstNormal: number; worstFace: number } {
  let area = 0;
  let enclosed = 0;
  let worstFace = 1;
  const at = (n: number): number[] => [0, 1, 2].map((k) => (s.positions[3 * n + k] as number) - (CENTRE[k] as number));
  for (let t = 0; t < s.indices.length; t += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => at(s.indices[t + k] as number)) as [number[], number[], number[]];
    const u = b.map((x, k) => x - (a[k] as number));
    const w = c.map((x, k) => x - (a[k] as number));
    const n = [
      (u[1] as number) * (w[2] as number) - (u[2] as number) * (w[1] as number),
      (u[2] as number) * (w[0] as number) - (u[0] as number) * (w[2] as number),
      (u[0] as number) * (w[1] as number) - (u[1] as number) * (w[0] as number),
    ];
    const twice = Math.hypot(...n);
    area += twice / 2;
    const outward = n.reduce((sum, x, k) => sum + x * (a[k] as number), 0);
    enclosed += outward / 6;
    if (twice > 1e-3) worstFace = Math.min(worstFace, outward / (twice * Math.hypot(...a)));
  }
  let worstMm = 0;
  let worstNormal = 1;
  for (let n = 0; n < s.positions.length / 3; n += 1) {
    const p = at(n);
    const r = Math.hypot(...p);
    worstMm = Math.max(worstMm, Math.abs(r - RADIUS));
    worstNormal = Math.min(worstNormal, p.reduce((sum, x, k) => sum + x * (s.normals[3 * n + k] as number), 0) / r);
  }
  return { area, volume: enclosed, worstMm, worstNormal, worstFace };
}

describe('isosurface', () => {
  for (const [name, frameFromIndex] of Object.entries(GRIDS)) {
    it(`finds an analytic sphere on a ${name} grid`, () => {
      const m = measure(isosurface(sphere(frameFromIndex, SIZE), LEVEL));
      expect(m.worstMm).toBeLessThan(0.05);
      expect(m.area).toBeGreaterThan(0.98 * 4 * Math.PI * RADIUS ** 2);
      expect(m.area).toBeLessThan(1.02 * 4 * Math.PI * RADIUS ** 2);
      // Signed by the winding: a surface turned inside out encloses a negative volume.
      expect(m.volume).toBeGreaterThan(0.98 * (4 / 3) * Math.PI * RADIUS ** 3);
      expect(m.worstFace).toBeGreaterThan(0.9);
      expect(m.worstNormal).toBeGreaterThan(0.995);
    });
  }

  it('works in rescaled units', () => {
    const v = sphere(GRIDS.straight, SIZE, { slope: 2.5, intercept: -1024 });
    expect(measure(isosurface(v, LEVEL)).worstMm).toBeLessThan(0.05);
  });

  it('stays in place when it is coarsened', () => {
    const m = measure(isosurface(sphere(GRIDS.mirrored, SIZE), LEVEL, { stride: 3 }));
    // A block of 2.7 × 2.9 × 4.2 mm averages a curved surface; an offset of half a block would be 1.4 to 2.1 mm.
    expect(m.worstMm).toBeLessThan(0.5);
    expect(m.volume).toBeGreaterThan(0.95 * (4 / 3) * Math.PI * RADIUS ** 3);
  });

  it('keeps to the triangles it may make', () => {
    const v = sphere(GRIDS.straight, SIZE);
    const all = isosurface(v, LEVEL).indices.length / 3;
    const few = isosurface(v, LEVEL, { maxTriangles: 2000 }).indices.length / 3;
    expect(all).toBeGreaterThan(8000);
    expect(few).toBeLessThan(2400);
    expect(few).toBeGreaterThan(500);
  });

  it('smooths noise without moving the surface', () => {
    const v = sphere(GRIDS.straight, SIZE);
    const voxels = Float32Array.from(v.voxels, (x, n) => x + (n % 2 === 0 ? 8 : -8));
    const noisy = volume({ frame: v.frame, voxels, size: SIZE, frameFromIndex: GRIDS.straight });
    const rough = measure(isosurface(noisy, LEVEL));
    const smooth = measure(isosurface(noisy, LEVEL, { smooth: 2 }));
    expect(smooth.worstMm).toBeLessThan(0.35 * rough.worstMm);
    expect(Math.abs(smooth.volume / ((4 / 3) * Math.PI * RADIUS ** 3) - 1)).toBeLessThan(0.02);
  });

  it.each(['feet first', 'tilted'] as const)(
    'goes around a segment of a label map on a %s grid: smooth, and a sphere as large as it is within a hundredth',
    (name) => {
      const v = sphere(GRIDS[name], SIZE);
      const voxels = Uint8Array.from(v.voxels, (x) => (x >= LEVEL ? 7 : 3));
      const labels = volume({ frame: v.frame, voxels, size: SIZE, frameFromIndex: GRIDS[name] });
      const truth = (4 / 3) * Math.PI * RADIUS ** 3;
      const stairs = measure(labelSurface(labels, 7, { windowedSinc: 0 }));
      const m = measure(labelSurface(labels, 7));
      expect(Math.abs(m.volume / truth - 1)).toBeLessThan(0.01);
      expect(m.worstMm).toBeLessThan(0.75 * Math.max(...SPACING));
      // Cosines: the stairs' faces stand 50° off, at the worst.
      expect(stairs.worstNormal).toBeLessThan(0.65);
      expect(m.worstNormal).toBeGreaterThan(0.8);
      expect(Math.abs(m.area / (4 * Math.PI * RADIUS ** 2) - 1)).toBeLessThan(0.02);
      expect(stairs.area).toBeGreaterThan(1.05 * m.area);
    },
  );

  it('keeps the volume of a sphere within 1 % through the windowed sinc filter, as fine as it comes and coarsened', () => {
    const truth = (4 / 3) * Math.PI * RADIUS ** 3;
    for (const options of [{ windowedSinc: 20 }, { stride: 2, windowedSinc: 10 }]) {
      const m = measure(isosurface(sphere(GRIDS.tilted, SIZE), LEVEL, options));
      expect(Math.abs(m.volume / truth - 1), JSON.stringify(options)).toBeLessThan(0.01);
    }
  });

  it('is empty where the level is nowhere', () => {
    expect(isosurface(sphere(GRIDS.straight, SIZE), 1e6).indices).toHaveLength(0);
  });

  it('refuses what is no level', () => {
    expect(() => isosurface(sphere(GRIDS.straight, SIZE), Number.NaN)).toThrow(expect.objectContaining({ code: 'vtk/failed' }));
  });
});

describe('toVtkImageData', () => {
  for (const name of ['straight', 'mirrored', 'feet first', 'oblique', 'permuted'] as const) {
    it(`places every index of a ${name} grid where the volume does`, () => {
      const v = sphere(GRIDS[name], SIZE);
      const image = toVtkImageData(v);
      for (const index of [
        [0, 0, 0],
        [63, 0, 0],
        [0, 59, 0],
        [0, 0, 43],
        [10, 20, 30],
      ] as const) {
        const there = image.indexToWorld([...index]);
        const here = transformPoint(vec3(0, 0, 0), v.frameFromIndex, index);
        for (let k = 0; k < 3; k += 1) expect(there[k]).toBeCloseTo(here[k] as number, 4);
      }
      expect(valuesOf(image)).toBe(v.voxels);
    });
  }

  it('gives rescaled values', () => {
    const image = toVtkImageData(sphere(GRIDS.straight, SIZE, { slope: 2, intercept: -1000 }));
    const plain = sphere(GRIDS.straight, SIZE);
    const values = valuesOf(image);
    expect(values[12_345]).toBeCloseTo(plain.voxels[12_345] as number, 3);
  });

  it('refuses shear', () => {
    expect(() => toVtkImageData(sphere(GRIDS.tilted, SIZE))).toThrow(expect.objectContaining({ code: 'volume/sheared' }));
  });
});
