import { FrameGraph, frame, type Instant, PoseView, systemClock } from '@trocar/core';
import { fromQuaternion, identity4, rotationAngleBetween } from '@trocar/core/math';
import { afterEach, describe, expect, it } from 'vitest';
import { makeToolFile } from '../../codec/ndi/index.js';
import { type ConnectionState, type Driver, type DriverFault, poseBufferSink } from '../../driver.js';
import { pipe } from '../../transports/pipe.js';
import {
  type NdiDeviceOptions,
  type NdiSimulator,
  type PoseSource,
  type SimulatedPose,
  type SimulatedTool,
  simulateNdiTracker,
} from '../simulated/index.js';
import { type NdiDriverOptions, ndiDriver } from './index.js';

const clock = systemClock();
const tracker = frame('tracker');
const stylus = frame('stylus');
const reference = frame('reference');
const MARKERS = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 80, 0],
] as const;
const file = (partNumber: string): Uint8Array => makeToolFile({ markers: MARKERS, partNumber });

/** A tool that turns and moves; its pose at a time is known exactly. */
const moving: PoseSource = (_, at) => {
  const half = at / 2000;
  return {
    position: [100 * Math.sin(at / 400), 50, -1200 + at / 1000],
    rotation: [Math.sin(half), 0, 0, Math.cos(half)],
    errorMm: 0.25,
  };
};
const still: PoseSource = (tool) => ({ position: [tool === 'stylus' ? 1 : 2, 20.25, -1500.5], rotation: [0, 0, 0, 1] });

const FAST = { commandMs: 500, resetMs: 500, toolMs: 500, trackingMs: 120, settleMs: 1 };
const TOOLS: readonly SimulatedTool[] = [{ name: 'stylus' }, { name: 'reference' }];

interface Rig {
  readonly graph: FrameGraph;
  readonly driver: Driver;
  readonly simulator: NdiSimulator;
  readonly faults: DriverFault[];
  readonly states: ConnectionState[];
  readonly link: ReturnType<typeof pipe>;
  status(which?: 'stylus' | 'reference'): string;
  view(which?: 'stylus' | 'reference'): PoseView;
}

const running: Rig[] = [];
afterEach(async () => {
  for (const rig of running.splice(0)) {
    await rig.driver.stop();
    await rig.simulator.close();
  }
});

