import { NavError } from '@trocar/core';
import type { SessionStorage } from '@trocar/core/session';

/** How a page tells its server: `fetch` of a page, or one that a test hands in. */
export type Tell = (
  path: string,
  bytes: Uint8Array<ArrayBuffer>,
) => Promise<{
  readonly ok: boolean;
  readonly status: number;
  text(): Promise<string>;
}>;

/** What a server answers that nobody told to listen. */
const NOBODY = 404;

/** `fetch` to the page's own server. */
export const tellServer: Tell = (path, bytes) => fetch(path, { method: 'POST', body: bytes });

/**
 * A session's storage that tells the page's server each line before it keeps it: what the server refuses, because the role may not or the
 * event cannot be kept, has not happened. A case that is taken up again is shown to the server first. A server that nobody told to listen
 * says so at the first line (404), and is not asked again.
 * @param log a name for the case: small letters, digits and -
 */
export function auditedStorage(storage: SessionStorage, log: string, tell: Tell = tellServer): SessionStorage {
  let listens = true;
  const told = async (bytes: Uint8Array, at: number, known: boolean): Promise<void> => {
    if (!listens) return;
    const path = `/audit/log/${log}?at=${at}${known ? '&known' : ''}`;
    const answer = await tell(path, bytes as Uint8Array<ArrayBuffer>).catch((cause: unknown) => {
      throw refused('the server does not answer', cause);
    });
    listens = answer.status !== NOBODY;
    if (listens && !answer.ok) throw refused((await answer.text()).trim());
  };
  /** What the server knows of the log; undefined before it was shown. */
  let shown: number | undefined;
  return {
    label: storage.label,
    load: async () => {
      const kept = await storage.load();
      shown = undefined;
      return kept;
    },
    append: async (bytes, at) => {
      if (listens && at > 0 && shown !== at) await told((await storage.load()).journal.slice(0, at), 0, true);
      await told(bytes, at, false);
      shown = at + bytes.length;
      await storage.append(bytes, at);
    },
    cut: async (length) => {
      shown = undefined;
      await storage.cut(length);
    },
    keepHead: (text) => storage.keepHead(text),
    close: () => storage.close(),
  };
}

function refused(why: string, cause?: unknown): NavError {
  return new NavError('session/write-failed', `Nothing was accepted, because it could not be told: ${why}.`, { cause });
}
