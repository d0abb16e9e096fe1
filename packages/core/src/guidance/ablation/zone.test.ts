import { describe, expect, it } from 'vitest';
import { FrameGraph, frame, type PoseBuffer, PoseSample, PoseView, point, type Status, transform } from '../../frames/index.js';
import { identity4, Random, transformPoint } from '../../math/index.js';
import type { Instant } from '../../time/index.js';
import { ellipsoidZone, placeProbe, plannedProbe, trackedProbe } from './zone.js';

const CT = frame('ct');
const TIP = frame('tip');
const SHAPE = { radiiMm: [10, 10, 16], centreMm: 14 } as const;

describe('a zone', () => {
  it('lies back along the shaft from the tip, at a planned pose', () => {
    const random = new Random(5);
    for (let n = 0; n < 50; n += 1) {
      const [e, t] = [0, 1].map(() => [0, 1, 2].map(() => random.between(-80, 80))) as [number[], number[]];
      const placed = plannedProbe({ frame: CT, matrix: { entry: point(CT, e), tip: point(CT, t) }, shape: SHAPE });
      const zone = ellipsoidZone([placed]);
      const back = e.map((v, k) => v - (t[k] as number));
      const length = Math.hypot(...back);
      const on = (mm: number): number[] => t.map((v, k) => v + (mm * (back[k] as number)) / length);
      // The shaft cuts the boundary 14 ± 16 mm behind the tip: 2 mm ahead of it, and 30 mm behind.
      expect(zone.distance(on(-2))).toBeCloseTo(0, 9);
      expect(zone.distance(on(30))).toBeCloseTo(0, 9);
      expect(zone.distance(on(14))).toBeCloseTo(-10, 9);
      expect(zone.distance(on(34))).toBeCloseTo(4, 9);
      expect(zone.contains(on(0))).toBe(true);
    }
  });

  it('keeps its shape straight down and straight up, where a direction has no shortest turn', () => {
    for (const tip of [
      [0, 0, -50],
      [0, 0, 50],
      [1e-9, 0, 50],
    ]) {
      const { matrix: m } = plannedProbe({
        frame: CT,
        matrix: { entry: point(CT, [0, 0, 0]), tip: point(CT, tip) },
        shape: SHAPE,
      });
      expect(transformPoint(new Float64Array(3), m, [0, 0, 50])[2]).toBeCloseTo(0, 9);
    }
  });

  it('is where the tracked tool is, with its error, and nowhere while that pose is not live', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(CT, TIP, { staleAfterMs: 100, noise: { positionSdMm: 0.3, rotationSdRad: 0.002 } });
    const path = graph.path(CT, TIP);
    const view = new PoseView();
    const read = (at: number): ReturnType<typeof trackedProbe<'ct', 'tip'>> => {
      graph.tick(at as Instant);
      return trackedProbe(path, view, SHAPE);
    };
    expect(read(0)).toBeUndefined();
    const sample = new PoseSample();
    push(buffer, sample, 10, 'ok');
    const live = read(20);
    expect(Array.from(live?.matrix ?? []).slice(12, 15)).toEqual([3, 4, 5]);
    expect(live?.covariance?.length).toBe(36);
    expect(read(500)).toBeUndefined();
    expect(view.status).toBe('stale');
    push(buffer, sample, 510, 'outOfVolume');
    expect(read(515)).toBeUndefined();
  });

  it('is refused with lengths that are no millimetres, without a probe and with probes in two frames', () => {
    const pose = transform(CT, TIP, identity4(), { covariance: 'exact' });
    for (const radiiMm of [
      [0, 1, 1],
      [1, 1, Number.NaN],
      [1, 1, 1000],
    ] as const) {
      expect(() => placeProbe(pose, { radiiMm, centreMm: 0 })).toThrow(expect.objectContaining({ code: 'ablation/bad-zone' }));
    }
    expect(() => ellipsoidZone([])).toThrow(expect.objectContaining({ code: 'ablation/bad-zone' }));
    const other = placeProbe(transform(frame('mr'), TIP, identity4()), SHAPE);
    // @ts-expect-error: the compiler refuses it too.
    expect(() => ellipsoidZone([placeProbe(pose, SHAPE), other])).toThrow(expect.objectContaining({ code: 'frame/mismatch' }));
  });
});

function push(buffer: PoseBuffer, sample: PoseSample, at: number, status: Status): void {
  sample.measuredAt = at as Instant;
  sample.arrivedAt = at as Instant;
  sample.status = status;
  sample.setPose(3, 4, 5, 0, 0, 0, 1);
  buffer.push(sample);
}
