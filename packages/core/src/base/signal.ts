/** Stops a subscription. Calling it twice does nothing more. */
export type Unsubscribe = () => void;

/**
 * A low-rate notification: connected, lost, registered. Poses are pulled once per frame, never signalled.
 *
 * Listeners run in order of subscription. One that throws does not keep the others from running; the first
 * failure is rethrown after all have been called, so it is neither lost nor able to hide an event from a peer.
 */
export class Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();
  /** How often this signal has been emitted: compare it to know whether anything happened. */
  count = 0;

  /** Calls `listener` on every later emit, until the returned function is called. */
  subscribe(listener: (value: T) => void): Unsubscribe {
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  /** Calls every listener subscribed at this moment. */
  emit(value: T): void {
    this.count += 1;
    let failure: { readonly error: unknown } | undefined;
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }
}
