import { isNavError, NavError } from '../../base/index.js';
import type { DicomFile } from '../../io/dicom/dataset.js';
import type { DicomArchive } from './archive.js';
import { badAnswer, mayPass, throwIfStopped } from './errors.js';
import { identified } from './identity.js';
import { bad, requireUid } from './options.js';
import type { WantedSyntax } from './retrieve.js';
import { pause, waitBefore } from './transport.js';

/** An instance of a series that has come whole and was parsed. */
export interface ArrivedInstance {
  readonly sopInstanceUid: string;
  /** The DICOM file. */
  readonly bytes: Uint8Array;
  /** Its elements; the pixels are those of `bytes`. */
  readonly file: DicomFile;
}

/** How a series is retrieved. */
export interface RetrieveSeriesOptions {
  readonly study: string;
  readonly series: string;
  /** Default `as-stored`. */
  readonly syntax?: WantedSyntax;
  /**
   * Which instances are wanted, in this order, each in a request of its own; or undefined for all, as the archive sends them in one
   * answer, which is the quickest way to have them all.
   */
  readonly order?: readonly string[];
  /** Instances that are here already, by SOP Instance UID: they are not asked for. */
  readonly have?: ReadonlySet<string>;
  /** Requests at the same time where instances are asked for one by one. Default 4. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  /**
   * Called for each as it comes; the next waits for its promise. What it throws ends the retrieval.
   */
  readonly onInstance: (instance: ArrivedInstance) => void | Promise<void>;
  /** Called with how many are here, those of `have` included, of how many. */
  readonly progress?: (done: number, total: number) => void;
}

/** What came of it. */
export interface RetrievedSeries {
  /** All instances that the archive has of this series. */
  readonly sopInstanceUids: readonly string[];
  /** Bytes of the instances that came. */
  readonly bytes: number;
  /** How often something had to be asked for again. */
  readonly retries: number;
}

/**
 * All instances of a series, or those in `order`: each handed out once, whole and parsed. Where the connection ends, what has come is
 * kept, and only what is missing is asked for again, instance by instance. It ends when all that the archive lists are here.
 * @throws NavError `archive/…`; `archive/incomplete` where the archive lists instances that it does not give
 */
export async function retrieveSeries(archive: DicomArchive, options: RetrieveSeriesOptions): Promise<RetrievedSeries> {
  requireUid(options.study, 'study');
  requireUid(options.series, 'series');
  const { parallel = 4 } = options;
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) throw bad(`parallel is ${parallel}: give 1 to 64`);
  const have = new Set(options.have);
  const run = new SeriesRun(archive, options, have, parallel);
  if (options.order !== undefined) {
    for (const uid of options.order) requireUid(uid, 'a UID of order');
    await run.byInstance(options.order);
    return run.result(options.order);
  }
  const listed = await run.wholeOrListed();
  await run.byInstance(listed);
  return run.result(listed);
}

/** One retrieval and what it has. */
class SeriesRun {
  readonly #archive: DicomArchive;
  readonly #options: RetrieveSeriesOptions;
  readonly #have: Set<string>;
  readonly #parallel: number;
  #total = 0;
  #bytes = 0;
  #retries = 0;

  constructor(archive: DicomArchive, options: RetrieveSeriesOptions, have: Set<string>, parallel: number) {
    this.#archive = archive;
    this.#options = options;
    this.#have = have;
    this.#parallel = parallel;
  }

