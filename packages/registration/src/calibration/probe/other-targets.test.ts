import { isNavError } from '@trocar/core';
import { fromRotationVector, Random } from '@trocar/core/math';
import { describe, expect, inject, it } from 'vitest';
import { calibrateProbe } from './calibrate-probe.js';
import { derivativesOf, misfitsOf, moved, PARAMETERS } from './model.js';
import { ProbeTrack } from './observations.js';
import {
  calibrateProbeByPoint,
  calibrateProbeBySingleWall,
  type PointObservation,
  type WallObservation,
} from './other-targets.js';
import { soundSpeedOf } from './sound-speed.js';
import { startOf } from './start.js';
import { apartMm, IMAGE, PHANTOM, PROBE, wireScene } from './test-support/wire-scenes.js';

interface Noise {
  readonly px: number;
  readonly mm: number;
  readonly rad: number;
}
const NONE: Noise = { px: 0, mm: 0, rad: 0 };
const SOME: Noise = { px: 1, mm: 0.1, rad: 0.001 };

const rotation = (random: Random, most: number): Float64Array =>
  fromRotationVector(new Float64Array(16), [
    random.between(-most, most),
    random.between(-most, most),
    random.between(-most, most),
  ]);
const through = (m: ArrayLike<number>, p: readonly number[], w = 1): number[] =>
  [0, 1, 2].map((r) => [0, 1, 2].reduce((s, c) => s + (m[4 * c + r] as number) * (p[c] as number), w * (m[12 + r] as number)));

function probeOf(random: Random): Float64Array {
  const pose = rotation(random, 1.5);
  const [sx, sy] = [random.between(0.07, 0.09), random.between(0.07, 0.09)];
  return pose.map((x, n) => (n < 4 ? x * sx : n < 8 ? x * sy : n < 12 ? x * 0.08 : n < 15 ? random.between(-40, 40) : x));
}

function noisy(random: Random, m: Float64Array, { mm, rad }: Noise): Float64Array {
  const turn = fromRotationVector(new Float64Array(16), [rad * random.normal(), rad * random.normal(), rad * random.normal()]);
  const out = Float64Array.from({ length: 16 }, (_, n) =>
    n % 4 === 3
      ? n === 15
        ? 1
        : 0
      : [0, 1, 2].reduce((s, k) => s + (m[4 * k + (n % 4)] as number) * (n < 12 ? (turn[4 * (n >> 2) + k] as number) : 0), 0),
  );
  for (let r = 0; r < 3; r += 1) out[12 + r] = (m[12 + r] as number) + mm * random.normal();
  return out;
}

function pointScene(seed: number, count: number, noise: Noise): { truth: Float64Array; observations: PointObservation[] } {
  const random = new Random(seed);
  const truth = probeOf(random);
  const place = [30, -50, 120];
  const observations = Array.from({ length: count }, (_, n) => {
    const pose = rotation(random, 0.9);
    const [u, v] = [random.between(50, 770), random.between(50, 560)];
    const seen = through(pose, through(truth, [u, v, 0]), 0);
    for (let r = 0; r < 3; r += 1) pose[12 + r] = (place[r] as number) - (seen[r] as number);
    const point = [u + noise.px * random.normal(), v + noise.px * random.normal()] as const;
    return { point, referenceFromProbe: noisy(random, pose, noise), timeMs: 50 * n };
  });
  return { truth, observations };
}

