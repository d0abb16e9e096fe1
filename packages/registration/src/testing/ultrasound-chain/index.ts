export { type ChainRun, type NavigatedTarget, runUltrasoundChain } from './chain.js';
export { CHAIN_FAULTS, type ChainFault } from './faults.js';
export type { ChainOptions } from './world.js';
