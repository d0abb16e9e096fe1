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

  /**
   * Does it, one way or the other.
   * @param beside nothing that a person accepts: how views lie, an alarm. Nobody waits for it
   * @returns whether it was done
   */
  async keep(write: () => Promise<unknown>, beside = false): Promise<boolean> {
    const counts = beside ? 0 : 1;
    this.#waiting += counts;
    try {
      await write();
      this.trouble = '';
      return true;
    } catch (error) {
      if (!isNavError(error)) throw error;
      this.trouble = error.message;
      return false;
    } finally {
      this.#waiting -= counts;
    }
  }
}
