import { createServer, connect as tcpConnect } from 'node:net';
import { type Clock, PoseSample, systemClock } from '@trocar/core';
import WebSocket from 'ws';
import { type BridgeClient, type BridgeClientOptions, connectBridge } from '../../browser/index.js';
import type { ConnectionState, Driver, PoseSink } from '../../driver.js';
import { type Bridge, type BridgeOptions, nodeSocket, startBridge } from '../index.js';

export const clock: Clock = systemClock();
export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds. @returns how long that took, ms */
export async function until(holds: () => boolean, deadlineMs: number): Promise<number> {
  const from = clock.now();
  while (!holds()) {
    if (clock.now() - from > deadlineMs) throw new Error(`Did not hold within ${deadlineMs} ms.`);
    await wait(1);
  }
  return clock.now() - from;
}

/** What a test opened, to be closed behind it. */
export class Closing {
  readonly #acts: Array<() => unknown> = [];
  add(act: () => unknown): void {
    this.#acts.push(act);
  }
  async all(): Promise<void> {
    for (const act of this.#acts.splice(0).reverse()) await act();
  }
}

/** A driver that tells what a test says. */
export interface HandDriver extends Driver {
  sink: PoseSink | undefined;
  /** Tells one pose of each of these tools, with this frame number in its position too. */
  frame(number: number, tools?: readonly number[]): void;
  connection(state: ConnectionState, reason?: string): void;
}

export function handDriver(names: readonly string[], name = 'by hand'): HandDriver {
  const sample = new PoseSample();
  const driver: HandDriver = {
    name,
    sink: undefined,
    start: async (to) => {
      driver.sink = to;
      to.tools(names.map((tool) => ({ name: tool })));
      to.connection('connected', '');
    },
    stop: async () => undefined,
    frame: (number, tools = names.map((_, i) => i)) => {
      sample.status = 'ok';
      for (const tool of tools) {
        sample.measuredAt = sample.arrivedAt = clock.now();
        sample.setPose(number, tool, 0, 0, 0, 0, 1);
        driver.sink?.pose(tool, sample, number);
      }
      driver.sink?.flush();
    },
    connection: (state, reason = '') => driver.sink?.connection(state, reason),
  };
  return driver;
}

export async function bridgeOf(
  closing: Closing,
  options: Partial<BridgeOptions> & Pick<BridgeOptions, 'driver' | 'devices'>,
): Promise<Bridge> {
  const bridge = await startBridge({ clock, ...options });
  closing.add(() => bridge.close());
  return bridge;
}

export function clientOf(closing: Closing, url: string, options: Partial<BridgeClientOptions> = {}): BridgeClient {
  const client = connectBridge({ url, clock, createSocket: nodeSocket, reconnectMs: 20, ...options });
  closing.add(() => client.close());
  return client;
}

/** A bare WebSocket to a bridge, open. */
export async function socketOf(closing: Closing, url: string, headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, { headers, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  closing.add(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('close', () => reject(new Error('closed')));
  });
  return socket;
}

/** A TCP proxy that can stop passing bytes on without closing anything, and cut every connection. */
export async function proxyTo(
  closing: Closing,
  port: number,
): Promise<{ url: string; freeze: (yes: boolean) => void; cut: () => void }> {
  let frozen = false;
  const open = new Set<{ destroy(): void }>();
  const server = createServer((left) => {
    const right = tcpConnect(port, '127.0.0.1');
    left.on('data', (d) => frozen || right.write(d));
    right.on('data', (d) => frozen || left.write(d));
    for (const [a, b] of [
      [left, right],
      [right, left],
    ] as const) {
      open.add(a);
      a.on('close', () => {
        open.delete(a);
        b.destroy();
      });
      a.on('error', () => b.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const end of open) end.destroy();
  };
  closing.add(() => {
    cut();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  const freeze = (yes: boolean): void => {
    frozen = yes;
  };
  return { url: `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, freeze, cut };
}
