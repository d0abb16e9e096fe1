import { isNavError } from '../../base/index.js';
import type { Frame } from '../../frames/index.js';
import { type OrderedSeries, orderSeries } from '../../io/dicom/series.js';
import { slicesOf } from '../../io/dicom/slice.js';
import { readVolume, type VolumeFile } from '../../io/index.js';
import type { Volume } from '../../volume/index.js';
import type { DicomArchive } from './archive.js';
import { type ArrivedSlice, arrivedSlice, type GrowingVolume, Growth } from './growing.js';
import { identified } from './identity.js';
import { slicesOfMetadata } from './metadata-file.js';
import { bad } from './options.js';
import type { WantedSyntax } from './retrieve.js';
import { type ArrivedInstance, retrieveSeries } from './series.js';

/** Where arrived instances are kept, and found again after a restart: `StudyStore` is one. */
export interface InstanceKeeper {
  /** The files of a series that are kept, checked. */
  files(seriesUid: string): Promise<readonly Uint8Array[]>;
  /** Keeps files. */
  put(files: readonly Uint8Array[]): Promise<unknown>;
  /** Remembers that these are all of the series. */
  complete(seriesUid: string, sopInstanceUids: readonly string[]): Promise<void>;
}

/** How a volume is retrieved. */
export interface RetrieveVolumeOptions<F extends string> {
  readonly study: string;
  readonly series: string;
  /** The frame that the volume spans: patient coordinates, LPS, mm. */
  readonly frame: Frame<F>;
  /** Default `as-stored`. */
  readonly syntax?: WantedSyntax;
  /** As for `readVolume`. */
  readonly gaps?: 'refuse' | 'interpolate';
  /** As for `readVolume`: which volume of a series that holds several. */
  readonly pick?: string;
  /**
   * `as-sent` (the default): all in one answer, in the archive's own order, which is the quickest way to the complete volume.
   * `middle-first`: the metadata first, then slice by slice from the middle of the volume outwards. A list of SOP Instance UIDs: those
   * first, then the others.
   */
  readonly order?: 'as-sent' | 'middle-first' | readonly string[];
  /** Requests at the same time where slices are asked for one by one. Default 4. */
  readonly parallel?: number;
  /**
   * With `as-sent`: after how long the metadata are asked for beside the slices, so that {@link onSlice} gets a grid to show them in, ms.
   * A transfer that is over by then needs none. Default 1000.
   */
  readonly gridAfterMs?: number;
  /** Keeps each instance as it comes, and is asked first: a retrieval that was ended goes on where it stood, over restarts too. */
  readonly keep?: InstanceKeeper;
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 to 1. */
  readonly progress?: (fraction: number) => void;
  /** The first slice that came, before any other call. */
  readonly onFirst?: (slice: ArrivedSlice) => void | Promise<void>;
  /** Each slice as it comes, with the volume that grows by it, as soon as its grid is known. The next one waits for its promise. */
  readonly onSlice?: (slice: ArrivedSlice, growing: GrowingVolume | undefined) => void | Promise<void>;
}

/** How many instances are kept at a time: each time the store writes its index. */
const KEPT_AT_ONCE = 32;

/**
 * A volume from an archive. Slices are handed out as they come; the volume itself only when all are here and have passed the checks of
 * `readVolume`, on the files themselves.
 * @throws NavError `archive/…`, and all that `readVolume` throws
 */
export async function retrieveVolume<F extends string>(
  archive: DicomArchive,
  options: RetrieveVolumeOptions<F>,
): Promise<Volume<F>> {
  const run = new VolumeRun(archive, options);
  const files = await run.files();
  return readVolume(files, {
    frame: options.frame,
    seriesUid: options.series,
    ...(options.gaps !== undefined && { gaps: options.gaps }),
    ...(options.pick !== undefined && { pick: options.pick }),
    ...(options.signal !== undefined && { signal: options.signal }),
    progress: (fraction) => options.progress?.(0.9 + 0.1 * fraction),
  });
}

class VolumeRun<F extends string> {
  readonly #archive: DicomArchive;
  readonly #options: RetrieveVolumeOptions<F>;
  readonly #files: VolumeFile[] = [];
  readonly #unkept: Uint8Array[] = [];
  readonly #stop = new AbortController();
  /** Slices that came before the grid was known. */
  #waiting: ArrivedInstance[] = [];
  #growth: Growth | undefined;
  #first = true;
  #failure: unknown;

  constructor(archive: DicomArchive, options: RetrieveVolumeOptions<F>) {
    this.#archive = archive;
    this.#options = options;
    if (!((options.gridAfterMs ?? 1000) >= 0)) throw bad('gridAfterMs is no time');
  }

  /** All files of the series. */
  async files(): Promise<readonly VolumeFile[]> {
    const { order = 'as-sent', signal, keep, series } = this.#options;
    const follow = (): void => this.#stop.abort(signal?.reason);
    if (signal?.aborted) follow();
    signal?.addEventListener('abort', follow);
    const timer = order === 'as-sent' && this.#options.onSlice !== undefined ? this.#gridLater() : undefined;
    try {
      const have = await this.#kept();
      const ordered = order === 'as-sent' ? undefined : await this.#ordered(order);
      const all = await this.#retrieve(ordered, have);
      await this.#keepRest();
      await keep?.complete(series, all);
      return this.#files;
    } catch (error) {
      // What has come is kept, whatever went wrong.
      await this.#keepRest().catch(() => undefined);
      throw this.#failure ?? error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
      this.#stop.abort();
    }
  }

