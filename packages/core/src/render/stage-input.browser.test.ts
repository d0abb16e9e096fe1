import { afterEach, describe, expect, it } from 'vitest';
import { frame, PoseView } from '../frames/index.js';
import { vec3 } from '../math/index.js';
import { manualClock } from '../testing/index.js';
import { volume } from '../volume/index.js';
import { createStage, PALETTE, type Stage, type StageOptions } from './index.js';
import { rgb } from './palette.js';
import { STAGE_KEYS } from './stage-keys.js';

const CT = frame('ct');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 400 × 400 px, four views of 199 px; a cube of 80 mm about the origin. */
function make(options: Partial<StageOptions<'ct'>> = {}): Stage<'ct'> {
  const host = document.createElement('div');
  host.style.cssText = 'position:absolute;left:0;top:0;width:400px;height:400px';
  document.body.append(host);
  const stage = createStage(host, { frame: CT, clock: manualClock(0), pixelRatio: 1, antialias: false, ...options });
  ends.push(() => {
    stage.dispose();
    host.remove();
  });
  const frameFromIndex = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -39, -39, -39, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Uint8Array(40 ** 3).fill(40), size: [40, 40, 40], frameFromIndex }));
  stage.render();
  return stage;
}

const AXIAL = [100, 100] as const;
const SCENE = [300, 100] as const;

function finger(stage: Stage<'ct'>, type: string, id: number, [x, y]: readonly [number, number]): void {
  const init = { pointerId: id, pointerType: 'touch', clientX: x, clientY: y, bubbles: true, cancelable: true };
  stage.canvas.dispatchEvent(new PointerEvent(`pointer${type}`, init));
}

function key(stage: Stage<'ct'>, name: string, init: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...init });
  stage.canvas.dispatchEvent(event);
  return event.defaultPrevented;
}

/** The point of the frame under a place on the canvas, in the axial view. */
function under(stage: Stage<'ct'>, [x, y]: readonly [number, number]): number[] {
  const rect = stage.viewRect('axial') as NonNullable<ReturnType<typeof stage.viewRect>>;
  return Array.from(stage.slice('axial').plane.unproject(vec3(0, 0, 0), x - rect.x, y - rect.y));
}

function near(a: ArrayLike<number>, b: ArrayLike<number>, mm = 1e-6): void {
  expect(Math.hypot(...Array.from(a, (v, k) => v - (b[k] as number)))).toBeLessThan(mm);
}

