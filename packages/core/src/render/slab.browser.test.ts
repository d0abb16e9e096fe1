import { afterEach, describe, expect, it } from 'vitest';
import { frame, point } from '../frames/index.js';
import { fromRotationVector, Random, transformPoint, vec3 } from '../math/index.js';
import { greyOf, Sampler, type Volume, type VoxelArray, volume } from '../volume/index.js';
import { createStage, SLICE_VIEWS, type Slab, type Stage, singleLayout } from './index.js';
import { outOf } from './planes.js';
import { slabSamples } from './slab.js';

const CT = frame('ct');
const WIDTH = 160;
const HEIGHT = 128;
const stages: Stage<'ct'>[] = [];

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

const SIZE = [31, 42, 23] as const;

function textured(voxels: VoxelArray, about: readonly number[], shear: number, slope = 1): Volume<'ct'> {
  const random = new Random(7);
  for (let n = 0; n < voxels.length; n += 1) {
    const [i, j, k] = [n % SIZE[0], Math.floor(n / SIZE[0]) % SIZE[1], Math.floor(n / (SIZE[0] * SIZE[1]))];
    voxels[n] = 110 + 50 * Math.sin(i / 3 + k / 5) + 1.5 * i - 1.1 * j + 2 * k + 8 * random.uniform();
  }
  const m = fromRotationVector(new Float64Array(16), about);
  for (let r = 0; r < 3; r += 1) m[8 + r] = (m[8 + r] as number) + shear * (m[4 + r] as number);
  for (const [c, mm] of [1.9, 1.3, 2.6].entries()) {
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * mm;
  }
  m.set([-70, 40, 610], 12);
  return volume({ frame: CT, voxels, size: [...SIZE], frameFromIndex: m, rescale: { slope, intercept: 20 } });
}

const COUNT = SIZE[0] * SIZE[1] * SIZE[2];
const VOLUMES: readonly (readonly [string, Volume<'ct'>])[] = [
  ['straight', textured(new Int16Array(COUNT), [0, 0, 0], 0)],
  ['oblique, tilted', textured(new Float32Array(COUNT), [0.3, -0.5, 0.2], 0.25)],
  ['bytes, its rescale falling', textured(new Uint8Array(COUNT), [0.1, 0.2, -0.4], 0, -1)],
];

/** What a slab comes to at a point: every sample in doubles; NaN where none has an image. */
function slabAt(sampler: Sampler, p: ArrayLike<number>, n: ArrayLike<number>, slab: Slab, count: number): number {
  const values: number[] = [];
  for (let s = 0; s < count; s += 1) {
    const away = slab.thicknessMm * (s / (count - 1) - 0.5);
    const [x, y, z] = [0, 1, 2].map((k) => (p[k] as number) + away * (n[k] as number)) as [number, number, number];
    const value = sampler.at(x, y, z);
    if (!Number.isNaN(value)) values.push(value);
  }
  if (values.length === 0) return Number.NaN;
  if (slab.mode === 'max') return Math.max(...values);
  return slab.mode === 'min' ? Math.min(...values) : values.reduce((a, b) => a + b, 0) / values.length;
}

function stageWith(v: Volume<'ct'>, view: (typeof SLICE_VIEWS)[number]): Stage<'ct'> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const plain = { annotations: false, antialias: false, pixelRatio: 1, interactive: false } as const;
  const stage = createStage(canvas, { frame: CT, layout: singleLayout(view), ...plain });
  stages.push(stage);
  stage.setVolume(v);
  stage.setWindow({ width: 260, level: v.rescale.slope < 0 ? -100 : 150 });
  stage.setCrosshair(point(CT, transformPoint(vec3(0, 0, 0), v.frameFromIndex, [14.3, 20.8, 11.6])));
  return stage;
}

describe('a slab against the CPU', () => {
  for (const [name, v] of VOLUMES) {
    for (const mode of ['max', 'min', 'mean'] as const) {
      it(`${mode}: ${name}`, () => {
        for (const [view, thicknessMm] of SLICE_VIEWS.map((w, n) => [w, [3, 17, 400][n] as number] as const)) {
          const stage = stageWith(v, view);
          const slab = { mode, thicknessMm };
          stage.setSlab(view, slab);
          stage.render();
          const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
          const seen = new Uint8Array(4 * WIDTH * HEIGHT);
          gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, seen);
          const { plane } = stage.slice(view);
          const sampler = new Sampler(v);
          const count = Math.min(1025, slabSamples(slab, v));
          const at = (x: number, y: number): number =>
            slabAt(sampler, plane.unproject(vec3(0, 0, 0), x, y), outOf(plane.axes), slab, count);
          let compared = 0;
          for (let n = 0; n < WIDTH * HEIGHT; n += 17) {
            const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
            const value = at(x + 0.5, y + 0.5);
            // Where a sample of the slab comes or goes between two pixels, rounding may decide otherwise.
            const near = [at(x + 0.49, y + 0.5), at(x + 0.5, y + 0.51)];
            if (near.some((a) => Number.isNaN(a) !== Number.isNaN(value) || Math.abs(a - value) > 1)) continue;
            const wanted = Number.isNaN(value) ? 11 : 255 * greyOf(value, stage.window);
            expect(Math.abs(wanted - (seen[4 * ((HEIGHT - 1 - y) * WIDTH + x)] as number))).toBeLessThanOrEqual(1);
            compared += Number.isNaN(value) ? 0 : 1;
          }
          expect(compared).toBeGreaterThan(200);
        }
      });
    }
  }

  it('is one plane again when it is taken away, and refused where it cannot be drawn', () => {
    const v = VOLUMES[0]?.[1] as Volume<'ct'>;
    const stage = stageWith(v, 'axial');
    const read = (): string => {
      stage.render();
      const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
      const seen = new Uint8Array(4 * WIDTH * HEIGHT);
      gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, seen);
      return seen.join();
    };
    const before = read();
    stage.setSlab('axial', { thicknessMm: 20, mode: 'max' });
    expect(read()).not.toBe(before);
    stage.setSlab('axial', undefined);
    expect(read()).toBe(before);
    for (const thicknessMm of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => stage.setSlab('axial', { thicknessMm, mode: 'max' })).toThrow(
        expect.objectContaining({ code: 'math/out-of-range' }),
      );
    }
    expect(() => stage.setSlab('axial', { thicknessMm: 5, mode: 'sum' as 'max' })).toThrow(/max, min or mean/);
  });
});
