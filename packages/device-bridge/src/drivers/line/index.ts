/** Devices that send lines of text. */
export { lineDriver } from './driver.js';
export type { LineDriverOptions, LineToolOptions } from './options.js';
