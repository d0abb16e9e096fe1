import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNavError } from '../../base/index.js';
import { FrameGraph, frame, PoseSample } from '../../frames/index.js';
import { fromRotationVector, identity4, Random } from '../../math/index.js';
import { type ImageFrame, makeTrackedSequence, posesOfSequence } from '../../recording/index.js';
import type { Instant } from '../../time/index.js';
import { sweepOfSequence } from '../sweep-of-sequence.js';
import { displayPixels, framesOfSequence, imagePlaneOf, type LiveCalibration, LiveUltrasound } from './index.js';

const TRACKER = frame('tracker');
const PROBE = frame('probe');
const SIZE = [8, 6] as const;
/** Pixels of 0.5 × 0.25 mm, in a plane that lies askew on the probe. */
const CALIBRATION: LiveCalibration = {
  probeFromImage: Float64Array.of(0.5, 0, 0, 0, 0, 0, -0.25, 0, 0, 1, 0, 0, 3, 4, 5, 1),
  size: SIZE,
  depthMm: 50,
  lagMs: -40,
  lagSdMs: 0.5,
};

function image(measuredAt: number, more: Partial<ImageFrame> = {}): ImageFrame {
  return {
    width: SIZE[0],
    height: SIZE[1],
    components: 1,
    number: 'u8',
    pixels: new Uint8Array(SIZE[0] * SIZE[1]),
    measuredAt,
    arrivedAt: measuredAt + 1,
    boundMs: 0.2,
    frameNumber: 0,
    spacingMm: [Number.NaN, Number.NaN],
    depthMm: 50,
    ...more,
  };
}

/** A probe that moves along x at 100 mm/s, so that a millisecond is 0.1 mm. */
function rig(options: Partial<ConstructorParameters<typeof LiveUltrasound>[0]> = {}) {
  const graph = new FrameGraph();
  const buffer = graph.stream(TRACKER, PROBE);
  const sample = new PoseSample();
  const pose = (at: number, status: PoseSample['status'] = 'ok', shown = at): void => {
    sample.measuredAt = at as Instant;
    sample.arrivedAt = at as Instant;
    sample.status = status;
    sample.setPose(shown / 10, 0, 0, 0, 0, 0, 1);
    buffer.push(sample);
  };
  const live = new LiveUltrasound({ graph, frame: TRACKER, probe: PROBE, calibrations: [CALIBRATION], ...options } as never);
  return { graph, buffer, pose, live };
}

const refused = (code: string) => expect.toSatisfy((e: unknown) => isNavError(e) && e.code === code);

