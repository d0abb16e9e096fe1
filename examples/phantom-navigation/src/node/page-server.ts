import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join, normalize } from 'node:path';
import { type Clock, NavError } from '@trocar/core';
import { BadOrder, obey } from './orders.js';
import type { World } from './world.js';

/** What {@link servePage} needs. */
export interface PageServerOptions {
  /** The built page. */
  readonly folder: string;
  readonly clock: Clock;
  readonly seed: number;
  /** Files the page is to read its image from; none for the phantom. */
  readonly files: readonly string[];
  /** As `readVolume` takes it. Default `refuse`. */
  readonly gaps?: 'refuse' | 'interpolate';
  /** Which series, where the files hold several. */
  readonly seriesUid?: string;
  /** Which second image the page is to register: the phantom's MR, files, or none. Default none. */
  readonly second?: 'phantom' | 'files' | 'none';
  /** Its files, for `files`. */
  readonly secondFiles?: readonly string[];
  /** Which series of them, where they hold several. */
  readonly secondSeriesUid?: string;
  /** The largest error at the target that the plan allows, mm; absent: that of the case. */
  readonly maxTre95Mm?: number;
  /** Starts tracker and bridge for pages of that origin. */
  readonly startWorld: (origin: string) => Promise<World>;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A page that is being served. */
export interface PageServer {
  /** `http://127.0.0.1:49152` */
  readonly url: string;
  readonly world: World;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** An order to the hand is a line; more is no order. */
const LONGEST_ORDER = 4096;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/**
 * Serves the page, its image files and the controls of the simulated hand on loopback, and starts the tracker with the
 * bridge that only this page may connect to.
 *
 * The page may load nothing from elsewhere (Content-Security-Policy), and only the page may give orders (Origin).
 * @throws NavError `device/connect-failed` where it cannot listen; what `startWorld` throws
 */
export async function servePage(options: PageServerOptions): Promise<PageServer> {
  const server = createServer({ requestTimeout: 10_000 });
  const port = await listen(server, options.port ?? 0);
  const origin = `http://${HOST}:${port}`;
  let world: World;
  try {
    world = await options.startWorld(origin);
  } catch (error) {
    server.close();
    throw error;
  }
  const site: Site = { ...options, origin, world };
  server.on('request', (request, response) => {
    answer(site, request, response).catch((error: unknown) => {
      if (error instanceof BadOrder) send(response, 400, error.message);
      else if (isMissing(error)) send(response, 404, 'There is nothing here.');
      else send(response, 500, 'The request failed.');
    });
  });
  return {
    url: origin,
    world,
    close: async () => {
      await world.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

interface Site extends PageServerOptions {
  readonly origin: string;
  readonly world: World;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NavError('device/connect-failed', `The page cannot be served on ${HOST}:${port}: ${cause.message}.`, { cause }));
    });
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', site.origin);
  // A name that was made to point here (DNS rebinding) is not this site.
  if (`http://${request.headers.host ?? ''}` !== site.origin) return send(response, 403, 'This is not the address of the page.');
  if (request.method === 'POST' && url.pathname === '/hand') return takeOrder(site, request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'Only GET is answered here.');
  if (url.pathname === '/case') return sendJson(response, factsOf(site));
  const file = /^\/files\/(\d{1,6})$/.exec(url.pathname);
  if (file !== null) return sendFile(site, response, site.files[Number(file[1])], 'application/octet-stream');
  const other = /^\/second\/(\d{1,6})$/.exec(url.pathname);
  if (other !== null) return sendFile(site, response, site.secondFiles?.[Number(other[1])], 'application/octet-stream');
  const path = normalize(url.pathname === '/' ? '/index.html' : decodeURIComponent(url.pathname));
  return sendFile(site, response, join(site.folder, path), TYPES[extname(path)] ?? 'application/octet-stream');
}

/** Only names, and none of folders: what a file is called on this machine is nobody's business. */
function factsOf(site: Site): Record<string, unknown> {
  return {
    kind: site.files.length === 0 ? 'phantom' : 'files',
    seed: site.seed,
    bridge: site.world.bridge.url,
    files: site.files.map((path) => basename(path)),
    gaps: site.gaps ?? 'refuse',
    second: site.second ?? 'none',
    secondFiles: (site.secondFiles ?? []).map((path) => basename(path)),
    ...(site.seriesUid !== undefined && { seriesUid: site.seriesUid }),
    ...(site.secondSeriesUid !== undefined && { secondSeriesUid: site.secondSeriesUid }),
    ...(site.maxTre95Mm !== undefined && { maxTre95Mm: site.maxTre95Mm }),
    covered: site.world.truth.covered,
  };
}

async function takeOrder(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.headers.origin !== site.origin) return send(response, 403, 'Only the page itself may give orders.');
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
  return sendJson(response, { doneInMs: obey(site.world, site.clock, order) });
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

async function sendFile(site: Site, response: ServerResponse, path: string | undefined, type: string): Promise<void> {
  if (path === undefined) return send(response, 404, 'There is nothing here.');
  const { size } = await stat(path);
  response.writeHead(200, { ...headers(site.world.bridge.url), 'content-type': type, 'content-length': size });
  createReadStream(path)
    .on('error', () => response.destroy())
    .pipe(response);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
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
