import { createServer, connect as tcpConnect } from 'node:net';
import { type Clock, FrameGraph, frame, type Instant, isNavError, PoseSample, PoseView, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { type BridgeClient, type BridgeClientOptions, connectBridge } from '../browser/index.js';
import { CLOSE, encodeHello, encodePing } from '../codec/bridge/index.js';
import type { Driver, PoseSink } from '../driver.js';
import { type PoseSource, simulatedDriver } from '../drivers/simulated/index.js';
import { type Bridge, type BridgeOptions, nodeSocket, startBridge } from './index.js';

const clock = systemClock();
const tracker = frame('tracker');
const stylus = frame('stylus');
const reference = frame('reference');
const still: PoseSource = (tool) => ({ position: [tool === 'stylus' ? 1 : 2, 20.25, -1500.5], rotation: [0, 0, 0, 1] });

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(holds: () => boolean, deadlineMs: number): Promise<number> {
  const from = clock.now();
  while (!holds()) {
    if (clock.now() - from > deadlineMs) throw new Error(`Did not hold within ${deadlineMs} ms.`);
    await wait(2);
  }
  return clock.now() - from;
}

async function bridge(options: Partial<BridgeOptions> & { poseOf?: PoseSource; rateHz?: number } = {}): Promise<Bridge> {
  const { poseOf = still, rateHz = 100, ...rest } = options;
  const driver = simulatedDriver({ tools: ['stylus', 'reference'], clock: options.clock ?? clock, poseOf, rateHz });
  const b = await startBridge({ driver, clock, ...rest });
  closing.push(() => b.close());
  return b;
}

interface Attached {
  readonly client: BridgeClient;
  readonly graph: FrameGraph;
  view(which?: 'stylus' | 'reference'): PoseView;
}

function attach(url: string, options: Partial<BridgeClientOptions> = {}): Attached {
  const client = connectBridge({ url, clock, createSocket: nodeSocket, reconnectMs: 20, ...options });
  closing.push(() => client.close());
  const graph = new FrameGraph();
  client.attach('stylus', graph.stream(tracker, stylus));
  client.attach('reference', graph.stream(tracker, reference));
  return {
    client,
    graph,
    view: (which = 'stylus') => {
      graph.tick((options.clock ?? clock).now());
      const view = new PoseView();
      if (which === 'stylus') graph.path(tracker, stylus).read(view);
      else graph.path(tracker, reference).read(view);
      return view;
    },
  };
}

/** A clock that runs beside the system's by a known offset. */
function shifted(byMs: number): Clock {
  return { now: () => (clock.now() + byMs) as Instant, plus: clock.plus, utc: clock.utc };
}

describe('a bridge and its client', () => {
  it('carries poses bit for bit, with their times on the client clock, within the stated bound', async () => {
    const exact = [Math.PI, -1 / 3, 1e-7] as const;
    const half = Math.SQRT1_2;
    const b = await bridge({
      clock: shifted(5_000_000),
      poseOf: () => ({ position: exact, rotation: [half, 0, 0, half], errorMm: 0.1 }),
    });
    const { client, view } = attach(b.url);
    await client.ready;
    await until(() => view().status === 'ok', 500);
    const v = view();
    expect([v.matrix[12], v.matrix[13], v.matrix[14]]).toEqual([...exact]);
    expect(v.errorMm).toBe(0.1);
    expect(Math.abs(client.clock.offsetMs - 5_000_000)).toBeLessThanOrEqual(client.clock.boundMs);
    expect(client.clock.boundMs).toBeLessThan(5);
    expect(v.ageMs).toBeGreaterThan(-client.clock.boundMs);
    expect(v.ageMs).toBeLessThan(100);
    expect(client.tools.map((t) => t.name)).toEqual(['stylus', 'reference']);
  });

  it('serves several clients, and forgets those that go', async () => {
    const b = await bridge();
    const one = attach(b.url);
    const two = attach(b.url);
    await Promise.all([one.client.ready, two.client.ready]);
    expect(b.clientCount).toBe(2);
    one.client.close();
    await until(() => b.clientCount === 1, 500);
    await until(() => two.view().status === 'ok', 500);
    expect(one.view().status).toBe('disconnected');
  });

  it('tells a tool that is not seen, while the other goes on', async () => {
    let seen = true;
    const b = await bridge({ poseOf: (tool, at) => (tool === 'stylus' && !seen ? undefined : still(tool, at)) });
    const { client, view } = attach(b.url);
    await client.ready;
    await until(() => view().status === 'ok', 500);
    seen = false;
    await until(() => view().status === 'missing', 200);
    expect(view('reference').status).toBe('ok');
  });

  it('keeps a pose of NaN as missing', async () => {
    const b = await bridge({ poseOf: () => ({ position: [Number.NaN, 0, 0], rotation: [0, 0, 0, 1] }) });
    const { client, view } = attach(b.url);
    await client.ready;
    await until(() => client.counts.poses > 4, 500);
    expect(view().status).toBe('missing');
  });

  it('disconnects every buffer at once when the bridge goes, and comes back with it', async () => {
    const b = await bridge();
    const { client, view } = attach(b.url);
    await client.ready;
    await until(() => view().status === 'ok', 500);
    await b.close();
    const took = await until(() => view().status === 'disconnected', 400);
    expect(took).toBeLessThan(300);
    const again = await bridge({ port: b.port });
    await until(() => view().status === 'ok', 5000);
    expect(again.port).toBe(b.port);
    expect(client.counts.connections).toBe(2);
  });

  it('disconnects every buffer within its deadline when the link dies without a word', async () => {
    const b = await bridge();
    const { url, freeze } = await proxy(b.port);
    const { client, view } = attach(url, { deadlineMs: 300 });
    await client.ready;
    await until(() => view().status === 'ok', 500);
    freeze(true);
    const took = await until(() => view().status === 'disconnected', 1000);
    expect(took).toBeLessThanOrEqual(380);
    expect(client.state.link).toBe('silent');
    freeze(false);
    await until(() => view().status === 'ok', 5000);
  });

  it('disconnects every buffer when the device behind the bridge goes', async () => {
    let sink: PoseSink | undefined;
    const driver: Driver = {
      name: 'by hand',
      start: async (to) => {
        sink = to;
        to.tools([{ name: 'stylus' }]);
        to.connection('connected', '');
      },
      stop: async () => undefined,
    };
    const b = await startBridge({ driver, clock });
    closing.push(() => b.close());
    const { client, view } = attach(b.url);
    await client.ready;
    expect(view().status).toBe('missing');
    expect(view('reference').status).toBe('disconnected');
    sink?.connection('disconnected', 'pulled');
    await until(() => view().status === 'disconnected', 200);
    expect(client.state.device).toBe('disconnected');
    sink?.tools([{ name: 'stylus' }, { name: 'reference' }]);
    sink?.connection('connected', 'back');
    await until(() => view('reference').status === 'missing', 200);
    sink?.fault({ code: 'device/alarm', message: 'bumped' });
    const told: string[] = [];
    client.faults.subscribe((f) => told.push(f.code));
    sink?.fault({ code: 'device/alarm', message: 'bumped again' });
    await until(() => told.length > 0, 200);
  });
});

/** A TCP proxy that can stop passing bytes on without closing anything. */
async function proxy(port: number): Promise<{ url: string; freeze: (yes: boolean) => void }> {
  let frozen = false;
  const server = createServer((left) => {
    const right = tcpConnect(port, '127.0.0.1');
    left.on('data', (d) => frozen || right.write(d));
    right.on('data', (d) => frozen || left.write(d));
    for (const [a, b] of [
      [left, right],
      [right, left],
    ] as const) {
      a.on('close', () => b.destroy());
      a.on('error', () => b.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  return {
    url: `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    freeze: (yes) => {
      frozen = yes;
    },
  };
}

/** The status line that an upgrade request is answered with. */
function upgradeStatus(port: number, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tcpConnect(port, '127.0.0.1');
    const all = {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Version': '13',
      ...headers,
    };
    socket.write(
      `GET / HTTP/1.1\r\n${Object.entries(all)
        .map(([k, v]) => `${k}: ${v}\r\n`)
        .join('')}\r\n`,
    );
    socket.setTimeout(2000, () => reject(new Error('no answer')));
    socket.once('data', (d) => {
      socket.destroy();
      resolve(d.toString().split('\r\n')[0] as string);
    });
    socket.on('error', reject);
  });
}

describe('who may connect', () => {
  it.each([
    ['no origin, loopback name', { Host: '127.0.0.1:1' }, '101'],
    ['an allowed origin', { Host: 'localhost:1', Origin: 'http://127.0.0.1:5173' }, '101'],
    ['a foreign origin', { Host: '127.0.0.1:1', Origin: 'https://evil.example' }, '403'],
    ['an allowed origin on another port', { Host: '127.0.0.1:1', Origin: 'http://127.0.0.1:5174' }, '403'],
    ['the null origin of a sandboxed page', { Host: '127.0.0.1:1', Origin: 'null' }, '403'],
    ['a rebound name', { Host: 'evil.example:1' }, '403'],
    ['a rebound name that is its own origin', { Host: 'evil.example', Origin: 'http://evil.example' }, '403'],
  ])('%s', async (_, headers, status) => {
    const b = await bridge({ allowedOrigins: ['http://127.0.0.1:5173'] });
    expect(await upgradeStatus(b.port, headers)).toContain(` ${status} `);
  });

  it('a request that is no WebSocket is told so', async () => {
    const b = await bridge();
    const response = await fetch(`http://127.0.0.1:${b.port}/`);
    expect(response.status).toBe(426);
  });

  it.each([
    ['another address without saying so', { host: '0.0.0.0' }],
    ['another address without origins', { host: '0.0.0.0', allowRemote: true, allowedHosts: ['nav.local'] }],
    ['an origin with a path', { allowedOrigins: ['http://127.0.0.1:5173/page'] }],
    ['a wildcard', { allowedOrigins: ['*'] }],
  ])('refuses to listen on %s', async (_, options) => {
    await expect(bridge(options)).rejects.toSatisfy((e) => isNavError(e, 'bridge/bad-option'));
  });
});

/** How a bridge ends the connection of a client that sends this. */
function closeAfter(
  url: string,
  messages: ReadonlyArray<Uint8Array | string>,
): Promise<{ code: number; reason: string; ms: number }> {
  return new Promise((resolve, reject) => {
    const from = clock.now();
    const socket = new WebSocket(url);
    socket.on('open', () => {
      for (const m of messages) socket.send(m);
    });
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), ms: clock.now() - from }));
    socket.on('error', reject);
  });
}

