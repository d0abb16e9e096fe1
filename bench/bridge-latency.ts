import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FrameGraph, frame, type Path, PoseSample, PoseView, point, transform } from '@trocar/core';
import { Deviation, straightPlan } from '@trocar/core/guidance';
import { type Driver, PoseBatch, type PoseSink } from '@trocar/device-bridge';
import { connectBridge, type SocketEvents } from '@trocar/device-bridge/browser';
import { nodeSocket, startBridge } from '@trocar/device-bridge/node';
import WebSocket, { WebSocketServer } from 'ws';
import { addressOf, clock, monotonicMs, onLines, paced, pause, quantile } from './_paced.js';
import { median, type Row, report, row } from './_report.js';
import { option } from './_rounds.js';

/**
 * One-way latency from a packet at the bridge to the guidance numbers at the client, 8 tools, against bare `ws` one
 * way with the same bytes, rates and number of processes, interleaved. Guidance here is: decode, eight pose buffers, one
 * query time, the path of the navigated tool with calibration and covariance, and its deviation from the plan. A row
 * says when the paths of the other seven have been read too.
 *
 * Both servers stamp CLOCK_MONOTONIC, which processes of one host share. `--seconds N` is the length of one run.
 */

const TOOLS = 8;
const RATES = [60, 400, 1000];
const RUNS = 5;
const SECONDS = option('--seconds', 4);
const WARM_UP_MS = 2000;
const SETTLE_MS = 60;
const SLICES = 8;

/** Calls `send` at the rate that a line on standard input gives, 0 for not at all; both servers use it. */
function ticker(send: (number: number) => void): void {
  const rate = paced(send, 'skip');
  onLines((line) => rate(Number(line)));
}

/** The pose of every tool, with the time of sending as its error figure: the one number nothing on the way changes. */
function fill(sample: PoseSample, tool: number, at: number): void {
  sample.status = 'ok';
  sample.values.set([at, at, at, tool, 1, -1500, 0, 0.6, 0, 0.8]);
}

async function serveBridge(): Promise<void> {
  const sample = new PoseSample();
  const driver: Driver = {
    name: 'bench',
    start: async (sink: PoseSink) => {
      sink.tools(Array.from({ length: TOOLS }, (_, i) => ({ name: `tool${i}` })));
      sink.connection('connected', '');
      ticker((number) => {
        const at = monotonicMs();
        for (let tool = 0; tool < TOOLS; tool += 1) {
          fill(sample, tool, at);
          sink.pose(tool, sample, number);
        }
        sink.flush();
      });
    },
    stop: async () => undefined,
  };
  const bridge = await startBridge({ driver, clock });
  console.log(bridge.url);
}

async function serveBare(): Promise<void> {
  const batch = new PoseBatch();
  const sample = new PoseSample();
  for (let tool = 0; tool < TOOLS; tool += 1) {
    fill(sample, tool, 0);
    batch.add(tool, sample, 0);
  }
  const bytes = batch.message(1);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  ticker(() => {
    const message = Buffer.from(bytes);
    message.writeDoubleLE(monotonicMs(), 24);
    for (const client of server.clients) client.send(message, { binary: true });
  });
  console.log(await addressOf(server));
}

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
  /** 0 stops it. */
  send(rateHz: number): void;
}

function serve(kind: 'bridge' | 'bare'): Promise<Server> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--serve', kind];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout?.once('data', (d: Buffer) => {
      resolve({ url: d.toString().trim(), child, send: (rateHz) => void child.stdin?.write(`${rateHz}\n`) });
    });
  });
}

/** A client of one of the two servers: latencies, ms, are added as packets come. */
interface Peer {
  readonly server: Server;
  readonly latencies: number[];
  /** The same packets, until the poses of all the other tools are read too. */
  readonly everything: number[];
  close(): void;
}

/** What comes in a slice of a run. */
async function slice({ server, latencies }: Peer, rateHz: number): Promise<number[]> {
  server.send(rateHz);
  await pause(SETTLE_MS);
  latencies.length = 0;
  await pause((1000 * SECONDS) / SLICES);
  const result = [...latencies];
  server.send(0);
  await pause(20);
  return result;
}

async function openBare(server: Server): Promise<Peer> {
  const latencies: number[] = [];
  const socket = new WebSocket(server.url, { perMessageDeflate: false });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.on('message', (data: Buffer) => latencies.push(monotonicMs() - data.readDoubleLE(24)));
  return { server, latencies, everything: [], close: () => socket.terminate() };
}

