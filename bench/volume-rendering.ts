import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TransferFunction } from '@trocar/core/render';
import type { Browser } from 'playwright';
import { findBrowser } from '../scripts/lib/host.mjs';
import { buildPage, inNewPage, servePages, startBrowser } from './_pages.js';
import { figureText, medianOf, ratioRow, ratioText, tableRow } from './_peers.js';
import { median, type Row, report, row } from './_report.js';
import { inRounds, option, progress } from './_rounds.js';
import type { ContenderName, PageOrder, PageResult } from './volume-rendering/page.js';

/**
 * A real CT and a real MR as a whole, by rays, turning, with a needle that moves in it: a stage, vtk.js and NiiVue, in headless Chromium,
 * the same 512² canvas. Ours and vtk.js have the same optical model, so without shading there is one true picture, ours with
 * steps of an eighth of a voxel (held to an oracle by the tests); each takes the longest step that comes near enough to it. vtk.js may
 * not come near: then it takes the step that comes nearest. NiiVue has its own step and its own colours. What is compared:
 * docs/rendering-benchmark.md. Results are printed as they come.
 * `--runs N`: at most so many rounds (5); `--minutes N`: no round begins that would not end by then (5.5).
 */

const STARTED = performance.now();
const LIMITS = { most: option('--runs', 5), minutes: option('--minutes', 5.5) };
const DRAW_MS = 2000;
const DATA = resolve(process.env['TROCAR_DATA'] ?? join(import.meta.dirname, '../../shared/data'));
const FINE = 1 / 8;
const STEPS = [2, 1.5, 1, 0.75, 0.5, 0.35] as const;
/** Mean over what is drawn of the volume, grey levels of 255: near enough. */
const NEAR = 2;
/** Further off than this, vtk.js' picture is not of the same thing, and the benchmark is wrong. */
const OTHER = 20;

const BONE: TransferFunction = [
  { value: 180, colour: '#8c4a32', perMm: 0 },
  { value: 300, colour: '#d8b48c', perMm: 0.12 },
  { value: 700, colour: '#f0e2c8', perMm: 0.9 },
  { value: 1500, colour: '#ffffff', perMm: 2 },
];
const HEAD: TransferFunction = [
  { value: 40, colour: '#402018', perMm: 0 },
  { value: 90, colour: '#c08060', perMm: 0.05 },
  { value: 200, colour: '#ffffff', perMm: 0.3 },
];
const SCANS = [
  { name: 'CT 256×256×205 int16', path: 'phantom-ct-mr/pork_CT_0p78x0p78x1p25.nii.gz', transfer: BONE },
  { name: 'MR 188×256×190 uint8', path: 'head-mr/head_T1.nii.gz', transfer: HEAD },
] as const;
type Scan = (typeof SCANS)[number];

/** In the order of their turns. */
const WAYS: readonly { readonly who: ContenderName; readonly name: string }[] = [
  { who: 'trocar', name: 'Trocar' },
  { who: 'vtk', name: 'vtk.js' },
  { who: 'niivue', name: 'NiiVue' },
];

const PEERS = WAYS.map(({ who }) => who).filter((who) => who !== 'trocar');

function once(browser: Browser, url: string, order: PageOrder): Promise<PageResult> {
  return inNewPage(browser, url, 'volumeBench', { width: 512, height: 512 }, (page) =>
    page.evaluate((given) => globalThis.volumeBench(given), order),
  );
}

/** Mean difference over pixels that are not background in either picture, grey levels of 255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  let pixels = 0;
  const lit = (picture: Uint8Array, n: number): boolean =>
    [0, 1, 2].some((k) => Math.abs(at(picture, n + k) - at(picture, k)) > 6);
  for (let n = 0; n < a.length; n += 3) {
    if (!lit(a, n) && !lit(b, n)) continue;
    for (let k = n; k < n + 3; k += 1) sum += Math.abs(at(a, k) - at(b, k)) / 3;
    pixels += 1;
  }
  if (pixels < 5000) throw new Error(`Only ${pixels} pixels show the volume.`);
  return sum / pixels;
}

const at = (picture: Uint8Array, n: number): number => picture[n] as number;

/** Each library's step in voxels, and how far its picture then is from the true one. */
type Steps = ReadonlyMap<ContenderName, { readonly step: number; readonly error: number }>;

async function calibrate(browser: Browser, url: string, file: string, scan: Scan): Promise<Steps> {
  const take = async (who: ContenderName, pictures: readonly number[]): Promise<Uint8Array[]> => {
    const look = { transfer: scan.transfer, shaded: false };
    const result = await once(browser, url, { who, url: `/${file}`, look, step: 1, drawMs: 0, pictures, count: false });
    return result.pictures.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
  };
  const [truth, ...ours] = (await take('trocar', [FINE, ...STEPS])) as [Uint8Array, ...Uint8Array[]];
  const chosen = new Map<ContenderName, { readonly step: number; readonly error: number }>();
  for (const who of ['trocar', 'vtk'] as const) {
    const errors = (who === 'trocar' ? ours : await take(who, STEPS)).map((picture) => difference(picture, truth));
    progress(
      STARTED,
      `${scan.name}, ${who}: off the true picture by ${STEPS.map((s, n) => `${s}: ${errors[n]?.toFixed(2)}`).join(', ')}`,
    );
    const first = errors.findIndex((error) => error <= NEAR);
    const taken = first >= 0 ? first : errors.indexOf(Math.min(...errors));
    if (!((errors[taken] as number) <= (who === 'trocar' ? NEAR : OTHER)))
      throw new Error(`${scan.name}: ${who} draws something else.`);
    chosen.set(who, { step: STEPS[taken] as number, error: errors[taken] as number });
  }
  return chosen;
}

