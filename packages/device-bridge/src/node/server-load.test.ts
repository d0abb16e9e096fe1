import { PoseBuffer, PoseSample } from '@trocar/core';
import { afterEach, expect, it } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import { encodeHello, encodePing, PoseBatch } from '../codec/bridge/index.js';
import { nodeSocket } from './index.js';
import { bridgeOf, Closing, clientOf, clock, handDriver, socketOf, until, wait } from './test-support/bridges.js';

/** A small form of bench/bridge-load.ts: in one process, for two seconds, with room for a busy machine. */

const closing = new Closing();
afterEach(() => closing.all());

const TOOLS = 16;
const SECONDS = 2;
const PERIOD_MS = 2;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

it(`${TOOLS} tools for ${SECONDS} s beside bare ws: nothing lost, and not much slower, with two clients that read nothing`, async () => {
  const driver = handDriver(Array.from({ length: TOOLS }, (_, i) => `tool${i}`));
  const bridge = await bridgeOf(closing, { driver, highWaterBytes: 16_384 });
  const ours: number[] = [];
  let sentAt = 0;
  const client = clientOf(closing, bridge.url, {
    createSocket: (url, events) =>
      nodeSocket(url, {
        ...events,
        message: (message) => {
          events.message(message);
          if (typeof message !== 'string' && message.byteLength > 1000) ours.push(clock.now() - sentAt);
        },
      }),
  });
  const buffers = Array.from({ length: TOOLS }, (_, i) => {
    const buffer = new PoseBuffer({ capacity: 4096 });
    client.attach(`tool${i}`, buffer);
    return buffer;
  });
  await client.ready;
  for (let i = 0; i < 2; i += 1) {
    const stalled = await socketOf(closing, bridge.url);
    stalled.send(encodeHello({}));
    stalled.send(encodePing(1, 0));
    await wait(20);
    stalled.pause();
  }

  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  closing.add(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const bare = new WebSocket(`ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, { perMessageDeflate: false });
  closing.add(() => bare.terminate());
  await new Promise((resolve) => bare.once('open', resolve));
  const theirs: number[] = [];
  bare.on('message', () => theirs.push(clock.now() - sentAt));
  const batch = new PoseBatch();
  for (let tool = 0; tool < TOOLS; tool += 1) batch.add(tool, new PoseSample(), 0);
  const bytes = batch.message(1);

  let frames = 0;
  const from = clock.now();
  while (clock.now() - from < 1000 * SECONDS) {
    frames += 1;
    sentAt = clock.now();
    driver.frame(frames);
    await wait(PERIOD_MS);
    sentAt = clock.now();
    for (const one of server.clients) one.send(Buffer.from(bytes));
    await wait(PERIOD_MS);
  }
  await until(() => client.counts.poses === TOOLS * frames, 2000);
  expect(buffers.map((buffer) => buffer.size)).toEqual(buffers.map(() => frames));
  expect(client.counts.dropped).toBe(0);
  expect(theirs.length).toBe(frames);
  expect(median(ours) / median(theirs)).toBeLessThan(4);
}, 30_000);
