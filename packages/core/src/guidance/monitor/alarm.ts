/**
 * How urgent an alarm condition is (IEC 60601-1-8:2006+A2:2020, 6.1): `high` asks for a response at once, `medium` soon, `low` for awareness.
 */
export type AlarmPriority = 'high' | 'medium' | 'low';

/**
 * Where an alarm stands.
 *
 * - `active`: the condition holds and nobody has acknowledged it.
 * - `acknowledged`: the condition holds, and somebody knows.
 * - `latched`: the condition has passed, but the alarm stays until somebody resets it (IEC 60601-1-8, 3.26).
 */
export type AlarmPhase = 'active' | 'acknowledged' | 'latched';

/** Who did something, and when. */
export interface Acknowledgement {
  readonly by: string;
  readonly atMs: number;
}

/** Figures that a rule looked at. Empty for a rule that looks at no figure. */
export type AlarmValues = Readonly<Record<string, number>>;

/** One alarm that stands. Immutable: a change makes another one. */
export interface Alarm {
  /** The rule that raised it. */
  readonly rule: string;
  /** What it is about: a tool's name, an image; '' where the rule is about the procedure. */
  readonly subject: string;
  readonly priority: AlarmPriority;
  readonly phase: AlarmPhase;
  /** In English: what is wrong and what to do. {@link alarmText} says it in the language that is chosen. */
  readonly message: string;
  /** What the rule saw when it raised it, by names with their units: `movedMm`. */
  readonly values: AlarmValues;
  /** When the condition was first found, on the clock that the monitor is ticked with, ms. */
  readonly raisedAtMs: number;
  /** When the condition passed, ms; undefined while it holds. */
  readonly passedAtMs: number | undefined;
  readonly acknowledged: Acknowledgement | undefined;
}

/** What happened to an alarm: for the log. */
export interface AlarmEvent {
  readonly what: 'raised' | 'again' | 'passed' | 'ended' | 'acknowledged' | 'reset' | 'paused' | 'resumed';
  readonly rule: string;
  readonly subject: string;
  readonly priority: AlarmPriority;
  readonly atMs: number;
  readonly by: string | undefined;
  /** What the rule saw when it raised the alarm: with the rule's id this is the alarm in no language at all. */
  readonly values: AlarmValues;
}

const ORDER: readonly AlarmPriority[] = ['high', 'medium', 'low'];

/** Order in which alarms are shown: the most urgent first, what nobody has acknowledged before what somebody has, then the oldest. */
export function compareAlarms(a: Alarm, b: Alarm): number {
  return (
    ORDER.indexOf(a.priority) - ORDER.indexOf(b.priority) ||
    Number(a.acknowledged !== undefined) - Number(b.acknowledged !== undefined) ||
    a.raisedAtMs - b.raisedAtMs ||
    (a.rule + a.subject < b.rule + b.subject ? -1 : 1)
  );
}
