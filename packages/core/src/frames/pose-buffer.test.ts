import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { fromQuaternion, Random, rotationAngleBetween } from '../math/index.js';
import type { Instant } from '../time/index.js';
import {
  FrameGraph,
  frame,
  type Path,
  type PoseBuffer,
  type PoseBufferOptions,
  PoseSample,
  PoseView,
  type Status,
} from './index.js';

const tracker = frame('tracker');
const tool = frame('tool');

interface Stream {
  readonly graph: FrameGraph;
  readonly buffer: PoseBuffer;
  readonly path: Path<'tracker', 'tool'>;
  readonly view: PoseView;
}

function stream(options: PoseBufferOptions = {}): Stream {
  const graph = new FrameGraph();
  const buffer = graph.stream(tracker, tool, options);
  return { graph, buffer, path: graph.path(tracker, tool), view: new PoseView() };
}

function read(s: Stream, ms: number): PoseView {
  s.graph.tick(ms as Instant);
  s.path.read(s.view);
  return s.view;
}

/** A sample at x, turned by `angle` about z. */
function push(b: PoseBuffer, ms: number, x: number, status: Status = 'ok', arrived = ms + 5, angle = 0): void {
  const sample = new PoseSample();
  sample.values.set([ms, arrived, 0.1, x, 0, 0, 0, 0, Math.sin(angle / 2), Math.cos(angle / 2)]);
  sample.status = status;
  b.push(sample);
}

describe('a status that worsens', () => {
  it.each(['stale', 'missing', 'disconnected', 'outOfVolume'] as const)('for the same measured time is not lost: %s', (worse) => {
    const s = stream();
    for (let i = 0; i <= 5; i += 1) push(s.buffer, 20 * i, i);
    push(s.buffer, 100, 99, worse, 140);
    expect(read(s, 141).status).toBe(worse);
    if (s.view.hasPose) expect(s.view.matrix[12]).toBe(5);
    push(s.buffer, 100, 5, 'ok', 150);
    expect(read(s, 151).status).toBe(worse);
    expect(s.buffer.faults.repeated).toBe(2);
    push(s.buffer, 120, 6, 'ok', 152);
    expect(read(s, 152).status).toBe('ok');
  });

  it('takes back repeats that were kept as new, and the age is that of the measurement', () => {
    const s = stream();
    for (let i = 0; i <= 10; i += 1) push(s.buffer, 20 * i, Math.min(i, 4));
    expect(read(s, 206).status).toBe('ok');
    push(s.buffer, 80, 4, 'stale', 225);
    expect(read(s, 226).status).toBe('stale');
    expect(s.view.ageMs).toBe(226 - 80);
    expect(s.view.matrix[12]).toBe(4);
    expect(s.buffer.faults.takenBack).toBe(6);
    push(s.buffer, 240, 7, 'ok', 245);
    expect(read(s, 246).status).toBe('ok');
    // What lies between was never measured.
    expect(read(s, 160).status).toBe('missing');
  });

  it('takes back nothing that arrived after it, and nothing by any other status', () => {
    const s = stream();
    push(s.buffer, 0, 0);
    push(s.buffer, 40, 2, 'ok', 45);
    push(s.buffer, 20, 1, 'stale', 44);
    expect(read(s, 46).status).toBe('ok');
    push(s.buffer, 30, 1.5, 'missing', 60);
    expect(read(s, 61).status).toBe('ok');
    expect(s.buffer.faults.takenBack).toBe(0);
  });

  it('stale outlives every sample kept, when it is older than all of them', () => {
    const s = stream({ capacity: 4 });
    for (let i = 10; i < 20; i += 1) push(s.buffer, 20 * i, 4);
    push(s.buffer, 80, 4, 'stale', 400);
    expect(read(s, 401).status).toBe('stale');
    expect(s.buffer.size).toBe(1);
  });
});

describe('ages', () => {
  it('come from the measured time and not from the arrival', () => {
    const s = stream();
    // A device that is fine but behind a queue that grows: every packet arrives fresh with an ever older pose.
    let seenAt = Number.NaN;
    for (let i = 0; i < 200; i += 1) {
      const arrived = 20 * i * 1.2 + 5;
      push(s.buffer, 20 * i, i, 'ok', arrived);
      const view = read(s, arrived);
      expect(view.ageMs).toBeCloseTo(arrived - 20 * i, 9);
      if (view.status === 'stale' && Number.isNaN(seenAt)) seenAt = view.ageMs;
    }
    expect(s.view.status).toBe('stale');
    expect(seenAt).toBeLessThan(s.buffer.staleAfterMs + 5);
  });

  it('along a path is the oldest measurement, whatever arrived last', () => {
    const graph = new FrameGraph();
    const reference = frame('reference');
    const old = graph.stream(tracker, reference);
    const young = graph.stream(tracker, tool);
    push(old, 900, 1, 'ok', 999);
    push(young, 990, 2, 'ok', 995);
    const view = new PoseView();
    graph.tick(1000 as Instant);
    graph.path(reference, tool).read(view);
    expect([view.ageMs, view.arrivedAt]).toEqual([100, 999]);
  });

  it('after the machine slept: a leap of the clock makes the pose stale, never ok, also where it would be predicted', () => {
    for (const predictMs of [0, 50]) {
      const s = stream({ predictMs });
      for (let i = 0; i <= 10; i += 1) push(s.buffer, 20 * i, i);
      expect(read(s, 205).isLive).toBe(true);
      for (const leap of [200, 3_600_000]) {
        expect(read(s, 205 + leap).status).toBe('stale');
        expect(s.view.isLive).toBe(false);
        expect(s.view.ageMs).toBe(5 + leap);
      }
      // The first packet after it is measured now, and the leap is a gap.
      push(s.buffer, 3_600_400, 99);
      expect(read(s, 3_600_405).status).toBe('ok');
      expect(s.view.predictedMs).toBe(0);
      expect(read(s, 1_000_000).status).toBe('missing');
    }
  });
});

