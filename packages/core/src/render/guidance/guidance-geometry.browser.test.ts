import { Vector3 } from 'three';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { frame, point } from '../../frames/index.js';
import { straightPlan } from '../../guidance/index.js';
import { PALETTE } from '../palette.js';
import {
  AblationZoneGraphic,
  AvoidStructure,
  Bullseye,
  DepthBar,
  DistanceLine,
  TrajectoryCorridor,
  towards,
  UltrasoundImage,
  UltrasoundPlane,
  UltrasoundView,
} from './index.js';
import { ball, coronal, placed } from './test-support/cases.js';
import { centreOf, countOf, host, NOW, type Picture, pictureOf, poseOf, Rig, SIZE, STALE_AFTER_MS } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.restoreAllMocks();
});
afterAll(() => rig.dispose());

const IDENTITY = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
/** The image upright: its columns to the right, its rows downwards, seen from the front. */
const UPRIGHT = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1];

/** Where a point of the scene lies in a picture, px from the upper left corner. */
function onScreen(x: number, y: number, z: number): [number, number] {
  const p = new Vector3(x, y, z).project(rig.camera);
  return [((p.x + 1) / 2) * SIZE, ((1 - p.y) / 2) * SIZE];
}

/** An image that is black but for a white block of 6 × 6 pixels whose first pixel is (i, j). */
function blockAt(i: number, j: number, width = 64, height = 48): Uint8Array {
  const pixels = new Uint8Array(width * height);
  for (let v = j; v < j + 6; v += 1) pixels.fill(255, v * width + i, v * width + i + 6);
  return pixels;
}

