import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { FrameGraph, frame, isNavError, PoseView, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { connectBridge } from '../browser/index.js';
import { makeToolFile } from '../codec/ndi/index.js';
import { ndiDriver } from '../drivers/ndi/index.js';
import { type NdiSimulator, simulateNdiTracker } from '../drivers/simulated/index.js';
import { nodeSocket, serialTransport, startBridge } from './index.js';

const hasSocat = spawnSync('socat', ['-V']).status === 0;
const clock = systemClock();
const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Two joined pseudo-terminals. */
function ptyPair(): Promise<{ host: string; device: string; socat: ChildProcess }> {
  return new Promise((resolve, reject) => {
    const socat = spawn('socat', ['-d', '-d', 'pty,raw,echo=0', 'pty,raw,echo=0']);
    closing.push(() => socat.kill());
    let said = '';
    socat.on('error', reject);
    socat.stderr.on('data', (d: Buffer) => {
      said += d.toString();
      const paths = [...said.matchAll(/PTY is (\S+)/g)].map((m) => m[1] as string);
      if (said.includes('starting data transfer loop')) resolve({ host: paths[0] as string, device: paths[1] as string, socat });
    });
  });
}

async function until(holds: () => boolean, deadlineMs: number): Promise<number> {
  const from = clock.now();
  while (!holds()) {
    if (clock.now() - from > deadlineMs) throw new Error(`Did not hold within ${deadlineMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return clock.now() - from;
}

const TIMEOUTS = { commandMs: 1000, resetMs: 1000, toolMs: 1000, trackingMs: 300, settleMs: 5 };
const MARKERS = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 80, 0],
] as const;

describe.skipIf(!hasSocat)('a tracker on a real pseudo-terminal (needs socat)', () => {
  it.each(['bx', 'tx'] as const)(
    'reaches a pose buffer through serial port, driver, bridge and client with %s',
    async (replies) => {
      const { host, device, socat } = await ptyPair();
      const simulator: NdiSimulator = await simulateNdiTracker(serialTransport(device), {
        clock,
        tools: [{ name: 'stylus' }, { name: 'reference', kind: 'wired', serial: 'REF00001' }],
        poseOf: (tool) => ({ position: [tool === 'stylus' ? 12.25 : -3.5, 20.5, -1500.75], rotation: [0, 0.6, 0, 0.8] }),
      });
      closing.push(() => simulator.close());
      const bridge = await startBridge({
        clock,
        driver: ndiDriver({
          transport: serialTransport(host),
          clock,
          replies,
          timeouts: TIMEOUTS,
          tools: [
            { name: 'stylus', toolFile: makeToolFile({ markers: MARKERS, partNumber: 'stylus' }) },
            { name: 'reference', serial: 'REF00001' },
          ],
        }),
      });
      closing.push(() => bridge.close());
      const client = connectBridge({ url: bridge.url, clock, createSocket: nodeSocket });
      closing.push(() => client.close());
      const graph = new FrameGraph();
      const tracker = frame('tracker');
      client.attach('stylus', graph.stream(tracker, frame('stylus')));
      client.attach('reference', graph.stream(tracker, frame('reference')));
      const read = (name: 'stylus' | 'reference'): PoseView => {
        graph.tick(clock.now());
        const view = new PoseView();
        graph.path(tracker, frame(name)).read(view);
        return view;
      };
      await client.ready;
      await until(() => read('stylus').status === 'ok' && read('reference').status === 'ok', 2000);
      expect(read('stylus').matrix[12]).toBeCloseTo(12.25, 6);
      expect(read('reference').matrix[12]).toBeCloseTo(-3.5, 6);
      expect(read('stylus').matrix[14]).toBeCloseTo(-1500.75, 6);
      expect(read('stylus').matrix[0]).toBeCloseTo(1 - 2 * 0.36, 6);

      simulator.unplug('reference');
      await until(() => read('reference').status === 'disconnected', 500);
      expect(read('stylus').status).toBe('ok');

      // The handle of the pulled tool is being freed: a command that is lost now has a deadline of its own.
      await new Promise((resolve) => setTimeout(resolve, 100));
      socat.kill();
      await until(() => read('stylus').status === 'disconnected', TIMEOUTS.trackingMs + 400);
      expect(client.state.device).toBe('disconnected');
    },
  );
});

describe('a serial port that is not there', () => {
  it('is refused with its path', async () => {
    const port = serialTransport('/dev/trocar-no-such-port');
    const opening = port.open({ data: () => undefined, closed: () => undefined });
    await expect(opening).rejects.toSatisfy(
      (e) => isNavError(e, 'device/connect-failed') && e.message.includes('/dev/trocar-no-such-port'),
    );
  });
});