describe('clients that speak something else', () => {
  const hello = encodeHello({});
  it.each([
    ['text', ['hello'], CLOSE.wrongProtocol, 'bridge/wrong-protocol'],
    ['other bytes', [Uint8Array.of(1, 2, 3, 4)], CLOSE.wrongProtocol, 'bridge/wrong-protocol'],
    ['an empty message', [new Uint8Array(0)], CLOSE.wrongProtocol, 'bridge/wrong-protocol'],
    ['another version', [encodeHello({}, 2)], CLOSE.wrongVersion, 'bridge/wrong-version'],
    ['a hello without JSON', [hello.subarray(0, 17)], CLOSE.malformed, 'bridge/malformed'],
    ['a short ping', [hello, encodePing(1, 2).subarray(0, 9)], CLOSE.malformed, 'bridge/malformed'],
    ['a second hello', [hello, hello], CLOSE.malformed, 'bridge/malformed'],
    ['too much', [hello, new Uint8Array(5000)], 1009, ''],
  ] as const)('%s is closed with its own code', async (_, messages, code, reason) => {
    const b = await bridge();
    const end = await closeAfter(b.url, messages);
    expect(end.code).toBe(code);
    expect(end.reason).toBe(reason);
    expect(end.ms).toBeLessThan(1000);
  });

  it('silence is closed after the hello timeout', async () => {
    const b = await bridge({ helloTimeoutMs: 100 });
    const end = await closeAfter(b.url, []);
    expect(end.code).toBe(CLOSE.wrongProtocol);
    expect(end.ms).toBeLessThan(800);
  });
});

