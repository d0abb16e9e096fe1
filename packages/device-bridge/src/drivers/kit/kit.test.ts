import { type Clock, type Instant, NavError } from '@trocar/core';
import { describe, expect, it } from 'vitest';
import type { DriverFault, PoseSink } from '../../driver.js';
import { PoseRecord } from '../../testing/index.js';
import {
  type DriverParts,
  type DriverSession,
  FRAME,
  FrameOrder,
  isToBeTold,
  MOST_TOOLS,
  makeDriver,
  PoseTeller,
  RareFaults,
  StampOrder,
} from './index.js';

function manualClock(): Clock & { at: number } {
  const clock = {
    at: 0,
    now: () => clock.at as Instant,
    plus: (at: Instant, ms: number) => (at + ms) as Instant,
    utc: () => new Date(0),
  };
  return clock;
}

const quietSink = (over: Partial<PoseSink> = {}): PoseSink => ({
  tools: () => undefined,
  pose: () => undefined,
  flush: () => undefined,
  connection: () => undefined,
  fault: () => undefined,
  ...over,
});

describe('the order of frames', () => {
  const judge = (numbers: readonly number[]): number[] => {
    const order = new FrameOrder();
    const cell = new Uint32Array(1);
    return numbers.map((n) => {
      cell[0] = n;
      return order.judge(cell);
    });
  };

  it('knows late, repeated and stuck ones, a wrap, and a new beginning', () => {
    expect(judge([5, 6, 6, 8, 7, 9])).toEqual([FRAME.next, FRAME.next, FRAME.repeated, FRAME.next, FRAME.old, FRAME.next]);
    expect(judge([4_294_967_295, 0, 4_294_967_295, 1])).toEqual([FRAME.next, FRAME.next, FRAME.old, FRAME.next]);
    expect(judge([5000, 1, 2])).toEqual([FRAME.next, FRAME.restart, FRAME.next]);
    expect(judge([7, 7, 7, 7, 7, 8])).toEqual([0, 1, 1, 4, 4, 0]);
    // A counter that went back a little and counts on.
    expect(judge([500, 100, 101, 102, 103, 104, 105])).toEqual([0, 2, 2, 2, 2, 3, 0]);
    expect([0, 1, 2, 3, 4].map(isToBeTold)).toEqual([true, false, false, true, true]);
  });

  it('is known by time stamps too', () => {
    const order = new StampOrder();
    const stamps = [1.5, 2, 2, 3, 2.5, 3.5, 0, 0.1, 0.2, 0.3, 0.4, 0.5];
    expect(stamps.map((t) => order.judge(Float64Array.of(t)))).toEqual([0, 0, 1, 0, 2, 0, 2, 2, 2, 2, 3, 0]);
    expect([order.old, order.repeated]).toEqual([5, 1]);
    order.reset();
    expect(order.judge(Float64Array.of(-5))).toBe(FRAME.next);
  });
});

it('tells a fault at once, and then once a second with how many there were', () => {
  const clock = manualClock();
  const told: DriverFault[] = [];
  const faults = new RareFaults(clock);
  const sink = quietSink({ fault: (fault) => told.push(fault) });
  for (let i = 0; i < 100; i += 1) {
    clock.at = i * 100;
    faults.tell(sink, 'codec/malformed', 'Bad.');
  }
  expect(told.map(({ message }) => message).slice(0, 2)).toEqual(['Bad.', 'Bad. (and 9 more since the last report)']);
  expect(told).toHaveLength(10);
  expect(faults.counts.get('codec/malformed')).toBe(100);
});

