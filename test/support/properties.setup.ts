import fc from 'fast-check';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** TROCAR_EFFORT: what multiplies the number of seeds and fuzz cases. Default 1. */
    readonly effort: number;
    /** TROCAR_SEED: what properties and fuzz tests draw their cases from. Default 1. */
    readonly seed: number;
  }
}

// One seed for every property of every file: a change is judged by the cases that its predecessor was judged by.
fc.configureGlobal({ numRuns: 100 * inject('effort'), seed: inject('seed') });
