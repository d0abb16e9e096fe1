import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, NavError } from '@trocar/core';
import { WebSocketServer } from 'ws';
import { type DeviceState, SUBPROTOCOL } from '../codec/bridge/index.js';
import type { Driver } from '../driver.js';
import { type AccessToken, TokenSet } from './auth.js';
import { closeServer, httpServer, listenAt, socketUrl, turnAway } from './http-server.js';
import { healthOf, metricsText } from './metrics.js';
import { accessPolicy, isLoopback } from './policy.js';
import type { BridgeDevice } from './server-devices.js';
import { Door } from './server-door.js';
import { type BridgeLogEntry, type CommandHandler, Hub } from './server-hub.js';
import { type BridgeLimits, usualLimits } from './server-limits.js';
import { requireTls, type TlsIdentity } from './tls.js';

/** How a bridge listens. */
export interface BridgeOptions {
  /** The one device, by its driver's name; or several in {@link devices}. */
  readonly driver?: Driver;
  readonly devices?: readonly BridgeDevice[];
  readonly clock: Clock;
  /** What it calls itself, for logs. Default the driver's name, or "trocar". */
  readonly name?: string;
  /** Default 127.0.0.1: this machine only. Another address needs {@link allowRemote}, {@link tls} and {@link tokens}. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Exact origins of the pages that may connect. Default none; programs without an origin may. */
  readonly allowedOrigins?: readonly string[];
  /** Names it is reached by, where it does not listen on loopback. */
  readonly allowedHosts?: readonly string[];
  /** Listen where other machines can connect. Default false. */
  readonly allowRemote?: boolean;
  /** Serve wss:// and https:// with this certificate. Default none: ws:// and http://. */
  readonly tls?: TlsIdentity;
  /** Who may do what. Without any, every client that is let in may observe, and none may control. */
  readonly tokens?: readonly AccessToken[];
  /** What clients with the role `control` may ask for, beside `mark`, by name. */
  readonly commands?: Readonly<Record<string, CommandHandler>>;
  readonly limits?: Partial<BridgeLimits>;
  /** The same as `limits.messageBytes` and `limits.clients`. */
  readonly maxPayload?: number;
  readonly maxClients?: number;
  /** Something is sent at least this often, ms. Default 25: a client's deadline is four of them. */
  readonly heartbeatMs?: number;
  /** Above this many unsent bytes only the newest pose of each tool is kept for a client. Default 65536. */
  readonly highWaterBytes?: number;
  readonly helloTimeoutMs?: number;
  readonly silentMs?: number;
  /** Told what happens, at a low rate. */
  readonly log?: (entry: BridgeLogEntry) => void;
  /** `/healthz` is well while poses came within this, ms. Default 500. */
  readonly healthyWithinMs?: number;
}

/** A running bridge. */
export interface Bridge {
  /** `ws://127.0.0.1:49152`, or wss:// with TLS. */
  readonly url: string;
  readonly port: number;
  /** How many clients have said hello. */
  readonly clientCount: number;
  /** Poses replaced by newer ones because a client did not keep up, over all clients that are connected. */
  readonly dropped: number;
  readonly devices: readonly DeviceState[];
  /** Stops the drivers, says good-bye to clients and stops listening. */
  close(): Promise<void>;
}

/** Connections that have not asked for anything yet, beside those of clients. */
const SPARE_CONNECTIONS = 64;

/**
 * Serves the poses of one or several devices to browsers and programs over WebSocket: see docs/bridge-protocol.md. The
 * same port answers `/metrics` and `/healthz`.
 *
 * On loopback unless told otherwise, and beyond it only with TLS and a token; foreign origins, foreign host names and
 * wrong tokens are turned away before there is a WebSocket. Several devices: one that is not there at first is tried
 * again in the background.
 * @throws NavError `bridge/bad-option`, `device/connect-failed` where it cannot listen, and what the driver's first
 * connection throws
 */
export async function startBridge(options: BridgeOptions): Promise<Bridge> {
  const host = options.host ?? '127.0.0.1';
  const tokens = new TokenSet(options.tokens ?? []);
  if (options.tls !== undefined) requireTls(options.tls);
  const policy = accessPolicy({
    host,
    allowedOrigins: options.allowedOrigins ?? [],
    allowedHosts: options.allowedHosts ?? [],
    allowRemote: options.allowRemote ?? false,
    encrypted: options.tls !== undefined,
    authenticated: tokens.size > 0,
  });
  const limits = limitsOf(options, host);
  const hub = makeHub(options, limits);
  const door = new Door(policy, tokens, options.clock);
  const server = makeServer(options, limits, hub, door);
  let port: number;
  try {
    port = await listenAt(server, host, options.port ?? 0, 'bridge');
  } catch (error) {
    hub.close();
    throw error;
  }
  const close = async (): Promise<void> => {
    await hub.devices.stop();
    hub.close();
    await closeServer(server);
  };
  try {
    await hub.devices.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: socketUrl(options.tls, host, port),
    port,
    get clientCount() {
      return hub.clientCount;
    },
    get dropped() {
      return hub.dropped;
    },
    get devices() {
      return hub.devices.states;
    },
    close,
  };
}

