import { describe, expect, inject, it } from 'vitest';
import { frame } from '../frames/index.js';
import { fromRotationVector, identity4, multiply4, Random, transformPoint } from '../math/index.js';
import { codeOf } from '../test-support/error-code.js';
import { type Volume, volume } from '../volume/index.js';
import { measureLesions } from './index.js';

const CT = frame('ct');
const seed = inject('seed');

interface Ball {
  readonly centre: readonly number[];
  readonly radii: readonly [number, number, number];
}

/** Ellipsoids in a turned grid, each with a label, and the share of the first in every voxel about its border. */
function drawn(
  random: Random,
  size: number,
  spacing: readonly number[],
  shapes: readonly Ball[],
): { labels: Volume<'ct'>; share: Volume<'ct'> } {
  const m = identity4();
  spacing.forEach((s, r) => {
    m[5 * r] = s;
  });
  multiply4(m, fromRotationVector(identity4(), [random.between(-1, 1), random.between(-1, 1), random.between(-1, 1)]), m);
  const middle = transformPoint(new Float64Array(3), m, [(size - 1) / 2, (size - 1) / 2, (size - 1) / 2]);
  for (let r = 0; r < 3; r += 1) m[12 + r] = -(middle[r] as number);
  const voxels = new Uint8Array(size ** 3);
  const share = new Uint8Array(size ** 3);
  const p = new Float64Array(3);
  for (let n = 0; n < voxels.length; n += 1) {
    transformPoint(p, m, [n % size, Math.floor(n / size) % size, Math.floor(n / size / size)]);
    shapes.forEach(({ centre, radii }, s) => {
      const u = radii.map((r, k) => ((p[k] as number) - (centre[k] as number)) / r);
      const value = Math.hypot(...u);
      const depth = value === 0 ? -radii[0] : (value * (value - 1)) / Math.hypot(...u.map((x, k) => x / (radii[k] as number)));
      if (value <= 1) voxels[n] = 1;
      if (s === 0) share[n] = Math.round(255 * Math.min(1, Math.max(0, 0.5 - depth / 4)));
    });
  }
  const init = { frame: CT, size: [size, size, size] as const, frameFromIndex: m, modality: 'SEG' };
  return {
    labels: volume({ ...init, voxels }),
    share: volume({ ...init, voxels: share, rescale: { slope: 1 / 255, intercept: 0 } }),
  };
}

