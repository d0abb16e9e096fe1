import { type Clock, type Instant, NavError, PoseSample, STATUSES, type Status } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { bytesInput, memoryOutput, Recorder, Recording, readRecordingBytes } from '@trocar/core/recording';
import { manualClock } from '@trocar/core/testing';
import { describe, expect, it } from 'vitest';
import type { PoseSink } from '../../driver.js';
import { recordingSink } from '../recorder/index.js';
import { type ReplayOptions, replayDriver } from './index.js';

const START = 5000.125;

/** Everything a sink is told, as text that differs where a single bit does. */
function listener(clock?: Clock): PoseSink & { readonly told: string[]; readonly at: number[] } {
  const told: string[] = [];
  const at: number[] = [];
  return {
    told,
    at,
    tools: (list) => void told.push(`tools ${list.map((t) => t.name).join(' ')}`),
    pose: (tool, sample, frame) => {
      const bits = new BigUint64Array(sample.values.slice().buffer);
      told.push(`pose ${tool} ${frame} ${sample.status} ${[...bits].map((b) => b.toString(16)).join(',')}`);
    },
    flush: () => {
      if (clock !== undefined) at.push(clock.now());
      told.push('flush');
    },
    connection: (state, reason) => void told.push(`${state}: ${reason}`),
    fault: ({ code }) => void told.push(`fault ${code}`),
  };
}

/** A driver's life as a sink hears it, recorded: a hundred flushes at times that are not even, a loss, a new tool. */
async function life(options: { seed?: number; close?: boolean } = {}) {
  const clock = manualClock(START);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock, chunkBytes: 2048 });
  const heard = listener(clock);
  const sink = recordingSink(recorder.device('ndi'), heard);
  const random = new Random(options.seed ?? 3);
  const sample = new PoseSample();
  sink.tools([{ name: 'stylus' }, { name: 'reference' }]);
  sink.connection('connected', 'Here.');
  for (let n = 0; n < 100; n += 1) {
    clock.advance(5 + random.uniform() * 20);
    if (n === 50) sink.tools([{ name: 'stylus' }, { name: 'reference' }, { name: 'probe' }]);
    if (n === 60) sink.connection('disconnected', 'Pulled.');
    if (n === 61) sink.connection('connected', 'Back.');
    if (n === 70) sink.fault({ code: 'device/bad-crc', message: 'Noise.' });
    if (n === 80) recorder.event('target', { n });
    for (let tool = 0; tool < (n < 50 ? 2 : 3); tool += 1) {
      for (let i = 0; i < 10; i += 1) sample.values[i] = random.normal() * 1000;
      sample.measuredAt = (clock.now() - random.uniform() * 10) as Instant;
      sample.arrivedAt = clock.now();
      sample.status = STATUSES[random.below(STATUSES.length)] as Status;
      sink.pose(tool, sample, n);
    }
    sink.flush();
  }
  if (options.close === false) await recorder.flush();
  else await recorder.close();
  return { bytes: output.bytes(), told: heard.told, at: heard.at };
}

async function replayed(bytes: Uint8Array, options: Partial<ReplayOptions> = {}) {
  const driver = replayDriver({
    recording: new Recording(bytesInput(bytes, 'life.mcap')),
    clock: manualClock(77),
    rate: Number.POSITIVE_INFINITY,
    ...options,
  });
  const heard = listener(driver.clock);
  await driver.start(heard);
  const end = await driver.finished;
  return { told: heard.told, at: heard.at, end };
}

const ENDED = 'disconnected: The recording has ended.';

