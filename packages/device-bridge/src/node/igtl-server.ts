import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Clock, hasPose, NavError, type Status } from '@trocar/core';
import { type WebSocket, WebSocketServer } from 'ws';
import type { IgtlFrame } from '../codec/igtl/index.js';
import type { Driver, DriverFault, PoseSink, ToolInfo } from '../driver.js';
import { type IgtlPeer, type IgtlServedCommand, requireLimits } from './igtl-client.js';
import { IgtlHub } from './igtl-hub.js';
import { PoseMessages, type PoseType } from './igtl-messages.js';
import { type AccessPolicy, accessPolicy, isLoopback, refusal } from './policy.js';

/** The port that Slicer and PLUS use. */
export const IGTL_PORT = 18_944;

/** How an OpenIGTLink server listens, and what it says. */
export interface IgtlServerOptions {
  /** Whose poses are served: started and stopped with the server. Absent where poses are put into {@link IgtlServer.sink}. */
  readonly driver?: Driver;
  readonly clock: Clock;
  /** Default 127.0.0.1: this machine only. Another address needs {@link allowRemote}. */
  readonly host?: string;
  /** TCP port. Default 0: any free one. `IGTL_PORT` is where Slicer looks. */
  readonly port?: number;
  /**
   * Listen where other machines can connect. OpenIGTLink has neither encryption nor passwords: only on a network of
   * its own, and only for {@link allowedAddresses}. Default false.
   */
  readonly allowRemote?: boolean;
  /** Addresses of the machines that may connect; needed beyond loopback. Default any, which there is this machine. */
  readonly allowedAddresses?: readonly string[];
  /** Also take the same messages over WebSocket, on a port of its own; only on loopback. */
  readonly webSocket?: {
    /** Default 0: any free port. */
    readonly port?: number;
    /** Exact origins of the pages that may connect. Default none; programs without an origin may. */
    readonly allowedOrigins?: readonly string[];
  };
  /** Device name of TDATA, QTDATA, STATUS and CAPABILITY, 20 bytes at most. Default `Trocar`. */
  readonly name?: string;
  /** What a client gets that has asked for nothing. Default `TRANSFORM`. */
  readonly push?: PoseType | 'nothing';
  /** A tool's name on the wire. Default its own. `(tool) => tool.name + 'ToTracker'` is how PLUS names transforms. */
  readonly deviceName?: (tool: ToolInfo) => string;
  /**
   * Statuses beside `ok` that are sent where the protocol has no field for one (header version 1, TDATA, QTDATA), and that
   * every client will take for valid. Default none.
   */
  readonly alsoSend?: readonly Status[];
  /** Coordinates that STT_TDATA and STT_QTDATA may name; others are refused. Default: any, and all get the tracker's own. */
  readonly coordinateNames?: readonly string[];
  /** STATUS is sent where nothing else was for so long. Default 250 ms, as PLUS does; 0 never. */
  readonly keepAliveMs?: number;
  /** Default 16. */
  readonly maxClients?: number;
  /** Longest body that a client may send, bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** Bytes of unfinished messages, over all clients. Default 64 MiB. */
  readonly maxBufferedBytes?: number;
  /** Above this many unsent bytes only the newest pose of each tool is kept for the client. Default 65536. */
  readonly highWaterBytes?: number;
  /** Above this many unsent bytes a client is let go. Default 8 MiB. */
  readonly maxUnsentBytes?: number;
  /** Answers a client's command with the text of its reply (`plusReply` writes PLUS's). Default: all are refused. */
  readonly onCommand?: (command: IgtlServedCommand) => string | Promise<string>;
  /**
   * Gets what a client sends beside queries for poses and commands: IMAGE, POINT, TRANSFORM, STATUS, GET_POINT, …
   * Nothing of its content has been read: `decodeIgtl(frame)` does. The frame is valid until the handler returns. True
   * says that a query was answered; others are answered RTS with error.
   */
  readonly onMessage?: (frame: IgtlFrame, peer: IgtlPeer) => unknown;
  /** Driver faults, refused messages and clients that were let go. */
  readonly onFault?: (fault: DriverFault) => void;
}

