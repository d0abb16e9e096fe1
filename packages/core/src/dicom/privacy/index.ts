export type { CleaningCounts } from './clean.js';
export { type Deidentified, type DeidentifyReport, deidentify, type FileReport } from './deidentify.js';
export {
  type BurnedInAnswer,
  CLEAN_OPTIONS,
  type CleanOption,
  type DeidentifyOptions,
  type PixelRectangle,
  RETAIN_OPTIONS,
  type RetainOption,
  type SafePrivate,
} from './options.js';
export {
  mergePseudonyms,
  openPseudonyms,
  originalUid,
  type PseudonymPatient,
  type PseudonymTable,
  type PseudonymUid,
  patientOfPseudonym,
  type SealingSecret,
  sealPseudonyms,
} from './pseudonyms.js';
