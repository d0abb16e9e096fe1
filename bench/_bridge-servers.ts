import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PoseSample } from '@trocar/core';
import { type Driver, PoseBatch, type PoseSink } from '@trocar/device-bridge';
import { startBridge } from '@trocar/device-bridge/node';
import { WebSocketServer } from 'ws';
import { addressOf, clock, monotonicMs, onLines, paced } from './_paced.js';

/** The two servers that a load is put on: a bridge, and bare `ws` with the same bytes; each in a process of its own. */

/** Where a pose message holds the arrival of its first pose, and the frame number of it. */
export const ARRIVED_AT = 8 + 16;
export const FRAME_AT = 8 + 4;

export interface LoadServer {
  readonly url: string;
  readonly child: ChildProcess;
  /** 0 stops it. */
  send(rateHz: number): void;
  /** How many frames it has sent in all. */
  sent(): Promise<number>;
}

/** Starts one of the two, with so many tools. */
export function serve(kind: 'bridge' | 'bare', tools: number): Promise<LoadServer> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--serve', kind, String(tools)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = (): Promise<string> =>
    new Promise((resolve) => child.stdout?.once('data', (d: Buffer) => resolve(d.toString().trim())));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`The ${kind} server ended with ${code}.`)));
    void line().then((url) => {
      resolve({
        url,
        child,
        send: (rateHz) => void child.stdin?.write(`${rateHz}\n`),
        sent: async () => {
          const answer = line();
          child.stdin?.write('sent\n');
          return Number(await answer);
        },
      });
    });
  });
}

/** Calls `send` at the rate that a line on standard input gives, every frame of it, a late one as soon as it can. */
function ticker(send: (frame: number) => void): void {
  let frame = 0;
  const rate = paced(() => {
    frame += 1;
    send(frame);
  }, 'all');
  onLines((line) => {
    if (line === 'sent') console.log(frame);
    else rate(Number(line));
  });
}

async function serveBridge(tools: number): Promise<void> {
  const sample = new PoseSample();
  sample.status = 'ok';
  sample.values.set([0, 0, 0.1, 0, 1, -1500, 0, 0.6, 0, 0.8]);
  const driver: Driver = {
    name: 'bench',
    start: async (sink: PoseSink) => {
      sink.tools(Array.from({ length: tools }, (_, i) => ({ name: `tool${i}` })));
      sink.connection('connected', '');
      ticker((frame) => {
        const at = monotonicMs();
        for (let tool = 0; tool < tools; tool += 1) {
          sample.values[0] = sample.values[1] = at;
          sample.values[3] = tool;
          sink.pose(tool, sample, frame);
        }
        sink.flush();
      });
    },
    stop: async () => undefined,
  };
  const bridge = await startBridge({ driver, clock });
  console.log(bridge.url);
}

async function serveBare(tools: number): Promise<void> {
  const batch = new PoseBatch();
  const sample = new PoseSample();
  sample.status = 'ok';
  sample.values.set([0, 0, 0.1, 0, 1, -1500, 0, 0.6, 0, 0.8]);
  for (let tool = 0; tool < tools; tool += 1) batch.add(tool, sample, 0);
  const bytes = batch.message(1);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  ticker((frame) => {
    const message = Buffer.from(bytes);
    message.writeDoubleLE(monotonicMs(), ARRIVED_AT);
    message.writeUInt32LE(frame, FRAME_AT);
    for (const client of server.clients) client.send(message, { binary: true });
  });
  console.log(await addressOf(server));
}

if (process.argv[2] === '--serve' && process.argv[1] === fileURLToPath(import.meta.url)) {
  const tools = Number(process.argv[4]);
  await (process.argv[3] === 'bridge' ? serveBridge(tools) : serveBare(tools));
}