describe('prediction', () => {
  const steady = (s: Stream, n = 10): void => {
    for (let i = 0; i <= n; i += 1) push(s.buffer, 20 * i, i, 'ok', 20 * i + 5, 0.1 * i);
  };

  it('carries position and rotation on at a constant rate, and tells how far', () => {
    const s = stream({ predictMs: 50 });
    steady(s);
    const view = read(s, 245);
    expect([view.status, view.predictedMs, view.ageMs]).toEqual(['predicted', 45, 45]);
    expect(view.matrix[12]).toBeCloseTo(12.25, 9);
    const angle = 0.1 * 12.25;
    const expected = fromQuaternion(new Float64Array(16), [0, 0, Math.sin(angle / 2), Math.cos(angle / 2)], [0, 0, 0]);
    expect(rotationAngleBetween(view.matrix, expected)).toBeLessThan(1e-9);
    expect(read(s, 200).predictedMs).toBe(0);
    expect(read(s, 190).predictedMs).toBe(0);
    expect(read(s, 251)).toMatchObject({ status: 'ok', predictedMs: 0 });
  });

  it('turns on beyond the last pose by any rotation, whatever the signs of the quaternions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 0.001, max: 1, noNaN: true }), (seed, rate) => {
        const random = new Random(seed);
        const [x = 0, y = 0, z = 0] = [random.normal(), random.normal(), random.normal()];
        const length = Math.hypot(x, y, z);
        const at = (angle: number): number[] => [
          ...[x, y, z].map((v) => (v / length) * Math.sin(angle / 2)),
          Math.cos(angle / 2),
        ];
        const s = stream({ predictMs: 50 });
        for (const [i, sign] of [1, random.uniform() < 0.5 ? -1 : 1].entries()) {
          const sample = new PoseSample();
          sample.values.set([20 * i, 20 * i, 0, 0, 0, 0, ...at(rate * i).map((v) => sign * v)]);
          sample.status = 'ok';
          s.buffer.push(sample);
        }
        const view = read(s, 20 + 50);
        const expected = fromQuaternion(new Float64Array(16), at(rate * 3.5), [0, 0, 0]);
        expect(rotationAngleBetween(view.matrix, expected)).toBeLessThan(1e-7);
      }),
    );
  });

  it('takes its velocity over at least 12 ms, so that fast trackers do not multiply their noise', () => {
    const s = stream({ predictMs: 50 });
    for (let i = 0; i <= 40; i += 1) push(s.buffer, i, 0.1 * i + (i % 2 === 0 ? 0.05 : -0.05));
    const view = read(s, 90);
    expect(view.status).toBe('predicted');
    expect(Math.abs((view.matrix[12] as number) - 9)).toBeLessThan(0.1 * (1 + 50 / 12) + 1e-9);
  });

  it.each([
    ['one sample alone', [[200, 'ok']]],
    [
      'a stale sample',
      [
        [180, 'ok'],
        [200, 'stale'],
      ],
    ],
    [
      'a stale sample before it',
      [
        [180, 'stale'],
        [200, 'ok'],
      ],
    ],
    [
      'a missing sample before it',
      [
        [180, 'missing'],
        [200, 'ok'],
      ],
    ],
    [
      'a missing sample on the way to the base',
      [
        [180, 'ok'],
        [195, 'missing'],
        [200, 'ok'],
      ],
    ],
    [
      'the far side of a gap',
      [
        [80, 'ok'],
        [200, 'ok'],
      ],
    ],
  ] as const)('is not made from %s', (_, samples) => {
    const s = stream({ predictMs: 50 });
    for (const [ms, status] of samples) push(s.buffer, ms, ms, status);
    const view = read(s, 220);
    expect(view.status).toBe(samples.at(-1)?.[1]);
    expect(view.predictedMs).toBe(0);
    expect(view.matrix[12]).toBe(200);
  });

  it('keeps the worse status of what it was made from, and stops where a pose is stale', () => {
    const s = stream({ predictMs: 50 });
    for (const [ms, x] of [
      [180, 0],
      [200, 1],
    ] as const)
      push(s.buffer, ms, x, 'unknown');
    expect(read(s, 220)).toMatchObject({ status: 'unknown', predictedMs: 20 });
    const short = stream({ predictMs: 50, staleAfterMs: 20 });
    steady(short);
    expect(read(short, 230)).toMatchObject({ status: 'stale', predictedMs: 0 });
  });

  it('tells the longest horizon along a path, and none without a pose', () => {
    const graph = new FrameGraph();
    const reference = frame('reference');
    const a = graph.stream(tracker, reference, { predictMs: 50 });
    const b = graph.stream(tracker, tool, { predictMs: 50 });
    for (const ms of [160, 180]) push(a, ms, ms);
    for (const ms of [180, 200]) push(b, ms, ms);
    const view = new PoseView();
    graph.tick(210 as Instant);
    graph.path(reference, tool).read(view);
    expect([view.status, view.predictedMs]).toEqual(['predicted', 30]);
    b.connected = false;
    graph.path(reference, tool).read(view);
    expect([view.status, view.predictedMs]).toEqual(['disconnected', 0]);
  });

  it('errs as little as the research table says, and its covariance covers it at every horizon', () => {
    const table = [
      [16, 0.28],
      [33, 0.65],
      [50, 1.2],
    ] as const;
    let before = 0;
    for (const [horizon, limit] of table) {
      const { rms, stated } = predictHand(horizon, 40 * inject('effort'));
      expect(Math.abs(rms / limit - 1)).toBeLessThan(0.1);
      expect(stated / rms).toBeGreaterThan(1);
      expect(stated / rms).toBeLessThan(3);
      expect(stated).toBeGreaterThan(before);
      before = stated;
    }
  });

  it('widens the covariance by the noise of both poses and by what the motion could do', () => {
    const s = stream({
      predictMs: 50,
      noise: { positionSdMm: 0.2, rotationSdRad: 0.001 },
      motion: { accelerationMmPerS2: 500, angularAccelerationRadPerS2: 4 },
    });
    for (const ms of [180, 200]) push(s.buffer, ms, 0);
    expect(read(s, 200).covariance[0]).toBeCloseTo(0.04, 12);
    // 40 ms ahead from 20 ms: noise × (3² + 2²), and 500 mm/s² × 0.04 s × 0.06 s / 2.
    const view = read(s, 240);
    expect(view.covariance[0]).toBeCloseTo(0.04 * 13 + 0.6 ** 2, 9);
    expect(view.covariance[21]).toBeCloseTo(1e-6 * 13 + 0.0048 ** 2, 12);
  });

  it('refuses accelerations below zero', () => {
    const bad = { motion: { accelerationMmPerS2: -1, angularAccelerationRadPerS2: 1 } };
    expect(() => stream(bad)).toThrowError(/accelerations/);
  });
});

