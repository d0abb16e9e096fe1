import { isNavError, NavError } from '@trocar/core';
import { openWriteQueue, type QueuedObject, readSource, SOP_CLASS, type WriteQueue } from '@trocar/core/dicom';
import type { ResultKind, ResultStudy } from '../results.js';
import type { StudyPlace } from './study-options.js';

/**
 * Where a result is.
 *
 * - `kept`: on this machine, nothing has gone out; `sending`: it is going out;
 * - `stored`: the archive has it; `stored-changed`: the archive says that it changed something of it;
 * - `refused`: the archive does not take it: a person must look; `unknown`: it went out and no answer came. The archive is asked before
 *   it goes out again.
 */
export type ResultState = 'kept' | 'sending' | 'stored' | 'stored-changed' | 'refused' | 'unknown';

/** A result as a person sees it. */
export interface ResultLine {
  /** SOP Instance UID. */
  readonly uid: string;
  readonly kind: ResultKind;
  readonly state: ResultState;
  /** Why, where there is something to say; in English. */
  readonly reason?: string;
}

/** All results of a study, and the way to the archive. */
export interface ResultsView {
  /** Whether there is an archive to send to; else what is kept stays here. */
  readonly archive: boolean;
  readonly objects: readonly ResultLine[];
  /** Objects of other studies that wait in the same folder. */
  readonly others: number;
  /** Why sending last ended before its end. */
  readonly trouble?: { readonly code: string; readonly message: string };
}

/** How {@link ResultsDesk} works. */
export interface ResultsOptions {
  readonly place: StudyPlace;
  /** What results must belong to. */
  readonly origin: ResultStudy;
  /** How long after a failure that may pass the archive is asked again, ms. Default 15 000. */
  readonly retryMs?: number;
}

interface Noted {
  readonly uid: string;
  readonly kind: ResultKind;
  readonly study: string;
  readonly state: 'kept' | 'stored' | 'stored-changed';
  readonly reason?: string;
}

const FOLDER = 'results';
const KINDS: Readonly<Record<string, ResultKind>> = {
  [SOP_CLASS.spatialRegistration]: 'registration',
  [SOP_CLASS.segmentation]: 'segmentation',
  [SOP_CLASS.comprehensive3dSr]: 'report',
  [SOP_CLASS.secondaryCapture]: 'picture',
};
/** Trying again does not help before a person has done something, and may lock somebody out. */
const NEEDS_A_PERSON = ['archive/unauthorised', 'archive/forbidden', 'archive/tls'] as const;

/**
 * Takes results, keeps each in the study folder's queue first, and sends them to the archive: now, when it comes back, after a restart, each
 * once. One program at a time works on a folder.
 */
export class ResultsDesk {
  readonly origin: ResultStudy;
  readonly #place: StudyPlace;
  readonly #queue: WriteQueue;
  readonly #noted: Map<string, Noted>;
  readonly #timer: ReturnType<typeof setInterval>;
  #trouble: NavError | undefined;
  #flushing: Promise<void> | undefined;

  private constructor({ place, origin, retryMs = 15_000 }: ResultsOptions, queue: WriteQueue, noted: Map<string, Noted>) {
    this.origin = origin;
    this.#place = place;
    this.#queue = queue;
    this.#noted = noted;
    this.#timer = setInterval(() => this.#again(), retryMs);
    // Who has nothing else to do does not wait for an archive.
    this.#timer.unref();
  }

  /** Opens what waits from before, and begins to send it. @throws NavError `store/…` */
  static async open(options: ResultsOptions): Promise<ResultsDesk> {
    const { store } = options.place;
    const queue = await openWriteQueue(store);
    const noted = new Map<string, Noted>();
    for (const name of await store.folder.list(FOLDER)) {
      const one = notedIn(await store.folder.read(`${FOLDER}/${name}`));
      if (one !== undefined) noted.set(one.uid, one);
    }
    const desk = new ResultsDesk(options, queue, noted);
    await desk.#reconcile();
    desk.#again();
    return desk;
  }

