import { afterEach, describe, expect, it } from 'vitest';
import { type AffineTransform, affineTransform, frame, point } from '../frames/index.js';
import { fromRotationVector, invert4, Random, transformPoint, vec3 } from '../math/index.js';
import { greyOf, Sampler, type Volume, type VoxelArray, volume } from '../volume/index.js';
import {
  createStage,
  type FusionLook,
  PALETTE,
  type PlaneView,
  SLICE_VIEWS,
  type SliceViewName,
  type Stage,
  singleLayout,
} from './index.js';
import { rgb } from './palette.js';

const CT = frame('ct');
const MR = frame('mr');
const WIDTH = 240;
const HEIGHT = 200;
const ABSENT = rgb(PALETTE.background).map((c) => 255 * c);
const stages: Stage<'ct'>[] = [];

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

function stageOn(view: SliceViewName, options: { hideFloatFilter?: boolean; interactive?: boolean } = {}): Stage<'ct'> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  if (options.hideFloatFilter === true) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: false, depth: true }) as WebGL2RenderingContext;
    const ask = gl.getExtension.bind(gl) as (name: string) => unknown;
    Object.defineProperty(gl, 'getExtension', {
      value: (name: string) => (name === 'OES_texture_float_linear' ? null : ask(name)),
    });
  }
  const interactive = options.interactive ?? false;
  const layout = singleLayout(view);
  const stage = createStage(canvas, { frame: CT, layout, annotations: false, antialias: false, pixelRatio: 1, interactive });
  stages.push(stage);
  return stage;
}

/** The red, green and blue of a pixel of the canvas just drawn; rows from the top. */
function picture(stage: Stage<'ct'>): (x: number, y: number) => readonly number[] {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const { width, height } = stage.canvas;
  const raw = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, raw);
  return (x, y) => {
    const at = 4 * ((height - 1 - y) * width + x);
    return [raw[at] as number, raw[at + 1] as number, raw[at + 2] as number];
  };
}

interface Made {
  readonly size: readonly [number, number, number];
  readonly spacing: readonly [number, number, number];
  readonly about: readonly [number, number, number];
  readonly voxels: VoxelArray;
  readonly seed: number;
}

/** Smooth, asymmetric values about the origin of its frame: no flip, shift or swap of axes leaves it as it was. */
function textured<F extends string>(
  inFrame: ReturnType<typeof frame<F>>,
  { size, spacing, about, voxels, seed }: Made,
): Volume<F> {
  const random = new Random(seed);
  const [ni, nj, nk] = size;
  for (let n = 0; n < voxels.length; n += 1) {
    const [i, j, k] = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    voxels[n] =
      100 + 40 * Math.sin(i / 3 + seed) + 30 * Math.cos((j + k) / 4) + 1.5 * i - 1.1 * j + 2.3 * k + 4 * random.uniform();
  }
  const m = fromRotationVector(new Float64Array(16), about);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * (spacing[c] as number);
  const middle = transformPoint(vec3(0, 0, 0), m, [(ni - 1) / 2, (nj - 1) / 2, (nk - 1) / 2]);
  for (let k = 0; k < 3; k += 1) m[12 + k] = -(middle[k] as number);
  return volume({ frame: inFrame, voxels, size: [...size], frameFromIndex: m });
}

const FIRST = textured(CT, {
  size: [41, 52, 33],
  spacing: [1.9, 1.3, 2.2],
  about: [0, 0, 0],
  voxels: new Int16Array(41 * 52 * 33),
  seed: 3,
});
/** Oblique in its own frame, with voxels of 1.1 × 2.4 × 3.1 mm. */
const SECOND = textured(MR, {
  size: [47, 21, 19],
  spacing: [1.1, 2.4, 3.1],
  about: [0.4, -0.3, 0.7],
  voxels: new Uint16Array(47 * 21 * 19),
  seed: 8,
});
const FIRST_WINDOW = { width: 220, level: 110 };
const SECOND_WINDOW = { width: 260, level: 125 };

