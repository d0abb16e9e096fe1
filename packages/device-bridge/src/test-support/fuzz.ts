import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { expect, inject } from 'vitest';

/** How many inputs a decoder is tried with; TROCAR_EFFORT multiplies it: 100 is ten million. */
export const INPUTS: number = 100_000 * inject('effort');
/** {@link INPUTS} for the name of a test. */
export const INPUTS_TEXT: string = INPUTS.toLocaleString('en-GB');
/** How long so many may take. */
export const FUZZ_LIMIT: { readonly timeout: number } = { timeout: 60_000 * Math.ceil(INPUTS / 100_000) };
/** A garbage collection or a busy machine may stop one input for a while; a hang is longer, ms. */
const HANG_MS = 5000;

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
  let slowest = 0;
  for (let n = 0; n < INPUTS; n += 1) {
    const input = make(random);
    const from = performance.now();
    let outcome = 'decoded';
    try {
      decode(input, n);
    } catch (error) {
      if (!isNavError(error)) throw new Error(`input ${show(input)}`, { cause: error });
      outcome = error.code;
    }
    slowest = Math.max(slowest, performance.now() - from);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect(outcomes.get('decoded')).toBeGreaterThan(INPUTS / 20);
  expect(slowest).toBeLessThan(HANG_MS);
  return outcomes;
}

/** Bytes as a failed test shows them. */
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
