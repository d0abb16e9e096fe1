/** ART systems. */
export { dtrackDriver } from './driver.js';
export type { DTrackDriverOptions, DTrackKind, DTrackToolOptions } from './options.js';
export { DTrackTracking } from './tracking.js';
