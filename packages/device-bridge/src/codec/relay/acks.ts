/** Carried frames are acknowledged in pairs or threes, or after this long, ms: the way back is as narrow as the way there. */
const EVERY = 3;
const AT_LATEST_MS = 120;

/** When an observer acknowledges what was carried to it. Without timers: ask {@link due} after each frame, and now and then. */
export class Acks {
  #count = 0;
  #told = 0;
  #since = 0;

  /** A carried frame came. @param now ms */
  came(now: number): void {
    if (this.#told === this.#count) this.#since = now;
    this.#count = (this.#count + 1) >>> 0;
  }

  /** The count to send now; undefined where none is due. Sent is what was returned. */
  due(now: number): number | undefined {
    const waiting = (this.#count - this.#told) >>> 0;
    if (waiting === 0 || (waiting < EVERY && now - this.#since < AT_LATEST_MS)) return undefined;
    this.#told = this.#count;
    return this.#count;
  }
}
