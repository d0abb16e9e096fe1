import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { PoseBuffer } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { bridgeOptionsOf, parseConfig, startBridge } from './index.js';
import { Closing, clientOf, clock, until, wait } from './test-support/bridges.js';

/** Devices as a configuration names them, pretended on this machine's own network, from their bytes to a client's buffer. */

const closing = new Closing();
afterEach(() => closing.all());

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Sends what `make` says of frame 1, 2, 3 … to a UDP port, a hundred times a second. */
function sendDatagrams(port: number, make: (frame: number) => string): void {
  const socket = createSocket('udp4');
  let frame = 0;
  const timer = setInterval(() => {
    frame += 1;
    socket.send(make(frame), port, '127.0.0.1');
  }, 10);
  closing.add(() => {
    clearInterval(timer);
    socket.close();
  });
}

/** Serves a configuration, and waits until its tool is tracked. @returns the tool's buffer, and its position in mm */
async function serve(yaml: string, tool: string): Promise<{ status(): string; position(): number[] }> {
  const options = await bridgeOptionsOf({ config: parseConfig(yaml, 'test.yaml'), folder: '.' }, { clock, env: {} });
  const bridge = await startBridge({ ...options, port: 0 });
  closing.add(() => bridge.close());
  const client = clientOf(closing, bridge.url);
  await client.ready;
  const buffer = new PoseBuffer();
  client.attach(tool, buffer);
  const matrix = new Float64Array(16);
  const status = (): string => buffer.read(Float64Array.of(clock.now()), matrix, new Float64Array(5));
  await until(() => ['ok', 'unknown'].includes(status()), 5000);
  return { status, position: () => [...matrix.subarray(12, 15)] };
}

describe('a configured device', () => {
  it('dtrack: a body over UDP, and missing once it is covered', async () => {
    const port = await freePort();
    let covered = false;
    sendDatagrams(port, (frame) => {
      const body = `6d 1 [0 1.000][${100 + frame / 1000} -20.5 30.25][1 0 0 0 1 0 0 0 1]`;
      return `fr ${frame}\r\nts ${1000 + frame / 100}\r\n6dcal 1\r\n${covered ? '6d 0 ' : body}\r\n`;
    });
    const { status, position } = await serve(
      `devices: [{ type: dtrack, udp: { port: ${port} }, tools: [{ name: hand, id: 0 }] }]`,
      'hand',
    );
    const [x = 0, y, z] = position();
    expect(x).toBeGreaterThan(100);
    expect(x).toBeLessThan(110);
    expect([y, z]).toEqual([-20.5, 30.25]);
    expect(status()).toBe('ok');
    covered = true;
    await until(() => status() === 'missing', 1000);
  });

  it('line: columns over UDP, in metres', async () => {
    const port = await freePort();
    sendDatagrams(port, (frame) => `${0.1 + frame / 1e6},-0.02,0.03,0,0,0,1\n`);
    const { position } = await serve(
      `devices:
  - type: line
    udp: { port: ${port} }
    csv: [x, y, z, qx, qy, qz, qw]
    length: m
    tools: [{ name: probe }]`,
      'probe',
    );
    const [x = 0, y, z] = position();
    expect(x).toBeGreaterThan(100);
    expect(x).toBeLessThan(101);
    expect(y).toBeCloseTo(-20, 9);
    expect(z).toBeCloseTo(30, 9);
  });

  it('line: the same over TCP, and connected again after the device was away', async () => {
    const port = await freePort();
    const listen = async (): Promise<() => Promise<void>> => {
      let frame = 0;
      const sockets = new Set<import('node:net').Socket>();
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
      });
      const timer = setInterval(() => {
        frame += 1;
        for (const socket of sockets) socket.write(`${1 + frame / 1000},2,3,0,0,0,1\n`);
      }, 10);
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      return async () => {
        clearInterval(timer);
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      };
    };
    let away = await listen();
    closing.add(() => away());
    const { status } = await serve(
      `devices: [{ type: line, tcp: "127.0.0.1:${port}", csv: [x, y, z, qx, qy, qz, qw], tools: [{ name: probe }] }]`,
      'probe',
    );
    await away();
    await until(() => status() === 'disconnected', 1000);
    away = await listen();
    await until(() => ['ok', 'unknown'].includes(status()), 5000);
  });

  it('rosbridge: a topic over WebSocket, in metres', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closing.add(() => server.close());
    server.on('connection', (socket) => {
      let frame = 0;
      const timer = setInterval(() => {
        frame += 1;
        const pose = { position: { x: 0.1 + frame / 1e6, y: -0.02, z: 0.03 }, orientation: { x: 0, y: 0, z: 0, w: 1 } };
        const msg = { header: { seq: frame, stamp: { secs: 0, nsecs: 0 }, frame_id: 'base' }, pose };
        socket.send(JSON.stringify({ op: 'publish', topic: '/probe', msg }));
      }, 10);
      socket.on('close', () => clearInterval(timer));
    });
    await wait(10);
    const { port } = server.address() as { port: number };
    const { position } = await serve(
      `devices:
  - type: rosbridge
    url: "ws://127.0.0.1:${port}"
    tools: [{ name: probe, topic: /probe, type: geometry_msgs/PoseStamped }]`,
      'probe',
    );
    const [x = 0, y, z] = position();
    expect(x).toBeGreaterThan(100);
    expect(x).toBeLessThan(101);
    expect(y).toBeCloseTo(-20, 9);
    expect(z).toBeCloseTo(30, 9);
  });
});