/** One scan in one look, and what was measured of it. */
interface Race {
  readonly scan: Scan;
  readonly shaded: boolean;
  readonly runs: ReadonlyMap<ContenderName, PageResult[]>;
  /** Texture bytes held, MiB. */
  readonly bytes: Map<ContenderName, number>;
}

const titleOf = ({ scan, shaded }: Race): string => `${scan.name}, ${shaded ? 'shaded' : 'plain'}`;

/** All contenders once; in the first round their texture bytes, too. */
async function takeRound(browser: Browser, url: string, file: string, steps: Steps, race: Race, round: number): Promise<void> {
  const look = { transfer: race.scan.transfer, shaded: race.shaded };
  for (const { who, name } of WAYS) {
    const order = { who, url: `/${file}`, look, step: steps.get(who)?.step, pictures: [] };
    if (round === 0) {
      race.bytes.set(who, (await once(browser, url, { ...order, drawMs: 0, count: true })).textureBytes.live / 2 ** 20);
    }
    const result = await once(browser, url, { ...order, drawMs: DRAW_MS, count: false });
    race.runs.get(who)?.push(result);
    progress(STARTED, `${titleOf(race)}, ${name}: ${told(result)}, ${race.bytes.get(who)?.toFixed(1)} MiB of textures`);
  }
}

function told({ framesPerSecond, processorMsAFrame, firstMs }: PageResult): string {
  return (
    `${framesPerSecond.toPrecision(3)} frames a second, ${processorMsAFrame.toPrecision(3)} ms of processor time each, first picture ` +
    `${firstMs.toFixed(0)} ms`
  );
}

function rowsOf(race: Race, steps: Steps): Row[] {
  const { runs, bytes } = race;
  const title = titleOf(race);
  const label = (who: ContenderName, name: string): string => {
    const own = steps.get(who);
    return own === undefined ? `${name} (its own step)` : `${name} (step ${own.step}, ${own.error.toFixed(1)} off)`;
  };
  const of = (take: (r: PageResult) => number) => (who: ContenderName) => (runs.get(who) ?? []).map(take);
  const figures = [
    { what: 'frames a second', unit: '1/s', of: of((r) => r.framesPerSecond) },
    { what: 'processor time a frame', unit: 'ms', limit: 1 / 1.5, of: of((r) => r.processorMsAFrame) },
    { what: 'data → first picture', unit: 'ms', of: of((r) => r.firstMs) },
    { what: 'texture bytes held', unit: 'MiB', of: (who: ContenderName) => [bytes.get(who) ?? Number.NaN] },
  ];
  return figures.flatMap(({ what, unit, limit, of }) => {
    const rows = WAYS.map(({ who, name }) => row(`${title}: ${what}, ${label(who, name)}`, unit, of(who)));
    const peers = PEERS.map((who) => median(of(who)));
    rows.push(ratioRow('    ratio to the best peer', unit, of('trocar').length, median(of('trocar')), peers, limit));
    return rows;
  });
}

/** The rows of docs/rendering-benchmark.md, ready to be put there. */
function markdownOf({ scan, shaded, runs, bytes }: Race, steps: Steps): string {
  const name = scan.name.slice(0, 2);
  const line = (what: string, unit: string, of: (who: ContenderName) => number): string =>
    tableRow([
      `${name}, ${shaded ? 'shaded' : 'plain'}, ${what}`,
      ...WAYS.map(({ who }) => figureText(of(who))),
      ratioText(of('trocar'), PEERS.map(of), unit),
    ]);
  const step = (who: ContenderName): string => {
    const own = steps.get(who);
    return own === undefined ? 'its own' : `${own.step}, ${own.error.toFixed(1)}`;
  };
  const stepRow = tableRow([`${name}, step in voxels, grey levels off`, ...WAYS.map(({ who }) => step(who)), '']);
  return [
    ...(shaded ? [] : [stepRow]),
    line(
      'frames a second',
      '1/s',
      medianOf(runs, (r) => r.framesPerSecond),
    ),
    line(
      'processor time a frame, ms',
      'ms',
      medianOf(runs, (r) => r.processorMsAFrame),
    ),
    line(
      'data → first picture, ms',
      'ms',
      medianOf(runs, (r) => r.firstMs),
    ),
    line('textures held, MiB', 'MiB', (who) => bytes.get(who) ?? Number.NaN),
  ].join('\n');
}

const executablePath = findBrowser();
const absent = SCANS.find((scan) => !existsSync(join(DATA, scan.path)));
if (executablePath === undefined) console.log('Skipped: no Chromium here (CHROME_PATH names one).');
else if (absent !== undefined) console.log(`Skipped: no ${absent.path} under TROCAR_DATA.`);
else {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-volume-'));
  const browser = await startBrowser(executablePath);
  try {
    await buildPage(join(import.meta.dirname, 'volume-rendering'), folder);
    const { url, close } = await servePages([folder]);
    const races: (Race & { readonly steps: Steps; readonly file: string })[] = [];
    for (const [n, scan] of SCANS.entries()) {
      const file = `${n}.nii`;
      writeFileSync(join(folder, file), gunzipSync(readFileSync(join(DATA, scan.path))));
      const steps = await calibrate(browser, url, file, scan);
      for (const shaded of [false, true]) {
        races.push({ scan, shaded, steps, file, runs: new Map(WAYS.map(({ who }) => [who, []])), bytes: new Map() });
      }
    }
    await inRounds(
      races.map((race) => (round) => takeRound(browser, url, race.file, race.steps, race, round)),
      LIMITS,
      STARTED,
    );
    report(races.flatMap((race) => rowsOf(race, race.steps)));
    for (const race of races) console.log(markdownOf(race, race.steps));
    close();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
