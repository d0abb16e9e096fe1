import { afterEach, describe, expect, it } from 'vitest';
import { frame, type Point, point } from '../frames/index.js';
import { fromRotationVector, Random, transformPoint, vec3 } from '../math/index.js';
import { type Volume, type VoxelArray, volume, type WindowLevel } from '../volume/index.js';
import {
  createStage,
  type Layout,
  quadLayout,
  SLICE_VIEWS,
  type SliceViewName,
  type Stage,
  singleLayout,
  volumeAxes,
} from './index.js';
import { againstOracle, pixels } from './test-support/slice-oracle.js';

const CT = frame('ct');
const WIDTH = 240;
const HEIGHT = 200;
const stages: Stage<'ct'>[] = [];

function stageOn(layout: Layout, annotations = false, hideFloatFilter = false): Stage<'ct'> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  if (hideFloatFilter) {
    // The stage asks the canvas for its context again and gets this one.
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: false, depth: true }) as WebGL2RenderingContext;
    const ask = gl.getExtension.bind(gl) as (name: string) => unknown;
    Object.defineProperty(gl, 'getExtension', {
      value: (name: string) => (name === 'OES_texture_float_linear' ? null : ask(name)),
    });
  }
  const stage = createStage(canvas, { frame: CT, layout, annotations, antialias: false, pixelRatio: 1, interactive: false });
  stages.push(stage);
  return stage;
}

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

/** Smooth, asymmetric values with noise: no flip, shift or swap of axes leaves it as it was. */
function textured(frameFromIndex: ArrayLike<number>, voxels: VoxelArray, rescale = { slope: 1, intercept: 0 }): Volume<'ct'> {
  const size = [37, 52, 29] as const;
  const random = new Random(7);
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1) {
        voxels[n++] = 100 + 50 * Math.sin(i / 5) + 1.5 * i - 1.1 * j + 2.3 * k + 10 * random.uniform();
      }
    }
  }
  return volume({ frame: CT, voxels, size: [...size], frameFromIndex, rescale });
}

const COUNT = 37 * 52 * 29;
const SPACING = [1.9, 1.3, 2.6];

/** A grid of those columns, times SPACING, somewhere off the origin. */
function grid(columns: readonly (readonly number[])[], origin: readonly number[] = [-70, 40, 610]): Float64Array {
  const m = new Float64Array(16);
  for (let c = 0; c < 3; c += 1)
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = (columns[c]?.[r] as number) * (SPACING[c] as number);
  m.set([...origin, 1], 12);
  return m;
}

function rotated(about: readonly number[]): Float64Array {
  const r = fromRotationVector(new Float64Array(16), about);
  return grid([0, 4, 8].map((c) => Array.from(r.subarray(c, c + 3))));
}

const GRIDS: Readonly<Record<string, Float64Array>> = {
  straight: grid([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]),
  'feet first': grid([
    [-1, 0, 0],
    [0, 1, 0],
    [0, 0, -1],
  ]),
  mirrored: grid([
    [-1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]),
  'sagittal slices': grid([
    [0, 1, 0],
    [0, 0, -1],
    [1, 0, 0],
  ]),
  oblique: rotated([0.3, -0.5, 0.2]),
  tilted: grid([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0.31, 0.95],
  ]),
};

