import { isNavError } from '@trocar/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { decodeIgtl, encodeIgtl } from '../codec/igtl/index.js';
import type { Driver, PoseSink } from '../driver.js';
import type { IgtlDriverOptions } from '../drivers/igtl/index.js';
import { clock, skewQuaternion, transform, until, wait } from '../drivers/igtl/test-support/rig.js';
import { simulatedDriver } from '../drivers/simulated/index.js';
import { websocketTransport } from '../transports/websocket.js';
import { type IgtlServer, type IgtlServerOptions, igtlListenTransport, nodeStreamSocket, startIgtlServer } from './index.js';
import { closeAll, closing, connected, query, Raw, raw, serve } from './test-support/igtl-rig.js';

afterEach(closeAll);

describe('clients that', () => {
  it('send rubbish are let go, and the others go on', async () => {
    const served = await serve();
    const good = await raw(served);
    const bad = await raw(served);
    bad.socket.write(Buffer.alloc(200, 7));
    await until(() => bad.ended);
    served.tell(0, 0.1);
    await until(() => good.of('TRANSFORM').length === 1);
    expect(served.faults).toEqual(['igtl/bad-version']);
    expect(served.server.clientCount).toBe(1);
  });

  it('send a hundred damaged messages are let go', async () => {
    const served = await serve();
    const client = await raw(served);
    const bad = encodeIgtl(transform('x', new Float64Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]))).slice();
    bad[80] = 1;
    for (let i = 0; i < 100; i += 1) client.socket.write(bad);
    await until(() => client.ended);
    expect(served.faults.filter((code) => code === 'codec/bad-crc').length).toBe(100);
  });

  it('announce or send more than is allowed are let go before it is kept', async () => {
    const served = await serve({ maxBodyBytes: 100_000, maxBufferedBytes: 150_000 });
    const header = (size: number): Buffer => {
      const bytes = Buffer.from(encodeIgtl({ type: 'IMAGE', device: '', content: { kind: 'raw', bytes: new Uint8Array(0) } }));
      bytes.writeBigUInt64BE(BigInt(size), 42);
      return bytes;
    };
    const large = await raw(served);
    large.socket.write(header(100_001));
    await until(() => large.ended);
    expect(served.faults).toEqual(['codec/oversize']);
    const many = [await raw(served), await raw(served)];
    for (const client of many) client.socket.write(Buffer.concat([header(100_000), Buffer.alloc(90_000)]));
    await until(() => many.some(({ ended }) => ended));
    expect(many.filter(({ ended }) => ended).length).toBe(1);
  });

  it('are too many are turned away, and those from addresses that were not named', async () => {
    const served = await serve({ maxClients: 1 });
    const first = await raw(served);
    const second = new Raw(served.server.port);
    await until(() => second.ended);
    expect(first.ended).toBe(false);
    const named = await serve({ allowedAddresses: ['192.0.2.1'] });
    const foreign = new Raw(named.server.port);
    await until(() => foreign.ended);
    expect(named.faults).toEqual(['device/refused']);
  });

  it('do not read get the newest poses later, and delay nobody', async () => {
    const served = await serve({ highWaterBytes: 10_000 });
    const stalled = await raw(served);
    stalled.socket.pause();
    const good = await raw(served);
    let told = 0;
    // Until the kernel's buffers are full.
    for (; served.server.dropped < 500 && told < 400_000; told += 1) {
      served.tell(0, 1e-5 * told);
      if (told % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(served.server.dropped).toBeGreaterThanOrEqual(500);
    served.tell(0, 2);
    const before = good.of('TRANSFORM').length;
    await until(() => good.of('TRANSFORM').length > before || good.of('TRANSFORM').length === told + 1, 5000);
    await until(() => good.of('TRANSFORM').length === told + 1, 10_000);
    stalled.socket.resume();
    await until(() => stalled.of('TRANSFORM').length > 0 && sameMatrix(stalled, good), 10_000);
    expect(stalled.of('TRANSFORM').length).toBeLessThanOrEqual(told + 1 - 500);
  });

  it('never read and keep asking are let go', async () => {
    const served = await serve({ maxUnsentBytes: 100_000, push: 'nothing' });
    const client = await raw(served);
    client.socket.pause();
    const asks = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from(encodeIgtl(query('GET_CAPABIL')))));
    for (let i = 0; i < 100 && served.server.clientCount > 0; i += 1) {
      client.socket.write(asks);
      await wait(5);
    }
    await until(() => served.server.clientCount === 0, 5000);
    expect(served.faults).toEqual(['igtl/too-slow']);
  });

  it('send to a handler that throws are told of, and stay', async () => {
    const served = await serve({
      onMessage: () => {
        throw new Error('of our own');
      },
    });
    const client = await raw(served);
    client.send({ type: 'STRING', device: '', content: { kind: 'string', encoding: 3, text: '' } }, query('GET_STATUS'));
    await until(() => client.of('STATUS').length === 1);
    expect(served.faults).toEqual(['igtl/handler-failed']);
  });
});

