import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { NavError } from '@trocar/core';
import type { TlsIdentity } from './tls.js';

/** What bridge and relay share: how a port is served, how somebody is turned away, and how it ends. */

/** Who does not say quickly what is wanted is not waited for; heads are short. ms, bytes */
const HTTP = {
  connectionsCheckingInterval: 1000,
  headersTimeout: 5000,
  requestTimeout: 5000,
  maxHeaderSize: 8192,
  noDelay: true,
};
/** One that does not close its side is cut off after so long, ms. */
const TURNED_AWAY_MS = 1000;
/** Connections that do not end by themselves when the server stops, ms. */
const CLOSING_MS = 300;

/** A server for requests and WebSockets: HTTPS by TLS 1.2 or newer where a certificate is given, else HTTP. It does not listen yet. */
export function httpServer(tls: TlsIdentity | undefined, answer: RequestListener): Server {
  if (tls === undefined) return createServer(HTTP, answer);
  return createSecureServer({ ...HTTP, cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2', handshakeTimeout: 5000 }, answer);
}

/**
 * Has it listen.
 * @param who for the message: `bridge`
 * @returns the port
 * @throws NavError `device/connect-failed`
 */
export function listenAt(server: Server, host: string, port: number, who: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new NavError('device/connect-failed', `The ${who} cannot listen on ${host}:${port}: ${cause.message}.`, { cause }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** The address for clients: `wss://[::1]:8443`. */
export function socketUrl(tls: TlsIdentity | undefined, host: string, port: number): string {
  return `${tls === undefined ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Stops listening; what does not end by itself is cut off. @param last what else is to be cut off then */
export function closeServer(server: Server, last: () => void = () => undefined): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    setTimeout(() => {
      server.closeAllConnections();
      last();
    }, CLOSING_MS).unref();
  });
}

/** Answers a request for a WebSocket with a refusal. @param status with its phrase: `403 Forbidden` */
export function turnAway(socket: Duplex, status: string, body: string): void {
  socket.on('error', () => undefined);
  const text = `${body}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  setTimeout(() => socket.destroy(), TURNED_AWAY_MS).unref();
}
