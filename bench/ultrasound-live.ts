import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Instant, PoseSample } from '@trocar/core';
import { Random } from '@trocar/core/math';
import type { ImageFrame } from '@trocar/core/recording';
import { type Driver, type PoseSink, simulatedUltrasound } from '@trocar/device-bridge';
import { startBridge } from '@trocar/device-bridge/node';
import type { Page } from 'playwright';
import { WebSocketServer } from 'ws';
import { findBrowser } from '../scripts/lib/host.mjs';
import { addressOf, clock, monotonicMs, onLines, paced, pause, quantile } from './_paced.js';
import { buildPage, inNewPage, servePages, startBrowser } from './_pages.js';
import { median, type Row, report, row } from './_report.js';
import { option } from './_rounds.js';
import { HEIGHT, LAG_MS, type LiveBench, SENT_AT, SPEED, WIDTH } from './ultrasound-live/shared.js';

/**
 * Live images of 1024 × 768 from a driver through a bridge to a page of headless Chromium, against bare `ws` with the same bytes, rates and
 * processes; in turns of two seconds, so that whatever else the machine does weighs on both. Both servers stamp CLOCK_MONOTONIC, which the page
 * knows by the bridge's echoes. A bridge does not send what a page is too slow for, and bare `ws` lets it wait: how many came is told too. Then a page that stalls: what either server holds meanwhile. Then the pose that an image is shown with, held
 * against the truth. And the simulated ultrasound's processor time.
 *
 * `--turns N` is the number of turns of each at each rate (10).
 */

const RATES = [10, 30, 60];
const TURNS = option('--turns', 10);
const TURN_MS = 2000;
const RUNS = 5;
const STALL_MS = 4000;
const HEADER = 72;

/** Bytes that are allocated beside the heap and still reachable: buffers are let go a while after the collection. */
async function heldBytes(): Promise<number> {
  for (let n = 0; n < 2; n += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await pause(50);
  }
  return process.memoryUsage().arrayBuffers;
}

/** Obeys lines on standard input: `rate HZ`, `truth HZ`, and `memory`, which answers with the bytes held, the images sent and the processor's ms so far. */
function obey(send: (at: number) => void, truth: (hz: number) => void): void {
  let sent = 0;
  const rate = paced(() => {
    sent += 1;
    send(monotonicMs());
  }, 'skip');
  const tell = async (): Promise<void> => {
    const { user, system } = process.cpuUsage();
    console.log(await heldBytes(), sent, (user + system) / 1000);
  };
  onLines((line) => {
    const [what, value] = line.split(' ');
    if (what === 'rate') rate(Number(value));
    else if (what === 'truth') truth(Number(value));
    else void tell();
  });
}

const pixels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * 2_654_435_761) >>> 24);

/** An image of a moment, as a driver tells it. */
function imageAt(at: number, more: Partial<ImageFrame> = {}): ImageFrame {
  const unknown = Number.NaN;
  return {
    ...{ width: WIDTH, height: HEIGHT, components: 1, number: 'u8', pixels, measuredAt: at, arrivedAt: at, boundMs: 0.5 },
    ...{ frameNumber: 0, spacingMm: [unknown, unknown], depthMm: 76 },
    ...more,
  } as ImageFrame;
}

async function serveBridge(origin: string): Promise<void> {
  const sample = new PoseSample();
  let sink: PoseSink | undefined;
  const driver: Driver = {
    name: 'bench',
    start: async (to) => {
      sink = to;
      to.tools([{ name: 'probe' }]);
      to.images?.([{ name: 'ultrasound' }]);
      to.connection('connected', '');
    },
    stop: async () => undefined,
  };
  const bridge = await startBridge({ driver, clock, allowedOrigins: [origin] });
  const begun = monotonicMs();
  /** A probe that moves along x; poses reach the bridge within 8 ms, images 40 to 60 ms after their moment. */
  const truth = (hz: number): void => {
    if (hz === 0) return;
    const pose = (at: number): void => {
      sample.status = 'ok';
      sample.measuredAt = at as Instant;
      sample.arrivedAt = monotonicMs() as Instant;
      sample.setPose((at - begun) * SPEED, 0, 0, 0, 0, 0, 1);
      sink?.pose(0, sample, 0);
      sink?.flush();
    };
    const image = (at: number): void =>
      sink?.image?.(0, imageAt(at + LAG_MS, { arrivedAt: monotonicMs(), frameNumber: Math.round((at - begun) * 1000) }));
    const later = (act: (at: number) => void, at: number, ms: number): void => void setTimeout(() => act(at), ms);
    const random = new Random(1);
    setInterval(() => later(pose, monotonicMs(), 8 * random.uniform()), 1000 / 60);
    setInterval(() => later(image, monotonicMs(), LAG_MS + 20 * random.uniform()), 1000 / hz);
  };
  obey((at) => sink?.image?.(0, imageAt(at)), truth);
  console.log(bridge.url);
}