describe('fingers', () => {
  it('tap puts the crosshair there when it is lifted; a drag takes it along; two fingers that come down do neither', () => {
    const stage = make();
    const wanted = under(stage, [120, 80]);
    finger(stage, 'down', 1, [120, 80]);
    near(stage.crosshair.xyz, [0, 0, 0]);
    finger(stage, 'move', 1, [122, 81]);
    finger(stage, 'up', 1, [120, 80]);
    near(stage.crosshair.xyz, wanted, 1.5);
    finger(stage, 'down', 1, AXIAL);
    finger(stage, 'move', 1, [80, 120]);
    finger(stage, 'move', 1, [70, 130]);
    near(stage.crosshair.xyz, under(stage, [70, 130]));
    finger(stage, 'up', 1, [70, 130]);
    const before = Array.from(stage.crosshair.xyz);
    finger(stage, 'down', 1, [60, 60]);
    finger(stage, 'down', 2, [140, 140]);
    finger(stage, 'up', 1, [60, 60]);
    finger(stage, 'up', 2, [140, 140]);
    near(stage.crosshair.xyz, before);
  });

  it('pinch zooms about what is between them, and pans with it: what each finger is on stays under it', () => {
    const stage = make();
    const on = [under(stage, [80, 100]), under(stage, [120, 100])];
    finger(stage, 'down', 1, [80, 100]);
    finger(stage, 'down', 2, [120, 100]);
    for (let n = 1; n <= 20; n += 1) {
      finger(stage, 'move', 1, [80 - n + 0.5 * n, 100 + n]);
      finger(stage, 'move', 2, [120 + n + 0.5 * n, 100 + n]);
    }
    stage.render();
    near(under(stage, [70, 120]), on[0] as number[], 0.5);
    near(under(stage, [150, 120]), on[1] as number[], 0.5);
    near(stage.crosshair.xyz, [0, 0, 0]);
    finger(stage, 'up', 2, [150, 120]);
    finger(stage, 'move', 1, [20, 20]);
    finger(stage, 'up', 1, [20, 20]);
    near(stage.crosshair.xyz, [0, 0, 0]);
  });

  it('tap twice and the view fits again, once; too late, too far apart or with a drag between they do not', async () => {
    const stage = make();
    const { plane } = stage.slice('axial');
    const fitted = plane.mmPerPx;
    const tap = (at: readonly [number, number]): void => {
      finger(stage, 'down', 1, at);
      finger(stage, 'up', 1, at);
    };
    const zoomed = (): boolean => plane.mmPerPx < fitted - 1e-9;
    const zoom = (): void => {
      stage.slice('axial').zoomAbout(2, 100, 100);
      expect(zoomed()).toBe(true);
    };
    zoom();
    tap([100, 100]);
    tap([150, 100]);
    expect(zoomed(), 'far apart').toBe(true);
    finger(stage, 'down', 1, [150, 100]);
    finger(stage, 'move', 1, [100, 60]);
    finger(stage, 'up', 1, [100, 60]);
    tap([150, 100]);
    expect(zoomed(), 'a drag between').toBe(true);
    await new Promise((after) => setTimeout(after, 400));
    tap([150, 100]);
    expect(zoomed(), 'too late').toBe(true);
    finger(stage, 'down', 1, [60, 60]);
    finger(stage, 'down', 2, [140, 140]);
    finger(stage, 'up', 1, [60, 60]);
    finger(stage, 'up', 2, [140, 140]);
    tap([150, 100]);
    expect(zoomed(), 'two fingers between').toBe(true);
    tap([156, 104]);
    expect(plane.mmPerPx).toBeCloseTo(fitted, 9);
    zoom();
    // What a browser makes of the same two taps.
    stage.canvas.dispatchEvent(new MouseEvent('dblclick', { clientX: 150, clientY: 100, bubbles: true }));
    tap([150, 100]);
    expect(zoomed(), 'answered twice').toBe(true);
  });

  it('one finger in the right margin goes through the slices; three change the window', () => {
    const stage = make();
    finger(stage, 'down', 1, [192, 100]);
    for (let y = 100; y <= 120; y += 2) finger(stage, 'move', 1, [192, y]);
    finger(stage, 'up', 1, [192, 120]);
    const [x, y, z] = stage.crosshair.xyz as unknown as [number, number, number];
    expect([x, y]).toEqual([0, 0]);
    expect(Math.abs(z)).toBeGreaterThan(5);
    const { width, level } = stage.window;
    const at = [60, 90, 120];
    const all = (type: string, along: number): void => {
      for (const [n, px] of at.entries()) finger(stage, type, n, [px + along, 100]);
    };
    all('down', 0);
    for (let n = 1; n <= 10; n += 1) all('move', 2 * n);
    all('up', 20);
    expect(stage.window.width).toBeCloseTo(width * 8 ** (20 / 199), 3);
    expect(stage.window.level).toBeCloseTo(level, 6);
    near(stage.crosshair.xyz, [x, y, z]);
  });

  it('turn, come nearer to and move the 3D view', () => {
    const stage = make();
    const { azimuth, distance } = stage.orbit;
    finger(stage, 'down', 1, SCENE);
    finger(stage, 'move', 1, [320, 100]);
    finger(stage, 'up', 1, [320, 100]);
    expect(stage.orbit.azimuth).toBeLessThan(azimuth);
    const target = Array.from(stage.orbit.target);
    finger(stage, 'down', 1, [280, 100]);
    finger(stage, 'down', 2, [320, 100]);
    finger(stage, 'move', 1, [260, 100]);
    finger(stage, 'move', 2, [340, 100]);
    expect(stage.orbit.distance).toBeCloseTo(distance / 2, 3);
    // One finger after the other: the picture moves out and back at two distances.
    near(stage.orbit.target, target, 3);
    finger(stage, 'move', 1, [260, 140]);
    expect(stage.orbit.target[2]).toBeGreaterThan(target[2] as number);
  });

  it('are not taken for a scroll of the page, and leave the canvas as it was', () => {
    const canvas = document.createElement('canvas');
    canvas.style.touchAction = 'pan-x';
    const stage = createStage(canvas, { frame: CT });
    expect(canvas.style.touchAction).toBe('none');
    expect(canvas.tabIndex).toBe(0);
    stage.dispose();
    expect(canvas.style.touchAction).toBe('pan-x');
    expect(canvas.getAttributeNames()).not.toContain('tabindex');
  });
});

