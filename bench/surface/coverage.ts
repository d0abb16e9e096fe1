import type { Random } from '@trocar/core/math';
import { surfaceTrials } from '../../packages/registration/src/testing/surface-trials.js';

/** Expected over simulated TRE (rms) of each configuration, and the share of errors under their 95 % bound, %. */
export interface Covered {
  readonly ratios: number[];
  readonly share: number;
}

/** The error bar beside the simulated error. */
export function coverage(random: Random, configurations: number, runs: number): Covered {
  const errors = new Float64Array(configurations);
  const expected = new Float64Array(configurations);
  let covered = 0;
  for (const { configuration: c, errorMm, rmsMm, p95Mm } of surfaceTrials(random, configurations, runs, 4)) {
    errors[c] = (errors[c] as number) + errorMm ** 2;
    expected[c] = (expected[c] as number) + rmsMm ** 2;
    if (errorMm <= p95Mm) covered += 1;
  }
  const ratios = Array.from(expected, (sum, c) => Math.sqrt(sum / (errors[c] as number)));
  return { ratios, share: (100 * covered) / (configurations * runs) };
}
