import WebSocket from 'ws';
import type { BridgeSocket, CreateSocket, SocketAccess, SocketEvents } from '../browser/socket.js';
import { CLOSE, LARGEST_MESSAGE, type RawMessage } from '../codec/bridge/index.js';

/** Whom a socket trusts. */
export interface NodeSocketOptions {
  /** Certificates of authorities to trust beside none other, PEM: for a bridge with a certificate of one's own. */
  readonly ca?: string;
}

/**
 * A WebSocket for `connectBridge` in Node, which before version 22 has none of its own. Uncompressed; messages over
 * the protocol's largest are refused unread. A token goes along in the header `Authorization`.
 */
export const nodeSocket: CreateSocket = nodeSocketWith({});

/** {@link nodeSocket} that trusts certificates of one's own. */
export function nodeSocketWith(options: NodeSocketOptions): CreateSocket {
  return (url, events, access = {}) => open(url, events, access, options);
}

function open(url: string, events: SocketEvents, access: SocketAccess, options: NodeSocketOptions): BridgeSocket {
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    maxPayload: access.largestMessage ?? LARGEST_MESSAGE,
    handshakeTimeout: 5000,
    ...(access.token !== undefined && { headers: { authorization: `Bearer ${access.token}` } }),
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  let failure: { code: number; reason: string } | undefined;
  socket.on('open', () => events.open());
  socket.on('message', (data: RawMessage, isBinary: boolean) => events.message(isBinary ? data : ''));
  socket.on('close', (code, reason) => {
    if (failure === undefined) events.closed(code, reason.toString());
    else events.closed(failure.code, failure.reason);
  });
  socket.on('unexpected-response', (request, response) => {
    const status = response.statusCode ?? 0;
    const code = status === 401 ? CLOSE.unauthorised : status === 403 ? CLOSE.foreignOrigin : 1006;
    failure = { code, reason: `answered ${status} ${response.statusMessage ?? ''}`.trimEnd() };
    request.destroy();
    socket.terminate();
  });
  // Followed by 'close', which tells the caller; without a listener it would end the process.
  socket.on('error', (error) => {
    failure ??= { code: 1006, reason: error.message };
  });
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
