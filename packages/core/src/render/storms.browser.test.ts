import { afterEach, expect, inject, it } from 'vitest';
import { cdp } from 'vitest/browser';
import { frame, PoseView, point } from '../frames/index.js';
import { type ManualClock, manualClock } from '../testing/index.js';
import { type Volume, volume } from '../volume/index.js';
import { createStage, type Stage, type Tool } from './index.js';

const CT = frame('ct');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function block(grey = 0): Volume<'ct'> {
  const n = 24;
  const voxels = Int16Array.from({ length: n ** 3 }, (_, v) => grey + 60 * (v % n));
  const frameFromIndex = Float64Array.of(4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, -46, -46, -46, 1);
  return volume({ frame: CT, voxels, size: [n, n, n], frameFromIndex });
}

interface Made {
  readonly stage: Stage<'ct'>;
  readonly host: HTMLElement;
  readonly clock: ManualClock;
  readonly tool: Tool;
  end(): void;
}

/** A stage with everything on it. */
function make(grey = 0): Made {
  const host = document.createElement('div');
  host.style.cssText = 'width:260px;height:220px';
  document.body.append(host);
  const clock = manualClock(1000);
  const stage = createStage(host, { frame: CT, clock, pixelRatio: 1, antialias: false });
  stage.setVolume(block(grey));
  stage.setWindow({ width: 2500, level: 900 });
  stage.renderVolume({ transfer: 'mr' });
  stage.setPlan({ entry: point(CT, [20, -30, 30]), target: point(CT, [2, 3, 4]) });
  stage.setFiducials([{ point: point(CT, [1, 2, 3]), offset: [1, 0, 0], state: 'done' }]);
  stage.setTargetError({ centre: point(CT, [2, 3, 4]), shape: [4, 0, 0, 0, 9, 0, 0, 0, 6], label: '95 %' });
  const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 80, radiusMm: 1 } });
  const end = (): void => {
    stage.dispose();
    host.remove();
  };
  ends.push(end);
  return { stage, host, clock, tool, end };
}

const view = new PoseView();

function give(tool: Tool, clock: ManualClock, x = 0): void {
  view.status = 'ok';
  view.times.fill(clock.now());
  view.matrix.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, 2, 3, 1]);
  tool.update(view);
}

function frames({ stage, tool, clock }: Made, count: number): void {
  for (let n = 0; n < count; n += 1) {
    clock.advance(16);
    give(tool, clock, n);
    stage.render();
  }
}

function pixels(stage: Stage<'ct'>): string {
  const { width, height } = stage.canvas;
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const out = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, out);
  return out.join();
}

function errorsOf(stage: Stage<'ct'>): number {
  return (stage.canvas.getContext('webgl2') as WebGL2RenderingContext).getError();
}

interface Held {
  readonly listeners: number;
  readonly nodes: number;
  readonly heap: number;
}

/** What the page holds after a collection of garbage: listeners, nodes of documents, bytes. */
async function held(): Promise<Held> {
  const session = cdp() as unknown as { send(method: string): Promise<unknown> };
  await session.send('Performance.enable');
  await session.send('HeapProfiler.collectGarbage');
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = (await session.send('Performance.getMetrics')) as { metrics: { name: string; value: number }[] };
  const of = (name: string): number => metrics.find((m) => m.name === name)?.value ?? Number.NaN;
  return { listeners: of('JSEventListeners'), nodes: of('Nodes'), heap: of('JSHeapUsedSize') };
}

/** Twenty where there is time. */
const MOUNTS = inject('effort') > 1 ? 20 : 5;

it(`${MOUNTS} are put up and taken down: neither nodes nor listeners nor memory stay`, { timeout: 120_000 }, async () => {
  const once = (): void => {
    const made = make();
    frames(made, 2);
    made.end();
    expect(made.stage.resources()).toEqual({ geometries: 0, textures: 0, programs: 0 });
    ends.length = 0;
  };
  once();
  const empty = await held();
  const control = make();
  frames(control, 2);
  const during = await held();
  control.end();
  once();
  const before = await held();
  for (let n = 0; n < MOUNTS; n += 1) once();
  const after = await held();
  console.log(JSON.stringify({ empty, during, before, after }));
  // What is asked can be told: a stage that stands is seen.
  expect(during.listeners).toBeGreaterThan(empty.listeners + 5);
  expect(after.listeners).toBeLessThanOrEqual(before.listeners);
  expect(after.nodes).toBeLessThanOrEqual(before.nodes + 2);
  // A stage that stands is more than half a megabyte; what the engine keeps of its code grows, too.
  expect(after.heap - before.heap).toBeLessThan(400_000 + 30_000 * MOUNTS);
  expect(document.querySelectorAll('canvas').length).toBe(0);
});

