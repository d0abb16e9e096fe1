import { describe, expect, it } from 'vitest';
import { frame, point } from '../../frames/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { readApplicators } from './applicators.js';
import { type ProbeWay, proposeProbes } from './propose.js';
import { ablationTarget } from './target.js';

const CT = frame('ct');
const CENTRE = [12, -8, 33];
/** Balls of three sizes, and nothing else. */
const library = readApplicators(
  JSON.stringify({
    format: 'trocar-applicators',
    version: 1,
    applicators: [
      {
        id: 'ball',
        name: 'Ball',
        source: 'this test',
        rows: [13, 16, 20].map((r, n) => ({ powerW: 10, minutes: n + 1, lengthMm: 2 * r, widthMm: 2 * r, centreMm: 10 })),
      },
    ],
  }),
);
const applicator = library.applicators[0] as (typeof library.applicators)[number];
const settings = [1, 2, 3].map((minutes) => ({ applicator, powerW: 10, minutes }));

/** A way whose line passes the target's centre at an offset. */
function way(direction: readonly number[], offset: readonly number[] = [0, 0, 0], beyond = 20): ProbeWay<'ct'> {
  const length = Math.hypot(...direction);
  const at = (mm: number): number[] => CENTRE.map((v, k) => v + (offset[k] as number) + (mm * (direction[k] as number)) / length);
  return { entry: point(CT, at(-36)), target: point(CT, at(beyond)) };
}

const ball = ablationTarget(ellipsoidMesh(CT, CENTRE, [10, 10, 10], 20));
const long = ablationTarget(ellipsoidMesh(CT, CENTRE, [20, 8, 8], 24));

describe('probes proposed for a tumour', () => {
  it('for a ball: one probe, the smallest zone that does, on the way through the middle, centred', async () => {
    const ways = [way([1, 2, -1], [3, 0, 0]), way([0, 1, 2]), way([2, 0, 1], [0, 4, 0])];
    const found = await proposeProbes({ target: ball, ways, settings, marginMm: 5 });
    expect(found.complete).toBe(true);
    expect(found.probes.map(({ way, setting }) => [way, setting])).toEqual([[1, 1]]);
    // The zone's middle is 10 mm behind the tip, the target's 36 mm from the entry; its margin could be 6 mm.
    expect(Math.abs((found.probes[0]?.depthMm ?? 0) - 46)).toBeLessThan(0.3);
    expect(Math.abs(found.map.minimalMarginMm - 6)).toBeLessThan(0.3);
    expect(Math.abs(found.healthyMm3 / ((4 / 3) * Math.PI * (16 ** 3 - 10 ** 3)) - 1)).toBeLessThan(0.05);
    const again = await proposeProbes({ target: ball, ways, settings, marginMm: 5 });
    expect(again.probes).toEqual(found.probes);
  });

  it('for a long tumour that one zone cannot cover: the two that trying every pair finds best', async () => {
    const offsets = [-14, -9, 0, 9, 14];
    const ways = offsets.map((x) => way([0, 0, 1], [x, 0, 0]));
    const found = await proposeProbes({ target: long, ways, settings, marginMm: 2 });
    expect(found.complete).toBe(true);
    expect(found.probes.length).toBe(2);
    for (const { depthMm } of found.probes) expect(Math.abs(depthMm - 46)).toBeLessThan(0.5);
    expect(found.map.minimalMarginMm).toBeGreaterThan(1.9);
    // All pairs of balls with their middles on the target's long axis.
    const points = long.points(2);
    const radii = [13, 16, 20];
    let best = Number.POSITIVE_INFINITY;
    for (const a of offsets)
      for (const b of offsets)
        for (const r of radii)
          for (const s of radii) {
            const square = (x: number): number => Math.max(0, r * r - (x - a) ** 2, s * s - (x - b) ** 2);
            let covers = true;
            for (let n = 0; n < points.length && covers; n += 3) {
              const [x, y, z] = [0, 1, 2].map((k) => (points[n + k] as number) - (CENTRE[k] as number)) as [
                number,
                number,
                number,
              ];
              covers = y * y + z * z <= square(x);
            }
            if (!covers) continue;
            let volume = 0;
            for (let x = -40; x < 40; x += 0.05) volume += 0.05 * Math.PI * square(x);
            best = Math.min(best, volume - long.volumeMm3);
          }
    expect(found.healthyMm3).toBeLessThan(1.06 * best);
    expect(found.healthyMm3).toBeGreaterThan(0.94 * best);
  });

  it('says so where nothing covers it, and never goes beyond a way', async () => {
    const short = await proposeProbes({
      target: ball,
      ways: [way([0, 0, 1], [0, 0, 0], 0)],
      settings,
      marginMm: 8,
      maxProbes: 2,
    });
    expect(short.complete).toBe(false);
    expect(short.probes.every((p) => p.depthMm <= 36)).toBe(true);
    const aside = proposeProbes({ target: ball, ways: [way([0, 0, 1], [90, 0, 0])], settings });
    await expect(aside).rejects.toMatchObject({ code: 'ablation/bad-option' });
    await expect(proposeProbes({ target: ball, ways: [], settings })).rejects.toMatchObject({ code: 'ablation/bad-option' });
  });

  it('can be stopped', async () => {
    const stop = new AbortController();
    const running = proposeProbes({
      target: ball,
      ways: Array.from({ length: 12 }, (_, n) => way([1, n, 3])),
      settings,
      signal: stop.signal,
      onProgress: () => stop.abort('enough'),
    });
    await expect(running).rejects.toMatchObject({ code: 'ablation/aborted', cause: 'enough' });
  });
});
