import { PoseBuffer } from '@trocar/core';
import { encodeHello } from '@trocar/device-bridge';
import { type BridgeClient, connectBridge, type SocketEvents } from '@trocar/device-bridge/browser';
import { nodeSocket } from '@trocar/device-bridge/node';
import WebSocket from 'ws';
import { ARRIVED_AT, FRAME_AT, type LoadServer, serve } from './_bridge-servers.js';
import { clock, monotonicMs, pause, quantile } from './_paced.js';
import { median, type Row, report, row } from './_report.js';
import { option } from './_rounds.js';

/**
 * Sixteen tools at 1 kHz for a minute: from a driver's frame to sixteen pose buffers of a client, against bare `ws`
 * with the same bytes, rate and processes. The two take turns in slices of half a second, in changing order, so that
 * whatever else the machine does weighs on both alike. Every frame is counted.
 *
 * Then two bridges with ten clients each, where two clients of the first read nothing: what its other eight notice of it.
 *
 * `--seconds N` is the length for each side (60); TROCAR_EFFORT below 1 shortens it.
 */

const TOOLS = 16;
const RATE_HZ = 1000;
const SLICE_MS = 500;
const SETTLE_MS = 60;
const WARM_UP_MS = 2000;
/** Slices of which a figure is made: as many figures as a minute has. */
const SLICES_PER_RUN = 10;
const SECONDS = option('--seconds', 60 * Math.min(1, Number(process.env['TROCAR_EFFORT'] ?? 1)));

/** A client of one of the two servers: latencies, ms, are added as messages come, and frames are held against each other. */
class Peer {
  latencies: number[] = [];
  received = 0;
  /** Frames that did not come: the numbers in between, for the first tool and for the last. */
  lost = 0;
  #last = -1;
  #lastOfLast = -1;
  listening = false;

