/** What every driver of a real device does the same way. */
export {
  type DriverParts,
  type DriverSession,
  type DriverTimeouts,
  isToolName,
  makeDriver,
  requireFrozenAfter,
  requireToolNames,
} from './driver.js';
export { RareFaults } from './faults.js';
export { asNavError, type Connection, ConnectionKeeper, type KeeperOptions } from './keeper.js';
export { FRAME, FrameOrder, isToBeTold, StampOrder } from './order.js';
export { MOST_TOOLS, PoseTeller } from './poses.js';
export { Watch } from './watch.js';
