import { createConnection, type Socket } from 'node:net';
import { isNavError, type NavErrorCode, PoseSample, type Status } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import {
  decodeIgtl,
  encodeIgtl,
  IgtlFramer,
  type IgtlMessage,
  type IgtlMessageInit,
  plusReply,
  readPlusReply,
} from '../codec/igtl/index.js';
import type { Driver, PoseSink } from '../driver.js';
import { type IgtlDriverOptions, igtlDriver } from '../drivers/igtl/index.js';
import { clock, Recorder, skewQuaternion, transform, until, wait } from '../drivers/igtl/test-support/rig.js';
import { simulatedDriver } from '../drivers/simulated/index.js';
import { websocketTransport } from '../transports/websocket.js';
import {
  type IgtlServer,
  type IgtlServerOptions,
  igtlListenTransport,
  nodeStreamSocket,
  startIgtlServer,
  tcpTransport,
} from './index.js';

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly server: IgtlServer;
  readonly faults: NavErrorCode[];
  tell(tool: number, angle: number, status?: Status): void;
}

async function serve(options: Partial<IgtlServerOptions> = {}): Promise<Served> {
  const faults: NavErrorCode[] = [];
  const server = await startIgtlServer({ clock, keepAliveMs: 0, onFault: ({ code }) => faults.push(code), ...options });
  closing.push(() => server.close());
  server.sink.tools([{ name: 'a' }, { name: 'b' }]);
  server.sink.connection('connected', 'here');
  const sample = new PoseSample();
  const tell = (tool: number, angle: number, status: Status = 'ok'): void => {
    sample.measuredAt = sample.arrivedAt = clock.now();
    sample.status = status;
    const [qx, qy, qz, qw] = skewQuaternion(angle) as [number, number, number, number];
    sample.setPose(10 + tool, -20, 30, qx, qy, qz, qw);
    server.sink.pose(tool, sample, 0);
    server.sink.flush();
  };
  return { server, faults, tell };
}

/** A client that writes what it likes. */
class Raw {
  readonly messages: IgtlMessage[] = [];
  readonly socket: Socket;
  ended = false;

  constructor(port: number) {
    const framer = new IgtlFramer({
      message: (frame) => this.messages.push(decodeIgtl(frame)),
      fault: ({ message }) => {
        throw new Error(message);
      },
    });
    this.socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes) => framer.feed(bytes));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.ended = true;
    });
    closing.push(() => this.socket.destroy());
  }

  send(...messages: readonly IgtlMessageInit[]): void {
    for (const message of messages) this.socket.write(encodeIgtl(message).slice());
  }

  of(type: string): IgtlMessage[] {
    return this.messages.filter((message) => message.type === type);
  }
}

async function raw(served: Served): Promise<Raw> {
  const before = served.server.clientCount;
  const client = new Raw(served.server.port);
  await until(() => served.server.clientCount > before);
  return client;
}

const query = (type: string, more: Partial<IgtlMessageInit> = {}): IgtlMessageInit => ({
  type,
  device: '',
  content: { kind: 'query', verb: type.slice(0, 3) as 'GET', target: type.slice(4), payload: new Uint8Array(0) },
  ...more,
});

const start = (type: string, intervalMs: number, coordinateName = ''): IgtlMessageInit => ({
  type,
  device: '',
  content: { kind: 'startTracking', intervalMs, coordinateName },
});

async function connected(
  port: number,
  options: Partial<IgtlDriverOptions> = {},
): Promise<{ sink: Recorder; driver: ReturnType<typeof igtlDriver> }> {
  const driver = igtlDriver({
    transport: tcpTransport('127.0.0.1', port),
    clock,
    onSilence: 'stale',
    reconnectMs: 10,
    ...options,
  });
  closing.push(() => driver.stop());
  const sink = new Recorder();
  await driver.start(sink);
  return { sink, driver };
}

