import { isNavError, NavError } from '../../base/index.js';
import type { StoreFolder } from './folder.js';
import { identified } from './identity.js';
import { decodeIndex, encodeIndex, type KeptInstance, keptInstance } from './study-index.js';

/** What became of a file that was to be kept. */
export interface PutOutcome {
  readonly instance: KeptInstance;
  /** `conflict`: another file with this UID is here; this one was kept beside it and is not given out. */
  readonly outcome: 'kept' | 'already-here' | 'conflict';
}

/** Which instances. Text matches as a whole, or by `*` and `?`; letters large or small. */
export interface KeptQuery {
  readonly studyUid?: string;
  readonly seriesUid?: string;
  readonly sopInstanceUid?: string;
  readonly patientName?: string;
  readonly patientId?: string;
  readonly modality?: string;
  readonly studyDate?: string;
}

/** Something that was found wrong when the store was opened, and what was done. */
export interface StoreNote {
  readonly what: 'index-rebuilt' | 'not-in-index' | 'file-missing' | 'damaged' | 'conflict';
  readonly path: string;
}

/**
 * Studies kept on this machine: a folder with an index, for work without a network. The files are DICOM files under the names of their
 * UIDs, with the SHA-256 of each in its name, so that any other program can read them and a lost index costs nothing but time.
 *
 * What is kept names patients, as DICOM files do: whoever may read the folder may read that.
 */
export interface StudyStore {
  readonly folder: StoreFolder;
  /** What was found wrong when it was opened. */
  readonly notes: readonly StoreNote[];
  /**
   * Keeps DICOM files. All are parsed first.
   * @param conflicts what to do with a file whose UID is here with other bytes: refuse it (the default; the others are kept), or keep it
   *   beside the other
   * @throws NavError `store/conflict`, `store/write-failed`, `dicom/…`, `io/corrupt`
   */
  put(files: readonly Uint8Array[], conflicts?: 'refuse' | 'keep'): Promise<readonly PutOutcome[]>;
  /** The file, its SHA-256 checked. @throws NavError `store/not-found`, `store/damaged` */
  get(sopInstanceUid: string): Promise<Uint8Array>;
  /** The files of a series, checked, by their instance numbers. @throws NavError `store/damaged` */
  files(seriesUid: string): Promise<readonly Uint8Array[]>;
  find(query?: KeptQuery): readonly KeptInstance[];
  /** Remembers that these are all instances of a series. @throws NavError `store/not-found` where one is not here */
  complete(seriesUid: string, sopInstanceUids: readonly string[]): Promise<void>;
  /** Whether all instances of a series are known to be here. */
  isComplete(seriesUid: string): boolean;
  /** Removes what matches, and says how many that were. @throws NavError `store/bad-option` where nothing narrows it */
  remove(query: KeptQuery): Promise<number>;
  /** Reads everything and compares it with its SHA-256: the instances whose bytes are others. */
  verify(): Promise<readonly KeptInstance[]>;
}

const ROOT = 'studies';
/** Apart from the files, so that who reads a folder of them finds nothing else. */
const INDEX = 'index';
const FILE = /^(\d+(?:\.\d+)*)-([0-9a-f]{64})\.(dcm|conflict)$/;

/**
 * Opens what is in a folder, or begins with an empty one. Where an index is damaged or does not agree with the files, the files are
 * right, and `notes` says so.
 * @throws NavError `store/write-failed`
 */
export async function openStudyStore(folder: StoreFolder): Promise<StudyStore> {
  const store = new KeptStudies(folder);
  await store.open();
  return store;
}

interface KeptSeries {
  readonly path: string;
  readonly indexPath: string;
  readonly instances: Map<string, KeptInstance>;
  complete: readonly string[] | undefined;
}