function placed(about: readonly number[], mm: readonly number[], stretch = [1, 1, 1]): AffineTransform<'ct', 'mr'> {
  const m = fromRotationVector(new Float64Array(16), about);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * (stretch[c] as number);
  m.set(mm, 12);
  return affineTransform(CT, MR, m);
}

const POSES: Readonly<Record<string, AffineTransform<'ct', 'mr'>>> = {
  'turned and shifted': placed([0.3, 0.5, -0.2], [7, -5, 4]),
  'stretched and mirrored, left to right': placed([-0.1, 0.2, 0.4], [-6, 3, 2], [-1.15, 0.9, 1.05]),
};

/** The rescaled value of the second volume at a point of the stage's frame; NaN where it has none. */
function secondAt(ctFromMr: AffineTransform<'ct', 'mr'>): (p: ArrayLike<number>) => number {
  const mrFromCt = new Float64Array(16);
  invert4(mrFromCt, ctFromMr.matrix);
  const sampler = new Sampler(SECOND);
  const at = vec3(0, 0, 0);
  return (p) => {
    transformPoint(at, mrFromCt, p);
    return sampler.at(at[0] as number, at[1] as number, at[2] as number);
  };
}

const firstSampler = new Sampler(FIRST);

function firstAt(p: ArrayLike<number>): number {
  return firstSampler.at(p[0] as number, p[1] as number, p[2] as number);
}

/** What a pixel shows of a value, red, green, blue of 255; the background where there is none. */
function shown(value: number, window: { width: number; level: number }, tint = [1, 1, 1]): number[] {
  return Number.isNaN(value) ? [...ABSENT] : tint.map((t) => 255 * t * greyOf(value, window));
}

function mixed(a: readonly number[], b: readonly number[], share: number): number[] {
  return a.map((x, k) => x + share * ((b[k] as number) - x));
}

interface Tally {
  worst: number;
  both: number;
  firstOnly: number;
  secondOnly: number;
  ofSecond: number;
}

/**
 * The largest difference in grey levels between what is drawn and what the share of the second at each place makes of the
 * two, on every third pixel that no border of an image and no border of a share runs through.
 */
function against(
  stage: Stage<'ct'>,
  view: SliceViewName,
  pose: AffineTransform<'ct', 'mr'>,
  share: (x: number, y: number, plane: PlaneView) => number,
  tint?: number[],
): Tally {
  const seen = picture(stage);
  const { plane } = stage.slice(view);
  const second = secondAt(pose);
  const tally = { worst: 0, both: 0, firstOnly: 0, secondOnly: 0, ofSecond: 0 };
  const at = (x: number, y: number): [number, number, number] => {
    const p = plane.unproject(vec3(0, 0, 0), x, y);
    return [firstAt(p), second(p), share(x, y, plane)];
  };
  for (let n = 0; n < WIDTH * HEIGHT; n += 3) {
    const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
    const [a, b, s] = at(x + 0.5, y + 0.5);
    const steady = [-0.2, 1.2].every((d) =>
      [at(x + d, y + 0.5), at(x + 0.5, y + d)].every(
        ([c, e, t]) => Number.isNaN(c) === Number.isNaN(a) && Number.isNaN(e) === Number.isNaN(b) && t === s,
      ),
    );
    if (!steady) continue;
    const wanted = mixed(shown(a, FIRST_WINDOW), shown(b, SECOND_WINDOW, tint), s);
    const got = seen(x, y);
    tally.worst = Math.max(tally.worst, ...wanted.map((w, k) => Math.abs(w - (got[k] as number))));
    if (Number.isNaN(b)) tally.firstOnly += Number.isNaN(a) ? 0 : 1;
    else if (Number.isNaN(a)) tally.secondOnly += 1;
    else tally.both += 1;
    if (s === 1 && !Number.isNaN(b)) tally.ofSecond += 1;
  }
  return tally;
}

