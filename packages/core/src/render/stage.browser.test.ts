import { afterEach, describe, expect, it } from 'vitest';
import { frame, PoseView, point, STATUSES, type Status } from '../frames/index.js';
import { vec3 } from '../math/index.js';
import { type ManualClock, manualClock } from '../testing/index.js';
import { type Volume, volume } from '../volume/index.js';
import {
  createStage,
  PALETTE,
  SLICE_VIEWS,
  type Stage,
  type StageOptions,
  singleLayout,
  statusStyle,
  type Tool,
} from './index.js';
import { rgb } from './palette.js';

const CT = frame('ct');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 80 × 80 × 80 mm, dark grey, its middle at (10, −20, 300). */
function cube(): Volume<'ct'> {
  const m = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -29, -59, 261, 1);
  return volume({ frame: CT, voxels: new Uint8Array(40 ** 3).fill(40), size: [40, 40, 40], frameFromIndex: m });
}

interface Made {
  readonly stage: Stage<'ct'>;
  readonly clock: ManualClock;
  readonly host: HTMLElement;
}

function make(options: Partial<StageOptions<'ct'>> = {}, css = 'width:320px;height:240px'): Made {
  const host = document.createElement('div');
  host.style.cssText = css;
  document.body.append(host);
  const clock = manualClock(1000);
  const stage = createStage(host, { frame: CT, clock, pixelRatio: 1, antialias: false, ...options });
  ends.push(() => {
    stage.dispose();
    host.remove();
  });
  return { stage, clock, host };
}

function pixels(stage: Stage<'ct'>): Uint8Array {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const out = new Uint8Array(4 * stage.canvas.width * stage.canvas.height);
  gl.readPixels(0, 0, stage.canvas.width, stage.canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, out);
  return out;
}

/** How many pixels have that colour, within 12 of 255 a channel, and where they lie on average (y down). */
function find(stage: Stage<'ct'>, hex: string): { count: number; x: number; y: number } {
  const wanted = rgb(hex).map((c) => c * 255);
  const seen = pixels(stage);
  const { width, height } = stage.canvas;
  let count = 0;
  let x = 0;
  let y = 0;
  for (let n = 0; n < width * height; n += 1) {
    if (!wanted.every((c, k) => Math.abs(c - (seen[4 * n + k] as number)) <= 12)) continue;
    count += 1;
    x += (n % width) + 0.5;
    y += height - Math.floor(n / width) - 0.5;
  }
  return { count, x: x / count, y: y / count };
}

const view = new PoseView();

function pose(tool: Tool, clock: ManualClock, status: Status, xyz: readonly number[] = [10, -20, 300], error = Number.NaN): void {
  view.status = status;
  view.times[0] = clock.now();
  if (view.hasPose) view.matrix.set([0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, ...xyz, 1]);
  else view.matrix.fill(Number.NaN);
  tool.update(view, error);
}

const NEEDLE = { kind: 'needle', lengthMm: 60, radiusMm: 1 } as const;

