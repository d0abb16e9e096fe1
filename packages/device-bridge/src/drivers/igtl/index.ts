export type { IgtlCommandReply } from './commands.js';
export { type IgtlCommandOptions, type IgtlCounts, type IgtlDriver, type IgtlOutgoing, igtlDriver } from './driver.js';
export type { IgtlDriverOptions, IgtlRequest, IgtlToolOptions } from './options.js';