describe('an image and the pose of its moment', () => {
  it('60 Hz poses with jitter, 30 Hz images that are stamped 40 ms late and arrive as they like: within 2 ms, in truth within far less', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
        const random = new Random(seed);
        const { live, pose } = rig();
        const events: { at: number; act: () => void }[] = [];
        for (let n = 0; n < 130; n += 1) {
          // Measured times are right to 0.3 ms, and told within 12 ms.
          const truth = n * (1000 / 60);
          events.push({ at: truth + random.between(1, 12), act: () => pose(truth + random.between(-0.3, 0.3), 'ok', truth) });
        }
        for (let n = 0; n < 60; n += 1) {
          const truth = 20 + n * (1000 / 30);
          const measured = truth + 40 + random.between(-0.5, 0.5);
          const arrived = measured + random.between(2, 25);
          events.push({ at: arrived, act: () => live.push(image(measured, { arrivedAt: arrived, frameNumber: n })) });
        }
        for (let n = 0; n < 130; n += 1) events.push({ at: n * 16.7 + 3, act: () => undefined });
        events.sort((a, b) => a.at - b.at);
        let worst = 0;
        let live60 = 0;
        for (const { at, act } of events) {
          act();
          live.update(at);
          if (live.status !== 'ok') continue;
          live60 += 1;
          const truth = 20 + (live.image?.frameNumber ?? Number.NaN) * (1000 / 30);
          worst = Math.max(worst, Math.abs((live.view.matrix[12] as number) * 10 - truth));
        }
        expect(worst).toBeLessThan(2);
        expect(live60).toBeGreaterThan(100);
        expect(live.counts.matched).toBeGreaterThan(50);
        expect(live.counts.withoutPose).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  it('waits for the pose after it, and is never shown with one of before', () => {
    const { live, pose } = rig();
    pose(0);
    live.push(image(50));
    expect(live.update(51)).toBe('missing');
    expect(live.image).toBeUndefined();
    pose(20);
    expect(live.update(52)).toBe('ok');
    // Stamped at 50, of 40 ms before: at 10, which is 1 mm.
    expect(live.view.matrix[12]).toBeCloseTo(1, 9);
    expect(live.mismatchBoundMs).toBeCloseTo(1.2, 9);
  });

  it('a pose within 2 ms is of the same moment; one of longer ago is waited past, and then there is none', () => {
    const { live, pose } = rig();
    pose(0);
    pose(10);
    live.push(image(51.5));
    expect(live.update(53)).toBe('ok');
    live.push(image(60));
    expect(live.update(80)).toBe('ok');
    expect(live.image?.measuredAt).toBe(51.5);
    expect(live.update(139)).toBe('ok');
    expect(live.update(140)).toBe('missing');
    expect(live.image?.measuredAt).toBe(60);
    expect(live.reason).toBe('pose');
    expect(live.view.matrix.every(Number.isNaN)).toBe(true);
    expect(live.counts).toMatchObject({ images: 2, matched: 1, withoutPose: 1, skipped: 0 });
  });

  it.each(['missing', 'outOfVolume', 'unknown', 'stale'] as const)('a pose that is %s makes the image that', (status) => {
    const { live, pose } = rig({ poseWithinMs: 5 });
    pose(0);
    pose(20, status);
    live.push(image(60));
    live.update(100);
    live.update(200);
    expect(live.status).toBe(status);
    expect(live.reason).toBe('pose');
  });

  it('the newest whose pose is known is shown, and those before it are counted; what comes out of order is refused', () => {
    const { live, pose } = rig();
    for (let t = 0; t <= 100; t += 10) pose(t);
    for (const at of [50, 60, 55, 60, 70, Number.NaN]) live.push(image(at));
    live.update(75);
    expect(live.image?.measuredAt).toBe(70);
    expect(live.counts).toMatchObject({ images: 3, refused: 3, skipped: 2 });
    for (let n = 0; n < 50; n += 1) live.push(image(1000 + n));
    expect(live.counts.skipped).toBe(2 + 42);
  });

  it('no new image: stale, whatever the probe does', () => {
    const { live, pose } = rig();
    for (let t = 0; t <= 400; t += 10) pose(t);
    live.push(image(60));
    expect(live.update(100)).toBe('ok');
    expect(live.update(311)).toBe('stale');
    expect(live.reason).toBe('image-stale');
  });
});

describe('the calibration', () => {
  const settled = (live: ReturnType<typeof rig>['live'], at: number, more: Partial<ImageFrame> = {}) => {
    live.push(image(at, more));
    return live.update(at + 1);
  };

  it('a change of depth ends it at that image, and the one of the new depth takes its place', () => {
    const { live, pose } = rig();
    for (let t = 0; t <= 400; t += 10) pose(t);
    expect(settled(live, 100)).toBe('ok');
    expect(live.calibrationState).toBe('valid');
    expect(settled(live, 130, { depthMm: 80 })).toBe('missing');
    expect(live.calibrationState).toBe('mismatch');
    expect(live.reason).toBe('calibration');
    expect(live.view.hasPose).toBe(false);
    expect(live.sweepFrame()).toBeUndefined();
    const deep = { ...CALIBRATION, depthMm: 80, lagMs: -50 };
    live.setCalibrations([CALIBRATION, deep]);
    expect(settled(live, 160, { depthMm: 80 })).toBe('ok');
    expect(live.calibration).toBe(deep);
    expect(live.view.matrix[12]).toBeCloseTo(11, 9);
    expect(settled(live, 190)).toBe('ok');
    expect(live.counts.geometryChanges).toBe(2);
    live.setCalibrations([]);
    live.update(192);
    expect(live.status).toBe('missing');
    expect(live.calibrationState).toBe('none');
  });

  it.each([[{ width: 6, height: 8 }], [{ spacingMm: [0.5, 0.3] as const }], [{ depthMm: 51 }]])(
    'does not hold for %j',
    (more) => {
      const { live, pose } = rig();
      for (let t = 0; t <= 100; t += 10) pose(t);
      expect(settled(live, 100, more)).toBe('missing');
      expect(live.calibrationState).toBe('mismatch');
    },
  );

  it('a device that says neither depth nor spacing: unknown until a person has confirmed it, and again after a change', () => {
    const { live, pose } = rig();
    for (let t = 0; t <= 400; t += 10) pose(t);
    const silent = { depthMm: Number.NaN };
    expect(settled(live, 100, silent)).toBe('unknown');
    expect(live.reason).toBe('calibration-unverified');
    live.confirmGeometry();
    expect(settled(live, 130, silent)).toBe('ok');
    expect(settled(live, 160, { ...silent, width: 6, height: 8 })).toBe('missing');
    expect(settled(live, 190, silent)).toBe('unknown');
    // A spacing that agrees says that the scale is the same, which a depth changes.
    expect(settled(live, 220, { ...silent, spacingMm: [0.5, 0.25] })).toBe('ok');
  });

  it('as a plane: pixels and a rigid place that give the same points', () => {
    const { spacingMm, probeFromImage } = imagePlaneOf(CALIBRATION);
    expect(spacingMm).toEqual([0.5, 0.25]);
    const place = [1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0, 0, 3, 4, 5, 1];
    expect(Math.max(...place.map((x, k) => Math.abs(x - (probeFromImage[k] as number))))).toBeLessThan(1e-12);
  });

  it.each([
    ['ultrasound/bad-geometry', { probeFromImage: identity4().fill(0) }],
    ['ultrasound/bad-option', { size: [0, 6] as const }],
    ['ultrasound/bad-option', { depthMm: -1 }],
    ['ultrasound/bad-option', { lagMs: 5000 }],
  ])('is refused as %s: %j', (code, change) => {
    expect(() => rig({ calibrations: [{ ...CALIBRATION, ...change }] })).toThrow(refused(code));
  });
});

describe('a recorded sequence', () => {
  /** Six frames of a probe that turns and moves, written as PLUS writes them. */
  async function recorded() {
    const m = identity4();
    const frames = Array.from({ length: 6 }, (_, n) => {
      fromRotationVector(m, [0.1 * n, 0.05 * n, 0.2]);
      m[12] = 10 * n;
      const cells = Array.from({ length: 16 }, (_, k) => m[4 * (k % 4) + Math.floor(k / 4)]);
      return [
        { key: 'ProbeToTrackerTransform', value: cells.join(' ') },
        { key: 'ProbeToTrackerTransformStatus', value: n === 4 ? 'INVALID' : 'OK' },
        { key: 'Timestamp', value: String(1 + 0.05 * n) },
        { key: 'ImageStatus', value: n === 2 ? 'INVALID' : 'OK' },
        { key: 'DepthMm', value: '50' },
      ];
    });
    const pixels = SIZE[0] * SIZE[1];
    const bytes = Array.from({ length: 6 }, (_, n) => Uint8Array.from({ length: pixels }, (__, i) => 40 * n + i));
    return makeTrackedSequence({ frames, images: { size: [...SIZE], elementType: 'MET_UCHAR', orientation: 'MFA', bytes } });
  }

  it('is matched as it is placed by sweepOfSequence, frame by frame', async () => {
    const sequence = await recorded();
    const calibration = { ...CALIBRATION, lagMs: 0 };
    const sweep = await sweepOfSequence(sequence, {
      frame: TRACKER,
      probeFromImage: calibration.probeFromImage,
      reference: null,
    });
    const { live, buffer } = rig({ calibrations: [calibration] });
    const { table } = posesOfSequence(sequence);
    const sample = new PoseSample();
    for (let i = 0; i < table.count; i += 1) {
      table.read(i, sample);
      buffer.push(sample);
    }
    const got = [];
    for await (const one of framesOfSequence(sequence)) {
      live.push(one);
      live.update(one.measuredAt + 100);
      const placed = live.sweepFrame();
      if (live.image === one && placed?.status === 'ok') got.push(placed);
    }
    expect(got.map(({ timeMs }) => Math.round(timeMs ?? 0))).toEqual([1000, 1050, 1150, 1250]);
    expect(sweep.frames.map(({ timeMs }) => Math.round(timeMs ?? 0))).toEqual([1000, 1050, 1150, 1250]);
    got.forEach(({ frameFromImage, pixels }, n) => {
      const same = sweep.frames[n]?.frameFromImage as ArrayLike<number>;
      for (let k = 0; k < 16; k += 1) expect(frameFromImage[k]).toBeCloseTo(same[k] as number, 9);
      expect(pixels).toEqual(sweep.frames[n]?.pixels);
    });
  });

  it('without images, or of other pixels, it is refused', async () => {
    const sequence = await makeTrackedSequence({ frames: [[{ key: 'Timestamp', value: '1' }]] });
    await expect(framesOfSequence(sequence).next()).rejects.toThrow(refused('ultrasound/bad-image'));
  });
});

describe('what is drawn of an image', () => {
  it('grey of 8 bits as it is, 16 bits by a window, colour with alpha', () => {
    const grey = image(0);
    expect(displayPixels(grey, new Uint8Array(0))).toBe(grey.pixels);
    const deep = image(0, { width: 2, height: 2, number: 'u16', pixels: Uint8Array.of(0, 1, 0, 2, 0xff, 0xff, 0, 0) });
    expect([...displayPixels(deep, new Uint8Array(4), [0, 512])]).toEqual([128, 255, 255, 0]);
    const colour = image(0, { width: 1, height: 2, components: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    expect([...displayPixels(colour, new Uint8Array(8))]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
    expect(() => displayPixels(colour, new Uint8Array(6))).toThrow(refused('ultrasound/bad-image'));
    expect(() => displayPixels(deep, new Uint8Array(4), [5, 5])).toThrow(refused('ultrasound/bad-option'));
  });
});