describe('a tool on the stage', () => {
  it('is drawn in the colour of its status, and differently for each', () => {
    const { stage, clock } = make();
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    const pictures = new Map<string, Status>();
    for (const status of STATUSES) {
      pose(tool, clock, status);
      stage.render();
      const drawn = statusStyle(status).form !== 'none';
      if (drawn) expect(find(stage, statusStyle(status).colour).count, status).toBeGreaterThan(status === 'stale' ? 0 : 40);
      if (drawn) pictures.set(pixels(stage).join(), status);
    }
    expect(pictures.size).toBe(5);
  });

  for (const status of ['missing', 'disconnected'] as const) {
    it(`leaves nothing on the screen in the very frame in which it is ${status}`, () => {
      const { stage, clock } = make();
      stage.setVolume(cube());
      stage.render();
      const without = pixels(stage).join();
      const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
      pose(tool, clock, 'ok', [10, -20, 300], 4);
      stage.render();
      expect(pixels(stage).join()).not.toBe(without);
      expect(find(stage, PALETTE.tool).count).toBeGreaterThan(100);
      pose(tool, clock, status);
      stage.render();
      expect(pixels(stage).join()).toBe(without);
    });
  }

  it('is not drawn as live when the page stops giving poses', () => {
    const { stage, clock } = make();
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    pose(tool, clock, 'ok');
    stage.render();
    expect(find(stage, PALETTE.tool).count).toBeGreaterThan(100);
    clock.advance(251);
    stage.render();
    expect(tool.status).toBe('stale');
    expect(find(stage, PALETTE.tool).count).toBe(0);
  });

  it('leads the slices while it is live, and they stop where they are when it is not', () => {
    const { stage, clock } = make({ layout: singleLayout('axial') });
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    stage.follow(tool);
    const alarm = (): number => find(stage, PALETTE.alarm).count;
    pose(tool, clock, 'ok', [20, -30, 310]);
    stage.render();
    expect(Array.from(stage.crosshair.xyz)).toEqual([20, -30, 310]);
    expect(alarm()).toBe(0);
    for (const status of ['stale', 'outOfVolume', 'unknown', 'missing'] as const) {
      pose(tool, clock, status, [0, 0, 290]);
      stage.render();
      expect(Array.from(stage.crosshair.xyz), status).toEqual([20, -30, 310]);
      expect(alarm(), status).toBeGreaterThan(500);
    }
    stage.follow(undefined);
    stage.render();
    expect(alarm()).toBe(0);
  });

  it('has its tip where the pose says, in every slice', () => {
    for (const name of SLICE_VIEWS) {
      const { stage, clock } = make({ layout: singleLayout(name) });
      stage.setVolume(cube());
      const tool = stage.addTool({ name: 'needle', geometry: { ...NEEDLE, lengthMm: 1e-3, depthMarkMm: 0 } });
      const tip = [27, -33, 318];
      stage.setCrosshair(point(CT, [27, -33, 318]));
      pose(tool, clock, 'ok', tip);
      stage.render();
      const at = find(stage, PALETTE.tool);
      const wanted = stage.slice(name).plane.project(vec3(0, 0, 0), tip);
      expect(at.count).toBeGreaterThan(30);
      expect(Math.abs(at.x - (wanted[0] as number))).toBeLessThan(0.5);
      expect(Math.abs(at.y - (wanted[1] as number))).toBeLessThan(0.5);
    }
  });

  it('shows its error to scale', () => {
    const { stage, clock } = make({ layout: singleLayout('axial') });
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: { ...NEEDLE, lengthMm: 1e-3, depthMarkMm: 0 } });
    const widthOf = (error: number): number => {
      pose(tool, clock, 'ok', [10, -20, 300], error);
      stage.render();
      const seen = pixels(stage);
      const { width, height } = stage.canvas;
      let low = width;
      let high = 0;
      for (let n = 0; n < width * height; n += 1) {
        // Bluer than it is red: the tool's colour, or a blend of it with grey.
        if ((seen[4 * n + 2] as number) - (seen[4 * n] as number) < 60) continue;
        low = Math.min(low, n % width);
        high = Math.max(high, (n % width) + 1);
      }
      return (high - low) * stage.slice('axial').plane.mmPerPx;
    };
    // The line is 1.5 px wide and has a soft edge: 2.5 px at about 0.4 mm.
    expect(Math.abs(widthOf(10) - 20)).toBeLessThan(1.2);
    expect(Math.abs(widthOf(15) - 30)).toBeLessThan(1.2);
  });

  it('goes when it is removed', () => {
    const { stage, clock } = make();
    stage.setVolume(cube());
    stage.render();
    const before = { picture: pixels(stage).join(), ...stage.resources() };
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    pose(tool, clock, 'ok');
    stage.render();
    tool.remove();
    stage.render();
    expect(pixels(stage).join()).toBe(before.picture);
    expect(stage.resources().geometries).toBe(before.geometries);
  });
});

