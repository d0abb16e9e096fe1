export { type ReplayDriver, type ReplayEnd, type ReplayOptions, replayDriver } from './replay-driver.js';
export type { RawReplayCounts, RawReplayOptions } from './replay-line.js';
export { type RawReplay, replayDatagrams, replayTransport } from './replay-transport.js';
