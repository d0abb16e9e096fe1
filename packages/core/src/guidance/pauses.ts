/** How a long search takes its pauses. */
export interface PauseOptions {
  readonly signal: AbortSignal | undefined;
  /** How long to compute before other work gets its turn, ms. */
  readonly everyMs: number;
  /** What is thrown where the signal says to stop. */
  readonly aborted: (cause: unknown) => Error;
  /** Called before each pause. */
  readonly progress?: () => void;
}

/**
 * Makes what a long search waits for again and again: it lets other work run where it is time to, and throws where the caller asked to
 * stop. Where it is not yet time there is nothing to wait for, and undefined comes back: `await` costs a turn, so ask first.
 * @throws Error of `aborted`, at once where the signal says so already
 */
export function pausesOf({ signal, everyMs, aborted, progress }: PauseOptions): () => Promise<void> | undefined {
  let since = performance.now();
  const stop = (): void => {
    if (signal?.aborted) throw aborted(signal.reason);
  };
  const breathe = async (): Promise<void> => {
    progress?.();
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    stop();
    since = performance.now();
  };
  stop();
  return () => {
    stop();
    return performance.now() - since < everyMs ? undefined : breathe();
  };
}
