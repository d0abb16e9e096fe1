import WebSocket from 'ws';
import type { BridgeSocket, SocketEvents } from '../browser/socket.js';
import { LARGEST_MESSAGE, type RawMessage } from '../codec/bridge/index.js';

/**
 * A WebSocket for `connectBridge` in Node, which before version 22 has none of its own. Uncompressed; messages over
 * the protocol's largest are refused unread.
 */
export function nodeSocket(url: string, events: SocketEvents): BridgeSocket {
  const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: LARGEST_MESSAGE, handshakeTimeout: 5000 });
  socket.on('open', () => events.open());
  socket.on('message', (data: RawMessage, isBinary: boolean) => events.message(isBinary ? data : ''));
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
}
