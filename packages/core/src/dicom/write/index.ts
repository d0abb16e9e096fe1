export { type Dataset, type ElementValue, encodePart10, type TaggedElement } from './part10.js';
export { isUid, newUid, SOP_CLASS } from './uid.js';
