import { NavError, type NavErrorCode } from '@trocar/core';

/** An answer that takes longer is none, ms. */
const ANSWER_WITHIN_MS = 5000;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: NavError) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Commands that were sent and not answered yet. */
export class PendingCommands {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  /** A number for one more command, and what becomes of it. */
  begin(): { readonly id: number; readonly done: Promise<void> } {
    this.#lastId = (this.#lastId + 1) >>> 0;
    const id = this.#lastId;
    const done = new Promise<void>((resolve, reject) => {
      const late = (): void =>
        this.answer(id, 'bridge/command-failed', `The bridge did not answer within ${ANSWER_WITHIN_MS} ms.`);
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, ANSWER_WITHIN_MS) });
    });
    return { id, done };
  }

  /** @param code empty where the command was done */
  answer(id: number, code: NavErrorCode | '', message: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (code === '') waiting.resolve();
    else waiting.reject(new NavError(code, message));
  }

  /** The connection is gone: nobody knows what became of them. */
  abandon(): void {
    for (const id of [...this.#waiting.keys()]) {
      this.answer(id, 'bridge/closed', 'The connection to the bridge closed before the command was answered.');
    }
  }
}
