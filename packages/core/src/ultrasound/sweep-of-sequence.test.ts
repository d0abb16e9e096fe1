import { describe, expect, inject, it } from 'vitest';
import { isNavError } from '../base/index.js';
import { FrameGraph, frame, PoseSample } from '../frames/index.js';
import { fromRotationVector, identity4, invertRigid, multiply4, Random, transformPoint } from '../math/index.js';
import { makeTrackedSequence, posesOfSequence, type SequenceField, type TrackedSequence } from '../recording/index.js';
import { framesOfSequence, LiveUltrasound, type SequenceSweepOptions, type SweepFrame, sweepOfSequence } from './index.js';

const REFERENCE = frame('reference');
const TRACKER = frame('tracker');
const PROBE = frame('probe');
const SIZE = [8, 6] as const;
const CALIBRATION = Float64Array.of(0.5, 0, 0, 0, 0, 0, -0.25, 0, 0, 1, 0, 0, 3, 4, 5, 1);
/** From one frame of the recording to the next, ms. */
const STEP_MS = 50;
const COUNT = 24;
const SEEDS = Array.from({ length: 5 * inject('effort') }, (_, n) => n + 1);

/** A hand's motion of some 60 mm/s: tracker from probe at a time, ms. */
function motionOf(random: Random): (timeMs: number) => Float64Array {
  const phases = Array.from({ length: 6 }, () => random.between(0, 6.28));
  return (timeMs) => {
    const wave = (k: number, periodMs: number): number => Math.sin(timeMs / periodMs + (phases[k] as number));
    const m = fromRotationVector(identity4(), [0.3 * wave(0, 900), 0.3 * wave(1, 1100), 0.2 * wave(2, 800)]);
    for (let k = 3; k < 6; k += 1) m[9 + k] = 30 * wave(k, 500 + 90 * k);
    return m;
  };
}

const cells = (m: ArrayLike<number>): string =>
  Array.from({ length: 16 }, (_, k) => m[4 * (k % 4) + (k >> 2)] as number).join(' ');

interface Recorded {
  readonly probe: (timeMs: number) => Float64Array;
  readonly reference?: (timeMs: number) => Float64Array;
  /** Fields of a frame, in place of what is recorded by default. */
  readonly change?: (n: number) => Readonly<Record<string, string>>;
  readonly withoutTime?: number;
}

/** Frames as PLUS writes them, each with the pose of its own time. */
function recorded({ probe, reference, change, withoutTime }: Recorded): Promise<TrackedSequence> {
  const frames = Array.from({ length: COUNT }, (_, n): SequenceField[] => {
    const timeMs = 1000 + STEP_MS * n;
    const fields: Record<string, string> = {
      ProbeToTrackerTransform: cells(probe(timeMs)),
      ProbeToTrackerTransformStatus: 'OK',
      ...(reference && { ReferenceToTrackerTransform: cells(reference(timeMs)), ReferenceToTrackerTransformStatus: 'OK' }),
      ...(n !== withoutTime && { Timestamp: String(timeMs / 1000) }),
      ImageStatus: 'OK',
      ...change?.(n),
    };
    return Object.entries(fields).map(([key, value]) => ({ key, value }));
  });
  const bytes = Array.from({ length: COUNT }, (_, n) => new Uint8Array(SIZE[0] * SIZE[1]).fill(n + 1));
  return makeTrackedSequence({ frames, images: { size: [...SIZE], elementType: 'MET_UCHAR', orientation: 'MFA', bytes } });
}

const sweepWith = (sequence: TrackedSequence, more: Partial<SequenceSweepOptions<'reference'>> = {}) =>
  sweepOfSequence(sequence, { frame: REFERENCE, probeFromImage: CALIBRATION, reference: null, ...more });

/** When a frame was recorded, ms: its grey value numbers it. */
const stampOf = (f: SweepFrame): number => 1000 + STEP_MS * ((f.pixels[0] as number) - 1);

/** Where a pixel near the middle is by a matrix, mm. */
const placeBy = (m: ArrayLike<number>): Float64Array => transformPoint(new Float64Array(3), m, [4, 3, 0]);
const apartMm = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const [p, q] = [placeBy(a), placeBy(b)];
  return Math.hypot(...[0, 1, 2].map((r) => (p[r] as number) - (q[r] as number)));
};