const sameMatrix = (a: Raw, b: Raw): boolean => {
  const [x, y] = [a, b].map((client) => client.of('TRANSFORM').at(-1)?.content);
  return x?.kind === 'transform' && y?.kind === 'transform' && x.matrix.every((value, i) => value === y.matrix[i]);
};

describe('over WebSocket', () => {
  const overWeb = (server: IgtlServer): IgtlDriverOptions['transport'] =>
    websocketTransport(server.webSocketUrl as string, { createSocket: nodeStreamSocket });

  it('the same messages arrive, images too, and the connection is mended', async () => {
    const images: number[] = [];
    const served = await serve({
      webSocket: {},
      onMessage: (f) => {
        const { content } = decodeIgtl(f);
        if (content.kind === 'image') images.push(content.pixels.length);
      },
    });
    const { sink, driver } = await connected(0, { transport: overWeb(served.server), headerVersion: 2, silentMs: 10_000 });
    served.tell(0, 0.7);
    await until(() => sink.told.at(-1)?.status === 'ok');
    for (const [k, want] of [10, -20, 30, ...skewQuaternion(0.7)].entries())
      expect(sink.told.at(-1)?.pose[k]).toBeCloseTo(want, 5);
    const size = [512, 512, 1] as const;
    driver.send({
      type: 'IMAGE',
      device: 'us',
      content: {
        kind: 'image',
        version: 1,
        components: 1,
        scalarType: 3,
        pixelsLittleEndian: true,
        coordinates: 'RAS',
        size,
        axes: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
        centre: new Float64Array(3),
        blockStart: [0, 0, 0],
        blockSize: size,
        pixels: new Uint8Array(512 * 512),
      },
    });
    await until(() => images.length === 1);
    expect(images).toEqual([512 * 512]);
  });

  it("the platform's own WebSocket carries them, as in a page", async () => {
    const served = await serve({ webSocket: {} });
    // Node has none before version 22; this one has the same shape.
    vi.stubGlobal('WebSocket', WebSocket);
    closing.push(() => vi.unstubAllGlobals());
    const transport = websocketTransport(served.server.webSocketUrl as string);
    const { sink, driver } = await connected(0, { transport, silentMs: 10_000 });
    served.tell(0, 0.7);
    await until(() => sink.told.length === 1);
    expect(sink.told[0]?.name).toBe('a');
    expect((await driver.command('x', '')).text).toContain('FAIL');
  });

  it('bytes may be cut anywhere between messages; text ends the connection', async () => {
    const served = await serve({ webSocket: {}, push: 'nothing' });
    const socket = new WebSocket(served.server.webSocketUrl as string);
    closing.push(() => socket.terminate());
    const answers: number[] = [];
    let code = 0;
    socket.on('message', (data: Buffer) => answers.push(data.length));
    socket.on('close', (c) => {
      code = c;
    });
    await new Promise((resolve) => socket.on('open', resolve));
    const bytes = encodeIgtl(query('GET_STATUS')).slice();
    for (let i = 0; i < bytes.length; i += 1) socket.send(bytes.subarray(i, i + 1));
    await until(() => answers.length === 1);
    socket.send('text');
    await until(() => code === 1008);
    expect(served.faults).toEqual(['codec/malformed']);
  });

  it('foreign pages and foreign names are refused before there is a WebSocket', async () => {
    const served = await serve({ webSocket: { allowedOrigins: ['http://127.0.0.1:5173'] } });
    const status = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve) => {
        const socket = new WebSocket(served.server.webSocketUrl as string, { headers });
        socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
        socket.on('open', () => {
          socket.terminate();
          resolve(101);
        });
        socket.on('error', () => undefined);
      });
    expect(await status({ origin: 'http://evil.example' })).toBe(403);
    expect(await status({ host: 'evil.example' })).toBe(403);
    expect(await status({ origin: 'http://127.0.0.1:5173' })).toBe(101);
  });

  it('a transport that cannot connect, is closed while it tries, or gets text, says so', async () => {
    const nowhere = websocketTransport('ws://127.0.0.1:1', { createSocket: nodeStreamSocket });
    const handler = { data: () => undefined, closed: () => undefined };
    await expect(nowhere.open(handler)).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    const silent = websocketTransport('ws://x', { createSocket: () => ({ send: () => undefined, close: () => undefined }) });
    const opening = silent.open(handler);
    await silent.close();
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/disconnected'));
    const late = websocketTransport('ws://x', {
      createSocket: () => ({ send: () => undefined, close: () => undefined }),
      connectTimeoutMs: 5,
    });
    await expect(late.open(handler)).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    const reasons: string[] = [];
    const texting = websocketTransport('ws://x', {
      createSocket: (_, events) => {
        queueMicrotask(() => {
          events.open();
          events.message('text');
        });
        return { send: () => undefined, close: () => undefined };
      },
    });
    await texting.open({ data: () => undefined, closed: ({ code }) => reasons.push(code) });
    await until(() => reasons.length === 1);
    expect(reasons).toEqual(['codec/malformed']);
  });
});