describe('the plan and the fiducials', () => {
  it('lie where they are in the patient, in the 3D view too', () => {
    const { stage } = make({ layout: singleLayout('3d') }, 'width:400px;height:400px');
    stage.setVolume(cube());
    stage.orbit.azimuth = 0;
    stage.orbit.elevation = 0;
    // Target to the patient's left and up, seen from the front: right and up on the screen.
    stage.setPlan({ entry: point(CT, [30, -90, 320]), target: point(CT, [30, -70, 320]) });
    stage.render();
    const target = find(stage, PALETTE.plan);
    expect(target.count).toBeGreaterThan(5);
    expect(target.x).toBeGreaterThan(220);
    expect(target.y).toBeLessThan(180);
  });

  it('fade as the slice leaves the target', () => {
    const { stage } = make({ layout: singleLayout('axial') });
    stage.setVolume(cube());
    stage.setPlan({ entry: point(CT, [10, -60, 300]), target: point(CT, [10, -20, 300]) });
    const orange = (z: number): number => {
      stage.setCrosshair(point(CT, [-20, 10, z]));
      stage.render();
      const seen = pixels(stage);
      let most = 0;
      for (let n = 0; n < seen.length; n += 4) most = Math.max(most, (seen[n] as number) - (seen[n + 2] as number));
      return most;
    };
    stage.setPlan({ entry: point(CT, [10, -20.001, 300]), target: point(CT, [10, -20, 300]), targetRadiusMm: 4 });
    const [inside, near, far] = [orange(300), orange(312), orange(330)] as [number, number, number];
    expect(inside).toBeGreaterThan(near);
    expect(near).toBeGreaterThan(far);
    expect(far).toBeGreaterThan(10);
  });
});

