import { isNavError, type NavError } from '../../base/index.js';
import type { DicomArchive } from './archive.js';
import { throwIfStopped } from './errors.js';
import { isUid } from './options.js';
import type { StoreReason } from './store-reasons.js';
import type { KeptInstance } from './study-index.js';
import type { StudyStore } from './study-store.js';

/** An object that is to go to the archive. */
export interface QueuedObject {
  readonly sopInstanceUid: string;
  /**
   * `waiting`: nothing has gone out. `sending`: it went out and no answer came; the archive is asked before it is sent again. `refused`:
   * the archive does not take it; a person must look.
   */
  readonly state: 'waiting' | 'sending' | 'refused';
  /** How often it has gone out. */
  readonly attempts: number;
  /** Why the last attempt failed, in words. */
  readonly reason?: string;
}

/** What one object came to when the queue was sent. */
export interface SentObject {
  readonly sopInstanceUid: string;
  /**
   * `sent` now, or found there after an attempt whose answer was lost; `already-there` without any attempt of ours; `refused`; `waiting`
   * where it failed for a reason that may pass.
   */
  readonly outcome: 'sent' | 'already-there' | 'refused' | 'waiting';
  readonly reason?: string;
}

/** What sending the queue came to. */
export interface Flushed {
  /** In the order of the queue, as far as it came. */
  readonly objects: readonly SentObject[];
  /** How many are still to go, refused ones left out. */
  readonly waiting: number;
  /** Why it ended before its end: the archive is away, or does not let this caller in. */
  readonly endedBy?: NavError;
}

/** How the queue is sent. */
export interface FlushOptions {
  readonly signal?: AbortSignal;
  /** Told of each object as soon as it is settled. */
  readonly onObject?: (object: SentObject) => void;
}

/**
 * What is to go to an archive that is away: kept with the studies, over restarts, and sent in order once it is back. Each goes in a
 * request of its own, and one that fails holds up no other. An object is sent once: what it is going to do is written down before it
 * does it, and the archive is asked whether it has the object before it is given it.
 */
export interface WriteQueue {
  /** In order. */
  readonly objects: readonly QueuedObject[];
  /** Keeps files in the study store and queues them; one that is queued already is not queued twice. @throws NavError as `StudyStore.put` */
  add(files: readonly Uint8Array[]): Promise<void>;
  /**
   * Sends what waits. Two at the same time take turns.
   * @throws NavError `archive/aborted`, `store/…`
   */
  flush(archive: DicomArchive, options?: FlushOptions): Promise<Flushed>;
  /** Lets a refused object try again. */
  retry(sopInstanceUid: string): Promise<void>;
  /** Takes an object off the queue; the study store keeps it. */
  drop(sopInstanceUid: string): Promise<void>;
}

const FOLDER = 'queue';
const ENTRY = /^(\d{12})-(\d+(?:\.\d+)*)\.json$/;

interface Entry extends QueuedObject {
  readonly path: string;
}

/**
 * The queue in a study store's folder.
 * @throws NavError `store/write-failed`
 */
export async function openWriteQueue(store: StudyStore): Promise<WriteQueue> {
  const queue = new KeptQueue(store);
  await queue.open();
  return queue;
}

