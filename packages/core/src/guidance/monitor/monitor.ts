import { NavError, Signal } from '../../base/index.js';
import { type Acknowledgement, type Alarm, type AlarmEvent, type AlarmValues, compareAlarms } from './alarm.js';
import { ALARM_RULES, type AlarmRule, englishMessage } from './rules.js';
import type { Watched } from './watched.js';

/** How a monitor is made. */
export interface MonitorOptions {
  /** Default {@link ALARM_RULES}. */
  readonly rules?: readonly AlarmRule[];
}

/** What is kept over a crash. Plain JSON. */
export interface MonitorRecord {
  readonly alarms: readonly Alarm[];
}

/**
 * Raises alarms by rules, and keeps them as IEC 60601-1-8 has it: a priority each, latching where the rule says so, acknowledged and reset
 * by a person whose name is kept.
 *
 * Time comes in with {@link Watched.atMs}; the same states give the same alarms. A tick in which no alarm changes allocates nothing. Call
 * {@link tick} whenever poses have come, and every 10 ms without them: a deadline holds only as exactly as it is looked at.
 */
export class Monitor {
  readonly #rules: readonly AlarmRule[];
  readonly #standing = new Map<string, Alarm>();
  readonly #keys = new Map<AlarmRule, Map<string, string>>();
  readonly #pausedUntil = new Map<string, number>();
  /** Since when the condition of a standing alarm has been gone; it may come back before the alarm ends. */
  readonly #goneSince = new Map<string, number>();
  #alarms: readonly Alarm[] = [];
  #atMs = Number.NEGATIVE_INFINITY;
  /** Every change, for the log. */
  readonly events: Signal<AlarmEvent> = new Signal();

