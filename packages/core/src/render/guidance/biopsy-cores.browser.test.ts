import { afterAll, describe, expect, it } from 'vitest';
import { frame, point } from '../../frames/index.js';
import { cholesky, Random, radiusQuantile } from '../../math/index.js';
import { SignedMeshDistance } from '../../volume/index.js';
import { letterSize } from '../furniture.js';
import { PALETTE } from '../palette.js';
import { PlaneView, patientAxes } from '../planes.js';
import { coreRegion } from './core-shape.js';
import { BiopsyCores, SAMPLED_LOOKS } from './index.js';
import { biopsy, coreOf, mapOf } from './test-support/procedure-scenes.js';
import { centreOf, countOf, Rig, SIZE } from './test-support/rig.js';

const CT = frame('ct');
const rig = new Rig();
afterAll(() => rig.dispose());

function axial(z: number): PlaneView {
  const plane = new PlaneView();
  plane.axes = patientAxes('axial');
  plane.centre.set([0, 0, z]);
  [plane.width, plane.height, plane.mmPerPx] = [SIZE, SIZE, 0.1];
  return plane;
}

describe('the region of a core', () => {
  it('holds the true place with 95 %: of its middle, for errors drawn from its own covariance', () => {
    const c = [2.5, 0.9, -0.2, 0.9, 0.8, 0.1, -0.2, 0.1, 0.3];
    const core = {
      ...coreOf('K', [0, 0, 40], [3, 2, -40]),
      covarianceAlong: { near: c, middle: c, far: c },
      degreesOfFreedom: Infinity,
    };
    const { positions, indices } = coreRegion(core);
    const inside = new SignedMeshDistance({ positions: Float64Array.from(positions), triangles: indices });
    const random = new Random(5);
    const l = new Float64Array(9);
    expect(cholesky(l, c, 3)).toBe(true);
    const count = 4000;
    // A core far longer than its error: what moves it along itself never leaves the region, so the error across it decides, in two dimensions.
    const reach = radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, 1], 0.95);
    const expected = 1 - Math.exp((-reach * reach) / 2);
    let held = 0;
    for (let n = 0; n < count; n += 1) {
      const e = [random.normal(), random.normal(), random.normal()];
      const at = [1.5, 1, 0].map(
        (v, k) => v + [0, 1, 2].reduce((sum, j) => sum + (j <= k ? (l[3 * k + j] as number) * (e[j] as number) : 0), 0),
      );
      if (inside.from(at) < 0) held += 1;
    }
    expect(expected).toBeGreaterThan(0.97);
    expect(Math.abs(held / count - expected)).toBeLessThan(4 * Math.sqrt((expected * (1 - expected)) / count) + 0.002);
  });

  it('is closed and outward, and a JSON core’s degrees of freedom that are null are infinite', () => {
    const core = JSON.parse(JSON.stringify({ ...coreOf('K', [0, 0, 9], [0, 0, -9]), degreesOfFreedom: Infinity }));
    const { positions, indices } = coreRegion({ ...core, frame: CT });
    const inside = new SignedMeshDistance({ positions: Float64Array.from(positions), triangles: indices });
    // Half of the axis along x is √χ²₃ σ: 2.7955 · √2.5; it is looked at across, where the triangles' sagitta is small.
    expect(inside.from([0, 0, 0])).toBeLessThan(0);
    expect(Math.max(...Array.from(positions).filter((_, n) => n % 3 === 0))).toBeCloseTo(2.7955 * Math.sqrt(2.5), 3);
    expect(Math.max(...Array.from(positions).filter((_, n) => n % 3 === 2))).toBeCloseTo(9 + 2.7955 * 0.6, 3);
  });
});

describe('on a slice', () => {
  it('the region is the ellipse of its covariance, not the one with x and y exchanged', () => {
    const g = rig.keep(new BiopsyCores({ frame: CT }));
    g.setCores([coreOf('K', [4, -3, 9], [4, -3, -9])]);
    const { box, x, y } = centreOf(rig.drawSlice([g], axial(0)), PALETTE.text);
    const reach = radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, 1], 0.95, 25);
    const [wide, high] = [(2 * reach * Math.sqrt(2.5)) / 0.1, (2 * reach * 0.6) / 0.1];
    expect(Math.abs((box[2] as number) + 1 - (box[0] as number) - wide - 1.25)).toBeLessThan(2);
    expect(Math.abs((box[3] as number) + 1 - (box[1] as number) - high - 1.25)).toBeLessThan(2);
    expect(Math.hypot(x - 168, y - 98)).toBeLessThan(2);
  });

  it('a core is whole within 1.5 mm of the plane, broken up to 10 mm from it, and not there beyond', () => {
    const g = rig.keep(new BiopsyCores({ frame: CT }));
    g.setCores([coreOf('K', [-9, 0, 0], [9, 0, 0])]);
    const seen = (z: number): [number, number] => {
      const picture = rig.drawSlice([g], axial(z));
      return [countOf(picture, PALETTE.fiducial), countOf(picture, PALETTE.quietText)];
    };
    expect(seen(1)[0]).toBeGreaterThan(600);
    expect(seen(1)[1], 'a smoothed edge at most').toBeLessThan(10);
    expect(seen(5)[0]).toBe(0);
    expect(seen(5)[1]).toBeGreaterThan(60);
    expect(seen(11)).toEqual([0, 0]);
  });
});

