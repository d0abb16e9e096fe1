import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { frame, point, type Status } from '../../frames/index.js';
import { straightPlan } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { PALETTE } from '../palette.js';
import { PlaneView, patientAxes } from '../planes.js';
import { Bullseye, DepthBar, InstrumentGraphic, instrumentFromJson, TrajectoryCorridor } from './index.js';
import { placed } from './test-support/cases.js';
import { centreOf, countOf, host, NOW, type Picture, pictureOf, poseOf, Rig, SIZE, STALE_AFTER_MS } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rig.dispose());

describe('on a slice', () => {
  /** An axial slice at a height, 0.25 mm a pixel. */
  const axial = (z: number): PlaneView => {
    const plane = new PlaneView();
    plane.axes = patientAxes('axial');
    plane.centre.set([0, 0, z]);
    [plane.width, plane.height, plane.mmPerPx] = [SIZE, SIZE, 0.25];
    return plane;
  };

  it('the corridor is the circle of its radius where it is cut across, widened by k σ, and nothing beyond its ends', () => {
    const plan = straightPlan({ entry: point(CT, [5, -8, 60]), target: point(CT, [5, -8, 0]) });
    const corridor = new TrajectoryCorridor({ plan, radiusMm: 6 });
    ends.push(() => corridor.dispose());
    const plane = axial(25);
    const covariance = new Float64Array(36);
    for (const k of [0, 7]) covariance[k] = 4;
    corridor.update(covariance);
    const seen = rig.drawSlice([corridor], plane);
    const at = plane.project(vec3(0, 0, 0), [5, -8, 25]);
    // √(−2 ln 0.05) · 2 mm beyond the planned 6 mm.
    for (const [hex, mm] of [[PALETTE.plan, 6] as const, [PALETTE.text, 6 + 2 * Math.sqrt(-2 * Math.log(0.05))] as const]) {
      const { x, y, box, count } = centreOf(seen, hex);
      expect(count).toBeGreaterThan(100);
      expect(Math.hypot(x - (at[0] as number), y - (at[1] as number))).toBeLessThan(0.5);
      for (const [n, m] of [[0, 2] as const, [1, 3] as const]) {
        expect(Math.abs((box[m] as number) + 1 - (box[n] as number) - (2 * mm) / 0.25 - 1.75)).toBeLessThan(1.6);
      }
    }
    for (const z of [-1, 61]) {
      const beyond = rig.drawSlice([corridor], axial(z));
      expect(countOf(beyond, PALETTE.plan) + countOf(beyond, PALETTE.text)).toBe(0);
    }
  });

  it('a probe’s image plane is the line in which the slice cuts its fan: as long, and where the fan is', () => {
    const fan = { kind: 'sector', apexMm: [0, -20], innerMm: 22, outerMm: 60, halfAngleDeg: 30 } as const;
    const probe = new InstrumentGraphic(instrumentFromJson({ name: 'probe', kind: 'probe', lengthMm: 90, radiusMm: 12, fan }));
    ends.push(() => probe.dispose());
    const box = (z: number, status: Status = 'ok'): number[] => {
      // The foot at (4, 6, 30), the handle to the head: the image goes down from there in the plane y = 6.
      probe.update(poseOf(status, placed([4, 6, 30], [0, 0, 1])));
      return centreOf(rig.drawSlice([probe], axial(z)), status === 'ok' ? PALETTE.tool : PALETTE.stale).box;
    };
    // 15 mm below the foot the apex is 35 mm away: half as wide as 35 tan 30°.
    const half = 35 * Math.tan(Math.PI / 6);
    const [left, top, right, bottom] = box(15) as [number, number, number, number];
    expect(Math.abs(left - (128 + (4 - half) / 0.25))).toBeLessThan(2.5);
    expect(Math.abs(right + 1 - (128 + (4 + half) / 0.25))).toBeLessThan(2.5);
    expect(Math.abs((top + bottom + 1) / 2 - (128 + 6 / 0.25))).toBeLessThan(1);
    expect(bottom - top).toBeLessThan(4);
    // Through the inner arc, which bends up at its ends: two pieces, from √(22² − 21²) to 21 tan 30° of the middle.
    const [from, to] = [Math.sqrt(22 ** 2 - 21 ** 2), 21 * Math.tan(Math.PI / 6)];
    const across = box(29) as [number, number, number, number];
    expect(Math.abs(across[2] + 1 - (128 + (4 + to) / 0.25))).toBeLessThan(2.5);
    const picture = rig.drawSlice([probe], axial(29));
    const row = Array.from({ length: SIZE }, (_, x) => (picture.data[4 * (152 * SIZE + x) + 2] as number) > 150);
    const middle = row.flatMap((on, x) => (on && x < 144 ? [x] : []));
    expect(Math.abs(Math.max(...middle) + 1 - (128 + (4 - from) / 0.25))).toBeLessThan(2.5);
    // Below the outer arc, above the face, and without a pose: nothing. Stale: in its own colour only.
    for (const z of [-11, 32]) expect(box(z)[2]).toBe(-1);
    expect(box(15, 'missing')[2]).toBe(-1);
    expect(box(15, 'stale')[2]).toBeGreaterThan(right - 20);
    expect(countOf(rig.drawSlice([probe], axial(15)), PALETTE.tool)).toBe(0);
  });
});

