import { Random } from '@trocar/core/math';
import type { ImageFrame } from '@trocar/core/recording';
import { manualClock } from '@trocar/core/testing';
import { describe, expect, it } from 'vitest';
import {
  type FrameField,
  type IgtlMessageInit,
  type ImageContent,
  type TrackedFrameContent,
  timestampOf,
} from '../../codec/igtl/index.js';
import { makeRig, Recorder, skewMatrix, transform, until } from './test-support/rig.js';

/** A sink that keeps images too. */
class ImageRecorder extends Recorder {
  readonly lists: string[] = [];
  readonly got: Array<ImageFrame & { readonly source: string }> = [];
  #names: readonly string[] = [];
  images = (list: ReadonlyArray<{ readonly name: string }>): void => {
    this.#names = list.map(({ name }) => name);
    this.lists.push(this.#names.join());
  };
  image = (source: number, frame: ImageFrame): void => {
    this.got.push({ ...frame, pixels: frame.pixels.slice(), source: this.#names[source] ?? '?' });
  };
}

const content = (more: Partial<ImageContent> = {}): ImageContent => ({
  kind: 'image',
  version: 1,
  components: 1,
  scalarType: 3,
  pixelsLittleEndian: true,
  coordinates: 'RAS',
  size: [4, 3, 1],
  axes: Float64Array.of(0.25, 0, 0, 0, 0, 0.5, 0, 1, 0),
  centre: new Float64Array(3),
  blockStart: [0, 0, 0],
  blockSize: more.size ?? [4, 3, 1],
  pixels: Uint8Array.from({ length: 12 }, (_, i) => i),
  ...more,
});

const imageOf = (more: Partial<IgtlMessageInit> = {}, about: Partial<ImageContent> = {}): IgtlMessageInit => ({
  type: 'IMAGE',
  device: 'Image_Tracker',
  content: content(about),
  ...more,
});

async function connected(options = {}) {
  const { driver, server } = await makeRig(options);
  const sink = new ImageRecorder();
  await driver.start(sink);
  return { driver, server, sink };
}

describe('IMAGE as a live image', () => {
  it('of PLUS: its pixels, the size of one, the depth it says, and its full name', async () => {
    const { driver, server, sink } = await connected();
    const name = 'Image_ReferenceOfTheSecondProbe';
    const metadata = [
      { key: 'IGTL_DEVICE_NAME', encoding: 3, value: name },
      { key: 'DepthMm', encoding: 3, value: '65.5' },
    ];
    server.send(imageOf(), imageOf({ headerVersion: 2, device: name.slice(0, 20), metadata, messageId: 7 }));
    await until(() => sink.got.length === 2);
    expect(sink.lists).toEqual(['Image_Tracker', `Image_Tracker,${name}`]);
    expect(sink.got[0]).toMatchObject({
      source: 'Image_Tracker',
      width: 4,
      height: 3,
      components: 1,
      number: 'u8',
      spacingMm: [0.25, 0.5],
    });
    expect([...(sink.got[0]?.pixels ?? [])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(sink.got[0]?.depthMm).toBeNaN();
    expect(sink.got[1]).toMatchObject({ source: name, depthMm: 65.5, frameNumber: 7 });
    await driver.stop();
  });

  it('of 16 bits in either order, and coloured', async () => {
    const { driver, server, sink } = await connected();
    const pixels = Uint8Array.of(1, 2, 3, 4);
    const small = { size: [2, 1, 1], blockSize: [2, 1, 1], scalarType: 5, pixels } as const;
    server.send(imageOf({}, { ...small, pixelsLittleEndian: false }), imageOf({}, small));
    server.send(imageOf({}, { size: [1, 1, 1], blockSize: [1, 1, 1], components: 4, pixels }));
    await until(() => sink.got.length === 3);
    expect(sink.got.map(({ number, components, pixels: p }) => [number, components, ...p])).toEqual([
      ['u16', 1, 2, 1, 4, 3],
      ['u16', 1, 1, 2, 3, 4],
      ['u8', 4, 1, 2, 3, 4],
    ]);
    await driver.stop();
  });

  it('a volume is none, nor are floats: those are told once; onMessage has every one of them', async () => {
    const types: string[] = [];
    const { driver, server, sink } = await connected({ onMessage: ({ type }: { type: string }) => types.push(type) });
    server.send(imageOf({}, { size: [2, 2, 3], blockSize: [2, 2, 3], pixels: new Uint8Array(12) }));
    const floats = { size: [3, 1, 1], blockSize: [3, 1, 1], scalarType: 10, pixels: new Uint8Array(12) } as const;
    server.send(imageOf({}, floats), imageOf({}, { components: 2, size: [6, 1, 1], blockSize: [6, 1, 1] }), imageOf());
    await until(() => sink.got.length === 1);
    expect(sink.faults.map(({ message }) => message)).toEqual([
      expect.stringMatching(/"Image_Tracker" is not made of bytes or of 16 bits without sign: it is not shown live/),
    ]);
    expect(types).toEqual(['IMAGE', 'IMAGE', 'IMAGE', 'IMAGE']);
    await driver.stop();
  });

  it('of too many names are not taken, and not taken at all where they are not wanted', async () => {
    const { driver, server, sink } = await connected();
    for (let n = 0; n < 20; n += 1) server.send(imageOf({ device: `probe${n}` }));
    await until(() => sink.faults.length === 1);
    expect(sink.got).toHaveLength(16);
    await driver.stop();
    const none = await connected({ images: false });
    none.server.send(imageOf(), transform('Probe', skewMatrix(0.1, 1, 2, 3)));
    await until(() => none.sink.told.length > 0);
    expect(none.sink.got).toHaveLength(0);
    await none.driver.stop();
  });
});

describe('when an image was taken', () => {
  it('poses and images of one server, stamped by its clock and late as they like: their times are of one moment within 2 ms', async () => {
    const time = manualClock(1000);
    const random = new Random(5);
    const { driver, server } = await makeRig({ clock: time, frozenAfterMs: Number.POSITIVE_INFINITY });
    const sink = new ImageRecorder();
    await driver.start(sink);
    const UTC = 1.7e12;
    /** Stamped at `at`, and here `late` after that; the server's clock runs 50 ppm fast. */
    const events: Array<{ readonly arrives: number; readonly message: IgtlMessageInit }> = [];
    const stamp = (at: number) => timestampOf(UTC + at * 1.000_05);
    for (let n = 0; n < 900; n += 1) {
      const at = n * (1000 / 60);
      events.push({
        arrives: at + random.between(0.5, 6),
        message: transform('Probe', skewMatrix(n / 50, n, 2, 3), { timestamp: stamp(at) }),
      });
    }
    for (let n = 0; n < 300; n += 1) {
      const at = n * 50 + 7;
      events.push({ arrives: at + random.between(4, 45), message: imageOf({ timestamp: stamp(at) }) });
    }
    events.sort((a, b) => a.arrives - b.arrives);
    const truth: number[] = [];
    for (const { arrives, message } of events) {
      time.set(1000 + arrives);
      if (message.type === 'IMAGE')
        truth.push(
          1000 + ((message.timestamp?.seconds ?? 0) * 1000 + (message.timestamp?.fraction ?? 0) / 4_294_967.296 - UTC) / 1.000_05,
        );
      server.send(message);
      await Promise.resolve();
    }
    await until(() => sink.got.length === 300 && sink.told.length >= 900);
    const poseError = sink.told
      .filter(({ status }) => status === 'unknown')
      .slice(-400, -5)
      .map(({ measuredAt, pose }) => measuredAt - (1000 + (pose[0] as number) * (1000 / 60)));
    const imageError = sink.got.slice(-200).map(({ measuredAt }, i) => measuredAt - (truth.slice(-200)[i] as number));
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    const constant = mean(poseError);
    // Both carry the fastest pose's delay, which nobody can see; between them there is next to nothing.
    expect(constant).toBeGreaterThan(0);
    expect(Math.max(...imageError.map((e) => Math.abs(e - constant)))).toBeLessThan(2);
    for (const { measuredAt, arrivedAt, boundMs } of sink.got.slice(-200)) {
      expect(measuredAt).toBeLessThanOrEqual(arrivedAt);
      expect(Number.isFinite(boundMs)).toBe(true);
    }
    // Of a hundred 99 are within what is said.
    const beyond = imageError.filter((e, i) => Math.abs(e - constant) > (sink.got[i + 100]?.boundMs ?? 0));
    expect(beyond.length).toBeLessThanOrEqual(2);
    await driver.stop();
  });

  it('a server that gives no stamp, and one without poses', async () => {
    const { driver, server, sink } = await connected();
    server.send(imageOf());
    await until(() => sink.got.length === 1);
    expect(sink.got[0]?.measuredAt).toBe(sink.got[0]?.arrivedAt);
    expect(sink.got[0]?.boundMs).toBeNaN();
    for (let n = 0; n < 4; n += 1) server.send(imageOf({ timestamp: timestampOf(1.7e12 + 40 * n) }));
    await until(() => sink.got.length === 5);
    const times = sink.got.slice(1).map(({ measuredAt }) => measuredAt);
    expect(times.every((at, i) => i === 0 || at > (times[i - 1] as number))).toBe(true);
    await driver.stop();
  });
});

describe('TRACKEDFRAME as poses and an image of one moment', () => {
  const fields = (status: string): FrameField[] => [
    { name: 'FrameNumber', value: '42' },
    { name: 'Depth', value: '55' },
    { name: 'ProbeToTrackerTransform', value: '0 -1 0 10 1 0 0 20 0 0 1 30 0 0 0 1' },
    { name: 'ProbeToTrackerTransformStatus', value: status },
  ];
  const trackedFrame = (status: string, more: Partial<TrackedFrameContent> = {}): IgtlMessageInit => ({
    type: 'TRACKEDFRAME',
    device: 'ImageToTracker',
    content: {
      kind: 'trackedFrame',
      size: [4, 3, 1],
      components: 1,
      scalarType: 3,
      imageType: 1,
      orientation: 0,
      embedded: Float64Array.of(0.2, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
      fields: fields(status),
      pixels: Uint8Array.from({ length: 12 }, (_, i) => i),
      ...more,
    },
  });

  it('tells each transform by its name and its status, and the picture with what the sender says of it', async () => {
    const { driver, server, sink } = await connected();
    server.send(trackedFrame('OK'));
    await until(() => sink.got.length === 1);
    expect(sink.told.at(-1)).toMatchObject({ name: 'ProbeToTracker', status: 'ok' });
    const { measuredAt } = sink.told.at(-1) as { measuredAt: number };
    expect(sink.got[0]).toMatchObject({ source: 'ImageToTracker', width: 4, height: 3, frameNumber: 42, depthMm: 55 });
    expect(sink.got[0]?.measuredAt).toBeCloseTo(measuredAt, 6);
    expect(sink.got[0]?.spacingMm[0]).toBeCloseTo(0.2, 6);
    expect(sink.got[0]?.spacingMm[1]).toBeCloseTo(0.3, 6);
    server.send(trackedFrame('INVALID'), trackedFrame('OK', { fields: [] }), transform('p', skewMatrix(1, 1, 2, 3)));
    await until(() => sink.told.at(-1)?.name === 'p');
    expect(sink.told.slice(1, -1)).toMatchObject([{ name: 'ProbeToTracker', status: 'missing' }]);
    expect(sink.got).toHaveLength(3);
    await driver.stop();
  });

  it('of radio frequency is told once, its poses go on; without images wanted there is none', async () => {
    const { driver, server, sink } = await connected();
    server.send(trackedFrame('OK', { imageType: 2 }), trackedFrame('OK', { imageType: 2 }));
    await until(() => sink.told.length === 2);
    expect(sink.got).toEqual([]);
    expect(sink.codes()).toEqual(['igtl/unsupported']);
    await driver.stop();
    const without = await connected({ images: false });
    without.server.send(trackedFrame('OK'));
    await until(() => without.sink.told.length === 1);
    expect(without.sink.got).toEqual([]);
    await without.driver.stop();
  });
});
