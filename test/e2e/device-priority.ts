import { constants, setPriority } from 'node:os';

/**
 * Lets this process, which plays the tracker, go before all others, as the device that a tracker is: it waits for no picture. Started by
 * root, Chromium gives its drawing process a higher priority than other programs have (nice −8), and on two cores software drawing then keeps the
 * simulated tracker from running: its poses are really old, and the alarms that say so are right.
 * @param device false: as other programs again
 */
export function runAsDevice(device: boolean): void {
  const { PRIORITY_HIGHEST, PRIORITY_NORMAL } = constants.priority;
  try {
    setPriority(device ? PRIORITY_HIGHEST : PRIORITY_NORMAL);
  } catch {
    // Who is not root may not, and Chromium may not either: then all share alike.
  }
}
