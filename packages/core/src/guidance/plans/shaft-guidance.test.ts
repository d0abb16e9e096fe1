import { describe, expect, inject, it } from 'vitest';
import { FrameGraph, frame, PoseView, point, STATUSES, type Status, transform } from '../../frames/index.js';
import { fromRotationVector, multiply4, Random, radiusQuantile } from '../../math/index.js';
import { codeOf } from '../../test-support/error-code.js';
import { needle, ShaftGuidance, type ShaftGuidanceOptions, straightPlan, TipSpeed } from '../index.js';
import { ball, shape } from './test-support/fields.js';

const CT = frame('ct');
const plan = straightPlan({ entry: point(CT, [0, 0, 100]), target: point(CT, [0, 0, 0]) });
const rod = needle({ name: 'rod', lengthMm: 120, outerDiameterMm: 2 });
const wall = { name: 'wall', field: shape(CT, (x) => 20 - x), marginMm: 3 };
const options: ShaftGuidanceOptions<'ct'> = { plan, needle: rod, structures: [wall] };

/** A tip at a place, the tool's −z down along the plan, turned by a rotation vector; no covariance. */
function viewAt(xyz: readonly number[], atMs = 1000, turn: readonly number[] = [0, 0, 0], status: Status = 'ok'): PoseView {
  const view = new PoseView();
  view.status = status;
  view.matrix.set(fromRotationVector(new Float64Array(16), turn));
  view.matrix.set(xyz, 12);
  view.times.set([atMs, atMs - 15, atMs - 10, Number.NaN, 0]);
  return view;
}

/** The same with errors at the tool's own origin of so much a component. */
function uncertain(
  view: PoseView,
  positionSdMm: number,
  rotationSdRad: number,
  degreesOfFreedom = Number.POSITIVE_INFINITY,
): PoseView {
  // An error n of the place and φ of the rotation, both at the tool's origin t: the pose's error is (n + t × φ, φ).
  const [x = 0, y = 0, z = 0] = view.matrix.slice(12, 15);
  const columns = [
    [1, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 0],
    [0, 0, 1, 0, 0, 0],
    [0, z, -y, 1, 0, 0],
    [-z, 0, x, 0, 1, 0],
    [y, -x, 0, 0, 0, 1],
  ];
  view.covariance.fill(0);
  for (const [n, column] of columns.entries()) {
    const variance = (n < 3 ? positionSdMm : rotationSdRad) ** 2;
    for (let i = 0; i < 36; i += 1) {
      const product = variance * (column[Math.floor(i / 6)] as number) * (column[i % 6] as number);
      view.covariance[i] = (view.covariance[i] as number) + product;
    }
  }
  view.covarianceKnown = true;
  view.degreesOfFreedom = degreesOfFreedom;
  return view;
}

