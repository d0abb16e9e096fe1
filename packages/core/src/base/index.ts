export { isNavError, NavError, type NavErrorCode, type NavErrorOptions } from './error.js';
export { Signal, type Unsubscribe } from './signal.js';