  /** What a crash left between the queue and its note. */
  async #reconcile(): Promise<void> {
    const { store } = this.#place;
    const queued = new Set(this.#queue.objects.map((o) => o.sopInstanceUid));
    for (const uid of queued) {
      const [kept] = store.find({ sopInstanceUid: uid });
      if (kept === undefined || this.#noted.has(uid)) continue;
      await this.#note({ uid, kind: KINDS[kept.sopClassUid] ?? 'report', study: kept.studyUid, state: 'kept' });
    }
    // The queue lets go of an object only once the archive has it.
    for (const one of this.#noted.values())
      if (one.state === 'kept' && !queued.has(one.uid)) await this.#note({ ...one, state: 'stored' });
  }

  /**
   * Keeps a result: from then on it outlives this program. One that is kept already is not kept twice, whatever its bytes.
   * @throws NavError `guidance/wrong-patient` where it belongs to another study or patient, `dicom/unsupported-object`, `store/…`, `io/corrupt`
   */
  async take(kind: ResultKind, bytes: Uint8Array): Promise<void> {
    const { study, reference } = await readSource({ name: `the ${kind}`, bytes });
    const { study: own } = this.origin;
    if (study.studyUid !== own.studyUid || (study.patient.id ?? '') !== (own.patient.id ?? '')) {
      throw new NavError(
        'guidance/wrong-patient',
        `The ${kind} belongs to another study or patient than this case: it is not kept. Load the case again.`,
      );
    }
    if (KINDS[reference.sopClassUid] === undefined)
      throw new NavError(
        'dicom/unsupported-object',
        `The ${kind} is of SOP class ${reference.sopClassUid}, which is no result of a procedure.`,
      );
    const uid = reference.sopInstanceUid;
    if (this.#noted.has(uid)) return;
    const { store } = this.#place;
    await this.#queue.add([store.find({ sopInstanceUid: uid }).length > 0 ? await store.get(uid) : bytes]);
    await this.#note({ uid, kind, study: study.studyUid, state: 'kept' });
  }

  /** What there is, and where. */
  view(): ResultsView {
    const queued = new Map(this.#queue.objects.map((o) => [o.sopInstanceUid, o]));
    const own = [...this.#noted.values()].filter((one) => one.study === this.origin.study.studyUid);
    const objects = own.map((one) => this.#line(one, queued.get(one.uid)));
    const others = [...queued.keys()].filter((uid) => !own.some((one) => one.uid === uid)).length;
    const trouble = this.#trouble && { code: this.#trouble.code, message: this.#trouble.message };
    return { archive: this.#place.archive !== undefined, objects, others, ...(trouble && { trouble }) };
  }

  #line({ uid, kind, state, reason }: Noted, queued: QueuedObject | undefined): ResultLine {
    if (queued === undefined) return { uid, kind, state, ...(reason !== undefined && { reason }) };
    const why = queued.reason === undefined ? {} : { reason: queued.reason };
    if (queued.state === 'sending') return { uid, kind, state: this.#flushing === undefined ? 'unknown' : 'sending', ...why };
    return { uid, kind, state: queued.state === 'refused' ? 'refused' : 'kept', ...why };
  }

  /** Lets what was refused try again, and sends what waits; resolves when that has ended, however. @throws NavError `store/…` */
  async send(): Promise<void> {
    for (const { sopInstanceUid, state } of this.#queue.objects) if (state === 'refused') await this.#queue.retry(sopInstanceUid);
    await this.#flush();
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#sendAll().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async #sendAll(): Promise<void> {
    const { archive } = this.#place;
    if (archive === undefined) return;
    const told: Promise<void>[] = [];
    const { endedBy } = await this.#queue.flush(archive, {
      onObject: ({ sopInstanceUid, outcome, reason }) => {
        const one = this.#noted.get(sopInstanceUid);
        if (one === undefined || (outcome !== 'sent' && outcome !== 'already-there')) return;
        const state = reason === undefined ? 'stored' : 'stored-changed';
        told.push(this.#note({ ...one, state, ...(reason !== undefined && { reason }) }));
      },
    });
    await Promise.all(told);
    this.#trouble = endedBy;
  }

  /** Asks again where it may help. */
  #again(): void {
    const waits = this.#queue.objects.some(({ state }) => state !== 'refused');
    const stuck = NEEDS_A_PERSON.some((code) => isNavError(this.#trouble, code));
    if (!waits || stuck || this.#place.archive === undefined) return;
    this.#flush().catch((error: unknown) => {
      if (isNavError(error)) this.#trouble = error;
    });
  }

  /** Stops asking; what is under way comes to its end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flushing?.catch(() => undefined);
  }

  async #note(one: Noted): Promise<void> {
    this.#noted.set(one.uid, one);
    await this.#place.store.folder.write(`${FOLDER}/${one.uid}.json`, new TextEncoder().encode(`${JSON.stringify(one)}\n`));
  }
}

/** A note that is damaged is none: the queue and the files are what counts. */
function notedIn(bytes: Uint8Array | undefined): Noted | undefined {
  try {
    const { uid, kind, study, state, reason } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Noted>;
    if (uid === undefined || kind === undefined || study === undefined || state === undefined) return undefined;
    return { uid, kind, study, state, ...(reason !== undefined && { reason }) };
  } catch {
    return undefined;
  }
}
