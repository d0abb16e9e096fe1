import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { chromium, type Page } from 'playwright';
import { findBrowser } from '../../scripts/lib/host.mjs';

/** Something listening, and how to end it. */
export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/**
 * The strictest policy that a page of ours must live with: its own origin, WebAssembly, and a bridge on loopback.
 * `data:` because ITK-Wasm's worker unpacks its modules with a small one that it carries in itself, and because of the
 * page's empty icon. Inline styles are the page's own affair.
 */
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self' data: ws://127.0.0.1:*",
].join('; ');

/** Serves a folder on loopback as a plain web server would, with a content security policy. */
export async function serveFolder(folder: string, policy: string = POLICY): Promise<Served> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    if (!existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'content-security-policy': policy,
    });
    createReadStream(file).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts a script of the consumer's project and waits for the address it prints as its first line. */
export async function startScript(folder: string, script: string, args: readonly string[] = []): Promise<Served> {
  const child: ChildProcess = spawn(process.execPath, [script, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /(?:http|ws):\/\/127\.0\.0\.1:\d+\S*/.exec(output)?.[0];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => reject(new Error(`${script} ended with ${code} before it printed an address:\n${output}`)));
  });
  return {
    url,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** What a visit to a page brought to light. */
export interface Visit {
  /** Requests that left the page's own origin (and the bridge): each was blocked. */
  readonly offOrigin: readonly string[];
  /** Uncaught errors and what the page wrote to the console as an error. */
  readonly errors: readonly string[];
}

/**
 * Opens a page in Chromium with every request off its own origin blocked, and lets `look` examine it.
 * @param bridge the one other address it may open a WebSocket to
 */
export async function visit(url: string, bridge: string | undefined, look: (page: Page) => Promise<void>): Promise<Visit> {
  const offOrigin: string[] = [];
  const errors: string[] = [];
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('No Chromium: this test should have been skipped.');
  const browser = await chromium.launch({
    executablePath,
    // The resolver rule also stops what a worker or the browser itself would ask for.
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--enable-unsafe-swiftshader',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 640, height: 480 } });
    const { origin, host } = new URL(url);
    await page.context().route('**/*', (route) => {
      const target = route.request().url();
      if (new URL(target).origin === origin || /^(blob|data):/.test(target)) return route.continue();
      offOrigin.push(target);
      return route.abort();
    });
    page.on('websocket', (socket) => {
      const to = socket.url();
      if (new URL(to).host !== host && !(bridge && to.startsWith(bridge))) offOrigin.push(to);
    });
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.addInitScript(() => {
      const failures: unknown[] = [];
      Object.assign(globalThis, { failures });
      addEventListener('error', (event) => failures.push(event.error?.code ?? event.message));
      addEventListener('unhandledrejection', (event) => failures.push(event.reason?.code ?? String(event.reason)));
    });
    await page.goto(url);
    try {
      await look(page);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\nThe page said: ${errors.join('\n') || 'nothing'}`, {
        cause: error,
      });
    }
  } finally {
    await browser.close();
  }
  return { offOrigin, errors };
}

/** Which part of the page's picture is brighter than mid-grey: what was really drawn, whatever drew it. */
export async function brightFraction(page: Page): Promise<number> {
  const png = [...(await page.screenshot())];
  return page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    if (context === null) return 0;
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let bright = 0;
    for (let at = 0; at < data.length; at += 4)
      if ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0) > 384) bright += 1;
    return (4 * bright) / data.length;
  }, png);
}