async function serveBare(): Promise<void> {
  const bytes = Buffer.alloc(HEADER + pixels.length);
  bytes.set(pixels, HEADER);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  obey(
    (at) => {
      // The driver's memory is its own here too.
      const message = Buffer.allocUnsafeSlow(bytes.length);
      message.set(bytes);
      message.writeDoubleLE(at, SENT_AT);
      for (const client of server.clients) client.send(message, { binary: true });
    },
    () => undefined,
  );
  console.log(await addressOf(server));
}

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  tell(line: string): void;
  /** Bytes held, images sent so far, and the processor's time so far, ms. */
  memory(): Promise<readonly [number, number, number]>;
}

async function serve(kind: 'bridge' | 'bare', origin: string): Promise<Server> {
  const args = ['--expose-gc', ...process.execArgv, fileURLToPath(import.meta.url), '--serve', kind, origin];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = (): Promise<string> =>
    new Promise((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim())));
  const tell = (text: string): void => void child.stdin?.write(`${text}\n`);
  const url = await line();
  return {
    url,
    child,
    tell,
    memory: async () => {
      const answer = line();
      tell('memory');
      const [bytes = Number.NaN, sent = Number.NaN, ms = Number.NaN] = (await answer).split(' ').map(Number);
      return [bytes, sent, ms];
    },
  };
}

/** The two in turns, and a turn's images apart from the next's. */
async function latencies(
  take: () => Promise<Awaited<ReturnType<LiveBench['take']>>>,
  servers: readonly [Server, Server],
  rateHz: number,
) {
  const of: [number[][], number[][]] = [[], []];
  const before = await Promise.all(servers.map((server) => server.memory()));
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const k of turn % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      await take();
      servers[k].tell(`rate ${rateHz}`);
      await pause(TURN_MS);
      servers[k].tell('rate 0');
      await pause(150);
      const taken = await take();
      of[k].push([...(k === 0 ? taken.bridge : taken.bare)]);
    }
  }
  const after = await Promise.all(servers.map((server) => server.memory()));
  const sent = after.map(([, n], k) => n - (before[k]?.[1] ?? 0));
  const cpu = after.map(([, , ms], k) => (ms - (before[k]?.[2] ?? 0)) / (sent[k] as number));
  return { of, sent, cpu };
}

function latencyRows(rateHz: number, { of: [ours, theirs], sent, cpu }: Awaited<ReturnType<typeof latencies>>): Row[] {
  const all = [ours.flat(), theirs.flat()] as const;
  const runs = (turns: readonly number[][], q: number): number[] => turns.map((turn) => quantile(turn, q));
  const name = `${WIDTH} × ${HEIGHT}, ${rateHz}/s`;
  const rows = [0.5, 0.99].flatMap((q) => [
    row(`${name}: driver → bridge → page, p${100 * q}`, 'ms', runs(ours, q)),
    row(`${name}: bare ws → page, p${100 * q}`, 'ms', runs(theirs, q)),
  ]);
  const ratio = quantile(all[0], 0.99) / quantile(all[1], 0.99);
  return [
    ...rows,
    { name: `${name}: ratio of the p99 of all images`, median: ratio, unit: '×', runs: 1, aim: 'at most 1.5', met: ratio <= 1.5 },
    row(`${name}: ratio of the p50`, '×', [quantile(all[0], 0.5) / quantile(all[1], 0.5)]),
    row(`${name}: processor time of the bridge for an image`, 'ms', [cpu[0] as number]),
    row(`${name}: processor time of bare ws for an image`, 'ms', [cpu[1] as number]),
    row(`${name}: came of those sent, bridge`, '%', [(100 * all[0].length) / (sent[0] as number)]),
    row(`${name}: came of those sent, bare ws`, '%', [(100 * all[1].length) / (sent[1] as number)]),
  ];
}

