import { createServer, type Server, type Socket } from 'node:net';
import { isNavError, type NavError, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { PoseSink } from '../driver.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { simulateNdiTracker } from '../drivers/simulated/index.js';
import type { Transport } from '../transport.js';
import { tcpTransport } from './index.js';

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  closing.push(() => server.close());
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, server };
}

/** The device's end of an accepted connection. */
function accepted(socket: Socket): Transport {
  return {
    label: 'accepted',
    open: async (handler) => {
      socket.on('data', (d) => handler.data(d));
      socket.on('error', () => undefined);
    },
    write: (bytes) => void socket.write(Buffer.from(bytes)),
    close: async () => void socket.destroy(),
  };
}

describe('a tracker on TCP', () => {
  it('tracks, is lost when the socket dies, and is found again', async () => {
    const clock = systemClock();
    let current: Socket | undefined;
    const tools = [{ name: 'stylus', kind: 'wired' as const, serial: 'TCP00001' }];
    const { port } = await listen((socket) => {
      current = socket;
      void simulateNdiTracker(accepted(socket), {
        clock,
        tools,
        poseOf: () => ({ position: [1, 2, 3], rotation: [0, 0, 0, 1] }),
      });
    });
    const states: string[] = [];
    let poses = 0;
    const sink: PoseSink = {
      tools: () => undefined,
      pose: (_, sample) => {
        if (sample.status === 'ok' && sample.values[3] === 1) poses += 1;
      },
      flush: () => undefined,
      connection: (state) => states.push(state),
      fault: () => undefined,
    };
    const driver = ndiDriver({
      transport: tcpTransport('127.0.0.1', port),
      clock,
      tools: [],
      reconnectMs: 10,
      timeouts: { settleMs: 1 },
    });
    closing.push(() => driver.stop());
    await driver.start(sink);
    await expect.poll(() => poses).toBeGreaterThan(3);
    current?.destroy();
    await expect.poll(() => states.at(-1), { timeout: 3000 }).toBe('connected');
    const before = poses;
    await expect.poll(() => poses).toBeGreaterThan(before + 3);
    expect(states).toEqual(['connecting', 'connected', 'disconnected', 'connecting', 'connected']);
  });

  it('says so where nobody listens', async () => {
    const { port, server } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const opening = tcpTransport('127.0.0.1', port).open({ data: () => undefined, closed: () => undefined });
    await expect(opening).rejects.toSatisfy((e) => isNavError(e, 'device/connect-failed'));
  });

  it('tells a connection that the other end closes', async () => {
    const { port } = await listen((socket) => socket.end());
    const reason = await new Promise<NavError>((resolve) => {
      void tcpTransport('127.0.0.1', port).open({ data: () => undefined, closed: resolve });
    });
    expect(isNavError(reason, 'device/disconnected')).toBe(true);
  });
});
