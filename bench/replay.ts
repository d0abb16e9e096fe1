import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { frame, type Instant, type PoseBufferOptions, PoseSample, point, transform } from '@trocar/core';
import { straightPlan } from '@trocar/core/guidance';
import { fromQuaternion, fromRotationVector, multiply4, Random } from '@trocar/core/math';
import { bytesInput, memoryOutput, Recorder, Recording } from '@trocar/core/recording';
import { GuidanceRun, type GuidanceSetup, replayGuidance } from '@trocar/core/session';
import { type ManualClock, manualClock, observePose, type TrackerModel } from '@trocar/core/testing';
import { report, row } from './_report.js';

/**
 * A procedure of ten minutes, simulated at 60 Hz with three tools, recorded, and replayed in another process: every number
 * compared with the one that was live, and how much faster than real time that is, by the process's own time.
 * `--minutes N`, `--seeds N`.
 */

const argument = (name: string, usual: number): number => Number(process.argv[process.argv.indexOf(name) + 1]) || usual;
const MINUTES = argument('--minutes', 10);
const SEEDS = Array.from({ length: argument('--seeds', 3) }, (_, i) => 51 + i);

const [CT, REFERENCE, STYLUS, TIP] = [frame('ct'), frame('reference'), frame('stylus'), frame('tip')];
const FRAME_MS = 1000 / 60;
const FRAMES = Math.round((MINUTES * 60_000) / FRAME_MS);
const TOOLS = ['reference', 'stylus', 'needle'] as const;

const noise = { positionSdMm: 0.15, rotationSdRad: 0.002 };
const streamed = (tool: string, options: PoseBufferOptions): GuidanceSetup['streams'][number] => ({
  device: 'ndi',
  tool,
  to: 'tracker',
  from: tool,
  options,
});
const SETUP: GuidanceSetup = {
  streams: [
    streamed('reference', { noise }),
    streamed('stylus', { noise, predictMs: 30 }),
    streamed('needle', { noise, predictMs: 30 }),
  ],
  guides: [
    { name: 'stylus', tip: 'tip' },
    { name: 'needle', tip: 'needle', limits: { onTargetMm: 2 } },
  ],
};

/** A rigid motion near the identity, with the covariance of a good registration. */
function edge(random: Random): { readonly matrix: Float64Array; readonly covariance: Float64Array } {
  const matrix = new Float64Array(16);
  fromRotationVector(matrix, [0.3 * random.normal(), 0.3 * random.normal(), 0.3 * random.normal()]);
  for (let k = 0; k < 3; k += 1) matrix[12 + k] = 40 * random.normal();
  const covariance = new Float64Array(36);
  for (let k = 0; k < 6; k += 1) covariance[7 * k] = k < 3 ? 0.1 : 2e-6;
  return { matrix, covariance };
}

const plan = (random: Random): ReturnType<typeof straightPlan<'ct'>> =>
  straightPlan({
    entry: point(CT, [10 * random.normal(), -80, 10 * random.normal()]),
    target: point(CT, [10 * random.normal(), -20, 10 * random.normal()]),
    frameOfReferenceUid: '1.2.3',
  });

/** Where a tool is held: slow sweeps of the hand, and its tremor. */
function held(out: Float64Array, tool: number, ms: number): void {
  if (tool === 0) {
    fromQuaternion(out, [0, 0, 0, 1], [5, 6, -900]);
    return;
  }
  const t = ms / 1000 + 11 * tool;
  const turn = fromRotationVector(new Float64Array(16), [0.3 * Math.sin(t / 3), 0.2 * Math.cos(t / 4), 0.1 * Math.sin(t / 7)]);
  const place = fromQuaternion(
    new Float64Array(16),
    [0, 0, 0, 1],
    [5 + 60 * Math.sin(t / 2) + 0.3 * Math.sin(50 * t), 6 + 40 * Math.cos(t / 3), -900 + 30 * Math.sin(t / 5)],
  );
  multiply4(out, place, turn);
}

/** Hidden for a while now and then, 2 % of the time in all. */
function occlusions(random: Random): { fromMs: number; toMs: number }[] {
  return Array.from({ length: Math.ceil(2.4 * MINUTES) }, () => {
    const fromMs = random.between(0, MINUTES * 60_000);
    return { fromMs, toMs: fromMs + random.between(100, 900) };
  });
}

/** What a person and the device do, by the share of the procedure that has passed. */
function act(run: GuidanceRun<'ct'>, share: number, random: Random, sink: ReturnType<GuidanceRun<'ct'>['sink']>): void {
  const is = (at: number): boolean => Math.round(at * FRAMES) === Math.round(share * FRAMES);
  if (is(0.02)) run.set(transform(STYLUS, TIP, edge(random).matrix, { covariance: 'exact' }));
  if (is(0.05)) run.setPlan(plan(random));
  const provenance = { method: 'paired-points', inputs: 'simulated' };
  if (is(0.1) || is(0.5)) {
    const { matrix, covariance } = edge(random);
    run.set(transform(CT, REFERENCE, matrix, { covariance, degreesOfFreedom: 15, provenance }));
  }
  if (is(0.3)) sink.connection('disconnected', 'The cable was pulled.');
  if (is(0.303)) sink.connection('connected', 'Back.');
  if (is(0.7)) run.setPlan(plan(random));
}