it('the depth bar beside the way says no PAST: no colour of alarm, a doubled pointer, and back at the wall with a margin', () => {
  const plan = straightPlan({ entry: point(CT, [0, 0, 60]), target: point(CT, [0, 0, 0]) });
  const there = host(170, 300);
  const bar = new DepthBar(there, { plan, pixelRatio: 1 });
  ends.push(() => {
    bar.dispose();
    there.remove();
  });
  const at = (x: number, z: number, status: Status = 'ok'): Picture => {
    bar.update(poseOf(status, placed([x, 0, z], [0, 0, 1])));
    bar.settle(NOW, STALE_AFTER_MS);
    return pictureOf(bar.canvas);
  };
  expect(countOf(at(2.9, -6), PALETTE.alarm)).toBeGreaterThan(300);
  expect([bar.state, bar.beside]).toEqual(['pastTarget', false]);
  expect(countOf(at(3.2, -6), PALETTE.alarm), 'within the margin it is still past').toBeGreaterThan(300);
  expect(countOf(at(3.4, -6), PALETTE.alarm)).toBe(0);
  expect([bar.state, bar.beside]).toEqual(['pastTarget', true]);
  at(3.1, -6);
  expect(bar.beside).toBe(true);
  expect(countOf(at(2.9, -6), PALETTE.alarm)).toBeGreaterThan(300);
  at(50, 20);
  expect([bar.state, bar.beside]).toEqual(['approach', true]);
  at(50, 20, 'stale');
  expect([bar.state, bar.beside]).toEqual(['notLive', false]);
  at(0.5, 0);
  expect([bar.state, bar.beside]).toEqual(['onTarget', false]);
  expect(() => new DepthBar(there, { plan, corridorRadiusMm: 0 })).toThrow(/corridor/);
});

it('the bullseye’s letters are whole where there are two, on a panel that is only as wide as its dial', () => {
  // Along the left and front: both sides have two letters.
  const plan = straightPlan({ entry: point(CT, [40, -40, 0]), target: point(CT, [0, 0, 0]) });
  const there = host(160, 300);
  const bullseye = new Bullseye(there, { plan, pixelRatio: 1 });
  ends.push(() => {
    bullseye.dispose();
    there.remove();
  });
  bullseye.settle(NOW, STALE_AFTER_MS);
  const { width, height, data } = pictureOf(bullseye.canvas);
  // Nothing touches the panel's edges beside the dial, and there is something within.
  const inked = (x: number): number => {
    let count = 0;
    for (let y = 0; y < height * 0.75; y += 1) if ((data[4 * (y * width + x)] as number) > 90) count += 1;
    return count;
  };
  for (const x of [0, 1, width - 2, width - 1]) expect(inked(x), `column ${x}`).toBe(0);
  expect([8, 12, 16, 20].reduce((sum, x) => sum + inked(x) + inked(width - 1 - x), 0)).toBeGreaterThan(20);
});
