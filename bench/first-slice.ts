import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize, resolve } from 'node:path';
import { copyAssets } from '@trocar/core/node';
import { type Browser, chromium } from 'playwright';
import { build, defaultClientConditions } from 'vite';
import { findBrowser } from '../scripts/lib/host.mjs';
import { median, type Row, report, row } from './_report.js';
import type { PageOrder } from './first-slice/page.js';
import type { Drawn } from './first-slice/shared.js';

/**
 * From DICOM files in a page's memory to the first drawn slice, in headless Chromium: `readVolume` and a stage, against
 * itk-wasm's reader and vtk.js. Every run is a page of its own, so nothing is warm; the contenders take turns.
 * The time ends when a pixel of the picture has been read back. `--runs N` changes the count.
 *
 * Ours draws three slices and the 3D view from one 3D texture; vtk.js draws one slice from a 2D texture, the least it can.
 */

const RUNS = Number(process.argv[process.argv.indexOf('--runs') + 1]) || 5;
const DATA = resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../shared/data'));
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'].concat([
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-swiftshader',
]);

interface Series {
  readonly name: string;
  readonly archive: string;
  /** Where the archive holds it. */
  readonly inside: string;
  readonly gaps: PageOrder['gaps'];
  /** Centres of the first and the last voxel, LPS mm, as pydicom 2.3 reads them from the first and last slice. */
  readonly corners: readonly (readonly number[])[];
}

const SERIES: readonly Series[] = [
  {
    name: 'head MR, 120 × 512²',
    archive: 'head-mr-t1-dicom.tar.gz',
    inside: 'dicom',
    gaps: 'refuse',
    corners: [
      [-106.32680907019, -123.07443807356, -92.000669002533],
      [103.2630347227976, 86.5154056334524, 86.499330997467],
    ],
  },
  {
    name: 'phantom CT with gaps, 120 × 512²',
    archive: 'phantom-ct-dicom.tar.gz',
    inside: 'phantom-ct-dicom',
    gaps: 'interpolate',
    corners: [
      [-100, -100, -122.25],
      [99.609375, 99.609375, 129.625],
    ],
  },
];

/** The contenders, in the order of their turns. */
const WAYS = [
  { name: 'Trocar', who: 'trocar', sorted: false },
  { name: 'itk-wasm + vtk.js', who: 'peer', sorted: false },
  { name: 'itk-wasm + vtk.js, told the order of the slices', who: 'peer', sorted: true },
] as const;
type Way = (typeof WAYS)[number];

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.wasm': 'application/wasm',
};

/** As strict as an operating room's page: nothing from elsewhere, no script but its own. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; " +
    "img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'no-store',
};

async function buildPage(folder: string): Promise<void> {
  await build({
    root: join(import.meta.dirname, 'first-slice'),
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['@trocar/source', ...defaultClientConditions] },
    build: { outDir: folder, emptyOutDir: false, target: 'es2022', chunkSizeWarningLimit: 4000 },
  });
  await copyAssets(join(folder, 'trocar'));
}

/** Serves the built page, and beside it the series' files under `/data/`. */
async function serve(page: string, data: string): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    const file = path.startsWith('/data/') ? join(data, path.slice(6)) : join(page, path === '/' ? 'index.html' : path);
    if (!existsSync(file)) return void response.writeHead(404, HEADERS).end();
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': statSync(file).size });
    if (request.method === 'HEAD') return void response.end();
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function once(browser: Browser, url: string, order: PageOrder): Promise<Drawn> {
  const page = await browser.newPage({ viewport: { width: 512, height: 384 } });
  try {
    await page.goto(url);
    await page.waitForFunction(() => 'firstSlice' in globalThis);
    return await page.evaluate((given) => globalThis.firstSlice(given), order);
  } finally {
    await page.close();
  }
}

