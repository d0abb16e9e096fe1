import type { Status } from '@trocar/core';
import { formatMm, UNKNOWN } from '@trocar/core/guidance';
import { useMemo, useSyncExternalStore } from 'react';
import type { PoseSource } from './pose-source.js';

/** Where a tool's origin is, in words. The same object as long as the words are the same. */
export interface Reading {
  readonly status: Status;
  /** Whether it may be taken for where the tool is now. */
  readonly live: boolean;
  /** Along L, P and S, mm; a dash each unless it is live. */
  readonly position: readonly [string, string, string];
}

const NONE: Reading = { status: 'missing', live: false, position: [UNKNOWN, UNKNOWN, UNKNOWN] };

/**
 * The position of a tool at a rate that can be read, which is not the rate it is drawn at. React renders only when a text changes.
 * @param everyMs how often it is looked at: 100 ms; a tool that is lost is said to be by then
 */
export function useReading<F extends string>(source: PoseSource<F>, everyMs = 100): Reading {
  const store = useMemo(() => new ReadingStore(source, everyMs), [source, everyMs]);
  return useSyncExternalStore(store.subscribe, store.current);
}

/** Words do not say in which frame: whoever shows them does. */
type AnySource = Pick<PoseSource<string>, 'clock' | 'read'>;

/** Reads a source while anybody listens. */
class ReadingStore {
  readonly #source: AnySource;
  readonly #everyMs: number;
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #reading = NONE;

  constructor(source: AnySource, everyMs: number) {
    this.#source = source;
    this.#everyMs = everyMs;
  }

  readonly current = (): Reading => this.#reading;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(this.#look, this.#everyMs);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      // Nobody looks from here on: what was read last must not be found as if it were new.
      this.#reading = NONE;
    };
  };

  readonly #look = (): void => {
    const { status, isLive, matrix } = this.#source.read(this.#source.clock.now());
    const along = (k: number): string => (isLive ? formatMm(matrix[12 + k] as number) : UNKNOWN);
    const position = [along(0), along(1), along(2)] as const;
    const before = this.#reading;
    if (status === before.status && position.every((text, k) => text === before.position[k])) return;
    this.#reading = { status, live: isLive, position };
    for (const listener of this.#listeners) listener();
  };
}
