import { NavError } from '../base/index.js';

/** Longer than this a page's thread is not held, ms. */
const TURN_MS = 25;

/** Lets a page draw and a signal be heard, now and then, in a long computation. */
export class Pause {
  readonly #signal: AbortSignal | undefined;
  #last = performance.now();

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** @throws NavError `analysis/aborted` */
  check(): void {
    if (this.#signal?.aborted) {
      throw new NavError('analysis/aborted', 'The analysis was stopped; nothing of it is kept.', { cause: this.#signal.reason });
    }
  }

  /** @throws NavError `analysis/aborted` */
  async take(): Promise<void> {
    this.check();
    if (performance.now() - this.#last < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#last = performance.now();
    this.check();
  }
}
