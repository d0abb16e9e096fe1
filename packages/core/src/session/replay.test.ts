import { describe, expect, inject, it } from 'vitest';
import { FrameGraph, frame, hasPose, PoseSample, PoseView, STATUSES, type Status, type Transform } from '../frames/index.js';
import { Deviation } from '../guidance/index.js';
import { Random } from '../math/index.js';
import { bytesInput, memoryOutput, Recorder, Recording, readRecordingBytes } from '../recording/index.js';
import { type ManualClock, manualClock } from '../testing/index.js';
import {
  GUIDANCE_NUMBERS,
  type GuidanceReplay,
  GuidanceRun,
  type GuidanceSetup,
  type GuidanceSink,
  replayGuidance,
} from './index.js';
import { CT, REFERENCE, STYLUS, TIP, wildEdge, wildPlan } from './test-support/procedure.js';

const SETUP: GuidanceSetup = {
  streams: [
    {
      device: 'ndi',
      tool: 'reference',
      to: 'tracker',
      from: 'reference',
      options: { noise: { positionSdMm: 0.1, rotationSdRad: 0.001 } },
    },
    {
      device: 'ndi',
      tool: 'stylus',
      to: 'tracker',
      from: 'stylus',
      options: { predictMs: 40, noise: { positionSdMm: 0.2, rotationSdRad: 0.002 } },
    },
    { device: 'em', tool: 'needle', to: 'tracker', from: 'needle', options: { capacity: 16, staleAfterMs: 60 } },
  ],
  guides: [
    { name: 'stylus', tip: 'tip', limits: { onTargetMm: 40 } },
    { name: 'needle', tip: 'needle', toolAxis: [0, 0.6, 0.8] },
  ],
};

interface Live {
  readonly bytes: Uint8Array;
  /** Every number of every tick, as it was live. */
  readonly numbers: number[][];
  readonly statuses: Set<Status>;
}

/** A recorded guidance in which everything happens that can: in no order that a person would choose. */
async function record(seed: number, ticks: number): Promise<Live> {
  const random = new Random(seed);
  const clock = manualClock(12_345.678);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock, chunkBytes: 8192 });
  const run = new GuidanceRun(CT, SETUP, recorder);
  const sinks = { ndi: run.sink('ndi'), em: run.sink('em') };
  const numbers: number[][] = [];
  const statuses = new Set<Status>();
  const places = { x: 0 };
  for (let tick = 0; tick < ticks; tick += 1) {
    clock.advance(random.between(1, 30));
    if (tick === 3) sinks.ndi.tools([{ name: 'stylus' }]);
    if (tick === 6) sinks.ndi.tools([{ name: 'stylus' }, { name: 'spare' }, { name: 'reference' }]);
    if (tick === 4) sinks.em.tools([{ name: 'needle' }]);
    if (tick === 5) run.set(wildEdge(CT, REFERENCE, random));
    for (const [name, sink] of Object.entries(sinks)) if (random.below(9) > 0) tell(name, sink, clock, random, places);
    happen(run, sinks, random);
    for (const { numbers: n, view } of run.tick(clock.now())) {
      numbers.push([...n]);
      statuses.add(view.status);
    }
    if (tick % 64 === 63) await recorder.flush();
  }
  expect(await recorder.close()).toBe(true);
  return { bytes: output.bytes(), numbers, statuses };
}

/** Poses of a device: late, doubled, hidden, wild; sometimes not flushed before the next tick. */
function tell(name: string, sink: GuidanceSink, clock: ManualClock, random: Random, places: { x: number }): void {
  const sample = new PoseSample();
  const q = new Float64Array(4);
  for (let tool = 0; tool < 3; tool += 1) {
    if (name === 'em' && tool > 0) break;
    random.rotation(q);
    places.x += random.normal();
    sample.measuredAt = clock.plus(clock.now(), -random.between(0, random.below(10) === 0 ? 200 : 8));
    sample.arrivedAt = clock.now();
    sample.errorMm = random.below(3) === 0 ? Number.NaN : random.uniform();
    sample.setPose(places.x, random.normal() * 50, -0, q[0] as number, q[1] as number, q[2] as number, q[3] as number);
    sample.status = random.below(12) === 0 ? (STATUSES[random.below(STATUSES.length)] as Status) : 'ok';
    if (random.below(40) === 0) sample.values[3 + random.below(7)] = Number.NaN;
    sink.pose(tool, sample, random.below(1000));
  }
  if (random.below(4) > 0) sink.flush();
}

