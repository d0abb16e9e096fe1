import { PoseBuffer } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { encodeHello, encodePing, encodePong, PoseBatch } from '../codec/bridge/index.js';
import { bridgeOf, Closing, clientOf, clock, handDriver, proxyTo, socketOf, until, wait } from './test-support/bridges.js';

const closing = new Closing();
afterEach(() => closing.all());

/** What pose messages a bare socket gets: the tools of each. */
function toolsOf(socket: Awaited<ReturnType<typeof socketOf>>): number[][] {
  const all: number[][] = [];
  socket.on('message', (data: Buffer) => {
    if (data[0] === 2) all.push(Array.from({ length: data.readUInt16LE(2) }, (_, i) => data[8 + 88 * i] as number));
  });
  return all;
}

describe('subscriptions', () => {
  it('give each client its own tools, also ones that appear later, and nothing where none of them moved', async () => {
    const driver = handDriver(['a', 'b', 'c']);
    const bridge = await bridgeOf(closing, { driver });
    const one = await socketOf(closing, bridge.url);
    const two = await socketOf(closing, bridge.url);
    const [ofOne, ofTwo] = [toolsOf(one), toolsOf(two)];
    one.send(encodeHello({ subscribe: ['c', 'later', 'a'] }));
    two.send(encodeHello({ client: 'of revision 0' }));
    for (const socket of [one, two]) socket.send(encodePing(1, 0));
    await until(() => bridge.clientCount === 2, 1000);
    await wait(20);
    driver.frame(1);
    driver.frame(2, [1]);
    await until(() => ofTwo.length === 2, 1000);
    driver.sink?.tools(['a', 'b', 'c', 'later'].map((name) => ({ name })));
    driver.frame(3, [3]);
    await until(() => ofTwo.length === 3, 1000);
    await until(() => ofOne.length === 2, 1000);
    expect(ofOne).toEqual([[0, 2], [3]]);
    expect(ofTwo).toEqual([[0, 1, 2], [1], [3]]);
  });

  it('begin with the newest of each subscribed tool', async () => {
    const driver = handDriver(['a', 'b']);
    const bridge = await bridgeOf(closing, { driver });
    driver.frame(7);
    const client = clientOf(closing, bridge.url, { subscribe: ['b'] });
    const buffers = { a: new PoseBuffer(), b: new PoseBuffer() };
    client.attach('a', buffers.a);
    client.attach('b', buffers.b);
    await client.ready;
    await until(() => buffers.b.size === 1, 1000);
    expect([buffers.a.size, client.counts.poses]).toEqual([0, 1]);
  });

  it('at a rate: about so many messages, the newest pose each time, and nobody calls that dropped', async () => {
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, { driver });
    const slow = clientOf(closing, bridge.url, { maxRateHz: 20 });
    const all = clientOf(closing, bridge.url);
    const buffer = new PoseBuffer();
    slow.attach('a', buffer);
    await Promise.all([slow.ready, all.ready]);
    const from = clock.now();
    let frames = 0;
    while (clock.now() - from < 1000) {
      frames += 1;
      driver.frame(frames);
      await wait(4);
    }
    const seconds = (clock.now() - from) / 1000;
    await until(() => all.counts.poses === frames, 1000);
    await wait(120);
    expect(slow.counts.poses).toBeGreaterThan(12 * seconds);
    expect(slow.counts.poses).toBeLessThan(20 * seconds + 4);
    expect(buffer.newestAt).toBeGreaterThan(clock.now() - 400);
    expect([slow.counts.dropped, bridge.dropped]).toEqual([0, 0]);
    const metrics = await (await fetch(`${bridge.url.replace('ws', 'http')}/metrics`)).text();
    expect(Number(/trocar_poses_thinned_total (\d+)/.exec(metrics)?.[1])).toBeGreaterThan(20);
  });

  it.each([
    ['subscribe', { subscribe: 'a' }],
    ['subscribe', { subscribe: [''] }],
    ['maxRateHz', { maxRateHz: 0 }],
    ['maxRateHz', { maxRateHz: '9' }],
    ['resume', { resume: { session: 'x' } }],
    ['revision', { revision: -1 }],
  ])('a hello with an impossible %s is malformed', async (_, hello) => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']) });
    const socket = await socketOf(closing, bridge.url);
    socket.send(encodeHello(hello));
    expect(await new Promise((resolve) => socket.once('close', (code) => resolve(code)))).toBe(4002);
  });
});

