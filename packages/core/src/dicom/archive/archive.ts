import type { Attributes } from './json.js';
import { type ArchiveOptions, type ArchiveSettings, settingsOf } from './options.js';
import {
  type FoundInstance,
  type FoundSeries,
  type FoundStudy,
  findInstances,
  findSeries,
  findStudies,
  hasInstance,
  type InstanceQuery,
  type SeriesQuery,
  type StudyQuery,
} from './query.js';
import {
  type RetrievedFrame,
  type RetrievedInstance,
  type RetrieveOptions,
  type RetrieveTarget,
  retrieveFrames,
  retrieveInstance,
  retrieveInstances,
  retrieveMetadata,
} from './retrieve.js';
import { type StoreOptions, type StoreOutcome, storeObjects } from './store.js';

/**
 * An image archive over DICOMweb (PS3.18): QIDO-RS finds, WADO-RS retrieves, STOW-RS stores. In browsers and in Node, over `fetch`.
 *
 * Errors of every method: `archive/unauthorised`, `archive/forbidden`, `archive/not-found`, `archive/refused`, `archive/failed`,
 * `archive/unreachable`, `archive/tls`, `archive/cut-off`, `archive/bad-answer`, `archive/aborted`, `archive/bad-option`. They name the
 * address and what to do, and neither a patient nor the token.
 */
export interface DicomArchive {
  /** The DICOMweb root. */
  readonly url: string;
  /** For the rest of this room: what the options came to. */
  readonly settings: ArchiveSettings;
  /** Page after page, as the results are taken. */
  findStudies(query?: StudyQuery): AsyncGenerator<FoundStudy, void, undefined>;
  findSeries(studyUid: string, query?: SeriesQuery): AsyncGenerator<FoundSeries, void, undefined>;
  findInstances(studyUid: string, seriesUid: string, query?: InstanceQuery): AsyncGenerator<FoundInstance, void, undefined>;
  has(at: Required<RetrieveTarget>, signal?: AbortSignal): Promise<boolean>;
  /** As one answer; each instance as soon as it is whole. For a series that must arrive complete, `retrieveSeries`. */
  retrieveInstances(target: RetrieveTarget, options?: RetrieveOptions): AsyncGenerator<RetrievedInstance, void, undefined>;
  retrieveInstance(target: Required<RetrieveTarget>, options?: RetrieveOptions): Promise<RetrievedInstance>;
  /** Frames by their numbers from 1; uncompressed where `syntax` does not say otherwise. */
  retrieveFrames(
    target: Required<RetrieveTarget>,
    frames: readonly number[],
    options?: RetrieveOptions,
  ): Promise<readonly RetrievedFrame[]>;
  retrieveMetadata(target: RetrieveTarget, signal?: AbortSignal): Promise<readonly Attributes[]>;
  /** What became of each object, in their order. */
  store(objects: readonly Uint8Array[], options?: StoreOptions): Promise<readonly StoreOutcome[]>;
}

/**
 * An archive at an address. Nothing is asked yet.
 * @throws NavError `archive/bad-option`
 */
export function dicomArchive(options: ArchiveOptions): DicomArchive {
  const settings = settingsOf(options);
  return {
    url: settings.root,
    settings,
    findStudies: (query) => findStudies(settings, query),
    findSeries: (studyUid, query) => findSeries(settings, studyUid, query),
    findInstances: (studyUid, seriesUid, query) => findInstances(settings, studyUid, seriesUid, query),
    has: (at, signal) => hasInstance(settings, at, signal),
    retrieveInstances: (target, how) => retrieveInstances(settings, target, how),
    retrieveInstance: (target, how) => retrieveInstance(settings, target, how),
    retrieveFrames: (target, frames, how) => retrieveFrames(settings, target, frames, how),
    retrieveMetadata: (target, signal) => retrieveMetadata(settings, target, signal),
    store: (objects, how) => storeObjects(settings, objects, how),
  };
}