describe('bridges that speak something else', () => {
  async function fake(answer: (socket: WebSocket) => void): Promise<string> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', answer);
    closing.push(() => {
      for (const c of server.clients) c.terminate();
      server.close();
    });
    const address = server.address();
    return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  it.each([
    ['text', 'hi', 'bridge/wrong-protocol'],
    ['other bytes', new Uint8Array(64), 'bridge/wrong-protocol'],
    ['a newer version', encodeHello({}, 9), 'bridge/wrong-version'],
  ] as const)('%s refuses the client for good', async (_, message, code) => {
    let connections = 0;
    const url = await fake((socket) => {
      connections += 1;
      socket.send(message);
    });
    const { client } = attach(url);
    await expect(client.ready).rejects.toSatisfy((e) => isNavError(e, code));
    expect(client.state.link).toBe('refused');
    await wait(100);
    expect(connections).toBe(1);
  });

  it('rubbish after a good hello does not take the client down: told, disconnected, and tried again', async () => {
    let connections = 0;
    const url = await fake((socket) => {
      connections += 1;
      socket.send(encodeHello({ bridge: 'x', tools: [{ name: 'stylus' }], device: 'connected', reason: '', heartbeatMs: 100 }));
      socket.send(new Uint8Array([2, 0, 255, 255, 9, 9, 9, 9, 1, 2, 3]));
    });
    const { client } = attach(url);
    const told: string[] = [];
    client.faults.subscribe((f) => told.push(f.code));
    await until(() => connections >= 2, 1000);
    expect(told[0]).toBe('bridge/malformed');
    expect(client.state.device).toBe('disconnected');
  });

  it('a malformed hello is tried again, and told', async () => {
    let connections = 0;
    const url = await fake((socket) => {
      connections += 1;
      socket.send(encodeHello({ bridge: 'x', tools: [{ name: '' }], device: 'connected', reason: '', heartbeatMs: 100 }));
    });
    const { client } = attach(url);
    const told: string[] = [];
    client.faults.subscribe((f) => told.push(f.code));
    await until(() => connections >= 2, 1000);
    expect(told[0]).toBe('bridge/malformed');
  });
});

