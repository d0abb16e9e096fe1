import { isNavError } from '@trocar/core';

/**
 * What waits until it is kept. While something is being written nothing else may be accepted, and what could not be kept is said:
 * nothing is drawn as accepted before its promise has resolved.
 */
export class Keeper {
  #waiting = 0;
  /** Why the last thing could not be kept; empty where it was. */
  trouble = '';

  /** Whether something is being written. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** Does it, one way or the other. @returns whether it was done */
  async keep(write: () => Promise<unknown>): Promise<boolean> {
    this.#waiting += 1;
    try {
      await write();
      this.trouble = '';
      return true;
    } catch (error) {
      if (!isNavError(error)) throw error;
      this.trouble = error.message;
      return false;
    } finally {
      this.#waiting -= 1;
    }
  }
}
