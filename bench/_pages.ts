import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { build, defaultClientConditions } from 'vite';

/** Benchmarks of pages: one headless Chromium, software WebGL, a page of its own for every run. */

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'].concat([
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-swiftshader',
]);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** As strict as an operating room's page: nothing from elsewhere, no script but its own. */
export const STRICT_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; " +
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Builds a page's sources, of ours and of its peers, as an application's bundler does. */
export async function buildPage(root: string, folder: string): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    resolve: { conditions: ['@trocar/source', ...defaultClientConditions] },
    build: { outDir: folder, emptyOutDir: false, target: 'es2022', chunkSizeWarningLimit: 8000 },
  });
}

/** Serves folders on this machine: the first that holds a file gives it. */
export async function servePages(
  folders: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const inside = path === '/' ? 'index.html' : path;
    const file = folders.map((folder) => join(folder, inside)).find((name) => existsSync(name));
    if (file === undefined) return void response.writeHead(404, headers).end();
    response.writeHead(200, {
      ...headers,
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-length': statSync(file).size,
      'cache-control': 'no-store',
    });
    if (request.method === 'HEAD') return void response.end();
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The browser, as the tests start it. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS });
}

declare global {
  /** In a page: {@link browserMs}. */
  var processorMs: () => Promise<number>;
}

/**
 * The processor time, ms, that the browser (what this program has started) took so far, page and drawing together, from /proc; NaN where there
 * is none. Unlike the frames in a second it hardly tells how busy the machine is with something else. It counts in steps of 10 ms.
 */
function browserMs(): number {
  if (!existsSync('/proc/self/stat')) return Number.NaN;
  let sum = 0;
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid) || pid === String(process.pid) || !isOurs(pid)) continue;
    const [user, system] = fieldsOf(pid).slice(11, 13).map(Number) as [number, number];
    sum += 10 * (user + system);
  }
  return sum;
}

/** What /proc tells of a process; nothing where it has ended meanwhile: its time is lost, as are those of pages that were closed. */
function told(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
}

/** The fields of a process after its name, which may hold anything: state, parent, … (proc(5)). */
function fieldsOf(pid: string): string[] {
  const stat = told(pid);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function isOurs(pid: string): boolean {
  for (let at = pid; Number(at) > 1; at = fieldsOf(at)[1] ?? '0') if (at === String(process.pid)) return true;
  return false;
}

/** Opens a page, waits for the function that its script puts there, and closes it after use. */
export async function inNewPage<T>(
  browser: Browser,
  url: string,
  ready: string,
  size: { readonly width: number; readonly height: number },
  use: (page: Page) => Promise<T>,
): Promise<T> {
  const page = await browser.newPage({ viewport: size });
  try {
    await page.exposeFunction('processorMs', browserMs);
    await page.goto(url);
    await page.waitForFunction((name) => name in globalThis, ready);
    return await use(page);
  } finally {
    await page.close();
  }
}