function limitsOf(options: BridgeOptions, host: string): BridgeLimits {
  const limits: BridgeLimits = {
    ...usualLimits(isLoopback(host)),
    ...(options.maxPayload !== undefined && { messageBytes: options.maxPayload }),
    ...(options.maxClients !== undefined && { clients: options.maxClients }),
    ...options.limits,
  };
  for (const [name, value] of Object.entries(limits)) {
    if (!(value > 0)) throw new NavError('bridge/bad-option', `The limit ${name} of a bridge must be above 0, got ${value}.`);
  }
  return limits;
}

function makeHub(options: BridgeOptions, limits: BridgeLimits): Hub {
  const { driver, devices = driver === undefined ? [] : [{ name: driver.name, driver }] } = options;
  const heartbeatMs = options.heartbeatMs ?? 25;
  if (!(heartbeatMs >= 5 && heartbeatMs <= 10_000)) {
    throw new NavError('bridge/bad-option', `A bridge's heartbeat needs 5 to 10000 ms, got ${heartbeatMs}.`);
  }
  return new Hub({
    name: options.name ?? driver?.name ?? 'trocar',
    devices,
    clock: options.clock,
    heartbeatMs,
    commands: options.commands ?? {},
    log: options.log ?? (() => undefined),
    highWaterBytes: options.highWaterBytes ?? 65_536,
    helloTimeoutMs: options.helloTimeoutMs ?? 2000,
    silentMs: options.silentMs ?? 10_000,
    limits,
  });
}

function makeServer(options: BridgeOptions, limits: BridgeLimits, hub: Hub, door: Door): Server {
  const within = options.healthyWithinMs ?? 500;
  const answer = (request: IncomingMessage, response: ServerResponse): void => ask(request, response, door, hub, within);
  const server = httpServer(options.tls, answer);
  server.maxConnections = limits.clients + SPARE_CONNECTIONS;
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: limits.messageBytes,
    // A message of a few kilobytes has no need of many pieces.
    maxFragments: 16,
    maxBufferedChunks: 1024,
    autoPong: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  server.on('upgrade', (request, socket, head) => upgrade(request, socket, head, door, hub, sockets));
  return server;
}

/** Answers a request that is no WebSocket: under the same policy. */
function ask(request: IncomingMessage, response: ServerResponse, door: Door, hub: Hub, withinMs: number): void {
  const entry = door.admit(request);
  const head = (status: number, type: string): void => {
    // Nothing is kept open for those who only ask, and no page of elsewhere may embed what is told.
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      connection: 'close',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      ...(entry.role !== undefined &&
        request.headers.origin !== undefined && { 'access-control-allow-origin': request.headers.origin }),
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="trocar"' }),
    });
  };
  const path = (request.url ?? '').split('?')[0];
  const asks = request.method === 'GET' || request.method === 'HEAD';
  if (entry.role === undefined) {
    hub.countRefusal(entry.code);
    head(entry.status, 'text/plain');
    response.end(`${entry.code}: ${entry.why}\n`);
  } else if (asks && path === '/metrics') {
    head(200, 'text/plain; version=0.0.4');
    response.end(metricsText(hub.figures()));
  } else if (asks && path === '/healthz') {
    const health = healthOf(hub.figures(), withinMs);
    head(health.healthy ? 200 : 503, 'application/json');
    response.end(`${JSON.stringify(health)}\n`);
  } else {
    head(426, 'text/plain');
    response.end('This is a Trocar bridge: connect with a WebSocket, or ask for /metrics or /healthz.\n');
  }
}

function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, door: Door, hub: Hub, sockets: WebSocketServer): void {
  const entry = door.admit(request);
  const tooMany = entry.role === undefined ? undefined : hub.tooMany(entry.address);
  if (entry.role === undefined) {
    hub.countRefusal(entry.code);
    turnAway(socket, `${entry.status} ${entry.phrase}`, `${entry.code}: ${entry.why}`);
  } else if (tooMany !== undefined) {
    hub.countRefusal('bridge/too-much');
    turnAway(socket, '503 Service Unavailable', `bridge/too-much: ${tooMany}`);
  } else {
    const { address, role } = entry;
    sockets.handleUpgrade(request, socket, head, (accepted) => hub.add({ socket: accepted, stream: socket, address, role }));
  }
}
