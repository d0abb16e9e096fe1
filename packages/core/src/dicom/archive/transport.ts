import { isNavError } from '../../base/index.js';
import { aborted, connectionError, mayPass, placeOf, statusError, throwIfStopped } from './errors.js';
import type { ArchiveSettings } from './options.js';

/** `fetch` does not say how much of a body has gone out: it is given the time that a line of 512 kbit/s takes. */
const SLOWEST_BYTES_PER_MS = 64;

/** One request to an archive. */
export interface ArchiveRequest {
  readonly method: 'GET' | 'POST';
  /** Below the DICOMweb root, with its leading slash. */
  readonly path: string;
  readonly accept: string;
  readonly contentType?: string;
  readonly body?: Blob;
  readonly signal?: AbortSignal | undefined;
  /** Overrides the archive's own number of retries. */
  readonly retries?: number;
  /** Statuses that are answers here and no errors. */
  readonly allowed?: readonly number[];
}

/** An answer whose body is read under the watch of the idle limit and of the caller's signal. */
export interface ArchiveAnswer {
  readonly status: number;
  readonly contentType: string;
  /** {@link placeOf} the request, for errors. */
  readonly where: string;
  /** The body in pieces. Its end is that of the connection or of the length: only the format knows whether it is whole. */
  pieces(): AsyncGenerator<Uint8Array, void, undefined>;
  /** The whole body. */
  bytes(): Promise<Uint8Array>;
  /** Lets go of a body that is not wanted. */
  discard(): void;
}

/**
 * Sends a request; where it fails for a passing reason, again after a while, until its answer begins. What fails later, while the body
 * is read, is for the caller: it alone knows what has already come.
 * @throws NavError `archive/…`
 */
export async function send(settings: ArchiveSettings, request: ArchiveRequest): Promise<ArchiveAnswer> {
  const retries = request.retries ?? settings.retries;
  for (let again = 0; ; again += 1) {
    throwIfStopped(request.signal);
    try {
      return await sendWithToken(settings, request);
    } catch (error) {
      if (again >= retries || !mayPass(error)) throw error;
      await pause(waitBefore(error, settings, again), request.signal);
    }
  }
}

/** Retries a whole exchange, body and all, for a passing reason. @throws NavError `archive/…` */
export async function exchange<T>(
  settings: ArchiveSettings,
  request: ArchiveRequest,
  take: (answer: ArchiveAnswer) => Promise<T>,
): Promise<T> {
  const retries = request.retries ?? settings.retries;
  for (let again = 0; ; again += 1) {
    try {
      return await take(await send(settings, { ...request, retries: 0 }));
    } catch (error) {
      if (again >= retries || !mayPass(error)) throw error;
      await pause(waitBefore(error, settings, again), request.signal);
    }
  }
}

/** Doubled each time, at most half a minute; longer only where the archive asks for it, up to a minute. */
export function waitBefore(error: unknown, settings: ArchiveSettings, again: number): number {
  const asked = isNavError(error) ? error.detail['retryAfterMs'] : undefined;
  const own = Math.min(30_000, settings.retryDelayMs * 2 ** again);
  return typeof asked === 'number' ? Math.min(60_000, Math.max(own, asked)) : own;
}

/** @throws NavError `archive/aborted` as soon as the signal says so */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return void reject(aborted(signal));
    const stop = (): void => {
      clearTimeout(timer);
      reject(aborted(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** Once with the token that is there; after a 401, once with a renewed one. */
async function sendWithToken(settings: ArchiveSettings, request: ArchiveRequest): Promise<ArchiveAnswer> {
  const { token } = settings;
  if (typeof token !== 'function') return sendOnce(settings, request, token);
  try {
    return await sendOnce(settings, request, await token({ renew: false }));
  } catch (error) {
    if (!isNavError(error, 'archive/unauthorised')) throw error;
    return sendOnce(settings, request, await token({ renew: true }));
  }
}

async function sendOnce(settings: ArchiveSettings, request: ArchiveRequest, token: string | undefined): Promise<ArchiveAnswer> {
  const url = settings.root + request.path;
  const where = placeOf(request.method, url);
  const watch = new Watch(settings.idleTimeoutMs, (request.body?.size ?? 0) / SLOWEST_BYTES_PER_MS, request.signal);
  let response: Response;
  try {
    response = await settings.fetch(url, initOf(settings, request, token, watch.signal));
  } catch (cause) {
    watch.end();
    throw failureOf(cause, where, false, watch, request.signal);
  }
  const answer = answerOf(response, where, watch, request.signal);
  if (response.ok || request.allowed?.includes(response.status)) return answer;
  answer.discard();
  throw statusError(response.status, where, retryAfterOf(response));
}

function initOf(settings: ArchiveSettings, request: ArchiveRequest, token: string | undefined, signal: AbortSignal): RequestInit {
  return {
    method: request.method,
    headers: {
      ...settings.headers,
      accept: request.accept,
      ...(request.contentType !== undefined && { 'content-type': request.contentType }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(request.body !== undefined && { body: request.body }),
    ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    // Followed, it would carry the caller's headers to wherever the answer points.
    redirect: 'manual',
    // Images and lists about patients stay out of the browser's cache.
    cache: 'no-store',
    referrerPolicy: 'no-referrer',
    signal,
  };
}

function retryAfterOf(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  return text !== null && /^\d{1,5}$/.test(text.trim()) ? Number(text) * 1000 : undefined;
}

/** Ends a request at the caller's signal, or where nothing has come for too long. */
class Watch {
  readonly #control = new AbortController();
  readonly #idleMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#control.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether it was the silence that ended it. */
  silent = false;

  /** @param extraMs how much longer the first silence may last, while a body goes out */
  constructor(idleMs: number, extraMs: number, outer: AbortSignal | undefined) {
    this.#idleMs = idleMs;
    this.#outer = outer;
    if (outer?.aborted) this.#stop();
    outer?.addEventListener('abort', this.#stop, { once: true });
    this.alive(extraMs);
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  alive(extraMs = 0): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.silent = true;
      this.#control.abort(new Error(`nothing came for ${this.#idleMs} ms`));
    }, this.#idleMs + extraMs);
  }

  /** While the caller works on what has come, nobody is late. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#stop);
  }

  cancel(): void {
    this.end();
    this.#control.abort();
  }
}

function failureOf(cause: unknown, where: string, begun: boolean, watch: Watch, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return aborted(signal);
  if (watch.silent) return connectionError(watch.signal.reason, where, true);
  return connectionError(cause, where, begun);
}

function answerOf(response: Response, where: string, watch: Watch, signal: AbortSignal | undefined): ArchiveAnswer {
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = response.body?.getReader();
    try {
      while (reader !== undefined) {
        watch.alive();
        const { done, value } = await reader.read().catch((cause: unknown) => {
          throw failureOf(cause, where, true, watch, signal);
        });
        watch.rest();
        throwIfStopped(signal);
        if (done) return;
        yield value;
      }
    } finally {
      // Left early: the rest is not wanted, and the connection not to be waited for.
      watch.cancel();
    }
  }
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? '',
    where,
    pieces,
    bytes: async () => joined(pieces()),
    discard: () => {
      watch.cancel();
      // Its failing is of no interest: nobody reads it.
      void response.body?.cancel().catch(() => undefined);
    },
  };
}

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    all.push(piece);
    length += piece.length;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
