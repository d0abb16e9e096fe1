import { afterAll, describe, expect, it } from 'vitest';
import { frame, transform } from '../../frames/index.js';
import { ellipsoidZone, type PlacedProbe, placeProbe } from '../../guidance/index.js';
import { vec3 } from '../../math/index.js';
import { PALETTE } from '../palette.js';
import { ProbeZones } from './index.js';
import { coronal, placed } from './test-support/cases.js';
import { differing } from './test-support/golden.js';
import { NOW, type Picture, poseOf, Rig, SIZE, STALE_AFTER_MS } from './test-support/rig.js';

const CT = frame('ct');
const TIP = frame('tip');
const rig = new Rig();
afterAll(() => rig.dispose());

const SHAPE = { radiiMm: [14, 10, 20], centreMm: 4 } as const;
const PROBES: readonly PlacedProbe<'ct'>[] = [
  placed([-12, 0, 4], [0.3, 0.1, 1]),
  placed([9, 2, -6], [-0.4, 0, 1]),
  placed([2, 5, 12], [1, 0.3, 0.2]),
].map((m) => placeProbe(transform(CT, TIP, m), SHAPE));

function achieved(probes: readonly PlacedProbe<'ct'>[]): ProbeZones<'ct'> {
  const g = rig.keep(new ProbeZones({ frame: CT, kind: 'achieved' }));
  g.setProbes(probes);
  return g;
}

describe('on a slice', () => {
  it('exactly what lies in the zone is filled, once: by the zone’s own distance at every pixel', () => {
    const plane = coronal();
    const { data } = rig.drawSlice([achieved(PROBES)], plane);
    const zone = ellipsoidZone(PROBES);
    const at = vec3(0, 0, 0);
    const colours = new Set<number>();
    let [inside, wrong] = [0, 0];
    for (let v = 0; v < SIZE; v += 1) {
      for (let u = 0; u < SIZE; u += 1) {
        const mm = zone.distance(plane.unproject(at, u + 0.5, v + 0.5));
        // The line itself is 5.5 px wide with its rim; 0.3 mm a pixel.
        if (Math.abs(mm) < 1.2) continue;
        const n = 4 * (v * SIZE + u);
        const filled = (data[n + 1] as number) > 40;
        if (mm < 0) {
          inside += 1;
          colours.add(((data[n] as number) << 16) | ((data[n + 1] as number) << 8) | (data[n + 2] as number));
        }
        if (filled !== mm < 0) wrong += 1;
      }
    }
    expect(inside).toBeGreaterThan(8000);
    expect(wrong).toBe(0);
    expect(colours.size, 'where zones overlap the filling is no denser').toBe(1);
  });

  it('the outline is the boundary of all of them: no line inside, and none missing', () => {
    const plane = coronal();
    const g = rig.keep(new ProbeZones({ frame: CT, kind: 'projected', shapes: [SHAPE, SHAPE, SHAPE] }));
    for (const [n, { matrix }] of PROBES.entries()) g.update(n, poseOf('ok', matrix));
    const { data } = rig.drawSlice([g], plane);
    const zone = ellipsoidZone(PROBES);
    const at = vec3(0, 0, 0);
    let [on, stray, missing] = [0, 0, 0];
    for (let v = 0; v < SIZE; v += 1) {
      for (let u = 0; u < SIZE; u += 1) {
        const mm = Math.abs(zone.distance(plane.unproject(at, u + 0.5, v + 0.5)));
        const n = 4 * (v * SIZE + u);
        const blue = (data[n + 2] as number) > 180;
        if (blue) on += 1;
        // Within the plane a boundary that leans is further away than across it.
        if (blue && mm > 1) stray += 1;
        if (!blue && mm < 0.08) missing += 1;
      }
    }
    expect(on).toBeGreaterThan(500);
    expect(stray).toBe(0);
    expect(missing).toBeLessThan(0.02 * on);
  });
});

describe('in 3D', () => {
  const picture = (probes: readonly PlacedProbe<'ct'>[]): Picture => {
    rig.look([-90, -160, 60]);
    const seen = rig.draw([achieved(probes)]);
    rig.look([60, -330, 90]);
    return seen;
  };

  it('two zones in the same place are one, and one within another is not there: no surface meets another in depth', () => {
    const one = picture([PROBES[0] as PlacedProbe<'ct'>]);
    const same = (p: Picture): boolean => p.data.every((v, n) => v === one.data[n]);
    expect(same(picture([PROBES[0] as PlacedProbe<'ct'>, PROBES[0] as PlacedProbe<'ct'>]))).toBe(true);
    const within = { ...(PROBES[0] as PlacedProbe<'ct'>), shape: { radiiMm: [7, 5, 10], centreMm: 4 } as const };
    expect(same(picture([PROBES[0] as PlacedProbe<'ct'>, within]))).toBe(true);
    expect(same(picture([within, PROBES[0] as PlacedProbe<'ct'>]))).toBe(true);
    expect(differing(picture(PROBES), one)).toBeGreaterThan(0.05);
  });

  it('is the same whichever probe comes first, but for the seam’s pixels', () => {
    expect(differing(picture(PROBES), picture([...PROBES].reverse()))).toBeLessThan(0.001);
  });
});

it('a projected zone is as good as the worst of its tools, and a tool without a pose has no part in it', () => {
  const g = rig.keep(new ProbeZones({ frame: CT, kind: 'projected', shapes: [SHAPE, SHAPE] }));
  g.settle(NOW, STALE_AFTER_MS);
  expect([g.status, g.object.visible]).toEqual(['missing', false]);
  g.update(0, poseOf('ok', placed([0, 0, 0], [0, 0, 1])));
  g.update(1, poseOf('predicted', placed([9, 0, 0], [0, 0, 1])));
  g.settle(NOW, STALE_AFTER_MS);
  expect(g.status).toBe('predicted');
  g.update(1, poseOf('missing', placed([9, 0, 0], [0, 0, 1])));
  g.settle(NOW, STALE_AFTER_MS);
  expect([g.status, g.object.visible]).toEqual(['missing', true]);
  const { data } = rig.drawSlice([g], coronal());
  const [r, gr, b] = [1, 3, 5].map((k) => Number.parseInt(PALETTE.tool.slice(k, k + 2), 16)) as [number, number, number];
  for (let n = 0; n < data.length; n += 4) {
    const live = [r, gr, b].every((c, k) => Math.abs(c - (data[n + k] as number)) <= 12);
    expect(live, 'nothing of it is drawn as live').toBe(false);
  }
});

it('refuses too many probes, another frame, and poses for what stands', () => {
  const g = achieved(PROBES);
  const many = Array.from({ length: 9 }, () => PROBES[0] as PlacedProbe<'ct'>);
  expect(() => g.setProbes(many)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  const mr = frame('mr');
  const other = placeProbe(transform(mr, TIP, placed([0, 0, 0], [0, 0, 1])), SHAPE) as unknown as PlacedProbe<'ct'>;
  expect(() => g.setProbes([other])).toThrow(expect.objectContaining({ code: 'frame/mismatch' }));
  expect(() => g.update(0, poseOf('ok', placed([0, 0, 0], [0, 0, 1])))).toThrow(
    expect.objectContaining({ code: 'pose/bad-option' }),
  );
  expect(() => new ProbeZones({ frame: CT, kind: 'projected' })).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  expect(() => new ProbeZones({ frame: CT, kind: 'planned', shapes: [SHAPE] })).toThrow(
    expect.objectContaining({ code: 'pose/bad-option' }),
  );
});