describe('the teller', () => {
  it('never tells a pose that is none, and no time that goes back or lies in the future', () => {
    const record = new PoseRecord({ isPossible: () => true }, 'ok');
    const poses = new PoseTeller([{ name: 'a' }]);
    poses.sink = record;
    record.tools(poses.tools);
    const tell = (
      measured: number,
      arrived: number,
      ...pose: [number, number, number, number, number, number, number]
    ): string => {
      poses.measuredAt[0] = measured;
      poses.arrivedAt[0] = arrived;
      poses.sample.setPose(...pose);
      poses.tell(0, 'ok', 1);
      return `${record.last[0]} at ${poses.sample.measuredAt.toFixed(3)}`;
    };
    expect(tell(5, 10, 1, 2, 3, 0, 0, 0, 1)).toBe('ok at 5.000');
    expect(tell(4, 11, 1, 2, 3, 0, 0, 0, 1)).toBe('ok at 5.001');
    expect(tell(20, 12, 1, 2, 3, 0, 0, 0, 1)).toBe('ok at 12.000');
    expect(tell(Number.NaN, 13, 1, 2, 3, 0, 0, 0, 1)).toBe('ok at 13.000');
    expect(tell(14, 14, Number.NaN, 2, 3, 0, 0, 0, 1)).toBe('missing at 14.000');
    expect(tell(15, 15, 1, 2, 3, 0, 0, 0, 0)).toBe('missing at 15.000');
    expect(tell(16, 16, 1, 2, 3, 1, 1, 0, 0)).toBe('missing at 16.000');
    expect(poses.notFinite).toBe(3);
    expect(record.failures).toEqual([]);
  });

  it('tells a tool stale that is silent for its period and 100 ms, once, with the pose and the time that it had', () => {
    const told: string[] = [];
    const poses = new PoseTeller([{ name: 'a' }, { name: 'b' }]);
    poses.sink = quietSink({
      pose: (tool, sample) => told.push(`${tool} ${sample.status} ${sample.values[3]} at ${sample.measuredAt}`),
    });
    for (let at = 0; at <= 400; at += 20) {
      poses.arrivedAt[0] = at;
      poses.measuredAt[0] = at;
      poses.sample.setPose(at, 0, 0, 0, 0, 0, 1);
      poses.tell(0, 'ok', 1);
    }
    told.length = 0;
    for (let at = 410; at < 700; at += 10) poses.tellStale(Float64Array.of(at));
    expect(told).toEqual(['0 stale 400 at 400']);
    poses.tellStale(Float64Array.of(401));
    poses.arrivedAt[0] = 700;
    poses.tell(0, 'ok', 2);
    poses.tellStale(Float64Array.of(790));
    expect(told).toHaveLength(2);
    poses.tellStale(Float64Array.of(850));
    expect(told).toHaveLength(3);
  });

  it('has a bound on the tools that a device can make it add', () => {
    const poses = new PoseTeller([]);
    for (let i = 0; i < MOST_TOOLS; i += 1) expect(poses.add({ name: `t${i}` })).toBe(i);
    expect(poses.add({ name: 'more' })).toBe(-1);
  });
});

describe('a driver made of its parts', () => {
  const parts = (over: Partial<DriverParts>): DriverParts => ({
    name: 'test',
    clock: manualClock(),
    tools: [{ name: 'a' }],
    timeouts: { connectMs: 30, reconnectMs: 5 },
    open: async () => undefined,
    close: async () => undefined,
    ...over,
  });

  it('says why it could not connect, also where the reason is no NavError, and lets the device go', async () => {
    let closed = 0;
    const close = async (): Promise<void> => {
      closed += 1;
    };
    const fails = makeDriver(parts({ close, open: () => Promise.reject(new Error('no power')) }));
    await expect(fails.start(quietSink())).rejects.toMatchObject({ code: 'device/connect-failed', message: 'no power' });
    expect(closed).toBe(1);
    const silent = makeDriver(parts({ close }));
    await expect(silent.start(quietSink())).rejects.toMatchObject({ code: 'device/timeout' });
    expect(closed).toBe(2);
  });

  it('does not hang on a device that cannot even be closed, nor on one that opens when it was given up', async () => {
    let opened: () => void = () => undefined;
    let closed = 0;
    const driver = makeDriver(
      parts({
        open: () =>
          new Promise((resolve) => {
            opened = resolve;
          }),
        close: async () => {
          closed += 1;
          throw new NavError('device/disconnected', 'Gone.');
        },
      }),
    );
    await expect(driver.start(quietSink())).rejects.toMatchObject({ code: 'device/timeout' });
    opened();
    await Promise.resolve();
    expect(closed).toBe(2);
    await driver.stop();
  });

  it('runs once at a time', async () => {
    const driver = makeDriver(
      parts({
        open: async (session) => {
          session.arrived();
          session.alive();
        },
      }),
    );
    await driver.start(quietSink());
    await expect(driver.start(quietSink())).rejects.toMatchObject({ code: 'bridge/bad-option' });
    await driver.stop();
    await driver.start(quietSink());
    await driver.stop();
  });
});

it('images are told once the device tracks and until it is lost, never of later than they came', async () => {
  const clock = manualClock();
  const told: string[] = [];
  let session: DriverSession | undefined;
  const driver = makeDriver({
    name: 'with images',
    clock,
    tools: [{ name: 'probe' }],
    images: [{ name: 'b-mode' }],
    open: async (opened) => {
      session = opened;
      show(1, 0);
      opened.arrived();
      opened.alive();
    },
    close: async () => undefined,
  });
  const show = (frameNumber: number, measuredAt: number): void => {
    const size = { width: 2, height: 1, components: 1, number: 'u8', pixels: new Uint8Array(2) } as const;
    const unknown = { boundMs: Number.NaN, spacingMm: [Number.NaN, Number.NaN] as const, depthMm: Number.NaN };
    session?.image(0, { ...size, ...unknown, frameNumber, measuredAt, arrivedAt: 10 });
  };
  await driver.start(
    quietSink({
      images: (list) => told.push(list.map(({ name }) => name).join()),
      image: (source, frame) => told.push(`${source} ${frame.frameNumber} ${frame.measuredAt}`),
      connection: (state) => told.push(state),
    }),
  );
  show(2, 7);
  show(3, 12);
  await driver.stop();
  show(4, 8);
  expect(told).toEqual(['b-mode', 'connecting', 'connected', '0 2 7', '0 3 10', 'disconnected']);
});