describe('keys', () => {
  /** How many pixels of the frame's colour a quarter of the canvas has. */
  function framed(stage: Stage<'ct'>, [x, y]: readonly [number, number]): number {
    stage.render();
    const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
    const px = new Uint8Array(4 * 200 * 200);
    gl.readPixels(x, y, 200, 200, gl.RGBA, gl.UNSIGNED_BYTE, px);
    const wanted = rgb(PALETTE.text).map((c) => 255 * c);
    let count = 0;
    for (let n = 0; n < px.length; n += 4) if (wanted.every((c, k) => Math.abs(c - (px[n + k] as number)) < 3)) count += 1;
    return count;
  }

  it('move the crosshair as it looks in the view they go to, scroll, zoom, pan, fit and change the window', () => {
    const stage = make();
    expect(key(stage, 'ArrowRight')).toBe(true);
    key(stage, 'ArrowUp');
    near(stage.crosshair.xyz, [1, -1, 0]);
    key(stage, 'PageDown');
    expect((stage.crosshair.xyz[2] as number) ** 2).toBeCloseTo(4, 6);
    key(stage, 'PageUp');
    near(stage.crosshair.xyz, [1, -1, 0]);
    const { plane } = stage.slice('axial');
    const { mmPerPx } = plane;
    key(stage, '+');
    expect(plane.mmPerPx).toBeCloseTo(mmPerPx / 1.2, 9);
    key(stage, 'ArrowRight', { shiftKey: true });
    expect(plane.centre[0]).toBeCloseTo(-20 * plane.mmPerPx, 6);
    near(stage.crosshair.xyz, [1, -1, 0]);
    key(stage, 'Home');
    expect([plane.mmPerPx, plane.centre[0]]).toEqual([mmPerPx, 0]);
    const { width, level } = stage.window;
    key(stage, ']');
    expect(stage.window.width).toBeGreaterThan(width);
    key(stage, '.');
    expect(stage.window.level).toBeLessThan(level);
  });

  it('go to the next view and back, which is framed while it has the focus; the 3D view turns', () => {
    const stage = make();
    const corners = { axial: [0, 200], '3d': [200, 200], coronal: [0, 0], sagittal: [200, 0] } as const;
    const plain: Record<string, number> = {};
    for (const [view, corner] of Object.entries(corners)) plain[view] = framed(stage, corner);
    stage.canvas.focus();
    for (const view of ['3d', 'coronal', 'sagittal', 'axial', '3d'] as const) {
      key(stage, 'v');
      for (const [other, corner] of Object.entries(corners)) {
        const more = framed(stage, corner) - (plain[other] as number);
        if (other === view) expect(more, view).toBeGreaterThan(1000);
        else expect(more, other).toBeLessThan(100);
      }
    }
    const { azimuth } = stage.orbit;
    key(stage, 'ArrowLeft');
    expect(stage.orbit.azimuth).toBeGreaterThan(azimuth);
    key(stage, 'V', { shiftKey: true });
    key(stage, 'ArrowRight');
    near(stage.crosshair.xyz, [1, 0, 0]);
    stage.canvas.blur();
    expect(framed(stage, corners.axial) - (plain['axial'] as number)).toBeLessThan(100);
  });

  it('leave alone what is not theirs, what an application took, and a crosshair that follows a tool', () => {
    const stage = make();
    expect(key(stage, 'Tab')).toBe(false);
    expect(key(stage, 'ArrowRight', { ctrlKey: true })).toBe(false);
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    near(stage.crosshair.xyz, [0, 0, 0]);
    stage.canvas.addEventListener('keydown', (e) => e.preventDefault(), { once: true });
    key(stage, 'ArrowRight');
    near(stage.crosshair.xyz, [0, 0, 0]);
    const tool = stage.addTool({ name: 'needle', geometry: { kind: 'needle', lengthMm: 80, radiusMm: 1 } });
    stage.follow(tool);
    tool.update(new PoseView());
    for (const name of ['ArrowRight', 'PageUp']) key(stage, name);
    near(stage.crosshair.xyz, [0, 0, 0]);
    stage.follow(undefined);
    stage.dispose();
    expect(key(stage, 'ArrowRight')).toBe(false);
  });

  it('are listed, each once, and each does something', () => {
    const stage = make();
    const names = STAGE_KEYS.flatMap(({ keys, shift }) => keys.map((k) => `${shift ?? false} ${k}`));
    expect(new Set(names).size).toBe(names.length);
    for (const { keys, shift } of STAGE_KEYS) {
      for (const name of keys) expect(key(stage, name, { shiftKey: shift ?? false }), name).toBe(true);
    }
  });
});
