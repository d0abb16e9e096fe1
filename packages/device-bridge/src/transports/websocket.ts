import { isNavError, NavError } from '@trocar/core';
import { type BridgeSocket, browserSocket, type CreateSocket, type SocketEvents } from '../browser/socket.js';
import type { Transport, TransportHandler } from '../transport.js';

/** How a WebSocket transport connects. */
export interface WebsocketTransportOptions {
  /** Default the platform's own WebSocket. In Node pass one that takes messages as large as the device sends. */
  readonly createSocket?: CreateSocket;
  /** Default 5000. */
  readonly connectTimeoutMs?: number;
}

/**
 * A byte stream over a WebSocket, in a page, a worker or Node: each binary message is some of its bytes, however they
 * are cut. A text message is none of it and ends the connection.
 * @param url `ws://127.0.0.1:18945`
 */
export function websocketTransport(url: string, options: WebsocketTransportOptions = {}): Transport {
  const { createSocket = browserSocket, connectTimeoutMs = 5000 } = options;
  let current: Connection | undefined;
  return {
    label: `websocket ${url}`,
    open: async (handler) => {
      current?.close();
      const opened = new Connection(url, handler);
      current = opened;
      await opened.connect(createSocket, connectTimeoutMs);
    },
    write: (bytes) => current?.write(bytes),
    close: async () => {
      current?.close();
      current = undefined;
    },
  };
}

/** One connection; nothing of it is heard once it was closed. */
class Connection {
  readonly #url: string;
  readonly #handler: TransportHandler;
  #socket: BridgeSocket | undefined;
  #state: 'connecting' | 'open' | 'over' = 'connecting';
  #settle: (error?: NavError) => void = () => undefined;

  constructor(url: string, handler: TransportHandler) {
    this.#url = url;
    this.#handler = handler;
  }

  connect(createSocket: CreateSocket, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      this.#settle = (error) => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      try {
        this.#socket = createSocket(this.#url, this.#events());
      } catch (cause) {
        this.#state = 'over';
        this.#settle(isNavError(cause) ? cause : this.#unreachable(String(cause), cause));
      }
    });
  }

  #events(): SocketEvents {
    return {
      open: () => {
        if (this.#state !== 'connecting') return;
        this.#state = 'open';
        this.#settle();
      },
      message: (message) => this.#message(message),
      closed: (code, reason) => this.#closed(code, reason),
    };
  }

  #unreachable(why: string, cause?: unknown): NavError {
    return new NavError('device/connect-failed', `websocket ${this.#url} cannot be reached: ${why}.`, { cause });
  }

  #message(message: unknown): void {
    if (this.#state !== 'open') return;
    const bytes = bytesOf(message);
    if (bytes !== undefined) {
      this.#handler.data(bytes);
      return;
    }
    this.close();
    this.#handler.closed(new NavError('codec/malformed', `websocket ${this.#url} sent text where bytes belong.`));
  }

  #closed(code: number, reason: string): void {
    if (this.#state === 'connecting') this.#fail(`closed with ${code}${reason === '' ? '' : `, ${reason}`}`);
    if (this.#state !== 'open') return;
    this.#state = 'over';
    const why = reason === '' ? `code ${code}` : `code ${code}, ${reason}`;
    this.#handler.closed(new NavError('device/disconnected', `websocket ${this.#url} is gone: ${why}.`));
  }

  #fail(why: string): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'over';
    this.#settle(this.#unreachable(why));
    this.#socket?.close();
  }

  write(bytes: Uint8Array): void {
    // A copy: the socket may write later, and the caller may use its bytes again.
    if (this.#state === 'open') this.#socket?.send(bytes.slice());
  }

  close(): void {
    if (this.#state === 'connecting') this.#settle(new NavError('device/disconnected', `websocket ${this.#url} was closed.`));
    this.#state = 'over';
    this.#socket?.close();
  }
}

function bytesOf(message: unknown): Uint8Array | undefined {
  if (message instanceof ArrayBuffer) return new Uint8Array(message);
  if (ArrayBuffer.isView(message)) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  return undefined;
}
