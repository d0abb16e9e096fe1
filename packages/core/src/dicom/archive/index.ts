export { type DicomArchive, dicomArchive } from './archive.js';
export type { ArrivedSlice, GrowingVolume } from './growing.js';
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
export { type ArrivedInstance, type RetrievedSeries, type RetrieveSeriesOptions, retrieveSeries } from './series.js';
export type { StoreOptions, StoreOutcome } from './store.js';
export type { StoreReason } from './store-reasons.js';
export { type InstanceKeeper, type RetrieveVolumeOptions, retrieveVolume } from './volume.js';
