import { describe, expect, it } from 'vitest';
import { frame } from '../../frames/index.js';
import { identity4 } from '../../math/index.js';
import { volume } from '../../volume/index.js';
import { patientAxes, SLICE_VIEWS } from '../planes.js';
import { pickOnSlices, rayInPatient } from './pick.js';

/** 40 mm a side about the origin; soft on the patient's left, air on the right. */
const voxels = Int16Array.from({ length: 41 ** 3 }, (_, n) => (n % 41 >= 20 ? 50 : -1000));
const BODY = volume({
  frame: frame('ct'),
  voxels,
  size: [41, 41, 41],
  frameFromIndex: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -20, -20, -20, 1],
});
const planes = SLICE_VIEWS.map((view) => ({ axes: patientAxes(view), centre: new Float64Array([0, 0, 0]) }));
const drawn = { volume: BODY, window: { width: 400, level: 40 }, air: { surely: -900, black: -200 } };

describe('a ray on slices', () => {
  it('meets the nearest one that is drawn there', () => {
    const at = pickOnSlices({ origin: [10, -100, 5], direction: [0, 2, 0] }, planes, drawn);
    expect([...(at as Float64Array)]).toEqual([10, 0, 5]);
  });

  it('goes through air that is not drawn', () => {
    // Through the coronal slice's air at x −5, on to the sagittal slice at x 0.
    const ray = { origin: [-105, -110, 5], direction: [1, 1.1, 0] };
    expect(pickOnSlices(ray, planes, drawn)?.[0]).toBeCloseTo(0, 9);
    const whole = pickOnSlices(ray, planes, { ...drawn, air: undefined }) as Float64Array;
    expect(whole[1]).toBeCloseTo(0, 9);
    expect(whole[0]).toBeCloseTo(-5, 9);
  });

  it('meets none behind it, none beside the volume and none along a slice', () => {
    expect(pickOnSlices({ origin: [10, -100, 5], direction: [0, -1, 0] }, planes, drawn)).toBeUndefined();
    expect(pickOnSlices({ origin: [30, -100, 5], direction: [0, 1, 0] }, planes, drawn)).toBeUndefined();
    expect(pickOnSlices({ origin: [10, 3, 5], direction: [1, 0, 0] }, [planes[1] as (typeof planes)[0]], drawn)).toBeUndefined();
  });
});

describe('the ray of a hand', () => {
  it('points along −z of its pose, and is in the patient’s millimetres', () => {
    const node = identity4();
    for (const k of [0, 5, 10]) node[k] = 1e-3;
    node.set([1, 1.5, -2], 12);
    // Turned by 90° about up, to the right; then by 30° down: it points along (√3/2, −1/2, 0).
    const [c, d] = [Math.sqrt(3) / 2, 0.5];
    const pointer = Float64Array.from([0, 0, 1, 0, d, c, 0, 0, -c, d, 0, 0, 1, 1.6, -1.5, 1]);
    const ray = rayInPatient(pointer, node);
    [0, 100, 500].forEach((x, k) => {
      expect(ray.origin[k]).toBeCloseTo(x, 9);
    });
    [1000 * c, -1000 * d, 0].forEach((x, k) => {
      expect(ray.direction[k]).toBeCloseTo(x, 9);
    });
  });
});
