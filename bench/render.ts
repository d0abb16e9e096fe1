import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Browser } from 'playwright';
import { findBrowser } from '../scripts/lib/host.mjs';
import { buildPage, inNewPage, servePages, startBrowser } from './_pages.js';
import { figureText, medianOf, ratioRow, ratioText, tableRow } from './_peers.js';
import { median, type Row, report, row } from './_report.js';
import { inRounds, option, progress } from './_rounds.js';
import type { ContenderName, PageOrder, PageResult } from './render/page.js';

/**
 * Three slices that follow a tool's tip through a real CT and a real MR, in headless Chromium: a stage, NiiVue and vtk.js, the same
 * 512² canvas, 256² for a slice, nothing over the pictures. Every run is a page of its own and the contenders take turns. A frame
 * counts when a pixel of it has been read back. What is compared: docs/rendering-benchmark.md. Results are printed as they come.
 * `--runs N`: at most so many rounds (5); `--minutes N`: no round begins that would not end by then (5.5).
 */

const STARTED = performance.now();
const LIMITS = { most: option('--runs', 5), minutes: option('--minutes', 5.5) };
const DRAW_MS = 2000;
/** Pages a round that only draw their first pictures: what takes a tenth of a second is measured more often than what takes seconds. */
const FIRST_PICTURES = 2;
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

const PEERS = WAYS.map(({ who }) => who).filter((who) => who !== 'trocar');
/** Those that cut between voxels, too. */
const PEERS_BETWEEN = PEERS.filter((who) => who !== 'vtkSlices');

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

/** One scan, and what was measured on it. */
interface Race {
  readonly scan: Scan;
  /** Pages that drew for {@link DRAW_MS}. */
  readonly runs: ReadonlyMap<ContenderName, PageResult[]>;
  /** The same, and more pages: only their first pictures count. */
  readonly firsts: ReadonlyMap<ContenderName, PageResult[]>;
  readonly bytes: Map<ContenderName, PageResult['textureBytes']>;
}

function raceOf(scan: Scan): Race {
  const each = <T>(): Map<ContenderName, T[]> => new Map(WAYS.map(({ who }) => [who, []]));
  return { scan, runs: each(), firsts: each(), bytes: new Map() };
}

/** All contenders once; in the first round their texture bytes, too. */
async function takeRound(
  browser: Browser,
  url: string,
  file: string,
  { scan, runs, firsts, bytes }: Race,
  round: number,
): Promise<void> {
  const page = async (way: (typeof WAYS)[number], drawMs: number, count: boolean): Promise<PageResult> => {
    const result = await once(browser, url, { who: way.who, drawMs, count, url: `/${file}`, window: scan.window });
    if (!count) requireRight(scan, way, result);
    return result;
  };
  for (const way of WAYS) {
    if (round === 0) bytes.set(way.who, (await page(way, 0, true)).textureBytes);
    const drawn = await page(way, DRAW_MS, false);
    runs.get(way.who)?.push(drawn);
    firsts.get(way.who)?.push(drawn);
    progress(STARTED, `${scan.name}, ${way.name}: ${told(drawn)}`);
  }
  for (let n = 0; n < FIRST_PICTURES; n += 1) {
    for (const way of WAYS.filter(({ who }) => who !== 'niivue')) firsts.get(way.who)?.push(await page(way, 0, false));
  }
  progress(
    STARTED,
    `${scan.name}: first pictures ${WAYS.map(({ who, name }) => `${name} ${msOf((firsts.get(who) ?? []).map((r) => r.firstMs))}`).join('; ')}`,
  );
}

function told({ framesPerSecond, processorMsAFrame, firstMs, grey }: PageResult): string {
  return (
    `${framesPerSecond.toPrecision(3)} frames a second, ${processorMsAFrame.toPrecision(3)} ms of processor time each, first picture ` +
    `${firstMs.toFixed(0)} ms, grey levels off: half ${grey.median.toFixed(2)}, 90 % ${grey.p90.toFixed(2)}, 99 % ${grey.p99.toFixed(2)}`
  );
}

