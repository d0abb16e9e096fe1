import { isLive, type Status, worstStatus } from '../../frames/index.js';
import { formatAge, type NumberStyle, UNKNOWN } from '../../guidance/index.js';
import type { LiveState, LiveTool } from './state.js';

/**
 * How a replica stands.
 *
 * - `live`: the newest state is recent.
 * - `stale`: it is what the operator had a while ago. Nothing in it may be drawn as present.
 * - `unknown`: there is none, or what came did not fit together: nothing is shown until a whole state has come.
 */
export type Standing = 'live' | 'stale' | 'unknown';

/** How old what is shown is. */
export interface Freshness {
  readonly standing: Standing;
  /** When the operator's program had this state, UTC by its clock; undefined where there is none. */
  readonly asOf: Date | undefined;
  /**
   * How long ago that was, ms, by the observer's clock: the time since it came, what it took longer than the fastest message, and half the
   * round trip. NaN where there is none, and where only what was kept on the way has come: it may be of any age.
   */
  readonly ageMs: number;
  /** How far {@link ageMs} can be off, ms: half the round trip. NaN where no round trip was measured; the age is then at least what it says. */
  readonly ageBoundMs: number;
}

/** The words of {@link asOfText}: `{time}` and `{age}` are filled in. */
export interface AsOfWords {
  readonly asOf: string;
  readonly unknown: string;
}

const WORDS: AsOfWords = { asOf: 'as of {time}, {age} old', unknown: UNKNOWN };

/** What is written beside a shown state: `as of 14:03:07, 1.2 s old`. @param timeZone IANA name; default that of the machine */
export function asOfText(freshness: Freshness, timeZone?: string, words: AsOfWords = WORDS, style?: NumberStyle): string {
  if (freshness.asOf === undefined) return words.unknown;
  const time = freshness.asOf.toLocaleTimeString('en-GB', { hourCycle: 'h23', ...(timeZone !== undefined && { timeZone }) });
  return words.asOf.replace('{time}', time).replace('{age}', formatAge(freshness.ageMs, style));
}

/**
 * A state as it may be shown: ages grow with the state's own; tools that were live are `stale` where the state is, or where they are older
 * than `limitMs`; readings of a state that is not live are not known, and guidance says so.
 */
export function shownState(state: LiveState, freshness: Freshness, limitMs: number): LiveState {
  const fresh = freshness.standing === 'live';
  const tools = state.tools.map((tool) => shownTool(tool, freshness.ageMs, fresh, limitMs));
  if (fresh) return { ...state, tools };
  const guidance = { ...state.guidance, state: state.guidance.state === 'noPose' ? 'noPose' : 'notLive' } as const;
  const readings = state.readings.map((one) => ({ ...one, value: Number.NaN, bound95: Number.NaN }));
  return { ...state, guidance, readings, tools, pointer: undefined };
}

function shownTool(tool: LiveTool, ageMs: number, fresh: boolean, limitMs: number): LiveTool {
  const age = tool.ageMs + ageMs;
  // A comparison with NaN is false: an age that is not known makes nothing stale by itself.
  const old = !fresh || age > limitMs;
  const status: Status = old && isLive(tool.status) ? worstStatus(tool.status, 'stale') : tool.status;
  return { ...tool, ageMs: age, status };
}

/** The least of a series over the last 15 to 30 s, in two buckets. */
const BUCKET_MS = 15_000;

/**
 * How long messages take, from the operator's stamps and the observer's arrivals. The two clocks share no origin; the fastest message of the
 * last half minute is taken for one that waited nowhere, and half the round trip for what it took.
 */
export class TransitClock {
  #least = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  #since = Number.NEGATIVE_INFINITY;
  #roundTripMs = Number.NaN;

  /** Forgets, for another operator's clock. */
  reset(): void {
    this.#least = this.#before = Number.POSITIVE_INFINITY;
    this.#since = Number.NEGATIVE_INFINITY;
  }

  /** A message came. @param capturedUtcMs by the operator @param now by the observer, ms */
  came(capturedUtcMs: number, now: number): void {
    if (now - this.#since > BUCKET_MS) {
      this.#before = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
      this.#since = now;
    }
    this.#least = Math.min(this.#least, now - capturedUtcMs);
  }

  /** A round trip between observer and operator was measured, ms; NaN where it is not known. */
  set roundTripMs(ms: number) {
    this.#roundTripMs = ms;
  }

  get boundMs(): number {
    return this.#roundTripMs / 2;
  }

  /** How old a state is, ms; NaN before the first message. @param now by the observer */
  ageOf(capturedUtcMs: number, now: number): number {
    const least = Math.min(this.#least, this.#before);
    if (least === Number.POSITIVE_INFINITY) return Number.NaN;
    const waited = now - capturedUtcMs - least;
    return Math.max(0, waited) + (Number.isNaN(this.#roundTripMs) ? 0 : this.#roundTripMs / 2);
  }
}
