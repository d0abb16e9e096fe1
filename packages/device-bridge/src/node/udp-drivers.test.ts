import { createSocket, type Socket } from 'node:dgram';
import { systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { dtrackDriver } from '../drivers/dtrack/index.js';
import { isOnLine as isDTrackPose, PretendDTrack } from '../drivers/dtrack/test-support/device.js';
import { lineDriver } from '../drivers/line/index.js';
import { natnetDriver } from '../drivers/natnet/index.js';
import { isOnLine as isNatNetPose, PretendServer } from '../drivers/natnet/test-support/server.js';
import { type DatagramDevice, PoseRecord } from '../testing/index.js';
import { udpTransport } from './udp.js';

const clock = systemClock();
const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function socketOn(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  closing.push(() => socket.close());
  return socket;
}

/** A device on a UDP socket, sending to a port that is known when it is asked for. */
function deviceOn(socket: Socket, port: () => number): DatagramDevice {
  const device: DatagramDevice = {
    send: (bytes) => {
      if (port() > 0) socket.send(bytes, port(), '127.0.0.1');
    },
    onDatagram: () => undefined,
  };
  socket.on('message', (bytes) => device.onDatagram(bytes));
  return device;
}

describe('over real UDP', () => {
  it('DTrack is tracked, lost when it falls silent, and found again', async () => {
    const socket = await socketOn('127.0.0.1');
    const transport = udpTransport({ port: 0 });
    const pretend = new PretendDTrack(
      deviceOn(socket, () => transport.localPort),
      { ids: [0, 3], periodMs: 10 },
    );
    closing.push(() => pretend.close());
    const tools = [
      { name: 'stylus', id: 0 },
      { name: 'reference', id: 3 },
    ];
    const timeouts = { silenceMs: 500, reconnectMs: 20 };
    const driver = dtrackDriver({ transport, clock, tools, timeouts });
    closing.push(() => driver.stop());
    const record = new PoseRecord({ isPossible: isDTrackPose }, 'ok');
    await driver.start(record);
    await expect.poll(() => record.live[1] ?? 0).toBeGreaterThan(5);
    pretend.silent = true;
    const from = clock.now();
    await expect.poll(() => record.last, { interval: 5, timeout: 3000 }).toEqual(['stale', 'stale']);
    // One frame and 100 ms, and what a busy machine adds.
    expect(clock.now() - from).toBeLessThan(110 + 200);
    await expect.poll(() => record.states, { timeout: 3000 }).toContain('disconnected');
    pretend.silent = false;
    record.forget();
    await expect.poll(() => record.live[1] ?? 0, { timeout: 5000 }).toBeGreaterThan(5);
    expect(record.failures).toEqual([]);
  });

  it('NatNet is asked, answers, and is tracked', async () => {
    const socket = await socketOn('127.0.0.1');
    const command = udpTransport({ port: 0, remote: { host: '127.0.0.1', port: socket.address().port } });
    const device = deviceOn(socket, () => command.localPort);
    const pretend = new PretendServer(device, device, { periodMs: 10 });
    closing.push(() => pretend.close());
    const driver = natnetDriver({ command, clock, tools: [{ name: 'stylus' }, { name: 'reference' }] });
    closing.push(() => driver.stop());
    const record = new PoseRecord({ isPossible: isNatNetPose }, 'ok');
    await driver.start(record);
    await expect.poll(() => record.live[1] ?? 0, { timeout: 5000 }).toBeGreaterThan(20);
    expect(record.failures).toEqual([]);
  });

  it('lines of a microcontroller are read, several in a datagram', async () => {
    const socket = await socketOn('127.0.0.1');
    const transport = udpTransport({ port: 0 });
    let n = 0;
    const timer = setInterval(() => {
      n += 1;
      const text = `t:${n} x:${n % 7} y:2 z:3 qx:0 qy:0 qz:0 qw:1\nt:${n + 0.5} x:${n % 5} y:2 z:3 qx:0 qy:0 qz:0 qw:1`;
      if (transport.localPort > 0) socket.send(text, transport.localPort, '127.0.0.1');
    }, 10);
    closing.push(() => clearInterval(timer));
    const keys = { t: 'time', x: 'x', y: 'y', z: 'z', qx: 'qx', qy: 'qy', qz: 'qz', qw: 'qw' } as const;
    const driver = lineDriver({ transport, clock, tools: [{ name: 'probe' }], parse: { keys }, lineMeans: 'ok' });
    closing.push(() => driver.stop());
    const record = new PoseRecord({ isPossible: (_, { values }) => values[4] === 2 && values[5] === 3 }, 'ok');
    await driver.start(record);
    await expect.poll(() => record.live[0] ?? 0).toBeGreaterThan(10);
    expect(record.failures).toEqual([]);
    expect(record.faults).toEqual([]);
  });
});
