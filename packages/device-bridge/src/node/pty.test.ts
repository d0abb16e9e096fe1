import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { FrameGraph, frame, isNavError, PoseView, systemClock } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { afterEach, describe, expect, it } from 'vitest';
import { connectBridge } from '../browser/index.js';
import { commArguments, makeToolFile } from '../codec/ndi/index.js';
import { type DriverFault, poseBufferSink } from '../driver.js';
import { type NdiDriver, type NdiDriverOptions, ndiDriver } from '../drivers/ndi/index.js';
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

/**
 * Whole sessions at several rates. A pseudo-terminal carries bytes at any rate; that both sides would agree on it is seen
 * from what COMM asked for and what the host's side was set to (see serial.test.ts for their order).
 */
describe.skipIf(!hasSocat)('a session on a pseudo-terminal, with all that goes wrong in one', () => {
  const STYLUS = { name: 'stylus', kind: 'wired', serial: 'AAAA0001' } as const;
  const REFERENCE = { name: 'reference', kind: 'wired', serial: 'BBBB0002' } as const;
  const garbage = (seed: number, length: number): Uint8Array => {
    const random = new Random(seed);
    return Uint8Array.from({ length }, () => random.below(256));
  };

  interface Session {
    readonly simulator: NdiSimulator;
    readonly driver: NdiDriver;
    readonly faults: DriverFault[];
    readonly states: string[];
    readonly asked: string[];
    readonly x: Set<number>;
    status(name: 'stylus' | 'reference'): string;
  }

  async function session(options: Partial<NdiDriverOptions>, known: readonly string[] = []): Promise<Session> {
    const { host, device } = await ptyPair();
    const asked: string[] = [];
    const simulator = await simulateNdiTracker(serialTransport(device), {
      clock,
      tools: [STYLUS, REFERENCE, { name: 'pointer' }],
      poseOf: (tool) => ({ position: [tool === 'stylus' ? 12.25 : -3.5, 20.5, -1500.75], rotation: [0, 0.6, 0, 0.8] }),
      answerWith: (name, args) => {
        if (name === 'COMM') asked.push(args);
        return name === 'COMM' && known.length > 0 && !known.includes(args) ? 'ERROR06' : undefined;
      },
    });
    closing.push(() => simulator.close());
    const driver = ndiDriver({
      transport: serialTransport(host),
      clock,
      timeouts: TIMEOUTS,
      reconnectMs: 20,
      tools: [
        { name: 'stylus', serial: STYLUS.serial },
        { name: 'reference', serial: REFERENCE.serial },
        { name: 'pointer', toolFile: makeToolFile({ markers: MARKERS, partNumber: 'pointer' }) },
      ],
      ...options,
    });
    closing.push(() => driver.stop());
    const graph = new FrameGraph();
    const tracker = frame('tracker');
    const buffers = { stylus: graph.stream(tracker, frame('stylus')), reference: graph.stream(tracker, frame('reference')) };
    const faults: DriverFault[] = [];
    const states: string[] = [];
    const x = new Set<number>();
    const sink = poseBufferSink(buffers, (fault) => faults.push(fault));
    await driver.start({
      ...sink,
      pose: (tool, sample, number) => {
        if (tool < 2 && sample.status === 'ok') x.add(sample.values[3] as number);
        sink.pose(tool, sample, number);
      },
      connection: (state, reason) => {
        states.push(state);
        sink.connection(state, reason);
      },
    });
    const view = new PoseView();
    return {
      simulator,
      driver,
      faults,
      states,
      asked,
      x,
      status: (name) => {
        graph.tick(clock.now());
        graph.path(tracker, frame(name)).read(view);
        return view.status;
      },
    };
  }

  it.each([
    [9600, 'bx', false],
    [19_200, 'tx', false],
    [115_200, 'bx2', false],
    [230_400, 'tx', true],
    [921_600, 'bx', true],
    [1_228_739, 'bx2', false],
  ] as const)(
    'at %i baud with %s, handshake %s: garbage, damage, silence, unplug, replug, restart',
    async (baudRate, replies, handshake) => {
      const s = await session({ baudRate, replies, hardwareHandshake: handshake });
      const both = (): boolean => s.status('stylus') === 'ok' && s.status('reference') === 'ok';
      expect(s.driver.details()).toMatchObject({ replies, baudRate });
      expect(s.asked).toEqual(baudRate === 9600 ? [] : [commArguments(baudRate, handshake)]);
      await until(both, 2000);

      for (const seed of [1, 2, 3]) {
        s.simulator.babble(garbage(seed, 200));
        await until(() => s.faults.length > 0, 1000);
        await until(both, 1500);
      }
      for (const how of ['crc', 'noise', 'cut', 'silence', 'warning'] as const) {
        s.simulator.disturb(how);
        await new Promise((resolve) => setTimeout(resolve, 60));
        await until(both, 1500);
      }

      s.simulator.unplug('reference');
      await until(() => s.status('reference') === 'disconnected', 800);
      s.simulator.babble(garbage(4, 60));
      s.simulator.plug('reference');
      await until(both, 3000);

      s.simulator.restart();
      await until(() => s.states.includes('disconnected'), 1000);
      await until(both, 5000);
      // Never a pose that was not measured.
      expect([...s.x].sort((a, b) => a - b)).toEqual([-3.5, 12.25]);
    },
  );

  it('falls back through the rates that the device refuses, and remembers the one that works', async () => {
    const s = await session({}, ['A0000', '50000']);
    expect(s.asked).toEqual(['70000', '60000', 'A0000']);
    expect(s.driver.details()?.baudRate).toBe(230_400);
    await until(() => s.status('stylus') === 'ok', 2000);
    s.asked.length = 0;
    s.simulator.restart();
    await until(() => s.states.filter((state) => state === 'connected').length === 2, 5000);
    expect(s.asked).toEqual(['A0000']);
  });

  it('is disconnected past its deadline where the device says nothing more, and found again', async () => {
    const s = await session({});
    await until(() => s.status('stylus') === 'ok', 2000);
    s.simulator.disturb('silence', 5);
    await until(() => s.status('stylus') === 'stale', 300);
    await until(() => s.status('stylus') === 'disconnected', TIMEOUTS.trackingMs + 300);
    await until(() => s.status('stylus') === 'ok', 20_000);
  });
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
