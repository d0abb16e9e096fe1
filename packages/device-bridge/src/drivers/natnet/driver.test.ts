import { type Instant, isNavError, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeNatnetFrame, NATNET, NatNetFrame } from '../../codec/natnet/index.js';
import { Bytes, framePacket } from '../../codec/natnet/test-support/packets.js';
import type { Driver, PoseSink } from '../../driver.js';
import { underTest } from '../../test-support/under-test.js';
import { checkDriver, datagramLink, PoseRecord, type TestWire } from '../../testing/index.js';
import { PoseTeller } from '../kit/index.js';
import { type NatNetDriverOptions, NatNetTracking, natnetDriver } from './index.js';
import { bodyOnLine, isOnLine, PretendServer, type PretendServerOptions } from './test-support/server.js';

const clock = systemClock();
const TIMEOUTS = { connectMs: 600, silenceMs: 100, reconnectMs: 20 };
const TOOLS = [{ name: 'stylus' }, { name: 'pointer', id: 5 }];

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function make(wire?: TestWire, server: PretendServerOptions = {}, options: Partial<NatNetDriverOptions> = {}) {
  const command = datagramLink('pretended NatNet');
  const data = server.multicast === true ? datagramLink('group') : command;
  const pretend = new PretendServer(command.device, data.device, server);
  const through = (link: typeof command) => (wire ? wire.datagrams(link.host) : link.host);
  const driver = natnetDriver({
    command: through(command),
    ...(server.multicast === true && { data: through(data) }),
    clock,
    tools: TOOLS,
    timeouts: TIMEOUTS,
    ...options,
  });
  return { driver, pretend, command, data };
}

async function started(driver: Driver, pretend: PretendServer) {
  const record = new PoseRecord({ isPossible: isOnLine }, 'ok');
  const names: string[] = [];
  const ages: number[] = [];
  const sink: PoseSink = {
    tools: (list) => {
      names.splice(0, names.length, ...list.map((tool) => tool.name));
      record.tools(list);
    },
    pose: (tool, sample, frame) => {
      ages.push(sample.arrivedAt - sample.measuredAt);
      record.pose(tool, sample, frame);
    },
    flush: () => record.flush(),
    connection: (state) => record.connection(state),
    fault: (fault) => record.fault(fault),
  };
  closing.push(
    () => pretend.close(),
    () => driver.stop(),
  );
  await driver.start(sink);
  return { record, names, ages };
}

