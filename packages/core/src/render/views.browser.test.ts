import { afterEach, describe, expect, it } from 'vitest';
import { frame, PoseView, point, type Status } from '../frames/index.js';
import { fromRotationVector, Random, transformPoint, vec3 } from '../math/index.js';
import { type ManualClock, manualClock } from '../testing/index.js';
import { greyOf, resliceInto, type Volume, volume } from '../volume/index.js';
import {
  createStage,
  orientationLetters,
  PALETTE,
  type SliceDriveMode,
  type Stage,
  type StageOptions,
  singleLayout,
  type Tool,
} from './index.js';
import { rgb } from './palette.js';
import { dot, outOf } from './planes.js';

const CT = frame('ct');
const WIDTH = 220;
const HEIGHT = 180;
const stages: Stage<'ct'>[] = [];

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

function stageOn(options: Partial<StageOptions<'ct'>> = {}): { stage: Stage<'ct'>; clock: ManualClock } {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const clock = manualClock(1000);
  const plain = { annotations: false, antialias: false, pixelRatio: 1, interactive: false } as const;
  const stage = createStage(canvas, { frame: CT, layout: singleLayout('axial'), clock, ...plain, ...options });
  stages.push(stage);
  return { stage, clock };
}

function pixels(stage: Stage<'ct'>): Uint8Array {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const raw = new Uint8Array(4 * WIDTH * HEIGHT);
  gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, raw);
  return raw;
}

const SIZE = [30, 40, 26] as const;

function textured(): Volume<'ct'> {
  const random = new Random(4);
  const voxels = Int16Array.from({ length: 30 * 40 * 26 }, (_, n) => {
    const [i, j, k] = [n % 30, Math.floor(n / 30) % 40, Math.floor(n / 1200)];
    return 110 + 50 * Math.sin(i / 4) + 1.5 * i - 1.1 * j + 2 * k + 6 * random.uniform();
  });
  const frameFromIndex = Float64Array.of(1.9, 0, 0, 0, 0, 1.3, 0, 0, 0, 0, 2.4, 0, -20, -30, 90, 1);
  return volume({ frame: CT, voxels, size: [...SIZE], frameFromIndex });
}

const V = textured();
const WINDOW = { width: 240, level: 130 };
const TIP = [7, -4, 118];

const view = new PoseView();
function give(tool: Tool, clock: ManualClock, status: Status, about: readonly number[], tip: readonly number[] = TIP): void {
  view.status = status;
  view.times[0] = clock.now();
  const m = fromRotationVector(new Float64Array(16), about);
  m.set(tip, 12);
  view.matrix.set(m);
  tool.update(view);
}

function withTool(mode: SliceDriveMode): { stage: Stage<'ct'>; clock: ManualClock; tool: Tool } {
  const made = stageOn();
  made.stage.setVolume(V);
  made.stage.setWindow(WINDOW);
  const tool = made.stage.addTool({ name: 'probe', geometry: { kind: 'stylus', lengthMm: 90, radiusMm: 2 } });
  made.stage.driveSlice('axial', { tool, mode });
  return { ...made, tool };
}

/** Grey levels from the CPU's reslice of the plane, at most, away from the border. */
function worst(stage: Stage<'ct'>): { worst: number; inside: number } {
  const seen = pixels(stage);
  const { plane } = stage.slice('axial');
  const values = new Float64Array(WIDTH * HEIGHT);
  resliceInto(values, V, plane.reslicePlane());
  const tally = { worst: 0, inside: 0 };
  for (let y = 1; y < HEIGHT - 1; y += 1) {
    for (let x = 1; x < WIDTH - 1; x += 1) {
      const value = values[y * WIDTH + x] as number;
      const beside = [
        values[y * WIDTH + x - 1],
        values[y * WIDTH + x + 1],
        values[(y - 1) * WIDTH + x],
        values[(y + 1) * WIDTH + x],
      ];
      if (Number.isNaN(value) || beside.some((b) => Number.isNaN(b))) continue;
      const got = seen[4 * ((HEIGHT - 1 - y) * WIDTH + x)] as number;
      tally.worst = Math.max(tally.worst, Math.abs(255 * greyOf(value, WINDOW) - got));
      tally.inside += 1;
    }
  }
  return tally;
}