describe('a server', () => {
  it('serves a driver, says that it is alive, and stops it; what the driver cannot do, it cannot', async () => {
    const tools = ['a'];
    let angle = 0;
    const poseOf = (): { position: number[]; rotation: number[] } => {
      angle += 0.001;
      return { position: [1, 2, 3], rotation: skewQuaternion(angle) };
    };
    const driver = simulatedDriver({ tools, clock, poseOf, rateHz: 100 });
    const server = await startIgtlServer({ clock, driver, keepAliveMs: 30, push: 'nothing' });
    closing.push(() => server.close());
    const { sink } = await connected(server.port, {
      ask: { type: 'TDATA', intervalMs: 0 },
      onSilence: 'reconnect',
      withoutStatus: 'ok',
    });
    await until(() => sink.told.length > 10);
    expect(sink.told.every(({ status }) => status === 'ok')).toBe(true);
    const idle = new Raw(server.port);
    await until(() => idle.of('STATUS').length >= 3);
    await server.close();
    await until(() => sink.told.at(-1)?.status === 'disconnected');
    const failing: Driver = {
      name: 'x',
      start: async (_: PoseSink) => {
        throw new Error('no device');
      },
      stop: async () => undefined,
    };
    await expect(startIgtlServer({ clock, driver: failing })).rejects.toThrow('no device');
  });

  it.each([
    { host: '0.0.0.0' },
    { host: '0.0.0.0', allowRemote: true },
    { host: '0.0.0.0', allowRemote: true, allowedAddresses: ['192.0.2.1'], webSocket: {} },
    { name: 'x'.repeat(21) },
    { alsoSend: ['missing'] },
    { maxClients: -1 },
    { webSocket: { allowedOrigins: ['*'] } },
  ] satisfies Array<Partial<IgtlServerOptions>>)('refuses %j', async (options) => {
    await expect(startIgtlServer({ clock, ...options })).rejects.toSatisfy((e) => isNavError(e, 'bridge/bad-option'));
  });

  it('says so where its port is taken', async () => {
    const { server } = await serve();
    await expect(startIgtlServer({ clock, port: server.port })).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    const listening = igtlListenTransport({ port: server.port });
    const opening = listening.open({ data: () => undefined, closed: () => undefined });
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
    expect(() => igtlListenTransport({ port: 1, host: '0.0.0.0' })).toThrow(/allowedAddresses/);
  });
});
