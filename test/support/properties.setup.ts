import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** TROCAR_EFFORT: what multiplies the number of seeds and fuzz cases. Default 1. */
    readonly effort: number;
    /** TROCAR_SEED: what properties draw their cases from; undefined where each run draws its own. */
    readonly seed: number | undefined;
  }
}

/**
 * Every property of every test file draws from one seed, so that a change is judged by the cases that its predecessor
 * was judged by. TROCAR_SEED names another, or `random`: what that finds is printed with its seed and becomes a test.
 */
const seed = inject('seed');
fc.configureGlobal({ numRuns: 100 * inject('effort'), ...(seed !== undefined && { seed }) });
