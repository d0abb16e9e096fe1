import { NavError } from '@trocar/core';
import { type RawMessage, SUBPROTOCOL, TOKEN_SUBPROTOCOL } from '../codec/bridge/index.js';

/** What a socket tells the client. */
export interface SocketEvents {
  open(): void;
  message(message: RawMessage): void;
  /** Called once, also where it never opened. */
  closed(code: number, reason: string): void;
}

/** What the client needs of a WebSocket. */
export interface BridgeSocket {
  /** Nothing happens where it is not open. */
  send(bytes: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** What lets a client in. */
export interface SocketAccess {
  /** The access token of a bridge that needs one. */
  readonly token?: string;
  /** Longer messages are refused unread, where the platform can, bytes. Default the longest of the protocol beside images. */
  readonly largestMessage?: number;
}

/** Opens a connection: a value handed in, so that the client runs in a page, a worker, Electron and Node. */
export type CreateSocket = (url: string, events: SocketEvents, access?: SocketAccess) => BridgeSocket;

/**
 * The platform's own WebSocket. A token goes along as a subprotocol, the one header that a page can set.
 * @throws NavError `bridge/bad-option` where there is none, as in Node before version 22
 */
export const browserSocket: CreateSocket = (url, events, access = {}) => {
  if (typeof WebSocket === 'undefined') {
    throw new NavError(
      'bridge/bad-option',
      'There is no WebSocket here. Pass createSocket: nodeSocket from "@trocar/device-bridge/node".',
    );
  }
  const { token } = access;
  const socket =
    token === undefined ? new WebSocket(url) : new WebSocket(url, [SUBPROTOCOL, TOKEN_SUBPROTOCOL + base64url(token)]);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => events.open();
  socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => events.message(event.data);
  socket.onclose = (event) => events.closed(event.code, event.reason);
  return {
    send: (bytes) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>);
    },
    close: (code, reason) => socket.close(code, reason),
  };
};

function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}
