/**
 * How a registration or a calibration ended: the same four words for every method.
 *
 * - `ok`: nothing speaks against the result.
 * - `ambiguous`: another, different result explains the input about as well. The better one comes with the answer, and
 *   must not be used without a person's decision.
 * - `failed`: a result was computed, but its own checks do not hold; the findings say which. What was computed is still
 *   the best fit, for a person to look at.
 * - `refused`: the input can give no result. A method throws a `NavError` then; the word is for reports that hold both.
 */
export type Outcome = 'ok' | 'ambiguous' | 'failed' | 'refused';

/** What a method that returned can say: a refusal is thrown. */
export type ResultOutcome = Exclude<Outcome, 'refused'>;

/** Something about a result that a person must look at before accepting it. */
export interface Finding<Code extends string = string> {
  /** What was found, for a program to branch on. */
  readonly code: Code;
  /** What was found, where, and what to do: for a person. */
  readonly message: string;
  /** The pair, point or pose concerned, counted from 0. */
  readonly index?: number;
}
