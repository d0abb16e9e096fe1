export { type NdiDriverOptions, ndiDriver } from './driver.js';
export { NDI_TIMEOUTS, type NdiTimeouts, type NdiToolOptions } from './options.js';
export { NdiTracking, statusOf } from './tracking.js';