describe('a view that a tool leads', () => {
  const about = [0.5, -0.8, 0.3];
  const pose = fromRotationVector(new Float64Array(16), about);
  const [x, y, z] = [0, 4, 8].map((c) => Array.from(pose.subarray(c, c + 3))) as [number[], number[], number[]];
  const wanted: Readonly<Record<SliceDriveMode, { right: number[]; up: number[] }>> = {
    inPlane0: { right: x, up: z },
    inPlane90: { right: y, up: z },
    probesEye: { right: x, up: y },
  };
  for (const [mode, { right, up }] of Object.entries(wanted)) {
    it(`cuts as the tool lies, its tip in the middle, as the CPU does: ${mode}`, () => {
      const { stage, clock, tool } = withTool(mode as SliceDriveMode);
      give(tool, clock, 'ok', about);
      stage.render();
      const { plane } = stage.slice('axial');
      for (let k = 0; k < 3; k += 1) {
        expect(plane.axes.right[k]).toBeCloseTo(right[k] as number, 12);
        expect(plane.axes.up[k]).toBeCloseTo(up[k] as number, 12);
      }
      const tip = plane.project(vec3(0, 0, 0), TIP);
      expect(Array.from(tip, (c) => Math.round(c * 1e6) / 1e6)).toEqual([WIDTH / 2, HEIGHT / 2, 0]);
      const tally = worst(stage);
      expect(tally.inside).toBeGreaterThan(5000);
      expect(tally.worst).toBeLessThanOrEqual(1);
    });
  }

  it('looks from the handle to the tip in the probe’s eye', () => {
    const { stage, clock, tool } = withTool('probesEye');
    give(tool, clock, 'ok', about);
    stage.render();
    expect(dot(outOf(stage.slice('axial').plane.axes), z)).toBeCloseTo(1, 12);
  });

  it('stands while the tool is not live, or while it is locked, and goes on then', () => {
    const { stage, clock, tool } = withTool('inPlane0');
    const where = (): string => {
      stage.render();
      const { plane } = stage.slice('axial');
      return JSON.stringify([plane.axes.right, plane.axes.up, plane.centre]);
    };
    give(tool, clock, 'ok', about);
    const first = where();
    for (const status of ['stale', 'outOfVolume', 'unknown'] as const) {
      give(tool, clock, status, [0, 0, 1], [0, 0, 100]);
      expect(where(), status).toBe(first);
    }
    stage.slice('axial').locked = true;
    give(tool, clock, 'ok', [0, 0, 1], [0, 0, 100]);
    stage.setCrosshair(point(CT, [3, 3, 103]));
    expect(where()).toBe(first);
    stage.slice('axial').locked = false;
    expect(where()).not.toBe(first);
    const second = where();
    tool.remove();
    stage.setCrosshair(point(CT, vec3(0, 0, 100)));
    expect(where(), 'stands where the tool left it').toBe(second);
  });

  it('is framed in the colour of alarm while the tool is not live', () => {
    const { stage, clock } = stageOn({ annotations: true });
    stage.setVolume(V);
    const tool = stage.addTool({ name: 'probe', geometry: { kind: 'stylus', lengthMm: 90, radiusMm: 2 } });
    stage.driveSlice('axial', { tool, mode: 'inPlane90' });
    const alarm = rgb(PALETTE.alarm).map((c) => 255 * c);
    const framed = (): number => {
      stage.render();
      const seen = pixels(stage);
      let count = 0;
      for (let n = 0; n < WIDTH; n += 1) {
        const top = 4 * ((HEIGHT - 2) * WIDTH + n);
        if (alarm.every((c, k) => Math.abs(c - (seen[top + k] as number)) < 12)) count += 1;
      }
      return count;
    };
    give(tool, clock, 'ok', about);
    expect(framed()).toBe(0);
    give(tool, clock, 'stale', about);
    expect(framed()).toBeGreaterThan(60);
    give(tool, clock, 'ok', about);
    expect(framed()).toBe(0);
    clock.advance(300);
    expect(framed()).toBeGreaterThan(60);
  });
});