function wallScene(seed: number, count: number, noise: Noise): { truth: Float64Array; observations: WallObservation[] } {
  const random = new Random(seed);
  const truth = probeOf(random);
  const normal = through(rotation(random, 2), [0, 0, 1], 0);
  const along = (p: readonly number[]): number => p.reduce((s, x, r) => s + x * (normal[r] as number), 0);
  const observations: WallObservation[] = [];
  while (observations.length < count) {
    const pose = rotation(random, 1.2);
    const [u1, u2, v1] = [100, 720, random.between(100, 500)];
    const down = along(through(pose, through(truth, [0, 1, 0], 0), 0));
    const v2 = v1 - ((u2 - u1) * along(through(pose, through(truth, [1, 0, 0], 0), 0))) / down;
    if (!(v2 > 20 && v2 < 600)) continue;
    for (let r = 0; r < 3; r += 1) pose[12 + r] = random.between(-60, 60);
    const off = 80 - along(through(pose, through(truth, [u1, v1, 0])));
    for (let r = 0; r < 3; r += 1) pose[12 + r] = (pose[12 + r] as number) + off * (normal[r] as number);
    const e = (): number => noise.px * random.normal();
    const line = [
      [u1, v1 + e()],
      [u2, v2 + e()],
    ] as const;
    observations.push({ line, referenceFromProbe: noisy(random, pose, noise), timeMs: 50 * observations.length });
  }
  return { truth, observations };
}

describe('other targets than wires', () => {
  it('a point: without noise the truth, with it what is told', () => {
    const { truth, observations } = pointScene(1, 30, NONE);
    const exact = calibrateProbeByPoint(PROBE, IMAGE, observations, { folds: 0 });
    expect(apartMm(exact.probeFromImage, truth)).toBeLessThan(1e-5);
    expect(apartMm(exact.linear.probeFromImage, truth)).toBeLessThan(1e-5);
    let [squares, told] = [0, 0];
    for (let seed = 2; seed < 2 + 4 * inject('effort'); seed += 1) {
      const scene = pointScene(seed, 50, SOME);
      const found = calibrateProbeByPoint(PROBE, IMAGE, scene.observations, { folds: 2 });
      expect(found.outcome).toBe('ok');
      expect(found.heldOut?.rmsMm).toBeGreaterThan(found.fit.rmsMm * 0.9);
      const [a, b] = [through(found.probeFromImage, [410, 308, 0]), through(scene.truth, [410, 308, 0])];
      squares += a.reduce((s, x, r) => s + (x - (b[r] as number)) ** 2, 0);
      told += found.expectedErrorMm(410, 308) ** 2;
      expect(apartMm(found.probeFromImage, scene.truth)).toBeLessThan(0.6);
    }
    expect(Math.sqrt(squares / told)).toBeGreaterThan(0.5);
    expect(Math.sqrt(squares / told)).toBeLessThan(1.8);
  });

  it('a wall: without noise the truth, with it what is told', () => {
    const { truth, observations } = wallScene(1, 30, NONE);
    const exact = calibrateProbeBySingleWall(PROBE, IMAGE, observations, { folds: 0 });
    expect(apartMm(exact.probeFromImage, truth)).toBeLessThan(1e-4);
    for (let seed = 2; seed < 2 + inject('effort'); seed += 1) {
      const scene = wallScene(seed, 60, SOME);
      const found = calibrateProbeBySingleWall(PROBE, IMAGE, scene.observations, { folds: 2 });
      expect(found.outcome).toBe('ok');
      const worst = Math.max(
        ...[
          [0, 0],
          [819, 0],
          [0, 615],
          [819, 615],
        ].map(([u = 0, v = 0]) => found.expectedErrorMm(u, v)),
      );
      expect(apartMm(found.probeFromImage, scene.truth)).toBeLessThan(4 * worst);
      expect(worst).toBeLessThan(2);
      expect(found.heldOut?.meanMm).toBeLessThan(0.3);
    }
  });

  it('images that show something else are left out', () => {
    const { truth, observations } = pointScene(9, 60, SOME);
    const spoilt = observations.map((o, n) => (n % 10 === 3 ? { ...o, point: [o.point[0] + 90, o.point[1] - 60] as const } : o));
    const found = calibrateProbeByPoint(PROBE, IMAGE, spoilt, { folds: 0 });
    expect(found.residuals.filter((r) => !r.used).map((r) => r.index)).toEqual(expect.arrayContaining([3, 13, 23, 33, 43, 53]));
    expect(apartMm(found.probeFromImage, truth)).toBeLessThan(0.6);
  });

  it('are refused by name where they say too little', () => {
    const codeOf = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        if (isNavError(error)) return error.code;
        throw error;
      }
      return 'nothing';
    };
    const { observations } = pointScene(3, 30, NONE);
    expect(codeOf(() => calibrateProbeByPoint(PROBE, IMAGE, observations.slice(0, 5)))).toBe('calibration/too-few-poses');
    const still = observations.map((o) => ({
      ...o,
      referenceFromProbe: (observations[0] as PointObservation).referenceFromProbe,
    }));
    expect(codeOf(() => calibrateProbeByPoint(PROBE, IMAGE, still))).toBe('calibration/motionless');
    const bad = observations.map((o, n) => (n === 4 ? { ...o, point: [Number.NaN, 1] as const } : o));
    expect(codeOf(() => calibrateProbeByPoint(PROBE, IMAGE, bad))).toBe('calibration/not-finite');
    expect(
      codeOf(() =>
        calibrateProbeByPoint(
          PROBE,
          IMAGE,
          observations.map(({ timeMs: _, ...o }) => o),
          { lagMs: 20 },
        ),
      ),
    ).toBe('calibration/bad-option');
  });
});

