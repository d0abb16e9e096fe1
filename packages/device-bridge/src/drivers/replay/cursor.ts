import type { RecordedEntry, Recording } from '@trocar/core/recording';

/** A place in a recording, that moves on entry by entry; it holds one chunk at a time. */
export class EntryCursor {
  readonly #recording: Recording;
  #source: AsyncGenerator<readonly RecordedEntry[]> | undefined;
  #entries: readonly RecordedEntry[] = [];
  #at = 0;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** The entry it stands at; undefined where the next chunk must be read first, or there is none. */
  get current(): RecordedEntry | undefined {
    return this.#entries[this.#at];
  }

  advance(): void {
    this.#at += 1;
  }

  /** Reads on until there is a current entry. @returns false at the end. @throws NavError as Recording.entries */
  async fill(): Promise<boolean> {
    this.#source ??= this.#recording.entries();
    while (this.current === undefined) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#entries = next.value;
      this.#at = 0;
    }
    return true;
  }

  /** Back to the beginning. */
  async rewind(): Promise<void> {
    await this.close();
    this.#source = undefined;
  }

  /** Lets the input go. */
  async close(): Promise<void> {
    this.#entries = [];
    this.#at = 0;
    await this.#source?.return(undefined);
  }
}

/** A pause that can be cut short. */
export class Pause {
  #wake: (() => void) | undefined;

  /** @returns when the time is over or {@link end} is called */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), Math.min(ms, 2_000_000_000));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  end(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
