import { affineTransform, type Frame, frame, PoseView, point, type Status } from '../../frames/index.js';
import { fromRotationVector } from '../../math/index.js';
import { type ManualClock, manualClock } from '../../testing/index.js';
import { type Volume, volume } from '../../volume/index.js';
import type { Picture } from '../guidance/test-support/rig.js';
import {
  createStage,
  type FusionMode,
  patientAxes,
  type SliceViewName,
  type Stage,
  singleLayout,
  type Tool,
  type ViewName,
  type VolumeRendering,
} from '../index.js';

const CT = frame('ct');
const MR = frame('mr');
const WIDTH = 240;
const HEIGHT = 192;
/** Voxels along each edge, and mm between them. */
const N = 44;
const STEP = 3.6;

/** How far a place is inside an ellipsoid: 1 in its middle, 0 on it. */
function inside(p: readonly number[], centre: readonly number[], semi: readonly number[]): number {
  return 1 - Math.hypot(...p.map((x, k) => (x - (centre[k] as number)) / (semi[k] as number)));
}

/** Something like a head in HU, LPS mm, no two sides of it alike: a nose to the front, one ear and a bright
 * ball at the left, a cavity at the right. */
function headAt(p: readonly number[]): number {
  const head = Math.max(
    inside(p, [0, 4, 0], [60, 70, 68]),
    0.12 * Math.sign(inside(p, [0, -66, -12], [10, 12, 16])),
    0.12 * Math.sign(inside(p, [62, 6, -4], [14, 18, 26])),
  );
  if (head <= 0) return -1000;
  if (inside(p, [32, 8, 16], [20, 18, 18]) > 0) return 950;
  if (inside(p, [-28, 20, 4], [16, 22, 20]) > 0) return -700;
  if (inside(p, [8, -22, 34], [9, 22, 9]) > 0) return 260;
  return head < 0.13 ? 700 : 30 + 60 * head + 0.6 * (p[2] as number);
}

/** A volume of a function of the place. @param flip −1: the patient's left and right exchanged */
function made<F extends string>(f: Frame<F>, at: (p: readonly number[]) => number, flip = 1): Volume<F> {
  const half = (STEP * (N - 1)) / 2;
  const voxels = Int16Array.from({ length: N ** 3 }, (_, n) =>
    at([n % N, Math.floor(n / N) % N, Math.floor(n / N / N)].map((i) => STEP * i - half)),
  );
  const frameFromIndex = Float64Array.of(flip * STEP, 0, 0, 0, 0, STEP, 0, 0, 0, 0, STEP, 0, -flip * half, -half, -half, 1);
  return volume({ frame: f, voxels, size: [N, N, N], frameFromIndex });
}

const HEAD = made(CT, headAt);
const MIRRORED = made(CT, headAt, -1);
/** The same head as another apparatus sees it, turned and shifted a little. */
const SECOND = made(MR, (p) => (headAt(p) > -500 ? 900 - 0.5 * Math.abs(headAt(p) - 300) : 0));
const MOVED = fromRotationVector(new Float64Array(16), [0, 0, 0.12]);
MOVED.set([6, -4, 0], 12);
const LABELS = made(CT, (p) =>
  inside(p, [32, 8, 16], [23, 21, 21]) > 0 ? 1 : inside(p, [-28, 20, 4], [20, 26, 24]) > 0 ? 2 : 0,
);
const TIP = [-14, -6, 12];

/** One canvas for all pictures: shaders are compiled once. */
export class Bench {
  readonly stage: Stage<'ct'>;
  readonly clock: ManualClock = manualClock(1000);
  readonly tool: Tool;
  #mirrored: boolean | undefined;
  #rendering: VolumeRendering<'ct'> | undefined;
  readonly #canvas = document.createElement('canvas');