describe('a stage', () => {
  it('gives everything back', () => {
    const { stage, clock, host } = make();
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    stage.setPlan({ entry: point(CT, [10, -60, 300]), target: point(CT, [10, -20, 300]) });
    stage.setFiducials([{ point: point(CT, [10, -60, 300]) }, { point: point(CT, [10, -20, 300]), state: 'done' }]);
    stage.setSurface({
      positions: Float32Array.of(0, 0, 300, 20, 0, 300, 0, 20, 300),
      normals: Float32Array.of(0, 0, 1, 0, 0, 1, 0, 0, 1),
      indices: Uint32Array.of(0, 1, 2),
    });
    pose(tool, clock, 'ok');
    stage.render();
    expect(stage.resources().geometries).toBeGreaterThan(20);
    let moved = 0;
    stage.crosshairMoved.subscribe(() => {
      moved += 1;
    });
    let lost = 0;
    stage.contextLost.subscribe(() => {
      lost += 1;
    });
    const { canvas } = stage;
    stage.dispose();
    expect(stage.resources()).toEqual({ geometries: 0, textures: 0, programs: 0 });
    canvas.dispatchEvent(new PointerEvent('pointerdown', { clientX: 40, clientY: 40, pointerId: 1 }));
    canvas.dispatchEvent(new Event('webglcontextlost', { cancelable: true }));
    expect({ moved, lost, children: host.childElementCount }).toEqual({ moved: 0, lost: 0, children: 0 });
    stage.dispose();
    for (const call of [
      () => stage.render(),
      () => stage.setVolume(undefined),
      () => stage.start(),
      () => stage.addTool({ name: 'a', geometry: NEEDLE }),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'render/disposed' }));
    }
  });

  it('holds one texture for a volume, however often it is set', () => {
    const { stage } = make({ annotations: false });
    stage.render();
    const before = stage.resources().textures;
    for (let n = 0; n < 3; n += 1) {
      stage.setVolume(cube());
      stage.render();
      expect(stage.resources().textures - before).toBe(1);
    }
    stage.setVolume(undefined);
    stage.render();
    expect(stage.resources().textures).toBe(before);
  });

  it('does not know of another one on the page', () => {
    const a = make();
    const b = make();
    a.stage.setVolume(cube());
    b.stage.setVolume(cube());
    a.stage.setWindow({ width: 100, level: 40 });
    a.stage.render();
    b.stage.render();
    const before = pixels(b.stage).join();
    expect(pixels(a.stage).join()).not.toBe(before);
    a.stage.dispose();
    b.stage.render();
    expect(pixels(b.stage).join()).toBe(before);
  });

  it('tells when the context goes, and draws the same picture when it is back', async () => {
    const { stage } = make();
    stage.setVolume(cube());
    stage.setPlan({ entry: point(CT, [10, -60, 300]), target: point(CT, [10, -20, 300]) });
    stage.render();
    const before = pixels(stage).join();
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const handle = gl.getExtension('WEBGL_lose_context') as WEBGL_lose_context;
    const lost = new Promise<void>((done) => {
      stage.contextLost.subscribe(() => done());
    });
    handle.loseContext();
    await lost;
    stage.render();
    const back = new Promise<void>((done) => {
      stage.contextRestored.subscribe(() => done());
    });
    // The browser restores only after the event of the loss has run its course.
    await new Promise((done) => setTimeout(done, 50));
    handle.restoreContext();
    await back;
    stage.render();
    expect(pixels(stage).join()).toBe(before);
  });

  it('has as many pixels as its element, times the pixel ratio, and follows it', async () => {
    const { stage, host } = make({ pixelRatio: 2 }, 'width:200px;height:100px');
    expect([stage.canvas.width, stage.canvas.height]).toEqual([400, 200]);
    host.style.width = '300px';
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)));
    expect([stage.canvas.width, stage.canvas.height]).toEqual([600, 200]);
  });

  it('asks for poses last thing before it draws, until it is stopped', async () => {
    const { stage, clock } = make();
    stage.setVolume(cube());
    const asked: number[] = [];
    await new Promise<void>((done) => {
      stage.start((at) => {
        asked.push(at);
        clock.advance(16);
        if (asked.length === 3) done();
      });
    });
    stage.stop();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    expect(asked).toEqual([1000, 1016, 1032]);
  });

  it('draws the tool as stale when what gives the poses fails', async () => {
    const { stage, clock } = make();
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    pose(tool, clock, 'ok');
    const errors: string[] = [];
    const caught = (e: ErrorEvent): void => {
      e.preventDefault();
      e.stopImmediatePropagation();
      errors.push(e.message);
    };
    window.addEventListener('error', caught, { capture: true });
    await new Promise<void>((done) => {
      tool.visibility.subscribe(({ status }) => {
        if (status === 'stale') done();
      });
      stage.start(() => {
        clock.advance(100);
        throw new Error('no poses');
      });
    });
    stage.stop();
    window.removeEventListener('error', caught, { capture: true });
    expect(tool.live).toBe(false);
    expect(errors.length).toBeGreaterThan(1);
  });

  it('refuses what it cannot show', () => {
    const { stage } = make({ maxTextureBytes: 1000 });
    expect(() => stage.setVolume(cube())).toThrow(expect.objectContaining({ code: 'render/too-large' }));
    const long = volume({
      frame: CT,
      voxels: new Uint8Array(2 ** 20),
      size: [2 ** 20, 1, 1],
      frameFromIndex: cube().frameFromIndex,
    });
    expect(() => make().stage.setVolume(long)).toThrow(expect.objectContaining({ code: 'render/too-large' }));
    const elsewhere = point(frame('tracker'), [0, 0, 0]) as unknown as Parameters<typeof stage.setCrosshair>[0];
    expect(() => stage.setCrosshair(elsewhere)).toThrow(expect.objectContaining({ code: 'frame/mismatch' }));
    expect(() => stage.setWindow({ width: 0, level: 3 })).toThrow(expect.objectContaining({ code: 'math/not-finite' }));
  });

  it('says so where there is no WebGL2', () => {
    const canvas = document.createElement('canvas');
    canvas.getContext('2d');
    expect(() => createStage(canvas, { frame: CT })).toThrow(expect.objectContaining({ code: 'render/no-webgl2' }));
  });
});