/** A running OpenIGTLink server. */
export interface IgtlServer {
  readonly port: number;
  /** `ws://127.0.0.1:49152`, where WebSocket was asked for. */
  readonly webSocketUrl: string | undefined;
  readonly clientCount: number;
  /** Poses replaced by newer ones because a client did not keep up. */
  readonly dropped: number;
  /** Where poses go in, if not from a driver. */
  readonly sink: PoseSink;
  /** Stops the driver, lets the clients go and stops listening. */
  close(): Promise<void>;
}

/**
 * Serves poses to OpenIGTLink clients (Slicer, PLUS, Debian's examples) over TCP, and over WebSocket where asked for:
 * see docs/openigtlink.md.
 *
 * Header version 1 until a client has shown 2. A tool that is not seen is never sent as valid: it carries PLUS's metadata in
 * version 2 and is left out otherwise. A slow client gets the newest poses and delays nobody; one that sends rubbish
 * is let go.
 * @throws NavError `bridge/bad-option`, `device/connect-failed` where it cannot listen, and what the driver's first
 * connection throws
 */
export async function startIgtlServer(options: IgtlServerOptions): Promise<IgtlServer> {
  const { host = '127.0.0.1', webSocket, driver } = options;
  requireSafe(options, host);
  const policy = accessPolicy({
    host: '127.0.0.1',
    allowedOrigins: webSocket?.allowedOrigins ?? [],
    allowedHosts: [],
    allowRemote: false,
  });
  const hub = makeHub(options);
  const tcp = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 }, (socket) =>
    accept(socket, hub, options.allowedAddresses),
  );
  const web = webSocket && makeWebServer(policy, hub, options.maxBodyBytes ?? DEFAULTS.maxBodyBytes);
  const close = async (): Promise<void> => {
    await driver?.stop();
    hub.close();
    await Promise.all([closed(tcp), web && closed(web)]);
  };
  try {
    const port = await listen(tcp, host, options.port ?? 0);
    const webPort = web && (await listen(web, host, webSocket?.port ?? 0));
    await driver?.start(hub);
    return {
      port,
      webSocketUrl: webPort === undefined ? undefined : `ws://${host.includes(':') ? `[${host}]` : host}:${webPort}`,
      get clientCount() {
        return hub.clientCount;
      },
      get dropped() {
        return hub.dropped;
      },
      sink: hub,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Beyond loopback the protocol has no protection of its own: the user must say who may come. */
function requireSafe(options: IgtlServerOptions, host: string): void {
  if (isLoopback(host)) return;
  const wrong = (message: string): NavError => new NavError('bridge/bad-option', message);
  if (options.allowRemote !== true || (options.allowedAddresses ?? []).length === 0) {
    throw wrong(
      `An OpenIGTLink server on "${host}" can be reached by other machines, without encryption or password. Ask for that with ` +
        'allowRemote and the allowedAddresses that may connect, or use 127.0.0.1.',
    );
  }
  if (options.webSocket !== undefined) {
    throw wrong('OpenIGTLink over WebSocket is served on loopback only: put a TLS proxy before it.');
  }
}

const DEFAULTS = {
  maxClients: 16,
  maxBodyBytes: 16 * 2 ** 20,
  maxBufferedBytes: 64 * 2 ** 20,
  highWaterBytes: 65_536,
  maxUnsentBytes: 8 * 2 ** 20,
  keepAliveMs: 250,
};

function makeHub(options: IgtlServerOptions): IgtlHub {
  const limits = {
    maxClients: options.maxClients ?? DEFAULTS.maxClients,
    maxBodyBytes: options.maxBodyBytes ?? DEFAULTS.maxBodyBytes,
    maxBufferedBytes: options.maxBufferedBytes ?? DEFAULTS.maxBufferedBytes,
    highWaterBytes: options.highWaterBytes ?? DEFAULTS.highWaterBytes,
    maxUnsentBytes: options.maxUnsentBytes ?? DEFAULTS.maxUnsentBytes,
    keepAliveMs: options.keepAliveMs ?? DEFAULTS.keepAliveMs,
  };
  requireLimits(limits);
  const { clock, name = 'Trocar', alsoSend = [], coordinateNames } = options;
  if (Buffer.byteLength(name) > 20) throw new NavError('bridge/bad-option', `"${name}" is longer than 20 bytes.`);
  if (!alsoSend.every((status) => hasPose(status))) {
    throw new NavError('bridge/bad-option', 'A tool that is missing or disconnected has no pose to send: see alsoSend.');
  }
  const deviceName = options.deviceName ?? ((tool: ToolInfo) => tool.name);
  return new IgtlHub({
    ...limits,
    clock,
    name,
    messages: new PoseMessages({ clock, name, sendable: new Set<Status>(['ok', ...alsoSend]), deviceName }),
    push: options.push ?? 'TRANSFORM',
    coordinateNames: coordinateNames && new Set(coordinateNames),
    onCommand: options.onCommand,
    onMessage: options.onMessage ?? (() => false),
    onFault: options.onFault ?? (() => undefined),
  });
}

function listen(server: Server | HttpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const what = `The OpenIGTLink server cannot listen on ${host}:${port}: ${cause.message}.`;
      reject(new NavError('device/connect-failed', what, { cause }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server | HttpServer): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) resolve();
    else server.close(() => resolve());
    if ('closeAllConnections' in server) setTimeout(() => server.closeAllConnections(), 300).unref();
  });
}

