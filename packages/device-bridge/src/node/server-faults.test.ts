import { type ChildProcess, spawn } from 'node:child_process';
import { connect as tcpConnect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { PoseBuffer } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { afterEach, describe, expect, inject, it } from 'vitest';
import WebSocket from 'ws';
import { CLOSE, encodeCommand, encodeHello, encodePing } from '../codec/bridge/index.js';
import { bridgeOf, Closing, clientOf, clock, handDriver, socketOf, until, wait } from './test-support/bridges.js';

const closing = new Closing();
afterEach(() => closing.all());

const BIN = fileURLToPath(new URL('../bin/trocar-bridge.ts', import.meta.url));
/** What pose loss may take at most: a frame of 60 Hz and 100 ms. Beside other work a machine may be late by more. */
const PROMISED_MS = 1000 / 60 + 100;
const BUSY_MS = 120;

interface Process {
  readonly child: ChildProcess;
  readonly url: string;
}

/** A bridge of its own process, with a simulated tracker. */
async function bridgeProcess(port = 0): Promise<Process> {
  const args = ['--import', 'tsx', '--conditions=@trocar/source', BIN, 'simulate', '--port', String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  closing.add(() => child.kill('SIGKILL'));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (d: Buffer) => resolve(d.toString().trim()));
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  return { child, url };
}

/** A client with one tool, and what is known of it now. */
function watching(url: string) {
  const client = clientOf(closing, url);
  const buffer = new PoseBuffer();
  client.attach('stylus', buffer);
  const status = (): string => buffer.read(Float64Array.of(clock.now()), new Float64Array(16), new Float64Array(3));
  return { client, buffer, status };
}

describe('a bridge that goes', () => {
  it('killed, is seen at once; started anew, is used again', async () => {
    const first = await bridgeProcess();
    const { client, status } = watching(first.url);
    await client.ready;
    await until(() => status() === 'ok', 2000);
    first.child.kill('SIGKILL');
    const took = await until(() => status() === 'disconnected', 2000);
    expect(took).toBeLessThan(PROMISED_MS + BUSY_MS);
    await bridgeProcess(Number(new URL(first.url).port));
    await until(() => status() === 'ok', 15_000);
    expect(client.counts.connections).toBe(2);
  }, 60_000);

  it('stopped without a word, is seen within a frame and 100 ms; continued, is used again', async () => {
    const { child, url } = await bridgeProcess();
    const { client, status } = watching(url);
    await client.ready;
    await until(() => status() === 'ok', 2000);
    await wait(300);
    child.kill('SIGSTOP');
    const took = await until(() => status() === 'disconnected', 2000);
    child.kill('SIGCONT');
    expect(took).toBeLessThan(PROMISED_MS + BUSY_MS);
    await until(() => status() === 'ok', 10_000);
  }, 60_000);

  it('and a host that was busy itself takes nothing for silence that has come meanwhile', async () => {
    const { url } = await bridgeProcess();
    const { client, status } = watching(url);
    await client.ready;
    await until(() => status() === 'ok', 2000);
    const before = client.counts.silences;
    for (let k = 0; k < 5; k += 1) {
      const from = clock.now();
      while (clock.now() - from < 250);
      await wait(60);
    }
    expect(client.counts.silences).toBe(before);
    expect(status()).toBe('ok');
  }, 60_000);
});

/** A message that a client should not send. */
function rubbish(random: Random): Uint8Array | string {
  const kind = random.below(6);
  if (kind === 0) return 'text';
  const good = [encodeHello({}), encodePing(1, 2), encodePing(1, 2, 3), encodeCommand(1, { command: 'mark', args: {} })];
  const bytes = kind < 4 ? (good[random.below(good.length)] as Uint8Array).slice() : new Uint8Array(random.below(3000));
  for (let i = 0; i < (kind < 4 ? random.below(4) : bytes.length); i += 1) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
  }
  return bytes;
}

/** Attacks in turns: WebSockets with rubbish, floods, raw bytes, and connections that say nothing. Ends when its time is over. */
async function attack(url: string, seed: number, untilMs: number, sent: { frames: number }): Promise<void> {
  const random = new Random(seed);
  while (clock.now() < untilMs) {
    const how = random.below(4);
    if (how === 3) {
      const raw = tcpConnect(Number(new URL(url).port), '127.0.0.1');
      raw.on('error', () => undefined);
      raw.write(Buffer.from(Array.from({ length: 200 }, () => random.below(256))));
      await wait(5);
      raw.destroy();
      continue;
    }
    const socket = new WebSocket(url);
    socket.on('error', () => undefined);
    const opened = await new Promise<boolean>((resolve) => {
      socket.on('open', () => resolve(true));
      socket.on('close', () => resolve(false));
    });
    if (opened) {
      if (how !== 0) socket.send(encodeHello({ subscribe: how === 1 ? undefined : ['a'] }));
      for (let i = 0; i < 150 && socket.readyState === socket.OPEN; i += 1) {
        if (how === 2) socket.ping();
        else socket.send(rubbish(random));
        sent.frames += 1;
      }
      await wait(10);
    }
    socket.terminate();
    await wait(random.below(5));
  }
}

