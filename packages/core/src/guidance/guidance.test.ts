import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { FrameGraph, frame, PoseSample, PoseView, point, type Status, transform } from '../frames/index.js';
import { fromQuaternion, fromRotationVector, multiply4, Random, radiusQuantile, transformPoint } from '../math/index.js';
import { codeOf } from '../test-support/error-code.js';
import { headPhantom, manualClock } from '../testing/index.js';
import type { Instant } from '../time/index.js';
import {
  Deviation,
  formatAge,
  formatBound,
  formatDegrees,
  formatMm,
  formatNumber,
  type GuidanceState,
  guidanceState,
  parseReading,
  readout,
  requirePlanFor,
  straightPlan,
  UNKNOWN,
} from './index.js';

const ct = frame('ct');
const tip = frame('tip');
const uid = '2.25.1';

const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]), frameOfReferenceUid: uid });

/** A view as a path would leave it: the tip there, turned by a rotation vector. */
function viewAt(xyz: readonly number[], status: Status = 'ok', turn: readonly number[] = [0, 0, 0]): PoseView {
  const view = new PoseView();
  view.status = status;
  view.matrix.set(fromRotationVector(new Float64Array(16), turn));
  view.matrix.set(xyz, 12);
  view.times.set([1000, 980, 985, Number.NaN]);
  return view;
}

function measured(xyz: readonly number[], status: Status = 'ok', turn: readonly number[] = [0, 0, 0]): Deviation<'ct'> {
  const d = new Deviation(plan);
  d.measure(viewAt(xyz, status, turn));
  return d;
}

describe('a straight plan', () => {
  it('refuses what gives no direction, and points that are no points', () => {
    const p = point(ct, [1, 2, 3]);
    expect(codeOf(() => straightPlan({ entry: p, target: p }))).toBe('guidance/bad-plan');
    expect(codeOf(() => straightPlan({ entry: p, target: point(ct, [1, 2, 3.9]) }))).toBe('guidance/bad-plan');
    const torn = { frame: ct, xyz: [1, Number.NaN, 3] } as unknown as typeof p;
    expect(codeOf(() => straightPlan({ entry: p, target: torn }))).toBe('pose/not-finite');
    const elsewhere = point(tip, [9, 9, 9]) as never;
    expect(codeOf(() => straightPlan({ entry: p, target: elsewhere }))).toBe('frame/mismatch');
  });

  it('holds to the frame of reference it was made on (plan moved to another anatomical location)', () => {
    const phantom = headPhantom({ size: [2, 2, 2] });
    const own = phantom.volume.frameOfReferenceUid as string;
    const made = straightPlan({ entry: phantom.entry, target: phantom.targets[0] as never, frameOfReferenceUid: own });
    expect(codeOf(() => requirePlanFor(made, phantom.volume))).toBeUndefined();
    const other = headPhantom({ size: [2, 2, 2], frameOfReferenceUid: '2.25.9' });
    expect(codeOf(() => requirePlanFor(made, other.volume))).toBe('guidance/wrong-frame-of-reference');
    expect(codeOf(() => requirePlanFor(made, { ...other.volume, frameOfReferenceUid: undefined }))).toBe(
      'guidance/wrong-frame-of-reference',
    );
    const loose = straightPlan({ entry: phantom.entry, target: phantom.targets[0] as never });
    expect(codeOf(() => requirePlanFor(loose, { ...other.volume, frameOfReferenceUid: undefined }))).toBe(
      'guidance/wrong-frame-of-reference',
    );
    const elsewhere = headPhantom({ size: [2, 2, 2], frame: frame('mr') });
    expect(codeOf(() => requirePlanFor(made, elsewhere.volume as never))).toBe('frame/mismatch');
  });

  it('is not moved by a registration that is made again', () => {
    const graph = new FrameGraph();
    graph.set(transform(ct, tip, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [5, 0, 50])));
    const d = new Deviation(plan);
    graph.tick(0 as Instant);
    d.read(graph.path(ct, tip), new PoseView());
    const before = [d.lateralMm, d.depthRemainingMm];
    graph.set(transform(ct, tip, fromQuaternion(new Float64Array(16), [0, 0, 0, 1], [0, 0, 40])));
    d.read(graph.path(ct, tip), new PoseView());
    expect(before).toEqual([5, 50]);
    expect([d.lateralMm, d.depthRemainingMm]).toEqual([0, 40]);
    expect(Array.from(plan.target.xyz)).toEqual([0, 0, 0]);
  });
});

