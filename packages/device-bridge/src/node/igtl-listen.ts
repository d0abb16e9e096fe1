import { createServer, type Server, type Socket } from 'node:net';
import { NavError } from '@trocar/core';
import type { Transport } from '../transport.js';
import { isLoopback } from './policy.js';

/** Where {@link igtlListenTransport} listens. */
export interface IgtlListenOptions {
  readonly port: number;
  /** Default 127.0.0.1. Another address needs {@link allowedAddresses}. */
  readonly host?: string;
  /** Addresses of the machines that may connect. Default any, which on loopback is this machine. */
  readonly allowedAddresses?: readonly string[];
}

/**
 * A transport that is connected to, instead of connecting: for trackers that push to a server (Debian's TrackerClient,
 * Slicer's and PLUS's client connectors). It opens when somebody connects; while one is connected others are turned away.
 * @throws NavError `bridge/bad-option` where other machines could connect and none is named
 */
export function igtlListenTransport(options: IgtlListenOptions): Transport {
  const { port, host = '127.0.0.1', allowedAddresses } = options;
  if (!isLoopback(host) && (allowedAddresses ?? []).length === 0) {
    throw new NavError('bridge/bad-option', `Listening on "${host}" needs allowedAddresses: OpenIGTLink has no password.`);
  }
  const label = `tcp listening on ${host}:${port}`;
  let server: Server | undefined;
  let socket: Socket | undefined;
  let giveUp: ((reason: NavError) => void) | undefined;
  return {
    label,
    open: (handler) =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        const opened = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 }, (accepted) => {
          accepted.on('error', () => undefined);
          const address = (accepted.remoteAddress ?? '?').replace(/^::ffff:/, '');
          if (socket !== undefined || server !== opened || allowedAddresses?.includes(address) === false) {
            accepted.destroy();
            return;
          }
          socket = accepted;
          accepted.on('data', (bytes) => {
            if (socket === accepted) handler.data(bytes);
          });
          accepted.on('close', () => {
            if (socket !== accepted) return;
            socket = undefined;
            opened.close();
            handler.closed(new NavError('device/disconnected', `${label}: the other end closed the connection.`));
          });
          resolve();
        });
        server = opened;
        opened.on('error', (cause) => {
          reject(new NavError('device/connect-failed', `Nothing can listen on ${host}:${port}: ${cause.message}.`, { cause }));
        });
        opened.listen(port, host);
      }),
    write: (bytes) => {
      if (socket?.writable === true) socket.write(Buffer.from(bytes));
    },
    close: async () => {
      const [closing, listening] = [socket, server];
      socket = undefined;
      server = undefined;
      closing?.destroy();
      giveUp?.(new NavError('device/disconnected', `${label} was closed.`));
      if (listening?.listening === true) await new Promise<void>((resolve) => listening.close(() => resolve()));
    },
  };
}