describe('the lag of a calibration', () => {
  it.each(SEEDS)('images stamped late are put where they were taken, and not with the sign turned: seed %i', async (seed) => {
    const random = new Random(seed);
    const [probe, reference] = [motionOf(random), motionOf(random)];
    const lateMs = random.between(20, 120);
    const sweep = await sweepWith(await recorded({ probe, reference }), { lagMs: -lateMs, reference: 'ReferenceToTracker' });
    const turned = await sweepWith(await recorded({ probe, reference }), { lagMs: lateMs, reference: 'ReferenceToTracker' });
    const truth = (takenMs: number): Float64Array => {
      const m = invertRigid(identity4(), reference(takenMs));
      return multiply4(m, multiply4(m, m, probe(takenMs)), CALIBRATION);
    };
    const errors = sweep.frames.map((f) => apartMm(f.frameFromImage, truth(stampOf(f) - lateMs)));
    const wrong = turned.frames.map((f) => apartMm(f.frameFromImage, truth(stampOf(f) - lateMs)));
    for (const f of sweep.frames) expect(f.timeMs).toBeCloseTo(stampOf(f) - lateMs, 6);
    // Half way between two poses 50 ms apart the chord lies this far from such a path.
    expect(Math.max(...errors)).toBeLessThan(0.3);
    expect(wrong.reduce((a, b) => a + b, 0) / wrong.length).toBeGreaterThan(2);
  });

  it('is the one that a live image is placed by', async () => {
    const probe = motionOf(new Random(7));
    const sequence = await recorded({ probe });
    const lagMs = -33;
    const sweep = await sweepWith(sequence, { lagMs });
    const graph = new FrameGraph();
    const buffer = graph.stream(TRACKER, PROBE);
    const { table } = posesOfSequence(sequence);
    const sample = new PoseSample();
    for (let i = 0; i < table.count; i += 1) {
      table.read(i, sample);
      buffer.push(sample);
    }
    const calibration = { probeFromImage: CALIBRATION, size: SIZE, depthMm: 50, lagMs };
    const live = new LiveUltrasound({ graph, frame: TRACKER, probe: PROBE, calibrations: [calibration] });
    let count = 0;
    for await (const image of framesOfSequence(sequence, { depthMm: 50 })) {
      live.push(image);
      live.update(image.measuredAt + 100);
      const placed = live.sweepFrame();
      if (live.image !== image || placed?.status !== 'ok') continue;
      const own = sweep.frames.find((f) => f.timeMs === placed.timeMs);
      expect(apartMm(placed.frameFromImage, own?.frameFromImage as ArrayLike<number>)).toBeLessThan(1e-9);
      count += 1;
    }
    expect(count).toBe(COUNT - 1);
  });

  it('images whose moment lies beyond the recording, or in a gap of it, are without a pose: nothing is extrapolated', async () => {
    const probe = motionOf(new Random(2));
    // Lost from 10 to 18: nothing is read between 9 and 19, which lie 500 ms apart.
    const lost = (n: number) => ({ ProbeToTrackerTransformStatus: n >= 10 && n < 19 ? 'INVALID' : 'OK' });
    const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, k) => from + k);
    const late = await sweepWith(await recorded({ probe, change: lost }), { lagMs: -75 });
    expect(late.withoutPose).toEqual([0, 1, ...range(11, 21)]);
    const early = await sweepWith(await recorded({ probe, change: lost }), { lagMs: 75 });
    expect(early.withoutPose).toEqual([...range(8, 18), 22, 23]);
    // A short loss is bridged, and an image that is invalid itself is left out whatever the poses.
    const few = (n: number) => ({
      ProbeToTrackerTransformStatus: n === 5 ? 'INVALID' : 'OK',
      ImageStatus: n === 9 ? 'INVALID' : 'OK',
    });
    expect((await sweepWith(await recorded({ probe, change: few }), { lagMs: -75 })).withoutPose).toEqual([0, 1, 9]);
    const scaled = (n: number) => (n === 5 ? { ProbeToTrackerTransform: cells(identity4().map((x) => 2 * x)) } : {});
    const bridged = await sweepWith(await recorded({ probe, change: scaled }), { lagMs: -75 });
    expect(bridged.withoutPose).toEqual([0, 1]);
    for (const { frameFromImage: m } of bridged.frames) expect(Math.hypot(...Array.from(m).slice(0, 3))).toBeCloseTo(0.5, 9);
  });

  it('by itself, of nothing, changes nothing', async () => {
    const sequence = await recorded({ probe: motionOf(new Random(3)) });
    const [plain, none] = [await sweepWith(sequence), await sweepWith(sequence, { lagMs: 0 })];
    expect(none.frames.map((f) => f.frameFromImage)).toEqual(plain.frames.map((f) => f.frameFromImage));
    expect(plain.frames).toHaveLength(COUNT);
  });

  it.each<[string, Partial<Recorded>, number]>([
    ['ultrasound/bad-times', { withoutTime: 4 }, -40],
    ['ultrasound/bad-option', {}, Number.NaN],
    ['ultrasound/bad-option', {}, 20_000],
    ['ultrasound/no-frames', {}, -5000],
  ])('is refused as %s', async (code, more, lagMs) => {
    const sequence = await recorded({ probe: motionOf(new Random(4)), ...more });
    await expect(sweepWith(sequence, { lagMs })).rejects.toSatisfy((e: unknown) => isNavError(e) && e.code === code);
  });
});
