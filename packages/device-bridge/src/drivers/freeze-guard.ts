import { hasPose, NavError, PoseSample, worstStatus } from '@trocar/core';
import type { PoseSink, ToolInfo } from '../driver.js';

/** When a repeated measurement is called frozen. */
export interface FreezeGuardOptions {
  /**
   * A tool is frozen when its measurement has not changed for this long on the host's clock, and for at least three
   * packets. Default 100 ms. `Infinity` turns the guard off: for encoders and noise-free simulations, whose numbers
   * stand still because the tool does.
   */
  readonly afterMs?: number;
}

/** Fewer repeats than this are no freeze, however slow the device. */
const LEAST_REPEATS = 3;
const DEFAULT_AFTER_MS = 100;

/** Doubles kept per tool; the first eight are the sample's error, position and quaternion, in its own order. */
const STRIDE = 16;
const MEASUREMENT = 8;
/** Where a sample's measurement begins: after the measured and the arrived time. */
const FROM = 2;
/** When the numbers now repeated were first measured, and when they first arrived. */
const MEASURED = 8;
const ARRIVED = 9;
/** The measured time and the device's frame number of the last packet. */
const LAST_TIME = 10;
const LAST_FRAME = 11;
const REPEATS = 12;
/** 0 nothing known, 1 measuring, 2 frozen. */
const STATE = 13;

/**
 * Puts itself before a sink and calls a frozen pose `stale`: new packets that bring the same measurement again and again.
 *
 * A real tracker's numbers are never still: noise moves the last digit of one of them at least every few frames. A
 * packet repeats the last one when error, position and quaternion are all equal to it, or when its measured time or its
 * frame number (where the device has one) has not moved. After `afterMs` and three repeats the tool is frozen: its samples
 * carry the worse of their own status and `stale`, and the measured time of the first sample with these numbers, so that
 * their age is the age of the measurement; the arrival stays that of the packet. The sink is told one `device/frozen`.
 * The first different measurement thaws the tool, silently. A tool that sends nothing at all is not seen here: the age of
 * its last pose tells of it.
 *
 * `missing` passes through and neither thaws nor freezes; `disconnected`, of a tool or of the device, forgets. Samples
 * are handed on as they are, except that a frozen one is copied into a sample of the guard's own: the caller's is
 * never changed. Nothing is allocated per pose.
 *
 * A freeze is seen one frame period + `afterMs` after the last true measurement arrived, at 20 Hz or faster; a slower
 * device is found out at its third repeat.
 * @throws NavError `pose/bad-option` where `afterMs` is not above 0
 */
export function freezeGuard(sink: PoseSink, options: FreezeGuardOptions = {}): PoseSink {
  const afterMs = options.afterMs ?? DEFAULT_AFTER_MS;
  if (!(afterMs > 0)) {
    throw new NavError('pose/bad-option', `A freeze guard needs afterMs > 0 (Infinity turns it off), got ${afterMs}.`);
  }
  return afterMs === Number.POSITIVE_INFINITY ? sink : new FreezeGuard(sink, afterMs);
}

class FreezeGuard implements PoseSink {
  readonly #sink: PoseSink;
  readonly #afterMs: number;
  readonly #told = new PoseSample();
  #tools: readonly ToolInfo[] = [];
  #memory = new Float64Array(0);

  constructor(sink: PoseSink, afterMs: number) {
    this.#sink = sink;
    this.#afterMs = afterMs;
  }

  tools(list: readonly ToolInfo[]): void {
    this.#tools = list;
    this.#makeRoom(list.length);
    this.#sink.tools(list);
  }

  pose(tool: number, sample: PoseSample, frameNumber: number): void {
    if ((tool + 1) * STRIDE > this.#memory.length) this.#makeRoom(tool + 1);
    const base = tool * STRIDE;
    if (!hasPose(sample.status)) {
      if (sample.status === 'disconnected') this.#memory[base + STATE] = 0;
      this.#sink.pose(tool, sample, frameNumber);
      return;
    }
    if (!this.#repeats(base, sample.values, frameNumber)) this.#begin(base, sample.values);
    this.#memory[base + LAST_TIME] = sample.values[0] as number;
    this.#memory[base + LAST_FRAME] = frameNumber;
    if (this.#isFrozen(tool, base, sample.values)) this.#tellFrozen(tool, base, sample, frameNumber);
    else this.#sink.pose(tool, sample, frameNumber);
  }

  flush(): void {
    this.#sink.flush();
  }

  connection: PoseSink['connection'] = (state, reason) => {
    if (state !== 'connected') this.#memory.fill(0);
    this.#sink.connection(state, reason);
  };

  fault: PoseSink['fault'] = (fault) => this.#sink.fault(fault);
  images: NonNullable<PoseSink['images']> = (list) => this.#sink.images?.(list);
  image: NonNullable<PoseSink['image']> = (source, frame) => this.#sink.image?.(source, frame);

  #makeRoom(tools: number): void {
    if (tools * STRIDE <= this.#memory.length) return;
    const larger = new Float64Array(tools * STRIDE);
    larger.set(this.#memory);
    this.#memory = larger;
  }

  /** Whether this packet brings nothing new: no other numbers, or no later time. */
  #repeats(base: number, v: Float64Array, frameNumber: number): boolean {
    const memory = this.#memory;
    if (memory[base + STATE] === 0) return false;
    if (v[0] === memory[base + LAST_TIME] || (frameNumber !== 0 && frameNumber === memory[base + LAST_FRAME])) return true;
    for (let k = 0; k < MEASUREMENT; k += 1) {
      const a = v[FROM + k] as number;
      const b = memory[base + k] as number;
      // Two NaN are the same: a device without an error figure gives none every time.
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) return false;
    }
    return true;
  }

  /** A measurement unlike the last: the tool is measuring, or is again. */
  #begin(base: number, v: Float64Array): void {
    const memory = this.#memory;
    for (let k = 0; k < MEASUREMENT; k += 1) memory[base + k] = v[FROM + k] as number;
    memory[base + MEASURED] = v[0] as number;
    memory[base + ARRIVED] = v[1] as number;
    memory[base + REPEATS] = -1;
    memory[base + STATE] = 1;
  }

  #isFrozen(tool: number, base: number, v: Float64Array): boolean {
    const memory = this.#memory;
    if (memory[base + STATE] === 2) return true;
    const repeats = (memory[base + REPEATS] as number) + 1;
    memory[base + REPEATS] = repeats;
    const since = (v[1] as number) - (memory[base + ARRIVED] as number);
    if (repeats < LEAST_REPEATS || !(since >= this.#afterMs)) return false;
    memory[base + STATE] = 2;
    this.#sink.fault({
      code: 'device/frozen',
      message:
        `Tool "${this.#tools[tool]?.name ?? tool}" has sent the same measurement for ${Math.round(since)} ms: its poses are ` +
        'stale until a different one comes. Look whether the tracker still measures.',
    });
    return true;
  }

  #tellFrozen(tool: number, base: number, sample: PoseSample, frameNumber: number): void {
    const told = this.#told;
    const to = told.values;
    const from = sample.values;
    for (let k = 1; k < to.length; k += 1) to[k] = from[k] as number;
    to[0] = this.#memory[base + MEASURED] as number;
    told.status = worstStatus(sample.status, 'stale');
    this.#sink.pose(tool, told, frameNumber);
  }
}
