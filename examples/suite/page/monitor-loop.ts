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
/** A page that has not come to its own timer for so long was held up itself, ms: what it has not heard meanwhile says nothing of the tracker. */
const HELD_UP_MS = 60;
/** So long what waited meanwhile comes in before it is looked at, ms; and if it is held up again and again, so often. */
const CATCH_UP = { ms: 30, times: 3 };

/**
 * Looks at everything once what came was taken in, and when nothing comes. A page that was busy drawing finds a row of messages
 * waiting: it is the newest pose that counts, not how old the first of the row has become meanwhile. Without a GPU a browser holds a page up
 * for as long as a picture takes, because it copies it out by itself: then all looks wait until the row has come in. What is drawn waits for
 * none of this: an old pose is shown as old.
 */
export class MonitorLoop {
  readonly #ticked: Ticked;
  readonly #clock: Clock;
  #due = false;
  #came = false;
  #silent = 0;
  /** When the timer, or a message, last found the page running, ms. */
  #ranAt = performance.now();
  #looksFrom = 0;
  #heldUp = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(ticked: Ticked, clock: Clock) {
    this.#ticked = ticked;
    this.#clock = clock;
    this.#timer = setInterval(() => this.#watch(), SILENT_MS);
  }

  /** A message has been dealt with. */
  came(): void {
    this.#came = true;
    this.#running();
    if (this.#due) return;
    this.#due = true;
    setTimeout(() => this.#look(), SECOND_LOOK_MS);
  }

  /** Waits, where the page was held up, until what waited meanwhile has come in, and has looked at it. */
  async caughtUp(): Promise<void> {
    this.#running();
    const waits = this.#looksFrom - performance.now();
    if (waits <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, waits));
    this.tick();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.#running();
    const waits = this.#looksFrom - performance.now();
    if (waits > 0) {
      setTimeout(() => this.#look(), waits);
      return;
    }
    this.#due = false;
    this.#heldUp = 0;
    this.tick();
  }

  /** Notices that the page did not run. */
  #running(): void {
    const now = performance.now();
    const heldUp = now - this.#ranAt > HELD_UP_MS;
    this.#ranAt = now;
    if (!heldUp || this.#heldUp === CATCH_UP.times) return;
    this.#heldUp += 1;
    this.#looksFrom = now + CATCH_UP.ms;
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
    this.#running();
    this.#silent = this.#came ? 0 : this.#silent + 1;
    this.#came = false;
    if (this.#silent >= 2 && performance.now() >= this.#looksFrom) this.tick();
  }
}
