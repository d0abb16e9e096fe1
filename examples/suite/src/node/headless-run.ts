import { type Clock, isNavError } from '@trocar/core';
import type { Refusal } from '../refusal.js';

/** What a run without a screen was held against. */
export interface Check {
  readonly name: string;
  readonly held: boolean;
  readonly detail: string;
}

/** A step that the procedure refused, with its code. */
export class StepRefused extends Error {
  readonly code: string;

  constructor({ code, message }: Refusal) {
    super(message);
    this.name = 'StepRefused';
    this.code = code;
  }
}

/**
 * Goes on where a step was taken.
 * @throws StepRefused where it was not
 */
export function fail(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new StepRefused(refusal);
}

/** The code and the message of what went wrong. */
export function wordsOf(error: unknown): Refusal {
  const code = isNavError(error) || error instanceof StepRefused ? error.code : 'failed';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

/** Ends after so many ms. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Brings a procedure up to date until something holds, as a page does from frame to frame.
 * @throws Error where it does not hold within the time, ms; `what` says what was waited for
 */
export async function untilHolds(
  procedure: { update(): void },
  clock: Clock,
  holds: () => boolean,
  withinMs: number,
  what: string,
): Promise<void> {
  const from = clock.now();
  for (;;) {
    procedure.update();
    if (holds()) return;
    if (clock.now() - from > withinMs) throw new Error(`Waited ${withinMs} ms for ${what}, in vain.`);
    await sleep(4);
  }
}
