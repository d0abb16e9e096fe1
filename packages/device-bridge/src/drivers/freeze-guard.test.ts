import { FrameGraph, frame, type Instant, PoseSample, PoseView, type Status } from '@trocar/core';
import { Random } from '@trocar/core/math';
import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { type DriverFault, type PoseSink, poseBufferSink } from '../driver.js';
import { freezeGuard } from './freeze-guard.js';

const PERIOD = 1000 / 60;
const LATENCY = 4;

interface Told {
  readonly tool: number;
  readonly status: Status;
  readonly values: number[];
  readonly frameNumber: number;
}

function listening(): { sink: PoseSink; told: Told[]; faults: DriverFault[] } {
  const told: Told[] = [];
  const faults: DriverFault[] = [];
  const sink: PoseSink = {
    tools: () => undefined,
    pose: (tool, s, frameNumber) => told.push({ tool, status: s.status, values: [...s.values], frameNumber }),
    flush: () => undefined,
    connection: () => undefined,
    fault: (fault) => faults.push(fault),
  };
  return { sink, told, faults };
}

const sample = new PoseSample();

/** The tool at x, measured at `ms` and come LATENCY later; the rest of the pose is as a device that rounds tells it. */
function send(sink: PoseSink, ms: number, x: number, status: Status = 'ok', tool = 0, frameNumber = 0): void {
  sample.values[0] = ms;
  sample.values[1] = ms + LATENCY;
  sample.errorMm = Number.NaN;
  sample.status = status;
  const none = status === 'missing' || status === 'disconnected';
  sample.setPose(none ? Number.NaN : x, 20, -1500, 0, 0, 0, 1);
  sink.pose(tool, sample, frameNumber);
}

function guarded(options = {}): ReturnType<typeof listening> & { guard: PoseSink } {
  const listener = listening();
  const guard = freezeGuard(listener.sink, options);
  guard.tools([{ name: 'stylus' }, { name: 'reference' }]);
  guard.connection('connected', '');
  return { ...listener, guard };
}

const statuses = (told: readonly Told[], tool = 0): Status[] => told.filter((t) => t.tool === tool).map((t) => t.status);