describe('clients that mean harm', () => {
  it('ten thousand frames of rubbish from many of them take no pose from a good client', async () => {
    const driver = handDriver(['a', 'b']);
    const bridge = await bridgeOf(closing, { driver, limits: { clients: 64, perAddress: 64, waiting: 32 } });
    const good = clientOf(closing, bridge.url);
    const buffer = new PoseBuffer();
    good.attach('a', buffer);
    await good.ready;
    const seconds = 3 * Math.max(1, inject('effort'));
    const end = clock.now() + 1000 * seconds;
    const sent = { frames: 0 };
    const attackers = Array.from({ length: 8 }, (_, i) => attack(bridge.url, i + 1, end, sent));
    let frames = 0;
    let worstGap = 0;
    let last = Number.NaN;
    while (clock.now() < end || sent.frames < 10_000) {
      frames += 1;
      driver.frame(frames);
      if (buffer.newestAt !== last) last = buffer.newestAt;
      else worstGap = Math.max(worstGap, clock.now() - last);
      await wait(4);
      if (clock.now() > end + 20_000) break;
      if (clock.now() >= end && sent.frames < 10_000) await attack(bridge.url, frames, clock.now() + 20, sent);
    }
    await Promise.all(attackers);
    await until(() => good.counts.poses === 2 * frames, 2000);
    expect(sent.frames).toBeGreaterThanOrEqual(10_000);
    expect([good.counts.dropped, good.counts.connections, good.counts.duplicates]).toEqual([0, 1, 0]);
    expect(good.state.link).toBe('open');
    await until(() => bridge.clientCount === 1, 3000);
    expect(worstGap).toBeLessThan(1000);
  }, 60_000);

  it.each([
    ['pings', (socket: WebSocket) => socket.send(encodePing(1, 0))],
    ['control frames', (socket: WebSocket) => socket.ping()],
    ['unasked pongs', (socket: WebSocket) => socket.pong()],
  ])('more %s than anyone needs end the connection, and nobody else notices', async (_, send) => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']) });
    const socket = await socketOf(closing, bridge.url);
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.send(encodeHello({}));
    for (let i = 0; i < 300; i += 1) send(socket);
    expect(await closed).toBe(CLOSE.tooMuch);
    const metrics = await (await fetch(`${bridge.url.replace('ws', 'http')}/metrics`)).text();
    expect(metrics).toContain('trocar_refused_total{reason="bridge/too-much');
  });

  it('more bytes than anyone needs end it too, however few messages they are', async () => {
    const bridge = await bridgeOf(closing, {
      driver: handDriver(['a']),
      limits: { bytesPerSecond: 1000, messagesPerSecond: 100_000 },
    });
    const socket = await socketOf(closing, bridge.url);
    socket.send(encodeHello({}));
    for (let i = 0; i < 300; i += 1) socket.send(encodePing(i, 0));
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(CLOSE.tooMuch);
  });

  it('a message in endless pieces is ended', async () => {
    const bridge = await bridgeOf(closing, { driver: handDriver(['a']) });
    const socket = await socketOf(closing, bridge.url);
    for (let i = 0; i < 100; i += 1) socket.send(Buffer.alloc(0), { fin: false });
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(1008);
  });

  it('are so many at most: in all, from one address, and that say nothing', async () => {
    const open = async (url: string, hello: boolean): Promise<boolean> => {
      const socket = await socketOf(closing, url).catch(() => undefined);
      if (hello) socket?.send(encodeHello({}));
      await wait(30);
      return socket !== undefined;
    };
    const total = await bridgeOf(closing, { driver: handDriver(['a']), maxClients: 2 });
    expect([await open(total.url, true), await open(total.url, true), await open(total.url, true)]).toEqual([true, true, false]);
    const each = await bridgeOf(closing, { driver: handDriver(['a']), limits: { perAddress: 1 } });
    expect([await open(each.url, true), await open(each.url, true)]).toEqual([true, false]);
    const silent = await bridgeOf(closing, { driver: handDriver(['a']), limits: { waiting: 1 } });
    expect([await open(silent.url, false), await open(silent.url, true)]).toEqual([true, false]);
  });

  it('one that reads nothing and only asks costs a bounded amount, and is let go', async () => {
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, { driver, silentMs: 400 });
    const socket = await socketOf(closing, bridge.url);
    socket.send(encodeHello({}));
    socket.send(encodePing(1, 0));
    await until(() => bridge.clientCount === 1, 1000);
    socket.pause();
    await until(() => bridge.clientCount === 0, 3000);
  });

  it('a driver that complains without end is cut short to clients, and counted in full', async () => {
    const driver = handDriver(['a']);
    const bridge = await bridgeOf(closing, { driver });
    const client = clientOf(closing, bridge.url);
    await client.ready;
    let told = 0;
    client.faults.subscribe(() => {
      told += 1;
    });
    for (let i = 0; i < 5000; i += 1) driver.sink?.fault({ code: 'device/bad-crc', message: 'x'.repeat(10_000) });
    driver.frame(1);
    await until(() => client.counts.poses === 1, 1000);
    expect(told).toBeGreaterThan(10);
    expect(told).toBeLessThan(100);
    const metrics = await (await fetch(`${bridge.url.replace('ws', 'http')}/metrics`)).text();
    expect(metrics).toContain('trocar_faults_total{code="device/bad-crc"} 5000');
  });
});
