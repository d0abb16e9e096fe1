import { afterEach, describe, expect, it } from 'vitest';
import { frame, point } from '../frames/index.js';
import { vec3 } from '../math/index.js';
import { manualClock } from '../testing/index.js';
import { volume } from '../volume/index.js';
import { createStage, PALETTE, type Stage, singleLayout, type ViewName } from './index.js';
import { rgb } from './palette.js';

const CT = frame('ct');
const MIDDLE = [10, -20, 300] as const;
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** 80 mm of black around a point, one view of 320 × 320, without letters that would be counted. */
function make(view: ViewName): Stage<'ct'> {
  const host = document.createElement('div');
  host.style.cssText = 'width:320px;height:320px';
  document.body.append(host);
  const stage = createStage(host, {
    frame: CT,
    clock: manualClock(0),
    pixelRatio: 1,
    antialias: false,
    layout: singleLayout(view),
  });
  ends.push(() => {
    stage.dispose();
    host.remove();
  });
  const m = Float64Array.of(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, -29, -59, 261, 1);
  stage.setVolume(volume({ frame: CT, voxels: new Uint8Array(40 ** 3), size: [40, 40, 40], frameFromIndex: m }));
  stage.render();
  return stage;
}

/** Pixels of a colour, within 12 of 255 a channel: how many, and the box they lie in. */
function box(stage: Stage<'ct'>, hex: string, within = 110): { count: number; width: number; height: number } {
  const wanted = rgb(hex).map((c) => c * 255);
  const { width, height } = stage.canvas;
  const seen = new Uint8Array(4 * width * height);
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, seen);
  let count = 0;
  let [left, right, low, high] = [width, 0, height, 0];
  for (let n = 0; n < width * height; n += 1) {
    const [x, y] = [n % width, Math.floor(n / width)];
    // The letters around the picture have the same colour.
    if (Math.abs(x - width / 2) > within || Math.abs(y - height / 2) > within) continue;
    if (!wanted.every((c, k) => Math.abs(c - (seen[4 * n + k] as number)) <= 12)) continue;
    count += 1;
    [left, right, low, high] = [Math.min(left, x), Math.max(right, x), Math.min(low, y), Math.max(high, y)];
  }
  return { count, width: right - left + 1, height: high - low + 1 };
}

const SHAPE = [9, 0, 0, 0, 4, 0, 0, 0, 1];
const centre = point(CT, MIDDLE);

describe('the error at the target', () => {
  it.each([
    ['axial', 6, 4],
    ['coronal', 6, 2],
    ['sagittal', 4, 2],
  ] as const)('is in a close %s view an ellipse of its true size', (view, across, high) => {
    const stage = make(view);
    stage.setCrosshair(point(CT, [10.5, -20.5, 300.5]));
    stage.slice(view).lookAt(MIDDLE, 16);
    stage.setCrosshair(centre);
    stage.setTargetError({ centre, shape: SHAPE });
    stage.render();
    const perMm = 320 / 16;
    expect(stage.slice(view).plane.mmPerPx).toBeCloseTo(1 / perMm, 6);
    const seen = box(stage, PALETTE.text);
    // The line is 2.25 px wide, around the outline.
    expect(Math.abs(seen.width - (across * perMm + 2.25))).toBeLessThan(2.5);
    expect(Math.abs(seen.height - (high * perMm + 2.25))).toBeLessThan(2.5);
    stage.setTargetError({ centre, shape: SHAPE, inSlice: 0.5 });
    stage.render();
    expect(Math.abs(box(stage, PALETTE.text).width - (0.5 * across * perMm + 2.25))).toBeLessThan(2.5);
    stage.setCrosshair(point(CT, [30, 0, 320]));
    stage.render();
    expect(box(stage, PALETTE.text).count).toBe(0);
  });

  it('is not drawn where it is too small to be told from the target', () => {
    const stage = make('axial');
    stage.setCrosshair(centre);
    stage.setTargetError({ centre, shape: SHAPE.map((v) => v / 9) });
    stage.render();
    expect(box(stage, PALETTE.text).count).toBe(0);
  });

  it('is in the 3D view as much larger as is said there, and gone when it is taken off', () => {
    const stage = make('3d');
    const bare = brightness(stage);
    stage.setTargetError({ centre, shape: [1, 0, 0, 0, 1, 0, 0, 0, 1] });
    // A millimetre is a dot that could be anything.
    expect(brightness(stage)).toBe(bare);
    stage.setErrorScale(4);
    const once = brightness(stage) - bare;
    stage.setErrorScale(16);
    const fourfold = brightness(stage) - bare;
    expect(once).toBeGreaterThan(0);
    expect(fourfold).toBeGreaterThan(8 * once);
    stage.setTargetError(undefined);
    expect(brightness(stage)).toBe(bare);
  });

  it.each([
    ['below, to the right', 30, 25],
    ['below, to the left', -50, 25],
    ['above, to the right', 30, -7],
  ])('its words cover no number of a fiducial %s of it in the 3D view', (_, right, down) => {
    const stage = make('3d');
    stage.orbit.azimuth = 0;
    stage.orbit.elevation = 0;
    stage.render();
    const mmPerPx = (2 * stage.orbit.distance * Math.tan((13 * Math.PI) / 180)) / 320;
    const there = [MIDDLE[0] + right * mmPerPx, MIDDLE[1], MIDDLE[2] - down * mmPerPx];
    stage.setFiducials([{ point: point(CT, there), state: 'suspect', label: '8' }]);
    stage.render();
    const alone = box(stage, PALETTE.alarm);
    stage.setTargetError({ centre, shape: SHAPE.map((v) => v / 3), label: '95 % ≤ 0.7 mm' });
    stage.setErrorScale(3);
    stage.render();
    expect(alone.count).toBeGreaterThan(20);
    expect(box(stage, PALETTE.alarm).count).toBe(alone.count);
    expect(box(stage, PALETTE.text).count).toBeGreaterThan(100);
  });

  it('has to be in the frame of the stage', () => {
    const stage = make('axial');
    const elsewhere = point(frame('tracker'), MIDDLE) as unknown as typeof centre;
    expect(() => stage.setTargetError({ centre: elsewhere, shape: SHAPE })).toThrow(
      expect.objectContaining({ code: 'frame/mismatch' }),
    );
  });
});