async function rig(
  poseOf: PoseSource,
  options: Partial<NdiDriverOptions> = {},
  device: Partial<NdiDeviceOptions> & { chunkBytes?: number } = {},
): Promise<Rig> {
  const { chunkBytes, ...simulated } = device;
  const link = pipe(chunkBytes === undefined ? {} : { chunkBytes });
  const simulator = await simulateNdiTracker(link.device, { tools: TOOLS, clock, poseOf, ...simulated });
  const driver = ndiDriver({
    transport: link.host,
    clock,
    tools: [
      { name: 'stylus', toolFile: file('stylus') },
      { name: 'reference', toolFile: file('reference') },
    ],
    timeouts: FAST,
    reconnectMs: 20,
    ...options,
  });
  const graph = new FrameGraph();
  const buffers = { stylus: graph.stream(tracker, stylus), reference: graph.stream(tracker, reference) };
  const faults: DriverFault[] = [];
  const states: ConnectionState[] = [];
  const sink = poseBufferSink(buffers, (f) => faults.push(f));
  const built: Rig = {
    graph,
    driver,
    simulator,
    faults,
    states,
    link,
    status: (which = 'stylus') => built.view(which).status,
    view: (which = 'stylus') => {
      graph.tick(clock.now());
      const view = new PoseView();
      if (which === 'stylus') graph.path(tracker, stylus).read(view);
      else graph.path(tracker, reference).read(view);
      return view;
    },
  };
  running.push(built);
  await driver.start({
    ...sink,
    connection: (state, reason) => {
      states.push(state);
      sink.connection(state, reason);
    },
  });
  return built;
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.hypot(...[12, 13, 14].map((k) => (a[k] as number) - (b[k] as number)));
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until it holds; the time it took, ms. Fails past the deadline. */
async function until(holds: () => boolean, deadlineMs: number): Promise<number> {
  const from = clock.now();
  while (!holds()) {
    if (clock.now() - from > deadlineMs) throw new Error(`Did not hold within ${deadlineMs} ms.`);
    await wait(2);
  }
  return clock.now() - from;
}

describe('the NDI driver on a simulated tracker', () => {
  it.each([
    ['bx2', 1.3e-4, 1e-6],
    ['bx', 1.3e-4, 1e-6],
    ['tx', 0.0088, 4e-4],
  ] as const)('reads back what the device measured, within the rounding of %s', async (replies, withinMm, withinRad) => {
    const measured: SimulatedPose[] = [];
    const recorded: PoseSource = (tool, at) => {
      const pose = moving(tool, at);
      if (tool === 'stylus' && pose !== undefined) measured.push(pose);
      return pose;
    };
    const r = await rig(recorded, { replies }, { chunkBytes: 7, errorNoiseMm: 0 });
    await wait(500);
    const view = new PoseView();
    r.graph.tick(1e9 as Instant);
    r.graph.path(tracker, stylus).read(view);
    expect(view.status).toBe('stale');
    expect(view.errorMm).toBeCloseTo(0.25, 4);
    const truth = measured
      .map((pose) => fromQuaternion(identity4(), pose.rotation, pose.position))
      .sort((a, b) => distance(a, view.matrix) - distance(b, view.matrix))[0] as Float64Array;
    expect(distance(truth, view.matrix)).toBeLessThan(withinMm);
    expect(rotationAngleBetween(view.matrix, truth)).toBeLessThan(withinRad);
  });

  it('maps frame numbers to a steady time: samples are a frame apart, not a poll apart', async () => {
    const r = await rig(still, {}, { rateHz: 100 });
    await wait(900);
    const times: number[] = [];
    for (let i = 0; i < 60; i += 1) {
      const at = r.view().measuredAt;
      if (times.at(-1) !== at) times.push(at);
      await wait(5);
    }
    const gaps = times.slice(1).map((t, i) => t - (times[i] as number));
    for (const gap of gaps) expect(Math.abs(gap / 10 - Math.round(gap / 10))).toBeLessThan(0.06);
  });

  it('takes TX from a device without BX', async () => {
    const r = await rig(still, {}, { replies: 'tx' });
    await until(() => r.status() === 'ok', 500);
    expect(r.view('reference').matrix[12]).toBe(2);
  });

  it('says missing at once for a covered tool, and outOfVolume for one outside, with its pose', async () => {
    let how: 'seen' | 'covered' | 'outside' = 'seen';
    const r = await rig((tool) =>
      how === 'covered'
        ? undefined
        : { position: [tool === 'stylus' ? 1 : 2, 0, 0], rotation: [0, 0, 0, 1], outOfVolume: how === 'outside' },
    );
    await until(() => r.status() === 'ok', 500);
    how = 'covered';
    await until(() => r.status() === 'missing', 150);
    expect(r.view().hasPose).toBe(false);
    how = 'outside';
    await until(() => r.status() === 'outOfVolume', 150);
    expect(r.view().matrix[12]).toBe(1);
  });
});

describe('what goes wrong on the line', () => {
  it('takes a transform of NaN for missing, tells it, and goes on', async () => {
    const r = await rig(still, { replies: 'bx' });
    await until(() => r.status() === 'ok', 500);
    r.simulator.disturb('nan', 40);
    await until(() => r.status() === 'missing', 150);
    expect(r.faults.some((f) => f.code === 'pose/not-finite')).toBe(true);
    await until(() => r.status() === 'ok', 1000);
  });

  it.each(['silence', 'cut'] as const)('survives %s in place of a reply: asks again before the deadline', async (how) => {
    const r = await rig(still);
    await until(() => r.status() === 'ok', 500);
    r.simulator.disturb(how);
    await wait(250);
    expect(r.view().status).toBe('ok');
    expect(r.states).not.toContain('disconnected');
    if (how === 'cut') expect(r.faults[0]?.code).toBe('codec/malformed');
  });

  it.each([
    ['crc', 'codec/bad-crc'],
    ['noise', 'codec/malformed'],
  ] as const)('survives %s in a reply: told, and never a wrong pose', async (how, code) => {
    const r = await rig(still);
    await until(() => r.status() === 'ok', 500);
    r.simulator.disturb(how, 2);
    await until(() => r.faults.length > 0, 300);
    expect(r.faults[0]?.code).toBe(code);
    await wait(200);
    expect(r.view().matrix[12]).toBe(1);
    expect(r.states).not.toContain('disconnected');
  });

  it('disconnects every tool when the line is cut, and tracks again when it is mended', async () => {
    const r = await rig(still);
    await until(() => r.status() === 'ok', 500);
    r.link.cut();
    expect(r.status()).toBe('disconnected');
    expect(r.status('reference')).toBe('disconnected');
    await wait(60);
    r.link.mend();
    await until(() => r.status() === 'ok' && r.status('reference') === 'ok', 3000);
    expect(r.states.filter((s) => s === 'connected')).toHaveLength(2);
  });

  it('disconnects every tool within the deadline when the device falls silent', async () => {
    const r = await rig(still);
    await until(() => r.status() === 'ok', 500);
    r.link.mute();
    const took = await until(() => r.status() === 'disconnected', 400);
    expect(took).toBeLessThan(FAST.trackingMs + 120);
    r.link.mend();
    await until(() => r.status() === 'ok', 3000);
  });

  it('notices that the device was switched off and on', async () => {
    const r = await rig(still);
    await until(() => r.status() === 'ok', 500);
    r.simulator.restart();
    await until(() => r.states.includes('disconnected'), 300);
    await until(() => r.status() === 'ok', 3000);
  });

  it('refuses to start where nothing answers, with the command that failed', async () => {
    const link = pipe();
    const driver = ndiDriver({ transport: link.host, clock, tools: [], timeouts: { ...FAST, commandMs: 50 } });
    await expect(driver.start(poseBufferSink({}))).rejects.toThrowError(/no reply to "TSTOP" within 50 ms/);
  });

  it('refuses a damaged tool file before connecting', () => {
    const broken = file('stylus');
    broken[100] = 1;
    const link = pipe();
    expect(() => ndiDriver({ transport: link.host, clock, tools: [{ name: 'stylus', toolFile: broken }] })).toThrowError(
      /checksum/,
    );
  });
});

describe('wired tools', () => {
  const tools: readonly SimulatedTool[] = [
    { name: 'stylus', kind: 'wired', serial: 'AAAA0001' },
    { name: 'reference', kind: 'wired', serial: 'BBBB0002' },
  ];

  it('are known by their serial number; one leaves and comes back while the other tracks on', async () => {
    const r = await rig(
      still,
      {
        tools: [
          { name: 'stylus', serial: 'AAAA0001' },
          { name: 'reference', serial: 'BBBB0002' },
        ],
      },
      { tools },
    );
    await until(() => r.status() === 'ok' && r.status('reference') === 'ok', 500);
    r.simulator.unplug('reference');
    await until(() => r.status('reference') === 'disconnected', 200);
    expect(r.status()).toBe('ok');
    r.simulator.plug('reference');
    await until(() => r.status('reference') === 'ok', 500);
    expect(r.view('reference').matrix[12]).toBe(2);
    expect(r.states.filter((s) => s === 'connected')).toHaveLength(1);
  });
});