function fused(view: SliceViewName, pose: AffineTransform<'ct', 'mr'>, look: FusionLook, hideFloatFilter = false): Stage<'ct'> {
  const stage = stageOn(view, { hideFloatFilter });
  stage.setVolume(FIRST);
  stage.setWindow(FIRST_WINDOW);
  stage.setCrosshair(point(CT, [3.3, -2.1, 5.7]));
  stage.fuse(SECOND, pose, { window: SECOND_WINDOW, ...look });
  // The second reaches beyond the first here, and the first beyond the second.
  stage.render();
  stage.slice(view).pan(-9, 6);
  stage.render();
  return stage;
}

/** Half a grey level for each rounding to 8 bits: of the first, and of what is mixed into it; with the GPU's own rounding. */
const GREY_LEVELS = 1.1;

/** Which square of the checkerboard: the second's where the squares' numbers, counted from the frame's origin, are odd. */
function square(edgeMm: number): (x: number, y: number, plane: PlaneView) => number {
  return (x, y, plane) => {
    const p = plane.unproject(vec3(0, 0, 0), x, y);
    const along = (axis: ArrayLike<number>): number =>
      Math.floor([0, 1, 2].reduce((sum, k) => sum + (axis[k] as number) * (p[k] as number), 0) / edgeMm);
    return (((along(plane.axes.right) + along(plane.axes.up)) % 2) + 2) % 2;
  };
}

describe('a second volume over the first, against the CPU', () => {
  for (const [name, pose] of Object.entries(POSES)) {
    for (const view of SLICE_VIEWS) {
      it(`is mixed with it: ${name}, ${view}`, () => {
        for (const fraction of [0, 0.35, 1]) {
          const stage = fused(view, pose, { mode: 'blend', fraction });
          const tally = against(stage, view, pose, () => fraction);
          expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
          expect(tally.both).toBeGreaterThan(1500);
          expect(tally.firstOnly).toBeGreaterThan(300);
        }
      });

      it(`takes turns with it in squares: ${name}, ${view}`, () => {
        const stage = fused(view, pose, { mode: 'checkerboard', squareMm: 11 });
        const tally = against(stage, view, pose, square(11));
        expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
        expect(tally.ofSecond).toBeGreaterThan(500);
        expect(tally.both).toBeGreaterThan(tally.ofSecond + 500);
      });
    }
  }

  it('is the same where the shader must filter by itself', () => {
    const pose = POSES['turned and shifted'] as AffineTransform<'ct', 'mr'>;
    const stage = fused('coronal', pose, { mode: 'blend', fraction: 0.6 }, true);
    expect(against(stage, 'coronal', pose, () => 0.6).worst).toBeLessThanOrEqual(GREY_LEVELS);
  });

  it('is tinted, and shows the background where it has no image, though the first has one', () => {
    const pose = placed([0, 0, 0], [30, 0, 0]);
    const stage = fused('axial', pose, { mode: 'blend', fraction: 1, colour: '#ff8000' });
    const tally = against(stage, 'axial', pose, () => 1, [1, 128 / 255, 0]);
    expect(tally.worst).toBeLessThanOrEqual(GREY_LEVELS);
    expect(tally.firstOnly).toBeGreaterThan(1500);
    expect(tally.secondOnly).toBeGreaterThan(100);
  });

  it('keeps its squares in the patient while the view is moved', () => {
    const pose = POSES['turned and shifted'] as AffineTransform<'ct', 'mr'>;
    const stage = fused('sagittal', pose, { mode: 'checkerboard', squareMm: 14 });
    stage.slice('sagittal').pan(37, -21);
    stage.slice('sagittal').zoomAbout(1.6, 80, 90);
    stage.render();
    expect(against(stage, 'sagittal', pose, square(14)).worst).toBeLessThanOrEqual(GREY_LEVELS);
  });

  it('is moved without another texture', () => {
    const stage = stageOn('axial');
    stage.setVolume(FIRST);
    stage.setWindow(FIRST_WINDOW);
    const fusion = stage.fuse(SECOND, placed([0, 0, 0], [0, 0, 0]), { window: SECOND_WINDOW, fraction: 0.5 });
    stage.render();
    const { textures } = stage.resources();
    for (let turn = 1; turn <= 5; turn += 1) {
      const pose = placed([0.1 * turn, 0, -0.05 * turn], [turn, 2 * turn, -turn]);
      fusion.move(pose);
      stage.render();
      expect(against(stage, 'axial', pose, () => 0.5).worst).toBeLessThanOrEqual(GREY_LEVELS);
    }
    expect(stage.resources().textures).toBe(textures);
    fusion.remove();
    stage.render();
    expect(stage.resources().textures).toBe(textures - 1);
    expect(against(stage, 'axial', placed([0, 0, 0], [0, 0, 0]), () => 0).worst).toBeLessThanOrEqual(GREY_LEVELS);
  });

  it('keeps 16 bits: neighbouring values of a wide range stay apart', () => {
    const voxels = Uint16Array.from({ length: 512 }, (_, n) => 60_000 + (n % 8 < 4 ? 0 : 1));
    const v = volume({
      frame: MR,
      voxels,
      size: [8, 8, 8],
      frameFromIndex: Float64Array.of(9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, -31, -31, -31, 1),
    });
    const stage = stageOn('axial');
    stage.setVolume(FIRST);
    stage.fuse(v, placed([0, 0, 0], [0, 0, 0]), { window: { width: 2, level: 60_000.5 }, fraction: 1 });
    stage.setCrosshair(point(CT, [0, 0, 0]));
    stage.render();
    const seen = picture(stage);
    expect(seen(WIDTH / 2 - 30, HEIGHT / 2)[0]).toBe(64);
    expect(seen(WIDTH / 2 + 30, HEIGHT / 2)[0]).toBe(191);
  });
});

