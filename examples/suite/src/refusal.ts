import { isNavError } from '@trocar/core';

/** Why something asked for was not done: for a person to read, and for a test to branch on. */
export interface Refusal {
  readonly code: string;
  /** In English. */
  readonly message: string;
  /** The message of the catalogues and what it is filled with, where it has one: a page says it in its own language. */
  readonly said?: { readonly key: string; readonly values: Readonly<Record<string, string | number>> };
}

/** A refusal whose words the pages have in every language. @param key the English message, with `{placeholders}` */
export function refusal<C extends string>(
  code: C,
  key: string,
  values: Readonly<Record<string, string | number>> = {},
): Refusal & { readonly code: C } {
  const message = key.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
  return { code, message, said: { key, values } };
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