describe('the ultrasound image in the patient', () => {
  const make = (probeFromImage: ArrayLike<number> = UPRIGHT): { image: UltrasoundImage; plane: UltrasoundPlane } => {
    const image = new UltrasoundImage(64, 48);
    image.update(blockAt(12, 30), NOW);
    const plane = new UltrasoundPlane({ image, spacingMm: [1.2, 0.8], probeFromImage });
    ends.push(() => {
      plane.dispose();
      image.dispose();
    });
    rig.look([0, -260, 0]);
    return { image, plane };
  };

  it('has every pixel where its column, its row and the pose say, and not in the place of a flipped one', () => {
    const { plane } = make();
    plane.update(poseOf('ok', placed([-38, 0, 18], [0.2, 0, 1])));
    const seen = centreOf(rig.draw([plane]), '#ffffff');
    const m = plane.matrix;
    // The middle of the block, column 14.5 and row 32.5, in mm of the image.
    const at = (i: number, j: number): [number, number] => {
      const [x, y] = [1.2 * i, 0.8 * j];
      return onScreen(
        ...([0, 1, 2].map((k) => (m[k] as number) * x + (m[4 + k] as number) * y + (m[12 + k] as number)) as [
          ...[number, number, number],
        ]),
      );
    };
    const away = ([x, y]: [number, number]): number => Math.hypot(seen.x - x, seen.y - y);
    expect(away(at(14.5, 32.5))).toBeLessThan(0.5);
    // Columns flipped, rows flipped, the two exchanged: each is plainly somewhere else.
    expect(away(at(63 - 14.5, 32.5))).toBeGreaterThan(10);
    expect(away(at(14.5, 47 - 32.5))).toBeGreaterThan(10);
    expect(away(at(32.5, 14.5))).toBeGreaterThan(10);
  });

  it('takes a frame and a part of one into the texture it has, as few rows as changed', () => {
    const { image, plane } = make();
    const gl = rig.renderer.getContext() as WebGL2RenderingContext;
    const draw = (): Picture => {
      plane.update(poseOf('ok', placed([-38, 0, 18], [0, 0, 1])));
      return rig.draw([plane]);
    };
    draw();
    const storage = vi.spyOn(gl, 'texStorage2D');
    const whole = vi.spyOn(gl, 'texImage2D');
    const part = vi.spyOn(gl, 'texSubImage2D');
    image.update(blockAt(40, 4), NOW);
    const moved = centreOf(draw(), '#ffffff');
    expect(part.mock.calls.map((c) => (c as unknown[]).slice(2, 6))).toEqual([[0, 0, 64, 48]]);
    part.mockClear();
    // Rows 30 to 39 of another image: the upper block stays, a lower one comes.
    image.update(blockAt(40, 32).slice(64 * 30, 64 * 40), NOW, { first: 30, count: 10 });
    const both = centreOf(draw(), '#ffffff');
    expect(part.mock.calls.map((c) => (c as unknown[]).slice(2, 6))).toEqual([[0, 30, 64, 10]]);
    expect(both.count).toBeGreaterThan(1.7 * moved.count);
    draw();
    expect(part).toHaveBeenCalledTimes(1);
    expect(storage).not.toHaveBeenCalled();
    expect(whole).not.toHaveBeenCalled();
  });

  it('is in a second renderer what it is in the first, whichever drew in between', () => {
    const { image, plane } = make();
    plane.update(poseOf('ok', placed([-38, 0, 18], [0, 0, 1])));
    const other = new Rig();
    ends.push(() => other.dispose());
    other.look([0, -260, 0]);
    rig.draw([plane]);
    other.draw([plane]);
    for (const first of [4, 20, 36]) {
      image.update(blockAt(first, 2).slice(0, 64 * 10), NOW, { first: first - 2, count: 10 });
      if (first !== 20) rig.draw([plane]);
    }
    expect(Array.from(other.draw([plane]).data)).toEqual(Array.from(rig.draw([plane]).data));
  });

  it('of colours is drawn in them, as clear as its opacity', () => {
    const image = new UltrasoundImage(8, 8, 'rgba');
    const pixels = new Uint8Array(8 * 8 * 4);
    for (let n = 0; n < 64; n += 1) pixels.set([200, 60, 30, 255], 4 * n);
    image.update(pixels, NOW);
    const plane = new UltrasoundPlane({ image, spacingMm: [8, 8], probeFromImage: UPRIGHT });
    ends.push(() => plane.dispose());
    rig.look([0, -260, 0]);
    plane.update(poseOf('ok', placed([-30, 0, 30], [0, 0, 1])));
    const middle = (): number[] => Array.from(rig.draw([plane]).data.slice(4 * (128 * SIZE + 128), 4 * (128 * SIZE + 128) + 3));
    expect(middle()).toEqual([200, 60, 30]);
    plane.opacity = 0.5;
    // Half of it over the ground, 11, 14, 18.
    for (const [k, v] of middle().entries()) expect(v).toBeCloseTo([105.5, 37, 24][k] as number, -0.5);
  });

  it('shows nothing outside its fan', () => {
    const image = new UltrasoundImage(64, 48);
    image.update(new Uint8Array(64 * 48).fill(255), NOW);
    const area = (fan?: ConstructorParameters<typeof UltrasoundPlane>[0]['fan']): number => {
      const plane = new UltrasoundPlane({ image, spacingMm: [1, 1], probeFromImage: UPRIGHT, ...(fan && { fan }) });
      ends.push(() => plane.dispose());
      plane.update(poseOf('ok', placed([-32, 0, 24], [0, 0, 1])));
      rig.look([0, -260, 0]);
      return countOf(rig.draw([plane]), '#ffffff');
    };
    const whole = area();
    // A quarter ring between 10 and 40 mm.
    const ring = area({ kind: 'sector', apexMm: [31.5, 0], innerMm: 10, outerMm: 40, halfAngleDeg: 45 });
    expect(Math.abs(ring / whole - (Math.PI * (1600 - 100)) / 4 / (64 * 48))).toBeLessThan(0.03);
  });

  it('is gone with an old frame though the pose is new, and back with a new one', () => {
    const { image, plane } = make();
    plane.update(poseOf('ok', placed([-38, 0, 18], [0, 0, 1])));
    image.update(blockAt(12, 30), [9000]);
    expect(centreOf(rig.draw([plane]), '#ffffff').count).toBe(0);
    expect(plane.status).toBe('stale');
    image.update(blockAt(12, 30), NOW);
    expect(centreOf(rig.draw([plane]), '#ffffff').count).toBeGreaterThan(100);
    expect(plane.status).toBe('ok');
  });

  it.each([
    ['a spacing of nothing', { spacingMm: [0, 1] as const }],
    [
      'a matrix with a scale in it',
      { spacingMm: [1, 1] as const, probeFromImage: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1] },
    ],
  ])('is refused with %s', (_, geometry) => {
    const image = new UltrasoundImage(4, 4);
    expect(() => new UltrasoundPlane({ image, ...geometry })).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
    expect(() => image.update(new Uint8Array(15), NOW)).toThrow(expect.objectContaining({ code: 'math/wrong-shape' }));
    expect(() => image.update(new Uint8Array(8), NOW, { first: 3, count: 2 })).toThrow(
      expect.objectContaining({ code: 'math/wrong-shape' }),
    );
  });
});

