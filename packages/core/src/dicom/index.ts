export * from './archive/index.js';
export * from './privacy/index.js';
export * from './quality/index.js';
export * from './read/index.js';
export * from './write/index.js';