describe('freezeGuard', () => {
  it('calls a repeated pose stale within one frame and 100 ms, with the time of the last true measurement', () => {
    const { guard, told, faults } = guarded();
    for (let i = 0; i < 30; i += 1) send(guard, i * PERIOD, i < 10 ? i : 9);
    const lastTrue = 9 * PERIOD;
    const first = told.findIndex((t) => t.status === 'stale');
    const frozen = told[first] as Told;
    expect((frozen.values[1] as number) - (lastTrue + LATENCY)).toBeLessThanOrEqual(100 + PERIOD);
    expect((frozen.values[1] as number) - (lastTrue + LATENCY)).toBeGreaterThanOrEqual(100);
    for (const t of told.slice(first)) {
      expect(t.status).toBe('stale');
      expect(t.values[0]).toBe(lastTrue);
    }
    expect(told.at(-1)?.values[1]).toBe(29 * PERIOD + LATENCY);
    expect(faults.map((f) => f.code)).toEqual(['device/frozen']);
    expect(faults[0]?.message).toMatch(/"stylus"/);
  });

  it('does not call a tool frozen whose last digit moves now and then, in any of its numbers', () => {
    for (let k = 2; k < 10; k += 1) {
      const { guard, told, faults } = guarded();
      for (let i = 0; i < 300; i += 1) {
        sample.values.set([i * PERIOD, i * PERIOD + LATENCY, 0.1, 10, 20, -1500, 0, 0, 0, 1]);
        // One unit of the last place of NDI's text format, every fifth frame.
        if (i % 10 >= 5) sample.values[k] = (sample.values[k] as number) + (k < 6 ? 0.01 : 0.0001);
        sample.status = 'ok';
        guard.pose(0, sample, i + 1);
      }
      expect(new Set(statuses(told))).toEqual(new Set(['ok']));
      expect(faults).toEqual([]);
    }
  });

  it('never thaws a tool, nor freezes one, by what another does', () => {
    const { guard, told, faults } = guarded();
    for (let i = 0; i < 60; i += 1) {
      send(guard, i * PERIOD, i, 'ok', 0);
      send(guard, i * PERIOD, 7, 'ok', 1);
    }
    expect(new Set(statuses(told, 0))).toEqual(new Set(['ok']));
    expect(statuses(told, 1).at(-1)).toBe('stale');
    expect(faults).toHaveLength(1);
    expect(faults[0]?.message).toMatch(/"reference"/);
  });

  it('thaws at the first different measurement, without a word, and may freeze again', () => {
    const { guard, told, faults } = guarded();
    for (let i = 0; i < 40; i += 1) send(guard, i * PERIOD, i < 20 ? 5 : 6);
    expect(told[19]?.status).toBe('stale');
    expect(told[20]).toMatchObject({ status: 'ok', values: expect.arrayContaining([20 * PERIOD]) });
    expect(told[39]?.status).toBe('stale');
    expect(faults).toHaveLength(2);
  });

  it.each([
    ['measured time', (i: number) => [Math.min(i, 10) * PERIOD, 0]],
    ['frame number', (i: number) => [i * PERIOD, Math.min(i, 10) + 1]],
  ])('sees a device whose %s stands still while its numbers move', (_, timeOf) => {
    const { guard, told } = guarded();
    for (let i = 0; i < 40; i += 1) {
      const [measured, frameNumber] = timeOf(i) as [number, number];
      sample.values.set([measured, i * PERIOD + LATENCY, 0.1, i, 0, 0, 0, 0, 0, 1]);
      sample.status = 'ok';
      guard.pose(0, sample, frameNumber);
    }
    expect(told[10]?.status).toBe('ok');
    expect(told[39]?.status).toBe('stale');
    expect(told[39]?.values[0]).toBe(10 * PERIOD);
  });

  it('keeps the worse status, and lets missing and disconnected through', () => {
    const { guard, told } = guarded();
    for (let i = 0; i < 20; i += 1) send(guard, i * PERIOD, 1, i < 15 ? 'ok' : 'outOfVolume');
    send(guard, 20 * PERIOD, 1, 'missing');
    send(guard, 21 * PERIOD, 1);
    send(guard, 22 * PERIOD, 1, 'disconnected');
    send(guard, 23 * PERIOD, 1);
    expect(statuses(told).slice(18)).toEqual(['stale', 'stale', 'missing', 'stale', 'disconnected', 'ok']);
    expect(told[20]?.values[0]).toBe(20 * PERIOD);
  });

  it('forgets when the device goes', () => {
    const { guard, told } = guarded();
    for (let i = 0; i < 20; i += 1) send(guard, i * PERIOD, 1);
    guard.connection('disconnected', 'cable');
    guard.connection('connected', '');
    send(guard, 20 * PERIOD, 1);
    expect(statuses(told).slice(-2)).toEqual(['stale', 'ok']);
  });

  it('takes tools that come later, and poses of tools it was not told of', () => {
    const { guard, told } = guarded();
    for (let i = 0; i < 10; i += 1) send(guard, i * PERIOD, 1);
    guard.tools(Array.from({ length: 9 }, (_, i) => ({ name: `t${i}` })));
    send(guard, 10 * PERIOD, 1);
    send(guard, 10 * PERIOD, 1, 'ok', 8);
    send(guard, 10 * PERIOD, 1, 'ok', 30);
    expect(told.slice(-3).map((t) => t.status)).toEqual(['stale', 'ok', 'ok']);
  });

  it('asks three repeats of a slow device, and can be turned off', () => {
    const slow = guarded();
    for (let i = 0; i < 5; i += 1) send(slow.guard, i * 200, 1);
    expect(statuses(slow.told)).toEqual(['ok', 'ok', 'ok', 'stale', 'stale']);
    const off = guarded({ afterMs: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 100; i += 1) send(off.guard, i * 200, 1);
    expect(new Set(statuses(off.told))).toEqual(new Set(['ok']));
    for (const afterMs of [0, -1, Number.NaN]) expect(() => freezeGuard(slow.sink, { afterMs })).toThrowError(/afterMs > 0/);
  });

  it('leaves the sample as the caller made it', () => {
    const { guard } = guarded();
    for (let i = 0; i < 20; i += 1) {
      send(guard, i * PERIOD, 1);
      expect(sample.status).toBe('ok');
      expect(sample.values[0]).toBe(i * PERIOD);
    }
  });

  it('never calls a moving tool frozen, and always a frozen one, whatever the rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.double({ min: 1, max: 50, noNaN: true }), (seed, period) => {
        const random = new Random(seed);
        const { guard, told } = guarded();
        const freeze = 20 + random.below(20);
        let x = 0;
        for (let i = 0; i * period < (freeze + 10) * period + 200; i += 1) {
          if (i <= freeze) x += random.between(0.01, 1);
          send(guard, i * period, x);
        }
        const firstStale = told.findIndex((t) => t.status === 'stale');
        const seenAfter = (told[firstStale]?.values[1] as number) - (told[freeze]?.values[1] as number);
        expect(seenAfter).toBeGreaterThanOrEqual(100 - 1e-6);
        expect(seenAfter).toBeLessThanOrEqual(100 + period + 1e-6);
      }),
      { numRuns: 50 * inject('effort') },
    );
  });

  it('makes the path stale and honestly old, at once, through a buffer that holds the repeats as ok', () => {
    const graph = new FrameGraph();
    const buffer = graph.stream(frame('tracker'), frame('stylus'));
    const path = graph.path(frame('tracker'), frame('stylus'));
    const guard = freezeGuard(poseBufferSink({ stylus: buffer }));
    guard.tools([{ name: 'stylus' }]);
    guard.connection('connected', '');
    const view = new PoseView();
    let seenAt = Number.NaN;
    for (let i = 0; i < 60; i += 1) {
      send(guard, i * PERIOD, i < 10 ? i : i < 40 ? 9 : i);
      graph.tick((i * PERIOD + LATENCY) as Instant);
      path.read(view);
      if (view.status === 'stale' && Number.isNaN(seenAt)) seenAt = view.at;
      if (i === 39) expect([view.status, Math.round(view.ageMs)]).toEqual(['stale', Math.round(30 * PERIOD + LATENCY)]);
    }
    expect(seenAt - 9 * PERIOD).toBeLessThanOrEqual(100 + PERIOD + LATENCY);
    expect(view.status).toBe('ok');
    expect(buffer.faults.takenBack).toBeGreaterThan(3);
  });
});