describe('lesions of a label volume', () => {
  it('volume, centroid and diameter of ellipsoids in any grid lie within their error bars 95 times in 100', () => {
    const random = new Random(seed);
    const runs = 40 * inject('effort');
    const within = { volume: 0, diameter: 0, centroid: 0 };
    let bias = 0;
    for (let n = 0; n < runs; n += 1) {
      const radii = [random.between(5, 12), random.between(5, 9), random.between(5, 9)] as [number, number, number];
      const centre = [random.between(-2, 2), random.between(-2, 2), random.between(-2, 2)];
      const spacing = [random.between(0.8, 1.5), random.between(0.8, 1.5), random.between(1, 2.5)];
      const { labels } = drawn(random, 32, spacing, [{ centre, radii }]);
      const found = measureLesions(labels);
      expect(found).toHaveLength(1);
      const lesion = found[0] as (typeof found)[0];
      const truth = ((4 / 3) * Math.PI * radii[0] * radii[1] * radii[2]) / 1000;
      if (Math.abs(lesion.volumeMl - truth) <= 1.96 * lesion.volumeSdMl) within.volume += 1;
      if (Math.abs(lesion.diameterMm - 2 * Math.max(...radii)) <= 1.96 * lesion.diameterSdMm) within.diameter += 1;
      const off = centre.map((x, r) => x - (lesion.centroid.xyz[r] as number));
      if (Math.abs(off[0] as number) <= 1.96 * lesion.centroidSdMm) within.centroid += 1;
      bias += (lesion.volumeMl / truth - 1) / runs;
      expect(lesion.errorsKnown).toBe(false);
      expect(lesion.cutOff).toBe(false);
    }
    expect(Math.abs(bias)).toBeLessThan(0.005);
    expect(within.volume / runs).toBeGreaterThanOrEqual(0.9);
    expect(within.diameter / runs).toBeGreaterThanOrEqual(0.9);
    expect(within.centroid / runs).toBeGreaterThanOrEqual(0.9);
  });

  it('a probability places the ends of a diameter between voxels', () => {
    const random = new Random(seed + 1);
    let [plain, placed] = [0, 0];
    for (let n = 0; n < 20; n += 1) {
      const radii = [random.between(8, 14), 7, 7] as [number, number, number];
      const { labels, share } = drawn(random, 30, [2, 2, 2], [{ centre: [0.3, -0.2, 0.4], radii }]);
      plain += Math.abs((measureLesions(labels)[0]?.diameterMm as number) - 2 * radii[0]) / 20;
      placed += Math.abs((measureLesions(labels, { probability: share })[0]?.diameterMm as number) - 2 * radii[0]) / 20;
    }
    expect(placed).toBeLessThan(0.35);
    expect(placed).toBeLessThan(0.6 * plain);
  });

  it('tells apart what does not touch, the largest first, joins what meets at a corner, and says what the image cuts off', () => {
    const random = new Random(seed + 2);
    const { labels } = drawn(
      random,
      40,
      [1, 1, 1],
      [
        { centre: [-8, 0, 0], radii: [4, 4, 4] },
        { centre: [6, 0, 0], radii: [7, 6, 6] },
      ],
    );
    const two = measureLesions(labels);
    expect(two.map((l) => Math.sign(l.centroid.xyz[0] as number))).toEqual([1, -1]);
    expect(measureLesions(labels, { leastMl: 0.5 })).toHaveLength(1);
    expect(measureLesions(labels, { label: 2 })).toHaveLength(0);
    const corner = volume({
      frame: CT,
      voxels: Uint8Array.from({ length: 64 }, (_, n) => (n === 0 || n === 21 ? 1 : 0)),
      size: [4, 4, 4],
      frameFromIndex: identity4(),
    });
    const [joined] = measureLesions(corner);
    expect(joined).toMatchObject({ voxels: 2, cutOff: true, box: [0, 0, 0, 1, 1, 1] });
  });

  it('errors of whoever drew the labels widen the bars as a shell of the surface does', () => {
    const { labels } = drawn(new Random(3), 40, [1, 1, 1], [{ centre: [0, 0, 0], radii: [12, 12, 12] }]);
    const errors = { boundarySdMm: 0.5, diameterSdMm: 1.2, centroidSdMm: 0.4, on: 'a ball' };
    const [lesion] = measureLesions(labels, { errors });
    const shell = (4 * Math.PI * 12 ** 2 * 0.5) / 1000;
    expect((lesion?.volumeSdMl as number) / shell).toBeGreaterThan(0.97);
    expect((lesion?.volumeSdMl as number) / shell).toBeLessThan(1.06);
    expect(lesion?.diameterSdMm).toBeGreaterThan(1.2);
    expect(lesion?.errorsKnown).toBe(true);
  });

  it('tell how sure the network was of each, and those below a confidence do not count', () => {
    const two = [
      { centre: [-8, 0, 0], radii: [4, 4, 4] },
      { centre: [6, 0, 0], radii: [7, 6, 6] },
    ] as const;
    const { labels } = drawn(new Random(seed + 3), 40, [1, 1, 1], two);
    const [large] = measureLesions(labels);
    expect(large).not.toHaveProperty('confidence');
    const [small] = measureLesions(drawn(new Random(seed + 3), 40, [1, 1, 1], [two[0]]).labels);
    // 0.6 in the smaller of the two, alternately 0.8 and 1 in the other, nothing beside them.
    const of = drawn(new Random(seed + 3), 40, [1, 1, 1], [two[0]]).labels.voxels;
    const voxels = Uint8Array.from(labels.voxels, (label, n) => (label === 0 ? 0 : of[n] === 1 ? 60 : 80 + 20 * (n % 2)));
    const { size, frameFromIndex } = labels;
    const probability = volume({ frame: CT, size, frameFromIndex, voxels, rescale: { slope: 0.01, intercept: 0 } });
    const both = measureLesions(labels, { probability });
    expect(both.map((l) => l.confidence?.toFixed(1))).toEqual(['0.9', '0.6']);
    expect(both[1]?.confidence).toBeCloseTo(0.6, 12);
    expect(both.map((l) => l.voxels)).toEqual([large?.voxels, small?.voxels]);
    expect(measureLesions(labels, { probability, leastConfidence: 0.65 }).map((l) => l.voxels)).toEqual([large?.voxels]);
    expect(measureLesions(labels, { probability, leastConfidence: 0.95 })).toEqual([]);
    for (const wrong of [
      { leastConfidence: 0.5 },
      { probability, leastConfidence: 1.1 },
      { probability, leastConfidence: NaN },
    ]) {
      expect(codeOf(() => measureLesions(labels, wrong))).toBe('analysis/bad-option');
    }
  });

  it('refuses what is no label, and a probability on another grid', () => {
    const { labels, share } = drawn(new Random(4), 12, [1, 1, 1], []);
    expect(codeOf(() => measureLesions(labels, { label: 0 }))).toBe('analysis/bad-option');
    expect(codeOf(() => measureLesions({ ...labels, rescale: { slope: 2, intercept: 0 } }))).toBe('analysis/bad-labels');
    const elsewhere = { ...share, frameFromIndex: identity4() };
    expect(codeOf(() => measureLesions(labels, { probability: elsewhere }))).toBe('analysis/bad-labels');
  });
});
