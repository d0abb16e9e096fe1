import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { fromQuaternion, multiply4, Random, rotationAngleBetween } from '../math/index.js';
import type { Instant } from '../time/index.js';
import { addMoved, composeCovariance, pointCovariance, poseNoiseCovariance } from './covariance.js';
import {
  apply,
  compose,
  FrameGraph,
  frame,
  invert,
  type PoseBuffer,
  PoseSample,
  PoseView,
  point,
  type Status,
  transform,
} from './index.js';

const ct = frame('ct');
const tracker = frame('tracker');
const stylus = frame('stylus');
const tip = frame('tip');

const at = (ms: number): Instant => ms as Instant;

function randomMatrix(random: Random, reachMm = 300): Float64Array {
  const q = random.rotation(new Float64Array(4));
  return fromQuaternion(
    new Float64Array(16),
    q,
    [0, 0, 0].map(() => random.between(-reachMm, reachMm)),
  );
}

function push(buffer: PoseBuffer, ms: number, x: number, status: Status = 'ok', q: number[] = [0, 0, 0, 1]): void {
  const s = new PoseSample();
  s.measuredAt = at(ms);
  s.arrivedAt = at(ms + 3);
  s.status = status;
  s.setPose(x, 0, 0, q[0] as number, q[1] as number, q[2] as number, q[3] as number);
  buffer.push(s);
}

const seeds = fc.integer({ min: 0, max: 0x7fffffff });

describe('transforms', () => {
  it('inverse, composition and application agree for any rigid motions', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new Random(seed);
        const a = transform(ct, tracker, randomMatrix(random));
        const b = transform(tracker, stylus, randomMatrix(random));
        const p = point(stylus, [10, -20, 30]);
        const direct = apply(a, apply(b, p));
        const composed = apply(compose(a, b), p);
        const back = apply(invert(compose(a, b)), direct);
        for (let i = 0; i < 3; i += 1) {
          expect(composed.xyz[i]).toBeCloseTo(direct.xyz[i] as number, 9);
          expect(back.xyz[i]).toBeCloseTo(p.xyz[i] as number, 9);
        }
      }),
    );
  });

  it('refuses at run time what does not compile: frames that do not meet', () => {
    const a = transform(ct, tracker, randomMatrix(new Random(1)));
    const wrong = transform(stylus, tip, randomMatrix(new Random(2)));
    expect(() => compose(a, wrong as never)).toThrowError(/needs frame "tracker" but was given "stylus"/);
    expect(() => apply(a, point(stylus, [0, 0, 0]) as never)).toThrowError(/tracker/);
  });

  it.each([
    ['a mirror', [-1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]],
    ['1 % scale', [1.01, 0, 0, 0, 0, 1.01, 0, 0, 0, 0, 1.01, 0, 0, 0, 0, 1]],
    ['shear', [1, 0, 0, 0, 0.1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]],
    ['a NaN', [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, Number.NaN, 0, 0, 1]],
    ['row-major translation', [1, 0, 0, 50, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]],
  ])('refuses %s as a rigid transform', (_, matrix) => {
    try {
      transform(ct, tracker, matrix);
      expect.unreachable();
    } catch (error) {
      expect(isNavError(error, 'frame/not-rigid')).toBe(true);
    }
  });
});

/** The slow oracle of addMoved: the full product with Ad = [[R, [t]×R], [0, R]]. */
function movedByFullProduct(m: Float64Array, c: Float64Array): Float64Array {
  const t = [m[12], m[13], m[14]] as [number, number, number];
  const skew = [0, -t[2], t[1], t[2], 0, -t[0], -t[1], t[0], 0];
  const r = (i: number, j: number): number => m[4 * j + i] as number;
  const ad = (i: number, j: number): number => {
    if (i < 3 && j >= 3) return [0, 1, 2].reduce((sum, k) => sum + (skew[3 * i + k] as number) * r(k, j - 3), 0);
    if (i >= 3 && j < 3) return 0;
    return r(i % 3, j % 3);
  };
  const all = [0, 1, 2, 3, 4, 5];
  return Float64Array.from({ length: 36 }, (_, n) => {
    const [i, j] = [Math.floor(n / 6), n % 6];
    return all.reduce((sum, k) => sum + all.reduce((inner, l) => inner + ad(i, k) * (c[6 * k + l] as number) * ad(j, l), 0), 0);
  });
}