  constructor() {
    this.#canvas.width = WIDTH;
    this.#canvas.height = HEIGHT;
    this.stage = createStage(this.#canvas, { frame: CT, clock: this.clock, antialias: false, pixelRatio: 1, interactive: false });
    this.tool = this.stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', lengthMm: 120, radiusMm: 4 } });
  }

  /** What a view shows. @param mirrored with the patient's left and right exchanged in the volume, as a wrong import would */
  picture(view: GoldenView, mirrored = false): Picture {
    this.#begin(mirrored);
    view.set(this);
    this.stage.render();
    if (view.refines) {
      // Until the bands of the finest picture are drawn.
      this.clock.advance(200);
      for (let n = 0; n < 24; n += 1) {
        this.stage.render();
        this.clock.advance(16);
      }
    }
    return this.#read();
  }

  /** Shows one view alone. */
  show(view: ViewName): void {
    this.stage.setLayout(singleLayout(view));
  }

  /** Gives the tool a pose of a status, in front of the head and in it, with 6 mm of error. */
  give(status: Status): void {
    const view = new PoseView();
    view.status = status;
    view.times[0] = this.clock.now();
    if (view.hasPose) {
      fromRotationVector(view.matrix, [1.25, -0.5, 0]);
      view.matrix.set(TIP, 12);
    }
    this.tool.update(view, view.hasPose ? 6 : Number.NaN);
  }

  /** Draws the volume as a whole, until the next picture. */
  renderVolume(): void {
    this.#rendering = this.stage.renderVolume({ transfer: 'ctBone' });
  }

  dispose(): void {
    this.stage.dispose();
  }

  #begin(mirrored: boolean): void {
    const { stage } = this;
    if (this.#mirrored !== mirrored) stage.setVolume(mirrored ? MIRRORED : HEAD);
    this.#mirrored = mirrored;
    this.#rendering?.remove();
    this.#rendering = undefined;
    stage.setWindow({ width: 1600, level: 200 });
    stage.setLabels(undefined);
    stage.fuse(SECOND, affineTransform(CT, MR, MOVED)).remove();
    for (const view of ['axial', 'coronal', 'sagittal'] as const) {
      stage.driveSlice(view, undefined);
      stage.setSliceAxes(view, patientAxes(view));
      stage.setSlab(view, undefined);
    }
    this.give('missing');
    stage.setCrosshair(point(CT, [20, 12, 14]));
    stage.fit();
    stage.orbit.dolly(1.5);
  }

  #read(): Picture {
    const gl = this.#canvas.getContext('webgl2') as WebGL2RenderingContext;
    const raw = new Uint8Array(4 * WIDTH * HEIGHT);
    gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, raw);
    const data = new Uint8ClampedArray(raw.length);
    const row = 4 * WIDTH;
    for (let y = 0; y < HEIGHT; y += 1) data.set(raw.subarray(row * y, row * (y + 1)), row * (HEIGHT - 1 - y));
    return { width: WIDTH, height: HEIGHT, data };
  }
}

/** One picture that is kept. */
export interface GoldenView {
  readonly name: string;
  readonly set: (bench: Bench) => void;
  /** Drawn coarser at first, and refined while it stands. */
  readonly refines?: boolean;
}

function plain(view: SliceViewName): GoldenView {
  return { name: view, set: (b) => b.show(view) };
}

function slab(mode: 'max' | 'mean'): GoldenView {
  const set = (b: Bench): void => {
    b.show('coronal');
    b.stage.setSlab('coronal', { mode, thicknessMm: 60 });
  };
  return { name: `slab-${mode}`, set };
}

function fused(mode: FusionMode): GoldenView {
  const set = (b: Bench): void => {
    b.show('axial');
    const look = { mode, window: { width: 900, level: 450 }, colour: '#ffb060', squareMm: 30, radiusPx: 50 };
    b.stage.fuse(SECOND, affineTransform(CT, MR, MOVED), look);
  };
  return { name: `fusion-${mode}`, set };
}

function oblique(b: Bench): void {
  b.show('axial');
  const m = fromRotationVector(new Float64Array(16), [0.5, 0.4, 0.3]);
  b.stage.setSliceAxes('axial', { right: m.slice(0, 3), up: m.slice(4, 7).map((v) => -v) });
}

/** Every view without a tool in it, and the one that a tool leads. */
export const VIEWS: readonly GoldenView[] = [
  plain('axial'),
  plain('coronal'),
  plain('sagittal'),
  { name: 'oblique', set: oblique },
  {
    name: 'tool-driven',
    set: (b) => {
      b.show('sagittal');
      b.give('ok');
      b.stage.driveSlice('sagittal', { tool: b.tool, mode: 'inPlane0' });
    },
  },
  slab('max'),
  slab('mean'),
  {
    name: 'volume',
    refines: true,
    set: (b) => {
      b.show('3d');
      b.renderVolume();
    },
  },
  {
    name: 'labels',
    set: (b) => {
      b.show('axial');
      b.stage.setLabels({
        volume: LABELS,
        segments: [
          { value: 1, colour: '#20c060' },
          { value: 2, colour: '#e05a9a' },
        ],
      });
    },
  },
  fused('blend'),
  fused('checkerboard'),
  fused('edges'),
  fused('spyglass'),
];

/** A tool of a status, on a slice or among the slices in the 3D view. */
export function toolView(view: 'coronal' | '3d', status: Status): GoldenView {
  const set = (b: Bench): void => {
    b.show(view);
    b.stage.setCrosshair(point(CT, [-14, -6, 12]));
    b.give(status);
  };
  return { name: `tool-${view}-${status}`, set };
}