describe('the flat ultrasound image', () => {
  const make = (): { image: UltrasoundImage; view: UltrasoundView } => {
    const there = host();
    const image = new UltrasoundImage(64, 48);
    image.update(blockAt(12, 30), NOW);
    const view = new UltrasoundView(there, { image, spacingMm: [1, 1], pixelRatio: 1 });
    ends.push(() => {
      view.dispose();
      there.remove();
    });
    return { image, view };
  };

  it('has its first column on the left and its first row on top', () => {
    const { view } = make();
    view.settle(NOW, STALE_AFTER_MS);
    const seen = centreOf(pictureOf(view.canvas), '#ffffff');
    // 64 mm over 244 px, from 6 px on.
    const perMm = 244 / 64;
    expect(Math.abs(seen.x - (6 + 15 * perMm))).toBeLessThan(1.5);
    expect(Math.abs(seen.y - (6 + 33 * perMm))).toBeLessThan(1.5);
  });

  it('knows where in the image a point of the patient lies, and how far before or behind it', () => {
    const { view } = make();
    const m = placed([12, -30, 44], [0.3, -0.2, 1]);
    view.update(poseOf('ok', m));
    const at = (x: number, y: number, z: number): number[] =>
      [0, 1, 2].map((k) => (m[k] as number) * x + (m[4 + k] as number) * y + (m[8 + k] as number) * z + (m[12 + k] as number));
    const seen = view.project(new Float64Array(3), at(20, 31, 5));
    // z of the image points away from whoever looks: 5 mm along it is behind.
    expect(Array.from(seen)).toEqual([expect.closeTo(20, 9), expect.closeTo(31, 9), expect.closeTo(-5, 9)]);
  });

  it('shows a target over its place in the image, whole in the plane and broken beside it', () => {
    const { view } = make();
    const area = (z: number): { x: number; y: number; count: number } => {
      view.setTargets([{ name: '', xyz: [40, 20, z] }]);
      view.update(poseOf('ok', IDENTITY));
      view.settle(NOW, STALE_AFTER_MS);
      const { data } = pictureOf(view.canvas);
      const near = new Uint8ClampedArray(data.length);
      // Only the ring itself, not the words beside it.
      const perMm = 244 / 64;
      const [cx, cy] = [6 + 40.5 * perMm, 6 + 20.5 * perMm];
      for (let n = 0; n < data.length / 4; n += 1) {
        if (Math.hypot((n % 256) + 0.5 - cx, Math.floor(n / 256) + 0.5 - cy) < 12)
          near.set(data.subarray(4 * n, 4 * n + 4), 4 * n);
      }
      return centreOf({ width: 256, height: 256, data: near }, PALETTE.target);
    };
    const within = area(0.5);
    const beside = area(4);
    expect(Math.hypot(within.x - (6 + 40.5 * (244 / 64)), within.y - (6 + 20.5 * (244 / 64)))).toBeLessThan(1);
    expect(beside.count).toBeLessThan(0.7 * within.count);
  });
});