describe('a target', () => {
  it('is sampled enough from the limit on, less below it, and unknown without a map of exactly the cores shown', () => {
    const cores = [coreOf('1', [-14, 0, 18], [-10, 0, 1]), coreOf('2', [12, 0, 16], [14, 0, -2])];
    const g = biopsy(rig, cores, mapOf(cores, 0.9, 0.899));
    expect(['A', 'B', 'C'].map((name) => g.levelOf(name))).toEqual(['enough', 'little', 'unknown']);
    expect(g.status).toBe('ok');
    g.setCores([...cores, coreOf('3', [0, 0, 9], [0, 0, -9])]);
    expect([g.status, g.levelOf('A')]).toEqual(['unknown', 'unknown']);
    g.setMap(mapOf([...cores, coreOf('3', [0, 0, 9], [0, 0, -9])], 0.95, 0.2));
    expect([g.status, g.levelOf('A')]).toEqual(['ok', 'enough']);
    g.setCores([cores[0] as (typeof cores)[0], coreOf('4', [0, 0, 9], [0, 0, -9]), coreOf('3', [0, 0, 9], [0, 0, -9])]);
    expect(g.levelOf('A')).toBe('unknown');
    g.setMap(undefined);
    expect(g.status).toBe('unknown');
  });

  it('has its name beside it, but never over the letter that says which side is which', () => {
    const targets = [{ name: 'left anterior transition zone', shape: { centre: point(CT, [-15, 0, 0]), radiusMm: 3 } }];
    const plane = axial(0);
    plane.mmPerPx = 0.3;
    const { data } = rig.drawSlice([rig.keep(new BiopsyCores({ frame: CT, targets }))], plane);
    const size = letterSize(SIZE, SIZE, 1);
    let [over, elsewhere] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      const [x, y] = [(i / 4) % SIZE, Math.floor(i / 4 / SIZE)];
      if (x > 1.4 * size || Math.max(...data.subarray(i, i + 3)) < 32) continue;
      if (Math.abs(y - SIZE / 2) < 0.5 * size) over += 1;
      else elsewhere += 1;
    }
    expect(over).toBe(0);
    expect(elsewhere).toBeGreaterThan(20);
  });

  it('that was not sampled enough has none of the colour of one that was, in 3D and on a slice', () => {
    const cores = [coreOf('1', [-40, 30, 18], [-40, 30, 0])];
    const slice = (a: number): [number, number] => {
      const plane = new PlaneView();
      plane.axes = patientAxes('coronal');
      [plane.width, plane.height, plane.mmPerPx] = [SIZE, SIZE, 0.3];
      const picture = rig.drawSlice([biopsy(rig, cores, mapOf(cores, a, 0.1))], plane);
      return [countOf(picture, SAMPLED_LOOKS.enough.colour), countOf(picture, SAMPLED_LOOKS.little.colour)];
    };
    expect(slice(0.95)[0]).toBeGreaterThan(300);
    expect(slice(0.5)[0]).toBe(0);
    expect(slice(0.5)[1]).toBeGreaterThan(slice(0.95)[1] + 150);
  });
});

it('refuses a core of another frame, one that was never live, and limits that are none', () => {
  const g = rig.keep(new BiopsyCores({ frame: CT }));
  const core = coreOf('K', [0, 0, 9], [0, 0, -9]);
  expect(() => g.setCores([{ ...core, frame: frame('mr') }])).toThrow(expect.objectContaining({ code: 'frame/mismatch' }));
  expect(() => g.setCores([{ ...core, status: 'stale' }])).toThrow(expect.objectContaining({ code: 'biopsy/not-live' }));
  expect(() => new BiopsyCores({ frame: CT, enough: 1 })).toThrow(expect.objectContaining({ code: 'pose/bad-option' }));
  const shape = { centre: point(frame('mr'), [0, 0, 0]), radiusMm: 3 } as never;
  expect(() => new BiopsyCores({ frame: CT, targets: [{ name: 'A', shape }] })).toThrow(
    expect.objectContaining({ code: 'frame/mismatch' }),
  );
});