  async #retrieve(order: readonly string[] | undefined, have: ReadonlySet<string>): Promise<readonly string[]> {
    const { study, series, syntax, parallel } = this.#options;
    const { sopInstanceUids } = await retrieveSeries(this.#archive, {
      study,
      series,
      have,
      ...(syntax !== undefined && { syntax }),
      ...(parallel !== undefined && { parallel }),
      ...(order !== undefined && { order }),
      signal: this.#stop.signal,
      onInstance: (instance) => this.#arrived(instance),
      progress: (done, total) => this.#options.progress?.((0.9 * done) / total),
    });
    return sopInstanceUids;
  }

  /** What the store has: handed out like what comes. */
  async #kept(): Promise<ReadonlySet<string>> {
    const { keep, series } = this.#options;
    const have = new Set<string>();
    for (const bytes of (await keep?.files(series)) ?? []) {
      const instance = await parsedInstance(bytes);
      have.add(instance.sopInstanceUid);
      await this.#handOut(instance);
    }
    return have;
  }

  async #arrived(instance: ArrivedInstance): Promise<void> {
    if (this.#options.keep !== undefined) {
      this.#unkept.push(instance.bytes);
      if (this.#unkept.length >= KEPT_AT_ONCE) await this.#keepRest();
    }
    await this.#handOut(instance);
  }

  async #keepRest(): Promise<void> {
    if (this.#unkept.length > 0) await this.#options.keep?.put(this.#unkept.splice(0));
  }

  async #handOut(instance: ArrivedInstance): Promise<void> {
    this.#files.push({ name: instance.sopInstanceUid, bytes: instance.bytes });
    const { onFirst, onSlice } = this.#options;
    if (onSlice === undefined && (onFirst === undefined || !this.#first)) return;
    // What is no image of a volume is judged when all is here, with the others.
    const slices = isImage(instance) ? slicesOf(instance.file) : [];
    // Before anything is waited for: the grid may become known meanwhile, and lays what stands here.
    if (this.#growth === undefined) this.#waiting.push(instance);
    for (const slice of slices) {
      const arrived = arrivedSlice(slice, instance.sopInstanceUid, this.#growth?.planeOf(instance.sopInstanceUid, slice));
      await this.#growth?.lay(arrived);
      if (this.#first) {
        this.#first = false;
        await onFirst?.(arrived);
      }
      await onSlice?.(arrived, this.#growth);
    }
  }

  /** The metadata beside the slices. Where they cannot be had there is no grid; where they show a series that is no volume, it ends. */
  #gridLater(): ReturnType<typeof setTimeout> {
    return setTimeout(async () => {
      try {
        await this.#grow(await this.#grid());
      } catch (error) {
        if (isNavError(error) && error.code.startsWith('archive/')) return;
        this.#failure = error;
        this.#stop.abort(error);
      }
    }, this.#options.gridAfterMs ?? 1000);
  }

  /** The series in order, by its metadata. @throws NavError `archive/…`, `dicom/…` */
  async #grid(): Promise<OrderedSeries> {
    const { study, series, gaps, pick } = this.#options;
    const metadata = await this.#archive.retrieveMetadata({ studyUid: study, seriesUid: series }, this.#stop.signal);
    const slices = await Promise.all(metadata.map((one) => slicesOfMetadata(one)));
    return orderSeries(slices.flat(), gaps, pick);
  }

  /** Begins the growing volume, and lays into it what has come already. */
  async #grow(series: OrderedSeries): Promise<void> {
    const growth = new Growth(series);
    for (;;) {
      const instance = this.#waiting.shift();
      if (instance === undefined) break;
      for (const slice of isImage(instance) ? slicesOf(instance.file) : []) {
        await growth.lay(arrivedSlice(slice, instance.sopInstanceUid, growth.planeOf(instance.sopInstanceUid, slice)));
      }
    }
    // No wait between the last look and this: nothing can have come in between.
    this.#growth = growth;
  }

  /** The order in which slices are asked for. */
  async #ordered(order: 'middle-first' | readonly string[]): Promise<readonly string[]> {
    const grid = await this.#grid();
    await this.#grow(grid);
    const uids = [...new Set(grid.slices.map((slice) => slice.header.file.name))];
    if (order === 'middle-first') return fromMiddle(uids);
    const unknown = order.find((uid) => !uids.includes(uid));
    if (unknown !== undefined) throw bad('order names an instance that the series does not have');
    return [...new Set([...order, ...uids])];
  }
}

async function parsedInstance(bytes: Uint8Array): Promise<ArrivedInstance> {
  const { file, identity } = await identified('a kept instance', bytes);
  return { sopInstanceUid: identity.sopInstanceUid, bytes, file: { ...file, name: identity.sopInstanceUid } };
}

function isImage({ file }: ArrivedInstance): boolean {
  return file.dataset.elements['x7fe00010'] !== undefined && file.dataset.elements['x00280010'] !== undefined;
}

/** The middle, then one to each side, and so on. */
export function fromMiddle<T>(list: readonly T[]): T[] {
  const middle = Math.floor((list.length - 1) / 2);
  const distance = (n: number): number => 2 * Math.abs(n - middle) - (n > middle ? 1 : 0);
  return list
    .map((_, n) => n)
    .sort((a, b) => distance(a) - distance(b))
    .map((n) => list[n] as T);
}
