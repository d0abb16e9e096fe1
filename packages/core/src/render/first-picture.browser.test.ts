import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { frame, PoseView, point, transform } from '../frames/index.js';
import { fromRotationVector, identity4, Random, transformPoint, vec3 } from '../math/index.js';
import { type Volume, type VoxelArray, volume, type WindowLevel } from '../volume/index.js';
import { createStage, type Layout, quadLayout, SLICE_VIEWS, type SliceViewName, type Stage, singleLayout } from './index.js';
import { againstOracle, pixels } from './test-support/slice-oracle.js';

/** From the first frame on every pixel is right, while the volume is still on its way to the GPU. */

const CT = frame('ct');
const MR = frame('mr');
const CT_FROM_MR = transform(CT, MR, identity4());
const SIZE = [120, 96, 100] as const;
const COUNT = SIZE[0] * SIZE[1] * SIZE[2];
const SPACING = [0.9, 1.6, 1.2];
const WINDOW: WindowLevel = { width: 260, level: 190 };
const stages: Stage<'ct'>[] = [];

beforeEach(() => {
  // Each look at the clock takes longer than a frame may give to sending: one band a frame.
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 20;
    return now;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const stage of stages.splice(0)) stage.dispose();
});

function canvasOf(width = 240, height = 200): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

function stageOn(layout: Layout, canvas = canvasOf()): Stage<'ct'> {
  const stage = createStage(canvas, {
    ...{ frame: CT, layout, annotations: false, antialias: false, pixelRatio: 1, interactive: false },
  });
  stages.push(stage);
  return stage;
}

const THREE: Layout = SLICE_VIEWS.map((view, n) => ({ view, x: n / 3, y: 0, width: 1 / 3, height: 1 }));

function grid(columns: readonly (readonly number[])[]): Float64Array {
  const m = new Float64Array(16);
  for (let c = 0; c < 3; c += 1) {
    for (let r = 0; r < 3; r += 1) m[4 * c + r] = (columns[c]?.[r] as number) * (SPACING[c] as number);
  }
  m.set([-70, 40, 610, 1], 12);
  return m;
}

