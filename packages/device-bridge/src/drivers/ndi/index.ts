export type { NdiDetails, NdiToolDetails } from './details.js';
export { type NdiDriver, type NdiDriverOptions, ndiDriver } from './driver.js';
export { NDI_TIMEOUTS, type NdiTimeouts, type NdiToolOptions } from './options.js';
export { sixDStatusOf, statusOf } from './status.js';
export { NdiTracking } from './tracking.js';
