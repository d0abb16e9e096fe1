import { type Clock, isNavError, NavError, type NavErrorCode, PoseSample } from '@trocar/core';
import type {
  ImageFrame,
  RecordedEntry,
  RecordedEvent,
  RecordedImage,
  RecordedPoses,
  RecordedState,
  RecordedTools,
  Recording,
  RecordingStatus,
} from '@trocar/core/recording';
import type { Driver, PoseSink } from '../../driver.js';
import { ReplayClock } from './clock.js';
import { EntryCursor, Pause } from './cursor.js';

/** How a recording is replayed. */
export interface ReplayOptions {
  readonly recording: Recording;
  /** The host's clock, which sets the pace. */
  readonly clock: Clock;
  /**
   * Recorded time per host time: 1 (the default) is as it was, 10 ten times as fast, Infinity as fast as it can be read;
   * `step` waits for {@link ReplayDriver.step}.
   */
  readonly rate?: number | 'step';
  /** Which of the recording's devices. Default: the first that says anything. */
  readonly device?: string;
  /** Where to begin and end, ms after the recording's beginning. Default all of it. */
  readonly from?: number;
  readonly to?: number;
  /** Begin again at the end, with times that go on. Default false. */
  readonly loop?: boolean;
  /**
   * `recorded` (the default): samples are bit by bit what was recorded, and are to be read by {@link ReplayDriver.clock}.
   * `clock`: their times are moved onto the host's clock, so that they stand beside those of live devices.
   */
  readonly times?: 'recorded' | 'clock';
  /** Gets what the application had noted, at its time. */
  readonly onEvent?: (event: RecordedEvent) => void;
}

/** How a replay ended. */
export interface ReplayEnd {
  readonly reason: 'ended' | 'stopped' | 'failed';
  readonly flushes: number;
  readonly poses: number;
  /** What reading the recording to its end has shown; undefined where it was not read so far. */
  readonly status: RecordingStatus | undefined;
  readonly error?: NavError;
}

/** A recording as a tracker. */
export interface ReplayDriver extends Driver {
  /** Shows the recording's times: what graphs are to be asked with, while samples have theirs. */
  readonly clock: Clock;
  /**
   * Replays up to and with the next flush. Only where the rate is `step`.
   * @returns false where the recording has ended
   * @throws NavError `recording/bad-option`, `recording/closed` before it is started
   */
  step(): Promise<boolean>;
  /** Resolved when the replay is over, for whatever reason; never refused. */
  readonly finished: Promise<ReplayEnd>;
}

/**
 * A driver that tells again what another driver told: the same poses with the same bits in the same flushes, so that two
 * replays cannot differ. At the end, or where an unfinished file ends, the device is `disconnected`; what could not be
 * read is told as a fault.
 * @throws NavError `recording/bad-option`
 */
export function replayDriver(options: ReplayOptions): ReplayDriver {
  checkOptions(options);
  const run = new Replay(options);
  return {
    name: `replay of ${options.recording.label}`,
    clock: run.clock,
    finished: run.finished,
    start: (sink) => run.start(sink),
    step: () => run.step(),
    stop: () => run.stop(),
  };
}

function checkOptions({ rate = 1, from = 0, to = Number.POSITIVE_INFINITY, times }: ReplayOptions): void {
  const badRate = rate !== 'step' && !(rate > 0);
  const noPace = times === 'clock' && (rate === 'step' || rate === Number.POSITIVE_INFINITY);
  if (!badRate && !noPace && from >= 0 && to > from) return;
  throw new NavError(
    'recording/bad-option',
    `A replay needs a rate above 0 or "step", 0 ≤ from < to, and a finite rate for times on the host's clock; ` +
      `got rate ${rate}, from ${from}, to ${to} and times "${times ?? 'recorded'}".`,
  );
}

/** Flushes told in a row before others may run, where the replay is as fast as it can be. */
const FLUSHES_IN_A_ROW = 256;

class Replay {
  readonly clock: ReplayClock;
  readonly finished: Promise<ReplayEnd>;
  readonly #options: ReplayOptions;
  readonly #cursor: EntryCursor;
  readonly #pause = new Pause();
  readonly #sample = new PoseSample();
  readonly #imageTimes = new Float64Array(2);
  readonly #sources: string[] = [];
  #finish: (end: ReplayEnd) => void = () => undefined;
  #sink: PoseSink | undefined;
  #over = false;
  #device: string | undefined;
  #toolCount = 0;
  #flushes = 0;
  #poses = 0;
  /** Added to the times of a later round. */
  #offset = 0;
  #firstAt = Number.NaN;
  #lastAt = Number.NaN;
  #roundFlushes = 0;
  /** What is replayed: the recorded times from the first to the second. */
  #begins = Number.NEGATIVE_INFINITY;
  #ends = Number.POSITIVE_INFINITY;
  #readToEnd = false;
  #otherTold = false;
  #unknownTold = false;
  /** What was last said before the beginning asked for. */
  #early: { tools?: RecordedTools; state?: RecordedState } = {};
  #stepping: Promise<boolean> = Promise.resolve(true);

