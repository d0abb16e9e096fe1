export type { CleaningCounts } from './clean.js';
export { type Deidentified, type DeidentifyReport, deidentify, type FileReport } from './deidentify.js';
export type { BurnedInAnswer, CleanOption, DeidentifyOptions, PixelRectangle, RetainOption, SafePrivate } from './options.js';
