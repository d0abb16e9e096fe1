export { type DicomArchive, dicomArchive } from './archive.js';
export type { ObjectIdentity } from './identity.js';
export { Attributes, type JsonElement, type PersonName } from './json.js';
export type { ArchiveOptions } from './options.js';
export type {
  FindOptions,
  FoundInstance,
  FoundSeries,
  FoundStudy,
  InstanceQuery,
  SeriesQuery,
  StudyQuery,
} from './query.js';
export type { RetrievedFrame, RetrievedInstance, RetrieveOptions, RetrieveTarget, WantedSyntax } from './retrieve.js';
export type { StoreOptions, StoreOutcome } from './store.js';
export type { StoreReason } from './store-reasons.js';
