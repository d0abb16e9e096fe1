import { isNavError } from '@trocar/core';

/** Why something asked for was not done: for a person to read, and for a test to branch on. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/**
 * What a computation gives, or the refusal that it threw.
 * @throws whatever is no `NavError`: that is a fault of the program, not of its input
 */
export function tried<T extends object>(compute: () => T): T | Refusal {
  try {
    return compute();
  } catch (error) {
    if (isNavError(error)) return { code: error.code, message: error.message };
    throw error;
  }
}

/** Whether an answer is a refusal. */
export function isRefusal(answer: object): answer is Refusal {
  return 'code' in answer && 'message' in answer;
}