const STRAIGHT = grid([
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
]);
const ALONG: Readonly<Record<string, Float64Array>> = {
  straight: STRAIGHT,
  'feet first, mirrored': grid([
    [-1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
  ]),
  'sagittal slices': grid([
    [0, 1, 0],
    [0, 0, -1],
    [1, 0, 0],
  ]),
};
const TURNED = fromRotationVector(new Float64Array(16), [0.3, -0.5, 0.2]);
const OBLIQUE = grid([0, 4, 8].map((c) => Array.from(TURNED.subarray(c, c + 3))));

/** No 0 in it: what is not there would be seen. Smooth, with noise from voxel to voxel, and no two ways alike. */
function body(frameFromIndex: Float64Array, voxels: VoxelArray = new Int16Array(COUNT), slope = 1): Volume<'ct'> {
  const random = new Random(7);
  for (let n = 0, k = 0; k < SIZE[2]; k += 1) {
    for (let j = 0; j < SIZE[1]; j += 1) {
      for (let i = 0; i < SIZE[0]; i += 1) {
        voxels[n++] = 100 + 40 * Math.sin(i / 9) + 0.5 * i + 0.3 * j + 0.6 * (SIZE[2] - k) + 12 * random.uniform();
      }
    }
  }
  const rescale = { slope, intercept: slope < 0 ? 400 : 0 };
  return volume({ frame: CT, voxels, size: [...SIZE], frameFromIndex, rescale });
}

function cutAt(stage: Stage<'ct'>, v: Volume<'ct'>, index: readonly number[]): void {
  stage.setCrosshair(point(CT, transformPoint(vec3(0, 0, 0), v.frameFromIndex, index)));
}

/** Draws, and holds every slice of the layout against the CPU. */
function requireRight(stage: Stage<'ct'>, v: Volume<'ct'>, views: readonly SliceViewName[] = SLICE_VIEWS): void {
  stage.render();
  for (const view of views) {
    const { worst, inside } = againstOracle(stage, view, v, stage.window);
    expect(inside).toBeGreaterThan(2000);
    expect(worst, `${view}, ${stage.uploaded} there`).toBeLessThanOrEqual(2);
  }
}

/** Goes on drawing until all is there; what was there in each frame. */
function untilWhole(stage: Stage<'ct'>, each: (n: number) => void): number[] {
  const shares: number[] = [];
  for (let n = 0; n < 40; n += 1) {
    each(n);
    shares.push(stage.uploaded);
    if (stage.uploaded === 1) return shares;
  }
  throw new Error(`Still ${stage.uploaded} after 40 frames.`);
}

describe('slices of a volume that is on its way', () => {
  const cases: readonly (readonly [string, Volume<'ct'>])[] = [
    ...Object.entries(ALONG).map(([name, m]) => [`int16, ${name}`, body(m)] as const),
    ['uint8', body(STRAIGHT, new Uint8Array(COUNT))],
    ['float32', body(STRAIGHT, new Float32Array(COUNT))],
    ['uint16, with a negative slope', body(STRAIGHT, new Uint16Array(COUNT), -1)],
  ];
  it.each(cases)('are right in the first frame, in each until all is there, and after: %s', (_, v) => {
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.setVolume(v, WINDOW);
    requireRight(stage, v);
    expect(stage.uploaded).toBe(0);
    const random = new Random(3);
    const shares = untilWhole(stage, () => {
      cutAt(
        stage,
        v,
        SIZE.map((n) => n * random.uniform()),
      );
      requireRight(stage, v);
    });
    // 1.15 million texels, half a million at a time.
    expect(shares.length).toBe(3);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    for (let n = 0; n < 3; n += 1) requireRight(stage, v);
  });

  it('at the very edges of the volume', () => {
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.setVolume(v, WINDOW);
    for (const at of [[0, 0, 0], SIZE.map((n) => n - 1), [-0.4, -0.4, -0.4], SIZE.map((n) => n - 0.6)]) {
      cutAt(stage, v, at);
      requireRight(stage, v);
      stage.setVolume(v, WINDOW);
    }
    // Beside it: nothing.
    cutAt(stage, v, [-3, -3, -3]);
    stage.render();
    for (const view of SLICE_VIEWS) expect(againstOracle(stage, view, v, WINDOW)).toMatchObject({ worst: 0, inside: 0 });
    expect(stage.uploaded).toBe(0);
  });

  it('zoomed, moved and windowed meanwhile', () => {
    const v = body(STRAIGHT);
    const stage = stageOn(singleLayout('coronal'));
    stage.setVolume(v, WINDOW);
    stage.slice('coronal').lookAt([-20, 100, 660], 60);
    requireRight(stage, v, ['coronal']);
    expect(stage.slice('coronal').plane.mmPerPx).toBeCloseTo(60 / 200, 9);
    stage.slice('coronal').pan(30, -11);
    stage.setWindow({ width: 90, level: 150 });
    requireRight(stage, v, ['coronal']);
    expect(stage.uploaded).toBeLessThan(1);
  });

  it('an oblique plane needs more: it waits for all, and is right', () => {
    const oblique = body(OBLIQUE);
    const stage = stageOn(singleLayout('axial'));
    stage.setVolume(oblique, WINDOW);
    requireRight(stage, oblique, ['axial']);
    expect(stage.uploaded).toBe(1);

    const v = body(STRAIGHT);
    const other = stageOn(singleLayout('axial'));
    other.setVolume(v, WINDOW);
    requireRight(other, v, ['axial']);
    expect(other.uploaded).toBe(0);
    other.setSliceAxes('axial', { right: TURNED.slice(0, 3), up: TURNED.slice(4, 7) });
    requireRight(other, v, ['axial']);
    expect(other.uploaded).toBe(1);
  });

  it('a plane that a tool turns, from along the grid to across it', () => {
    const v = body(STRAIGHT);
    const stage = stageOn(singleLayout('axial'));
    stage.setVolume(v, WINDOW);
    requireRight(stage, v, ['axial']);
    const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 80, radiusMm: 1 } });
    const pose = new PoseView();
    pose.status = 'ok';
    pose.matrix.set(fromRotationVector(new Float64Array(16), [0.9, 0.4, -0.2]));
    pose.matrix.set([-15, 110, 670], 12);
    stage.driveSlice('axial', { tool, mode: 'inPlane0' });
    tool.update(pose);
    requireRight(stage, v, ['axial']);
  });
});