it('the context goes and comes back four times, in the middle of anything: no error, and the same picture', async () => {
  const made = make();
  const { stage, clock, tool } = made;
  const still = (): string => {
    frames(made, 1);
    for (let n = 0; n < 40; n += 1) {
      clock.advance(16);
      give(tool, clock, 0);
      stage.render();
    }
    return pixels(stage);
  };
  const wanted = still();
  const { textures } = stage.resources();
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const handle = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
  for (let n = 0; n < 4; n += 1) {
    // Sometimes while the fine picture is half drawn.
    frames(made, n);
    const lost = new Promise<void>((done) => stage.contextLost.subscribe(() => done()));
    handle.loseContext();
    await lost;
    frames(made, 3);
    if (n === 2) {
      stage.setVolume(block(300));
      stage.setVolume(block());
      stage.setWindow({ width: 2500, level: 900 });
      stage.renderVolume({ transfer: 'mr' });
    }
    await new Promise((done) => setTimeout(done, 30));
    const back = new Promise<void>((done) => stage.contextRestored.subscribe(() => done()));
    handle.restoreContext();
    await back;
    expect(still() === wanted, `the picture after loss ${n + 1}`).toBe(true);
    // three lets go of what the lost context had, which the new one refuses, rightly; nothing after that.
    expect([0, gl.INVALID_OPERATION]).toContain(errorsOf(stage));
    frames(made, 2);
    expect(errorsOf(stage)).toBe(0);
    expect(stage.resources().textures).toBeLessThanOrEqual(textures);
  }
});

it('a minute in the background: what was live is not when it is back, until a pose comes', () => {
  const made = make();
  const { stage, tool, clock } = made;
  frames(made, 5);
  expect(tool.live).toBe(true);
  const before = pixels(stage);
  clock.advance(60_000);
  stage.render();
  expect(tool.status).toBe('stale');
  expect(pixels(stage)).not.toBe(before);
  frames(made, 5);
  expect(tool.live).toBe(true);
  expect(pixels(stage)).toBe(before);
});

/** Until the observer of sizes has told. */
async function sized(): Promise<void> {
  for (let n = 0; n < 3; n += 1) await new Promise((done) => requestAnimationFrame(done));
}

it('no size at all, a hidden element, one pixel, and back: no error, and the same picture', async () => {
  const made = make();
  const { stage, host } = made;
  await sized();
  frames(made, 3);
  const wanted = pixels(stage);
  for (const css of [
    'width:0;height:0',
    'width:260px;height:0',
    'display:none',
    'width:1px;height:1px',
    'width:3px;height:200px',
  ]) {
    host.style.cssText = css;
    await sized();
    frames(made, 3);
    expect(errorsOf(stage), css).toBe(0);
  }
  host.style.cssText = 'width:260px;height:220px';
  await sized();
  frames(made, 1);
  stage.fit();
  frames(made, 3);
  expect([stage.canvas.width, stage.canvas.height]).toEqual([260, 220]);
  expect(pixels(stage) === wanted).toBe(true);
});

it('sixty sizes in a row hold no more than one', async () => {
  const made = make();
  const { stage, host } = made;
  await sized();
  frames(made, 3);
  const { textures, geometries } = stage.resources();
  for (let n = 0; n < 60; n += 1) {
    host.style.width = `${100 + ((n * 37) % 200)}px`;
    host.style.height = `${90 + ((n * 53) % 150)}px`;
    // Some are drawn before the browser has told of the size, some after.
    if (n % 4 === 0) await sized();
    frames(made, 1);
  }
  expect(errorsOf(stage)).toBe(0);
  expect(stage.resources().textures).toBeLessThanOrEqual(textures);
  expect(stage.resources().geometries).toBe(geometries);
});

it('four on a page, each with its own: one that goes, or loses its context, is not noticed by the others', async () => {
  const all = [0, 200, 400, 600].map((grey) => make(grey));
  await sized();
  const draw = (): string[] =>
    all.map((made) => {
      frames(made, 2);
      return pixels(made.stage);
    });
  const pictures = draw();
  expect(new Set(pictures).size).toBe(4);
  const [first, second] = all as [Made, Made, ...Made[]];
  const gl = second.stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const lost = new Promise<void>((done) => second.stage.contextLost.subscribe(() => done()));
  (gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context).loseContext();
  first.end();
  await lost;
  all.splice(0, 2);
  expect(draw()).toEqual(pictures.slice(2));
  second.end();
});