describe('covariance', () => {
  it('is moved as the full product with the adjoint says, for any covariance and motion', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const random = new Random(seed);
        const b = Float64Array.from({ length: 36 }, () => random.normal());
        const c = Float64Array.from({ length: 36 }, (_, n) =>
          [0, 1, 2, 3, 4, 5].reduce(
            (sum, k) => sum + (b[6 * Math.floor(n / 6) + k] as number) * (b[6 * (n % 6) + k] as number),
            0,
          ),
        );
        const m = randomMatrix(random, 20);
        const fast = addMoved(new Float64Array(36).fill(1), m, c);
        const slow = movedByFullProduct(m, c);
        const scale = Math.max(...slow);
        for (let n = 0; n < 36; n += 1)
          expect(Math.abs((fast[n] as number) - 1 - (slow[n] as number)) / scale).toBeLessThan(1e-12);
      }),
    );
  });

  it('of a transformed point agrees with Monte Carlo along a chain of three uncertain edges', () => {
    const random = new Random(7);
    const edges = [randomMatrix(random, 150), randomMatrix(random, 150), randomMatrix(random, 150)];
    const sds = [
      [0.2, 0.002],
      [0.1, 0.004],
      [0.3, 0.001],
    ] as const;
    const covariances = edges.map((m, i) => poseNoiseCovariance(new Float64Array(36), m, Float64Array.from(sds[i] ?? [])));
    const first = composeCovariance(
      new Float64Array(36),
      covariances[0] as Float64Array,
      edges[0] as Float64Array,
      covariances[1] as Float64Array,
    );
    const m01 = multiply4(new Float64Array(16), edges[0] as Float64Array, edges[1] as Float64Array);
    const total = addMoved(Float64Array.from(first), m01, covariances[2] as Float64Array);
    const p = [40, -30, 20];
    const truth = place(edges, p);
    const predicted = pointCovariance(new Float64Array(9), total, truth);
    const sample = new Float64Array(9);
    const n = 60_000;
    for (let k = 0; k < n; k += 1) {
      const noisy = edges.map((m, i) => disturb(random, m, sds[i]?.[0] ?? 0, sds[i]?.[1] ?? 0));
      const x = place(noisy, p).map((v, i) => v - (truth[i] as number));
      for (let i = 0; i < 3; i += 1)
        for (let j = 0; j < 3; j += 1)
          sample[3 * i + j] = (sample[3 * i + j] as number) + ((x[i] as number) * (x[j] as number)) / n;
    }
    const scale = Math.sqrt((predicted[0] as number) * (predicted[4] as number));
    for (let i = 0; i < 9; i += 1) expect(Math.abs((sample[i] as number) - (predicted[i] as number)) / scale).toBeLessThan(0.04);
  });
});

/** The pose with independent noise at the tool's own origin: T · (small motion). */
function disturb(random: Random, m: Float64Array, p: number, r: number): Float64Array {
  const half = [0, 0, 0].map(() => (random.normal() * r) / 2);
  const small = fromQuaternion(
    new Float64Array(16),
    [half[0] as number, half[1] as number, half[2] as number, 1].map((v, _, all) => v / Math.hypot(...all)),
    [0, 0, 0].map(() => random.normal() * p),
  );
  return multiply4(new Float64Array(16), m, small);
}

function place(edges: readonly Float64Array[], p: readonly number[]): number[] {
  return [...edges]
    .reverse()
    .reduce<number[]>(
      (x, m) =>
        [0, 1, 2].map(
          (r) =>
            (m[r] as number) * (x[0] as number) +
            (m[4 + r] as number) * (x[1] as number) +
            (m[8 + r] as number) * (x[2] as number) +
            (m[12 + r] as number),
        ),
      [...p],
    );
}