/** The client's frames: a registered, calibrated chain per tool, and a plan for the first. */
function guidance(): { graph: FrameGraph; paths: Path<'ct', `tip${number}`>[]; deviation: Deviation<'ct'> } {
  const ct = frame('ct');
  const tracker = frame('tracker');
  const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const covariance = Float64Array.from({ length: 36 }, (_, i) => (i % 7 === 0 ? 1e-4 : 0));
  const graph = new FrameGraph();
  graph.set(transform(ct, tracker, identity, { covariance, degreesOfFreedom: 18 }));
  const paths = Array.from({ length: TOOLS }, (_, i) => {
    graph.set(transform(frame(`tool${i}`), frame(`tip${i}`), identity, { covariance }));
    return graph.path(ct, frame(`tip${i}`));
  });
  const plan = straightPlan({ entry: point(ct, [0, 0, 100]), target: point(ct, [0, 0, 0]) });
  return { graph, paths, deviation: new Deviation(plan) };
}

async function openBridge(server: Server): Promise<Peer> {
  const latencies: number[] = [];
  const everything: number[] = [];
  const { graph, paths, deviation } = guidance();
  const views = paths.map(() => new PoseView());
  const guide = (): void => {
    graph.tick(clock.now());
    const view = views[0] as PoseView;
    deviation.read(paths[0] as Path<'ct', `tip${number}`>, view);
    if (deviation.status !== 'ok' || !(deviation.distanceToTargetMm > 0)) return;
    latencies.push(monotonicMs() - view.errorMm);
    for (let i = 1; i < TOOLS; i += 1) (paths[i] as Path<'ct', `tip${number}`>).read(views[i] as PoseView);
    everything.push(monotonicMs() - view.errorMm);
  };
  const client = connectBridge({
    url: server.url,
    clock,
    createSocket: (url, events: SocketEvents) =>
      nodeSocket(url, {
        ...events,
        message: (message) => {
          events.message(message);
          if (typeof message !== 'string' && message.byteLength === 8 + 88 * TOOLS) guide();
        },
      }),
  });
  for (let i = 0; i < TOOLS; i += 1) {
    const noise = { positionSdMm: 0.2, rotationSdRad: 0.002 };
    client.attach(`tool${i}`, graph.stream(frame('tracker'), frame(`tool${i}`), { noise }));
  }
  await client.ready;
  return { server, latencies, everything, close: () => client.close() };
}

/**
 * The runs of one rate. Within a run the two take turns in short slices, in changing order, so that whatever else the
 * machine does weighs on both alike.
 */
async function measureRate(rateHz: number, bridge: Peer, bare: Peer): Promise<Row[]> {
  const ours: number[][] = [];
  const theirs: number[][] = [];
  const everything: number[][] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const own: number[] = [];
    const other: number[] = [];
    const all: number[] = [];
    for (let k = 0; k < SLICES; k += 1) {
      if (k % 2 === 0) other.push(...(await slice(bare, rateHz)));
      bridge.everything.length = 0;
      own.push(...(await slice(bridge, rateHz)));
      all.push(...bridge.everything);
      if (k % 2 === 1) other.push(...(await slice(bare, rateHz)));
    }
    ours.push(own);
    theirs.push(other);
    everything.push(all);
  }
  const least = 0.8 * rateHz * SECONDS;
  for (const run of [...ours, ...theirs]) {
    if (run.length < Math.min(least, 500 * SECONDS)) console.log(`${rateHz} Hz: a run had ${run.length} packets only.`);
  }
  const microseconds = (runs: readonly number[][], q: number): number[] => runs.map((run) => 1000 * quantile(run, q));
  // Pair by pair: what else runs on the machine changes slowly, and weighs on both of a pair.
  const theirP50 = microseconds(theirs, 0.5);
  const ratios = microseconds(ours, 0.5).map((p50, i) => p50 / (theirP50[i] as number));
  const rows = [0.5, 0.9, 0.99].flatMap((q) => [
    row(`packet → guidance, ${rateHz} Hz × ${TOOLS} tools, p${100 * q}`, 'µs', microseconds(ours, q)),
    row(`bare ws, same bytes, ${rateHz} Hz, p${100 * q}`, 'µs', microseconds(theirs, q)),
  ]);
  const allRead = row(`… and the poses of the other ${TOOLS - 1} tools, ${rateHz} Hz, p50`, 'µs', microseconds(everything, 0.5));
  return [
    ...rows,
    allRead,
    row(`ratio of the p50, ${rateHz} Hz`, '×', ratios, { text: 'at most 1.3', met: median(ratios) <= 1.3 }),
  ];
}

const serving = process.argv[process.argv.indexOf('--serve') + 1];
if (process.argv.includes('--serve')) {
  await (serving === 'bridge' ? serveBridge() : serveBare());
} else {
  const bridge = await openBridge(await serve('bridge'));
  const bare = await openBare(await serve('bare'));
  // A procedure runs for hours: what it runs all the time is compiled. For both alike.
  for (const { server } of [bridge, bare]) {
    server.send(1000);
    await pause(WARM_UP_MS);
    server.send(0);
  }
  const rows: Row[] = [];
  for (const rate of RATES) rows.push(...(await measureRate(rate, bridge, bare)));
  for (const peer of [bridge, bare]) {
    peer.close();
    peer.server.child.stdin?.end();
  }
  report(rows);
  process.exit(0);
}
