import { NavError } from '../base/index.js';
import { frame, PoseSample } from '../frames/index.js';
import type { RecordedEntry, RecordedEvent, Recording } from '../recording/index.js';
import type { Instant } from '../time/index.js';
import { type ExactValue, fromExactJson, type JsonValue } from './exact-json.js';
import { Fields } from './fields.js';
import { GUIDANCE_NUMBERS, type GuidanceNumber, unpackNumbers } from './guidance-numbers.js';
import { GUIDANCE_EVENTS, GuidanceRun, type GuidanceSink } from './guidance-run.js';
import { setupFrom } from './guidance-setup.js';
import type { GuideReading } from './guide.js';
import { edgeFrom, planFrom } from './kept.js';

/** A number that came out otherwise. */
export interface GuidanceDifference {
  /** From 0. */
  readonly tick: number;
  readonly at: Instant;
  readonly guide: string;
  readonly number: GuidanceNumber;
  readonly recorded: number;
  readonly replayed: number;
}

/** What a replay has shown. */
export interface GuidanceReplay {
  /** Everything was there to be replayed, and every number came out with the bits that were recorded. */
  readonly ok: boolean;
  readonly ticks: number;
  /** Numbers compared. */
  readonly numbers: number;
  readonly poses: number;
  /** From the first tick to the last, ms on the recording host's clock; NaN without any. */
  readonly spanMs: number;
  /** Numbers that came out otherwise. */
  readonly differing: number;
  /** The first hundred of them. */
  readonly differences: readonly GuidanceDifference[];
  /** What the recording lacks: messages lost to a slow disk, damaged chunks, its end. Numbers after such a place may differ. */
  readonly lacks: readonly string[];
}

/** Gets a tick's readings, which the next tick overwrites. */
type OnTick = (at: Instant, readings: readonly GuideReading<string>[]) => void;

const MOST_TOLD = 100;

/**
 * Runs the guidance of a recording again, pose by pose and tick by tick in the order recorded, and compares every number
 * with the one that was recorded. Waits for nothing: as fast as it computes.
 * @param onTick gets every tick's readings, which the next overwrites: for a table or a plot of another view of it
 * @throws NavError `session/not-replayable` where no guidance was recorded; those of `Recording.entries`
 */
export async function replayGuidance(recording: Recording, onTick: OnTick = () => undefined): Promise<GuidanceReplay> {
  const replay = new Replay(recording.label, onTick);
  for await (const entries of recording.entries()) for (const entry of entries) replay.take(entry);
  for (const damage of recording.status?.damage ?? []) replay.lack(damage.message);
  return replay.end();
}

class Replay {
  readonly #label: string;
  readonly #onTick: OnTick;
  readonly #sample = new PoseSample();
  readonly #sinks = new Map<string, GuidanceSink>();
  readonly #differences: GuidanceDifference[] = [];
  readonly #lacks: string[] = [];
  #run: GuidanceRun<string> | undefined;
  #counts = { ticks: 0, numbers: 0, poses: 0, differing: 0 };
  #first = Number.NaN;
  #last = Number.NaN;

  constructor(label: string, onTick: OnTick) {
    this.#label = label;
    this.#onTick = onTick;
  }

  lack(what: string): void {
    if (this.#lacks.length < MOST_TOLD) this.#lacks.push(what);
  }

  end(): GuidanceReplay {
    if (this.#run === undefined) throw notReplayable(this.#label, 'no guidance was recorded in it');
    const { differing } = this.#counts;
    return {
      ...this.#counts,
      ok: differing === 0 && this.#lacks.length === 0,
      spanMs: this.#last - this.#first,
      differences: this.#differences,
      lacks: this.#lacks,
    };
  }

  take(entry: RecordedEntry): void {
    if (entry.kind === 'event') this.#event(entry);
    else if (this.#run !== undefined) this.#device(this.#run, entry);
  }

  #device(run: GuidanceRun<string>, entry: Exclude<RecordedEntry, RecordedEvent>): void {
    let sink = this.#sinks.get(entry.device);
    if (sink === undefined) {
      sink = run.sink(entry.device);
      this.#sinks.set(entry.device, sink);
    }
    if (entry.kind === 'tools') sink.tools(entry.tools);
    else if (entry.kind === 'connection') sink.connection(entry.state, entry.reason);
    else if (entry.kind === 'poses') {
      for (let i = 0; i < entry.count; i += 1) {
        entry.read(i, this.#sample);
        sink.pose(entry.tool(i), this.#sample, entry.frame(i));
      }
      this.#counts.poses += entry.count;
    }
  }

  #event({ name, data, at }: RecordedEvent): void {
    if (name === 'trocar/gap') this.lack(`Messages are lost before ${at} ms.`);
    if (!OURS.has(name)) return;
    const value = fromExactJson(data as JsonValue);
    if (name === GUIDANCE_EVENTS.setup) {
      if (this.#run !== undefined) throw notReplayable(this.#label, 'it holds two guidances: replay each by itself');
      this.#run = runFrom(value);
      return;
    }
    const run = this.#run;
    if (run === undefined) throw notReplayable(this.#label, `"${name}" stands in it before the guidance's setup`);
    if (name === GUIDANCE_EVENTS.edge) run.set(edgeFrom(value));
    else if (name === GUIDANCE_EVENTS.plan) run.setPlan(value === null ? undefined : planFrom(value, run.frame));
    else if (name === GUIDANCE_EVENTS.removed) {
      const f = new Fields(value, 'A removed edge');
      run.remove(frame(f.text('a')), frame(f.text('b')));
    } else this.#tick(run, new Fields(value, 'A tick'));
  }

  #tick(run: GuidanceRun<string>, recorded: Fields): void {
    const at = recorded.number('at') as Instant;
    const texts = recorded.list('numbers');
    const readings = run.tick(at);
    if (texts.length !== readings.length) throw notReplayable(this.#label, `a tick has ${texts.length} guides`);
    readings.forEach((reading, i) => {
      const numbers = unpackNumbers(String(texts[i]));
      if (numbers === undefined) throw notReplayable(this.#label, 'the numbers of a tick cannot be read');
      this.#compare(at, reading, numbers);
    });
    if (this.#counts.ticks === 0) this.#first = at;
    this.#last = at;
    this.#counts.ticks += 1;
    this.#onTick(at, readings);
  }

  #compare(at: Instant, { name, numbers }: GuideReading<string>, recorded: Float64Array): void {
    this.#counts.numbers += numbers.length;
    for (let i = 0; i < numbers.length; i += 1) {
      const [now, then] = [numbers[i] as number, recorded[i] as number];
      if (Object.is(now, then)) continue;
      this.#counts.differing += 1;
      if (this.#differences.length === MOST_TOLD) continue;
      const number = GUIDANCE_NUMBERS[i] as GuidanceNumber;
      this.#differences.push({ tick: this.#counts.ticks, at, guide: name, number, recorded: then, replayed: now });
    }
  }
}

const OURS: ReadonlySet<string> = new Set(Object.values(GUIDANCE_EVENTS));

function runFrom(value: ExactValue): GuidanceRun<string> {
  const f = new Fields(value, 'The setup of a guidance');
  const inFrame = frame<string>(f.text('frame'));
  const setup = setupFrom(f.list('streams'), f.list('guides'));
  f.end();
  return new GuidanceRun(inFrame, setup);
}

function notReplayable(label: string, why: string): NavError {
  return new NavError(
    'session/not-replayable',
    `${label} cannot be replayed to guidance numbers: ${why}. Record through a GuidanceRun that has the recorder.`,
  );
}
