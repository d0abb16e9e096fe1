import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PoseSample, systemClock } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { bytesInput, Recorder, Recording, type RecordingFault, readRecordingBytes } from '@trocar/core/recording';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { PoseSink } from '../driver.js';
import { recordingSink, recordingTransport } from '../drivers/recorder/index.js';
import { replayDriver, replayTransport } from '../drivers/replay/index.js';
import { simulatedDriver } from '../drivers/simulated/index.js';
import { pipe } from '../transports/pipe.js';
import { type AppendFile, openRecording, outputTo, recordingFile } from './recorder-file.js';

const folder = mkdtempSync(join(tmpdir(), 'trocar-recording-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const clock = systemClock();
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const silent: PoseSink = {
  tools: () => undefined,
  pose: () => undefined,
  flush: () => undefined,
  connection: () => undefined,
  fault: () => undefined,
};

/** 50 kills where the soak is run in full: `TROCAR_EFFORT=7`. */
const KILLS = Math.min(50, 8 * inject('effort'));

/** Starts the recording program, kills it after a random while and returns how many chunks it had said are in the file. */
async function recordAndKill(path: string, afterMs: number): Promise<number> {
  const probe = fileURLToPath(new URL('./recorder.probe.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@trocar/source', '--import', 'tsx', probe, path], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (text: Buffer) => {
    said += text.toString();
  });
  const gone = new Promise<string | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  const closed = new Promise<void>((resolve) => child.stdout.on('close', () => resolve()));
  for (let i = 0; i < 2000 && !said.includes('\n'); i += 1) await wait(5);
  await wait(afterMs);
  child.kill('SIGKILL');
  expect(await gone).toBe('SIGKILL');
  await closed;
  const lines = said.split('\n').slice(0, -1);
  return Number(lines.at(-1));
}

describe('kill -9 while recording', () => {
  it(
    `${KILLS} times at random moments: every file replays to its last whole chunk, and no chunk that was written is lost`,
    async () => {
      const random = new Random(inject('seed'));
      for (let kill = 0; kill < KILLS; kill += 1) {
        const path = join(folder, `killed-${kill}.mcap`);
        const chunks = await recordAndKill(path, random.uniform() * 400);
        const driver = replayDriver({ recording: openRecording(path), clock, rate: Number.POSITIVE_INFINITY });
        let wrong = 0;
        let lastFrame = -1;
        let poses = 0;
        const faults: string[] = [];
        await driver.start({
          ...silent,
          pose: (tool, sample, frame) => {
            const v = sample.values;
            const at = v[0] as number;
            const whole = v[3] === at && v[4] === 2 * at && v[5] === 3 * at && v[9] === 1 && sample.status === 'ok';
            if (!whole || tool !== poses % 4 || frame <= lastFrame - (tool === 0 ? 0 : 1)) wrong += 1;
            lastFrame = frame;
            poses += 1;
          },
          fault: ({ code }) => faults.push(code),
        });
        const end = await driver.finished;
        expect(end.reason).toBe('ended');
        expect(wrong).toBe(0);
        // It may have been killed between a write and saying so, and another write may have been on its way.
        expect(end.status?.chunks).toBeGreaterThanOrEqual(chunks);
        expect(end.status?.complete).toBe(false);
        expect(faults).toEqual(['recording/truncated']);
        expect(end.status?.givenUpBytes).toBeLessThan(2 * 8192);
        if (chunks > 0) expect(poses).toBeGreaterThan(0);
      }
    },
    30_000 + KILLS * 6000,
  );
});

/** Records until the fault, and goes on for a while. */
async function recordUntilFault(recorder: Recorder): Promise<{ told: number; faults: RecordingFault['code'][] }> {
  const faults: RecordingFault['code'][] = [];
  recorder.faults.subscribe((fault) => faults.push(fault.code));
  const sink = recordingSink(recorder.device('sim'), silent);
  const sample = new PoseSample();
  sample.status = 'ok';
  sink.tools([{ name: 'a' }]);
  let told = 0;
  for (let after = 0; after < 20 && told < 200_000; told += 100) {
    for (let i = 0; i < 100; i += 1) {
      sink.pose(0, sample, told + i);
      sink.flush();
    }
    await wait(0);
    if (faults.length > 0) after += 1;
  }
  return { told, faults };
}

describe('a recording file', () => {
  it('is never written over, and says where it cannot be', async () => {
    const path = join(folder, 'there.mcap');
    writeFileSync(path, 'precious');
    await expect(recordingFile(path)).rejects.toMatchObject({ code: 'recording/exists' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    await expect(recordingFile(join(folder, 'no/such/folder.mcap'))).rejects.toMatchObject({ code: 'recording/write-failed' });
    await expect(openRecording(join(folder, 'none.mcap')).summary()).rejects.toMatchObject({ code: 'io/not-found' });
  });

  it.each(['chunk', 'close'] as const)('synced at every %s holds what was told', async (sync) => {
    const path = join(folder, `whole-${sync}.mcap`);
    const recorder = new Recorder({ output: await recordingFile(path, { sync }), clock, chunkBytes: 8192 });
    const device = recorder.device('a');
    device.tools([{ name: 'a' }]);
    for (let n = 0; n < 5000; n += 1) {
      device.pose(0, new PoseSample(), n);
      device.flush();
    }
    expect(await recorder.close()).toBe(true);
    const summary = await openRecording(path).summary();
    expect(summary.status.complete).toBe(true);
    expect(summary.devices[0]).toMatchObject({ poses: 5000, flushes: 5000 });
    expect(readFileSync(path).length).toBe(recorder.counts.bytes + endLength(path, recorder.counts.bytes));
  });

  it.each([
    ['ENOSPC', 'recording/disk-full'],
    ['EDQUOT', 'recording/disk-full'],
    ['EIO', 'recording/write-failed'],
  ])('on a disk that gives %s half way through a write is told once, and cut back to whole chunks', async (code, fault) => {
    const written: Buffer[] = [];
    let length = 0;
    const disk: AppendFile = {
      write: (async (bytes: Uint8Array, from: number, count: number, position: number) => {
        // A short write first, as a disk that fills up does.
        const room = Math.min(count, 1000, 50_000 - position);
        if (room <= 0) throw Object.assign(new Error(`${code}: simulated`), { code });
        written.push(Buffer.from(bytes.slice(from, from + room)));
        length = position + room;
        return { bytesWritten: room, buffer: bytes };
      }) as unknown as AppendFile['write'],
      datasync: async () => undefined,
      truncate: async (to) => {
        const whole = Buffer.concat(written).subarray(0, to);
        written.splice(0, written.length, Buffer.from(whole));
        length = whole.length;
      },
      close: async () => undefined,
    };
    const recorder = new Recorder({ output: outputTo(disk, 'disk', 'chunk'), clock, chunkBytes: 8192 });
    const { faults, told } = await recordUntilFault(recorder);
    expect(faults).toEqual([fault]);
    expect(await recorder.close()).toBe(false);
    const bytes = Buffer.concat(written);
    expect(length).toBe(bytes.length);
    const { status, entries } = readRecordingBytes(bytes);
    expect(status.givenUpBytes).toBe(0);
    const poses = entries.reduce((sum, e) => sum + (e.kind === 'poses' ? e.count : 0), 0);
    expect(poses).toBeGreaterThan(100);
    expect(poses + recorder.counts.lostPoses).toBe(told);
  });

  const disk = smallDisk();
  it.skipIf(disk === undefined)('on a real disk that is full tells it once, and what it has replays', async () => {
    const path = join(disk as string, 'full.mcap');
    const recorder = new Recorder({ output: await recordingFile(path), clock, chunkBytes: 16_384 });
    const { faults } = await recordUntilFault(recorder);
    expect(faults).toEqual(['recording/disk-full']);
    expect(recorder.state).toBe('failed');
    await recorder.close();
    const summary = await openRecording(path).summary();
    expect(summary.status.givenUpBytes).toBe(0);
    expect(summary.devices[0]?.poses).toBeGreaterThan(500);
  });
});

/** The bytes behind the last chunk: what close() adds. */
function endLength(path: string, from: number): number {
  return readFileSync(path).length - from;
}

const system = (command: string, ...args: readonly string[]): void => {
  execFileSync(command, args, { stdio: 'ignore' });
};

/** A file system of 256 kB in memory, where one may be mounted: as root on Linux. */
function smallDisk(): string | undefined {
  const path = join(folder, 'small-disk');
  try {
    mkdirSync(path);
    system('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', path);
  } catch {
    return undefined;
  }
  afterAll(() => {
    system('umount', '-l', path);
    if (existsSync(path)) expect(readdirSync(path)).toEqual([]);
  });
  return path;
}

describe('a replay at a pace', () => {
  let recordings = 0;
  /** 1.2 s of a simulated tracker at 100 Hz. */
  async function tracked(): Promise<Uint8Array> {
    recordings += 1;
    const path = join(folder, `tracked-${recordings}.mcap`);
    const recorder = new Recorder({ output: await recordingFile(path), clock });
    const driver = simulatedDriver({
      clock,
      rateHz: 100,
      tools: ['a'],
      poseOf: (_, at) => ({ position: [at, 0, 0], rotation: [0, 0, 0, 1] }),
    });
    await driver.start(recordingSink(recorder.device('sim'), silent));
    await wait(1200);
    await driver.stop();
    await recorder.close();
    return readFileSync(path);
  }

  it.each([1, 4])('of %i takes as long as it should, and poses are as old as they were', async (rate) => {
    const bytes = await tracked();
    const driver = replayDriver({ recording: new Recording(bytesInput(bytes)), clock, rate });
    const ages: number[] = [];
    const from = clock.now();
    await driver.start({ ...silent, pose: (_, sample) => void ages.push(driver.clock.now() - sample.arrivedAt) });
    const during: number[] = [];
    const reading = setInterval(() => during.push(driver.clock.now()), 5);
    await driver.finished;
    clearInterval(reading);
    const took = clock.now() - from;
    expect(took).toBeGreaterThan(1150 / rate);
    expect(took).toBeLessThan(1250 / rate + 600);
    expect(Math.max(...ages)).toBeLessThan(250);
    for (let i = 1; i < during.length; i += 1) expect(during[i]).toBeGreaterThanOrEqual(during[i - 1] as number);
    // It runs between the flushes too.
    expect(new Set(during).size).toBeGreaterThan(during.length / 2);
  });

  it('of bytes has them come when they came', async () => {
    const path = join(folder, 'bytes.mcap');
    const recorder = new Recorder({ output: await recordingFile(path), clock });
    const ends = pipe();
    const transport = recordingTransport(ends.host, recorder.device('line'));
    await transport.open({ data: () => undefined, closed: () => undefined });
    await ends.device.open({ data: () => undefined, closed: () => undefined });
    for (let n = 0; n < 10; n += 1) {
      ends.device.write(Uint8Array.of(n));
      await wait(60);
    }
    await recorder.close();
    const replay = replayTransport({ recording: openRecording(path), clock, rate: 2 });
    const times: number[] = [];
    const from = clock.now();
    await replay.open({ data: () => void times.push(clock.now() - from), closed: () => undefined });
    await replay.finished;
    expect(times.length).toBe(10);
    // Nine pauses of 60 ms at twice the pace. The first may be late, but none is early.
    expect(times[9]).toBeGreaterThan(265);
    expect(times[9]).toBeLessThan(900);
  });

  it("on the host's clock puts poses beside those of live devices, and stops at once", async () => {
    const bytes = await tracked();
    const driver = replayDriver({ recording: new Recording(bytesInput(bytes)), clock, times: 'clock', loop: true, rate: 2 });
    const ages: number[] = [];
    let disconnected = '';
    await driver.start({
      ...silent,
      pose: (_, sample) => void ages.push(clock.now() - sample.arrivedAt),
      connection: (state, reason) => {
        if (state === 'disconnected') disconnected = reason;
      },
    });
    await wait(1500);
    const before = ages.length;
    await driver.stop();
    await wait(50);
    expect(ages.length).toBe(before);
    expect(before).toBeGreaterThan(150);
    expect(disconnected).toBe('Stopped.');
    expect(Math.min(...ages)).toBeGreaterThan(-1);
    expect(ages.sort((a, b) => a - b)[Math.floor(ages.length / 2)]).toBeLessThan(30);
    expect(await driver.finished).toMatchObject({ reason: 'stopped', status: undefined });
  });
});