describe('a whole shaft', () => {
  it('is as near as its nearest place, which need not be its tip', () => {
    const guide = new ShaftGuidance(options);
    expect(guide.measure(viewAt([0, 0, 50]))).toBe('approach');
    expect(Math.abs(guide.distanceMm(0) - 19)).toBeLessThan(0.1);
    // Tilted about y, the hub at x = 120 sin 5°: the tip alone would see nothing of it.
    guide.measure(viewAt([0, 0, 50], 1016, [0, (5 * Math.PI) / 180, 0]));
    const hub = 20 - 120 * Math.sin((5 * Math.PI) / 180) - 1;
    expect(Math.abs(guide.distanceMm(0) - hub)).toBeLessThan(0.1);
    expect(guide.nearestAlongMm(0)).toBeGreaterThan(115);
    expect([guide.tightest, guide.covered(0), guide.bounded]).toEqual([0, true, false]);
    expect(guide.clearanceMm(0)).toBeNaN();
  });

  it('knows nothing with any status that is not live, and no breach of before', () => {
    for (const status of STATUSES) {
      const guide = new ShaftGuidance(options);
      for (let n = 0; n < 10; n += 1) guide.measure(viewAt([17, 0, 80 - n], 1000 + 20 * n));
      expect(guide.state).toBe('breach');
      const state = guide.measure(uncertain(viewAt([17, 0, 70], 1200, [0, 0, 0], status), 0.2, 0.001));
      if (status === 'ok' || status === 'predicted') {
        expect([state, Number.isFinite(guide.distanceMm(0)), guide.timeToContactMs(0) > 0]).toEqual(['breach', true, true]);
        continue;
      }
      expect(state).toBe(status === 'missing' || status === 'disconnected' ? 'noPose' : 'notLive');
      expect([guide.distanceMm(0), guide.clearanceMm(0), guide.nearestAlongMm(0), guide.timeToContactMs(0)]).toEqual(
        Array(4).fill(Number.NaN),
      );
      expect([guide.tightest, guide.covered(0), guide.breached(0), guide.bounded]).toEqual([-1, false, false, false]);
    }
  });

  it('goes through its states with hysteresis, a breach before all others', () => {
    const guide = new ShaftGuidance({ ...options, limits: { onTargetMm: 1, hysteresisMm: 0.3 }, breachHysteresisMm: 0.5 });
    const at = (x: number, z: number): string => guide.measure(viewAt([x, 0, z]));
    expect([at(0, 50), at(0, 1.2), at(0, 0.9), at(0, 1.2), at(0, 1.4), at(0, -1.2), at(0, -2)]).toEqual([
      'approach',
      'approach',
      'onTarget',
      'onTarget',
      'approach',
      'pastTarget',
      'pastTarget',
    ]);
    // The surface is 1 mm and the margin 3 mm from the axis: 16 is on it.
    expect([at(15.9, 5), at(16.1, 5), at(15.9, 5), at(15.6, 5), at(15.4, 5), at(15.9, 5)]).toEqual([
      'approach',
      'breach',
      'breach',
      'breach',
      'approach',
      'approach',
    ]);
    expect([at(25, 0), guide.distanceMm(0) < -5, at(0, 0.5)]).toEqual(['breach', true, 'onTarget']);
  });

  it('is on target where its working point is, not where its tip is', () => {
    const electrode = needle({ name: 'RFA', lengthMm: 120, outerDiameterMm: 2, tipOffsetMm: 15 });
    const guide = new ShaftGuidance({ ...options, needle: electrode, structures: [] });
    expect([guide.measure(viewAt([0, 0, 0])), guide.measure(viewAt([0, 0, -15]))]).toEqual(['approach', 'onTarget']);
    // Tilted, the working point is 15 mm up along the needle and not along the plan.
    const tilt = 0.3;
    const tip = [-15 * Math.sin(tilt), 0, -15 * Math.cos(tilt)];
    expect(guide.measure(uncertain(viewAt(tip, 1000, [0, tilt, 0]), 0.3, 0))).toBe('onTarget');
    expect(guide.deviation.distanceToTargetMm).toBeLessThan(1e-9);
    expect(guide.deviation.tipError95Mm).toBeCloseTo(0.3 * 2.7955, 3);
    // What it must keep clear of is measured from the real tip.
    const under = { name: 'under', field: shape(CT, (_x, _y, z) => z + 20), marginMm: 0 };
    const deep = new ShaftGuidance({ ...options, needle: electrode, structures: [under] });
    deep.measure(viewAt([0, 0, -15]));
    expect(Math.abs(deep.distanceMm(0) - 4)).toBeLessThan(0.1);
  });

  it('is read from a graph, and only in the frame of its plan', () => {
    const tip = frame('tip');
    const graph = new FrameGraph();
    graph.set(transform(CT, tip, fromRotationVector(new Float64Array(16), [0, 0, 0])));
    const guide = new ShaftGuidance(options);
    graph.tick(1000 as never);
    expect(guide.read(graph.path(CT, tip), new PoseView())).toBe('onTarget');
    expect(codeOf(() => guide.read(graph.path(tip, CT) as never, new PoseView()))).toBe('frame/mismatch');
  });

  it('is in breach as soon as the error of its pose allows it', () => {
    const guide = new ShaftGuidance(options);
    expect(guide.measure(viewAt([14, 0, 50]))).toBe('approach');
    expect(guide.measure(uncertain(viewAt([14, 0, 50]), 0.05, 0))).toBe('approach');
    // 2 mm of room, and an error of 1 mm each way.
    expect(guide.measure(uncertain(viewAt([14, 0, 50]), 1, 0))).toBe('breach');
    expect(guide.distanceMm(0)).toBeGreaterThan(4.9);
    // Half a degree at the tip is a millimetre at the hub: only the hub's end is uncertain.
    expect(guide.measure(uncertain(viewAt([14, 0, 50]), 0, 0.01))).toBe('breach');
    expect(guide.nearestAlongMm(0)).toBeGreaterThan(119);
  });

  it('is not nearer than its clearance in 95 % of the poses that may be the true one', () => {
    // One wall, whose error is that along its normal; a corner of three, which more directions lead to; a ball beside the hub.
    const corner = shape(CT, (x, y, z) => Math.min(12 - x, 12 - y, z + 12));
    const beside = ball(CT, [14, -6, 90], 5);
    const random = new Random(inject('seed') + 80);
    const runs = 1500 * inject('effort');
    const covers: number[] = [];
    for (const field of [wall.field, corner, beside]) {
      for (const [positionSd, rotationSd, dof] of [
        [0.5, 0.003, Number.POSITIVE_INFINITY],
        [0.1, 0.012, Number.POSITIVE_INFINITY],
        [0.5, 0.003, 9],
      ] as const) {
        const guide = new ShaftGuidance({ plan, needle: rod, structures: [{ name: 's', field, marginMm: 0 }] });
        const truth = new ShaftGuidance({ plan, needle: rod, structures: [{ name: 's', field, marginMm: 0 }] });
        const shown = viewAt([0, 0, 5], 1000, [0.02, -0.03, 0]);
        guide.measure(uncertain(shown, positionSd, rotationSd, dof));
        const stated = guide.clearanceMm(0);
        expect(stated).toBeLessThan(guide.distanceMm(0));
        let held = 0;
        for (let n = 0; n < runs; n += 1) {
          // Student's t by its definition: the true scale differs from the estimated one.
          let chi = 1;
          if (Number.isFinite(dof)) {
            chi = 0;
            for (let k = 0; k < dof; k += 1) chi += random.normal() ** 2 / dof;
          }
          const scale = 1 / Math.sqrt(chi);
          const turn = fromRotationVector(
            new Float64Array(16),
            [0, 1, 2].map(() => scale * rotationSd * random.normal()),
          );
          const real = viewAt([0, 0, 5]);
          // About the tool's own origin, as the covariance is stated.
          const at = shown.matrix.slice(12, 15);
          real.matrix.set(shown.matrix);
          real.matrix.set([0, 0, 0], 12);
          multiply4(real.matrix, turn, real.matrix);
          real.matrix.set(
            at.map((v) => v + scale * positionSd * random.normal()),
            12,
          );
          truth.measure(real);
          // The certain distance may be 0.1 mm short of the true one: the sampled one is not.
          if (truth.distanceMm(0) >= stated) held += 1;
        }
        covers.push(held / runs);
      }
    }
    // Four standard deviations of the count below 95 %.
    for (const share of covers) expect(share).toBeGreaterThan(0.95 - 4 * Math.sqrt((0.95 * 0.05) / runs));
    // A bound that is always held would bound nothing.
    expect(Math.min(...covers)).toBeLessThan(0.9995);
  });

  it('takes off a radius that no error of the same size exceeds, whatever its shape', () => {
    const random = new Random(inject('seed') + 81);
    const line = Float64Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0);
    for (let n = 0; n < 200 * inject('effort'); n += 1) {
      const [a, b, c] = [0, 1, 2].map(() => random.uniform() ** 3) as [number, number, number];
      const dof = [Number.POSITIVE_INFINITY, 3, 6, 12, 50][n % 5] as number;
      const radius = radiusQuantile(Float64Array.of(a, 0, 0, 0, b, 0, 0, 0, c), 0.95, dof);
      expect(radius).toBeLessThanOrEqual(radiusQuantile(line, 0.95, dof) * Math.sqrt(a + b + c) * (1 + 1e-4));
    }
  });

  it('refuses what makes no sense', () => {
    expect(codeOf(() => new ShaftGuidance({ ...options, structures: [{ ...wall, marginMm: Number.NaN }] }))).toBe(
      'guidance/bad-option',
    );
    expect(codeOf(() => new ShaftGuidance({ ...options, breachHysteresisMm: -1 }))).toBe('guidance/bad-option');
    expect(codeOf(() => new ShaftGuidance({ ...options, toolAxis: [0, 0, 0] }))).toBe('guidance/bad-plan');
    const foreign = { name: 'f', field: ball(frame('mr'), [0, 0, 0], 1), marginMm: 1 } as never;
    expect(codeOf(() => new ShaftGuidance({ ...options, structures: [foreign] }))).toBe('frame/mismatch');
  });
});

