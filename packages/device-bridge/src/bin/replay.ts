import { type Clock, type Instant, PoseSample, systemClock } from '@trocar/core';
import type { Driver, PoseSink } from '../driver.js';
import { type ReplayDriver, replayDriver } from '../drivers/replay/index.js';
import { bridgeOptionsOf } from '../node/index.js';
import { openRecording } from '../node/recorder-file.js';
import { type Command, type Io, type Parsed, usageError } from './command.js';
import { LISTEN_OPTIONS, withListening } from './device-options.js';
import { serveUntilEnd } from './serve.js';

/** `trocar-bridge replay`. */
export const replay: Command = {
  name: 'replay',
  summary: 'serve a recording as if its devices were there.',
  takes: 'FILE',
  about:
    'Begins when the first client has come, unless --now is given, and ends with the recording. Times are moved onto the\n' +
    'clock of this machine. With --step each line typed (Enter), and each command "step" of a client with the role control,\n' +
    'shows the next frame.',
  options: {
    rate: { value: 'N', help: 'recorded time per time: 1 is as it was, 10 ten times as fast' },
    step: { help: 'frame by frame' },
    device: { value: 'NAME', help: 'only this device of the recording' },
    from: { value: 'S', help: 'begin so long after the beginning' },
    to: { value: 'S', help: 'end so long after the beginning' },
    loop: { help: 'begin again at the end' },
    now: { help: 'do not wait for a client' },
    ...LISTEN_OPTIONS,
    json: { help: 'say what happens as lines of JSON' },
  },
  examples: ['replay case.mcap', 'replay case.mcap --rate 4 --loop', 'replay case.mcap --step'],
  run,
};

async function run(parsed: Parsed, io: Io): Promise<number> {
  const rate = parsed.number('rate', 0.001, 1000);
  if (parsed.has('step') && rate !== undefined) throw usageError('Give --rate or --step, and not both.');
  const clock = systemClock();
  const drivers = await replays(parsed, rate, clock);
  const over = new AbortController();
  io.signal.addEventListener('abort', () => over.abort());
  const ends = Promise.all(drivers.map(({ driver }) => driver.finished));
  void ends.then(() => over.abort());
  const gate = new Gate();
  if (parsed.has('now')) gate.open();
  const devices = drivers.map(({ name, driver }) => ({
    name,
    driver: gate.behind(parsed.has('step') ? restamped(driver, clock) : driver),
  }));
  const listening = withListening({ config: { devices: [] }, folder: '.' }, parsed);
  const options = await bridgeOptionsOf(listening, { clock, env: io.env, warn: (sentence) => io.error(`warning: ${sentence}`) });
  const step = async (): Promise<void> => {
    gate.open();
    await gate.opened;
    await Promise.all(drivers.map(({ driver }) => driver.step()));
  };
  if (parsed.has('step')) void stepByLines(io, step);
  await serveUntilEnd(
    { ...options, devices, ...(parsed.has('step') && { commands: { step } }) },
    parsed,
    { ...io, signal: over.signal },
    undefined,
    () => gate.open(),
  );
  for (const { error } of await ends) if (error !== undefined) throw error;
  return 0;
}

async function replays(
  parsed: Parsed,
  rate: number | undefined,
  clock: Clock,
): Promise<Array<{ name: string; driver: ReplayDriver }>> {
  const { devices } = await openRecording(parsed.operand).summary();
  const wanted = parsed.text('device');
  const chosen = devices.filter(({ name, poses }) => (wanted === undefined ? poses > 0 : name === wanted));
  if (chosen.length === 0) {
    const names = devices.map(({ name }) => name).join(', ');
    throw usageError(
      wanted === undefined
        ? `${parsed.operand} holds no poses.`
        : `${parsed.operand} has no device "${wanted}". It has: ${names}.`,
    );
  }
  const from = parsed.number('from', 0, 1e9);
  const to = parsed.number('to', 0, 1e9);
  return chosen.map(({ name }) => ({
    name,
    driver: replayDriver({
      recording: openRecording(parsed.operand),
      clock,
      device: name,
      rate: parsed.has('step') ? 'step' : (rate ?? 1),
      times: parsed.has('step') ? 'recorded' : 'clock',
      loop: parsed.has('loop'),
      ...(from !== undefined && { from: 1000 * from }),
      ...(to !== undefined && { to: 1000 * to }),
    }),
  }));
}

/** Holds devices back until somebody is there to see them. */
class Gate {
  #open: () => void = () => undefined;
  /** Resolved when the devices behind it have started. */
  opened: Promise<unknown>;

  constructor() {
    this.opened = new Promise<void>((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  behind(driver: Driver): Driver {
    const first = this.opened;
    let stopped = false;
    return {
      name: driver.name,
      start: async (sink) => {
        sink.connection('connecting', 'Waits for the first client.');
        const started = first.then(() => (stopped ? undefined : driver.start(sink)));
        this.opened = Promise.all([this.opened, started]);
        started.catch(() => undefined);
      },
      stop: async () => {
        stopped = true;
        await driver.stop();
      },
    };
  }
}

/** A stepped driver whose poses are shown as if they came now: its recorded times stand still, and no client's clock does. */
function restamped(driver: Driver, clock: Clock): Driver {
  const copy = new PoseSample();
  return {
    name: driver.name,
    start: (sink: PoseSink) =>
      driver.start({
        ...sink,
        pose: (tool, sample, frameNumber) => {
          const now = clock.now();
          copy.status = sample.status;
          copy.values.set(sample.values);
          copy.measuredAt = clock.plus(now, Math.min(0, sample.measuredAt - sample.arrivedAt)) as Instant;
          copy.arrivedAt = now;
          sink.pose(tool, copy, frameNumber);
        },
        image: (source, frame) => {
          const now = clock.now();
          const measuredAt = now + Math.min(0, frame.measuredAt - frame.arrivedAt);
          sink.image?.(source, { ...frame, measuredAt, arrivedAt: now });
        },
      }),
    stop: () => driver.stop(),
  };
}

async function stepByLines(io: Io, step: () => Promise<void>): Promise<void> {
  for await (const _ of io.lines()) {
    if (io.signal.aborted) return;
    await step();
  }
}