/** A body in noisy air: the 3D view leaves the air out, by the values around each pixel. Large enough for three slices to be a small part. */
function inAir(): Volume<'ct'> {
  const size = [180, 160, 170] as const;
  const random = new Random(19);
  const voxels = Int16Array.from({ length: size[0] * size[1] * size[2] }, (_, n) => {
    const at = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))] as const;
    const away = Math.hypot(...at.map((a, k) => (a - (size[k] as number) / 2) / (0.42 * (size[k] as number))));
    return away < 1 ? 200 + 0.6 * at[0] + 0.3 * at[1] - 0.5 * at[2] + 12 * random.uniform() : 60 * random.uniform();
  });
  return volume({ frame: CT, voxels, size: [...size], frameFromIndex: STRAIGHT });
}

/** How far two pictures are apart where they are farthest, grey levels of 255. */
function worstBetween(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((worst, x, n) => Math.max(worst, Math.abs(x - (b[n] as number))), 0);
}

describe('everything else on a stage whose volume is on its way', () => {
  const v = inAir();
  const grid4 = Float64Array.of(4, 0, 0, 0, 0, 5, 0, 0, 0, 0, 4, 0, -60, 60, 630, 1);
  const coarse = Int16Array.from({ length: 8000 }, (_, n) => 40 * (n % 11));
  const second = volume({ frame: MR, size: [20, 20, 20], frameFromIndex: grid4, voxels: coarse });
  const organs = volume({ frame: CT, size: [20, 20, 20], frameFromIndex: grid4, voxels: coarse });
  const things: readonly (readonly [string, Layout, (stage: Stage<'ct'>) => void])[] = [
    ['slices standing in 3D, the air left out', quadLayout(), () => {}],
    ['the 3D view alone', singleLayout('3d'), () => {}],
    ['MIP', singleLayout('axial'), (stage) => stage.setSlab('axial', { thicknessMm: 6, mode: 'max' })],
    ['mean', singleLayout('sagittal'), (stage) => stage.setSlab('sagittal', { thicknessMm: 4, mode: 'mean' })],
    ['a thick MinIP', singleLayout('coronal'), (stage) => stage.setSlab('coronal', { thicknessMm: 90, mode: 'min' })],
    [
      'a second volume',
      THREE,
      (stage) => void stage.fuse(second, CT_FROM_MR, { mode: 'checkerboard', squareMm: 17, window: { width: 400, level: 200 } }),
    ],
    ['outlines of a second volume', THREE, (stage) => void stage.fuse(second, CT_FROM_MR, { mode: 'edges' })],
    [
      'labels',
      THREE,
      (stage) =>
        stage.setLabels({
          volume: organs,
          segments: [
            { value: 40, colour: '#f04040' },
            { value: 200, colour: '#40f0a0' },
          ],
        }),
    ],
  ];
  it.each(things)('%s: the first picture is that of the whole volume', (name, layout, put) => {
    const stage = stageOn(layout, canvasOf(330, 260));
    stage.setVolume(v, WINDOW);
    put(stage);
    cutAt(stage, v, [81.3, 84.2, 87.9]);
    stage.render();
    const first = pixels(stage);
    expect(stage.uploaded).toBe(name === 'a thick MinIP' ? 1 : 0);
    untilWhole(stage, () => stage.render());
    stage.render();
    const last = pixels(stage);
    expect(worstBetween(first, last)).toBeLessThanOrEqual(1);
    expect(last.filter((x) => x > 60).length).toBeGreaterThan(3000);
    // Another cut is another picture: the comparison can fail.
    cutAt(stage, v, [60, 110, 40]);
    stage.render();
    expect(worstBetween(last, pixels(stage))).toBeGreaterThan(20);
  });

  it('the volume as a whole waits for all of it', () => {
    const look = { transfer: 'mr', stepVoxels: 1 } as const;
    const stage = stageOn(singleLayout('3d'));
    stage.setVolume(v, WINDOW);
    stage.render();
    expect(stage.uploaded).toBe(0);
    stage.renderVolume(look);
    stage.render();
    expect(stage.uploaded).toBe(1);
    const late = pixels(stage);
    const other = stageOn(singleLayout('3d'));
    other.setVolume(v, WINDOW);
    other.renderVolume(look);
    other.render();
    expect(other.uploaded).toBe(1);
    expect(worstBetween(late, pixels(other))).toBe(0);
    expect(late.filter((x) => x > 30).length).toBeGreaterThan(3000);
  });
});