describe('visibility', () => {
  it('is metadata for a client of version 2: every status arrives as what it is, or as missing', async () => {
    const served = await serve();
    served.tell(0, 0.1);
    const { sink } = await connected(served.server.port, { headerVersion: 2 });
    await until(() => sink.told.length >= 1);
    const statuses: Status[] = ['ok', 'missing', 'outOfVolume', 'unknown', 'stale', 'disconnected', 'ok'];
    const told: Status[] = [];
    for (const [i, status] of statuses.entries()) {
      const from = sink.told.length;
      served.tell(0, 0.2 + 0.1 * i, status);
      await until(() => sink.told.length > from);
      told.push(sink.told.at(-1)?.status as Status);
    }
    expect(told).toEqual(['ok', 'missing', 'outOfVolume', 'missing', 'missing', 'missing', 'ok']);
  });

  it('is presence for a client of version 1: only ok is sent, unless the user says otherwise', async () => {
    for (const [alsoSend, count] of [
      [[], 1],
      [['unknown', 'stale'], 3],
    ] as const) {
      const served = await serve({ alsoSend });
      const client = await raw(served);
      for (const status of ['ok', 'unknown', 'outOfVolume', 'stale', 'missing', 'disconnected'] as const)
        served.tell(0, 0.5, status);
      served.tell(1, 0.5);
      await until(() => client.of('TRANSFORM').some(({ device }) => device === 'b'));
      expect(client.of('TRANSFORM').filter(({ device }) => device === 'a').length).toBe(count);
      expect(client.messages.every(({ headerVersion }) => headerVersion === 1)).toBe(true);
    }
  });

  it('is presence in TDATA in every version, and an empty list where the device is gone', async () => {
    const served = await serve({ push: 'nothing' });
    const { sink } = await connected(served.server.port, { headerVersion: 2, ask: { type: 'TDATA', intervalMs: 0 } });
    served.tell(0, 0.1);
    served.tell(1, 0.1);
    served.tell(0, 0.2, 'missing');
    await until(() => sink.statuses().includes('a missing'));
    expect(sink.told.at(-1)?.status).toBe('missing');
    served.server.sink.connection('disconnected', 'unplugged');
    await until(() => sink.statuses().includes('b missing'));
  });

  it('of numbers that are none is missing', async () => {
    const served = await serve();
    const client = await raw(served);
    served.tell(0, Number.NaN);
    served.tell(1, 0.1);
    await until(() => client.of('TRANSFORM').length >= 1);
    expect(client.of('TRANSFORM').map(({ device }) => device)).toEqual(['b']);
  });
});

describe('the version of messages', () => {
  it('is 1 for each client until that client has shown 2', async () => {
    const served = await serve();
    const [old, young] = [await raw(served), await raw(served)];
    young.send(query('GET_STATUS', { headerVersion: 2 }));
    await until(() => young.of('STATUS').some(({ headerVersion }) => headerVersion === 2));
    served.tell(0, 0.1);
    await until(() => old.of('TRANSFORM').length === 1 && young.of('TRANSFORM').length >= 1);
    expect(old.of('TRANSFORM')[0]).toMatchObject({ headerVersion: 1, metadata: [] });
    expect(young.of('TRANSFORM').at(-1)).toMatchObject({
      headerVersion: 2,
      metadata: [
        { key: 'TransformStatus', value: 'OK' },
        { key: 'TransformValid', value: 'True' },
      ],
    });
  });

  it('2 carries names that are too long for the header in full; version 1 numbers those that would be the same', async () => {
    const long = (end: string): string => `StylusToReferenceTransform${end}`;
    const served = await serve({ deviceName: ({ name }) => long(name) });
    const client = await raw(served);
    const { sink, driver } = await connected(served.server.port, { headerVersion: 2 });
    await until(() => driver.counts.messages > 0);
    served.tell(0, 0.1);
    served.tell(1, 0.1);
    await until(() => sink.list.length === 2 && client.of('TRANSFORM').length === 2);
    expect(sink.list.map(({ name }) => name)).toEqual([long('a'), long('b')]);
    expect(client.of('TRANSFORM').map(({ device }) => device)).toEqual(['StylusToReferenceTra', 'StylusToReferenceT~2']);
  });
});

