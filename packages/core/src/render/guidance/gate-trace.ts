/** Samples kept: 20 s at 20 a second. */
const KEPT = 400;
/** Between two samples at least, ms: as MotionGate takes them. */
const APART_MS = 45;

/** The last seconds of a level between 0 and 1, as times and levels in a ring. Allocates nothing once made. */
export class GateTrace {
  /** Time, ms, and level of each. */
  readonly #ring = new Float64Array(2 * KEPT);
  #size = 0;
  #head = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** Takes a sample; one too near to the one before, or older than it, is passed over. @param sample time, ms, and level; NaN: a gap. @returns whether it was taken */
  push(sample: Float64Array): boolean {
    if (this.#size > 0) {
      const last = this.#ring[2 * ((this.#head + KEPT - 1) % KEPT)] as number;
      if (!((sample[0] as number) - last >= APART_MS)) return false;
    }
    this.#ring[2 * this.#head] = sample[0] as number;
    this.#ring[2 * this.#head + 1] = sample[1] as number;
    this.#head = (this.#head + 1) % KEPT;
    this.#size = Math.min(KEPT, this.#size + 1);
    return true;
  }

  /** Sample `n` from the oldest, into `out`. */
  read(out: Float64Array, n: number): void {
    const at = 2 * ((this.#head + KEPT - this.#size + n) % KEPT);
    out[0] = this.#ring[at] as number;
    out[1] = this.#ring[at + 1] as number;
  }
}