interface Recorded {
  readonly bytes: Uint8Array;
  /** Every live number, in order. */
  readonly live: Float64Array;
}

async function record(seed: number): Promise<Recorded> {
  const random = new Random(seed);
  const clock: ManualClock = manualClock(5000);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock });
  const run = new GuidanceRun(CT, SETUP, recorder);
  const sink = run.sink('ndi');
  sink.tools(TOOLS.map((name) => ({ name })));
  sink.connection('connected', 'Simulated.');
  const model: TrackerModel = { ...noise, latencyMs: 12, jitterMs: 2, occlusions: occlusions(random) };
  const [pose, sample] = [new Float64Array(16), new PoseSample()];
  const width = run.readings.reduce((sum, reading) => sum + reading.numbers.length, 0);
  const live = new Float64Array(FRAMES * width);
  for (let n = 0; n < FRAMES; n += 1) {
    clock.advance(FRAME_MS);
    TOOLS.forEach((_, tool) => {
      const at = clock.plus(clock.now(), -12) as Instant;
      held(pose, tool, at);
      observePose(sample, pose, at, model, random);
      sink.pose(tool, sample, n);
    });
    sink.flush();
    act(run, n / FRAMES, random, sink);
    let place = n * width;
    for (const { numbers } of run.tick(clock.now())) {
      live.set(numbers, place);
      place += numbers.length;
    }
    if (n % 600 === 599) await recorder.flush();
  }
  if (!(await recorder.close())) throw new Error('The recording is not whole.');
  return { bytes: output.bytes(), live };
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** What a process that only replays says of a recording. */
interface Replayed {
  readonly ticks: number;
  readonly poses: number;
  readonly speed: number;
  readonly differing: number;
  /** Of every number in order, by its bits. */
  readonly hash: string;
}

/** SHA-256 over the bits of all numbers; all NaNs are one. */
function hashOf(numbers: Float64Array): string {
  const bits = numbers.map((v) => (Number.isNaN(v) ? Number.NaN : v));
  return createHash('sha256').update(new Uint8Array(bits.buffer)).digest('hex');
}

async function replayFile(path: string): Promise<Replayed> {
  const bytes = new Uint8Array(readFileSync(path));
  const again: number[] = [];
  const before = cpuMs();
  const result = await replayGuidance(new Recording(bytesInput(bytes, path)), (_, readings) => {
    for (const { numbers } of readings) for (const v of numbers) again.push(v);
  });
  const speed = result.spanMs / (cpuMs() - before);
  const { ticks, poses } = result;
  return { ticks, poses, speed, differing: result.differing + result.lacks.length, hash: hashOf(Float64Array.from(again)) };
}

/** In a process of its own, that knows nothing of the live one but the file. */
function replayApart(path: string): Replayed {
  const answer = execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), '--replay', path]);
  return JSON.parse(answer.toString()) as Replayed;
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-replay-'));
  const [speeds, differing, sizes]: [number[], number[], number[]] = [[], [], []];
  let numbers = 0;
  for (const seed of SEEDS) {
    const { bytes, live } = await record(seed);
    const path = join(folder, `${seed}.mcap`);
    writeFileSync(path, bytes);
    const replayed = replayApart(path);
    // Against the numbers that stood in the live process's memory, and not only against those in the file.
    const same = replayed.hash === hashOf(live);
    speeds.push(replayed.speed);
    differing.push(replayed.differing + (same ? 0 : 1));
    sizes.push(bytes.length / 1e6);
    numbers = live.length;
    const finite = live.filter(Number.isFinite).length;
    const { ticks, poses } = replayed;
    console.log(`seed ${seed}: ${ticks} ticks, ${poses} poses, ${numbers} numbers (${finite} finite); all the same: ${same}`);
  }
  rmSync(folder, { recursive: true });
  const what = `${MINUTES} min at 60 Hz, 3 tools, 2 guides`;
  report([
    row(`replay of ${what}: numbers of ${numbers} that differ in a bit`, '', differing, {
      text: 'none',
      met: differing.every((d) => d === 0),
    }),
    row(`replay of ${what}: recorded time per processor time`, '×', speeds, {
      text: 'at least 20 ×',
      met: Math.min(...speeds) >= 20,
    }),
    row(`recording of ${what}`, 'MB', sizes),
  ]);
}

const asked = process.argv.indexOf('--replay');
if (asked < 0) await measure();
else console.log(JSON.stringify(await replayFile(process.argv[asked + 1] as string)));
