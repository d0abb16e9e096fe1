import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { NavError } from '../../base/index.js';

/** What a hospital's own TLS needs. All in PEM. */
export interface ArchiveTls {
  /** Authorities to trust instead of those that come with Node. */
  readonly ca?: string | readonly string[];
  /** This program's own certificate and key, where the archive asks who comes (mutual TLS): both, or neither. */
  readonly cert?: string;
  readonly key?: string;
}

/**
 * A `fetch` for `ArchiveOptions.fetch` that trusts a hospital's own authority, or shows a certificate of its own: Node's `fetch` can do
 * neither without another package. It does what an archive's client needs: no redirects, no cookies, no cache. TLS 1.2 or newer; a
 * certificate that does not hold is always refused.
 * @throws NavError `archive/bad-option` where certificate and key are none, or no pair
 */
export function archiveFetch(tls: ArchiveTls): (url: string, init: RequestInit) => Promise<Response> {
  requireIdentity(tls);
  const agent = new Agent({
    keepAlive: true,
    minVersion: 'TLSv1.2',
    ...(tls.ca !== undefined && { ca: typeof tls.ca === 'string' ? tls.ca : [...tls.ca] }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  });
  return (url, init) => ask(agent, url, init);
}

function requireIdentity({ cert, key }: ArchiveTls): void {
  if ((cert === undefined) !== (key === undefined)) {
    const [has, lacks] = cert === undefined ? ['a key', 'certificate'] : ['a certificate', 'key'];
    throw new NavError('archive/bad-option', `There is ${has} for the archive, and no ${lacks}. Give both.`);
  }
  if (cert === undefined || key === undefined) return;
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NavError('archive/bad-option', `The certificate and the key for the archive cannot be used together: ${why}.`, {
      cause,
    });
  }
}

async function ask(agent: Agent, url: string, init: RequestInit): Promise<Response> {
  const { signal, method = 'GET', body } = init;
  const bytes = body instanceof Blob ? Buffer.from(await body.arrayBuffer()) : undefined;
  const headers: Record<string, string | number> = Object.fromEntries(new Headers(init.headers));
  if (bytes !== undefined) headers['content-length'] = bytes.length;
  const secure = url.startsWith('https:');
  return new Promise((resolve, reject) => {
    const options = { method, headers, ...(signal && { signal }) };
    const asked = secure ? httpsRequest(url, { ...options, agent }) : httpRequest(url, options);
    asked.on('error', reject);
    asked.on('response', (answer: IncomingMessage) => resolve(responseOf(answer)));
    asked.end(bytes);
  });
}

function responseOf(answer: IncomingMessage): Response {
  const status = answer.statusCode ?? 500;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  // These may have no body (RFC 9110, 15).
  const empty = status === 204 || status === 205 || status === 304;
  if (empty) answer.resume();
  return new Response(empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), { status, headers });
}
