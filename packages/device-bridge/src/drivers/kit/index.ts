/** What every driver of a real device does the same way. */
export { type DriverParts, type DriverSession, type DriverTimeouts, isToolName, makeDriver } from './driver.js';
export { RareFaults } from './faults.js';
export { FRAME, FrameOrder, isToBeTold, StampOrder } from './order.js';
export { MOST_TOOLS, PoseTeller } from './poses.js';