describe('what a volume on its way holds', () => {
  it('goes with its arrival, with another volume, and with the stage', () => {
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.render();
    const before = stage.resources().textures;
    stage.setVolume(v, WINDOW);
    stage.render();
    expect(stage.resources().textures - before).toBe(3);
    stage.render();
    // Three parts and the volume, of which there is some.
    expect(stage.resources().textures - before).toBe(4);
    stage.setVolume(body(STRAIGHT, new Uint8Array(COUNT)), WINDOW);
    stage.render();
    expect(stage.resources().textures - before).toBe(3);
    untilWhole(stage, () => stage.render());
    expect(stage.resources().textures - before).toBe(1);
    stage.setVolume(v, WINDOW);
    stage.render();
    stage.render();
    stage.setVolume(undefined);
    stage.render();
    expect(stage.uploaded).toBe(1);
    expect(stage.resources().textures - before).toBe(0);
    stage.setVolume(v, WINDOW);
    stage.render();
    stage.render();
    stage.dispose();
    expect(stage.resources()).toEqual({ geometries: 0, textures: 0, programs: 0 });
  });

  it('is a twentieth of the volume, in three parts', () => {
    const calls: number[] = [];
    const { texSubImage3D } = WebGL2RenderingContext.prototype;
    vi.spyOn(WebGL2RenderingContext.prototype, 'texSubImage3D').mockImplementation(function (
      this: WebGL2RenderingContext,
      ...args
    ) {
      const [, , , , , w, h, d] = args as unknown as number[];
      calls.push((w as number) * (h as number) * (d as number));
      Reflect.apply(texSubImage3D, this, args);
    } as typeof texSubImage3D);
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.setVolume(v, WINDOW);
    requireRight(stage, v);
    // Two voxels, which ask the GPU how it filters, and the parts.
    expect(calls.length).toBe(4);
    expect(calls.reduce((a, b) => a + b, 0)).toBeLessThan(COUNT / 12);
    expect(stage.resources().programs).toBe(1);
  });

  it('comes back with a context that was lost on the way', async () => {
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.setVolume(v, WINDOW);
    requireRight(stage, v);
    stage.render();
    expect(stage.uploaded).toBeGreaterThan(0);
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const context = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
    const lost = new Promise<void>((done) => void stage.contextLost.subscribe(() => done()));
    const restored = new Promise<void>((done) => void stage.contextRestored.subscribe(() => done()));
    context.loseContext();
    await lost;
    stage.render();
    // Within the event it may not be asked for.
    await new Promise((done) => setTimeout(done, 20));
    context.restoreContext();
    await restored;
    expect(stage.uploaded).toBe(0);
    requireRight(stage, v);
    untilWhole(stage, () => requireRight(stage, v));
  });
});

describe('a GPU that filters in steps', () => {
  it('is told by one pixel, and its slices are interpolated by the shader from the first on', () => {
    const canvas = canvasOf(420, 150);
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: false, depth: true }) as WebGL2RenderingContext;
    // What is asked about is half-way and a little more; in steps of 1/256 it is half-way: black.
    const read = gl.readPixels.bind(gl) as (...args: unknown[]) => void;
    Object.defineProperty(gl, 'readPixels', {
      value: (...args: unknown[]) => {
        read(...args);
        if (args[2] === 1 && args[3] === 1) (args[6] as Uint8Array).set([0, 0, 0, 255]);
      },
    });
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvas);
    stage.setVolume(v, WINDOW);
    requireRight(stage, v);
    const sources = gl.getAttachedShaders(gl.getParameter(gl.CURRENT_PROGRAM) as WebGLProgram)?.map((s) => gl.getShaderSource(s));
    expect(sources?.some((text) => text?.includes('#define MANUAL_FILTER'))).toBe(true);
    untilWhole(stage, () => requireRight(stage, v));
  });

  it('is not this one: the same pixel says so, and the GPU filters', () => {
    const v = body(STRAIGHT);
    const stage = stageOn(THREE, canvasOf(420, 150));
    stage.setVolume(v, WINDOW);
    requireRight(stage, v);
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const sources = gl.getAttachedShaders(gl.getParameter(gl.CURRENT_PROGRAM) as WebGLProgram)?.map((s) => gl.getShaderSource(s));
    expect(sources?.some((text) => text?.includes('#define MANUAL_FILTER'))).toBe(false);
  });
});
