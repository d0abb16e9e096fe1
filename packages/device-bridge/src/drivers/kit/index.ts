/** What every driver of a real device does the same way. */
export { type DriverParts, type DriverSession, type DriverTimeouts, isToolName, makeDriver } from './driver.js';
export { FRAME, FrameOrder } from './order.js';
export { MOST_TOOLS, ToolPoses } from './poses.js';