/** 0.1 mm in all, per axis. */
const NOISE = 0.1 / Math.sqrt(3);

/** The research table's hand: 0.5 to 2.5 Hz, 92 mm/s rms, 0.1 mm of noise at 60 Hz. RMS error of the predicted position (mm) over many hands, and the rms that its covariance states. */
function predictHand(horizonMs: number, hands: number): { rms: number; stated: number } {
  let square = 0;
  let variance = 0;
  let n = 0;
  for (let k = 0; k < hands; k += 1) {
    const random = new Random(100 + k);
    const waves = Array.from({ length: 15 }, (_, i) => ({
      axis: i % 3,
      w: 2 * Math.PI * random.between(0.5, 2.5),
      phase: random.between(0, 2 * Math.PI),
    }));
    // Speeds fall with the frequency; half the sum of their squares is the square of 92 mm/s.
    const speed = (92 * Math.SQRT2) / Math.sqrt(waves.reduce((sum, v) => sum + v.w ** -2, 0));
    const at = (ms: number, axis: number): number =>
      waves.reduce((sum, v) => (v.axis === axis ? sum + (speed / v.w ** 2) * Math.sin((v.w * ms) / 1000 + v.phase) : sum), 0);
    const s = stream({
      predictMs: 50,
      noise: { positionSdMm: NOISE, rotationSdRad: 0 },
      motion: { accelerationMmPerS2: 1000, angularAccelerationRadPerS2: 0 },
    });
    for (let i = 0; i < 60; i += 1) {
      const ms = (i * 1000) / 60;
      const sample = new PoseSample();
      const [x = 0, y = 0, z = 0] = [0, 1, 2].map((axis) => at(ms, axis) + NOISE * random.normal());
      sample.values.set([ms, ms, 0, x, y, z, 0, 0, 0, 1]);
      sample.status = 'ok';
      s.buffer.push(sample);
      if (i < 2) continue;
      const view = read(s, ms + horizonMs - 1e-6);
      for (const axis of [0, 1, 2]) square += ((view.matrix[12 + axis] as number) - at(ms + horizonMs, axis)) ** 2;
      for (const d of [0, 7, 14]) variance += view.covariance[d] as number;
      n += 1;
    }
  }
  return { rms: Math.sqrt(square / n), stated: Math.sqrt(variance / n) };
}