describe('a deviation', () => {
  it('reads depth as it is, all along an insertion and beyond (display short of the true tip)', () => {
    const tracker = frame('tracker');
    const stylus = frame('stylus');
    const random = new Random(12);
    const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [40, -70, 900]);
    const offset = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [12, 3, -150]);
    const graph = new FrameGraph();
    const clock = manualClock(0);
    graph.set(transform(ct, tracker, m));
    graph.set(transform(stylus, tip, offset));
    const buffer = graph.stream(tracker, stylus);
    const way = straightPlan({ entry: point(ct, [30, -80, 60]), target: point(ct, [10, -20, 35]), frameOfReferenceUid: uid });
    const d = new Deviation(way);
    const view = new PoseView();
    const sample = new PoseSample();
    const back = transform(ct, tracker, m);
    for (let depth = -20; depth <= way.lengthMm + 10; depth += 0.25) {
      // The true pose of the stylus whose tip stands `depth` along the plan, its −z along the plan turned by 10°.
      const wanted = poseAlong(way, depth, (10 * Math.PI) / 180);
      const inverse = (t: ArrayLike<number>): Float64Array => invert(t);
      const truth = multiply4(
        new Float64Array(16),
        inverse(back.matrix),
        multiply4(new Float64Array(16), wanted, inverse(offset)),
      );
      clock.advance(16);
      sample.measuredAt = clock.now();
      sample.arrivedAt = clock.now();
      sample.status = 'ok';
      const q = quaternion(truth);
      sample.setPose(truth[12] as number, truth[13] as number, truth[14] as number, q[0], q[1], q[2], q[3]);
      buffer.push(sample);
      graph.tick(clock.now());
      expect(d.read(graph.path(ct, tip), view)).toBe('ok');
      expect(Math.abs(d.depthFromEntryMm - depth)).toBeLessThan(1e-9);
      expect(Math.abs(d.depthRemainingMm - (way.lengthMm - depth))).toBeLessThan(1e-9);
      expect(Math.abs(d.distanceToTargetMm - Math.abs(way.lengthMm - depth))).toBeLessThan(1e-9);
      expect(d.lateralMm).toBeLessThan(1e-6);
      expect(Math.abs(d.angleDeg - 10)).toBeLessThan(1e-9);
      expect(Math.sign(parseReading(formatMm(d.depthRemainingMm, 3)))).toBe(Math.sign(Math.round((way.lengthMm - depth) * 1000)));
    }
  });

  it('splits any place into depth, lateral and distance, which obey Pythagoras', () => {
    const mm = fc.double({ min: -500, max: 500, noNaN: true });
    fc.assert(
      fc.property(mm, mm, mm, (x, y, z) => {
        const d = measured([x, y, z]);
        expect(d.depthRemainingMm).toBeCloseTo(z, 9);
        expect(d.lateralMm).toBeCloseTo(Math.hypot(x, y), 9);
        expect(d.distanceToTargetMm).toBeCloseTo(Math.hypot(x, y, z), 9);
      }),
    );
  });

  it('gives the angle in degrees: 0 along the plan, 180 against it, and tiny ones exactly', () => {
    expect(measured([0, 0, 50]).angleDeg).toBe(0);
    expect(measured([0, 0, 50], 'ok', [Math.PI, 0, 0]).angleDeg).toBeCloseTo(180, 9);
    expect(measured([0, 0, 50], 'ok', [0, Math.PI / 2, 0]).angleDeg).toBeCloseTo(90, 9);
    expect(measured([0, 0, 50], 'ok', [1e-9, 0, 0]).angleDeg / 1e-9).toBeCloseTo(180 / Math.PI, 5);
    const d = new Deviation(plan, { toolAxis: [0, 2, 0] });
    d.measure(viewAt([0, 0, 50]));
    expect(d.angleDeg).toBeCloseTo(90, 9);
    expect(codeOf(() => new Deviation(plan, { toolAxis: [0, 0, 0] }))).toBe('guidance/bad-plan');
  });

  it.each(['missing', 'disconnected'] as const)('has no numbers while the tool is %s, but an age', (status) => {
    const d = measured([0, 0, 5]);
    const view = viewAt([Number.NaN, Number.NaN, Number.NaN], status);
    view.matrix.fill(Number.NaN);
    expect(d.measure(view)).toBe(status);
    for (const v of [d.distanceToTargetMm, d.depthRemainingMm, d.depthFromEntryMm, d.lateralMm, d.angleDeg, d.tipError95Mm]) {
      expect(v).toBeNaN();
    }
    expect(d.tip(new Float64Array(3)).every(Number.isNaN)).toBe(true);
    expect(d.ageMs).toBe(20);
    expect(Object.values(readout(d))).toEqual([UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, '20\u202fms', UNKNOWN]);
  });

  it('knows its error bound only where the whole path does, and from the covariance at the tip', () => {
    const d = new Deviation(plan);
    const view = viewAt([30, 0, 40]);
    d.measure(view);
    expect(d.tipError95Mm).toBeNaN();
    view.covarianceKnown = true;
    view.covariance.fill(0);
    // 0.01 rad about x and y through the origin, and 0.2 mm along each axis.
    for (const k of [0, 1, 2]) view.covariance[7 * k] = 0.04;
    for (const k of [3, 4]) view.covariance[7 * k] = 1e-4;
    d.measure(view);
    const random = new Random(5);
    const n = 100_000;
    let within = 0;
    for (let i = 0; i < n; i += 1) {
      const [a, b] = [random.normal() * 0.01, random.normal() * 0.01];
      const shift = transformPoint(new Float64Array(3), fromRotationVector(new Float64Array(16), [a, b, 0]), [30, 0, 40]);
      const off = [30, 0, 40].map((v, k) => (shift[k] as number) - v + 0.2 * random.normal());
      if (Math.hypot(...off) <= d.tipError95Mm) within += 1;
    }
    expect(within / n).toBeGreaterThan(0.945);
    expect(within / n).toBeLessThan(0.955);
    expect(d.tipError95Mm).toBe(d.tipError95Mm);
    const known = d.tipError95Mm;
    view.degreesOfFreedom = 12;
    d.measure(view);
    expect(d.tipError95Mm).toBeGreaterThan(known * 1.08);
    expect(radiusQuantile([1, 0, 0, 0, 1, 0, 0, 0, 1], 0.95)).toBeCloseTo(2.7955, 3);
  });

  it('refuses a path that leads elsewhere', () => {
    const graph = new FrameGraph();
    const d = new Deviation(plan);
    expect(codeOf(() => d.read(graph.path(frame('mr'), tip) as never, new PoseView()))).toBe('frame/mismatch');
  });
});