describe('the bullseye', () => {
  const plan = straightPlan({ entry: point(CT, [0, 0, 60]), target: point(CT, [0, 0, 0]) });
  const draw = (tip: readonly [number, number, number], sds?: readonly [number, number]): Picture => {
    const there = host(256, 300);
    const g = new Bullseye(there, { plan, pixelRatio: 1 });
    ends.push(() => {
      g.dispose();
      there.remove();
    });
    const view = poseOf('ok', placed(tip, [0, 0, 1]));
    view.covarianceKnown = sds !== undefined;
    if (sds !== undefined) view.covariance.fill(0);
    for (const [k, sd] of (sds ?? []).entries()) view.covariance[7 * k] = sd * sd;
    g.update(view);
    g.settle(NOW, STALE_AFTER_MS);
    return pictureOf(g.canvas);
  };
  // A panel of 256 × 300: 60 px of numbers below, rings of 120 − 20 px around (128, 120), 10 mm to the rim.
  const perMm = 100 / 10;

  it('has the tip where it is, seen from the entry with the front up: the patient’s left is on the left', () => {
    const seen = centreOf(draw([4, 3, 20]), PALETTE.tool);
    expect(seen.count).toBeGreaterThan(100);
    // x to the patient's left, y to the back: looking to the feet with the front up, left is left and the back is down.
    expect(Math.hypot(seen.x - (128 - 4 * perMm), seen.y - (120 + 3 * perMm))).toBeLessThan(1);
  });

  it('draws the error as large as it is', () => {
    const { box } = centreOf(draw([0, 0, 20], [2, 0.9]), PALETTE.text);
    const seen = draw([0, 0, 20], [2, 0.9]);
    // The ellipse's line along the two axes through its middle: 2.4477 standard deviations.
    const last = (dx: number, dy: number): number => {
      let found = 0;
      for (let r = 10; r < 80; r += 1) {
        const at = 4 * (Math.round(120 + dy * r) * 256 + Math.round(128 + dx * r));
        if ((seen.data[at] as number) > 200 && (seen.data[at + 2] as number) > 200) found = r;
      }
      return found;
    };
    expect(Math.abs(last(1, 0.0) - 2.4477 * 2 * perMm)).toBeLessThan(2.5);
    expect(Math.abs(last(0.0, 1) - 2.4477 * 0.9 * perMm)).toBeLessThan(2.5);
    expect(box[2]).toBeGreaterThan(0);
  });

  it('keeps what does not fit at its rim, with an arrow, until the scale has followed', () => {
    const seen = centreOf(draw([400, 0, 20]), PALETTE.tool);
    expect(seen.x).toBeLessThan(128 - 95);
    expect(Math.abs(seen.y - 120)).toBeLessThan(2);
  });
});

it('the depth bar has its pointer where the target is left to go, and past it below the line', () => {
  const plan = straightPlan({ entry: point(CT, [0, 0, 60]), target: point(CT, [0, 0, 0]) });
  const there = host(170, 300);
  const bar = new DepthBar(there, { plan, pixelRatio: 1 });
  ends.push(() => {
    bar.dispose();
    there.remove();
  });
  const pixels = (z: number, hex: string): ReturnType<typeof centreOf> => {
    bar.update(poseOf('ok', placed([0, 0, z], [0, 0, 1])));
    bar.settle(NOW, STALE_AFTER_MS);
    return centreOf(pictureOf(bar.canvas), hex);
  };
  // 300 px high: from 14 to 220 px, the target's line at 68 % of that.
  const line = 14 + 0.68 * 206;
  expect(pixels(30, '#4c9acb').count + pixels(30, PALETTE.tool).count).toBeGreaterThan(100);
  expect(Math.abs(pixels(30, PALETTE.tool).y - (line - (30 / 50) * (line - 14)))).toBeLessThan(2);
  expect(bar.state).toBe('approach');
  const past = pixels(-4, PALETTE.alarm);
  expect(bar.state).toBe('pastTarget');
  expect(past.box[1]).toBeGreaterThanOrEqual(Math.floor(line) - 12);
  expect(past.count).toBeGreaterThan(300);
  expect(countOf(pictureOf(bar.canvas), PALETTE.tool)).toBe(0);
});

