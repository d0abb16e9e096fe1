/** Looks at the port handles are at least this far apart, and at most, ms. */
const SHORTEST_LOOK_MS = 50;
const LONGEST_LOOK_MS = 1000;

/**
 * When the port handles are to be looked at: at once when a reply tells of a tool that came or went; again, ever less
 * often, while replies go on to tell of it (a device may keep the bit set); and after damage, once a second at most: the
 * reply that was lost may have been the one that told.
 */
export class PortWatch {
  #pending = false;
  #pauseMs = SHORTEST_LOOK_MS;
  readonly #lookedAt = new Float64Array(1).fill(Number.NEGATIVE_INFINITY);
  #lostThen = 0;

  /** Tracking begins: the handles are known, and so many replies have been lost so far. */
  begin(lost: number): void {
    this.#lostThen = lost;
  }

  /**
   * Whether to look now; taken as done where it says so.
   * @param told whether this reply tells of a change
   * @param now `[host ms]`
   * @param lost replies lost so far
   */
  due(told: boolean, now: Float64Array, lost: number): boolean {
    if (!told && !this.#pending) this.#pauseMs = SHORTEST_LOOK_MS;
    if (told) this.#pending = true;
    const since = (now[0] as number) - (this.#lookedAt[0] as number);
    const due = this.#pending ? since >= this.#pauseMs : lost !== this.#lostThen && since >= LONGEST_LOOK_MS;
    if (!due) return false;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_LOOK_MS);
    this.#pending = false;
    this.#lostThen = lost;
    this.#lookedAt[0] = now[0] as number;
    return true;
  }
}
