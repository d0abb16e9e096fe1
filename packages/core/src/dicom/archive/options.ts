import { NavError } from '../../base/index.js';

/** Where an archive is, and how to speak with it. */
export interface ArchiveOptions {
  /** The DICOMweb root: `https://host/dicom-web`. Without user or password; those belong into `token` or `headers`. */
  readonly url: string;
  /**
   * Bearer token (RFC 6750), or a function that gives one. It is called before each request; after a 401 once more with
   * `renew: true`, and the request is sent again with what it gives. The token is never logged and stands in no error.
   */
  readonly token?: string | ((ask: { readonly renew: boolean }) => string | Promise<string>);
  /** Further headers for every request, e.g. `authorization: 'Basic …'`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the global `fetch`: `archiveFetch` of `@trocar/core/dicom/node`, for a hospital's own certificates. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Whether a browser sends cookies to another origin; `fetch`'s default where absent. */
  readonly credentials?: RequestCredentials;
  /** How often a request that failed for a passing reason is sent again. Default 3. */
  readonly retries?: number;
  /** The wait before the first of them, doubled for each further one, ms. Default 250. */
  readonly retryDelayMs?: number;
  /** How long nothing may come before a request counts as cut off, ms. Default 30 000. */
  readonly idleTimeoutMs?: number;
}

/** {@link ArchiveOptions}, checked and filled in. */
export interface ArchiveSettings {
  readonly root: string;
  readonly token: ArchiveOptions['token'];
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly credentials: RequestCredentials | undefined;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly idleTimeoutMs: number;
}

/** @throws NavError `archive/bad-option` */
export function settingsOf(options: ArchiveOptions): ArchiveSettings {
  const { retries = 3, retryDelayMs = 250, idleTimeoutMs = 30_000 } = options;
  if (!Number.isInteger(retries) || retries < 0 || retries > 20)
    throw bad(`retries is ${retries}: give a whole number from 0 to 20`);
  if (!(retryDelayMs >= 0 && retryDelayMs <= 60_000)) throw bad(`retryDelayMs is ${retryDelayMs}: give 0 to 60000`);
  if (!(idleTimeoutMs > 0 && idleTimeoutMs <= 3_600_000)) throw bad(`idleTimeoutMs is ${idleTimeoutMs}: give 1 to 3600000`);
  return {
    root: rootOf(options.url),
    token: options.token,
    headers: options.headers ?? {},
    // Called as a method of nothing: a browser's fetch refuses another `this`.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    credentials: options.credentials,
    retries,
    retryDelayMs,
    idleTimeoutMs,
  };
}

function rootOf(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new NavError('archive/bad-option', 'The address of the archive is no URL. Give one like https://host/dicom-web.', {
      cause,
    });
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw bad(`the address of the archive begins with ${url.protocol}`);
  if (url.username !== '' || url.password !== '') {
    throw bad('the address of the archive holds a user or a password, which would end up in logs: use token or headers');
  }
  if (url.search !== '' || url.hash !== '')
    throw bad('the address of the archive has a "?" or "#" part: give its DICOMweb root alone');
  return url.href.replace(/\/+$/, '');
}

/** A wrong option, by what is wrong with it. */
export function bad(what: string): NavError {
  return new NavError('archive/bad-option', `${what.charAt(0).toUpperCase()}${what.slice(1)}.`);
}

/** A UID as PS3.5, 9.1 allows it: digits and dots, 64 characters at most. So it may stand in a path. */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^\d+(\.\d+)*$/.test(text);
}

/** @throws NavError `archive/bad-option` */
export function requireUid(text: string, what: string): string {
  if (typeof text !== 'string' || !isUid(text)) throw bad(`${what} is no UID (digits and dots, at most 64 characters)`);
  return text;
}
