/** Sessions in folders on a disk. */
export { sessionFolder } from './session-folder.js';