describe('a replay', () => {
  it('tells what was told, in its order, bit by bit, twice the same, at the recorded times', async () => {
    const { bytes, told, at } = await life();
    const first = await replayed(bytes);
    const second = await replayed(bytes);
    expect(first.told).toEqual([...told, ENDED]);
    expect(second.told).toEqual(first.told);
    expect(first.at).toEqual(at);
    expect(first.end).toMatchObject({ reason: 'ended', flushes: 100, poses: 250, status: { complete: true } });
  });

  it('goes step by step, one flush each, with the clock standing at it', async () => {
    const { bytes, told, at } = await life();
    const driver = replayDriver({ recording: new Recording(bytesInput(bytes)), clock: manualClock(), rate: 'step' });
    const heard = listener(driver.clock);
    await expect(driver.step()).rejects.toThrow(/not been started/);
    await driver.start(heard);
    let steps = 0;
    while (await driver.step()) {
      steps += 1;
      expect(heard.told.filter((line) => line === 'flush').length).toBe(steps);
      expect(driver.clock.now()).toBe(at[steps - 1]);
    }
    expect(steps).toBe(100);
    expect(heard.told).toEqual([...told, ENDED]);
    expect(await driver.step()).toBe(false);
    await driver.stop();
    expect((await driver.finished).reason).toBe('ended');
  });

  it('does not mind several steps asked for at once', async () => {
    const { bytes } = await life();
    const driver = replayDriver({ recording: new Recording(bytesInput(bytes)), clock: manualClock(), rate: 'step' });
    const heard = listener(driver.clock);
    await driver.start(heard);
    await Promise.all([driver.step(), driver.step(), driver.step()]);
    expect(heard.told.filter((line) => line === 'flush').length).toBe(3);
    await driver.stop();
    expect(heard.told.at(-1)).toBe('disconnected: Stopped.');
  });

  it('begins and ends where asked, with what had been said before', async () => {
    const { bytes, told, at } = await life();
    const [fromAt, toAt] = [(at[55] as number) - 1e-6, at[90] as number];
    const part = await replayed(bytes, { from: fromAt - START, to: toAt - START });
    expect(part.told.slice(0, 2)).toEqual(['tools stylus reference probe', 'connected: Here.']);
    const flush = (n: number): number =>
      told.map((line, i) => [line, i] as const).filter(([line]) => line === 'flush')[n]?.[1] as number;
    expect(part.told.slice(2)).toEqual([...told.slice(flush(54) + 1, flush(90) + 1), ENDED]);
  });

  it('goes round, with times that go on', async () => {
    const { bytes, at } = await life();
    const driver = replayDriver({ recording: new Recording(bytesInput(bytes)), clock: manualClock(), rate: 'step', loop: true });
    const heard = listener(driver.clock);
    const times: number[] = [];
    await driver.start({
      ...heard,
      pose: (tool, sample, frame) => {
        heard.pose(tool, sample, frame);
        if (tool === 0) times.push(sample.measuredAt);
      },
    });
    for (let n = 0; n < 250; n += 1) expect(await driver.step()).toBe(true);
    const span = (at[99] as number) - START;
    expect((times[100] as number) - (times[0] as number)).toBeGreaterThan(span);
    expect((times[200] as number) - (times[100] as number)).toBeCloseTo((times[100] as number) - (times[0] as number), 6);
    for (let i = 1; i < heard.at.length; i += 1) expect(heard.at[i]).toBeGreaterThan(heard.at[i - 1] as number);
    await driver.stop();
  });

  it('of an unfinished file tells what is whole, and then what is not', async () => {
    const { bytes, told } = await life({ close: false });
    const { told: heard, end } = await replayed(bytes.subarray(0, bytes.length - 700));
    const poses = heard.filter((line) => line.startsWith('pose'));
    expect(poses.length).toBeGreaterThan(100);
    expect(heard.slice(-2)).toEqual(['fault recording/truncated', ENDED]);
    expect(told.slice(0, heard.length - 2)).toEqual(heard.slice(0, -2));
    expect(end.status).toMatchObject({ complete: false });
    expect(end.status?.givenUpBytes).toBeGreaterThan(0);
  });

  it('gives an application its events, and refuses what is no recording at the start', async () => {
    const { bytes } = await life();
    const events: unknown[] = [];
    await replayed(bytes, { onEvent: (event) => events.push(event.name, event.data) });
    expect(events).toEqual(['target', { n: 80 }]);
    const bad = replayDriver({ recording: new Recording(bytesInput(new Uint8Array(64))), clock: manualClock() });
    await expect(bad.start(listener())).rejects.toMatchObject({ code: 'recording/not-a-recording' });
    expect(await bad.finished).toMatchObject({ reason: 'failed', error: { code: 'recording/not-a-recording' } });
  });

  it('of one device of several says that there are others, unless it was asked for', async () => {
    const clock = manualClock(1);
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock });
    for (const name of ['a', 'b']) {
      const device = recorder.device(name);
      device.tools([{ name }]);
      device.pose(0, new PoseSample(), 1);
      device.flush();
    }
    await recorder.close();
    const any = await replayed(output.bytes());
    expect(any.told.filter((line) => /tools|fault/.test(line))).toEqual(['tools a', 'fault recording/other-device']);
    const chosen = await replayed(output.bytes(), { device: 'b' });
    expect(chosen.told.filter((line) => /tools|fault/.test(line))).toEqual(['tools b']);
  });

  it('leaves poses out whose tool it was never told', async () => {
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock: manualClock(1) });
    const device = recorder.device('a');
    device.tools([{ name: 'x' }]);
    device.pose(5, new PoseSample(), 1);
    device.pose(0, new PoseSample(), 1);
    device.flush();
    await recorder.close();
    const { told, end } = await replayed(output.bytes());
    expect(told.map((line) => line.slice(0, 22))).toEqual([
      'tools x',
      'fault recording/corrup',
      'pose 0 1 unknown 7ff80',
      'flush',
      ENDED.slice(0, 22),
    ]);
    expect(end.poses).toBe(1);
  });

  it('refuses a pace that cannot be', () => {
    const recording = new Recording(bytesInput(new Uint8Array(0)));
    for (const bad of [{ rate: 0 }, { rate: -1 }, { from: 5, to: 5 }, { rate: 'step', times: 'clock' }] as const) {
      expect(() => replayDriver({ recording, clock: manualClock(), ...bad })).toThrow(NavError);
    }
  });
});

describe('a recording sink', () => {
  it('hands a fault of the recording to its sink, once, and everything else on', async () => {
    const clock = manualClock(START);
    const output = memoryOutput(3000);
    const recorder = new Recorder({ output, clock, chunkBytes: 2048 });
    const heard = listener();
    const sink = recordingSink(recorder.device('ndi'), heard);
    const sample = new PoseSample();
    sink.tools([{ name: 'a' }]);
    for (let n = 0; n < 200; n += 1) {
      sink.pose(0, sample, n);
      sink.flush();
      if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(heard.told.filter((line) => line.startsWith('fault'))).toEqual(['fault recording/disk-full']);
    expect(heard.told.filter((line) => line === 'flush').length).toBe(200);
    expect(await recorder.close()).toBe(false);
    expect(readRecordingBytes(output.bytes()).status.givenUpBytes).toBe(0);
  });
});
