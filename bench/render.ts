import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Browser } from 'playwright';
import { findBrowser } from '../scripts/lib/host.mjs';
import { buildPage, inNewPage, servePages, startBrowser } from './_pages.js';
import { median, type Row, report, row } from './_report.js';
import type { ContenderName, PageOrder, PageResult } from './render/page.js';

/**
 * Three slices that follow a tool's tip through a real CT and a real MR, in headless Chromium: a stage, NiiVue and vtk.js, the same
 * 512² canvas, 256² for a slice, nothing over the pictures. Every run is a page of its own and the contenders take turns. A frame
 * counts when a pixel of it has been read back. `--runs N` changes the count. What is compared: docs/rendering-benchmark.md.
 */

const RUNS = Number(process.argv[process.argv.indexOf('--runs') + 1]) || 5;
const DRAW_MS = 2000;
const DATA = resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../shared/data'));

const SCANS = [
  { name: 'CT 256×256×205 int16', path: 'phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz', window: { low: -200, high: 300 } },
  { name: 'MR 188×256×190 uint8', path: 'head-mr/head_T1.nii.gz', window: { low: 0, high: 200 } },
] as const;
type Scan = (typeof SCANS)[number];

/** In the order of their turns. Grey levels: half of the pixels lie within the first, 90 % within the second. */
const WAYS: readonly { readonly who: ContenderName; readonly name: string; readonly greys: readonly [number, number] }[] = [
  { who: 'trocar', name: 'Trocar', greys: [1, 2] },
  { who: 'niivue', name: 'NiiVue', greys: [1, 10] },
  { who: 'vtkReslice', name: 'vtk.js, reslice', greys: [1, 3] },
  { who: 'vtkSlices', name: 'vtk.js, slices of voxels', greys: [1, 3] },
];

function once(browser: Browser, url: string, order: PageOrder): Promise<PageResult> {
  return inNewPage(browser, url, 'renderBench', { width: 512, height: 512 }, (page) =>
    page.evaluate((given) => globalThis.renderBench(given), order),
  );
}

/** What is drawn must be right, or how fast it came is worth nothing. */
function requireRight(scan: Scan, way: (typeof WAYS)[number], { grey }: PageResult): void {
  if (grey.pixels >= 2000 && grey.median <= way.greys[0] && grey.p90 <= way.greys[1]) return;
  throw new Error(
    `${scan.name}, ${way.name}: the picture is not the volume's slices: ${JSON.stringify(grey)}, grey levels of 255.`,
  );
}

async function race(browser: Browser, url: string, scan: Scan, file: string): Promise<Row[]> {
  const order = (who: ContenderName, drawMs: number, count: boolean): PageOrder => ({
    ...{ who, drawMs, count },
    ...{ url: `/${file}`, window: scan.window },
  });
  const runs = new Map<ContenderName, PageResult[]>(WAYS.map(({ who }) => [who, []]));
  const bytes = new Map<ContenderName, PageResult>();
  for (const { who } of WAYS) bytes.set(who, await once(browser, url, order(who, 0, true)));
  for (let n = 0; n < RUNS; n += 1) {
    for (const way of WAYS) {
      const result = await once(browser, url, order(way.who, DRAW_MS, false));
      requireRight(scan, way, result);
      runs.get(way.who)?.push(result);
    }
  }
  for (const way of WAYS)
    console.log(`${scan.name}, ${way.name}: grey levels off ${JSON.stringify(runs.get(way.who)?.[0]?.grey)}`);
  return rowsOf(scan, runs, bytes);
}

function rowsOf(
  scan: Scan,
  runs: ReadonlyMap<ContenderName, PageResult[]>,
  bytes: ReadonlyMap<ContenderName, PageResult>,
): Row[] {
  const figures = [
    { what: 'frames a second', unit: '1/s', of: (who: ContenderName) => (runs.get(who) ?? []).map((r) => r.framesPerSecond) },
    {
      what: 'processor time a frame',
      unit: 'ms',
      limit: 1 / 1.5,
      of: (who: ContenderName) => (runs.get(who) ?? []).map((r) => r.processorMsAFrame),
    },
    { what: 'data → first picture', unit: 'ms', of: (who: ContenderName) => (runs.get(who) ?? []).map((r) => r.firstMs) },
    {
      what: 'texture bytes held',
      unit: 'MiB',
      of: (who: ContenderName) => [(bytes.get(who)?.textureBytes.live ?? Number.NaN) / 2 ** 20],
    },
    {
      what: 'texture bytes, most',
      unit: 'MiB',
      of: (who: ContenderName) => [(bytes.get(who)?.textureBytes.peak ?? Number.NaN) / 2 ** 20],
    },
  ];
  return figures.flatMap(({ what, unit, limit, of }) => {
    const rows = WAYS.map(({ who, name }) => row(`${scan.name}: ${what}, ${name}`, unit, of(who)));
    const ours = median(of('trocar'));
    const peers = WAYS.filter(({ who }) => who !== 'trocar').map(({ who }) => ({ who, value: median(of(who)) }));
    rows.push(ratioRow('    ratio to the best peer', unit, ours, peers, limit));
    // A navigated slice lies between voxels, as often as not.
    const between = peers.filter(({ who }) => who !== 'vtkSlices');
    rows.push(ratioRow('    ratio to the best peer that cuts between voxels', unit, ours, between, limit));
    return rows;
  });
}

function ratioRow(name: string, unit: string, ours: number, peers: readonly { readonly value: number }[], given?: number): Row {
  const values = peers.map(({ value }) => value);
  const more = unit === '1/s';
  const ratio = ours / (more ? Math.max(...values) : Math.min(...values));
  const limit = given ?? (more ? 1.5 : unit === 'ms' ? 1 : 1.1);
  const met = more ? ratio >= limit : ratio <= limit;
  return { name, median: ratio, unit: '×', runs: RUNS, aim: `at ${more ? 'least' : 'most'} ${Number(limit.toFixed(2))}`, met };
}

const executablePath = findBrowser();
const absent = SCANS.find((scan) => !existsSync(join(DATA, scan.path)));
if (executablePath === undefined) console.log('Skipped: no Chromium here (CHROME_PATH names one).');
else if (absent !== undefined) console.log(`Skipped: no ${absent.path} under TROCAR_DATA.`);
else {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-render-'));
  const browser = await startBrowser(executablePath);
  try {
    await buildPage(join(import.meta.dirname, 'render'), folder);
    const { url, close } = await servePages([folder]);
    const rows: Row[] = [];
    for (const [n, scan] of SCANS.entries()) {
      writeFileSync(join(folder, `${n}.nii`), gunzipSync(readFileSync(join(DATA, scan.path))));
      rows.push(...(await race(browser, url, scan, `${n}.nii`)));
    }
    report(rows);
    close();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
