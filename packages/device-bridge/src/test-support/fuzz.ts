import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject } from 'vitest';

/** How many inputs a decoder is tried with; TROCAR_EFFORT multiplies it: 100 is ten million. */
export const INPUTS: number = 100_000 * inject('effort');
/** {@link INPUTS} for the name of a test. */
export const INPUTS_TEXT: string = INPUTS.toLocaleString('en-GB');
/** How long so many may take. */
export const FUZZ_LIMIT: { readonly timeout: number } = { timeout: 60_000 * Math.ceil(INPUTS / 100_000) };
/** So many inputs in a row may take this of the processor, ms; a garbage collection may fall among them. */
const IN_A_ROW = 100;
const HANG_MS = 1000;

/**
 * Sees inputs that hang a decoder: by processor time, because a busy machine may stop it for seconds, which is nobody's
 * hang; and over some in a row, because asking for it takes longer than most inputs do.
 */
export class HangWatch {
  #asked = 0;
  #from = processorMs();
  #slowest = 0;

  /** After each input. */
  next(): void {
    this.#asked += 1;
    if (this.#asked % IN_A_ROW !== 0) return;
    const now = processorMs();
    this.#slowest = Math.max(this.#slowest, now - this.#from);
    this.#from = now;
  }

  /** Expects that none hung. */
  check(): void {
    expect(this.#asked).toBeGreaterThanOrEqual(IN_A_ROW);
    expect(this.#slowest).toBeLessThan(HANG_MS);
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Hands {@link INPUTS} inputs to a decoder, and expects that it refuses none by anything but a NavError, that none takes
 * long, and that one in twenty is decoded.
 * @param make the next input
 * @param decode throws to refuse it
 * @returns how they ended: `decoded` or the code, and how often
 */
export function fuzzDecoder<T>(
  make: (random: Random) => T,
  decode: (input: T, number: number) => void,
  show: (input: T) => string,
): Map<string, number> {
  const random = new Random(inject('seed'));
  const outcomes = new Map<string, number>();
  const watch = new HangWatch();
  for (let n = 0; n < INPUTS; n += 1) {
    const input = make(random);
    let outcome = 'decoded';
    try {
      decode(input, n);
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${show(input)}`, { cause: error });
      outcome = error.code;
    }
    watch.next();
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  watch.check();
  return outcomes;
}

/** Bytes as a failed test shows them. */
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