describe('the slice shader against the CPU', () => {
  const cases = Object.entries(GRIDS).map(([name, m]) => [name, textured(m, new Int16Array(COUNT))] as const);
  const rescaled = textured(GRIDS['straight'] as Float64Array, new Int16Array(COUNT), { slope: -2.5, intercept: 900 });
  const all: readonly (readonly [string, Volume<'ct'>, WindowLevel])[] = [
    ...cases.map(([name, v]) => [`int16, ${name}`, v, { width: 220, level: 130 }] as const),
    ['uint8, oblique', textured(GRIDS['oblique'] as Float64Array, new Uint8Array(COUNT)), { width: 220, level: 130 }],
    ['float32, mirrored', textured(GRIDS['mirrored'] as Float64Array, new Float32Array(COUNT)), { width: 220, level: 130 }],
    ['uint16, feet first', textured(GRIDS['feet first'] as Float64Array, new Uint16Array(COUNT)), { width: 220, level: 130 }],
    ['int16, rescaled with a negative slope', rescaled, { width: 500, level: 580 }],
  ];
  for (const manual of [false, true]) {
    for (const [name, v, window] of all) {
      it(`${name}${manual ? ', filtered by the shader itself' : ''}`, () => {
        for (const view of SLICE_VIEWS) {
          const stage = stageOn(singleLayout(view), false, manual);
          stage.setVolume(v);
          stage.setWindow(window);
          const focus = transformPoint(vec3(0, 0, 0), v.frameFromIndex, [17.3, 30.8, 11.6]);
          stage.setCrosshair(point(CT, focus));
          stage.render();
          const { worst, inside, outside } = againstOracle(stage, view, v, window);
          expect(inside).toBeGreaterThan(8000);
          expect(outside).toBeGreaterThan(4000);
          expect(worst).toBeLessThanOrEqual(2);
        }
      });
    }
  }

  it('shows every slice of a volume that goes up in several slabs, the last one thinner', () => {
    // 512 × 256 voxels a slice: four slices a slab, so 4 + 4 + 2.
    const size = [512, 256, 10] as const;
    const voxels = new Int16Array(512 * 256 * 10);
    voxels.forEach((_, n) => {
      const [i, j, k] = [n % 512, Math.floor(n / 512) % 256, Math.floor(n / (512 * 256))];
      voxels[n] = 40 + 0.1 * i + 0.2 * j + 12 * ((k * 7) % 10);
    });
    const frameFromIndex = Float64Array.of(0.4, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 20, 0, 10, 20, 30, 1);
    const v = volume({ frame: CT, voxels, size: [...size], frameFromIndex });
    for (const view of ['coronal', 'sagittal'] as const) {
      const stage = stageOn(singleLayout(view));
      stage.setVolume(v);
      stage.setWindow({ width: 260, level: 130 });
      stage.render();
      const { worst, inside } = againstOracle(stage, view, v, { width: 260, level: 130 });
      expect(inside).toBeGreaterThan(8000);
      expect(worst).toBeLessThanOrEqual(2);
    }
  });

  it('follows zoom, pan and turned axes', () => {
    const v = cases[4]?.[1] as Volume<'ct'>;
    const stage = stageOn(singleLayout('coronal'));
    stage.setVolume(v);
    stage.setWindow({ width: 220, level: 130 });
    stage.setSliceAxes('coronal', volumeAxes(v, 'coronal'));
    stage.render();
    stage.slice('coronal').zoomAbout(1.7, 60, 40);
    stage.slice('coronal').pan(-13, 21);
    stage.render();
    const { worst, inside } = againstOracle(stage, 'coronal', v, { width: 220, level: 130 });
    expect(inside).toBeGreaterThan(8000);
    expect(worst).toBeLessThanOrEqual(2);
  });

  it('keeps 16 bits: neighbouring values of a wide range stay apart', () => {
    const voxels = Int16Array.from({ length: 8 * 8 * 8 }, (_, n) => 30_000 + (n % 8 < 4 ? 0 : 1));
    const v = volume({
      frame: CT,
      voxels,
      size: [8, 8, 8],
      frameFromIndex: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
    });
    const stage = stageOn(singleLayout('axial'));
    stage.setVolume(v);
    stage.setWindow({ width: 2, level: 30_000.5 });
    stage.render();
    const seen = pixels(stage);
    expect(seen[100 * WIDTH + 80]).toBe(64);
    expect(seen[100 * WIDTH + 160]).toBe(191);
  });
});