  result(sopInstanceUids: readonly string[]): RetrievedSeries {
    return { sopInstanceUids, bytes: this.#bytes, retries: this.#retries };
  }

  /**
   * The series as one answer where nothing of it is here, beside the list of what there is: an answer that is whole may yet lack an
   * instance.
   */
  async wholeOrListed(): Promise<readonly string[]> {
    const stop = new AbortController();
    const signal = anySignal(this.#options.signal, stop.signal);
    const counted = this.#count(signal);
    // Where the answer fails first, nobody waits for the count any more.
    counted.catch(() => undefined);
    try {
      if (this.#have.size > 0 || !(await this.#asOne(counted))) return await this.#list();
      const count = await counted;
      if (count !== undefined && count === this.#have.size) return [...this.#have];
      return await this.#list();
    } finally {
      stop.abort();
    }
  }

  /** Whether the one answer came to its end. */
  async #asOne(counted: Promise<number | undefined>): Promise<boolean> {
    const { study, series, syntax, signal } = this.#options;
    counted.then(
      (count) => {
        this.#total = count ?? this.#total;
      },
      () => undefined,
    );
    try {
      const how = { ...(syntax !== undefined && { syntax }), ...(signal && { signal }) };
      for await (const { bytes } of this.#archive.retrieveInstances({ studyUid: study, seriesUid: series }, how)) {
        await this.#take(bytes, undefined);
      }
      return true;
    } catch (error) {
      // What has come is kept. An archive that fails or is away has been asked several times already.
      if (!mayPass(error) || isNavError(error, 'archive/failed') || isNavError(error, 'archive/unreachable')) throw error;
      this.#retries += 1;
      await pause(waitBefore(error, this.#archive.settings, 0), signal);
      return false;
    }
  }

  /** How many instances the archive says there are; undefined where it does not say. */
  async #count(signal: AbortSignal): Promise<number | undefined> {
    const { study, series } = this.#options;
    for await (const found of this.#archive.findSeries(study, { seriesUid: series, limit: 1, signal })) {
      return found.seriesUid === series ? found.instanceCount : undefined;
    }
    return undefined;
  }

  async #list(): Promise<readonly string[]> {
    const { study, series, signal } = this.#options;
    const uids: string[] = [];
    for await (const found of this.#archive.findInstances(study, series, { pageSize: 1000, ...(signal && { signal }) })) {
      uids.push(found.sopInstanceUid);
    }
    if (uids.length === 0) {
      throw new NavError(
        'archive/not-found',
        `The archive ${this.#archive.url} has no instances of series ${series}. Check the UIDs.`,
      );
    }
    return uids;
  }

  /** Asks for what is missing, several at a time, beginning in the given order. */
  async byInstance(uids: readonly string[]): Promise<void> {
    const missing = uids.filter((uid) => !this.#have.has(uid));
    this.#total = uids.length;
    const stop = new AbortController();
    const signal = anySignal(this.#options.signal, stop.signal);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < missing.length) {
        const uid = missing[next] as string;
        next += 1;
        await this.#one(uid, signal);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(this.#parallel, missing.length) }, work));
    } catch (error) {
      throwIfStopped(this.#options.signal);
      throw error;
    } finally {
      // One has failed for good: the others are not wanted any more.
      stop.abort();
    }
  }

  async #one(uid: string, signal: AbortSignal): Promise<void> {
    const { study, series, syntax } = this.#options;
    const target = { studyUid: study, seriesUid: series, sopInstanceUid: uid };
    const how = { ...(syntax !== undefined && { syntax }), signal };
    try {
      const { bytes } = await this.#archive.retrieveInstance(target, how);
      await this.#take(bytes, uid);
    } catch (cause) {
      if (!isNavError(cause, 'archive/not-found')) throw cause;
      throw new NavError(
        'archive/incomplete',
        `The archive lists instance ${uid} of series ${series} but does not give it. The series is not whole; ask its administrator.`,
        { detail: { sopInstanceUid: uid, here: this.#have.size, of: this.#total }, cause },
      );
    }
  }

  /** Checks that an instance is what was asked for, and hands it out. */
  async #take(bytes: Uint8Array, uid: string | undefined): Promise<void> {
    const { study, series, onInstance, progress, signal } = this.#options;
    throwIfStopped(signal);
    const where = `${this.#archive.url}, series ${series}`;
    const { file, identity } = await identified(uid ?? `instance ${this.#have.size + 1} of the answer`, bytes).catch(
      (cause: unknown) => {
        throw badAnswer(where, 'an instance came that is no readable DICOM file', {
          cause,
          detail: { reason: (cause as Error).message },
        });
      },
    );
    const { studyUid, seriesUid, sopInstanceUid } = identity;
    if (studyUid !== study || seriesUid !== series || (uid !== undefined && sopInstanceUid !== uid)) {
      throw badAnswer(where, `instance ${sopInstanceUid} came, which was not asked for`);
    }
    if (this.#have.has(sopInstanceUid)) return;
    this.#have.add(sopInstanceUid);
    this.#bytes += bytes.length;
    await onInstance({ sopInstanceUid, bytes, file: { ...file, name: sopInstanceUid } });
    progress?.(this.#have.size, Math.max(this.#total, this.#have.size));
  }
}

/** A signal that follows two. `AbortSignal.any` is younger than some browsers in use. */
function anySignal(a: AbortSignal | undefined, b: AbortSignal): AbortSignal {
  if (a === undefined) return b;
  const both = new AbortController();
  const follow = (): void => {
    a.removeEventListener('abort', follow);
    b.removeEventListener('abort', follow);
    both.abort(a.aborted ? a.reason : b.reason);
  };
  if (a.aborted || b.aborted) follow();
  a.addEventListener('abort', follow);
  b.addEventListener('abort', follow);
  return both.signal;
}