describe('a client that does not keep up', () => {
  it('gets the newest pose of each tool, and is told what it missed', async () => {
    // Many tools: the kernel's own buffers take megabytes before the bridge sees that nobody reads.
    const names = Array.from({ length: 200 }, (_, i) => `tool${i}`);
    let sink: PoseSink | undefined;
    const start = async (to: PoseSink): Promise<void> => {
      sink = to;
      to.tools(names.map((name) => ({ name })));
      to.connection('connected', '');
    };
    const b = await startBridge({ driver: { name: 'by hand', start, stop: async () => undefined }, clock, highWaterBytes: 2000 });
    closing.push(() => b.close());
    const sample = new PoseSample();
    sample.status = 'ok';
    sample.setPose(1, 2, 3, 0, 0, 0, 1);
    let frameNumber = 0;
    const tellFrame = (): void => {
      frameNumber += 1;
      sample.values[0] = frameNumber;
      for (let tool = 0; tool < names.length; tool += 1) sink?.pose(tool, sample, frameNumber);
      sink?.flush();
    };
    const socket = new WebSocket(b.url);
    closing.push(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(encodeHello({}));
    socket.send(encodePing(1, 0));
    await until(() => b.clientCount === 1, 500);
    socket.pause();
    const heldBefore = process.memoryUsage().arrayBuffers;
    while (b.dropped < 20_000 && frameNumber < 20_000) {
      for (let i = 0; i < 20; i += 1) tellFrame();
      await wait(1);
    }
    expect(b.dropped).toBeGreaterThanOrEqual(20_000);
    expect(process.memoryUsage().arrayBuffers - heldBefore).toBeLessThan(64e6);
    const newest: number[] = [];
    let told = 0;
    socket.on('message', (data: Buffer) => {
      if (data[0] === 2) newest.push(data.readUInt32LE(8 + 4));
      if (data[0] === 5) told = (JSON.parse(data.subarray(8).toString()) as { total?: number }).total ?? told;
    });
    socket.resume();
    await until(() => told >= 20_000 && newest.at(-1) === frameNumber, 5000);
    for (let i = 1; i < newest.length; i += 1) expect(newest[i]).toBeGreaterThan(newest[i - 1] as number);
  }, 60_000);
});
