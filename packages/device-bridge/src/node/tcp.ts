import { createConnection, type Socket } from 'node:net';
import { NavError } from '@trocar/core';
import type { Transport } from '../transport.js';

/** The port NDI trackers listen on. */
export const NDI_TCP_PORT = 8765;

/**
 * A TCP connection as a transport, without delay for small packets.
 * @param connectTimeoutMs default 5000
 */
export function tcpTransport(host: string, port: number, connectTimeoutMs = 5000): Transport {
  let socket: Socket | undefined;
  const label = `tcp ${host}:${port}`;
  return {
    label,
    open: (handler) =>
      new Promise((resolve, reject) => {
        const opened = createConnection({ host, port, noDelay: true });
        let isOpen = false;
        const timer = setTimeout(() => opened.destroy(new Error(`no answer within ${connectTimeoutMs} ms`)), connectTimeoutMs);
        opened.on('connect', () => {
          clearTimeout(timer);
          isOpen = true;
          socket = opened;
          resolve();
        });
        let failure: Error | undefined;
        opened.on('error', (error) => {
          failure = error;
        });
        opened.on('data', (bytes) => {
          if (socket === opened) handler.data(bytes);
        });
        opened.on('close', () => {
          clearTimeout(timer);
          const why = failure?.message ?? 'the other end closed it';
          const cause = failure === undefined ? {} : { cause: failure };
          if (!isOpen) reject(new NavError('device/connect-failed', `${label} cannot be reached: ${why}.`, cause));
          else if (socket === opened) handler.closed(new NavError('device/disconnected', `${label} is gone: ${why}.`, cause));
        });
      }),
    write: (bytes) => {
      // A copy: the socket may write later, and the caller may use its bytes again.
      if (socket?.writable === true) socket.write(Buffer.from(bytes));
    },
    close: async () => {
      const closing = socket;
      socket = undefined;
      closing?.destroy();
    },
  };
}
