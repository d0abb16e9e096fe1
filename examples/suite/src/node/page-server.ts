import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join, normalize } from 'node:path';
import { isNavError, NavError } from '@trocar/core';
import { BadOrder } from './orders.js';
import { PageGuard, statusOf, type Visitor } from './page-guard.js';
import type { ResultsDesk } from './results-desk.js';
import { answerResults } from './results-http.js';

/** What a page is served beside: a bridge that the page connects to. */
export interface PageWorld {
  readonly bridge: { readonly url: string };
  close(): Promise<void>;
}

/** What {@link servePage} needs. */
export interface PageServerOptions<W extends PageWorld> {
  /** The built page. */
  readonly folder: string;
  /** Starts tracker and bridge for pages of that origin. */
  readonly startWorld: (origin: string) => Promise<W>;
  /** What the page is told of the case with `GET /case`, as JSON; the bridge's address is added as `bridge`. */
  readonly facts: (world: W) => Readonly<Record<string, unknown>>;
  /** Files the page may read, by the name of their list: the third of `image` as `GET /files/image/2`. */
  readonly files?: Readonly<Record<string, readonly string[]>>;
  /**
   * Does what the page asks of the simulation with `POST /order`, and returns in how many ms it will be done; throws `BadOrder` for
   * what it does not understand.
   */
  readonly obey: (world: W, order: unknown) => number;
  /** What the simulation measures that does not go over the bridge, as a live picture: `GET /bytes/NAME`. Undefined: there is none. */
  readonly bytes?: (world: W, name: string) => Uint8Array | undefined;
  /** Keeps the results of the procedure and sends them to an archive; absent, nothing can be kept here. It is closed with the server. */
  readonly results?: ResultsDesk;
  /** Who may come in and do what, and who is told of it. Default: whoever is at this machine may do everything, and nobody is told. */
  readonly guard?: PageGuard;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A page that is being served. */
export interface PageServer<W extends PageWorld> {
  /** `http://127.0.0.1:49152` */
  readonly url: string;
  readonly world: W;
  close(): Promise<void>;
}

/** The names of files, and none of folders: where a file lies on this machine is nobody's business. */
export function namesOf(files: readonly string[]): string[] {
  return files.map((path) => basename(path));
}

const HOST = '127.0.0.1';
/** An order is a line; more is no order. */
const LONGEST_ORDER = 4096;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

/**
 * Serves the page, its image files and the controls of the simulation on loopback, and starts the tracker with the
 * bridge that only this page may connect to.
 *
 * The page may load nothing from elsewhere (Content-Security-Policy), and only the page may give orders (Origin).
 * With a guard, what it does not let happen does not happen, and what happens was told first.
 * @throws NavError `device/connect-failed` where it cannot listen; what `startWorld` throws; `audit/…` where it cannot be told
 */
export async function servePage<W extends PageWorld>(options: PageServerOptions<W>): Promise<PageServer<W>> {
  const server = createServer({ requestTimeout: 10_000 });
  const port = await listen(server, options.port ?? 0);
  const origin = `http://${HOST}:${port}`;
  const guard = options.guard ?? new PageGuard({ now: Date.now });
  let world: W;
  try {
    await guard.started();
    world = await options.startWorld(origin);
  } catch (error) {
    server.close();
    throw error;
  }
  const site: Site<W> = { ...options, guard, origin, world };
  server.on('request', (request, response) => {
    answer(site, request, response).catch((error: unknown) => {
      const status = statusOf(error);
      if (error instanceof BadOrder) send(response, 400, error.message);
      else if (status !== undefined) send(response, status, `${(error as NavError).code}: ${(error as NavError).message}`);
      else if (isMissing(error)) send(response, 404, 'There is nothing here.');
      else send(response, 500, 'The request failed.');
    });
  });
  return {
    url: origin,
    world,
    close: async () => {
      await world.close();
      await options.results?.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await guard.stopped();
    },
  };
}

interface Site<W extends PageWorld> extends PageServerOptions<W> {
  readonly guard: PageGuard;
  readonly origin: string;
  readonly world: W;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NavError('device/connect-failed', `The page cannot be served on ${HOST}:${port}: ${cause.message}.`, { cause }));
    });
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

