import { NavError } from '@trocar/core';

/** Lets go of the thread at least so often, ms, so that an abort is heard and a page can draw. */
const BREATH_MS = 25;

/** Long work in the caller's thread: it pauses now and then, and stops where the caller wants it to. */
export class Breath {
  readonly #signal: AbortSignal | undefined;
  readonly #shared: boolean;
  #since: number = performance.now();

  /** @param shared whether big arrays are made so that workers can see them without a copy */
  constructor(signal: AbortSignal | undefined, shared = false) {
    this.#signal = signal;
    this.#shared = shared;
  }

  /** @throws NavError `registration/aborted` */
  async take(): Promise<void> {
    if (performance.now() - this.#since > BREATH_MS) {
      await this.turn();
      return;
    }
    if (this.#signal?.aborted) throw aborted(this.#signal);
  }

  /** A turn of the event loop: a resolved promise would not let messages and timers through. @throws as {@link take} */
  async turn(): Promise<void> {
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    this.#since = performance.now();
    if (this.#signal?.aborted) throw aborted(this.#signal);
  }

  /** Bytes for an image, zero. */
  bytes(count: number): Uint8Array {
    return this.#shared ? new Uint8Array(new SharedArrayBuffer(count)) : new Uint8Array(count);
  }
}

/** What is thrown when the caller stops a registration. */
export function aborted(signal: AbortSignal): NavError {
  return new NavError('registration/aborted', 'The registration was stopped by the caller.', { cause: signal.reason });
}