/** The sum of all there is in the middle of the picture, away from letters. */
function brightness(stage: Stage<'ct'>): number {
  stage.render();
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const seen = new Uint8Array(4 * 160 * 160);
  gl.readPixels(80, 80, 160, 160, gl.RGBA, gl.UNSIGNED_BYTE, seen);
  return seen.reduce((sum, v) => sum + v, 0);
}

describe('where a fiducial was found', () => {
  it('is an arrow the right way and as long as is said in the 3D view', () => {
    const stage = make('3d');
    stage.orbit.azimuth = 0;
    stage.orbit.elevation = 0;
    // Towards the patient's left and head: to the right and up, seen from the front.
    stage.setFiducials([{ point: centre, state: 'suspect', label: '', offset: [1.5, 0, 1] }]);
    stage.setErrorScale(10);
    stage.render();
    const seen = at(stage, PALETTE.alarm);
    const away = 2 * stage.orbit.distance * Math.tan((13 * Math.PI) / 180);
    const perMm = 320 / away;
    expect(Math.abs(seen.right - 160 - 15 * perMm)).toBeLessThan(4);
    expect(Math.abs(160 - seen.top - 10 * perMm)).toBeLessThan(4);
    expect(seen.left).toBeGreaterThan(140);
  });
});

/** The box of the pixels near a colour, y down. */
function at(stage: Stage<'ct'>, hex: string): { left: number; right: number; top: number } {
  const wanted = rgb(hex).map((c) => c * 255);
  const { width, height } = stage.canvas;
  const seen = new Uint8Array(4 * width * height);
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, seen);
  const out = { left: width, right: 0, top: height };
  for (let n = 0; n < width * height; n += 1) {
    if (!wanted.every((c, k) => Math.abs(c - (seen[4 * n + k] as number)) <= 12)) continue;
    out.left = Math.min(out.left, n % width);
    out.right = Math.max(out.right, n % width);
    out.top = Math.min(out.top, height - Math.floor(n / width));
  }
  return out;
}

it('looks at a point from as near as it is told, and keeps the middle there', () => {
  const stage = make('coronal');
  stage.setCrosshair(point(CT, [14, -25, 310]));
  stage.slice('coronal').lookAt([14, -25, 310], 40);
  stage.render();
  const { plane } = stage.slice('coronal');
  const seen = plane.project(vec3(0, 0, 0), [14, -25, 310]);
  expect([seen[0], seen[1]]).toEqual([expect.closeTo(160, 6), expect.closeTo(160, 6)]);
  expect(plane.mmPerPx * 320).toBeCloseTo(40, 6);
  const far = stage.orbit.distance + 100;
  stage.orbit.distance = far;
  stage.fit('coronal');
  stage.render();
  expect(plane.mmPerPx * 320).toBeGreaterThan(79);
  expect(stage.orbit.distance).toBe(far);
});