describe('the frame graph', () => {
  it('reads a path and its reverse as inverses, through fixed and streamed edges', () => {
    const random = new Random(3);
    const graph = new FrameGraph();
    graph.set(transform(ct, tracker, randomMatrix(random), { covariance: 'exact' }));
    const buffer = graph.stream(tracker, stylus, { noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } });
    graph.set(transform(tip, stylus, randomMatrix(random), { covariance: 'exact' }));
    push(buffer, 0, 5);
    push(buffer, 20, 15, 'ok', [0, 0, Math.SQRT1_2, Math.SQRT1_2]);
    graph.tick(at(10));
    const there = new PoseView();
    const back = new PoseView();
    expect(graph.path(ct, tip).read(there)).toBe('ok');
    expect(graph.path(tip, ct).read(back)).toBe('ok');
    const product = multiply4(new Float64Array(16), there.matrix, back.matrix);
    for (let i = 0; i < 16; i += 1) expect(product[i]).toBeCloseTo(i % 5 === 0 ? 1 : 0, 10);
    const carried = addMoved(new Float64Array(36), there.matrix, back.covariance);
    for (let i = 0; i < 36; i += 1) expect(carried[i]).toBeCloseTo(there.covariance[i] as number, 8);
  });

  it('interpolates halfway in position and along the short arc in rotation, whatever the quaternion sign', () => {
    for (const sign of [1, -1]) {
      const graph = new FrameGraph();
      const buffer = graph.stream(tracker, stylus);
      const s = Math.sin(0.2);
      const c = Math.cos(0.2);
      push(buffer, 0, 0, 'ok', [0, 0, 0, 1]);
      push(buffer, 20, 10, 'ok', [0, 0, sign * s, sign * c]);
      graph.tick(at(10));
      const view = new PoseView();
      graph.path(tracker, stylus).read(view);
      expect(view.matrix[12]).toBeCloseTo(5, 12);
      const expected = fromQuaternion(new Float64Array(16), [0, 0, Math.sin(0.1), Math.cos(0.1)], [0, 0, 0]);
      expect(rotationAngleBetween(view.matrix, expected)).toBeLessThan(1e-12);
    }
  });

  it('refuses a loop, and names the way that is already there', () => {
    const graph = new FrameGraph();
    const m = randomMatrix(new Random(4));
    graph.set(transform(ct, tracker, m));
    graph.stream(tracker, stylus);
    expect(() => graph.set(transform(ct, stylus, m))).toThrowError(/ct – tracker – stylus/);
    expect(() => graph.stream(ct, tracker)).toThrowError(/already joined/);
  });

  it('is missing without a route, and follows the graph when one appears or goes', () => {
    const graph = new FrameGraph();
    const path = graph.path(ct, tip);
    const view = new PoseView();
    graph.tick(at(0));
    expect(path.read(view)).toBe('missing');
    expect(view.matrix.every(Number.isNaN)).toBe(true);
    graph.set(transform(ct, tip, randomMatrix(new Random(5)), { covariance: 'exact' }));
    expect(path.read(view)).toBe('ok');
    expect(view.covarianceKnown).toBe(true);
    graph.remove(tip, ct);
    expect(path.read(view)).toBe('missing');
  });

  it('takes an unknown covariance for unknown, not for zero', () => {
    const graph = new FrameGraph();
    graph.set(transform(ct, tracker, randomMatrix(new Random(6)), { covariance: 'exact' }));
    graph.set(transform(tracker, tip, randomMatrix(new Random(7))));
    graph.tick(at(0));
    const view = new PoseView();
    graph.path(ct, tip).read(view);
    expect(view.covarianceKnown).toBe(false);
    expect(view.covariance.every(Number.isNaN)).toBe(true);
  });
});