it('is there again when the context is', async () => {
  const pose = POSES['turned and shifted'] as AffineTransform<'ct', 'mr'>;
  const stage = fused('axial', pose, { mode: 'checkerboard', squareMm: 11 });
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const lose = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
  const lost = new Promise<void>((done) => stage.contextLost.subscribe(() => done()));
  lose.loseContext();
  await lost;
  const restored = new Promise<void>((done) => stage.contextRestored.subscribe(() => done()));
  // A browser restores only after the event of the loss has run its course.
  await new Promise((done) => setTimeout(done, 50));
  lose.restoreContext();
  await restored;
  stage.render();
  expect(against(stage, 'axial', pose, square(11)).worst).toBeLessThanOrEqual(GREY_LEVELS);
});

describe('a spyglass', () => {
  const pose = POSES['turned and shifted'] as AffineTransform<'ct', 'mr'>;
  const inside =
    (cx: number, cy: number, radius: number) =>
    (x: number, y: number): number => {
      const away = Math.hypot(x - cx, y - cy);
      // Its rim is no image: NaN is no share, nor the same as another.
      return Math.abs(away - radius) < 4 ? Number.NaN : away < radius ? 1 : 0;
    };

  it('shows the second around the crosshair, and around the pointer where it is in the view', () => {
    const stage = stageOn('coronal', { interactive: true });
    document.body.append(stage.canvas);
    stage.setVolume(FIRST);
    stage.setWindow(FIRST_WINDOW);
    stage.setCrosshair(point(CT, [10, -2, 12]));
    stage.fuse(SECOND, pose, { window: SECOND_WINDOW, mode: 'spyglass', radiusPx: 40 });
    stage.render();
    const at = stage.slice('coronal').plane.project(vec3(0, 0, 0), [10, -2, 12]);
    const around = against(stage, 'coronal', pose, inside(at[0] as number, at[1] as number, 40));
    expect(around.worst).toBeLessThanOrEqual(GREY_LEVELS);
    expect(around.ofSecond).toBeGreaterThan(500);
    const box = stage.canvas.getBoundingClientRect();
    const [x, y] = [97, 112];
    const scale = box.width / WIDTH;
    stage.canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x * scale, clientY: box.top + y * scale }));
    stage.render();
    const pointed = against(stage, 'coronal', pose, inside(x, y, 40));
    expect(pointed.worst).toBeLessThanOrEqual(GREY_LEVELS);
    expect(pointed.ofSecond).toBeGreaterThan(500);
    stage.canvas.dispatchEvent(new PointerEvent('pointerleave'));
    stage.render();
    expect(against(stage, 'coronal', pose, inside(at[0] as number, at[1] as number, 40)).worst).toBeLessThanOrEqual(GREY_LEVELS);
    stage.canvas.remove();
  });
});

