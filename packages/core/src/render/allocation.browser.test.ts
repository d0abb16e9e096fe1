import { afterEach, expect, inject, it } from 'vitest';
import { frame, PoseView, point } from '../frames/index.js';
import { manualClock } from '../testing/index.js';
import { type Volume, volume } from '../volume/index.js';
import { createStage, type Stage, type Tool } from './index.js';
import { allocated, ours } from './test-support/heap.js';

const CT = frame('ct');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 128 mm each way about the origin, softly shaded, so that nothing is empty. */
function block(): Volume<'ct'> {
  const n = 32;
  const voxels = Int16Array.from({ length: n ** 3 }, (_, v) => 40 * ((v % n) + (Math.floor(v / n) % n)) - 1000);
  const frameFromIndex = Float64Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, -62, -62, -62, 1);
  return volume({ frame: CT, voxels, size: [n, n, n], frameFromIndex });
}

interface Navigation {
  readonly stage: Stage<'ct'>;
  readonly tools: readonly Tool[];
  /** Gives the poses of the next frame, 1/60 s later, and draws it. */
  next(): void;
}

/** Four views with all that navigation shows: a plan, fiducials, the error at the target, and tools that move. */
function navigation(): Navigation {
  const canvas = document.createElement('canvas');
  canvas.width = 440;
  canvas.height = 440;
  const clock = manualClock(1000);
  const stage = createStage(canvas, { frame: CT, clock, pixelRatio: 1, antialias: false, interactive: false });
  ends.push(() => stage.dispose());
  stage.setVolume(block());
  stage.setPlan({ entry: point(CT, [20, -60, 30]), target: point(CT, [2, 3, 4]) });
  stage.setTargetError({ centre: point(CT, [2, 3, 4]), shape: [4, 1, 0, 1, 9, 0, 0, 0, 6], label: '95 % ≤ 3 mm' });
  const state = ['done', 'watch', 'active', 'suspect'] as const;
  stage.setFiducials(
    state.map((s, n) => ({ point: point(CT, [-40 + 25 * n, 30, 10 * n]), state: s, offset: [1, 0.5, -0.25 * n] })),
  );
  stage.setErrorScale(10);
  const tools = [
    stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 150, radiusMm: 1 } }),
    stage.addTool({ name: 'stylus', geometry: { kind: 'stylus', lengthMm: 120, radiusMm: 2 } }),
  ];
  stage.follow(tools[0]);
  stage.driveSlice('coronal', { tool: tools[0] as Tool, mode: 'inPlane0' });
  let count = 0;
  const view = new PoseView();
  view.status = 'ok';
  const give = (tool: Tool, t: number, away: number): void => {
    const [c, s] = [Math.cos(0.3 + 0.1 * Math.sin(t)), Math.sin(0.3 + 0.1 * Math.sin(t))];
    const m = view.matrix;
    m.set(TURNED);
    m[5] = c;
    m[6] = s;
    m[9] = -s;
    m[10] = c;
    m[12] = away + 20 * Math.sin(1.3 * t);
    m[13] = 15 * Math.cos(0.9 * t);
    m[14] = 25 * Math.sin(0.7 * t);
    m[15] = 1;
    tool.update(view, 1.5 + 0.2 * Math.sin(t));
  };
  const gl = canvas.getContext('webgl2') as WebGL2RenderingContext;
  for (const draw of ['drawElements', 'drawElementsInstanced', 'drawArrays', 'clear'] as const) {
    // The first frames are drawn; then the pixels' time is saved, for only what the page allocates is asked.
    const drawn = gl[draw].bind(gl) as (...args: unknown[]) => void;
    Object.assign(gl, { [draw]: (...args: unknown[]) => count < 3 && drawn(...args) });
  }
  const next = (): void => {
    count += 1;
    clock.advance(1000 / 60);
    view.times[0] = clock.now();
    view.times[1] = clock.now();
    give(tools[0] as Tool, count / 60, 0);
    give(tools[1] as Tool, count / 60 + 2, -10);
    stage.render();
  };
  return { stage, tools, next };
}

const TURNED = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** Long enough for the engine to have compiled what runs with every frame; and 60 s of navigation with an effort of 10. */
const effort = inject('effort');
const [WARM_UP, FRAMES, MOST_BYTES] = effort > 1 ? [1500, Math.min(3600, 360 * effort), 64] : [800, 200, 256];

/** Code that the compiler has not come to yet boxes its numbers for a while; code that allocates does so in each round. */
const ROUNDS = 3;

/** Bytes a frame in our own code in the best of some rounds, and where. */
async function perFrame(next: () => void): Promise<{ readonly bytes: number; readonly text: string }> {
  const frames = (count: number) => (): void => {
    for (let n = 0; n < count; n += 1) next();
  };
  frames(WARM_UP)();
  let least = { bytes: Number.POSITIVE_INFINITY, text: 'nothing measured' };
  for (let round = 0; round < ROUNDS && least.bytes > MOST_BYTES; round += 1) {
    const found = ours(await allocated(frames(FRAMES), 128));
    const bytes = found.reduce((sum, [, size]) => sum + size, 0) / FRAMES;
    if (bytes >= least.bytes) continue;
    least = { bytes, text: found.map(([site, size]) => `${(size / FRAMES).toFixed(1)} ${site}`).join('\n') };
  }
  return least;
}

it('the profiler sees what is allocated, and what was collected again', async () => {
  let kept: unknown;
  const sites = await allocated(() => {
    for (let n = 0; n < 20_000; n += 1) kept = { a: n, b: kept === undefined };
  }, 128);
  const found = [...sites].filter(([site]) => site.includes('.browser.test.')).reduce((sum, [, size]) => sum + size, 0);
  // An object of two fields: between 20 and 40 bytes, with and without compressed pointers.
  expect(found / 20_000).toBeGreaterThan(15);
  expect(found / 20_000).toBeLessThan(60);
});

it.each(['slices alone', 'the volume, too'] as const)(
  `at most ${MOST_BYTES} bytes a frame are allocated in our code while tools move through four views: %s`,
  { timeout: 300_000 },
  async (what) => {
    const { stage, tools, next } = navigation();
    if (what === 'the volume, too') stage.renderVolume({ transfer: 'ctBone', clip: { tool: tools[0] as Tool } });
    const { bytes, text } = await perFrame(next);
    console.log(`${bytes.toFixed(1)} bytes a frame over ${FRAMES} frames, ${what}`);
    expect(bytes, text).toBeLessThanOrEqual(MOST_BYTES);
  },
);