/** How far the corners lie from where they should, mm. */
function cornerError(series: Series, drawn: Drawn): number {
  return Math.max(...series.corners.map((p, n) => Math.hypot(...p.map((x, k) => x - (drawn.corners[n]?.[k] ?? Number.NaN)))));
}

/** What is drawn must be right, or how fast it came is worth nothing. */
function requireRight(series: Series, drawn: Drawn): void {
  const worst = Math.max(...drawn.greyErrors);
  const corner = cornerError(series, drawn);
  if (drawn.greyErrors.length < 1000 || !(worst <= 2) || !(corner <= 0.01)) {
    throw new Error(
      `${series.name}: ${drawn.greyErrors.length} pixels differ by up to ${worst} grey levels from the CPU, corners by ${corner} mm.`,
    );
  }
}

async function race(browser: Browser, url: string, data: string, series: Series): Promise<Row[]> {
  const names = readdirSync(join(data, series.inside))
    .filter((name) => name.endsWith('.dcm'))
    .sort();
  const runs = new Map<Way, Drawn[]>(WAYS.map((way) => [way, []]));
  let inOrder = names;
  for (let n = 0; n < RUNS; n += 1) {
    for (const way of WAYS) {
      const files = (way.sorted ? inOrder : names).map((name) => ({ url: `/data/${series.inside}/${name}`, name }));
      const drawn = await once(browser, url, { ...way, gaps: series.gaps, files });
      if (way.who === 'trocar') requireRight(series, drawn);
      // The peer is told the order that it found itself, for nothing.
      else if (!way.sorted) inOrder = drawn.order.map((name) => name.slice(name.lastIndexOf('/') + 1));
      runs.get(way)?.push(drawn);
    }
  }
  return rowsOf(series, runs);
}

function rowsOf(series: Series, runs: ReadonlyMap<Way, readonly Drawn[]>): Row[] {
  const of = (way: Way, take: (d: Drawn) => number): number[] => (runs.get(way) ?? []).map(take);
  const rows = WAYS.flatMap((way) => [
    row(
      `${series.name}: files → first slice, ${way.name}`,
      'ms',
      of(way, (d) => d.totalMs),
    ),
    row(
      `    of it reading`,
      'ms',
      of(way, (d) => d.readMs),
    ),
  ]);
  const [ours, ...peers] = WAYS.map((way) => median(of(way, (d) => d.totalMs))) as [number, ...number[]];
  for (const way of WAYS) {
    const drawn = runs.get(way)?.[0];
    if (drawn === undefined) continue;
    const worst = drawn.greyErrors.length > 0 ? `, worst grey error ${Math.max(...drawn.greyErrors).toFixed(2)} of 255` : '';
    const gaps =
      way.who === 'peer' && series.gaps === 'interpolate' ? '; missing slices not found, what is there lies evenly spread' : '';
    console.log(
      `${series.name}, ${way.name}: ${drawn.size.join('×')}, corners within ${cornerError(series, drawn).toFixed(4)} mm${worst}${gaps}`,
    );
  }
  const ratio = ours / Math.min(...peers);
  rows.push({ name: `    ratio to the faster peer`, median: ratio, unit: '×', runs: RUNS, aim: 'at most 1', met: ratio <= 1 });
  return rows;
}

const executablePath = findBrowser();
const absent = SERIES.find((series) => !existsSync(join(DATA, 'dicom', series.archive)));
if (executablePath === undefined) console.log('Skipped: no Chromium here (CHROME_PATH names one).');
else if (absent !== undefined) console.log(`Skipped: no ${absent.archive} under TROCAR_DATA.`);
else {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-first-slice-'));
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    for (const { archive } of SERIES) execFileSync('tar', ['xzf', join(DATA, 'dicom', archive), '-C', folder]);
    await buildPage(join(folder, 'page'));
    const { server, url } = await serve(join(folder, 'page'), folder);
    const rows: Row[] = [];
    for (const series of SERIES) rows.push(...(await race(browser, url, folder, series)));
    report(rows);
    server.close();
    server.closeAllConnections();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
