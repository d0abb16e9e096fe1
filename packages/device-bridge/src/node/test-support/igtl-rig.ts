import { createConnection, type Socket } from 'node:net';
import { type NavErrorCode, PoseSample, type Status } from '@trocar/core';
import { decodeIgtl, encodeIgtl, IgtlFramer, type IgtlMessage, type IgtlMessageInit } from '../../codec/igtl/index.js';
import { type IgtlDriverOptions, igtlDriver } from '../../drivers/igtl/index.js';
import { clock, Recorder, skewQuaternion, until } from '../../drivers/igtl/test-support/rig.js';
import { type IgtlServer, type IgtlServerOptions, startIgtlServer } from '../igtl-server.js';
import { tcpTransport } from '../tcp.js';

/** What a test has opened: {@link closeAll} closes it, the last first. */
export const closing: Array<() => unknown> = [];

export async function closeAll(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

/** A server without a driver, and how to tell it poses. */
export interface Served {
  readonly server: IgtlServer;
  readonly faults: NavErrorCode[];
  tell(tool: number, angle: number, status?: Status): void;
}

export async function serve(options: Partial<IgtlServerOptions> = {}): Promise<Served> {
  const faults: NavErrorCode[] = [];
  const server = await startIgtlServer({ clock, keepAliveMs: 0, onFault: ({ code }) => faults.push(code), ...options });
  closing.push(() => server.close());
  server.sink.tools([{ name: 'a' }, { name: 'b' }]);
  server.sink.connection('connected', 'here');
  const sample = new PoseSample();
  const tell = (tool: number, angle: number, status: Status = 'ok'): void => {
    sample.measuredAt = sample.arrivedAt = clock.now();
    sample.status = status;
    const [qx, qy, qz, qw] = skewQuaternion(angle) as [number, number, number, number];
    sample.setPose(10 + tool, -20, 30, qx, qy, qz, qw);
    server.sink.pose(tool, sample, 0);
    server.sink.flush();
  };
  return { server, faults, tell };
}

/** A client that writes what it likes. */
export class Raw {
  readonly messages: IgtlMessage[] = [];
  readonly socket: Socket;
  ended = false;

  constructor(port: number) {
    const framer = new IgtlFramer({
      message: (frame) => this.messages.push(decodeIgtl(frame)),
      fault: ({ message }) => {
        throw new Error(message);
      },
    });
    this.socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
    this.socket.on('data', (bytes) => framer.feed(bytes));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.ended = true;
    });
    closing.push(() => this.socket.destroy());
  }

  send(...messages: readonly IgtlMessageInit[]): void {
    for (const message of messages) this.socket.write(encodeIgtl(message).slice());
  }

  of(type: string): IgtlMessage[] {
    return this.messages.filter((message) => message.type === type);
  }
}

/** A connected client. */
export async function raw(served: Served): Promise<Raw> {
  const before = served.server.clientCount;
  const client = new Raw(served.server.port);
  await until(() => served.server.clientCount > before);
  return client;
}

export const query = (type: string, more: Partial<IgtlMessageInit> = {}): IgtlMessageInit => ({
  type,
  device: '',
  content: { kind: 'query', verb: type.slice(0, 3) as 'GET', target: type.slice(4), payload: new Uint8Array(0) },
  ...more,
});

export const start = (type: string, intervalMs: number, coordinateName = ''): IgtlMessageInit => ({
  type,
  device: '',
  content: { kind: 'startTracking', intervalMs, coordinateName },
});

/** Our driver as a client, started. */
export async function connected(
  port: number,
  options: Partial<IgtlDriverOptions> = {},
): Promise<{ sink: Recorder; driver: ReturnType<typeof igtlDriver> }> {
  const driver = igtlDriver({
    transport: tcpTransport('127.0.0.1', port),
    clock,
    onSilence: 'stale',
    reconnectMs: 10,
    ...options,
  });
  closing.push(() => driver.stop());
  const sink = new Recorder();
  await driver.start(sink);
  return { sink, driver };
}
