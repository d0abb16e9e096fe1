import process from 'node:process';

/** How a long command is watched, and stopped. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly progress: (fraction: number, stage: string) => void;
}

/** The terminal's line is drawn again at most so often, ms. */
const DRAWN_EVERY_MS = 100;

/**
 * Runs something that Ctrl-C ends in good order (a second Ctrl-C ends the process), with its progress on one line of standard
 * error where that is a terminal.
 */
export async function watched<T>(work: (watch: Watch) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new Error('interrupted'));
  process.once('SIGINT', stop);
  const line = new ProgressLine(process.stderr);
  try {
    return await work({ signal: controller.signal, progress: (fraction, stage) => line.draw(fraction, stage) });
  } finally {
    process.removeListener('SIGINT', stop);
    line.clear();
  }
}

/** One line that is written over. */
export class ProgressLine {
  readonly #to: { readonly isTTY?: boolean; write(text: string): unknown };
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(to: { readonly isTTY?: boolean; write(text: string): unknown }) {
    this.#to = to;
  }

  draw(fraction: number, stage: string): void {
    if (this.#to.isTTY !== true || performance.now() - this.#drawn < DRAWN_EVERY_MS) return;
    this.#drawn = performance.now();
    this.#to.write(`\r\x1b[K${stage} ${Math.round(100 * fraction)} %`);
  }

  clear(): void {
    if (this.#drawn > Number.NEGATIVE_INFINITY) this.#to.write('\r\x1b[K');
    this.#drawn = Number.NEGATIVE_INFINITY;
  }
}