  /** Takes a pose message that has been dealt with. */
  took(bytes: Buffer, allTools: boolean): void {
    if (this.listening) this.latencies.push(monotonicMs() - bytes.readDoubleLE(ARRIVED_AT));
    this.received += 1;
    const frame = bytes.readUInt32LE(FRAME_AT);
    if (this.#last >= 0) this.lost += Math.abs(frame - this.#last - 1);
    this.#last = frame;
    if (!allTools) return;
    const ofLast = bytes.readUInt32LE(FRAME_AT + 88 * (TOOLS - 1));
    if (this.#lastOfLast >= 0) this.lost += Math.abs(ofLast - this.#lastOfLast - 1);
    this.#lastOfLast = ofLast;
  }

  get last(): number {
    return this.#last;
  }
}

const isPoses = (message: Uint8Array): boolean => message.byteLength === 8 + 88 * TOOLS;

async function openBare(url: string): Promise<{ peer: Peer; close: () => void }> {
  const peer = new Peer();
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('message', (data: Buffer) => peer.took(data, false));
  await new Promise((resolve) => socket.once('open', resolve));
  return { peer, close: () => socket.terminate() };
}

interface Opened {
  readonly peer: Peer;
  readonly client: BridgeClient;
  readonly buffers: readonly PoseBuffer[];
}

async function openBridge(url: string): Promise<Opened> {
  const peer = new Peer();
  const client = connectBridge({
    url,
    clock,
    createSocket: (to, events: SocketEvents) =>
      nodeSocket(to, {
        ...events,
        message: (message) => {
          events.message(message);
          if (typeof message !== 'string' && isPoses(message as Uint8Array)) peer.took(message as Buffer, true);
        },
      }),
  });
  const buffers = Array.from({ length: TOOLS }, (_, i) => {
    const buffer = new PoseBuffer();
    client.attach(`tool${i}`, buffer);
    return buffer;
  });
  await client.ready;
  return { peer, client, buffers };
}

/** What comes in a slice of a run. */
async function slice(server: LoadServer, peers: readonly Peer[]): Promise<number[]> {
  server.send(RATE_HZ);
  await pause(SETTLE_MS);
  for (const peer of peers) peer.listening = true;
  await pause(SLICE_MS);
  for (const peer of peers) peer.listening = false;
  server.send(0);
  await pause(30);
  return peers.flatMap((peer) => peer.latencies.splice(0));
}

/** Slices of half a second, each its latencies, in runs of so many slices. */
type Runs = readonly (readonly number[][])[];

/** A figure per run, µs: the median over its slices, so that one in which something else ran does not decide. */
const figures = (runs: Runs, q: number): number[] =>
  runs.map((slices) => 1000 * median(slices.map((slice) => quantile(slice, q))));

function ratioRow(name: string, ours: readonly number[], theirs: readonly number[], most: number): Row {
  const ratios = ours.map((figure, i) => figure / (theirs[i] as number));
  return row(name, '×', ratios, { text: `at most ${most}`, met: median(ratios) <= most });
}

/** Runs two kinds of slice in turns, in changing order. */
async function inTurns(first: () => Promise<number[]>, second: () => Promise<number[]>, seconds: number): Promise<[Runs, Runs]> {
  const count = Math.max(2, Math.round((1000 * seconds) / SLICE_MS));
  const results: [number[][][], number[][][]] = [[], []];
  for (let k = 0; k < count; k += 1) {
    if (k % SLICES_PER_RUN === 0) for (const runs of results) runs.push([]);
    for (const which of k % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      results[which].at(-1)?.push(await (which === 0 ? first() : second()));
    }
  }
  return results;
}

async function oneClient(bridge: LoadServer, bare: LoadServer): Promise<Row[]> {
  const ours = await openBridge(bridge.url);
  const theirs = await openBare(bare.url);
  for (const server of [bridge, bare]) {
    server.send(RATE_HZ);
    await pause(WARM_UP_MS);
    server.send(0);
  }
  const [own, other] = await inTurns(
    () => slice(bridge, [ours.peer]),
    () => slice(bare, [theirs.peer]),
    SECONDS,
  );
  await pause(100);
  const sent = await bridge.sent();
  const lost = ours.peer.lost + (sent - ours.peer.last) + ours.client.counts.dropped;
  // The first pose message may be of a frame alone; each after it fills every buffer.
  const kept = ours.buffers.every((buffer) => buffer.faults.notFinite + buffer.faults.tooOld + buffer.faults.fromTheFuture === 0);
  const name = `${TOOLS} tools × ${RATE_HZ} Hz`;
  const rows = [
    row(`frames that came, ${name}, ${SECONDS} s`, '', [ours.peer.received]),
    row(`frames lost, ${name}`, '', [kept ? lost : Number.NaN], { text: 'none', met: lost === 0 && kept }),
    ...[0.5, 0.99].flatMap((q) => [
      row(`driver → pose buffers, ${name}, p${100 * q}`, 'µs', figures(own, q)),
      row(`bare ws, same bytes, p${100 * q}`, 'µs', figures(other, q)),
    ]),
    ratioRow(`ratio of the p50, ${name}`, figures(own, 0.5), figures(other, 0.5), 1.3),
    ratioRow(`ratio of the p99, ${name}`, figures(own, 0.99), figures(other, 0.99), 1.5),
  ];
  ours.client.close();
  theirs.close();
  return rows;
}

/** A client that says what it must and, where it is told so, reads nothing: what hangs in a drawing, or in a debugger. */
async function openOther(url: string, reads: boolean): Promise<() => void> {
  const ping = Buffer.alloc(16);
  ping[0] = 3;
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(encodeHello({ client: 'other' }));
  socket.send(ping);
  const timer = setInterval(() => socket.send(ping), 1000);
  if (!reads) setTimeout(() => socket.pause(), 100);
  return () => {
    clearInterval(timer);
    socket.terminate();
  };
}

/** How many poses a bridge replaced by newer ones for clients that do not keep up. */
async function droppedBy(server: LoadServer): Promise<number> {
  const text = await (await fetch(`${server.url.replace('ws', 'http')}/metrics`)).text();
  return Number(/^trocar_poses_dropped_total (\d+)/m.exec(text)?.[1]);
}

/** Two bridges with eight clients each; of two more the first bridge's read nothing. */
async function tenClients(): Promise<Row[]> {
  const open = async (reads: boolean): Promise<{ server: LoadServer; good: Opened[]; peers: Peer[]; close: () => void }> => {
    const server = await serve('bridge', TOOLS);
    const good = await Promise.all(Array.from({ length: 8 }, () => openBridge(server.url)));
    const others = await Promise.all([openOther(server.url, reads), openOther(server.url, reads)]);
    const close = (): void => {
      for (const { client } of good) client.close();
      for (const end of others) end();
      server.child.stdin?.end();
    };
    return { server, good, peers: good.map((one) => one.peer), close };
  };
  const beside = await open(false);
  const alone = await open(true);
  // What the operating system holds for the two is filled first.
  for (const { server } of [beside, alone]) {
    server.send(RATE_HZ);
    await pause(4 * WARM_UP_MS);
    server.send(0);
  }
  const [stalled, all] = await inTurns(
    () => slice(beside.server, beside.peers),
    () => slice(alone.server, alone.peers),
    SECONDS / 2,
  );
  await pause(100);
  const sent = await beside.server.sent();
  const lost = beside.good.reduce((sum, { peer, client }) => sum + peer.lost + (sent - peer.last) + client.counts.dropped, 0);
  const skipped = await droppedBy(beside.server);
  const rows = [
    row('poses that two stalled clients were spared', '', [skipped], { text: 'above 0', met: skipped > 0 }),
    row('frames lost by eight clients beside them', '', [lost], { text: 'none', met: lost === 0 }),
    ...[0.5, 0.99].flatMap((q) => [
      row(`eight clients beside two stalled ones, p${100 * q}`, 'µs', figures(stalled, q)),
      row(`eight clients beside two that read, p${100 * q}`, 'µs', figures(all, q)),
    ]),
    ratioRow('ratio of the p99 of the eight', figures(stalled, 0.99), figures(all, 0.99), 1.3),
  ];
  for (const { close } of [beside, alone]) close();
  return rows;
}

const bridge = await serve('bridge', TOOLS);
const bare = await serve('bare', TOOLS);
report([...(await oneClient(bridge, bare)), ...(await tenClients())]);
for (const server of [bridge, bare]) server.child.stdin?.end();
process.exit(0);