describe('the time to contact', () => {
  const floor = { name: 'floor', field: shape(CT, (_x, _y, z) => z + 10), marginMm: 0 };

  it('is that of the distance ahead at the speed along the needle, and never later', () => {
    const guide = new ShaftGuidance({ ...options, structures: [floor, wall] });
    // 50 mm/s down, from z = 60: after a second at 10, the needle's rounded end 19 mm above the floor.
    for (let n = 0; n <= 60; n += 1) guide.measure(viewAt([0, 0, 60 - (50 * n) / 60], 1000 + (1000 * n) / 60));
    expect(guide.timeToContactMs(0)).toBeLessThanOrEqual(380);
    expect(guide.timeToContactMs(0)).toBeGreaterThan(375);
    expect(guide.timeToContactMs(1)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is earlier with noise, and with an error of the tip, never later than the truth but for one case in twenty', () => {
    const random = new Random(inject('seed') + 82);
    let late = 0;
    for (let run = 0; run < 300; run += 1) {
      const guide = new ShaftGuidance({ ...options, structures: [floor] });
      for (let n = 0; n <= 30; n += 1) {
        const noisy = [0, 1, 2].map((k) => (k === 2 ? 40 - (20 * n) / 60 : 0) + 0.2 * random.normal());
        guide.measure(uncertain(viewAt(noisy, 1000 + (1000 * n) / 60), 0.2, 0));
      }
      // At 30 mm: 39 mm of room at 20 mm/s.
      if (guide.timeToContactMs(0) > 1950) late += 1;
    }
    expect(late / 300).toBeLessThan(0.05);
  });

  it('is unknown with the speed, and never where the needle withdraws or looks elsewhere', () => {
    const guide = new ShaftGuidance({ ...options, structures: [floor] });
    guide.measure(viewAt([0, 0, 60], 1000));
    expect(guide.timeToContactMs(0)).toBeNaN();
    for (let n = 1; n < 20; n += 1) guide.measure(viewAt([0, 0, 60 + n], 1000 + 16 * n));
    expect(guide.timeToContactMs(0)).toBe(Number.POSITIVE_INFINITY);
    for (let n = 1; n < 20; n += 1) guide.measure(viewAt([0, 0, 79 - n], 1304 + 16 * n));
    expect(guide.timeToContactMs(0)).toBeLessThan(1200);
    guide.measure(viewAt([0, 0, 60], 1700, [0, 0, 0], 'stale'));
    guide.measure(viewAt([0, 0, 60], 1716));
    expect(guide.timeToContactMs(0)).toBeNaN();
  });

  it('is no time at all in contact', () => {
    const guide = new ShaftGuidance({ ...options, structures: [floor] });
    for (let n = 0; n < 20; n += 1) guide.measure(viewAt([0, 0, 10 - n], 1000 + 16 * n));
    expect(guide.timeToContactMs(0)).toBe(0);
  });
});

describe('the speed of a tip', () => {
  it('is that of a straight motion, exactly, and with noise within its standard error', () => {
    const exact = new TipSpeed();
    for (let n = 0; n < 20; n += 1) exact.update(viewAt([n, -2 * n, 0.5 * n], 1000 + 20 * n));
    for (const [k, v] of [50, -100, 25].entries()) expect(exact.velocity[k]).toBeCloseTo(v, 6);
    expect(exact.standardErrorMmPerS).toBeLessThan(1e-3);
    const random = new Random(inject('seed') + 83);
    let [square, stated] = [0, 0];
    for (let run = 0; run < 400; run += 1) {
      const speed = new TipSpeed();
      for (let n = 0; n < 20; n += 1)
        speed.update(
          viewAt(
            [n, 0, 0].map((v) => v + 0.3 * random.normal()),
            1000 + 20 * n,
          ),
        );
      square += ((speed.velocity[0] as number) - 50) ** 2 / 400;
      stated += speed.standardErrorMmPerS ** 2 / 400;
    }
    expect(Math.abs(Math.sqrt(square / stated) - 1)).toBeLessThan(0.15);
  });

  it('is not made of one measurement seen again and again, of a gap, of a clock that went back, or of a pose that is not live', () => {
    const speed = new TipSpeed();
    for (let n = 0; n < 20; n += 1) speed.update(viewAt([n, 0, 0], 1000));
    expect(speed.velocity[0]).toBeNaN();
    for (let n = 0; n < 20; n += 1) speed.update(viewAt([n, 0, 0], 1000 + 20 * n));
    expect(speed.velocity[0]).toBeCloseTo(50, 6);
    speed.update(viewAt([500, 0, 0], 1900));
    expect(speed.velocity[0]).toBeNaN();
    for (let n = 0; n < 20; n += 1) speed.update(viewAt([n, 0, 0], 2000 + 20 * n));
    speed.update(viewAt([0, 0, 0], 1990));
    expect(speed.velocity[0]).toBeNaN();
    for (const status of STATUSES) {
      for (let n = 0; n < 20; n += 1) speed.update(viewAt([n, 0, 0], 3000 + 20 * n));
      speed.update(viewAt([20, 0, 0], 3400, [0, 0, 0], status));
      expect(Number.isNaN(speed.velocity[0] as number)).toBe(status !== 'ok' && status !== 'predicted');
      speed.update(viewAt([0, 0, 0], 100));
    }
  });

  it('counts a predicted pose for the time it is predicted for', () => {
    const speed = new TipSpeed();
    for (let n = 0; n < 20; n += 1) {
      // Every second one 10 ms ahead, and so half a millimetre on.
      const ahead = n % 2 === 0 ? 10 : 0;
      const view = viewAt([n + ahead / 20, 0, 0], 1000 + 20 * n, [0, 0, 0], 'predicted');
      view.times[4] = ahead;
      speed.update(view);
    }
    expect(speed.velocity[0]).toBeCloseTo(50, 6);
    expect(speed.standardErrorMmPerS).toBeLessThan(1e-3);
  });
});
