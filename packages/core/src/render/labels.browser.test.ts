import { afterEach, describe, expect, it } from 'vitest';
import { frame, point } from '../frames/index.js';
import { fromRotationVector, invert4, transformPoint, vec3 } from '../math/index.js';
import { type Volume, type VoxelArray, volume } from '../volume/index.js';
import { createStage, SLICE_VIEWS, type SliceViewName, type Stage, type StageLabels, singleLayout } from './index.js';
import { rgb } from './palette.js';

const CT = frame('ct');
const WIDTH = 200;
const HEIGHT = 160;
const stages: Stage<'ct'>[] = [];

afterEach(() => {
  for (const stage of stages.splice(0)) stage.dispose();
});

function placed(about: readonly number[], spacing: readonly number[], size: readonly number[]): Float64Array {
  const m = fromRotationVector(new Float64Array(16), about);
  for (let c = 0; c < 3; c += 1) for (let r = 0; r < 3; r += 1) m[4 * c + r] = (m[4 * c + r] as number) * (spacing[c] as number);
  const middle = transformPoint(
    vec3(0, 0, 0),
    m,
    size.map((n) => (n - 1) / 2),
  );
  for (let k = 0; k < 3; k += 1) m[12 + k] = -(middle[k] as number);
  return m;
}

const IMAGE = volume({
  frame: CT,
  voxels: Uint8Array.from({ length: 30 ** 3 }, (_, n) => 60 + (n % 30)),
  size: [30, 30, 30],
  frameFromIndex: placed([0, 0, 0], [2, 2, 2], [30, 30, 30]),
});
const WINDOW = { width: 255, level: 127.5 };

/** Segments 1, 7 and one of a high number, that touch each other, and a value that is no segment; on a grid of its own. */
function labelVolume(voxels: VoxelArray, high: number): Volume<'ct'> {
  const size = [23, 31, 17] as const;
  for (let n = 0; n < voxels.length; n += 1) {
    const p = [n % 23, Math.floor(n / 23) % 31, Math.floor(n / (23 * 31))];
    const from = (c: readonly number[]): number => Math.hypot(...p.map((x, k) => x - (c[k] as number)));
    voxels[n] = from([9, 12, 8]) < 6 ? 1 : from([14, 17, 9]) < 7 ? 7 : from([8, 22, 9]) < 5 ? high : from([17, 7, 8]) < 4 ? 3 : 0;
  }
  return volume({ frame: CT, voxels, size: [...size], frameFromIndex: placed([0.3, -0.4, 0.6], [1.9, 1.6, 2.8], size) });
}

const COUNT = 23 * 31 * 17;
const BYTES = labelVolume(new Uint8Array(COUNT), 250);
const WORDS = labelVolume(new Uint16Array(COUNT), 60_001);
const COLOURS: Readonly<Record<number, string>> = { 1: '#ff4000', 7: '#20c060', 250: '#4060ff', 60001: '#4060ff' };

function segments(high: number): StageLabels<'ct'>['segments'] {
  return [1, 7, high].map((value) => ({ value, colour: COLOURS[value] as string }));
}

function stageOn(view: SliceViewName, dpr = 1): Stage<'ct'> {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const plain = { annotations: false, antialias: false, pixelRatio: dpr, interactive: false } as const;
  const stage = createStage(canvas, { frame: CT, layout: singleLayout(view), ...plain });
  stages.push(stage);
  stage.setVolume(IMAGE);
  stage.setWindow(WINDOW);
  stage.setCrosshair(point(CT, [-2.3, 1.1, 0.7]));
  return stage;
}

function pixels(stage: Stage<'ct'>): Uint8Array {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const raw = new Uint8Array(4 * WIDTH * HEIGHT);
  gl.readPixels(0, 0, WIDTH, HEIGHT, gl.RGBA, gl.UNSIGNED_BYTE, raw);
  return raw;
}

