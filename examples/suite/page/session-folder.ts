import type { Clock } from '@trocar/core';
import {
  beginSession,
  browserFolder,
  fromExactJson,
  memoryStorage,
  type Restored,
  restoreSession,
  type Session,
  type SessionImage,
  type SessionStorage,
  verifyAudit,
} from '@trocar/core/session';
import { auditedStorage } from '../src/audited-storage.js';

/** A case that somebody began and did not finish. */
export interface OpenCase {
  /** Of its folder: what it is resumed by. */
  readonly name: string;
  /** UTC, ISO 8601. */
  readonly begun: string;
  readonly last: string;
  readonly lines: number;
  /** Where it stood, in the program's own word. */
  readonly step: string;
  /** Whether its log is as it was written. */
  readonly whole: boolean;
}

/** Who works, on what, and with which clock. */
export interface CaseParts<F extends string> {
  readonly image: SessionImage<F>;
  readonly clock: Clock;
  readonly by: string;
}

/** A case in this step is not open any more. */
export const FINISHED = 'finished';

const ROOT = 'trocar';

/**
 * The sessions of one application in the browser's own folder, which outlives page and browser and needs no server: one folder a
 * case. Where the browser has none, as over plain HTTP, sessions are kept in memory, and {@link keeps} says so.
 */
export class SessionFolder {
  readonly #application: string;
  readonly #folder: FileSystemDirectoryHandle | undefined;

  private constructor(application: string, folder: FileSystemDirectoryHandle | undefined) {
    this.#application = application;
    this.#folder = folder;
  }

  /** @param application one word, that other applications of this origin do not have */
  static async at(application: string): Promise<SessionFolder> {
    try {
      const root = await navigator.storage.getDirectory();
      const all = await root.getDirectoryHandle(ROOT, { create: true });
      // Without it a browser may clear the folder when space is short; it may also refuse.
      await navigator.storage.persist().catch(() => false);
      return new SessionFolder(application, await all.getDirectoryHandle(application, { create: true }));
    } catch {
      return new SessionFolder(application, undefined);
    }
  }

  /** Whether a session outlives the page. */
  get keeps(): boolean {
    return this.#folder !== undefined;
  }

  /** The cases that were not finished on these images, the newest first. */
  async cases<F extends string>(image: SessionImage<F>): Promise<OpenCase[]> {
    const found: OpenCase[] = [];
    for await (const handle of entriesOf(this.#folder)) {
      if (handle.kind !== 'directory') continue;
      const read = await caseOf(handle as FileSystemDirectoryHandle, image);
      if (read !== undefined && read.step !== FINISHED) found.push(read);
    }
    return found.sort((a, b) => (a.last < b.last ? 1 : -1));
  }

  /** Begins a case. @throws NavError as `beginSession` */
  async begin<F extends string>({ image, clock, by }: CaseParts<F>): Promise<Session<F>> {
    const id = crypto.randomUUID();
    const storage = await this.#storage(`${Date.now().toString(36)}-${id.slice(0, 8)}`, true);
    return beginSession({ storage, clock, image, by, software: this.#application, id });
  }

  /** Takes a case up again. @throws NavError as `restoreSession` */
  async resume<F extends string>(name: string, { image, clock, by }: CaseParts<F>): Promise<Restored<F>> {
    return restoreSession({ storage: await this.#storage(name, false), clock, image, by });
  }

  async #storage(name: string, create: boolean): Promise<SessionStorage> {
    if (this.#folder === undefined) return auditedStorage(memoryStorage(), name);
    return auditedStorage(await browserFolder(await this.#folder.getDirectoryHandle(name, { create })), name);
  }
}

async function* entriesOf(folder: FileSystemDirectoryHandle | undefined): AsyncGenerator<FileSystemHandle> {
  // The compiler's library does not have it: it is the standard's own iteration.
  if (folder !== undefined) yield* (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values();
}

/** What a folder holds; undefined where it is no case, or one of other images. */
async function caseOf<F extends string>(
  folder: FileSystemDirectoryHandle,
  image: SessionImage<F>,
): Promise<OpenCase | undefined> {
  const { journal } = await (await browserFolder(folder)).load();
  const { entries, ok } = verifyAudit(journal);
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined || last.action === 'session/closed') return undefined;
  const begun = fromExactJson(first.payload) as { readonly image?: { readonly frameOfReferenceUid?: string } };
  if (begun.image?.frameOfReferenceUid !== image.frameOfReferenceUid) return undefined;
  const entered = entries.findLast((e) => e.action === 'step/entered');
  const { step = '' } = (entered && (fromExactJson(entered.payload) as { readonly step?: string })) ?? {};
  return { name: folder.name, begun: first.utc, last: last.utc, lines: entries.length, step, whole: ok };
}
