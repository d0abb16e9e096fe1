import { afterEach } from 'vitest';
import { frame } from '../../frames/index.js';
import { fromRotationVector, Random } from '../../math/index.js';
import { type ManualClock, manualClock } from '../../testing/index.js';
import { type Volume, type VoxelArray, volume } from '../../volume/index.js';
import { createStage, PALETTE, type Stage, singleLayout, type TransferFunction } from '../index.js';
import { FIELD_OF_VIEW_DEGREES } from '../orbit.js';
import { rgb } from '../palette.js';
import type { Cast, RayOracle } from '../ray-oracle.js';

export const CT = frame('ct');
export const WIDTH = 128;
export const HEIGHT = 96;
const BACKGROUND = rgb(PALETTE.background).map((c) => 255 * c);
const stages: Stage<'ct'>[] = [];

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

export function stageOn(hideFloatFilter = false): { stage: Stage<'ct'>; clock: ManualClock } {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  if (hideFloatFilter) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: false, depth: true }) as WebGL2RenderingContext;
    const ask = gl.getExtension.bind(gl) as (name: string) => unknown;
    Object.defineProperty(gl, 'getExtension', {
      value: (name: string) => (name === 'OES_texture_float_linear' ? null : ask(name)),
    });
  }
  const clock = manualClock(1000);
  const layout = singleLayout('3d');
  const plain = { annotations: false, antialias: false, pixelRatio: 1, interactive: false } as const;
  const stage = createStage(canvas, { frame: CT, layout, clock, ...plain });
  stages.push(stage);
  return { stage, clock };
}

/** Draws until the picture stands still and is refined. */
export function settle(stage: Stage<'ct'>, clock: ManualClock): void {
  stage.render();
  refine(stage, clock);
}

/** Lets it stand until the bands of the finest picture are drawn. */
export function refine(stage: Stage<'ct'>, clock: ManualClock): void {
  clock.advance(200);
  for (let n = 0; n < 24; n += 1) {
    stage.render();
    clock.advance(16);
  }
}

export function pixels(stage: Stage<'ct'>): Uint8Array {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const out = new Uint8Array(4 * WIDTH * HEIGHT);
  gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, out);
  return out;
}

/** Red, green, blue of 255 in a picture; y from the top. */
export function at(picture: Uint8Array, x: number, y: number): number[] {
  const n = 4 * ((HEIGHT - 1 - y) * WIDTH + x);
  return Array.from(picture.subarray(n, n + 3));
}

export const SIZE = [33, 26, 29] as const;
export const COUNT = 33 * 26 * 29;
const SPACING = [1.4, 2.1, 1.7];

/** Smooth blobs in nothing, off the middle, so that blocks are clear and no flip leaves it as it was; 0 … 1000. */
function blobs(voxels: VoxelArray, most: number): void {
  const random = new Random(9);
  const centres = Array.from({ length: 4 }, () => SIZE.map((n) => n * (0.2 + 0.6 * random.uniform())));
  for (let n = 0; n < COUNT; n += 1) {
    const p = [n % SIZE[0], Math.floor(n / SIZE[0]) % SIZE[1], Math.floor(n / (SIZE[0] * SIZE[1]))];
    let sum = 0;
    for (const [b, c] of centres.entries()) {
      const d = Math.hypot(...p.map((x, k) => x - (c[k] as number)));
      sum += (0.5 + 0.2 * b) * Math.exp(-((d / (2.2 + b)) ** 2));
    }
    voxels[n] = most * Math.min(1, sum);
  }
}

export function grid(about: readonly number[], shear = 0): Float64Array {
  const m = fromRotationVector(new Float64Array(16), about);
  for (let r = 0; r < 3; r += 1) m[8 + r] = (m[8 + r] as number) + shear * (m[4 + r] as number);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * (SPACING[c] as number);
  m.set([12, -40, 250], 12);
  return m;
}

export function made(voxels: VoxelArray, most: number, m: Float64Array, rescale = { slope: 1, intercept: 0 }): Volume<'ct'> {
  blobs(voxels, most);
  return volume({ frame: CT, voxels, size: [...SIZE], frameFromIndex: m, rescale, modality: 'CT' });
}

export const POINTS: TransferFunction = [
  { value: 60, colour: '#a04020', perMm: 0 },
  { value: 300, colour: '#e0a060', perMm: 0.03 },
  { value: 500, colour: '#40c0a0', perMm: 0.01 },
  { value: 900, colour: '#ffffff', perMm: 0.35 },
];

/** The ray through the middle of a pixel: from the eye, of length 1. */
export function rayOf(stage: Stage<'ct'>, x: number, y: number): { eye: Float64Array; ray: number[] } {
  const { orbit } = stage;
  const eye = orbit.eye();
  const { right, up } = orbit.axes();
  const half = Math.tan((FIELD_OF_VIEW_DEGREES * Math.PI) / 360);
  const across = ((2 * (x + 0.5)) / WIDTH - 1) * half * (WIDTH / HEIGHT);
  const upward = (1 - (2 * (y + 0.5)) / HEIGHT) * half;
  const ray = [0, 1, 2].map((k) => {
    const forward = ((orbit.target[k] as number) - (eye[k] as number)) / orbit.distance;
    return forward + across * (right[k] as number) + upward * (up[k] as number);
  });
  const length = Math.hypot(...ray);
  return { eye, ray: ray.map((c) => c / length) };
}

interface Tally {
  worst: number;
  mean: number;
  /** Pixels that show something of the volume. */
  covered: number;
}

/** What is drawn against the oracle's rays, on every third pixel; behind the volume is what `behind` shows there. */
export function against(stage: Stage<'ct'>, oracle: RayOracle, how: Cast, behind?: Uint8Array): Tally {
  const seen = pixels(stage);
  const tally = { worst: 0, mean: 0, covered: 0 };
  let count = 0;
  for (let n = 0; n < WIDTH * HEIGHT; n += 3) {
    const [x, y] = [n % WIDTH, Math.floor(n / WIDTH)];
    const { eye, ray } = rayOf(stage, x, y);
    const sum = oracle.cast(eye, ray, how);
    const under = behind === undefined ? BACKGROUND : at(behind, x, y);
    const wanted = under.map((b, c) => 255 * (sum[c] as number) + (1 - (sum[3] as number)) * b);
    const off = Math.max(...at(seen, x, y).map((g, c) => Math.abs(g - (wanted[c] as number))));
    tally.worst = Math.max(tally.worst, off);
    tally.mean += off;
    count += 1;
    if ((sum[3] as number) > 0.02) tally.covered += 1;
  }
  tally.mean /= count;
  return tally;
}