describe('the NatNet driver', () => {
  it.each([
    ['3.0, unicast', { version: { major: 3, minor: 0 } }],
    ['4.1, multicast', { version: { major: 4, minor: 1 }, multicast: true }],
  ])('conforms (%s)', { timeout: 60_000 }, async (_, server) => {
    const failures = await checkDriver({
      kind: 'datagram',
      tools: 2,
      silenceMs: TIMEOUTS.silenceMs,
      connectMs: TIMEOUTS.connectMs,
      periodMs: 5,
      isPossible: isOnLine,
      create: (wire) => {
        const { driver, pretend } = make(wire, server);
        return underTest(driver, pretend);
      },
    });
    expect(failures).toEqual([]);
  });

  it('knows tools by the name of their model or by their id, and others by their model', async () => {
    const models = new Map([
      [2, 'stylus'],
      [5, 'Rigid Body 5'],
      [7, 'Tree-1'],
      [8, '8 ball'],
    ]);
    const { driver, pretend } = make(undefined, { models });
    const { names, record } = await started(driver, pretend);
    await expect.poll(() => names).toEqual(['stylus', 'pointer', 'Tree-1', 'natnet-8']);
    await expect.poll(() => record.last).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('tells the cameras’ mid-exposure by clocks compared with echoes', async () => {
    const { driver, pretend } = make();
    const { ages } = await started(driver, pretend);
    await expect.poll(() => pretend.asked.filter((id) => id === NATNET.echoRequest).length).toBeGreaterThan(10);
    ages.length = 0;
    await expect.poll(() => ages.length).toBeGreaterThan(50);
    const sorted = ages.toSorted((a, b) => a - b);
    // Exposed 6 ms before it was sent, in this process; a busy machine may make it arrive later, never earlier.
    expect(sorted[Math.floor(sorted.length / 2)]).toBeGreaterThan(5.5);
    expect(sorted[Math.floor(sorted.length / 4)]).toBeLessThan(12);
  });

  it('says missing for a body that is not tracked, and asks again for models that changed', async () => {
    const { driver, pretend } = make();
    const { record, names } = await started(driver, pretend);
    await expect.poll(() => record.last).toEqual(['ok', 'ok']);
    pretend.covered.add(2);
    await expect.poll(() => record.last[0]).toBe('missing');
    expect(record.last[1]).not.toBe('missing');
    pretend.models = new Map([...pretend.models, [9, 'late']]);
    pretend.modelsChanged = true;
    const asked = (): number => pretend.asked.filter((id) => id === NATNET.requestModelDefinitions).length;
    const before = asked();
    await expect.poll(asked).toBeGreaterThan(before);
    await expect.poll(() => names.length).toBe(3);
  });

  it('calls poses of 2.x unknown: nobody is sure of their layout', async () => {
    const { driver, pretend } = make(undefined, { version: { major: 2, minor: 11 } });
    const { record } = await started(driver, pretend);
    await expect.poll(() => record.last).toEqual(['unknown', 'unknown']);
    pretend.covered.add(2);
    await expect.poll(() => record.last[0]).toBe('missing');
  });

  it('keeps a server that unicasts awake, and takes its leave', async () => {
    const { driver, pretend } = make();
    await started(driver, pretend);
    await expect.poll(() => pretend.asked).toContain(NATNET.keepAlive);
    await driver.stop();
    await expect.poll(() => pretend.asked.at(-1)).toBe(NATNET.disconnect);
  });

  it('says what to do where the server multicasts and nobody listens to the group', async () => {
    const command = datagramLink();
    const pretend = new PretendServer(command.device, command.device, { multicast: true });
    closing.push(() => pretend.close());
    const driver = natnetDriver({ command: command.host, clock, tools: [], timeouts: TIMEOUTS });
    const starting = driver.start(new PoseRecord({ isPossible: () => true }, 'ok'));
    await expect(starting).rejects.toThrowError(/239\.255\.42\.99:1511/);
  });

  it('is told when the server leaves, and connects again', async () => {
    const { driver, pretend, command } = make();
    const { record } = await started(driver, pretend);
    command.device.send(new Bytes().message(NATNET.disconnect));
    await expect.poll(() => record.states.filter((state) => state === 'connected').length).toBe(2);
  });

  it('tells what it cannot read at a low rate', async () => {
    const { driver, pretend, command } = make();
    const { record } = await started(driver, pretend);
    for (let i = 0; i < 50; i += 1) command.device.send(Uint8Array.of(7, 0, 1, 0, 0));
    command.device.send(new Bytes().message(0x100));
    await expect.poll(() => record.faults.map((fault) => fault.code)).toEqual(['natnet/truncated', 'device/refused']);
  });

  it('refuses ids that are none or twice', () => {
    const { host } = datagramLink();
    for (const tools of [
      [{ name: 'a', id: 1.5 }],
      [
        { name: 'a', id: 1 },
        { name: 'b', id: 1 },
      ],
    ]) {
      const making = () => natnetDriver({ command: host, clock, tools });
      expect(making).toThrowError(expect.toSatisfy((e) => isNavError(e, 'bridge/bad-option')));
    }
  });
});

describe('time', () => {
  const TICKS = 3_312_787;

  function rig() {
    const measured: number[] = [];
    const poses = new PoseTeller([{ name: 'stylus' }]);
    poses.sink = {
      tools: () => undefined,
      pose: (_, sample) => measured.push(sample.measuredAt),
      flush: () => undefined,
      connection: () => undefined,
      fault: () => undefined,
    };
    const tracking = new NatNetTracking(poses);
    tracking.assign(2, 0);
    tracking.restart(TICKS);
    const frame = new NatNetFrame();
    let number = 0;
    const push = (arrived: number, midExposure: number, transmit: number): number => {
      number += 1;
      poses.arrivedAt[0] = arrived as Instant;
      const packet = framePacket({ number, bodies: [bodyOnLine(2, number)], midExposure, transmit }, { major: 3, minor: 0 });
      decodeNatnetFrame(frame, packet, { major: 3, minor: 0 });
      tracking.push(frame);
      return measured.at(-1) as number;
    };
    return { tracking, push };
  }

  const ticks = (ms: number): number => Math.round((ms / 1000) * TICKS);

  it('is the arrival less the server’s own delay until an echo has come, and by the echo afterwards', () => {
    const { tracking, push } = rig();
    // The server's clock is a million seconds ahead.
    const server = (hostMs: number): number => ticks(hostMs + 1e9);
    expect(push(100, server(80), server(90))).toBeCloseTo(90, 2);
    tracking.echo(200, server(201), 202);
    expect(tracking.clock.boundMs).toBeLessThan(1.1);
    expect(push(300, server(280), server(290))).toBeCloseTo(280, 2);
    // A packet that was held up on the way is as old as it is.
    expect(push(400, server(300), server(310))).toBeCloseTo(300, 2);
    expect(tracking.clockDoubts).toBe(0);
  });

  it('does not follow a server whose clock is another than the one compared', () => {
    const { tracking, push } = rig();
    tracking.echo(200, ticks(1e9), 202);
    expect(push(300, ticks(5e9), ticks(5e9 + 4))).toBeCloseTo(296, 2);
    expect(push(400, ticks(5e9), ticks(4e9))).toBe(400);
    expect(tracking.clockDoubts).toBe(2);
  });
});
