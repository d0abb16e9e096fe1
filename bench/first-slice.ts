import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { copyAssets } from '@trocar/core/node';
import type { Browser } from 'playwright';
import { findBrowser } from '../scripts/lib/host.mjs';
import { buildPage, inNewPage, STRICT_HEADERS, servePages, startBrowser } from './_pages.js';
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

function once(browser: Browser, url: string, order: PageOrder): Promise<Drawn> {
  return inNewPage(browser, url, 'firstSlice', { width: 512, height: 384 }, (page) =>
    page.evaluate((given) => globalThis.firstSlice(given), order),
  );
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
      const files = (way.sorted ? inOrder : names).map((name) => ({ url: `/${series.inside}/${name}`, name }));
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
  const browser = await startBrowser(executablePath);
  try {
    for (const { archive } of SERIES) execFileSync('tar', ['xzf', join(DATA, 'dicom', archive), '-C', folder]);
    await buildPage(join(import.meta.dirname, 'first-slice'), join(folder, 'page'));
    await copyAssets(join(folder, 'page/trocar'));
    const { url, close } = await servePages([join(folder, 'page'), folder], STRICT_HEADERS);
    const rows: Row[] = [];
    for (const series of SERIES) rows.push(...(await race(browser, url, folder, series)));
    report(rows);
    close();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
