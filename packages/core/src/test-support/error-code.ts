import { isNavError, type NavErrorCode } from '../base/index.js';

/** The code of the NavError that something throws; undefined where it throws none. Any other error is thrown on. */
export function codeOf(run: () => unknown): NavErrorCode | undefined {
  try {
    run();
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
  return undefined;
}

/** The same of something that is waited for. */
export async function codeOfAsync(run: () => Promise<unknown>): Promise<NavErrorCode | undefined> {
  try {
    await run();
  } catch (error) {
    if (isNavError(error)) return error.code;
    throw error;
  }
  return undefined;
}
