/** How a frame stands to those before it. */
export const FRAME: {
  readonly next: 0;
  readonly repeated: 1;
  readonly old: 2;
  readonly restart: 3;
  readonly stuck: 4;
} = { next: 0, repeated: 1, old: 2, restart: 3, stuck: 4 };

/** Whether a frame is to be told: not one that came twice, and not one older than what was told. */
export const isToBeTold = (how: number): boolean => how !== FRAME.repeated && how !== FRAME.old;

/** Networks put packets a few places out of order; a counter that goes back further has begun anew. */
const DEEPEST_REORDER = 1000;
/** A counter that went back a little and now counts on has begun anew too. */
const LATE_IN_A_ROW = 5;
/** A network repeats a packet; a device that sends the same one again and again is stuck, and the freeze guard is to see it. */
const REPEATS_IN_A_ROW = 3;

/**
 * Tells frames that come in order from repeated and late ones, by the device's own 32-bit counter. A late frame must
 * not be told: the pose it brings is older than the one already told.
 */
export class FrameOrder {
  readonly #last = new Uint32Array(2);
  #known = false;
  #lateRun = 0;
  #repeatRun = 0;
  /** Frames that came a second time, and frames that came after a newer one. */
  repeated = 0;
  old = 0;

  /** Forgets the counter: tracking started anew. */
  reset(): void {
    this.#known = false;
    this.#lateRun = 0;
  }

  /**
   * One of {@link FRAME}.
   * @param counter `[frame number]`, a cell because large numbers are boxed where a call is not inlined
   */
  judge(counter: Uint32Array): number {
    const last = this.#last;
    const number = counter[0] as number;
    if (!this.#known) return this.#accept(number, FRAME.next);
    const ahead = (number - (last[0] as number)) >>> 0;
    if (ahead === 0) {
      this.repeated += 1;
      this.#repeatRun += 1;
      return this.#repeatRun < REPEATS_IN_A_ROW ? FRAME.repeated : FRAME.stuck;
    }
    if (ahead < 0x8000_0000) return this.#accept(number, FRAME.next);
    if (0x1_0000_0000 - ahead > DEEPEST_REORDER) return this.#accept(number, FRAME.restart);
    const countsOn = this.#lateRun > 0 && number === ((last[1] as number) + 1) >>> 0;
    this.#lateRun = countsOn ? this.#lateRun + 1 : 1;
    last[1] = number;
    if (this.#lateRun >= LATE_IN_A_ROW) return this.#accept(number, FRAME.restart);
    this.old += 1;
    return FRAME.old;
  }

  #accept(number: number, how: number): number {
    this.#known = true;
    this.#lateRun = 0;
    this.#repeatRun = 0;
    this.#last[0] = number;
    return how;
  }
}

/** As {@link FrameOrder}, for devices that send a time and no counter. */
export class StampOrder {
  readonly #last = new Float64Array([Number.NaN, Number.NaN]);
  #lateRun = 0;
  #repeatRun = 0;
  repeated = 0;
  old = 0;

  /** Forgets the time: tracking started anew. */
  reset(): void {
    this.#last.fill(Number.NaN);
    this.#lateRun = 0;
  }

  /**
   * One of {@link FRAME}. A clock that was set back is a restart once it has counted
   * on a few times.
   * @param stamp `[time]`, in any unit
   */
  judge(stamp: Float64Array): number {
    const last = this.#last;
    const time = stamp[0] as number;
    if (time === last[0]) {
      this.repeated += 1;
      this.#repeatRun += 1;
      return this.#repeatRun < REPEATS_IN_A_ROW ? FRAME.repeated : FRAME.stuck;
    }
    if (!(time < (last[0] as number))) return this.#accept(time, FRAME.next);
    this.#lateRun = time > (last[1] as number) ? this.#lateRun + 1 : 1;
    last[1] = time;
    if (this.#lateRun >= LATE_IN_A_ROW) return this.#accept(time, FRAME.restart);
    this.old += 1;
    return FRAME.old;
  }

  #accept(time: number, how: number): number {
    this.#lateRun = 0;
    this.#repeatRun = 0;
    this.#last[0] = time;
    this.#last[1] = Number.NaN;
    return how;
  }
}
