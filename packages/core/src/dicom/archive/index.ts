export { type DicomArchive, dicomArchive } from './archive.js';
export { browserStudyFolder, memoryFolder, type StoreFolder } from './folder.js';
export type { ArrivedSlice, GrowingVolume } from './growing.js';
export type { ObjectIdentity } from './identity.js';
export { Attributes, type JsonElement, type PersonName } from './json.js';
export { type KeepSeriesOptions, type KeptSeriesResult, keepSeries, keptVolume } from './kept-series.js';
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
export type { KeptInstance } from './study-index.js';
export { type KeptQuery, openStudyStore, type PutOutcome, type StoreNote, type StudyStore } from './study-store.js';
export { type InstanceKeeper, type RetrieveVolumeOptions, retrieveVolume } from './volume.js';
export {
  type Flushed,
  type FlushOptions,
  openWriteQueue,
  type QueuedObject,
  type SentObject,
  type WriteQueue,
} from './write-queue.js';