class KeptStudies implements StudyStore {
  readonly folder: StoreFolder;
  readonly notes: StoreNote[] = [];
  /** By Series Instance UID. */
  readonly #series = new Map<string, KeptSeries>();
  /** By SOP Instance UID. */
  readonly #instances = new Map<string, KeptInstance>();
  /** Writing takes turns: an index must not be overtaken by an older one. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: StoreFolder) {
    this.folder = folder;
  }

  async open(): Promise<void> {
    for (const study of await this.folder.list(ROOT)) {
      for (const series of await this.folder.list(`${ROOT}/${study}`)) await this.#openSeries(study, series);
    }
  }

  async #openSeries(study: string, series: string): Promise<void> {
    const path = `${ROOT}/${study}/${series}`;
    const names = await this.folder.list(path);
    const indexPath = `${INDEX}/${study}/${series}.json`;
    const bytes = await this.folder.read(indexPath);
    const index = bytes && decodeIndex(bytes);
    const listed = new Map((index?.instances ?? []).map((one) => [nameOf(one), one] as const));
    const kept: KeptSeries = { path, indexPath, instances: new Map(), complete: index?.complete };
    let changed = index === undefined;
    if (changed && names.some((name) => FILE.test(name))) this.notes.push({ what: 'index-rebuilt', path });
    for (const name of names) {
      const [, , , kind] = FILE.exec(name) ?? [];
      if (kind === 'conflict') this.notes.push({ what: 'conflict', path: `${path}/${name}` });
      if (kind !== 'dcm') continue;
      const known = listed.get(name);
      listed.delete(name);
      if (known === undefined && index !== undefined) this.notes.push({ what: 'not-in-index', path: `${path}/${name}` });
      changed ||= known === undefined;
      const one = known ?? (await this.#fromFile(path, name));
      if (one !== undefined) this.#admit(kept, one);
    }
    for (const name of listed.keys()) this.notes.push({ what: 'file-missing', path: `${path}/${name}` });
    if (kept.instances.size === 0) return;
    this.#series.set(series, kept);
    if (changed || listed.size > 0) await this.#writeIndex(kept);
  }

  /** What a file without an index entry says of itself, where it is what its name says. */
  async #fromFile(path: string, name: string): Promise<KeptInstance | undefined> {
    const [, sopInstanceUid, sha256] = FILE.exec(name) as unknown as [string, string, string];
    const bytes = (await this.folder.read(`${path}/${name}`)) ?? new Uint8Array(0);
    try {
      const { file, identity } = await identified(name, bytes);
      const right = identity.sopInstanceUid === sopInstanceUid && (await sha256Of(bytes)) === sha256;
      if (right) return keptInstance(file, identity, sha256, bytes.length);
    } catch (error) {
      if (!isNavError(error)) throw error;
    }
    this.notes.push({ what: 'damaged', path: `${path}/${name}` });
    return undefined;
  }

  #admit(series: KeptSeries, one: KeptInstance): void {
    if (this.#instances.has(one.sopInstanceUid)) {
      this.notes.push({ what: 'conflict', path: `${series.path}/${nameOf(one)}` });
      return;
    }
    series.instances.set(one.sopInstanceUid, one);
    this.#instances.set(one.sopInstanceUid, one);
  }

  put(files: readonly Uint8Array[], conflicts: 'refuse' | 'keep' = 'refuse'): Promise<readonly PutOutcome[]> {
    return this.#inTurn(() => this.#put(files, conflicts));
  }

  async #put(files: readonly Uint8Array[], conflicts: 'refuse' | 'keep'): Promise<readonly PutOutcome[]> {
    const incoming: { readonly bytes: Uint8Array; readonly instance: KeptInstance }[] = [];
    for (const [n, bytes] of files.entries()) {
      const { file, identity } = await identified(`file ${n + 1} of ${files.length}`, bytes);
      incoming.push({ bytes, instance: keptInstance(file, identity, await sha256Of(bytes), bytes.length) });
    }
    const outcomes: PutOutcome[] = [];
    const refused: string[] = [];
    const touched = new Set<KeptSeries>();
    try {
      for (const { bytes, instance } of incoming) {
        const series = this.#seriesOf(instance);
        const here = this.#instances.get(instance.sopInstanceUid);
        const outcome = here === undefined ? 'kept' : here.sha256 === instance.sha256 ? 'already-here' : 'conflict';
        if (outcome === 'conflict' && conflicts === 'refuse') {
          refused.push(instance.sopInstanceUid);
          continue;
        }
        if (outcome !== 'already-here')
          await this.folder.write(`${series.path}/${nameOf(instance, outcome === 'conflict')}`, bytes);
        if (outcome === 'kept') {
          this.#admit(series, instance);
          this.#series.set(instance.seriesUid, series);
          touched.add(series);
        }
        outcomes.push({ instance, outcome });
      }
    } finally {
      for (const series of touched) await this.#writeIndex(series);
    }
    if (refused.length > 0) throw conflict(this.folder.label, refused);
    return outcomes;
  }

  #seriesOf({ studyUid, seriesUid }: KeptInstance): KeptSeries {
    const path = `${ROOT}/${studyUid}/${seriesUid}`;
    const here = this.#series.get(seriesUid);
    if (here === undefined)
      return { path, indexPath: `${INDEX}/${studyUid}/${seriesUid}.json`, instances: new Map(), complete: undefined };
    if (here.path === path) return here;
    throw new NavError(
      'store/conflict',
      `Series ${seriesUid} is kept in ${this.folder.label} as one of another study. Which is right?`,
      {
        detail: { seriesUid, studyUid },
      },
    );
  }

  async get(sopInstanceUid: string): Promise<Uint8Array> {
    const one = this.#instances.get(sopInstanceUid);
    if (one === undefined) {
      throw new NavError('store/not-found', `Instance ${sopInstanceUid} is not kept in ${this.folder.label}.`, {
        detail: { sopInstanceUid },
      });
    }
    const bytes = await this.folder.read(`${pathOf(one)}/${nameOf(one)}`);
    if (bytes !== undefined && (await sha256Of(bytes)) === one.sha256) return bytes;
    throw new NavError(
      'store/damaged',
      `Instance ${sopInstanceUid} in ${this.folder.label} is ${bytes === undefined ? 'gone' : 'not what was kept: its SHA-256 is another'}. ` +
        'Remove it, and retrieve it again.',
      { detail: { sopInstanceUid } },
    );
  }

  async files(seriesUid: string): Promise<readonly Uint8Array[]> {
    const all: Uint8Array[] = [];
    for (const one of this.find({ seriesUid })) all.push(await this.get(one.sopInstanceUid));
    return all;
  }

  find(query: KeptQuery = {}): readonly KeptInstance[] {
    const wanted = Object.entries(query).filter(([, value]) => value !== undefined) as [keyof KeptQuery, string][];
    const patterns = wanted.map(([key, value]) => [key, patternOf(value)] as const);
    const number = (one: KeptInstance): number => one.instanceNumber ?? Number.POSITIVE_INFINITY;
    return [...this.#instances.values()]
      .filter((one) => patterns.every(([key, pattern]) => pattern.test(one[key] ?? '')))
      .sort(
        (a, b) =>
          compare(a.studyUid, b.studyUid) ||
          compare(a.seriesUid, b.seriesUid) ||
          number(a) - number(b) ||
          compare(a.sopInstanceUid, b.sopInstanceUid),
      );
  }

  complete(seriesUid: string, sopInstanceUids: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const series = this.#series.get(seriesUid);
      const absent = sopInstanceUids.find((uid) => !series?.instances.has(uid));
      if (series === undefined || absent !== undefined) {
        throw new NavError(
          'store/not-found',
          `Series ${seriesUid} is not whole in ${this.folder.label}: instance ${absent} is not there.`,
        );
      }
      series.complete = [...sopInstanceUids];
      await this.#writeIndex(series);
    });
  }

  isComplete(seriesUid: string): boolean {
    const series = this.#series.get(seriesUid);
    return series?.complete?.every((uid) => series.instances.has(uid)) ?? false;
  }

  remove(query: KeptQuery): Promise<number> {
    return this.#inTurn(async () => {
      if (Object.values(query).every((value) => value === undefined)) {
        throw new NavError('store/bad-option', 'Nothing says what to remove. Name a study, a series, an instance or a patient.');
      }
      const which = this.find(query);
      for (const one of which) {
        await this.folder.remove(`${pathOf(one)}/${nameOf(one)}`);
        this.#instances.delete(one.sopInstanceUid);
        this.#series.get(one.seriesUid)?.instances.delete(one.sopInstanceUid);
      }
      for (const uid of new Set(which.map((one) => one.seriesUid))) {
        const series = this.#series.get(uid) as KeptSeries;
        if (series.instances.size > 0) await this.#writeIndex(series);
        else {
          await this.folder.remove(series.indexPath);
          this.#series.delete(uid);
        }
      }
      return which.length;
    });
  }

  async verify(): Promise<readonly KeptInstance[]> {
    const damaged: KeptInstance[] = [];
    for (const one of this.find()) {
      await this.get(one.sopInstanceUid).catch((error: unknown) => {
        if (!isNavError(error, 'store/damaged')) throw error;
        damaged.push(one);
      });
    }
    return damaged;
  }

  #writeIndex(series: KeptSeries): Promise<void> {
    const { instances, complete } = series;
    return this.folder.write(
      series.indexPath,
      encodeIndex({ instances: [...instances.values()], ...(complete !== undefined && { complete }) }),
    );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pathOf(one: KeptInstance): string {
  return `${ROOT}/${one.studyUid}/${one.seriesUid}`;
}

function nameOf(one: KeptInstance, isConflict = false): string {
  return `${one.sopInstanceUid}-${one.sha256}.${isConflict ? 'conflict' : 'dcm'}`;
}

function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'is');
}

function conflict(label: string, uids: readonly string[]): NavError {
  return new NavError(
    'store/conflict',
    `${uids.length} instance(s) are kept in ${label} with other bytes under the same UID, first ${uids[0]}. Nothing was replaced. ` +
      'Find out which is right; keep the other with conflicts "keep".',
    { detail: { sopInstanceUids: uids } },
  );
}

async function sha256Of(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
