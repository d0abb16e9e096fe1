import { NavError } from '../../base/index.js';
import { type ReadVolumeOptions, readVolume } from '../../io/index.js';
import type { Volume } from '../../volume/index.js';
import type { DicomArchive } from './archive.js';
import type { WantedSyntax } from './retrieve.js';
import { retrieveSeries } from './series.js';
import type { StudyStore } from './study-store.js';

/** How many instances are kept at a time: each time the store writes its index. */
const KEPT_AT_ONCE = 32;

/** What of a series is to be kept. */
export interface KeepSeriesOptions {
  readonly study: string;
  readonly series: string;
  readonly syntax?: WantedSyntax;
  readonly signal?: AbortSignal;
  /** Called with how many instances are here, of how many. */
  readonly progress?: (done: number, total: number) => void;
}

/** What came of it. */
export interface KeptSeriesResult {
  /** How many instances the series has: all are kept now. */
  readonly instances: number;
  /** How many of them were here before. */
  readonly alreadyHere: number;
  /** Bytes that came. */
  readonly bytes: number;
  /** How often something had to be asked for again. */
  readonly retries: number;
}

/**
 * Brings a series from an archive into a study store, whole, so that it can be worked on without the archive. What is kept already is not
 * asked for again: after an error or a restart, the same call goes on where it stood.
 * @throws NavError `archive/…`, `store/…`
 */
export async function keepSeries(
  archive: DicomArchive,
  store: StudyStore,
  options: KeepSeriesOptions,
): Promise<KeptSeriesResult> {
  const { study, series, syntax, signal, progress } = options;
  const have = new Set(store.find({ studyUid: study, seriesUid: series }).map((one) => one.sopInstanceUid));
  const alreadyHere = have.size;
  const unkept: Uint8Array[] = [];
  const keep = async (): Promise<void> => {
    if (unkept.length > 0) await store.put(unkept.splice(0));
  };
  try {
    const { sopInstanceUids, bytes, retries } = await retrieveSeries(archive, {
      study,
      series,
      have,
      ...(syntax !== undefined && { syntax }),
      ...(signal !== undefined && { signal }),
      ...(progress !== undefined && { progress }),
      onInstance: async (instance) => {
        unkept.push(instance.bytes);
        if (unkept.length >= KEPT_AT_ONCE) await keep();
      },
    });
    await keep();
    await store.complete(series, sopInstanceUids);
    return { instances: sopInstanceUids.length, alreadyHere, bytes, retries };
  } catch (error) {
    // What has come is kept, whatever went wrong.
    await keep().catch(() => undefined);
    throw error;
  }
}

/**
 * A volume from a study store, without any network, through the same checks as from files. A series of which some instances may be
 * missing is refused: what is missing cannot be told from what was never there.
 * @throws NavError `store/not-found`, `store/damaged`, and all that `readVolume` throws
 */
export async function keptVolume<F extends string>(
  store: StudyStore,
  options: Omit<ReadVolumeOptions<F>, 'seriesUid'> & { readonly series: string },
): Promise<Volume<F>> {
  const { series, ...how } = options;
  if (!store.isComplete(series)) {
    throw new NavError(
      'store/not-found',
      `Series ${series} is not known to be whole in ${store.folder.label}. Retrieve it while the archive can be reached.`,
      { detail: { seriesUid: series } },
    );
  }
  const files = (await store.files(series)).map((bytes, n) => ({ name: `instance ${n + 1}`, bytes }));
  return readVolume(files, { ...how, seriesUid: series });
}