describe('letters and scale', () => {
  /** Marks to the left, back and head of the middle: by different amounts, so that none is another flipped. */
  const MARKS = { L: [1, 0, 0], P: [0, 1, 0], S: [0, 0, 1] } as const;
  const SIGNS = [-1, 1];
  const flips = SIGNS.flatMap((a) => SIGNS.flatMap((b) => SIGNS.map((c) => [a, b, c] as const)));

  for (const flip of flips) {
    it(`say where a mark lies, whichever way the volume's axes run: ${flip.join(', ')}`, () => {
      const n = 41;
      const spacing = [1.5, 2, 1.2];
      const m = new Float64Array(16);
      m[15] = 1;
      flip.forEach((s, k) => {
        m[5 * k] = s * (spacing[k] as number);
        m[12 + k] = (-s * (spacing[k] as number) * (n - 1)) / 2;
      });
      for (const [letter, direction] of Object.entries(MARKS)) {
        // A bright ball 20 mm from the middle, in that direction of the patient.
        const voxels = new Uint8Array(n ** 3);
        for (let v = 0; v < n ** 3; v += 1) {
          const p = transformPoint(vec3(0, 0, 0), m, [v % n, Math.floor(v / n) % n, Math.floor(v / n / n)]);
          const away = Math.hypot(...[0, 1, 2].map((k) => (p[k] as number) - 20 * (direction[k] as number)));
          voxels[v] = away < 5 ? 250 : 0;
        }
        const { stage } = stageOn();
        stage.setVolume(volume({ frame: CT, voxels, size: [n, n, n], frameFromIndex: m }));
        stage.setWindow({ width: 250, level: 125 });
        // An oblique view that no axis of the patient lies in, and that every mark can be seen in.
        const turn = fromRotationVector(new Float64Array(16), [0.5, -0.4, 0.3]);
        stage.setSliceAxes('axial', { right: turn.slice(0, 3), up: turn.slice(4, 7).map((c) => -c) });
        stage.setCrosshair(
          point(
            CT,
            direction.map((c) => 20 * c),
          ),
        );
        stage.render();
        const seen = pixels(stage);
        let [sum, x, y] = [0, 0, 0];
        for (let p = 0; p < WIDTH * HEIGHT; p += 1) {
          const weight = Math.max(0, (seen[4 * p] as number) - 60);
          sum += weight;
          x += weight * ((p % WIDTH) + 0.5 - WIDTH / 2);
          y += weight * (Math.floor(p / WIDTH) + 0.5 - HEIGHT / 2);
        }
        const { plane } = stage.slice('axial');
        const [right, up] = [(x / sum) * plane.mmPerPx, (y / sum) * plane.mmPerPx];
        const normal = dot(outOf(plane.axes), direction) * 20;
        // What the letters at the edges are made of says where the mark is, to half a millimetre.
        const found = [0, 1, 2].map(
          (k) =>
            right * (plane.axes.right[k] as number) +
            up * (plane.axes.up[k] as number) +
            normal * (outOf(plane.axes)[k] as number),
        );
        for (const [k, c] of found.entries()) expect(Math.abs(c - 20 * (direction[k] as number))).toBeLessThan(0.6);
        expect(orientationLetters(found)).toBe(letter);
        // And the scale: the mark lies as many pixels from the middle as the scale bar's mm make of it.
        expect(Math.abs(Math.hypot(right, up, normal) - 20)).toBeLessThan(0.6);
      }
    });
  }
});