/** The number of the voxel nearest to a place on the screen. */
function labelAt(stage: Stage<'ct'>, view: SliceViewName, v: Volume<'ct'>): (x: number, y: number) => number {
  const m = new Float64Array(16);
  invert4(m, v.frameFromIndex);
  const [ni, nj, nk] = v.size;
  return (x, y) => {
    const [i, j, k] = Array.from(transformPoint(vec3(0, 0, 0), m, stage.slice(view).plane.unproject(vec3(0, 0, 0), x, y)), (c) =>
      Math.round(c),
    ) as [number, number, number];
    if (i < 0 || j < 0 || k < 0 || i >= ni || j >= nj || k >= nk) return 0;
    return v.voxels[i + ni * (j + nj * k)] as number;
  };
}

interface Tally {
  worst: number;
  outlined: number;
  filled: number;
  values: Set<number>;
}

/** What is drawn against nearest voxels and their neighbours on the screen, away from where rounding decides. */
function against(stage: Stage<'ct'>, view: SliceViewName, labels: StageLabels<'ct'>, dpr = 1): Tally {
  stage.setLabels(undefined);
  stage.render();
  const plain = pixels(stage);
  stage.setLabels(labels);
  stage.render();
  const seen = pixels(stage);
  const label = labelAt(stage, view, labels.volume);
  const wide = (labels.outlinePx ?? 1.5) * dpr;
  const drawn = new Set(labels.segments.filter((s) => s.visible !== false).map((s) => s.value));
  const opacity = (x: number, y: number): number => {
    const here = label(x, y);
    if (!drawn.has(here)) return 0;
    for (let n = 0; n < 8 && wide > 0; n += 1) {
      const angle = (n * Math.PI) / 4;
      if (label(x + wide * Math.cos(angle), y - wide * Math.sin(angle)) !== here) return 1;
    }
    return labels.fill ?? 0.25;
  };
  const tally: Tally = { worst: 0, outlined: 0, filled: 0, values: new Set() };
  for (let n = 0; n < WIDTH * HEIGHT; n += 2) {
    const [x, y] = [(n % WIDTH) + 0.5, Math.floor(n / WIDTH) + 0.5];
    const [here, a] = [label(x, y), opacity(x, y)];
    const near = [-0.02, 0.02].flatMap((d) => [
      [x + d, y],
      [x, y + d],
    ]) as [number, number][];
    if (near.some((p) => label(...p) !== here || opacity(...p) !== a)) continue;
    const at = 4 * ((HEIGHT - 1 - Math.floor(y)) * WIDTH + Math.floor(x));
    const colour = a > 0 ? rgb(COLOURS[here] as string) : [0, 0, 0];
    for (let c = 0; c < 3; c += 1) {
      const wanted = a * 255 * (colour[c] as number) + (1 - a) * (plain[at + c] as number);
      tally.worst = Math.max(tally.worst, Math.abs(wanted - (seen[at + c] as number)));
    }
    if (a === 1) tally.outlined += 1;
    else if (a > 0) tally.filled += 1;
    if (a > 0) tally.values.add(here);
  }
  return tally;
}