/** The outline's opacity at a pixel, by its definition: the gradient's size, where it is largest along itself. */
function outlineAt(
  value: (p: ArrayLike<number>) => number,
  plane: PlaneView,
  stepMm: number,
  least: number,
  x: number,
  y: number,
): number {
  const px = stepMm / plane.mmPerPx;
  const p = vec3(0, 0, 0);
  const grey = (u: number, v: number): number => value(plane.unproject(p, u, v)) / SECOND_WINDOW.width;
  const slope = (u: number, v: number): [number, number] => [
    (grey(u + px, v) - grey(u - px, v)) / (2 * stepMm),
    (grey(u, v - px) - grey(u, v + px)) / (2 * stepMm),
  ];
  const smooth = (low: number, high: number, t: number): number => {
    const f = Math.min(1, Math.max(0, (t - low) / (high - low)));
    return f * f * (3 - 2 * f);
  };
  const [gx, gy] = slope(x, y);
  const size = Math.hypot(gx, gy);
  if (!(size > least)) return size <= least ? 0 : Number.NaN;
  const [ax, ay] = [(px * gx) / size, (px * gy) / size];
  const beside = Math.max(Math.hypot(...slope(x + ax, y - ay)), Math.hypot(...slope(x - ax, y + ay)));
  return smooth(least, 2 * least, size) * smooth(1, 1.2, size / beside);
}

describe('outlines', () => {
  const pose = POSES['stretched and mirrored, left to right'] as AffineTransform<'ct', 'mr'>;
  const edgeColour = '#c4f04c';
  const colour = rgb(edgeColour).map((c) => 255 * c);

  for (const view of SLICE_VIEWS) {
    it(`lie where the second's grey changes most, over the first: ${view}`, () => {
      const least = 0.008;
      const stage = fused(view, pose, { mode: 'edges', edgePerMm: least, edgeColour });
      const { plane } = stage.slice(view);
      const stepMm = Math.max(plane.mmPerPx, Math.cbrt(1.1 * 2.4 * 3.1 * 1.15 * 0.9 * 1.05));
      const seen = picture(stage);
      const value = secondAt(pose);
      const off: number[] = [];
      let drawn = 0;
      for (let n = 0; n < WIDTH * HEIGHT; n += 1) {
        const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
        const p = plane.unproject(vec3(0, 0, 0), x + 0.5, y + 0.5);
        const a = outlineAt(value, plane, stepMm, least, x + 0.5, y + 0.5);
        if (Number.isNaN(a) || Number.isNaN(firstAt(p))) continue;
        const wanted = mixed(shown(firstAt(p), FIRST_WINDOW), colour, a);
        const got = seen(x, y);
        off.push(Math.max(...wanted.map((w, k) => Math.abs(w - (got[k] as number)))));
        if (a > 0.5) drawn += 1;
      }
      expect(drawn).toBeGreaterThan(100);
      expect(off.length).toBeGreaterThan(2000);
      expect(Math.max(...off)).toBeLessThanOrEqual(GREY_LEVELS);
    });
  }

  it('are not drawn along the border of its image, which is no edge of the patient', () => {
    const flat = volume({
      frame: MR,
      voxels: new Int16Array(20 ** 3).fill(500),
      size: [20, 20, 20],
      frameFromIndex: Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -19, -19, -19, 1),
    });
    const stage = stageOn('axial');
    stage.setVolume(FIRST);
    stage.setWindow(FIRST_WINDOW);
    stage.setCrosshair(point(CT, [0, 0, 0]));
    stage.fuse(flat, placed([0.2, 0, 0.4], [0, 0, 0]), { mode: 'edges', edgePerMm: 0.001, window: { width: 100, level: 0 } });
    stage.render();
    expect(against(stage, 'axial', placed([0.2, 0, 0.4], [0, 0, 0]), () => 0).worst).toBeLessThanOrEqual(GREY_LEVELS);
  });
});