describe('the pointer', () => {
  const send = (stage: Stage<'ct'>, type: string, x: number, y: number, init: PointerEventInit = {}): void => {
    const box = stage.canvas.getBoundingClientRect();
    stage.canvas.dispatchEvent(
      new PointerEvent(type, { clientX: box.left + x, clientY: box.top + y, pointerId: 1, bubbles: true, ...init }),
    );
  };

  it('moves the crosshair to the point of the patient under it', () => {
    const { stage } = make({ layout: singleLayout('coronal') });
    stage.setVolume(cube());
    stage.render();
    const seen: number[][] = [];
    stage.crosshairMoved.subscribe((p) => seen.push(Array.from(p.xyz)));
    const { mmPerPx } = stage.slice('coronal').plane;
    send(stage, 'pointerdown', 200, 100);
    send(stage, 'pointermove', 210, 130);
    send(stage, 'pointerup', 210, 130);
    send(stage, 'pointermove', 10, 10);
    expect(seen).toHaveLength(2);
    // From the middle of the view (160, 120): right is the patient's left, down is towards the feet.
    const wanted = [10 + 50 * mmPerPx, -20, 300 - 10 * mmPerPx];
    for (let k = 0; k < 3; k += 1) expect(seen[1]?.[k]).toBeCloseTo(wanted[k] as number, 6);
    expect(Array.from(stage.crosshair.xyz)).toEqual(seen[1]);
  });

  it('scrolls a voxel a notch, zooms with control, and changes the window with the right button', () => {
    const { stage } = make({ layout: singleLayout('axial') });
    stage.setVolume(cube());
    stage.setWindow({ width: 100, level: 50 });
    stage.render();
    const box = stage.canvas.getBoundingClientRect();
    const wheel = (deltaY: number, ctrlKey: boolean): boolean =>
      stage.canvas.dispatchEvent(
        new WheelEvent('wheel', { deltaY, ctrlKey, clientX: box.left + 90, clientY: box.top + 60, cancelable: true }),
      );
    const before = stage.crosshair.xyz[2] as number;
    expect(wheel(100, false)).toBe(false);
    expect((stage.crosshair.xyz[2] as number) - before).toBeCloseTo(2, 9);
    const scale = stage.slice('axial').plane.mmPerPx;
    wheel(-100, true);
    expect(scale / stage.slice('axial').plane.mmPerPx).toBeCloseTo(1.1, 9);
    let told = 0;
    stage.windowChanged.subscribe(() => {
      told += 1;
    });
    send(stage, 'pointerdown', 100, 100, { button: 2 });
    send(stage, 'pointermove', 180, 100, { button: 2 });
    expect(stage.window.width).toBeCloseTo(100 * 8 ** (80 / 320), 6);
    expect(told).toBe(1);
  });

  it('does not move the crosshair off a tool', () => {
    const { stage, clock } = make({ layout: singleLayout('axial') });
    stage.setVolume(cube());
    const tool = stage.addTool({ name: 'needle', geometry: NEEDLE });
    stage.follow(tool);
    pose(tool, clock, 'ok', [20, -30, 310]);
    stage.render();
    send(stage, 'pointerdown', 200, 100);
    expect(Array.from(stage.crosshair.xyz)).toEqual([20, -30, 310]);
  });

  it('turns the 3D view', () => {
    const { stage } = make({ layout: singleLayout('3d') });
    stage.setVolume(cube());
    stage.render();
    const { azimuth } = stage.orbit;
    send(stage, 'pointerdown', 100, 100);
    send(stage, 'pointermove', 124, 100);
    expect(azimuth - stage.orbit.azimuth).toBeCloseTo(Math.PI / 10, 9);
  });
});