describe('the corridor', () => {
  const plan = straightPlan({ entry: point(CT, [10, -20, 70]), target: point(CT, [0, 0, 0]) });
  const make = (radiusMm = 3): TrajectoryCorridor<'ct'> => {
    const corridor = new TrajectoryCorridor({ plan, radiusMm });
    ends.push(() => corridor.dispose());
    return corridor;
  };

  it('is widened by the error across it: a pure shift by as much everywhere, a turn by as much as its arm', () => {
    const corridor = make();
    const c = new Float64Array(36);
    for (let k = 0; k < 3; k += 1) c[7 * k] = 0.49;
    corridor.update(c);
    expect(corridor.widestMm).toBeCloseTo(0.7 * 2.4477, 3);
    c.fill(0);
    for (let k = 3; k < 6; k += 1) c[7 * k] = 1e-4;
    corridor.update(c);
    // 10 mrad about the target: at the entry 73.5 mm away.
    expect(corridor.widestMm).toBeCloseTo(0.01 * plan.lengthMm * 2.4477, 2);
    const few = make();
    few.update(c, 5);
    expect(few.widestMm).toBeGreaterThan(1.3 * corridor.widestMm);
  });

  it('is the planned one, and says so, while the error is not known', () => {
    const corridor = make();
    expect(corridor.status).toBe('unknown');
    corridor.update(new Float64Array(36));
    expect(corridor.status).toBe('ok');
    expect(corridor.widestMm).toBe(0);
    corridor.update(new Float64Array(36).fill(Number.NaN));
    expect(corridor.status).toBe('unknown');
    expect(corridor.widestMm).toBeNaN();
    corridor.update(undefined);
    expect(corridor.status).toBe('unknown');
    expect(() => make(0)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  });
});

it('an ablation zone is on a slice exactly the ellipse of its cut', () => {
  const zone = new AblationZoneGraphic({ kind: 'achieved', semiAxesMm: [20, 12, 30] });
  ends.push(() => zone.dispose());
  zone.place([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 4, 0, -3, 1]);
  const plane = coronal();
  for (const y of [0, 6, 11.9, 12.1]) {
    plane.centre[1] = y;
    const f = Math.sqrt(Math.max(0, 1 - (y / 12) ** 2));
    const seen = centreOf(rig.drawSlice([zone], plane), PALETTE.fiducial);
    if (f === 0) {
      expect(seen.count).toBe(0);
      continue;
    }
    const [left, top, right, bottom] = seen.box as [number, number, number, number];
    // Half the line, 1.5 px, lies outside; 0.3 mm a pixel.
    expect(Math.abs(right - left + 1 - (40 * f) / 0.3 - 3)).toBeLessThan(2.5);
    expect(Math.abs(bottom - top + 1 - (60 * f) / 0.3 - 3)).toBeLessThan(2.5);
    expect(Math.abs((left + right + 1) / 2 - (128 + 4 / 0.3))).toBeLessThan(1);
    expect(Math.abs((top + bottom + 1) / 2 - (128 + 3 / 0.3))).toBeLessThan(1);
  }
});

it('a distance is that from the tip, to a point or to the nearest of a structure; a structure is as near as the error allows', () => {
  const structure = new AvoidStructure({ name: 'VEIN', mesh: ball(0, 0, 0, 20) });
  const toPoint = new DistanceLine(towards([0, 30, 0]));
  const toSurface = new DistanceLine(structure.nearest);
  ends.push(() => {
    for (const g of [structure, toPoint, toSurface]) g.dispose();
  });
  const view = poseOf('ok', placed([40, 0, 0], [0, 0, 1]));
  structure.update(view, 1.5);
  for (const line of [toPoint, toSurface]) line.update(view);
  for (const g of [structure, toPoint, toSurface]) g.settle(NOW, STALE_AFTER_MS);
  expect(toPoint.distanceMm).toBeCloseTo(50, 9);
  expect(Math.abs(toSurface.distanceMm - 20)).toBeLessThan(0.1);
  expect(Math.abs(structure.distanceMm - 18.5)).toBeLessThan(0.1);
  expect(structure.level).toBe('clear');
  expect(structure.distanceText).toMatch(/^≥\u202f18\.[45]\u202fmm$/);
  structure.update(view);
  structure.settle(NOW, STALE_AFTER_MS);
  expect(structure.distanceText, 'no bound').toMatch(/^(19\.9|20\.0)\u202fmm$/);
  const late = Float64Array.of((NOW[0] as number) + 251);
  for (const g of [structure, toPoint, toSurface]) g.settle(late, STALE_AFTER_MS);
  expect(structure.level).toBe('unknown');
  expect([toPoint.distanceMm, structure.distanceMm]).toEqual([Number.NaN, Number.NaN]);
  expect(structure.distanceText).toBe('–');
});
