import type { AddressInfo } from 'node:net';
import { type PoseSample, systemClock } from '@trocar/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { underTest } from '../../test-support/under-test.js';
import { checkDriver, PoseRecord, TestWire } from '../../testing/index.js';
import { type RosbridgeDriverOptions, type RosSocket, rosbridgeDriver } from './index.js';

const clock = systemClock();
const TIMEOUTS = { connectMs: 300, silenceMs: 100, reconnectMs: 20 };

const closing: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Handler = ((event: never) => void) | null;

/** A socket in this process, through a wire that can be disturbed. */
class PretendSocket implements RosSocket {
  binaryType = '';
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  isOpen = false;
  readonly #server: PretendRosbridge;
  readonly #wire: TestWire;

  constructor(server: PretendRosbridge, wire: TestWire) {
    this.#server = server;
    this.#wire = wire;
    setTimeout(() => {
      if (wire.isCut) this.gone();
      else this.#begin();
    });
  }

  #begin(): void {
    this.isOpen = true;
    this.#server.sockets.add(this);
    this.#wire.onCut(() => this.gone());
    this.onopen?.({} as never);
  }

  send(text: string): void {
    this.#server.heard.push(JSON.parse(text) as Record<string, unknown>);
  }

  receive(data: unknown): void {
    this.#wire.message(() => {
      if (this.isOpen) this.onmessage?.({ data } as never);
    });
  }

  gone(): void {
    this.close();
    this.onclose?.({} as never);
  }

  close(): void {
    this.isOpen = false;
    this.#server.sockets.delete(this);
  }
}

const position = (tool: number, n: number): [number, number, number] => {
  const x = tool + 0.001 * (n % 500);
  return [x, 2 * x, -x];
};

/** Whether a pose, in mm, is one that the pretended publisher sends. */
function isPossible(_tool: number, sample: PoseSample): boolean {
  const [, , , x = 0, y = 0, z = 0] = sample.values;
  return Math.abs(y - 2 * x) < 1e-6 && Math.abs(z + x) < 1e-6;
}

