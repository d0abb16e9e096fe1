import WebSocket from 'ws';
import type { CreateSocket } from '../browser/socket.js';

/** Messages longer than this are refused unread: images fit. */
const LARGEST_MESSAGE = 128 * 2 ** 20;

/**
 * A WebSocket for `websocketTransport` in Node, for byte streams that carry images. Uncompressed; messages over 128 MiB
 * end the connection.
 */
export const nodeStreamSocket: CreateSocket = (url, events) => {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: LARGEST_MESSAGE, handshakeTimeout: 5000 });
  socket.binaryType = 'nodebuffer';
  socket.on('open', () => events.open());
  socket.on('message', (data, isBinary) => events.message(isBinary ? (data as Buffer) : ''));
  socket.on('close', (code, reason) => events.closed(code, reason.toString()));
  // Followed by 'close', which tells the caller; without a listener it would end the process.
  socket.on('error', () => undefined);
  return {
    send: (bytes) => {
      if (socket.readyState === socket.OPEN) socket.send(bytes, { binary: true, compress: false });
    },
    close: (code, reason) => {
      if (socket.readyState === socket.OPEN) socket.close(code, reason);
      else socket.terminate();
    },
  };
};
