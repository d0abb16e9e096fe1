import { isNavError, NavError, type NavErrorCode } from '../../base/index.js';

/** Codes under which Node reports that a certificate, or the handshake, is not good (OpenSSL's names, and Node's own). */
const TLS_CODES =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH|EPROTO$)/;
/** A connection that was there and ended before its answer did. */
const CUT_CODES =
  /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_BODY_TIMEOUT|ERR_STREAM_PREMATURE_CLOSE|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)$/;

/** What a person asked for, without who it is about: `GET https://host/studies/1.2.3`. The query may name a patient and is left out. */
export function placeOf(method: string, url: string): string {
  return `${method} ${url.split('?')[0]}`;
}

/**
 * A status that is no success, as an error that says what to do.
 * @param where {@link placeOf} the request
 */
export function statusError(status: number, where: string, retryAfterMs?: number): NavError {
  const detail = { status, where, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const made = (code: NavErrorCode, what: string): NavError => new NavError(code, `${where}: ${what}`, { detail });
  if (status === 401) {
    return made('archive/unauthorised', 'the archive does not accept the token, or there is none (401). Sign in again.');
  }
  if (status === 403) {
    return made(
      'archive/forbidden',
      'the archive knows who asks but does not allow it (403). Ask its administrator for the right.',
    );
  }
  if (status === 404 || status === 410) {
    return made(
      'archive/not-found',
      `the archive has no such thing (${status}). Check the UIDs, and the address of its DICOMweb root.`,
    );
  }
  if (status >= 500) {
    return made('archive/failed', `the archive failed (${status}). Try again later; its own log says why.`);
  }
  if (status === 0 || (status >= 300 && status < 400)) {
    return made(
      'archive/refused',
      'the archive sends the request elsewhere, perhaps to a page for signing in. Give its final address.',
    );
  }
  return made('archive/refused', `the archive refused the request (${status}).${hint(status)}`);
}

function hint(status: number): string {
  if (status === 406) return ' It cannot answer in the transfer syntax or the format that was asked for: ask for what is stored.';
  if (status === 413) return ' It was too large: send fewer objects at a time.';
  if (status === 415) return ' It does not take this kind of content: is the address that of a DICOMweb root?';
  if (status === 429) return ' It was asked too much at once: wait, or ask in fewer parallel requests.';
  return ' Is the address that of a DICOMweb root?';
}

/**
 * What `fetch`, or the reading of its body, threw, as one of ours. A browser does not tell a page why a connection failed; Node does.
 * @param begun whether the answer had begun
 */
export function connectionError(cause: unknown, where: string, begun: boolean): NavError {
  if (isNavError(cause)) return cause;
  const code = deepCode(cause);
  if (code !== undefined && TLS_CODES.test(code)) {
    return new NavError('archive/tls', `${where}: ${tlsText(code)}`, { detail: { where, reason: code }, cause });
  }
  if (begun || (code !== undefined && CUT_CODES.test(code))) {
    return new NavError(
      'archive/cut-off',
      `${where}: the connection ended before the answer did. Ask again for what is missing.${begun ? '' : unasked(where)}`,
      {
        detail: { where, ...(code !== undefined && { reason: code }) },
        cause,
      },
    );
  }
  const why = code ?? 'a browser does not say why: the network, the certificate, or the archive allows no other origin (CORS)';
  return new NavError(
    'archive/unreachable',
    `${where}: the archive cannot be reached (${why}). Check the address and the network.`,
    {
      detail: { where, ...(code !== undefined && { reason: code }) },
      cause,
    },
  );
}

/** Some servers that do not accept a program's certificate say so in no alert: they end the connection. */
function unasked(where: string): string {
  if (!where.includes(' https:')) return '';
  return ' If it always ends so, before any answer: does the archive ask for a certificate of this program, or not accept the one it has?';
}

/** Alerts by which a server says that it wants to know who comes: 42 to 46, 48 and 116 of TLS (RFC 8446, 6.2). */
const CLIENT_CODES = /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE)|CERTIFICATE_REQUIRED/;

function tlsText(code: string): string {
  if (CLIENT_CODES.test(code)) {
    return (
      `the archive asks for a certificate of this program, and there is none or it does not accept it (${code}). Nothing was answered. ` +
      'Give a certificate and its key that the archive knows (`archiveFetch({ cert, key })`), and see that it has not expired.'
    );
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `the archive's certificate has expired (${code}). Nothing was sent. Have it renewed, and see that this machine's clock is right.`;
  }
  return (
    `the archive's certificate is not trusted, or it does not speak TLS (${code}). Nothing was sent. ` +
    'Have its authority installed where this program runs; do not switch the check off.'
  );
}

/** The first system code down the chain of causes: fetch wraps the socket's error, and several tries in one. */
function deepCode(error: unknown): string | undefined {
  let at = error as { code?: unknown; cause?: unknown; errors?: readonly unknown[] } | undefined;
  for (let depth = 0; depth < 8 && at !== undefined && at !== null; depth += 1) {
    if (typeof at.code === 'string') return at.code;
    at = (at.cause ?? at.errors?.[0]) as typeof at;
  }
  return undefined;
}

/** @param where {@link placeOf} the request */
export function badAnswer(
  where: string,
  what: string,
  options: { detail?: Record<string, unknown>; cause?: unknown } = {},
): NavError {
  return new NavError('archive/bad-answer', `${where}: ${what}. Nothing of it was used that is not whole.`, {
    detail: { where, ...options.detail },
    ...('cause' in options && { cause: options.cause }),
  });
}

/** The caller's own stop. */
export function aborted(signal: AbortSignal | undefined): NavError {
  return new NavError('archive/aborted', 'The exchange with the archive was stopped by the caller.', { cause: signal?.reason });
}

/** @throws NavError `archive/aborted` */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal);
}

/** Whether asking again may help: the network, an overload, a failure of the archive; never a refusal. */
export function mayPass(error: unknown): boolean {
  if (!isNavError(error)) return false;
  if (error.code === 'archive/failed') return error.detail['status'] !== 501 && error.detail['status'] !== 505;
  if (error.code === 'archive/refused') return error.detail['status'] === 429 || error.detail['status'] === 408;
  return error.code === 'archive/cut-off' || error.code === 'archive/unreachable' || error.code === 'archive/bad-answer';
}