describe('the speed of sound', () => {
  const scene = wireScene(new Random(5), { images: 60, dotNoise: 1, poseNoise: [0.1, 0.001] });
  const found = calibrateProbe(PROBE, IMAGE, PHANTOM, scene.observations, { folds: 0, lagMs: 0 });
  const edge = (from: number): number => Math.hypot(...[0, 1, 2].map((r) => scene.probeFromImage[from + r] as number));

  it('is told where the shape of a pixel is', () => {
    const speed = soundSpeedOf(found, { probe: 'linear', pixelAspect: 1 });
    if (!speed.known) throw new Error('it is');
    expect(Math.abs(speed.mps - (1540 * edge(4)) / edge(0))).toBeLessThan(4 * speed.sdMps);
    expect(speed.sdMps).toBeGreaterThan(0);
    expect(speed.sdMps).toBeLessThan(40);
  });

  it('cannot be told apart from the size of a pixel where it is not, or where beams fan out', () => {
    expect(soundSpeedOf(found, { probe: 'linear' })).toEqual({
      known: false,
      why: expect.stringContaining('stretches the same lengths'),
    });
    expect(soundSpeedOf(found, { probe: 'curved', pixelAspect: 1 })).toMatchObject({ known: false });
    expect(() => soundSpeedOf(found, { probe: 'linear', assumedMps: 1.54 })).toThrow(/500/);
  });
});

describe('the derivatives of the wires', () => {
  it('are what differences say', () => {
    const { observations, probeFromImage } = wireScene(new Random(1), { images: 20 });
    const labelling = { mirrored: false, upsideDown: false };
    const model = { observations, track: new ProbeTrack(observations, 'smoothed'), phantom: PHANTOM, labelling };
    const state = { ...startOf(probeFromImage, 10), logSize: 0.01 };
    const pivot = Float64Array.of(3, 5, -7);
    const [r, slopes] = [new Float64Array(18), new Float64Array(18 * PARAMETERS)];
    derivativesOf(r, slopes, model, state, 8, pivot, true);
    for (let p = 0; p < PARAMETERS; p += 1) {
      const h = p === 8 ? 1 : 1e-5;
      const [plus, minus] = [1, -1].map((sign) => {
        const step = new Float64Array(PARAMETERS);
        step[p] = sign * h;
        const out = new Float64Array(18);
        misfitsOf(out, model, moved(state, step, pivot), 8);
        return out;
      }) as [Float64Array, Float64Array];
      for (let n = 0; n < 18; n += 1)
        expect(
          Math.abs(((plus[n] as number) - (minus[n] as number)) / (2 * h) - (slopes[n * PARAMETERS + p] as number)),
        ).toBeLessThan(1e-6);
    }
  });
});