describe('a connection that breaks', () => {
  it('is resumed without a pose that was there before, and says how many frames were missed', async () => {
    const driver = handDriver(['a', 'b']);
    const bridge = await bridgeOf(closing, { driver });
    const { url, cut } = await proxyTo(closing, bridge.port);
    const client = clientOf(closing, url);
    const [a, b] = [new PoseBuffer(), new PoseBuffer()];
    client.attach('a', a);
    client.attach('b', b);
    await client.ready;
    for (let n = 1; n <= 5; n += 1) driver.frame(n);
    await until(() => client.counts.poses === 10, 1000);
    cut();
    await until(() => client.state.link !== 'open', 1000);
    for (let n = 6; n <= 9; n += 1) driver.frame(n, [0]);
    await until(() => client.state.link === 'open', 3000);
    await until(() => client.counts.poses === 11, 1000);
    driver.frame(10);
    await until(() => client.counts.poses === 13, 1000);
    // Of b nothing was new: it was not sent again. Of a only the newest was.
    expect([a.size, b.size]).toEqual([7, 6]);
    expect([a.faults.repeated, b.faults.repeated, client.counts.duplicates]).toEqual([0, 0, 0]);
    expect(client.counts.missed).toBe(3);
    expect(client.counts.connections).toBe(2);
  });

  it('to a bridge that was started anew, begins anew', async () => {
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, { driver });
    const client = clientOf(closing, bridge.url);
    await client.ready;
    driver.frame(1);
    await until(() => client.counts.poses === 1, 1000);
    await bridge.close();
    const again = handDriver(['a']);
    await bridgeOf(closing, { driver: again, port: bridge.port });
    again.frame(1);
    await until(() => client.counts.poses === 2, 5000);
    expect([client.counts.duplicates, client.counts.missed]).toEqual([0, 0]);
  });

  it('to a bridge that sends again what was there, drops it by its measured time', async () => {
    const sample = handDriver(['a']);
    const batch = new PoseBatch();
    sample.sink = { tools() {}, pose: (tool, pose, n) => void batch.add(tool, pose, n), flush() {}, connection() {}, fault() {} };
    sample.frame(1);
    let connections = 0;
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    closing.add(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    server.on('connection', (socket) => {
      connections += 1;
      const first = connections === 1;
      const facts = {
        bridge: 'x',
        tools: [{ name: 'a' }],
        device: 'connected',
        reason: '',
        heartbeatMs: 25,
        revision: 1,
        session: 's',
      };
      socket.on('message', (data: Buffer) => {
        if (data[0] === 1) socket.send(encodeHello(facts));
        if (data[0] !== 3) return;
        const now = clock.now();
        socket.send(encodePong(data.readUInt32LE(4), data.readDoubleLE(8), now, now));
        if (data.readUInt32LE(4) % 5 === 1) socket.send(batch.message(7));
        if (first) setTimeout(() => socket.terminate(), 50);
      });
    });
    const address = server.address();
    const client = clientOf(closing, `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    const buffer = new PoseBuffer();
    client.attach('a', buffer);
    await until(() => connections === 2 && client.counts.duplicates > 0, 5000);
    expect(buffer.size).toBe(1);
  });
});

it('a bridge of revision 0 gets the short ping and no command', async () => {
  const got: Buffer[] = [];
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  closing.add(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      got.push(data);
      const facts = { bridge: 'x', tools: [{ name: 'a' }], device: 'connected', reason: '', heartbeatMs: 100 };
      if (data[0] === 1) socket.send(encodeHello(facts));
      if (data[0] === 3) socket.send(encodePong(data.readUInt32LE(4), data.readDoubleLE(8), clock.now(), clock.now()));
    });
  });
  const address = server.address();
  const client = clientOf(closing, `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
  await client.ready;
  await expect(client.command('mark')).rejects.toThrowError(/observe/);
  await until(() => got.length > 4, 2000);
  expect(new Set(got.slice(1).map((data) => `${data[0]} ${data.length}`))).toEqual(new Set(['3 16']));
});

describe('several devices', () => {
  it('serve their tools together; one that is lost takes only its own along, and comes back', async () => {
    const [left, right] = [handDriver(['stylus'], 'left'), handDriver(['probe', 'stylus'], 'right')];
    const bridge = await bridgeOf(closing, {
      devices: [
        { name: 'left', driver: left },
        { name: 'right', driver: right },
      ],
    });
    const client = clientOf(closing, bridge.url);
    const names = ['stylus', 'probe', 'right/stylus'];
    const buffers = names.map((name) => {
      const buffer = new PoseBuffer();
      client.attach(name, buffer);
      return buffer;
    });
    const statuses = (): string[] =>
      buffers.map((buffer) => buffer.read(Float64Array.of(clock.now()), new Float64Array(16), new Float64Array(3)));
    await client.ready;
    expect(client.tools.map((tool) => tool.name)).toEqual(names);
    left.frame(1);
    right.frame(1);
    await until(() => statuses().every((status) => status === 'ok'), 1000);
    right.connection('disconnected', 'pulled');
    const took = await until(() => statuses()[1] === 'disconnected' && statuses()[2] === 'disconnected', 1000);
    left.frame(2);
    await until(() => statuses()[0] === 'ok', 1000);
    expect(took).toBeLessThan(100);
    expect(client.state.device).toBe('connected');
    expect(client.state.devices).toMatchObject([
      { name: 'left', state: 'connected' },
      { name: 'right', state: 'disconnected', reason: 'pulled' },
    ]);
    expect(bridge.devices.map((device) => device.state)).toEqual(['connected', 'disconnected']);
    right.connection('connected', 'back');
    right.frame(2);
    await until(() => statuses()[1] === 'ok', 1000);
  });

  it('one that is not there at first does not keep the others from beginning, and is tried again', async () => {
    const good = handDriver(['a'], 'good');
    const late = handDriver(['b'], 'late');
    let attempts = 0;
    const flaky = {
      ...late,
      start: async (sink: Parameters<typeof late.start>[0]): Promise<void> => {
        attempts += 1;
        if (attempts === 1) throw new Error('not plugged in');
        await late.start(sink);
      },
    };
    const bridge = await bridgeOf(closing, {
      devices: [
        { name: 'good', driver: good },
        { name: 'late', driver: flaky },
      ],
    });
    expect(bridge.devices).toMatchObject([{ state: 'connected' }, { state: 'disconnected', reason: 'not plugged in' }]);
    await until(() => bridge.devices.every(({ state }) => state === 'connected'), 5000);
    expect(attempts).toBe(2);
  });
});
