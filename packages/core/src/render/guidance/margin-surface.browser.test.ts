import { afterAll, describe, expect, it } from 'vitest';
import { frame, pointCovariance } from '../../frames/index.js';
import { ablationTarget, formatMm, marginMap } from '../../guidance/index.js';
import { radiusQuantile, vec3 } from '../../math/index.js';
import { ellipsoidMesh } from '../../testing/ablation/ellipsoid-mesh.js';
import { mesh } from '../../volume/index.js';
import { PlaneView, patientAxes } from '../planes.js';
import { CoverageReadout, MARGIN_STEPS, MarginLegend, MarginSurface } from './index.js';
import { placed } from './test-support/cases.js';
import { MARGINS, PLACE_ERROR, TUMOUR } from './test-support/procedure-scenes.js';
import { centreOf, countOf, host, NOW, type Picture, poseOf, Rig, SIZE, STALE_AFTER_MS } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
afterAll(() => rig.dispose());

/** A ball of 15 mm at (4, −6, 10) whose margin is a linear function of x: below 0 where x < −2, 5 at x = 3, 10 at x = 8. */
const BALL = ablationTarget(ellipsoidMesh(CT, [4, -6, 10], [15, 15, 15]));
const LINEAR = {
  ...marginMap(BALL, { frame: CT, distance: (p) => -((p[0] as number) + 2), contains: () => true, errorMm: 0 }),
};

function axial(z: number): PlaneView {
  const plane = new PlaneView();
  plane.axes = patientAxes('axial');
  plane.centre.set([0, 0, z]);
  [plane.width, plane.height, plane.mmPerPx] = [SIZE, SIZE, 0.2];
  return plane;
}

function shown(): MarginSurface<'ct'> {
  const g = rig.keep(new MarginSurface({ kind: 'confirmed', surface: BALL.surface }));
  g.show(LINEAR);
  return g;
}

describe('on a slice', () => {
  it('each step begins where its margin does, within the 5 px of the line: not flipped, and on no other side', () => {
    const seen = rig.drawSlice([shown()], axial(10));
    const at = (x: number): number => 128 + x / 0.2;
    const box = (step: number): number[] => centreOf(seen, (MARGIN_STEPS[step] as { colour: string }).colour).box;
    // Where the outline crosses x = −2, 3 and 8; its ends are as wide as the line.
    expect(Math.abs((box(1)[0] as number) - at(-2))).toBeLessThan(5);
    expect(Math.abs((box(2)[0] as number) - at(3))).toBeLessThan(5);
    expect(Math.abs((box(3)[0] as number) - at(8))).toBeLessThan(5);
    expect(Math.abs((box(3)[2] as number) - at(19))).toBeLessThan(2.5);
    expect(Math.abs((box(1)[2] as number) - at(3))).toBeLessThan(5);
    // Barbs stand out beside the line.
    expect((box(0)[0] as number) - at(-11)).toBeLessThan(-3);
  });

  it('marks the least margin of that slice, not of the whole tumour, with its number', () => {
    const g = shown();
    const marks = [10, 22].map((z) => centreOf(rig.drawSlice([g], axial(z)), '#e6edf5'));
    const reach = Math.sqrt(15 ** 2 - 12 ** 2);
    // At z = 22 the circle has a radius of 9 mm: its least margin is −3 mm, at x = −5.
    expect(reach).toBe(9);
    const at = axial(22).project(vec3(0, 0, 0), [-5, -6, 22]);
    expect(Math.abs((marks[1]?.box[0] as number) - ((at[0] as number) - 9))).toBeLessThan(3);
    expect(marks[0]?.box[0]).toBeLessThan((marks[1]?.box[0] as number) - 20);
  });

  it('is not there where the slice passes the tumour by', () => {
    const seen = rig.drawSlice([shown()], axial(26));
    for (const { colour } of MARGIN_STEPS) expect(countOf(seen, colour)).toBe(0);
  });
});