async function answer<W extends PageWorld>(site: Site<W>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', site.origin);
  // A name that was made to point here (DNS rebinding) is not this site.
  if (`http://${request.headers.host ?? ''}` !== site.origin) return send(response, 403, 'This is not the address of the page.');
  const visitor = await site.guard.admit(request, response, url, site.origin);
  if (visitor === undefined) return;
  if (request.method === 'POST') return takePost(site, visitor, request, response, url);
  if (/^\/results(\/|$)/.test(url.pathname)) return sendResults(site, url.pathname, request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'Only GET is answered here.');
  if (url.pathname === '/case') return sendCase(site, visitor, response);
  const file = /^\/files\/([a-z][a-z-]{0,31})\/(\d{1,6})$/.exec(url.pathname);
  if (file !== null) {
    // The first of a list stands for all: a page reads them together.
    if (file[2] === '0') await site.guard.read(visitor);
    return sendFile(site, response, fileOf(site, file[1] as string, Number(file[2])), 'application/octet-stream');
  }
  const live = /^\/bytes\/([a-z][a-z-]{0,31})$/.exec(url.pathname);
  if (live !== null) return sendBytes(site, response, site.bytes?.(site.world, live[1] as string));
  const path = normalize(url.pathname === '/' ? '/index.html' : decodeURIComponent(url.pathname));
  return sendFile(site, response, join(site.folder, path), TYPES[extname(path)] ?? 'application/octet-stream');
}

function fileOf<W extends PageWorld>({ files = {} }: Site<W>, list: string, n: number): string | undefined {
  return Object.hasOwn(files, list) ? files[list]?.[n] : undefined;
}

async function sendCase<W extends PageWorld>(site: Site<W>, visitor: Visitor, response: ServerResponse): Promise<void> {
  await site.guard.opened(visitor);
  sendJson(response, { ...site.facts(site.world), bridge: site.world.bridge.url, ...site.guard.factsOf(visitor) });
}

async function takePost<W extends PageWorld>(
  site: Site<W>,
  visitor: Visitor,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  if (request.headers.origin !== site.origin) return send(response, 403, 'Only the page itself may give orders.');
  if (url.pathname.startsWith('/audit/')) return site.guard.take(visitor, request, response, url);
  const isResult = url.pathname.startsWith('/results/');
  if (url.pathname !== '/order' && !isResult) return send(response, 405, 'Only GET is answered here.');
  await site.guard.requireOrder(visitor);
  if (isResult) {
    if (site.results !== undefined) await site.guard.result(visitor, url.pathname.slice('/results/'.length));
    return sendResults(site, url.pathname, request, response);
  }
  return takeOrder(site, request, response);
}

async function takeOrder<W extends PageWorld>(site: Site<W>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > LONGEST_ORDER) throw new BadOrder('The order is too long.');
  }
  let order: unknown;
  try {
    order = JSON.parse(body);
  } catch {
    throw new BadOrder('The order is no JSON.');
  }
  return sendJson(response, { doneInMs: site.obey(site.world, order) });
}

async function sendResults<W extends PageWorld>(
  { results }: Site<W>,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (results === undefined) return send(response, 404, 'Nothing is kept here.');
  try {
    sendJson(response, await answerResults(results, path, request));
  } catch (error) {
    if (!isNavError(error)) throw error;
    sendJson(response, { error: { code: error.code, message: error.message } }, 422);
  }
}

/** What every answer carries: nothing is loaded from elsewhere, and the page has precise clocks to itself. */
function headers(bridgeUrl: string): Record<string, string> {
  return {
    'content-security-policy':
      `default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${bridgeUrl}; ` +
      `worker-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'`,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
}

async function sendFile<W extends PageWorld>(
  site: Site<W>,
  response: ServerResponse,
  path: string | undefined,
  type: string,
): Promise<void> {
  if (path === undefined) return send(response, 404, 'There is nothing here.');
  const { size } = await stat(path);
  response.writeHead(200, { ...headers(site.world.bridge.url), 'content-type': type, 'content-length': size });
  createReadStream(path)
    .on('error', () => response.destroy())
    .pipe(response);
}

function sendBytes<W extends PageWorld>(site: Site<W>, response: ServerResponse, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) {
    send(response, 404, 'There is nothing here.');
    return;
  }
  response.writeHead(200, {
    ...headers(site.world.bridge.url),
    'content-type': 'application/octet-stream',
    'content-length': bytes.length,
  });
  response.end(bytes);
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

function send(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${text}\n`);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EISDIR');
}