/** What a person and the devices do beside. */
function happen(run: GuidanceRun<'ct'>, sinks: Record<'ndi' | 'em', GuidanceSink>, random: Random): void {
  const what = random.below(60);
  if (what < 6) sinks[random.below(2) === 0 ? 'ndi' : 'em'].connection('connected', 'Seen.');
  else if (what === 6) sinks.em.connection('disconnected', 'Unplugged.');
  else if (what === 7) run.set(wildEdge(STYLUS, TIP, random));
  else if (what === 8) run.set(wildEdge(CT, REFERENCE, random));
  else if (what === 9) run.setPlan(wildPlan(random));
  else if (what === 10 && random.below(4) === 0) run.remove(CT, REFERENCE);
  else if (what === 11 && random.below(4) === 0) run.setPlan(undefined);
  else if (what === 12) sinks.ndi.fault({ code: 'device/bad-crc', message: 'Bad bytes.' });
}

const replay = (bytes: Uint8Array, numbers: number[][] = []): Promise<GuidanceReplay> =>
  replayGuidance(new Recording(bytesInput(bytes)), (_, readings) => {
    for (const reading of readings) numbers.push([...reading.numbers]);
  });

function flipLastBit(values: Float64Array, i: number): void {
  const bits = new BigUint64Array(values.buffer, values.byteOffset);
  bits[i] = (bits[i] as bigint) ^ 1n;
}

/** The same recording once more, with a whole file around something that was changed. */
async function recordAgain(
  bytes: Uint8Array,
  change: { pose?: (n: number, sample: PoseSample) => void; event?: (name: string, data: unknown) => void },
): Promise<Uint8Array> {
  const { entries } = readRecordingBytes(bytes);
  const clock = manualClock(entries[0]?.at);
  const output = memoryOutput();
  const recorder = new Recorder({ output, clock });
  const sample = new PoseSample();
  let poses = 0;
  for (const entry of entries) {
    clock.set(entry.at);
    if (entry.kind === 'event') {
      change.event?.(entry.name, entry.data);
      recorder.event(entry.name, entry.data);
      continue;
    }
    const device = recorder.device(entry.device);
    if (entry.kind === 'tools') device.tools(entry.tools);
    if (entry.kind === 'connection') device.connection(entry.state, entry.reason);
    if (entry.kind !== 'poses') continue;
    for (let i = 0; i < entry.count; i += 1, poses += 1) {
      entry.read(i, sample);
      change.pose?.(poses, sample);
      device.pose(entry.tool(i), sample, entry.frame(i));
    }
    if (entry.flushed) device.flush();
    else device.spill();
  }
  await recorder.close();
  return output.bytes();
}