function msOf(values: readonly number[] = []): string {
  return `${median(values).toFixed(0)} ms (${values.map((v) => v.toFixed(0)).join(' ')})`;
}

function rowsOf({ scan, runs, firsts, bytes }: Race): Row[] {
  const of = (take: (r: PageResult) => number) => (who: ContenderName) => (runs.get(who) ?? []).map(take);
  const first = (take: (r: PageResult) => number) => (who: ContenderName) => (firsts.get(who) ?? []).map(take);
  const mib = (of: 'live' | 'peak') => (who: ContenderName) => [(bytes.get(who)?.[of] ?? Number.NaN) / 2 ** 20];
  const figures = [
    { what: 'frames a second', unit: '1/s', of: of((r) => r.framesPerSecond) },
    { what: 'processor time a frame', unit: 'ms', limit: 1 / 1.5, of: of((r) => r.processorMsAFrame) },
    { what: 'data → first picture', unit: 'ms', of: first((r) => r.firstMs) },
    { what: 'data → first picture, processor time', unit: 'ms', of: first((r) => r.firstProcessorMs) },
    { what: 'texture bytes held', unit: 'MiB', of: mib('live') },
    { what: 'texture bytes, most', unit: 'MiB', of: mib('peak') },
  ];
  return figures.flatMap(({ what, unit, limit, of }) => {
    const rows = WAYS.map(({ who, name }) => row(`${scan.name}: ${what}, ${name}`, unit, of(who)));
    const ours = median(of('trocar'));
    const others = (names: readonly ContenderName[]): number[] => names.map((who) => median(of(who)));
    rows.push(ratioRow('    ratio to the best peer', unit, of('trocar').length, ours, others(PEERS), limit));
    // A navigated slice lies between voxels, as often as not.
    const between = others(PEERS_BETWEEN);
    rows.push(ratioRow('    ratio to the best peer that cuts between voxels', unit, of('trocar').length, ours, between, limit));
    return rows;
  });
}

/** The rows of docs/rendering-benchmark.md, ready to be put there. */
function markdownOf({ name }: Scan, { runs, firsts, bytes }: Omit<Race, 'scan'>): string {
  const scan = name.slice(0, 2);
  const line = (
    what: string,
    unit: string,
    of: (who: ContenderName) => number,
    shown = (who: ContenderName) => figureText(of(who)),
  ): string => {
    const ratio = (peers: readonly ContenderName[]): string => ratioText(of('trocar'), peers.map(of), unit);
    const ratios = `${ratio(PEERS)}, ${ratio(PEERS_BETWEEN)}`;
    return tableRow([`${scan}, ${what}`, ...WAYS.map(({ who }) => shown(who)), ratios]);
  };
  const ms = 'ms';
  const mib = (who: ContenderName, of: 'live' | 'peak'): number => (bytes.get(who)?.[of] ?? Number.NaN) / 2 ** 20;
  const held = (who: ContenderName): string => `${figureText(mib(who, 'live'))} (${figureText(mib(who, 'peak'))})`;
  return [
    line(
      'frames a second',
      '1/s',
      medianOf(runs, (r) => r.framesPerSecond),
    ),
    line(
      'processor time a frame, ms',
      ms,
      medianOf(runs, (r) => r.processorMsAFrame),
    ),
    line(
      'data → first picture, ms',
      ms,
      medianOf(firsts, (r) => r.firstMs),
    ),
    line(
      'data → first picture, processor time, ms',
      ms,
      medianOf(firsts, (r) => r.firstProcessorMs),
    ),
    line('textures held (most), MiB', 'MiB', (who) => mib(who, 'live'), held),
  ].join('\n');
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
    for (const [n, scan] of SCANS.entries())
      writeFileSync(join(folder, `${n}.nii`), gunzipSync(readFileSync(join(DATA, scan.path))));
    progress(STARTED, 'page built, scans unpacked');
    const races = SCANS.map(raceOf);
    await inRounds(
      races.map((race, n) => (round) => takeRound(browser, url, `${n}.nii`, race, round)),
      LIMITS,
      STARTED,
    );
    report(races.flatMap(rowsOf));
    for (const { scan, ...race } of races) console.log(markdownOf(scan, race));
    close();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
