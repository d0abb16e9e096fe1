/** When a benchmark of several comparisons ends. */
export interface RoundLimits {
  /** So many rounds at most. */
  readonly most: number;
  /** No round of a comparison begins that would not end by then, minutes from the start; the first of each is taken all the same. */
  readonly minutes: number;
}

/**
 * Goes round comparisons again and again: in a round of one, all its contenders take their turn. All comparisons have one round before one
 * has two, so that a run that is cut off tells something of each.
 * @param startedMs when the benchmark began, `performance.now()`
 * @returns rounds taken of each
 */
export async function inRounds(
  rounds: readonly ((round: number) => Promise<void>)[],
  { most, minutes }: RoundLimits,
  startedMs: number,
): Promise<readonly number[]> {
  const taken = rounds.map(() => 0);
  const lasted = rounds.map(() => 0);
  for (let round = 0; round < most; round += 1) {
    let any = false;
    for (const [n, take] of rounds.entries()) {
      const from = performance.now();
      // Half as long again: a machine that is busy now and then does not break the promise.
      if (round > 0 && from - startedMs + 1.5 * (lasted[n] as number) > 60_000 * minutes) continue;
      await take(round);
      lasted[n] = performance.now() - from;
      taken[n] = round + 1;
      any = true;
    }
    if (!any) break;
  }
  return taken;
}

/** The number after an option of the command line, or what it is without. */
export function option(name: string, otherwise: number): number {
  return Number(process.argv[process.argv.indexOf(name) + 1]) || otherwise;
}

/** Prints a line with the seconds since the benchmark began. */
export function progress(startedMs: number, text: string): void {
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${text}`);
}