describe('replay of a recorded guidance', () => {
  it('brings every number out again bit for bit, whatever happened', async () => {
    const seen = new Set<Status>();
    for (let n = 0; n < 3 * inject('effort'); n += 1) {
      const live = await record(inject('seed') + 100 + n, 400);
      const numbers: number[][] = [];
      const result = await replay(live.bytes, numbers);
      expect(result).toMatchObject({ ok: true, ticks: 400, differing: 0, differences: [], lacks: [] });
      expect(result.numbers).toBe(400 * 2 * GUIDANCE_NUMBERS.length);
      // toEqual tells −0 from 0 and takes NaN for NaN: against the numbers that stood in memory, not those in the file.
      expect(numbers).toEqual(live.numbers);
      for (const status of live.statuses) seen.add(status);
    }
    expect([...seen].filter((s) => hasPose(s)).length).toBeGreaterThanOrEqual(4);
    expect([...seen].filter((s) => !hasPose(s))).toHaveLength(2);
  });

  it('gives the numbers that a graph and a deviation give by themselves', () => {
    const random = new Random(5);
    const run = new GuidanceRun(CT, SETUP);
    const graph = new FrameGraph();
    const buffers = SETUP.streams.map((s) => graph.stream(frame(s.to), frame(s.from), s.options));
    const plan = wildPlan(random);
    const edges: Transform<string, string>[] = [wildEdge(CT, REFERENCE, random), wildEdge(STYLUS, TIP, random)] as never;
    for (const edge of edges) {
      run.set(edge);
      graph.set(edge);
    }
    run.setPlan(plan);
    const sink = run.sink('ndi');
    sink.tools([{ name: 'reference' }, { name: 'stylus' }]);
    sink.connection('connected', '');
    const clock = manualClock(50);
    const [view, deviation] = [new PoseView(), new Deviation(plan)];
    for (let n = 0; n < 60; n += 1) {
      clock.advance(random.between(2, 60));
      const sample = new PoseSample();
      for (const tool of [0, 1]) {
        const q = random.rotation(new Float64Array(4));
        sample.measuredAt = sample.arrivedAt = clock.now();
        sample.status = 'ok';
        sample.setPose(random.normal() * 40, 1, 2, q[0] as number, q[1] as number, q[2] as number, q[3] as number);
        sink.pose(tool, sample, n);
        buffers[tool]?.push(sample);
      }
      const at = clock.plus(clock.now(), random.between(-20, 30));
      graph.tick(at);
      const [reading] = run.tick(at);
      expect(deviation.read(graph.path(CT, TIP), view)).toBe(reading?.view.status);
      const { tipError95Mm, lateralMm, distanceToTargetMm } = deviation;
      expect(reading?.deviation).toMatchObject({ tipError95Mm, lateralMm, distanceToTargetMm });
      expect(reading?.numbers[GUIDANCE_NUMBERS.indexOf('tipError95Mm')]).toBe(tipError95Mm);
      expect(reading?.view).toEqual(view);
    }
  });

  it('finds out one bit of one pose, one edge and one number, and says where', async () => {
    const { bytes } = await record(21, 200);
    expect((await replay(await recordAgain(bytes, {}))).ok).toBe(true);
    // The last bit of an x of about 1e1 is 2e-15 mm.
    const pose = await replay(
      await recordAgain(bytes, { pose: (n, sample) => void (n === 150 && flipLastBit(sample.values, 3)) }),
    );
    expect(pose.ok).toBe(false);
    expect(pose.differing).toBeGreaterThan(0);
    expect(pose.differing).toBeLessThan(pose.numbers / 10);
    expect(pose.differences.map((d) => d.number)).toContain('poseDigest');
    const edge = await replay(
      await recordAgain(bytes, {
        event: (name, data) => {
          const matrix = (data as { matrix?: number[] } | null)?.matrix;
          if (name === 'trocar/guidance/edge' && matrix) matrix[0] = (matrix[0] as number) + 2 ** -53;
        },
      }),
    );
    expect(edge.differing).toBeGreaterThan(0);
    let ticks = 0;
    const number = await replay(
      await recordAgain(bytes, {
        event: (name, data) => {
          if (name !== 'trocar/guidance/tick') return;
          ticks += 1;
          const { numbers } = data as { numbers: string[] };
          // Within the first eight bytes: the first number.
          if (ticks === 100)
            numbers[1] = (numbers[1] as string).replace(/^(.{5})(.)/, (_, head, c) => head + (c === 'A' ? 'B' : 'A'));
        },
      }),
    );
    expect(number.differences).toMatchObject([{ tick: 99, guide: 'needle', number: 'at' }]);
  });

  it('replays a recording that was cut off to its last whole chunk, and says that it is not whole', async () => {
    const { bytes, numbers } = await record(22, 300);
    const replayed: number[][] = [];
    const result = await replay(bytes.subarray(0, Math.round(bytes.length * 0.6)), replayed);
    expect(result).toMatchObject({ ok: false, differing: 0 });
    expect(result.lacks).toHaveLength(1);
    expect(result.ticks).toBeGreaterThan(50);
    expect(replayed).toEqual(numbers.slice(0, replayed.length));
  });

  it('refuses a recording without a guidance', async () => {
    const output = memoryOutput();
    const recorder = new Recorder({ output, clock: manualClock(0) });
    recorder.event('note', 1);
    await recorder.close();
    await expect(replay(output.bytes())).rejects.toMatchObject({ code: 'session/not-replayable' });
    const two = memoryOutput();
    const twice = new Recorder({ output: two, clock: manualClock(0) });
    for (let n = 0; n < 2; n += 1) void new GuidanceRun(CT, SETUP, twice);
    await twice.close();
    await expect(replay(two.bytes())).rejects.toMatchObject({ code: 'session/not-replayable' });
    expect(() => new GuidanceRun(CT, { streams: [], guides: [SETUP.guides[0], SETUP.guides[0]] as never })).toThrow(/same name/);
  });
});