describe('the guidance state', () => {
  it('goes from approach over on target to past target along an insertion, and back', () => {
    const seen: GuidanceState[] = [];
    let state: GuidanceState = 'noPose';
    for (const z of [20, 5, 1.2, 0.9, 1.2, 0, -0.9, -1.2, -1.4, -5, -0.5, 3]) {
      state = guidanceState(measured([0, 0, z]), state);
      seen.push(state);
    }
    expect(seen).toEqual([
      'approach',
      'approach',
      'approach',
      'onTarget',
      'onTarget',
      'onTarget',
      'onTarget',
      'onTarget',
      'pastTarget',
      'pastTarget',
      'onTarget',
      'approach',
    ]);
  });

  it('is past target beside it too, and does not flicker there', () => {
    expect(guidanceState(measured([8, 0, -0.1]), 'approach')).toBe('pastTarget');
    expect(guidanceState(measured([8, 0, 0.1]), 'pastTarget')).toBe('pastTarget');
    expect(guidanceState(measured([8, 0, 0.1]), 'approach')).toBe('approach');
    expect(guidanceState(measured([8, 0, 0.4]), 'pastTarget')).toBe('approach');
  });

  it.each([
    ['missing', 'noPose'],
    ['disconnected', 'noPose'],
    ['stale', 'notLive'],
    ['outOfVolume', 'notLive'],
    ['unknown', 'notLive'],
    ['predicted', 'onTarget'],
  ] as const)('is what a status of %s allows: %s', (status, state) => {
    expect(guidanceState(measured([0, 0, 0], status), 'onTarget')).toBe(state);
  });

  it('refuses limits that make no sense', () => {
    expect(codeOf(() => guidanceState(measured([0, 0, 1]), 'noPose', { onTargetMm: Number.NaN }))).toBe('pose/bad-option');
    expect(codeOf(() => guidanceState(measured([0, 0, 1]), 'noPose', { hysteresisMm: -1 }))).toBe('pose/bad-option');
  });
});