describe('a label map over the slices, against the CPU', () => {
  for (const [name, v, high] of [
    ['bytes', BYTES, 250],
    ['words', WORDS, 60_001],
  ] as const) {
    for (const view of SLICE_VIEWS) {
      it(`is filled and outlined, nearest voxels alone: ${name}, ${view}`, () => {
        const tally = against(stageOn(view), view, { volume: v, segments: segments(high), fill: 0.4 });
        expect(tally.worst).toBeLessThanOrEqual(1);
        // The sagittal cut passes by the third.
        expect([...tally.values].sort((a, b) => a - b)).toEqual(view === 'sagittal' ? [1, 7] : [1, 7, high]);
        expect(tally.outlined).toBeGreaterThan(100);
        expect(tally.filled).toBeGreaterThan(300);
      });
    }
  }

  it('is outlined alone, filled alone, on fine screens, with a segment hidden, and after a zoom', () => {
    const stage = stageOn('coronal');
    const all = { volume: BYTES, segments: segments(250) };
    const outline = against(stage, 'coronal', { ...all, fill: 0, outlinePx: 3 });
    expect(outline).toMatchObject({ filled: 0 });
    expect(outline.worst).toBeLessThanOrEqual(1);
    const fill = against(stage, 'coronal', { ...all, fill: 0.7, outlinePx: 0 });
    expect(fill).toMatchObject({ outlined: 0 });
    expect(fill.worst).toBeLessThanOrEqual(1);
    const hidden = segments(250).map((s) => ({ ...s, visible: s.value !== 7 }));
    const without = against(stage, 'coronal', { ...all, segments: hidden });
    expect([...without.values].sort((a, b) => a - b)).toEqual([1, 250]);
    expect(without.worst).toBeLessThanOrEqual(1);
    stage.slice('coronal').zoomAbout(2.3, 90, 70);
    expect(against(stage, 'coronal', all).worst).toBeLessThanOrEqual(1);
    expect(against(stageOn('axial', 2), 'axial', all, 2).worst).toBeLessThanOrEqual(1);
  });

  it('holds one texture and a table a view, whatever its look, gives them back, and returns with the context', async () => {
    const stage = stageOn('axial');
    stage.render();
    const { textures } = stage.resources();
    for (let n = 0; n < 4; n += 1) {
      stage.setLabels({ volume: BYTES, segments: segments(250), fill: n / 5 });
      stage.render();
      expect(stage.resources().textures).toBe(textures + 2);
    }
    const before = pixels(stage).join();
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const handle = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
    const lost = new Promise<void>((done) => stage.contextLost.subscribe(() => done()));
    handle.loseContext();
    await lost;
    const back = new Promise<void>((done) => stage.contextRestored.subscribe(() => done()));
    // A browser restores only after the event of the loss has run its course.
    await new Promise((done) => setTimeout(done, 50));
    handle.restoreContext();
    await back;
    stage.render();
    expect(pixels(stage).join()).toBe(before);
    stage.setLabels(undefined);
    stage.render();
    stage.setLabels({ volume: BYTES, segments: segments(250) });
    stage.dispose();
    expect(stage.resources()).toEqual({ geometries: 0, textures: 0, programs: 0 });
  });
});

describe('what is no label map is refused', () => {
  const good: StageLabels<'ct'> = { volume: BYTES, segments: segments(250) };
  const rescaled = volume({ ...BYTES, rescale: { slope: 2, intercept: 0 } } as Parameters<typeof volume<'ct'>>[0]);
  const floats = labelVolume(new Float32Array(COUNT), 250);
  const one = { value: 1, colour: '#ff0000' };
  const cases: readonly (readonly [string, StageLabels<'ct'>, RegExp])[] = [
    ['voxels that are rescaled', { ...good, volume: rescaled }, /slope 2/],
    ['voxels of floats', { ...good, volume: floats }, /Float32Array/],
    ['a value twice', { ...good, segments: [one, one] }, /every value once, got 1/],
    ['a value of 0', { ...good, segments: [{ ...one, value: 0 }] }, /from 1 to 65535, got 0/],
    ['a value that is not whole', { ...good, segments: [{ ...one, value: 1.5 }] }, /got 1.5/],
    ['a colour by its name', { ...good, segments: [{ ...one, colour: 'red' }] }, /#rrggbb, got "red"/],
    ['a fill above 1', { ...good, fill: 1.1 }, /fill from 0 to 1, got 1.1/],
    ['an outline below 0', { ...good, outlinePx: -1 }, /outline of 0 pixels or more, got -1/],
  ];
  for (const [name, labels, message] of cases) {
    it(name, () => {
      expect(() => stageOn('axial').setLabels(labels)).toThrow(message);
    });
  }
});
