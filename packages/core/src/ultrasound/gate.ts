import { NavError } from '../base/index.js';
import type { Sweep, SweepFrame } from './sweep.js';

/** A part of a cycle, of the heart or of breathing. */
export interface CycleGate {
  /** When cycles begin, ms of the sweep's clock, ascending: R waves, ends of expiration. */
  readonly cyclesMs: ArrayLike<number>;
  /** Which part of a cycle is kept, from … before, 0 … 1 each; where the first is the greater it goes over the cycle's end. */
  readonly phase: readonly [number, number];
  /** A longer cycle is taken for several, between which beats were missed: nothing is known of its phases. Default none is too long. */
  readonly longestMs?: number;
}

/** A range of a signal that was measured beside the sweep: of a belt, of a marker on the chest. */
export interface LevelGate {
  /** When it was measured, ms of the sweep's clock, ascending. */
  readonly timesMs: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Which values are kept, both ends with them. */
  readonly range: readonly [number, number];
  /** Between measurements farther apart than this the signal is not known, ms. Default 200. */
  readonly longestMs?: number;
}

/** Which images a gated reconstruction takes. */
export type SweepGate = CycleGate | LevelGate;

const LONGEST_MS = 200;

/**
 * The images of a sweep that were taken inside a gate. Those outside are left out, and so are those of which the phase or the signal
 * is not known (before the first cycle or measurement, behind the last, in a gap): both are listed in `outsideGate`.
 * @throws NavError `ultrasound/bad-option` (the gate), `ultrasound/bad-times` (images without times), `ultrasound/no-frames` (nothing
 *   is left)
 */
export function gateSweep<F extends string>(sweep: Sweep<F>, gate: SweepGate): Sweep<F> {
  const isInside = 'cyclesMs' in gate ? insideCycle(gate) : insideRange(gate);
  const left = new Set([...sweep.withoutPose, ...(sweep.outsideGate ?? [])]);
  const outsideGate = [...(sweep.outsideGate ?? [])];
  const frames: SweepFrame[] = [];
  let number = -1;
  for (const frame of sweep.frames) {
    // The frame's number in the recording, of which some are not in the sweep.
    do number += 1;
    while (left.has(number));
    if (frame.timeMs === undefined) {
      throw new NavError('ultrasound/bad-times', `Image ${number} has no time, and a gate goes by times.`, {
        detail: { frame: number },
      });
    }
    if (isInside(frame.timeMs)) frames.push(frame);
    else outsideGate.push(number);
  }
  if (frames.length === 0) {
    throw new NavError(
      'ultrasound/no-frames',
      `None of the sweep's ${sweep.frames.length} images lies inside the gate. Are the gate's times those of the images' clock?`,
    );
  }
  return { ...sweep, frames, outsideGate: outsideGate.sort((a, b) => a - b) };
}

function insideCycle({ cyclesMs, phase, longestMs = Number.POSITIVE_INFINITY }: CycleGate): (timeMs: number) => boolean {
  requireAscending(cyclesMs, 'cycles');
  const [from, to] = phase;
  if (!(from >= 0 && from <= 1 && to >= 0 && to <= 1 && from !== to)) {
    throw badGate(`A gate's phase goes from 0 … 1 to another 0 … 1, not from ${from} to ${to}.`);
  }
  return (timeMs) => {
    const n = lastBefore(cyclesMs, timeMs);
    const length = (cyclesMs[n + 1] as number) - (cyclesMs[n] as number);
    if (!(length <= longestMs)) return false;
    const at = (timeMs - (cyclesMs[n] as number)) / length;
    return from < to ? at >= from && at < to : at >= from || at < to;
  };
}

function insideRange({ timesMs, values, range, longestMs = LONGEST_MS }: LevelGate): (timeMs: number) => boolean {
  requireAscending(timesMs, 'measurements');
  if (values.length !== timesMs.length) throw badGate(`A gate has ${timesMs.length} times and ${values.length} values.`);
  const [low, high] = range;
  if (!(low <= high)) throw badGate(`A gate's range goes from the lower value to the higher, not from ${low} to ${high}.`);
  return (timeMs) => {
    const n = lastBefore(timesMs, timeMs);
    const [a, b] = [timesMs[n] as number, timesMs[n + 1] as number];
    // The very last measurement needs none behind it.
    if (timeMs === a) return isBetween(values[n] as number, low, high);
    if (!(b - a <= longestMs)) return false;
    const t = (timeMs - a) / (b - a);
    return isBetween((values[n] as number) * (1 - t) + (values[n + 1] as number) * t, low, high);
  };
}

const isBetween = (value: number, low: number, high: number): boolean => value >= low && value <= high;

/** The number of the last time that is not after another; −1 where all are. */
function lastBefore(times: ArrayLike<number>, time: number): number {
  let [low, high] = [-1, times.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= time) low = middle;
    else high = middle;
  }
  return low;
}

function requireAscending(times: ArrayLike<number>, what: string): void {
  if (times.length < 2) throw badGate(`A gate needs two ${what} at least; it has ${times.length}.`);
  for (let n = 0; n < times.length; n += 1) {
    const good = Number.isFinite(times[n]) && (n === 0 || (times[n] as number) > (times[n - 1] as number));
    if (!good) throw badGate(`The gate's ${what} must have finite, ascending times: number ${n} has ${times[n]} ms.`);
  }
}

const badGate = (what: string): NavError => new NavError('ultrasound/bad-option', what);