class KeptQueue implements WriteQueue {
  readonly #store: StudyStore;
  #entries: Entry[] = [];
  #next = 1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: StudyStore) {
    this.#store = store;
  }

  get objects(): readonly QueuedObject[] {
    return this.#entries.map(({ path: _, ...object }) => object);
  }

  async open(): Promise<void> {
    const names = [...(await this.#store.folder.list(FOLDER))].sort();
    for (const name of names) {
      const [, number, uid] = ENTRY.exec(name) ?? [];
      if (number === undefined || uid === undefined) continue;
      this.#next = Math.max(this.#next, Number(number) + 1);
      const path = `${FOLDER}/${name}`;
      this.#entries.push({ ...decoded(await this.#store.folder.read(path), uid), path });
    }
  }

  async add(files: readonly Uint8Array[]): Promise<void> {
    const kept = await this.#store.put(files);
    for (const { instance } of kept) {
      const { sopInstanceUid } = instance;
      if (this.#entries.some((entry) => entry.sopInstanceUid === sopInstanceUid)) continue;
      const path = `${FOLDER}/${String(this.#next).padStart(12, '0')}-${sopInstanceUid}.json`;
      this.#next += 1;
      const entry: Entry = { sopInstanceUid, state: 'waiting', attempts: 0, path };
      this.#entries.push(entry);
      await this.#write(entry);
    }
  }

  flush(archive: DicomArchive, options: FlushOptions = {}): Promise<Flushed> {
    const mine = this.#last.then(() => this.#flush(archive, options));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async #flush(archive: DicomArchive, { signal, onObject }: FlushOptions): Promise<Flushed> {
    const objects: SentObject[] = [];
    let endedBy: NavError | undefined;
    for (const entry of this.#entries.filter(({ state }) => state !== 'refused')) {
      throwIfStopped(signal);
      try {
        const object = await this.#settle(archive, entry, signal);
        objects.push(object);
        onObject?.(object);
      } catch (error) {
        if (!endsAll(error)) throw error;
        endedBy = error as NavError;
        break;
      }
    }
    const waiting = this.#entries.filter(({ state }) => state !== 'refused').length;
    return { objects, waiting, ...(endedBy !== undefined && { endedBy }) };
  }

  /** Sends one object, or finds it there. */
  async #settle(archive: DicomArchive, entry: Entry, signal: AbortSignal | undefined): Promise<SentObject> {
    const { sopInstanceUid } = entry;
    const [instance] = this.#store.find({ sopInstanceUid });
    if (instance === undefined) return this.#refuse(entry, 'its file is not kept here any more');
    try {
      if (await archive.has(instance, signal)) {
        await this.#done(entry);
        return { sopInstanceUid, outcome: entry.attempts > 0 ? 'sent' : 'already-there' };
      }
      return await this.#send(archive, entry, instance, signal);
    } catch (error) {
      if (!isNavError(error) || endsAll(error) || error.code === 'archive/aborted') throw error;
      const reason = `${error.code}: ${error.message}`;
      // What the archive refuses as a request, and what is damaged here, will be no better the next time.
      if (error.code === 'archive/refused' || error.code === 'store/damaged') return this.#refuse(entry, reason);
      const now = this.#entries.find(({ path }) => path === entry.path) ?? entry;
      await this.#change({ ...now, reason });
      return { sopInstanceUid, outcome: 'waiting', reason };
    }
  }

  async #send(archive: DicomArchive, entry: Entry, instance: KeptInstance, signal: AbortSignal | undefined): Promise<SentObject> {
    const { sopInstanceUid } = entry;
    const bytes = await this.#store.get(sopInstanceUid);
    const going: Entry = { sopInstanceUid, path: entry.path, state: 'sending', attempts: entry.attempts + 1 };
    await this.#change(going);
    const [outcome] = await archive.store([bytes], { studyUid: instance.studyUid, ...(signal && { signal }) });
    if (outcome?.outcome === 'stored' || outcome?.outcome === 'stored-changed') {
      await this.#done(entry);
      const reason = outcome.reason?.words;
      return { sopInstanceUid, outcome: 'sent', ...(reason !== undefined && { reason }) };
    }
    if (outcome?.outcome === 'refused') {
      const words = wordsOf(outcome.reason);
      if (outcome.reason?.mayPass !== true) return this.#refuse(going, words);
      await this.#change({ ...going, state: 'waiting', reason: words });
      return { sopInstanceUid, outcome: 'waiting', reason: words };
    }
    const reason = 'the archive did not say what became of it';
    await this.#change({ ...going, reason });
    return { sopInstanceUid, outcome: 'waiting', reason };
  }

  async #refuse(entry: Entry, reason: string): Promise<SentObject> {
    const now = this.#entries.find(({ path }) => path === entry.path) ?? entry;
    await this.#change({ ...now, state: 'refused', reason });
    return { sopInstanceUid: entry.sopInstanceUid, outcome: 'refused', reason };
  }

  async retry(sopInstanceUid: string): Promise<void> {
    const entry = this.#entries.find((one) => one.sopInstanceUid === sopInstanceUid);
    if (entry?.state === 'refused') await this.#change({ ...entry, state: 'waiting' });
  }

  async drop(sopInstanceUid: string): Promise<void> {
    const entry = this.#entries.find((one) => one.sopInstanceUid === sopInstanceUid);
    if (entry !== undefined) await this.#done(entry);
  }

  async #done(entry: Entry): Promise<void> {
    await this.#store.folder.remove(entry.path);
    this.#entries = this.#entries.filter(({ path }) => path !== entry.path);
  }

  async #change(entry: Entry): Promise<void> {
    await this.#write(entry);
    this.#entries = this.#entries.map((one) => (one.path === entry.path ? entry : one));
  }

  #write({ path, ...object }: Entry): Promise<void> {
    return this.#store.folder.write(path, new TextEncoder().encode(`${JSON.stringify(object)}\n`));
  }
}

/** Reasons that hold for every object: there is no use in trying the next. */
function endsAll(error: unknown): boolean {
  const codes = ['archive/unreachable', 'archive/tls', 'archive/unauthorised', 'archive/forbidden'] as const;
  return codes.some((code) => isNavError(error, code));
}

function wordsOf(reason: StoreReason | undefined): string {
  return reason?.words ?? 'the archive gives no reason';
}

/** An entry that is damaged is taken as one that may have gone out: the archive is asked first in any case. */
function decoded(bytes: Uint8Array | undefined, uid: string): QueuedObject {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes)) as Partial<QueuedObject>;
    const { sopInstanceUid, state, attempts, reason } = json;
    const good = sopInstanceUid === uid && isUid(uid) && (state === 'waiting' || state === 'sending' || state === 'refused');
    if (good && typeof attempts === 'number')
      return { sopInstanceUid, state, attempts, ...(typeof reason === 'string' && { reason }) };
  } catch {
    // Said below.
  }
  return { sopInstanceUid: uid, state: 'sending', attempts: 1, reason: 'what was noted of it was damaged' };
}