/** A page that does nothing for a while: what each server holds for it when it has sent for {@link STALL_MS}. */
async function stallRows(page: Page, servers: readonly [Server, Server]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [k, name] of [
    [0, 'bridge'],
    [1, 'bare ws'],
  ] as const) {
    await pause(3000);
    const [before] = await servers[k].memory();
    const stalled = page.evaluate((ms) => globalThis.liveBench.stall(ms), STALL_MS + 3000);
    await pause(300);
    servers[k].tell('rate 60');
    await pause(STALL_MS);
    servers[k].tell('rate 0');
    const [after] = await servers[k].memory();
    // What comes after it is of then.
    servers[0].tell('rate 30');
    const { bridgeMs, dropped } = await stalled;
    servers[0].tell('rate 0');
    const held = (after - before) / 2 ** 20;
    const aim = { text: 'at most 4 images, 3 MiB', met: held <= 3 };
    const what = `a page stalls for ${STALL_MS / 1000} s at 60/s: the ${name} holds for it`;
    rows.push(row(what, 'MiB', [held], k === 0 ? aim : undefined));
    if (k === 0)
      rows.push(
        row('    images not sent, which the page was told', '', [dropped]),
        row('    age of the fourth image after it', 'ms', [bridgeMs]),
      );
  }
  return rows;
}

async function mismatchRows(page: Page, bridge: Server): Promise<Row[]> {
  bridge.tell('truth 30');
  await pause(1000);
  const { ms, matched, withoutPose } = await page.evaluate(() => globalThis.liveBench.mismatch(300));
  const worst = Math.max(...ms);
  return [
    row('image to pose in time, against the truth, median', 'ms', [median(ms)]),
    row('    worst', 'ms', [worst], { text: 'under 2', met: worst < 2 }),
    row('    shown with the pose of their moment', '%', [(100 * matched) / (matched + withoutPose)]),
  ];
}

async function simulatorRow(width: number, height: number): Promise<Row> {
  const us = simulatedUltrasound({ clock, size: [width, height], imageHz: 1000 });
  const figures: number[] = [];
  let from = process.cpuUsage();
  let images = 0;
  const nothing = (): void => undefined;
  const image = (): void => {
    images += 1;
    if (images % 40 !== 0) return;
    const { user, system } = process.cpuUsage(from);
    from = process.cpuUsage();
    if (images > 40) figures.push((user + system) / 1000 / 40);
  };
  await us.start({ tools: nothing, pose: nothing, flush: nothing, connection: nothing, fault: nothing, image });
  while (figures.length < RUNS) await pause(50);
  await us.stop();
  const aim = { text: 'at most 40, for 25 a second', met: median(figures) <= 40 };
  return row(`simulated B-mode image, ${width} × ${height}, processor time`, 'ms', figures, aim);
}

async function run(executablePath: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'trocar-ultrasound-live-'));
  const browser = await startBrowser(executablePath);
  try {
    await buildPage(join(import.meta.dirname, 'ultrasound-live'), folder);
    const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    const { url, close } = await servePages([folder], isolated);
    const servers = [await serve('bridge', url), await serve('bare', url)] as const;
    const rows = await inNewPage(browser, url, 'liveBench', { width: 400, height: 300 }, async (page) => {
      await page.evaluate(
        ([bridge, bare]) => globalThis.liveBench.connect(bridge as string, bare as string),
        [servers[0].url, servers[1].url],
      );
      const take = (): Promise<ReturnType<LiveBench['take']>> => page.evaluate(() => globalThis.liveBench.take());
      for (const server of servers) {
        server.tell('rate 60');
        await pause(2000);
        server.tell('rate 0');
        await pause(200);
      }
      const all: Row[] = [];
      for (const rate of RATES) all.push(...latencyRows(rate, await latencies(take, servers, rate)));
      all.push(...(await stallRows(page, servers)), ...(await mismatchRows(page, servers[0])));
      return all;
    });
    for (const { child } of servers) child.stdin?.end();
    rows.push(await simulatorRow(640, 480), await simulatorRow(WIDTH, HEIGHT));
    report(rows);
    close();
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const at = process.argv.indexOf('--serve');
const executablePath = findBrowser();
if (at >= 0) await (process.argv[at + 1] === 'bridge' ? serveBridge(process.argv[at + 2] as string) : serveBare());
else if (executablePath === undefined) console.log('Skipped: no Chromium here (CHROME_PATH names one).');
else {
  await run(executablePath);
  process.exit(0);
}
