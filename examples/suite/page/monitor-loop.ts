import type { Clock, Instant } from '@trocar/core';
import { isNavError } from '@trocar/core';

/** What is ticked: `Monitoring`. */
export interface Ticked {
  tick(at: Instant): void;
}

/** What has come is looked at so much later, once all that waited has been taken in, ms. */
const SECOND_LOOK_MS = 4;
/** Without a message it is looked at after two such pauses, ms. */
const SILENT_MS = 40;

/**
 * Looks at everything once what came was taken in, and when nothing comes. A page that was busy drawing finds a row of messages
 * waiting: it is the newest pose that counts, not how old the first of the row has become meanwhile.
 */
export class MonitorLoop {
  readonly #ticked: Ticked;
  readonly #clock: Clock;
  #due = false;
  #came = false;
  #silent = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(ticked: Ticked, clock: Clock) {
    this.#ticked = ticked;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#watch(), SILENT_MS);
  }

  /** A message has been dealt with. */
  came(): void {
    this.#came = true;
    if (this.#due) return;
    this.#due = true;
    setTimeout(() => this.#look(), SECOND_LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#due = false;
    this.tick();
  }

  /** Looks now. */
  tick(): void {
    try {
      this.#ticked.tick(this.#clock.now());
    } catch (error) {
      // Two looks at one moment, on a clock that is coarse: the first one stands.
      if (!isNavError(error, 'time/backwards')) throw error;
    }
  }

  /** One pause without a message may be this page's own; two are not. */
  #watch(): void {
    this.#silent = this.#came ? 0 : this.#silent + 1;
    this.#came = false;
    if (this.#silent >= 2) this.tick();
  }
}