/** Where things must appear, by the radiological convention alone: mm per unit of screen right and down. */
const SCREEN: Readonly<Record<SliceViewName, { right: readonly number[]; down: readonly number[] }>> = {
  axial: { right: [1, 0, 0], down: [0, 1, 0] },
  coronal: { right: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { right: [0, 1, 0], down: [0, 0, -1] },
};

/** The brightness-weighted centroid of a picture, px from the upper left corner. */
function centroid(seen: Uint8Array, width: number, top = 0, left = 0, w = width, h = seen.length / width): [number, number] {
  let sum = 0;
  let x = 0;
  let y = 0;
  for (let r = top; r < top + h; r += 1) {
    for (let c = left; c < left + w; c += 1) {
      const weight = Math.max(0, (seen[r * width + c] as number) - 60);
      sum += weight;
      x += weight * (c + 0.5);
      y += weight * (r + 0.5);
    }
  }
  return [x / sum, y / sum];
}

describe('a voxel at a known place in the patient', () => {
  // To the patient's left, back and head of the middle, by different amounts.
  const usual = [27, 41, 22] as const;
  for (const [name, m] of Object.entries(GRIDS)) {
    const index = name === 'oblique' ? ([33, 12, 20] as const) : usual;
    it(`appears there on the screen: ${name} grid`, () => {
      const size = [37, 52, 29] as const;
      const bright = transformPoint(vec3(0, 0, 0), m, index);
      const middle = transformPoint(
        vec3(0, 0, 0),
        m,
        size.map((n) => (n - 1) / 2),
      );
      const voxels = new Int16Array(COUNT);
      voxels[index[0] + 37 * (index[1] + 52 * index[2])] = 1000;
      const v = volume({ frame: CT, voxels, size: [...size], frameFromIndex: m });
      for (const view of SLICE_VIEWS) {
        const stage = stageOn(singleLayout(view));
        stage.setVolume(v);
        stage.setWindow({ width: 1000, level: 500 });
        stage.setCrosshair(point(CT, bright));
        stage.render();
        const [x, y] = centroid(pixels(stage), WIDTH);
        const { right, down } = SCREEN[view];
        const along = (d: readonly number[]): number =>
          d.reduce((s, f, k) => s + f * ((bright[k] as number) - (middle[k] as number)), 0);
        const { mmPerPx } = stage.slice(view).plane;
        // The tent of one voxel is symmetric about its centre on every grid, and so is any cut through that.
        expect(Math.abs(x - (WIDTH / 2 + along(right) / mmPerPx))).toBeLessThan(0.5);
        expect(Math.abs(y - (HEIGHT / 2 + along(down) / mmPerPx))).toBeLessThan(0.5);
        // Far from the middle both ways, so that a flip of either axis could not pass.
        expect(Math.abs(x - WIDTH / 2)).toBeGreaterThan(5);
        expect(Math.abs(y - HEIGHT / 2)).toBeGreaterThan(5);
      }
    });
  }

  it('appears there in the 3D view too, on the standing slices, from the front and from the left', () => {
    for (const name of ['feet first', 'mirrored', 'sagittal slices', 'tilted'] as const) {
      const m = GRIDS[name] as Float64Array;
      const voxels = new Int16Array(COUNT);
      voxels[usual[0] + 37 * (usual[1] + 52 * usual[2])] = 1000;
      const bright = transformPoint(vec3(0, 0, 0), m, usual);
      const middle = transformPoint(vec3(0, 0, 0), m, [18, 25.5, 14]);
      for (const [azimuth, right, away] of [
        [0, [1, 0, 0], [0, 1, 0]],
        [Math.PI / 2, [0, 1, 0], [-1, 0, 0]],
      ] as const) {
        const stage = stageOn(singleLayout('3d'));
        stage.setVolume(volume({ frame: CT, voxels, size: [37, 52, 29], frameFromIndex: m }));
        stage.setWindow({ width: 1000, level: 500 });
        stage.setCrosshair(point(CT, bright));
        stage.orbit.azimuth = azimuth;
        stage.orbit.elevation = 0;
        stage.render();
        const along = (d: readonly number[]): number =>
          d.reduce((sum, f, k) => sum + f * ((bright[k] as number) - (middle[k] as number)), 0);
        // A pinhole of 26° over the height: pixels per mm at that depth.
        const pxPerMm = HEIGHT / 2 / Math.tan((13 * Math.PI) / 180) / (stage.orbit.distance + along(away));
        const [x, y] = centroid(pixels(stage), WIDTH);
        expect(Math.abs(x - (WIDTH / 2 + along(right) * pxPerMm)), name).toBeLessThan(0.5);
        expect(Math.abs(y - (HEIGHT / 2 - along([0, 0, 1]) * pxPerMm)), name).toBeLessThan(0.5);
        expect(Math.min(Math.abs(x - WIDTH / 2), Math.abs(y - HEIGHT / 2))).toBeGreaterThan(5);
      }
    }
  });

  it('is found where the scale says: two voxels, their distance in mm', () => {
    const m = GRIDS['straight'] as Float64Array;
    const at = (bright: readonly [number, number, number]): [number, number] => {
      const voxels = new Int16Array(COUNT);
      voxels[bright[0] + 37 * (bright[1] + 52 * bright[2])] = 1000;
      const stage = stageOn(singleLayout('axial'));
      stage.setVolume(volume({ frame: CT, voxels, size: [37, 52, 29], frameFromIndex: m }));
      stage.setWindow({ width: 1000, level: 500 });
      stage.setCrosshair(point(CT, transformPoint(vec3(0, 0, 0), m, bright)));
      stage.render();
      return centroid(pixels(stage), WIDTH);
    };
    const [a, b] = [at([5, 8, 14]), at([31, 46, 14])];
    // The volume is 52 · 1.3 = 67.6 mm high, in a view of 200 px less 2.6 letters of 16 px.
    const mmPerPx = 67.6 / (200 - 2.6 * 16);
    expect(Math.abs((b[0] - a[0]) * mmPerPx - 26 * 1.9)).toBeLessThan(0.5 * mmPerPx);
    expect(Math.abs((b[1] - a[1]) * mmPerPx - 38 * 1.3)).toBeLessThan(0.5 * mmPerPx);
  });

  it('appears in every view of one canvas at once', () => {
    const m = GRIDS['feet first'] as Float64Array;
    const voxels = new Int16Array(COUNT);
    voxels[usual[0] + 37 * (usual[1] + 52 * usual[2])] = 1000;
    const stage = stageOn(quadLayout());
    stage.setVolume(volume({ frame: CT, voxels, size: [37, 52, 29], frameFromIndex: m }));
    stage.setWindow({ width: 1000, level: 500 });
    const bright: Point<'ct'> = point(CT, transformPoint(vec3(0, 0, 0), m, usual));
    stage.setCrosshair(bright);
    stage.render();
    const seen = pixels(stage);
    for (const view of SLICE_VIEWS) {
      const rect = stage.viewRect(view);
      expect(rect).toBeDefined();
      if (rect === undefined) continue;
      const [x, y] = centroid(seen, WIDTH, rect.y, rect.x, rect.width, rect.height);
      const wanted = stage.slice(view).plane.project(vec3(0, 0, 0), bright.xyz);
      expect(Math.abs(x - rect.x - (wanted[0] as number))).toBeLessThan(0.5);
      expect(Math.abs(y - rect.y - (wanted[1] as number))).toBeLessThan(0.5);
    }
  });
});