describe('a mark at a known place of the second image', () => {
  const SCREEN: Readonly<Record<SliceViewName, { right: readonly number[]; down: readonly number[] }>> = {
    axial: { right: [1, 0, 0], down: [0, 1, 0] },
    coronal: { right: [1, 0, 0], down: [0, 0, -1] },
    sagittal: { right: [0, 1, 0], down: [0, 0, -1] },
  };
  // Grids whose rows, columns and slices run the other way, one at a time and all together.
  for (const flips of [
    [1, 1, 1],
    [-1, 1, 1],
    [1, -1, 1],
    [1, 1, -1],
    [-1, -1, -1],
  ] as const) {
    it(`appears there on the screen, its grid's axes running ${flips.join(', ')}`, () => {
      const size = [31, 31, 31] as const;
      const spacing = [1.5, 1.2, 1.8];
      const frameFromIndex = new Float64Array(16);
      flips.forEach((f, a) => {
        frameFromIndex[5 * a] = f * (spacing[a] as number);
        frameFromIndex[12 + a] = -15 * f * (spacing[a] as number);
      });
      frameFromIndex[15] = 1;
      const index = [15 + 9 * flips[0], 15 + 8 * flips[1], 15 + 5 * flips[2]] as const;
      const voxels = new Int16Array(31 ** 3);
      voxels[index[0] + 31 * (index[1] + 31 * index[2])] = 1000;
      const mark = volume({ frame: MR, voxels, size: [...size], frameFromIndex });
      // In the patient: to the left, back and head of the origin, whatever the grid, then moved by the registration.
      const bright = [9 * 1.5 + 4, 8 * 1.2 + 3, 5 * 1.8 + 2] as const;
      const dark = volume({
        frame: CT,
        voxels: new Int16Array(FIRST.voxels.length),
        size: FIRST.size,
        frameFromIndex: FIRST.frameFromIndex,
      });
      for (const view of SLICE_VIEWS) {
        const stage = stageOn(view);
        stage.setVolume(dark);
        stage.setWindow({ width: 1000, level: 500 });
        stage.setCrosshair(point(CT, bright));
        stage.fuse(mark, placed([0, 0, 0], [4, 3, 2]), { window: { width: 1000, level: 500 }, fraction: 1 });
        stage.render();
        const seen = picture(stage);
        let [sum, sx, sy] = [0, 0, 0];
        for (let y = 0; y < HEIGHT; y += 1) {
          for (let x = 0; x < WIDTH; x += 1) {
            const weight = Math.max(0, (seen(x, y)[0] as number) - 40);
            sum += weight;
            sx += weight * (x + 0.5);
            sy += weight * (y + 0.5);
          }
        }
        const { mmPerPx } = stage.slice(view).plane;
        const along = (d: readonly number[]): number => d.reduce((s, f, k) => s + f * (bright[k] as number), 0) / mmPerPx;
        expect(Math.abs(sx / sum - (WIDTH / 2 + along(SCREEN[view].right)))).toBeLessThan(0.5);
        expect(Math.abs(sy / sum - (HEIGHT / 2 + along(SCREEN[view].down)))).toBeLessThan(0.5);
        expect(Math.abs(sx / sum - WIDTH / 2)).toBeGreaterThan(5);
        expect(Math.abs(sy / sum - HEIGHT / 2)).toBeGreaterThan(5);
      }
    });
  }
});