describe('honest poses', () => {
  function reading(feed: (b: PoseBuffer) => void, when: number, options = {}): PoseView {
    const graph = new FrameGraph();
    const buffer = graph.stream(tracker, stylus, options);
    feed(buffer);
    graph.tick(at(when));
    const view = new PoseView();
    graph.path(tracker, stylus).read(view);
    return view;
  }
  const steady = (b: PoseBuffer): void => {
    for (let i = 0; i <= 10; i += 1) push(b, i * 20, i);
  };

  it('holds the newest pose, says how old it is, and calls it stale when it is too old', () => {
    const held = reading(steady, 240);
    expect(held.status).toBe('ok');
    expect(held.ageMs).toBe(40);
    const old = reading(steady, 200 + 116);
    expect(old.status).toBe('stale');
    expect(old.isLive).toBe(false);
    expect(old.hasPose).toBe(true);
    expect(old.worstEdge?.from.name).toBe('stylus');
  });

  it('has no pose for a tool that the tracker does not see, at once', () => {
    const view = reading((b) => {
      steady(b);
      push(b, 220, 99, 'missing');
    }, 221);
    expect(view.status).toBe('missing');
    expect(view.hasPose).toBe(false);
    expect(view.matrix.every(Number.isNaN)).toBe(true);
  });

  it('does not interpolate across a gap, nor before the first sample', () => {
    const feed = (b: PoseBuffer): void => {
      push(b, 0, 0);
      push(b, 500, 10);
    };
    expect(reading(feed, 250).status).toBe('missing');
    expect(reading(feed, -1).status).toBe('missing');
    expect(reading(feed, 500).status).toBe('ok');
  });

  it('predicts only when asked, within its horizon, and says so', () => {
    const view = reading(steady, 220, { predictMs: 30 });
    expect(view.status).toBe('predicted');
    expect(view.matrix[12]).toBeCloseTo(11, 9);
    expect(reading(steady, 235, { predictMs: 30 }).status).not.toBe('predicted');
    expect(() => reading(steady, 220, { predictMs: 51 })).toThrowError(/predictMs/);
  });

  it('keeps a NaN pose as missing and counts it', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(tracker, stylus);
    push(buffer, 0, 1);
    push(buffer, 20, Number.NaN);
    push(buffer, 40, 1, 'ok', [0, 0, 0, 1.2]);
    expect(buffer.faults.notFinite).toBe(2);
    graph.tick(at(41));
    expect(graph.path(tracker, stylus).read(new PoseView())).toBe('missing');
  });

  it('sorts late samples in, ignores repeats, and overwrites the oldest', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(tracker, stylus, { capacity: 4 });
    for (const ms of [0, 40, 20, 20, 60, 80]) push(buffer, ms, ms);
    expect(buffer.faults.repeated).toBe(1);
    expect(buffer.size).toBe(4);
    push(buffer, 1, 1);
    expect(buffer.faults.tooOld).toBe(1);
    const view = new PoseView();
    for (const ms of [20, 30, 50, 70, 80]) {
      graph.tick(at(ms));
      expect(graph.path(tracker, stylus).read(view)).toBe('ok');
      expect(view.matrix[12]).toBeCloseTo(ms, 9);
    }
  });

  it('tells when its newest sample was measured, whatever order they came in', () => {
    const buffer = new FrameGraph().stream(tracker, stylus);
    expect(buffer.newestAt).toBeNaN();
    for (const ms of [20, 60, 40]) push(buffer, ms, ms);
    expect(buffer.newestAt).toBe(60);
  });

  it('leaves out a sample from the future, which would hide every later one, and counts it', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(tracker, stylus);
    const late = new PoseSample();
    late.measuredAt = at(3_600_000);
    late.arrivedAt = at(10);
    late.status = 'ok';
    late.setPose(1, 2, 3, 0, 0, 0, 1);
    buffer.push(late);
    push(buffer, 20, 5);
    expect(buffer.faults.fromTheFuture).toBe(1);
    graph.tick(at(21));
    expect(graph.path(tracker, stylus).read(new PoseView())).toBe('ok');
  });

  it('has no pose before the first tick, nor at an instant that is none', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(tracker, stylus);
    steady(buffer);
    const view = new PoseView();
    expect(graph.path(tracker, stylus).read(view)).toBe('missing');
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY]) {
      graph.tick(at(ms));
      expect(graph.path(tracker, stylus).read(view)).toBe('missing');
    }
  });

  it('is disconnected while the device is', () => {
    const view = reading((b) => {
      steady(b);
      b.connected = false;
    }, 201);
    expect(view.status).toBe('disconnected');
    expect(view.hasPose).toBe(false);
  });
});