describe('formatted numbers (a digit that was dropped)', () => {
  const decimals = fc.integer({ min: 0, max: 6 });

  it('give the value back to half a unit of the last decimal, at every size', () => {
    const value = fc.oneof(
      fc.double({ min: -1e4, max: 1e4, noNaN: true }),
      fc.double({ min: -1e11, max: 1e11, noNaN: true }),
      fc.integer({ min: -9999, max: 9999 }).map((n) => n / 10),
    );
    fc.assert(
      fc.property(value, decimals, (v, n) => {
        const text = formatNumber(v, n);
        expect(text).toMatch(n === 0 ? /^\u2212?\d+$/ : new RegExp(`^\u2212?\\d+\\.\\d{${n}}$`));
        expect(Math.abs(parseReading(text) - v)).toBeLessThanOrEqual(0.5 * 10 ** -n * (1 + 1e-9) + Math.abs(v) * 1e-15);
        expect(Math.abs(parseReading(formatMm(v, n)) - v)).toBeLessThanOrEqual(0.5 * 10 ** -n * (1 + 1e-9) + Math.abs(v) * 1e-15);
      }),
      { numRuns: 2000 * inject('effort') },
    );
  });

  it('are the known ones', () => {
    expect(formatMm(85.04)).toBe('85.0\u202fmm');
    expect(formatMm(8.5)).toBe('8.5\u202fmm');
    expect(formatMm(-0.04)).toBe('0.0\u202fmm');
    expect(formatMm(-12.26)).toBe('\u221212.3\u202fmm');
    expect(formatDegrees(4.25, 2)).toBe('4.25°');
    expect(formatAge(16.6)).toBe('17\u202fms');
    expect(formatAge(999.4)).toBe('999\u202fms');
    expect(formatAge(999.5)).toBe('1.0\u202fs');
    expect(formatBound(1.21)).toBe('≤\u202f1.3\u202fmm');
    expect(formatBound(1.2)).toBe('≤\u202f1.2\u202fmm');
  });

  it('are unknown where the value is, and never 0', () => {
    for (const v of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e12]) {
      for (const f of [formatMm, formatDegrees, formatAge, formatBound]) {
        if (f === formatAge && v === 1e12) continue;
        expect(f(v)).toBe(UNKNOWN);
        expect(parseReading(f(v))).toBeNaN();
      }
    }
    for (const torn of ['8_.5 mm', '8_.5', '', '.5', '8.', '8,5', '1e3', '--1', '8.5 m']) expect(parseReading(torn)).toBeNaN();
  });

  it('never show a bound smaller than it is', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e3, noNaN: true }), (v) => {
        expect(parseReading(formatBound(v))).toBeGreaterThanOrEqual(v - 1e-8);
        expect(parseReading(formatBound(v))).toBeLessThan(v + 0.1 + 1e-8);
      }),
    );
  });

  it('are shown only of a live pose', () => {
    const live = readout(measured([3, 0, -4]));
    expect(live.distance).toBe('5.0\u202fmm');
    expect(live.depth).toBe('\u22124.0\u202fmm');
    expect(live.error).toBe(UNKNOWN);
    for (const status of ['stale', 'unknown', 'outOfVolume'] as const) {
      const { age, ...rest } = readout(measured([3, 0, -4], status));
      expect(Object.values(rest).every((text) => text === UNKNOWN)).toBe(true);
      expect(age).toBe('20\u202fms');
    }
  });
});

function invert(m: ArrayLike<number>): Float64Array {
  const out = new Float64Array(16);
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) out[4 * c + r] = m[4 * r + c] as number;
    out[12 + r] = -[0, 1, 2].reduce((sum, c) => sum + (m[4 * r + c] as number) * (m[12 + c] as number), 0);
  }
  out[15] = 1;
  return out;
}

/** ct from tip, the tip `depth` along the plan and its −z at `angle` to the plan. */
function poseAlong(way: typeof plan, depth: number, angle: number): Float64Array {
  const [ax, ay, az] = way.axis;
  const z = [-ax, -ay, -az];
  const side = Math.abs(ax) < 0.6 ? [1, 0, 0] : [0, 1, 0];
  const dot = side.reduce((s, v, k) => s + v * (z[k] as number), 0);
  const x0 = side.map((v, k) => v - dot * (z[k] as number));
  const x = x0.map((v) => v / Math.hypot(...x0)) as [number, number, number];
  const y = [
    (z[1] as number) * x[2] - (z[2] as number) * x[1],
    (z[2] as number) * x[0] - (z[0] as number) * x[2],
    (z[0] as number) * x[1] - (z[1] as number) * x[0],
  ];
  const m = Float64Array.from([...x, 0, ...y, 0, ...z, 0, 0, 0, 0, 1]);
  multiply4(m, m, fromRotationVector(new Float64Array(16), [angle, 0, 0]));
  for (let k = 0; k < 3; k += 1) m[12 + k] = (way.entry.xyz[k] as number) + depth * (way.axis[k] as number);
  return m;
}

function quaternion(m: Float64Array): [number, number, number, number] {
  // By the trace only: these poses are checked to stay clear of half a turn.
  const w = Math.sqrt(1 + (m[0] as number) + (m[5] as number) + (m[10] as number)) / 2;
  expect(w).toBeGreaterThan(0.05);
  return [
    ((m[6] as number) - (m[9] as number)) / (4 * w),
    ((m[8] as number) - (m[2] as number)) / (4 * w),
    ((m[1] as number) - (m[4] as number)) / (4 * w),
    w,
  ];
}