describe('what is asked', () => {
  it('is answered: status, capability, one pose, every pose, and no to what is not served', async () => {
    const served = await serve({ push: 'nothing' });
    const client = await raw(served);
    served.tell(0, 0.1);
    served.tell(1, 0.2);
    client.send(
      query('GET_STATUS'),
      query('GET_CAPABIL'),
      query('GET_TRANSFOR', { device: 'b' }),
      query('GET_TRANS'),
      query('GET_TDATA'),
    );
    client.send(query('GET_TRANSFOR', { device: 'nobody' }), query('GET_POINT'), query('STT_IMAGE'), query('GET_ABCDEFGH'));
    await until(() => client.of('RTS_ABCDEFGH').length === 1);
    expect(client.messages.map(({ type, device }) => [type, device])).toEqual([
      ['STATUS', 'Trocar'],
      ['CAPABILITY', 'Trocar'],
      ['TRANSFORM', 'b'],
      ['TRANSFORM', 'a'],
      ['TRANSFORM', 'b'],
      ['TDATA', 'Trocar'],
      ['RTS_TRANSFOR', 'Trocar'],
      ['RTS_POINT', 'Trocar'],
      ['RTS_IMAGE', 'Trocar'],
      ['RTS_ABCDEFGH', 'Trocar'],
    ]);
    expect(client.messages[0]?.content).toMatchObject({ code: 1, message: 'here' });
    expect(client.messages.slice(6).every(({ content }) => content.kind === 'reply' && content.status === 1)).toBe(true);
    const stamp = client.messages[2]?.timestamp.seconds ?? 0;
    expect(Math.abs(stamp - Date.now() / 1000)).toBeLessThan(60);
    served.server.sink.connection('disconnected', 'unplugged');
    await until(() => client.of('STATUS').length === 2);
    expect(client.of('STATUS')[1]?.content).toMatchObject({ code: 7, message: 'unplugged' });
  });

  it.each(['TDATA', 'QTDATA', 'TRANSFOR', 'POSITION'] as const)(
    'STT_%s starts that, in its interval, and STP ends it',
    async (target) => {
      const served = await serve();
      const client = await raw(served);
      const type = target === 'TRANSFOR' ? 'TRANSFORM' : target;
      client.send(target === 'TRANSFOR' || target === 'POSITION' ? query(`STT_${target}`) : start(`STT_${target}`, 50));
      await until(() => client.of(`RTS_${target}`).length === 1);
      expect(client.of(`RTS_${target}`)[0]?.content).toMatchObject({ status: 0 });
      const from = clock.now();
      for (let i = 0; i < 60; i += 1) {
        served.tell(0, 0.01 * i);
        await wait(5);
      }
      const took = clock.now() - from;
      await until(() => client.of(type).length > 0);
      const got = client.of(type).length;
      if (target === 'TDATA' || target === 'QTDATA') {
        expect(got).toBeLessThanOrEqual(took / 50 + 2);
        expect(got).toBeGreaterThan(took / 50 / 3);
      } else {
        expect(got).toBe(60);
      }
      expect(client.messages.every(({ type: t }) => t === type || t.startsWith('RTS_'))).toBe(true);
      client.send(query(`STP_${target}`));
      await until(() => client.of(`RTS_${target}`).length === 2);
      const before = client.messages.length;
      served.tell(0, 3);
      await wait(70);
      expect(client.messages.length).toBe(before);
    },
  );

  it('in coordinates that are not served is refused where the names are known, and said where they are not', async () => {
    const strict = await serve({ coordinateNames: ['Patient'] });
    const client = await raw(strict);
    client.send(start('STT_TDATA', 0, 'Room'), start('STT_TDATA', 0, 'Patient'));
    await until(() => client.of('RTS_TDATA').length === 2);
    expect(client.of('RTS_TDATA').map(({ content }) => content.kind === 'reply' && content.status)).toEqual([1, 0]);
    expect(strict.faults).toEqual(['igtl/unsupported']);
    const { server } = await serve({ coordinateNames: [] });
    const refused = igtlDriver({
      transport: tcpTransport('127.0.0.1', server.port),
      clock,
      ask: { type: 'TDATA', coordinateName: 'Room' },
    });
    await expect(refused.start(new Recorder())).rejects.toSatisfy((e) => isNavError(e, 'device/refused'));
  });

  it('as commands, in both forms, is answered by the handler; a throw, none and too many are a FAIL', async () => {
    const names: string[] = [];
    const served = await serve({
      onCommand: async ({ name, text }) => {
        names.push(name);
        if (name === 'Bad') throw new Error('no <such> thing');
        if (name === 'Slow') await wait(150);
        return plusReply(true, text);
      },
    });
    const { driver } = await connected(served.server.port);
    expect(readPlusReply((await driver.command('Good', '<Command Name="Good" />')).text)).toMatchObject({
      success: true,
      message: '<Command Name="Good" />',
    });
    expect(readPlusReply((await driver.stringCommand('<Command Name="Old" />')).text).success).toBe(true);
    expect(readPlusReply((await driver.command('Bad', '')).text)).toMatchObject({ success: false, message: 'no <such> thing' });
    const many = await Promise.all(Array.from({ length: 12 }, () => driver.command('Slow', '')));
    expect(many.filter(({ text }) => readPlusReply(text).success).length).toBe(8);
    expect(names.slice(0, 3)).toEqual(['Good', 'Old', 'Bad']);
    const none = await serve();
    const other = await connected(none.server.port);
    expect(readPlusReply((await other.driver.command('Any', '')).text).success).toBe(false);
  });
});

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
