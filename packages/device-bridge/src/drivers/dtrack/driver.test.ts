import { FrameGraph, frame, type Instant, isNavError, PoseView, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { DTrackFrame, decodeDtrack } from '../../codec/dtrack/index.js';
import { ascii, BODY_LINE, datagram, QUARTER_TURN } from '../../codec/dtrack/test-support/datagrams.js';
import { type Driver, type DriverFault, poseBufferSink } from '../../driver.js';
import { underTest } from '../../test-support/under-test.js';
import { checkDriver, datagramLink, PoseRecord, type TestWire } from '../../testing/index.js';
import { pipe } from '../../transports/pipe.js';
import { PoseTeller } from '../kit/index.js';
import { type DTrackDriverOptions, DTrackTracking, dtrackDriver } from './index.js';
import { isOnLine, PretendDTrack, type PretendOptions } from './test-support/device.js';

const clock = systemClock();
const TOOLS = [
  { name: 'stylus', id: 0 },
  { name: 'reference', id: 3 },
];
const TIMEOUTS = { connectMs: 300, silenceMs: 100, reconnectMs: 20 };

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function make(wire?: TestWire, device: Partial<PretendOptions> = {}, options: Partial<DTrackDriverOptions> = {}) {
  const link = datagramLink('pretended DTrack');
  const pretend = new PretendDTrack(link.device, { ids: [0, 3], ...device });
  const transport = wire ? wire.datagrams(link.host) : link.host;
  const driver = dtrackDriver({ transport, clock, tools: TOOLS, timeouts: TIMEOUTS, ...options });
  return { driver, pretend, link };
}

async function started(driver: Driver, pretend: PretendDTrack): Promise<{ record: PoseRecord; names: string[] }> {
  const record = new PoseRecord({ isPossible: isOnLine }, 'ok');
  const names: string[] = [];
  closing.push(
    () => pretend.close(),
    () => driver.stop(),
  );
  await driver.start({
    tools: (list) => {
      names.splice(0, names.length, ...list.map((tool) => tool.name));
      record.tools(list);
    },
    pose: (...args) => record.pose(...args),
    flush: () => record.flush(),
    connection: (state) => record.connection(state),
    fault: (fault) => record.fault(fault),
  });
  return { record, names };
}

describe('the DTrack driver', () => {
  it.each([true, false])('conforms (with ts2: %s)', async (stamped) => {
    const failures = await checkDriver({
      kind: 'datagram',
      tools: 2,
      silenceMs: TIMEOUTS.silenceMs,
      connectMs: TIMEOUTS.connectMs,
      periodMs: 5,
      isPossible: isOnLine,
      create: (wire) => {
        const { driver, pretend } = make(wire, { stamped });
        return underTest(driver, pretend);
      },
    });
    expect(failures).toEqual([]);
  });

  it('says missing for a body that is left out or not tracked, and never where it was', async () => {
    const { driver, pretend } = make();
    const { record } = await started(driver, pretend);
    await expect.poll(() => record.last).toEqual(['ok', 'ok']);
    pretend.targetAt = (id) => (id === 3 ? undefined : [0, 1, 0]);
    await expect.poll(() => record.last[1]).toBe('missing');
    expect(record.last[0]).not.toBe('missing');
  });

  it('calls a system stale that sends the same datagram again and again', async () => {
    const { driver, pretend } = make();
    const { record } = await started(driver, pretend);
    await expect.poll(() => record.last).toEqual(['ok', 'ok']);
    pretend.stuck = true;
    await expect.poll(() => record.last).toEqual(['stale', 'stale']);
    expect(record.faults.map((fault) => fault.code)).toContain('device/frozen');
    expect(record.states.at(-1)).toBe('connected');
    pretend.stuck = false;
    await expect.poll(() => record.last).toEqual(['ok', 'ok']);
  });

  it('names bodies that nobody named, unless it shall not', async () => {
    const { driver, pretend } = make(undefined, { ids: [0, 3, 17] });
    const { names } = await started(driver, pretend);
    await expect.poll(() => names).toEqual(['stylus', 'reference', 'dtrack-body-17']);
    const other = make(undefined, { ids: [0, 3, 17] }, { otherTools: false });
    const second = await started(other.driver, other.pretend);
    await expect.poll(() => second.record.live[1] ?? 0).toBeGreaterThan(3);
    expect(second.names).toEqual(['stylus', 'reference']);
  });

  it('tells damaged datagrams at a low rate, and goes on', async () => {
    const { driver, pretend, link } = make();
    const { record } = await started(driver, pretend);
    for (let i = 0; i < 50; i += 1) link.device.send(ascii('fr 1\r\n6d 1 [0 1]\r\n'));
    await expect.poll(() => record.faults.map((fault) => fault.code)).toContain('dtrack/missing-field');
    expect(record.faults.length).toBeLessThan(5);
    record.forget();
    await expect.poll(() => record.live[0] ?? 0).toBeGreaterThan(3);
  });

  it('fills pose buffers in the room of the tracker', async () => {
    const { driver, pretend } = make(
      undefined,
      { targetAt: () => [100, 201, -100] },
      { frozenAfterMs: Number.POSITIVE_INFINITY },
    );
    const graph = new FrameGraph();
    const [room, stylus] = [frame('room'), frame('stylus')];
    const buffer = graph.stream(room, stylus);
    closing.push(
      () => pretend.close(),
      () => driver.stop(),
    );
    await driver.start(poseBufferSink({ stylus: buffer }));
    const view = new PoseView();
    await expect
      .poll(() => {
        graph.tick(clock.now());
        return graph.path(room, stylus).read(view);
      })
      .toBe('ok');
    expect([...view.matrix.subarray(12, 15)]).toEqual([100, 201, -100]);
    // Turned by one radian about z: the target's x axis in the room.
    expect([...view.matrix.subarray(0, 3)]).toEqual([Math.cos(1), Math.sin(1), 0].map((v) => expect.closeTo(v, 5)));
  });

  it('refuses tools that are no targets or the same one', () => {
    const { host } = datagramLink();
    for (const tools of [
      [{ name: 'a', id: -1 }],
      [{ name: 'a', id: 1000 }],
      [{ name: 'a', id: 0.5 }],
      [
        { name: 'a', id: 1 },
        { name: 'b', id: 1 },
      ],
      [
        { name: 'a', id: 1 },
        { name: 'a', id: 2 },
      ],
      [{ name: '1', id: 1 }],
    ]) {
      const making = () => dtrackDriver({ transport: host, clock, tools });
      expect(making).toThrowError(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
    }
    const same = [
      { name: 'a', id: 1 },
      { name: 'b', id: 1, kind: 'flystick' as const },
    ];
    expect(() => dtrackDriver({ transport: host, clock, tools: same })).not.toThrow();
  });
});

describe('the command connection', () => {
  function withControl(answer: (command: string) => string | undefined) {
    const control = pipe();
    const commands: string[] = [];
    void control.device.open({
      data: (bytes) => {
        const command = String.fromCharCode(...bytes).replace(/\0$/, '');
        commands.push(command);
        const text = answer(command);
        if (text !== undefined) control.device.write(ascii(`${text}\0`));
      },
      closed: () => undefined,
    });
    return { ...make(undefined, {}, { control: control.host }), commands, control };
  }

  it('starts and stops the measurement', async () => {
    const { driver, pretend, commands } = withControl(() => 'dtrack2 ok');
    await started(driver, pretend);
    await driver.stop();
    expect(commands).toEqual(['dtrack2 tracking start', 'dtrack2 tracking stop']);
  });

  it.each([
    ['dtrack2 err 5 "no camera"', 'device/refused', /error 5 no camera/],
    ['hello', 'device/bad-reply', /answered/],
  ])('%s is a start that failed', async (text, code, message) => {
    const { driver, pretend } = withControl(() => text);
    const faults: DriverFault[] = [];
    closing.push(() => pretend.close());
    const starting = driver.start(poseBufferSink({}, (fault) => faults.push(fault)));
    await expect(starting).rejects.toThrowError(message);
    await expect(starting).rejects.toSatisfy((error) => isNavError(error) && error.code === code);
  });

  it('is part of the connection: lost with it, and made again', async () => {
    const { driver, pretend, control, commands } = withControl(() => 'dtrack2 ok');
    const { record } = await started(driver, pretend);
    control.cut();
    await expect.poll(() => record.states).toContain('disconnected');
    control.mend();
    await expect.poll(() => record.states.filter((state) => state === 'connected').length).toBe(2);
    expect(commands.filter((command) => command.endsWith('start'))).toHaveLength(2);
  });
});

describe('time', () => {
  interface Told {
    readonly measured: number;
    readonly status: string;
  }

  /** Feeds datagrams with their arrivals, and gives what was told of the one body. */
  function feed(datagrams: ReadonlyArray<readonly [number, Uint8Array]>): { told: Told[]; tracking: DTrackTracking } {
    const told: Told[] = [];
    const poses = new PoseTeller([{ name: 'stylus' }]);
    poses.sink = {
      tools: () => undefined,
      pose: (_, sample) => told.push({ measured: sample.measuredAt, status: sample.status }),
      flush: () => undefined,
      connection: () => undefined,
      fault: () => undefined,
    };
    const tracking = new DTrackTracking(poses);
    tracking.assign('body', 0, 0);
    const decoded = new DTrackFrame();
    for (const [arrived, bytes] of datagrams) {
      poses.arrivedAt[0] = arrived as Instant;
      decodeDtrack(decoded, bytes);
      tracking.push(decoded);
    }
    return { told, tracking };
  }

  const stamped = (n: number, seconds: number, latencyUs: number): Uint8Array => {
    const us = Math.round(seconds * 1e6);
    return datagram([`fr ${n}`, `ts2 ${Math.floor(us / 1e6)} ${us % 1e6} ${latencyUs}`, BODY_LINE]);
  };

  it('is the exposure: the latency that the system tells is taken off, also where it varies', () => {
    const frames = Array.from({ length: 200 }, (_, i) => {
      const latency = 5000 + 2000 * (i % 3);
      // Exposed every 10 ms; sent after the latency; 1 ms on the way, sometimes 30 more.
      return [10 * i + latency / 1000 + 1 + (i % 7 === 0 ? 30 : 0), stamped(i + 1, 100 + i / 100, latency)] as const;
    });
    const { told } = feed(frames);
    for (const [i, { measured }] of told.entries()) if (i > 60) expect(measured - 10 * i).toBeCloseTo(1, 1);
  });

  it('goes on over midnight', () => {
    const frames = Array.from(
      { length: 200 },
      (_, i) => [10 * i + 6, stamped(i + 1, (86_399 + i / 100) % 86_400, 5000)] as const,
    );
    const { told, tracking } = feed(frames);
    expect(tracking.clockMap.restarts).toBe(0);
    for (const [i, { measured }] of told.entries()) if (i > 60) expect(measured - 10 * i).toBeCloseTo(1, 3);
  });

  it('comes from the counter where there is no ts2', () => {
    const frames = Array.from({ length: 200 }, (_, i) => {
      return [10 * i + 3 + (i % 5), datagram([`fr ${i + 1}`, 'ts 5.0', BODY_LINE])] as const;
    });
    const { told } = feed(frames);
    for (const [i, { measured }] of told.entries()) if (i > 60) expect(measured - 10 * i).toBeCloseTo(3, 6);
  });

  it('does not go back: late and repeated datagrams are not told, and a new count is', () => {
    const numbers = [1, 2, 3, 5, 4, 5, 6, 100_000, 1, 2];
    const { told, tracking } = feed(numbers.map((n, i) => [10 * i, datagram([`fr ${n}`, BODY_LINE])]));
    expect(told).toHaveLength(8);
    expect([tracking.order.old, tracking.order.repeated]).toEqual([1, 1]);
  });

  it('counts a rotation that is none, and says missing', () => {
    const bad = BODY_LINE.replace(QUARTER_TURN, '0 0 0 0 0 0 0 0 0');
    const { told, tracking } = feed([
      [0, datagram(['fr 1', bad])],
      [1, datagram(['fr 2', BODY_LINE])],
    ]);
    expect(told.map(({ status }) => status)).toEqual(['missing', 'ok']);
    expect(tracking.badRotations).toBe(1);
  });
});