  constructor(options: ReplayOptions) {
    const { rate = 1 } = options;
    this.#options = options;
    this.#device = options.device;
    this.clock = new ReplayClock(options.clock, rate === 'step' ? 0 : rate);
    this.#cursor = new EntryCursor(options.recording);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  async start(sink: PoseSink): Promise<void> {
    if (this.#sink !== undefined || this.#over) {
      throw new NavError('recording/bad-option', 'This replay has been started before. Make a new one for another replay.');
    }
    this.#sink = sink;
    try {
      if (await this.#cursor.fill()) this.#begin();
    } catch (error) {
      this.#over = true;
      this.#end('failed', asNavError(error));
      throw error;
    }
    if (this.#options.rate !== 'step') void this.#play().catch((error) => this.#close('failed', asNavError(error)));
  }

  #begin(): void {
    const { facts } = this.#options.recording;
    const first = this.#cursor.current?.at ?? Number.NaN;
    const base = facts === undefined || !Number.isFinite(facts.baseHostMs) ? first : facts.baseHostMs;
    const from = this.#options.from ?? 0;
    this.#firstAt = from > 0 ? base + from : first;
    this.clock.begin(this.#firstAt, Date.parse(facts?.baseUtc ?? '') - base);
    this.#begins = this.#firstAt;
    this.#ends = base + (this.#options.to ?? Number.POSITIVE_INFINITY);
  }

  async stop(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#pause.end();
    await this.#cursor.close();
    this.#sink?.connection('disconnected', 'Stopped.');
    this.#end('stopped');
  }

  #end(reason: ReplayEnd['reason'], error?: NavError): void {
    const status = this.#readToEnd ? this.#options.recording.status : undefined;
    this.#finish({ reason, flushes: this.#flushes, poses: this.#poses, status, ...(error !== undefined && { error }) });
  }

  step(): Promise<boolean> {
    if (this.#options.rate !== 'step' || this.#sink === undefined) {
      const what = this.#sink === undefined ? 'it has not been started' : 'its rate is not "step"';
      const code = this.#sink === undefined ? 'recording/closed' : 'recording/bad-option';
      return Promise.reject(new NavError(code, `The replay cannot be stepped: ${what}.`));
    }
    this.#stepping = this.#stepping.then(() => this.#step());
    return this.#stepping;
  }

  async #step(): Promise<boolean> {
    for (;;) {
      if (this.#over || !(await this.#next())) return false;
      const entry = this.#cursor.current as RecordedEntry;
      this.#cursor.advance();
      if (this.#tell(entry)) return true;
    }
  }

  async #play(): Promise<void> {
    for (let told = 0; !this.#over; ) {
      const ready = this.#cursor.current;
      if ((ready === undefined || ready.at > this.#ends) && !(await this.#next())) return;
      const entry = this.#cursor.current as RecordedEntry;
      const wait = entry.at < this.#begins ? 0 : this.clock.dueInMs(entry.at + this.#offset);
      if (wait > 0) {
        this.clock.runUpTo(entry.at + this.#offset);
        await this.#pause.wait(wait);
        continue;
      }
      this.#cursor.advance();
      if (!this.#tell(entry)) continue;
      told += 1;
      if (told % FLUSHES_IN_A_ROW === 0 && !this.clock.runs) await this.#pause.wait(0);
    }
  }

  /** Makes the cursor's current entry one to be told. @returns false where the replay is over, which has been told */
  async #next(): Promise<boolean> {
    try {
      for (;;) {
        const more = await this.#cursor.fill();
        this.#readToEnd = !more;
        if (this.#over) return false;
        const entry = this.#cursor.current;
        if (more && entry !== undefined && !(entry.at > this.#ends)) return true;
        // A round without a single flush would go round for ever.
        if (this.#options.loop !== true || this.#roundFlushes === 0) break;
        await this.#goRound();
      }
    } catch (error) {
      this.#close('failed', asNavError(error));
      return false;
    }
    this.#close('ended');
    return false;
  }

  async #goRound(): Promise<void> {
    const span = this.#lastAt - this.#firstAt;
    this.#offset += span + Math.max(1, span / this.#roundFlushes);
    this.#roundFlushes = 0;
    await this.#cursor.rewind();
  }

  #close(reason: 'ended' | 'failed', error?: NavError): void {
    if (this.#over) return;
    this.#over = true;
    const { recording } = this.#options;
    const sink = this.#sink as PoseSink;
    for (const { code, message } of (this.#readToEnd ? recording.status : undefined)?.damage.slice(0, 10) ?? [])
      sink.fault({ code, message });
    if (error !== undefined) sink.fault({ code: error.code, message: error.message });
    this.clock.runUpTo(Number.POSITIVE_INFINITY);
    sink.connection('disconnected', error === undefined ? 'The recording has ended.' : error.message);
    void this.#cursor.close().catch(() => undefined);
    this.#end(reason, error);
  }

  /** @returns whether that was a flush */
  #tell(entry: RecordedEntry): boolean {
    if (entry.kind === 'event') {
      if (entry.at >= this.#begins) this.#options.onEvent?.(entry);
      return false;
    }
    if (!this.#isOurs(entry.device)) return false;
    if (entry.at < this.#begins) {
      if (entry.kind === 'tools') this.#early.tools = entry;
      if (entry.kind === 'connection') this.#early.state = entry;
      return false;
    }
    this.clock.stand(entry.at + this.#offset);
    if (entry.at > this.#lastAt || Number.isNaN(this.#lastAt)) this.#lastAt = entry.at;
    const { tools, state } = this.#early;
    this.#early = {};
    if (tools !== undefined) this.#tellFact(tools);
    if (state !== undefined) this.#tellFact(state);
    if (entry.kind === 'poses') return this.#tellPoses(entry);
    if (entry.kind === 'image') this.#tellImage(entry);
    else this.#tellFact(entry);
    return false;
  }

  /** Sources are known by their names, in the order in which they first come. */
  #tellImage({ source, frame }: RecordedImage): void {
    const sink = this.#sink as PoseSink;
    let number = this.#sources.indexOf(source);
    if (number < 0) {
      number = this.#sources.push(source) - 1;
      sink.images?.(this.#sources.map((name) => ({ name })));
    }
    const times = this.#imageTimes;
    times[0] = frame.measuredAt;
    times[1] = frame.arrivedAt;
    this.#moveTimes(times);
    const moved: ImageFrame = { ...frame, measuredAt: times[0] as number, arrivedAt: times[1] as number };
    sink.image?.(number, moved);
  }

  #isOurs(device: string): boolean {
    this.#device ??= device;
    if (device === this.#device) return true;
    if (!this.#otherTold && this.#options.device === undefined) {
      this.#otherTold = true;
      const message = `The recording has other devices beside "${this.#device}", which is replayed: "${device}". Say which one is meant.`;
      this.#sink?.fault({ code: 'recording/other-device', message });
    }
    return false;
  }

  #tellFact(entry: RecordedEntry): void {
    const sink = this.#sink as PoseSink;
    if (entry.kind === 'tools') {
      this.#toolCount = entry.tools.length;
      sink.tools(entry.tools);
    } else if (entry.kind === 'connection') sink.connection(entry.state, entry.reason);
    else if (entry.kind === 'fault') sink.fault({ code: entry.code as NavErrorCode, message: entry.message });
  }

  #tellPoses(entry: RecordedPoses): boolean {
    const sink = this.#sink as PoseSink;
    const sample = this.#sample;
    for (let i = 0; i < entry.count; i += 1) {
      const tool = entry.tool(i);
      if (tool >= this.#toolCount) {
        this.#tellUnknown(tool);
        continue;
      }
      entry.read(i, sample);
      this.#moveTimes(sample.values);
      sink.pose(tool, sample, entry.frame(i));
      this.#poses += 1;
    }
    if (!entry.flushed) return false;
    sink.flush();
    this.#flushes += 1;
    this.#roundFlushes += 1;
    return true;
  }

  #moveTimes(values: Float64Array): void {
    const onHost = this.#options.times === 'clock';
    for (let k = 0; k < 2; k += 1) {
      if (this.#offset !== 0) values[k] = (values[k] as number) + this.#offset;
      if (onHost) values[k] = this.clock.hostTimeOf(values[k] as number);
    }
  }

  #tellUnknown(tool: number): void {
    if (this.#unknownTold) return;
    this.#unknownTold = true;
    const message = `The recording has poses of tool number ${tool}, but ${this.#toolCount} tools so far. They are left out.`;
    this.#sink?.fault({ code: 'recording/corrupt', message });
  }
}

function asNavError(error: unknown): NavError {
  if (isNavError(error)) return error;
  return new NavError('recording/corrupt', error instanceof Error ? error.message : String(error), { cause: error });
}
