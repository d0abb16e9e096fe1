import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, NavError } from '@trocar/core';
import { WebSocketServer } from 'ws';
import {
  type BridgeEvent,
  type BridgeHello,
  encodeEvent,
  encodeHeartbeat,
  encodeHello,
  PoseBatch,
} from '../codec/bridge/index.js';
import type { Driver, PoseSink } from '../driver.js';
import { ServedClient, type ServedOptions } from './bridge-client.js';
import { type AccessPolicy, accessPolicy, refusal } from './policy.js';

/** How a bridge listens. */
export interface BridgeOptions {
  readonly driver: Driver;
  readonly clock: Clock;
  /** Default 127.0.0.1: this machine only. Another address needs {@link allowRemote}. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Exact origins of the pages that may connect. Default none; programs without an origin may. */
  readonly allowedOrigins?: readonly string[];
  /** Names it is reached by, where it does not listen on loopback. */
  readonly allowedHosts?: readonly string[];
  /** Listen where other machines can connect. Poses are not encrypted: put it behind TLS. Default false. */
  readonly allowRemote?: boolean;
  /** Longest message a client may send, bytes. Default 4096: a hello or a ping. */
  readonly maxPayload?: number;
  readonly maxClients?: number;
  /** Something is sent at least this often, ms. Default 100. */
  readonly heartbeatMs?: number;
  readonly highWaterBytes?: number;
  readonly helloTimeoutMs?: number;
  readonly silentMs?: number;
}

/** A running bridge. */
export interface Bridge {
  /** `ws://127.0.0.1:49152` */
  readonly url: string;
  readonly port: number;
  /** How many clients have said hello. */
  readonly clientCount: number;
  /** Poses replaced by newer ones because a client did not keep up, over all clients that are connected. */
  readonly dropped: number;
  /** Stops the driver, says good-bye to clients and stops listening. */
  close(): Promise<void>;
}

/**
 * Serves a driver's poses to browsers and programs over WebSocket: see docs/bridge-protocol.md.
 *
 * On loopback unless told otherwise; foreign origins and foreign host names are answered 403 before there is a
 * WebSocket.
 * @throws NavError `bridge/bad-option`, `device/connect-failed` where it cannot listen, and what the driver's first
 * connection throws
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const host = options.host ?? '127.0.0.1';
  const policy = accessPolicy({
    host,
    allowedOrigins: options.allowedOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
    allowRemote: options.allowRemote ?? false,
  });
  const hub = new Hub(options);
  const server = createServer(
    { connectionsCheckingInterval: 1000, headersTimeout: 5000, requestTimeout: 5000 },
    (_, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
      response.end('This is a Trocar bridge: connect with a WebSocket.\n');
    },
  );
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: options.maxPayload ?? 4096 });
  server.on('upgrade', (request, socket, head) => upgrade(request, socket, head, policy, hub, sockets));
  const port = await listen(server, host, options.port ?? 0);
  const close = async (): Promise<void> => {
    await options.driver.stop();
    hub.close();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      setTimeout(() => server.closeAllConnections(), 300).unref();
    });
  };
  try {
    await options.driver.start(hub.sink);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    get clientCount() {
      return hub.clientCount;
    },
    get dropped() {
      return hub.dropped;
    },
    close,
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NavError('device/connect-failed', `The bridge cannot listen on ${host}:${port}: ${cause.message}.`, { cause }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  policy: AccessPolicy,
  hub: Hub,
  sockets: WebSocketServer,
): void {
  const { host, origin } = request.headers;
  const why = refusal(policy, { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) });
  if (why !== undefined) refuse(socket, '403 Forbidden', `bridge/foreign-origin: ${why}`);
  else if (hub.full) refuse(socket, '503 Service Unavailable', 'bridge/closed: too many clients');
  else sockets.handleUpgrade(request, socket, head, (accepted) => hub.add(accepted));
}

function refuse(socket: Duplex, status: string, body: string): void {
  socket.on('error', () => undefined);
  const text = `${body}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** What joins one driver with many clients. */
class Hub {
  readonly sink: PoseSink;
  readonly #options: BridgeOptions;
  readonly #served: ServedOptions;
  readonly #clients = new Set<ServedClient>();
  readonly #connections = new Set<ServedClient>();
  /** What arrived together, and the newest of each tool for clients that come later. */
  readonly #batch = new PoseBatch();
  readonly #latest = new PoseBatch();
  readonly #timer: ReturnType<typeof setInterval>;
  #hello: BridgeHello;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const heartbeatMs = options.heartbeatMs ?? 100;
    this.#served = {
      clock: options.clock,
      highWaterBytes: options.highWaterBytes ?? 65_536,
      helloTimeoutMs: options.helloTimeoutMs ?? 2000,
      silentMs: options.silentMs ?? 10_000,
    };
    this.#hello = { bridge: options.driver.name, tools: [], device: 'connecting', reason: '', heartbeatMs };
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
    this.sink = this.#makeSink();
  }

  get clientCount(): number {
    return this.#clients.size;
  }
  get full(): boolean {
    return this.#connections.size >= (this.#options.maxClients ?? 32);
  }
  get dropped(): number {
    let sum = 0;
    for (const client of this.#clients) sum += client.droppedTotal;
    return sum;
  }

  add(socket: ConstructorParameters<typeof ServedClient>[0]): void {
    const client = new ServedClient(socket, this.#served, {
      opened: (opened) => {
        opened.send(encodeHello(this.#hello));
        this.#clients.add(opened);
      },
      flowing: (flowing) => {
        if (this.#latest.count > 0) flowing.sendPoses(this.#latest);
      },
      gone: (gone) => {
        this.#clients.delete(gone);
        this.#connections.delete(gone);
      },
    });
    this.#connections.add(client);
  }

  #tell(event: BridgeEvent): void {
    const message = encodeEvent(event);
    for (const client of this.#clients) client.send(message);
  }

  #makeSink(): PoseSink {
    return {
      tools: (tools) => {
        this.#hello = { ...this.#hello, tools: [...tools] };
        this.#tell({ kind: 'tools', tools });
      },
      pose: (tool, sample, frameNumber) => {
        this.#batch.add(tool, sample, frameNumber);
      },
      flush: () => {
        if (this.#batch.count === 0) return;
        for (const client of this.#clients) client.sendPoses(this.#batch);
        this.#latest.addAll(this.#batch);
        this.#batch.clear();
      },
      connection: (device, reason) => {
        this.#hello = { ...this.#hello, device, reason };
        this.#tell({ kind: 'connection', device, reason });
      },
      fault: ({ code, message }) => this.#tell({ kind: 'fault', code, message }),
    };
  }

  #beat(): void {
    const now = this.#options.clock.now();
    for (const client of this.#clients) {
      client.drain();
      client.send(encodeHeartbeat(client.sequence, now));
      client.checkAlive(now);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#connections) client.close();
  }
}
