import type { Clock, Instant } from '@trocar/core';
import type { WebSocketServer } from 'ws';

/** What benchmarks of servers have in common: one clock of the host, a beat, and quantiles. */

/** CLOCK_MONOTONIC, which processes of one host share, ms. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** The same as a clock; it has no date. */
export const clock: Clock = {
  now: () => monotonicMs() as Instant,
  plus: (at, ms) => (at + ms) as Instant,
  utc: () => new Date(Number.NaN),
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The value below which a share of the others lies; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
}

/**
 * A beat that does not drift. Beats that are overdue come as one (`skip`), or each of them as soon as it can (`all`).
 * @param send gets the number of the beat since the rate was set, from 1
 * @returns sets the rate; 0 stops it
 */
export function paced(send: (number: number) => void, late: 'skip' | 'all'): (rateHz: number) => void {
  let generation = 0;
  return (rateHz) => {
    generation += 1;
    if (rateHz === 0) return;
    const mine = generation;
    const period = 1000 / rateHz;
    const start = monotonicMs();
    let number = 0;
    const tick = (): void => {
      if (mine !== generation) return;
      const due = Math.floor((monotonicMs() - start) / period);
      while (number < due) {
        number = late === 'skip' ? due : number + 1;
        send(number);
      }
      setTimeout(tick, start + (number + 1) * period - monotonicMs());
    };
    tick();
  };
}

/** Calls with each line on standard input; ends the process with it. */
export function onLines(obey: (line: string) => void): void {
  process.stdin.on('data', (data: Buffer) => {
    for (const line of data.toString().trim().split('\n')) obey(line);
  });
  process.stdin.on('end', () => process.exit(0));
}

/** Where a server listens on this host, once it does. */
export async function addressOf(server: WebSocketServer): Promise<string> {
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
}