function accept(socket: Socket, hub: IgtlHub, allowed: readonly string[] | undefined): void {
  socket.on('error', () => undefined);
  const address = (socket.remoteAddress ?? '?').replace(/^::ffff:/, '');
  const why = hub.full
    ? 'there are too many clients'
    : allowed?.includes(address) === false
      ? 'its address is not allowed'
      : undefined;
  if (why !== undefined) {
    hub.fault({ code: 'device/refused', message: `OpenIGTLink client ${address} was turned away: ${why}.` });
    socket.destroy();
    return;
  }
  const client = hub.add({
    label: `${address}:${socket.remotePort ?? 0}`,
    write: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    get bufferedBytes() {
      return socket.writableLength;
    },
    close: () => socket.destroy(),
  });
  socket.on('data', (bytes) => hub.data(client, bytes));
  socket.on('drain', () => client.drain());
  socket.on('close', () => hub.remove(client));
}

function makeWebServer(policy: AccessPolicy, hub: IgtlHub, maxBodyBytes: number): HttpServer {
  const server = createHttpServer(
    { connectionsCheckingInterval: 1000, headersTimeout: 5000, requestTimeout: 5000 },
    (_, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' });
      response.end('This is an OpenIGTLink server: connect with a WebSocket.\n');
    },
  );
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: maxBodyBytes + 1024 });
  server.on('upgrade', (request, socket, head) => {
    const { host, origin } = request.headers;
    const why = refusal(policy, { ...(host !== undefined && { host }), ...(origin !== undefined && { origin }) });
    socket.on('error', () => undefined);
    if (why !== undefined) {
      socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else if (hub.full) {
      socket.end(`HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    } else {
      const label = `${request.socket.remoteAddress ?? '?'}:${request.socket.remotePort ?? 0} (WebSocket)`;
      sockets.handleUpgrade(request, socket, head, (accepted) => acceptWeb(accepted, label, hub));
    }
  });
  return server;
}

/** A binary message is some bytes of the stream, however it is cut; text is none, and ends the connection. */
function acceptWeb(socket: WebSocket, label: string, hub: IgtlHub): void {
  socket.binaryType = 'nodebuffer';
  socket.on('error', () => undefined);
  const client = hub.add({
    label,
    write: (bytes) => {
      if (socket.readyState === socket.OPEN) socket.send(bytes, { binary: true, compress: false }, () => client.drain());
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: () => {
      socket.close(1008);
      // A peer that does not answer the close is not waited for.
      setTimeout(() => socket.terminate(), 250).unref();
    },
  });
  socket.on('message', (data, isBinary) => {
    if (isBinary) hub.data(client, data as Buffer);
    else client.close('codec/malformed', 'it sent text.');
  });
  socket.on('close', () => hub.remove(client));
}