describe('the figure and its bound', () => {
  it('are the map’s least margin, and that less the 95 % radius of the error at its place', () => {
    const g = rig.keep(new MarginSurface({ kind: 'planned', surface: TUMOUR.surface }));
    expect([g.status, g.leastMm]).toEqual(['unknown', Number.NaN]);
    g.show(MARGINS, PLACE_ERROR);
    const place = TUMOUR.surface.positions.slice(3 * MARGINS.worstVertex, 3 * MARGINS.worstVertex + 3);
    const reach = radiusQuantile(pointCovariance(new Float64Array(9), PLACE_ERROR.covariance, place), 0.95, 20);
    expect(g.leastMm).toBe(MARGINS.minimalMarginMm);
    expect(g.leastBoundMm).toBeCloseTo(MARGINS.minimalMarginMm - reach, 9);
    expect(reach).toBeGreaterThan(1);
    g.show(MARGINS);
    expect(g.leastBoundMm).toBeNaN();
    expect(g.status).toBe('ok');
  });

  it('of a tracked zone are gone with its pose', () => {
    const g = rig.keep(new MarginSurface({ kind: 'tracked', surface: TUMOUR.surface }));
    g.update(poseOf('ok', placed([0, 0, 0], [0, 0, 1])), MARGINS);
    g.settle(NOW, STALE_AFTER_MS);
    expect(g.leastMm).toBe(MARGINS.minimalMarginMm);
    g.settle(Float64Array.of((NOW[0] as number) + 251), STALE_AFTER_MS);
    expect([g.status, g.leastMm, g.map]).toEqual(['stale', Number.NaN, undefined]);
    g.update(poseOf('ok', placed([0, 0, 0], [0, 0, 1])), undefined);
    g.settle(NOW, STALE_AFTER_MS);
    expect([g.status, g.leastMm]).toEqual(['ok', Number.NaN]);
  });

  it('the place of least margin on the far side has a broken pin, on the near side a whole one', () => {
    const g = shown();
    const pin = (eye: readonly [number, number, number]): Picture => {
      rig.look(eye);
      const seen = rig.draw([g]);
      rig.look([60, -330, 90]);
      return seen;
    };
    // The least is at the patient's right, x = −11: the whole foot is seen from there only.
    const foot = (p: Picture): number => countOf(p, '#e6edf5');
    expect(foot(pin([-200, -60, 20])) - foot(pin([200, -60, 20]))).toBeGreaterThan(25);
  });
});

it('refuses what is not its own: a map of another surface, another frame, a pose for a plan', () => {
  const g = rig.keep(new MarginSurface({ kind: 'planned', surface: TUMOUR.surface }));
  expect(() => g.show(LINEAR)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  const view = poseOf('ok', placed([0, 0, 0], [0, 0, 1]));
  expect(() => g.update(view, MARGINS)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  const tracked = rig.keep(new MarginSurface({ kind: 'tracked', surface: TUMOUR.surface }));
  expect(() => tracked.show(MARGINS)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  const other = mesh({ frame: frame('mr'), positions: TUMOUR.surface.positions, triangles: TUMOUR.surface.triangles });
  const wrong = { ...MARGINS, frame: other.frame, surface: other } as unknown as typeof MARGINS;
  expect(() => g.show(wrong)).toThrow(expect.objectContaining({ code: 'frame/mismatch' }));
  const torn = { ...MARGINS, marginsMm: MARGINS.marginsMm.map((v, n) => (n === 7 ? Number.NaN : v)) };
  expect(() => g.show(torn)).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
});

describe('the legend', () => {
  const texts = (element: HTMLElement): (string | null)[] => [...element.querySelectorAll('td')].map((c) => c.textContent);

  it('has the parts of the surface, the least margin and its bound; dashes and the reason while the pose is not live', () => {
    const there = host();
    const g = rig.keep(new MarginSurface({ kind: 'tracked', surface: BALL.surface }));
    const legend = new MarginLegend(there, g);
    const view = poseOf('ok', placed([0, 0, 0], [0, 0, 1]));
    view.covarianceKnown = true;
    view.covariance.fill(0);
    for (const k of [0, 7, 14]) view.covariance[k] = 1;
    g.update(view, LINEAR);
    g.settle(NOW, STALE_AFTER_MS);
    legend.settle();
    // On a ball, area goes with height along x: from −11 to −2, to 3, to 8, to 19, of 30 mm.
    const said = texts(legend.element);
    expect(said.slice(0, 4)).toEqual(['30\u202f%', '17\u202f%', '17\u202f%', '37\u202f%']);
    expect(said[4]).toMatch(/^\u2007*\u22129\.0\u202fmm$/);
    // √χ² of three dimensions at 95 % is 2.7955; rounded down.
    expect(said[5]).toBe(`≥\u202f${formatMm(Math.floor(10 * (LINEAR.minimalMarginMm - 2.7955)) / 10)}`);
    g.settle(Float64Array.of((NOW[0] as number) + 300), STALE_AFTER_MS);
    legend.settle();
    expect(texts(legend.element)).toEqual(['–', '–', '–', '–', 'STALE', '–']);
    expect(legend.element.textContent).toContain('5 – 10 mm');
    legend.dispose();
    expect(there.childElementCount).toBe(0);
    there.remove();
  });

  it('of coverage has whole percent and what the sampling leaves; a dash where a margin was not asked for', () => {
    const there = host();
    const readout = new CoverageReadout(there);
    expect(texts(readout.element)).toEqual(['–', '', '–', '']);
    readout.show([{ probability: 0.932, standardError: 0.005, marginMm: 0, samples: 8144 }]);
    expect(texts(readout.element)).toEqual(['93\u202f%', '≥\u202f92\u202f%', '–', '']);
    readout.show([
      { probability: 1, standardError: 0, marginMm: 0, samples: 8144 },
      { probability: 0, standardError: 0, marginMm: 5, samples: 8144 },
    ]);
    expect(texts(readout.element)).toEqual(['>\u202f99\u202f%', '≥\u202f99\u202f%', '<\u202f1\u202f%', '≥\u202f0\u202f%']);
    readout.dispose();
    there.remove();
  });
});
