import type { Clock } from '@trocar/core';
import { isNavError } from '@trocar/core';
import type { WebSocket } from 'ws';
import {
  CLOSE,
  decodeHello,
  decodePing,
  encodeEvent,
  encodePong,
  PoseBatch,
  type RawMessage,
  viewOf,
} from '../codec/bridge/index.js';

/** How a bridge treats its clients. */
export interface ServedOptions {
  readonly clock: Clock;
  /** Above this many unsent bytes only the newest pose of each tool is kept for the client. */
  readonly highWaterBytes: number;
  readonly helloTimeoutMs: number;
  /** A client that says nothing for this long is gone. */
  readonly silentMs: number;
}

/** What a client's connection tells its bridge; each at most once. */
export interface ServedEvents {
  /** It has said hello. */
  opened(client: ServedClient): void;
  /** It has compared clocks, and can use poses. */
  flowing(client: ServedClient): void;
  gone(client: ServedClient): void;
}

/** One connection of a bridge, seen from the bridge. */
export class ServedClient {
  readonly #socket: WebSocket;
  readonly #options: ServedOptions;
  readonly #pending = new PoseBatch();
  readonly #helloTimer: ReturnType<typeof setTimeout>;
  #open = false;
  /** Poses flow once the client has asked for the time: before, it could not place them. */
  #flowing = false;
  #lastHeard: number;
  #sequence = 0;
  /** Poses replaced by newer ones before they could be sent: since last told, and in all. */
  #dropped = 0;
  #droppedTotal = 0;

  constructor(socket: WebSocket, options: ServedOptions, events: ServedEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#lastHeard = options.clock.now();
    this.#helloTimer = setTimeout(
      () => this.#refuse(CLOSE.wrongProtocol, 'bridge/wrong-protocol: no hello'),
      options.helloTimeoutMs,
    );
    socket.on('message', (data: RawMessage, isBinary: boolean) => this.#message(isBinary ? data : '', events));
    socket.on('close', () => {
      clearTimeout(this.#helloTimer);
      this.#open = false;
      events.gone(this);
    });
    // Frames that break WebSocket itself: ws closes with its own code; there is nothing to add.
    socket.on('error', () => undefined);
  }

  get droppedTotal(): number {
    return this.#droppedTotal;
  }

  /** The number of the last pose message sent. */
  get sequence(): number {
    return this.#sequence;
  }

  #message(data: RawMessage, events: ServedEvents): void {
    const receivedAt = this.#options.clock.now();
    this.#lastHeard = receivedAt;
    try {
      const view = viewOf(data);
      if (!this.#open) {
        decodeHello(view);
        clearTimeout(this.#helloTimer);
        this.#open = true;
        events.opened(this);
        return;
      }
      const { id, t1 } = decodePing(view);
      this.send(encodePong(id, t1, receivedAt, this.#options.clock.now()));
      if (!this.#flowing) {
        this.#flowing = true;
        events.flowing(this);
      }
    } catch (error) {
      const code = isNavError(error) ? error.code : 'bridge/malformed';
      this.#refuse(closeCodeOf(code), code);
    }
  }

  #refuse(closeCode: number, reason: string): void {
    this.#open = false;
    this.#socket.close(closeCode, reason);
    // A peer that does not answer the close is not waited for.
    setTimeout(() => this.#socket.terminate(), 500).unref();
  }

  /** Sends any message but poses. */
  send(message: Uint8Array): void {
    if (this.#open && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(message, SEND_OPTIONS);
  }

  /** Sends a batch, or, while the client does not keep up, keeps the newest pose of each tool for later. */
  sendPoses(batch: PoseBatch): void {
    if (!this.#flowing || !this.#open) return;
    if (this.#pending.count === 0 && !this.#congested()) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      this.send(batch.message(this.#sequence, Buffer.allocUnsafe));
      return;
    }
    const replaced = this.#pending.addAll(batch);
    this.#dropped += replaced;
    this.#droppedTotal += replaced;
    this.drain();
  }

  /** Sends what waits, once the client keeps up again; and what was lost meanwhile. */
  drain(): void {
    if (!this.#open || this.#congested()) return;
    if (this.#pending.count > 0) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      this.send(this.#pending.message(this.#sequence, Buffer.allocUnsafe));
      this.#pending.clear();
    }
    if (this.#dropped > 0) {
      this.send(encodeEvent({ kind: 'dropped', count: this.#dropped, total: this.#droppedTotal }));
      this.#dropped = 0;
    }
  }

  #congested(): boolean {
    return this.#socket.bufferedAmount > this.#options.highWaterBytes;
  }

  /** Ends the connection of a client that has been silent too long. */
  checkAlive(now: number): void {
    if (this.#open && now - this.#lastHeard > this.#options.silentMs) this.#refuse(CLOSE.silent, 'silent');
  }

  /** Says good-bye: the bridge is closing. */
  close(): void {
    this.#open = false;
    clearTimeout(this.#helloTimer);
    this.#socket.close(1001, 'bridge/closed');
    setTimeout(() => this.#socket.terminate(), 250).unref();
  }
}

const SEND_OPTIONS = { binary: true, compress: false };

function closeCodeOf(code: string): number {
  if (code === 'bridge/wrong-protocol') return CLOSE.wrongProtocol;
  return code === 'bridge/wrong-version' ? CLOSE.wrongVersion : CLOSE.malformed;
}