class PretendRosbridge {
  readonly sockets: Set<PretendSocket> = new Set();
  readonly heard: Array<Record<string, unknown>> = [];
  frozen = false;
  spoilt = false;
  fragmented = false;
  #n = 0;
  #frozenAt = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    this.#timer = setInterval(() => this.#publish(), 5);
  }

  #publish(): void {
    this.#n += 1;
    if (!this.frozen) this.#frozenAt = this.#n;
    this.send(JSON.stringify({ op: 'publish', topic: '/stylus', msg: this.#pose() }));
    this.send(
      JSON.stringify({
        op: 'publish',
        topic: '/tf',
        msg: { transforms: [this.#transform('reference'), this.#transform('other')] },
      }),
    );
  }

  #header() {
    const ms = 1.7e12 + performance.now();
    return { stamp: { sec: Math.floor(ms / 1000), nanosec: Math.round((ms % 1000) * 1e6) }, frame_id: 'map' };
  }

  #numbers(tool: number) {
    const [x, y, z] = position(tool, this.#frozenAt);
    return { at: { x: this.spoilt ? null : x, y, z }, turned: { x: 0, y: 0, z: 0, w: 1 } };
  }

  #pose() {
    const { at, turned } = this.#numbers(0);
    return { header: this.#header(), pose: { position: at, orientation: turned } };
  }

  #transform(child: string) {
    const { at, turned } = this.#numbers(child === 'other' ? 7 : 1);
    return { header: this.#header(), child_frame_id: child, transform: { translation: at, rotation: turned } };
  }

  send(text: string): void {
    for (const socket of this.sockets) {
      if (!this.fragmented) socket.receive(text);
      else {
        const half = text.length >> 1;
        [text.slice(0, half), text.slice(half)].forEach((data, num) => {
          socket.receive(JSON.stringify({ op: 'fragment', id: `${this.#n}${text.length}`, num, total: 2, data }));
        });
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const TOOLS: RosbridgeDriverOptions['tools'] = [
  { name: 'stylus', topic: '/stylus', type: 'geometry_msgs/PoseStamped' },
  { name: 'reference', topic: '/tf', type: 'tf2_msgs/TFMessage', child: 'reference' },
];

function make(wire = new TestWire(), options: Partial<RosbridgeDriverOptions> = {}) {
  const server = new PretendRosbridge();
  const socket = (): RosSocket => new PretendSocket(server, wire);
  const driver = rosbridgeDriver({ url: 'ws://pretended:9090', clock, tools: TOOLS, socket, timeouts: TIMEOUTS, ...options });
  closing.push(
    () => server.close(),
    () => driver.stop(),
  );
  return { server, driver };
}

describe('the rosbridge driver', () => {
  it.each([
    ['unknown', {}],
    ['ok', { messageMeans: 'ok' as const }],
  ] as const)('conforms, where a message means %s', { timeout: 60_000 }, async (liveStatus, options) => {
    const failures = await checkDriver({
      kind: 'message',
      tools: 2,
      liveStatus,
      silenceMs: TIMEOUTS.silenceMs,
      connectMs: TIMEOUTS.connectMs,
      periodMs: 5,
      isPossible,
      create: (wire) => {
        const { server, driver } = make(wire, options);
        return underTest(driver, server);
      },
    });
    expect(failures).toEqual([]);
  });

  it('asks for each topic once, and takes it back', async () => {
    const { server, driver } = make();
    await driver.start(new PoseRecord({ isPossible }, 'unknown'));
    await driver.stop();
    expect(server.heard).toMatchObject([
      { op: 'subscribe', topic: '/stylus', queue_length: 1 },
      { op: 'subscribe', topic: '/tf', type: 'tf2_msgs/TFMessage' },
      { op: 'unsubscribe', topic: '/stylus' },
      { op: 'unsubscribe', topic: '/tf' },
    ]);
  });

  it('puts fragments together', async () => {
    const { server, driver } = make();
    server.fragmented = true;
    const record = new PoseRecord({ isPossible }, 'unknown');
    await driver.start(record);
    await expect.poll(() => record.live[1] ?? 0).toBeGreaterThan(5);
    expect(record.failures).toEqual([]);
  });

  it('tells what the server says and what it cannot read, and goes on', async () => {
    const { server, driver } = make();
    const record = new PoseRecord({ isPossible }, 'unknown');
    await driver.start(record);
    server.send('{"op":"status","level":"error","msg":"no such type"}');
    server.send('{"op":"png","data":""}');
    server.send('nonsense');
    for (const socket of server.sockets) socket.receive(new ArrayBuffer(8));
    await expect
      .poll(() => record.faults.map((fault) => fault.code))
      .toEqual(['device/refused', 'rosbridge/unsupported', 'rosbridge/not-json']);
    expect(record.faults[0]?.message).toContain('no such type');
    record.forget();
    await expect.poll(() => record.live[0] ?? 0).toBeGreaterThan(3);
  });

  it('does not take a pose that is relative to another frame', async () => {
    const { server, driver } = make(new TestWire(), {
      tools: [{ ...TOOLS[0], frame: 'tracker' } as (typeof TOOLS)[number]],
      timeouts: { connectMs: 60 },
    });
    const record = new PoseRecord({ isPossible }, 'unknown');
    await expect(driver.start(record)).rejects.toThrowError(/no frame within 60 ms/);
    expect(record.faults.map((fault) => fault.code)).toEqual(['rosbridge/other-frame']);
    expect(server.heard.length).toBeGreaterThan(0);
  });

  it('speaks over a real WebSocket', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    closing.push(() => server.close());
    server.on('connection', (socket) => {
      socket.on('message', (data) => {
        const { op, topic } = JSON.parse(String(data)) as { op: string; topic: string };
        if (op !== 'subscribe') return;
        const header = { stamp: { secs: 0, nsecs: 0 }, frame_id: 'map' };
        const pose = { position: { x: 1, y: 2, z: -1 }, orientation: { x: 0, y: 0, z: 0, w: 1 } };
        socket.send(JSON.stringify({ op: 'publish', topic, msg: { header, pose } }));
      });
    });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const tools = TOOLS.slice(0, 1);
    const driver = rosbridgeDriver({ url: `ws://127.0.0.1:${port}`, clock, tools, socket: (url) => new WebSocket(url) });
    closing.push(() => driver.stop());
    const record = new PoseRecord({ isPossible }, 'unknown');
    await driver.start(record);
    expect(record.last).toEqual(['unknown']);
    expect(record.failures).toEqual([]);
  });

  it('says so where nobody listens, and where it is no address', async () => {
    const refused = rosbridgeDriver({ url: 'ws://127.0.0.1:1', clock, tools: TOOLS, socket: (url) => new WebSocket(url) });
    const record = new PoseRecord({ isPossible }, 'unknown');
    await expect(refused.start(record)).rejects.toThrowError(expect.objectContaining({ code: 'device/connect-failed' }));
    const nowhere = rosbridgeDriver({ url: 'nonsense', clock, tools: TOOLS, socket: (url) => new WebSocket(url) });
    await expect(nowhere.start(record)).rejects.toThrowError(expect.objectContaining({ code: 'device/connect-failed' }));
  });

  it.each<[string, RosbridgeDriverOptions['tools']]>([
    ['no tools', []],
    ['a TFMessage without a child', [{ name: 'a', topic: '/tf', type: 'tf2_msgs/TFMessage' }]],
    ['no topic', [{ name: 'a', topic: '', type: 'geometry_msgs/PoseStamped' }]],
    [
      'two types on one topic',
      [
        { name: 'a', topic: '/t', type: 'geometry_msgs/PoseStamped' },
        { name: 'b', topic: '/t', type: 'geometry_msgs/TransformStamped' },
      ],
    ],
  ])('is not made with %s', (_, tools) => {
    const making = () => rosbridgeDriver({ url: 'ws://x', clock, tools });
    expect(making).toThrowError(expect.objectContaining({ code: 'bridge/bad-option' }));
  });
});
