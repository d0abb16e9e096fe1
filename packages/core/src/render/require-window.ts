import { NavError } from '../base/index.js';
import type { WindowLevel } from '../volume/index.js';

/**
 * Refuses a window that cannot be drawn.
 * @throws NavError `math/not-finite` where it is not finite or not wider than 0
 */
export function requireWindow({ width, level }: WindowLevel): void {
  if (Number.isFinite(level) && Number.isFinite(width) && width > 0) return;
  throw new NavError('math/not-finite', `A window needs a finite level and a width above 0, got ${width}, ${level}.`);
}