  /** @throws NavError `guidance/bad-option` where two rules have one id */
  constructor(options: MonitorOptions = {}) {
    this.#rules = options.rules ?? ALARM_RULES;
    if (new Set(this.#rules.map((r) => r.id)).size !== this.#rules.length) {
      throw new NavError('guidance/bad-option', 'Two rules of a monitor have the same id. Give each its own.');
    }
  }

  /** The alarms that stand, the most urgent first. The same array until one changes. */
  get alarms(): readonly Alarm[] {
    return this.#alarms;
  }

  /** Whether an alarm of high priority stands: then nothing may be accepted, and guidance is not to be followed. */
  get blocks(): boolean {
    return this.#alarms.length > 0 && (this.#alarms[0] as Alarm).priority === 'high';
  }

  /**
   * Looks at everything once.
   * @throws NavError `time/backwards` where a state is older than the one before
   */
  tick(state: Watched): void {
    if (!(state.atMs >= this.#atMs)) {
      throw new NavError('time/backwards', `A monitor was ticked at ${state.atMs} ms after ${this.#atMs} ms. Tick it in order.`);
    }
    this.#atMs = state.atMs;
    let changed = false;
    for (let r = 0; r < this.#rules.length; r += 1) {
      const rule = this.#rules[r] as AlarmRule;
      if (rule.about === 'procedure') changed = this.#look(rule, '', rule.holds(state), state, -1) || changed;
      else if (rule.about === 'tool') {
        for (let k = 0; k < state.tools.length; k += 1) {
          const tool = state.tools[k] as Watched['tools'][number];
          changed = this.#look(rule, tool.name, rule.holds(state, tool), state, k) || changed;
        }
      } else {
        for (let k = 0; k < state.images.length; k += 1) {
          const image = state.images[k] as Watched['images'][number];
          changed = this.#look(rule, image.name, rule.holds(state, image), state, k) || changed;
        }
      }
    }
    if (changed) this.#settle();
  }

  /**
   * Somebody knows of an alarm: its signal may be quiet. It stands as long as its condition does.
   * @throws NavError `guidance/bad-option` where no such alarm stands, or nobody is named
   */
  acknowledge(rule: string, subject: string, by: string): void {
    const alarm = this.#require(rule, subject, by);
    this.#put({ ...alarm, phase: alarm.phase === 'latched' ? 'latched' : 'acknowledged', acknowledged: this.#acted(by) });
    this.#tell('acknowledged', alarm, by);
    this.#settle();
  }

  /**
   * Ends a latched alarm whose condition has passed. One whose condition holds is not ended: that is what a reset must not hide.
   * @throws NavError `guidance/bad-option` where no such alarm stands, its condition holds still, or nobody is named
   */
  reset(rule: string, subject: string, by: string): void {
    const alarm = this.#require(rule, subject, by);
    if (alarm.phase !== 'latched') {
      throw new NavError(
        'guidance/bad-option',
        `The condition of "${rule}" still holds. Mend its cause first; it can be acknowledged.`,
      );
    }
    this.#standing.delete(keyOf(rule, subject));
    this.#tell('reset', alarm, by);
    this.#settle();
  }

  /**
   * Holds back new alarms of a rule for a while: a person covers a tool on purpose. High priorities cannot be paused.
   * @param forMs at most 120 s (IEC 60601-1-8, 6.8: a pause ends by itself)
   * @throws NavError `guidance/bad-option`
   */
  pause(rule: string, forMs: number, by: string): void {
    const found = this.#rules.find((r) => r.id === rule);
    if (found === undefined || found.priority === 'high' || !(forMs > 0 && forMs <= LONGEST_PAUSE_MS) || by === '') {
      throw new NavError(
        'guidance/bad-option',
        `"${rule}" cannot be paused for ${forMs} ms by "${by}". Name a rule of medium or low priority, at most ${LONGEST_PAUSE_MS} ms, and a person.`,
      );
    }
    this.#pausedUntil.set(rule, this.#atMs + forMs);
    this.#events('paused', found, '', by);
  }

  /** What to keep over a crash. */
  save(): MonitorRecord {
    return { alarms: [...this.#standing.values()] };
  }

  /** Takes up what was kept. What stood then stands latched or active until its condition is looked at again; nothing is forgotten. */
  restore(record: MonitorRecord): void {
    // A record of a version before has no values.
    for (const alarm of record.alarms) this.#put({ ...alarm, values: alarm.values ?? {} });
    this.#settle();
  }

  /** Whether an alarm changed. @param of which of the tools or images it is about */
  #look(rule: AlarmRule, subject: string, holds: boolean, state: Watched, of: number): boolean {
    const key = this.#keyOf(rule, subject);
    const alarm = this.#standing.get(key);
    if (holds) {
      if (this.#goneSince.size > 0) this.#goneSince.delete(key);
      if (alarm === undefined) return this.#raise(rule, subject, valuesOf(rule, state, of));
      if (alarm.phase !== 'latched') return false;
      const values = valuesOf(rule, state, of);
      // It came back: whoever knew of it the first time does not know of this.
      this.#put({ ...alarm, phase: 'active', passedAtMs: undefined, acknowledged: undefined, raisedAtMs: this.#atMs, values });
      this.#tell('again', { ...alarm, values }, undefined);
      return true;
    }
    if (alarm === undefined || alarm.phase === 'latched') return false;
    if (!this.#hasGone(key)) return false;
    if (rule.latching) this.#put({ ...alarm, phase: 'latched', passedAtMs: this.#atMs });
    else this.#standing.delete(key);
    this.#tell(rule.latching ? 'passed' : 'ended', alarm, undefined);
    return true;
  }

  /** Whether the condition has been gone for long enough: an alarm that comes and goes with every packet is one alarm. */
  #hasGone(key: string): boolean {
    const since = this.#goneSince.get(key);
    if (since === undefined) this.#goneSince.set(key, this.#atMs);
    else if (this.#atMs - since >= HOLD_MS) {
      this.#goneSince.delete(key);
      return true;
    }
    return false;
  }

  #raise(rule: AlarmRule, subject: string, values: AlarmValues): boolean {
    const until = this.#pausedUntil.get(rule.id);
    if (until !== undefined) {
      if (this.#atMs < until) return false;
      this.#pausedUntil.delete(rule.id);
      this.#events('resumed', rule, '', undefined);
    }
    const { id, priority } = rule;
    const message = englishMessage(rule).replace('{subject}', () => subject);
    const raised = { rule: id, subject, priority, phase: 'active', message, values } as const;
    const alarm: Alarm = { ...raised, raisedAtMs: this.#atMs, passedAtMs: undefined, acknowledged: undefined };
    this.#put(alarm);
    this.#tell('raised', alarm, undefined);
    return true;
  }

  #put(alarm: Alarm): void {
    this.#standing.set(keyOf(alarm.rule, alarm.subject), Object.freeze(alarm));
  }

  #settle(): void {
    this.#alarms = Object.freeze([...this.#standing.values()].sort(compareAlarms));
  }

  #acted(by: string): Acknowledgement {
    return { by, atMs: this.#atMs };
  }

  #require(rule: string, subject: string, by: string): Alarm {
    const alarm = this.#standing.get(keyOf(rule, subject));
    if (alarm !== undefined && by !== '') return alarm;
    const why = by === '' ? 'nobody is named' : 'no such alarm stands';
    throw new NavError(
      'guidance/bad-option',
      `"${rule}" of "${subject}" cannot be answered: ${why}. Name an alarm that stands, and who answers.`,
    );
  }

  /** Made once: a tick builds no strings. */
  #keyOf(rule: AlarmRule, subject: string): string {
    let keys = this.#keys.get(rule);
    if (keys === undefined) {
      keys = new Map();
      this.#keys.set(rule, keys);
    }
    let key = keys.get(subject);
    if (key === undefined) {
      key = keyOf(rule.id, subject);
      keys.set(subject, key);
    }
    return key;
  }

  #tell(what: AlarmEvent['what'], alarm: Alarm, by: string | undefined): void {
    const { rule, subject, priority, values } = alarm;
    this.events.emit({ what, rule, subject, priority, atMs: this.#atMs, by, values });
  }

  #events(what: AlarmEvent['what'], rule: AlarmRule, subject: string, by: string | undefined): void {
    this.events.emit({ what, rule: rule.id, subject, priority: rule.priority, atMs: this.#atMs, by, values: {} });
  }
}

const LONGEST_PAUSE_MS = 120_000;

/** A condition must have been gone for this long, ms. */
const HOLD_MS = 500;

function valuesOf(rule: AlarmRule, state: Watched, of: number): AlarmValues {
  if (rule.about === 'procedure') return rule.values?.(state) ?? {};
  if (rule.about === 'tool') return rule.values?.(state.tools[of] as Watched['tools'][number]) ?? {};
  return rule.values?.(state.images[of] as Watched['images'][number]) ?? {};
}

const keyOf = (rule: string, subject: string): string => `${rule} ${subject}`;
