/** OptiTrack's Motive, and other NatNet servers. */
export { natnetDriver } from './driver.js';
export type { NatNetDriverOptions, NatNetToolOptions } from './options.js';
export { NatNetTracking } from './tracking.js';
