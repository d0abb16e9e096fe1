import { type Clock, isNavError, NavError } from '@trocar/core';
import {
  Acks,
  type CarriedKind,
  decodeFrame,
  encodeFrame,
  LARGEST_FRAME,
  type RelayFrame,
  requireRelayVersion,
} from '../codec/relay/index.js';
import { type BridgeSocket, browserSocket, type CreateSocket } from './socket.js';

/** How a participant connects to a relay. */
export interface RelayLinkOptions {
  /** `wss://relay.example/live/ROOM`. */
  readonly url: string;
  readonly token: string;
  readonly clock: Clock;
  /** Default the platform's own WebSocket. In Node pass `nodeSocket`. */
  readonly createSocket?: CreateSocket;
  /** The first pause before connecting again, ms; it doubles up to 2 s. Default 100. */
  readonly reconnectMs?: number;
  /** Told that {@link RelayLinkState} is another. */
  readonly changed?: (state: RelayLinkState) => void;
}

/** How a connection stands. */
export interface RelayLinkState {
  /** `refused` is final: the token or the room is wrong, or the relay speaks another version. */
  readonly link: 'connecting' | 'open' | 'refused' | 'closed';
  readonly reason: string;
  /** Whether an operator publishes, and how many look on, as far as the relay has told. */
  readonly publisher: boolean;
  readonly observers: number;
}

/** What the link hands on. */
export interface RelayLinkHandler {
  readonly publishes: boolean;
  /** @param kept whether the relay had it from before */
  carried(kind: CarriedKind, payload: Uint8Array, kept: boolean): void;
  /** The other end needs a whole state. */
  ask(): void;
  note(payload: Uint8Array, by: string): void;
  /** The connection is gone. */
  lost(): void;
}

const PING_EVERY_MS = 1000;
/** A relay that says nothing for this long is given up: it answers every ping, ms. */
const SILENT_MS = 5000;
const CONNECT_WITHIN_MS = 5000;
const LONGEST_PAUSE_MS = 2000;
const ACK_EVERY_MS = 60;
/** Close codes after which it is of no use to come again. */
const FINAL: ReadonlySet<number> = new Set([4001, 4005, 4006, 4011]);

/** A connection to a room of a relay, made again where it breaks. */
export class RelayLink {
  state: RelayLinkState = { link: 'connecting', reason: 'Not connected yet.', publisher: false, observers: 0 };
  /** Connections that were made. */
  connections = 0;
  readonly #options: RelayLinkOptions;
  readonly #handler: RelayLinkHandler;
  #socket: BridgeSocket | undefined;
  /** Rises with every connection: events of an older one are let go. */
  #generation = 0;
  #greeted = false;
  #acks = new Acks();
  #heardAt = 0;
  #pauseMs: number;
  #pingId = 0;
  #pingAt = 0;
  #relayRttMs = Number.NaN;
  #publisherRttMs = Number.NaN;
  #timer: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @throws NavError `relay/bad-option` */
  constructor(options: RelayLinkOptions, handler: RelayLinkHandler) {
    if (!/^wss?:\/\/[^/]+\/live\/[^/?]+$/.test(options.url)) {
      throw new NavError('relay/bad-option', `A relay's room is "wss://HOST/live/ROOM"; got "${options.url}".`);
    }
    this.#options = options;
    this.#handler = handler;
    this.#pauseMs = options.reconnectMs ?? 100;
    this.#connect();
  }

  /** From here to the operator and back, ms: to the relay, and from there on. NaN where one of the two is not known. */
  get roundTripMs(): number {
    return this.#relayRttMs + this.#publisherRttMs;
  }

  /** False where there is no connection: nothing is kept for later. */
  send(frame: RelayFrame): boolean {
    if (!this.#greeted || this.#socket === undefined) return false;
    this.#socket.send(encodeFrame(frame));
    return true;
  }

  close(): void {
    if (this.state.link === 'closed') return;
    this.#drop(1000);
    clearTimeout(this.#retry);
    this.#become({ link: 'closed', reason: 'Closed.', publisher: false });
  }

  #connect(): void {
    this.#generation += 1;
    const mine = this.#generation;
    const { createSocket = browserSocket, url, token, clock } = this.#options;
    this.#acks = new Acks();
    this.#greeted = false;
    this.#heardAt = clock.now();
    this.#relayRttMs = this.#publisherRttMs = Number.NaN;
    this.#timer = setInterval(() => this.#tend(), ACK_EVERY_MS);
    const events = {
      open: () => undefined,
      message: (message: ArrayBuffer | Uint8Array | string) => {
        if (this.#generation === mine) this.#message(message);
      },
      closed: (code: number, reason: string) => {
        if (this.#generation === mine) this.#closed(code, reason);
      },
    };
    this.#socket = createSocket(url, events, { token, largestMessage: LARGEST_FRAME });
  }

  #message(message: ArrayBuffer | Uint8Array | string): void {
    this.#heardAt = this.#options.clock.now();
    try {
      if (typeof message === 'string') throw new NavError('relay/malformed', 'The relay sent text.');
      const bytes = message instanceof ArrayBuffer ? new Uint8Array(message) : message;
      this.#take(decodeFrame(bytes));
    } catch (error) {
      // What the relay sends wrongly, or what could not be taken, is not gone on with: a new connection begins with a whole state.
      const refused = isNavError(error) ? error : new NavError('relay/malformed', String(error), { cause: error });
      // Another version does not heal by connecting again.
      this.#again(4002, refused.message, 'theirs' in refused.detail);
    }
  }

  #take(frame: RelayFrame): void {
    if (!this.#greeted) {
      this.#greet(frame);
      return;
    }
    switch (frame.type) {
      case 'carried':
        this.#acks.came(this.#heardAt);
        this.#ack();
        this.#handler.carried(frame.kind, frame.payload, frame.kept);
        break;
      case 'ping':
        this.send({ type: 'pong', id: frame.id, publisherRttMs: Number.NaN });
        break;
      case 'pong':
        if (frame.id !== this.#pingId) break;
        this.#relayRttMs = this.#heardAt - this.#pingAt;
        this.#publisherRttMs = frame.publisherRttMs;
        break;
      case 'ask':
        this.#handler.ask();
        break;
      case 'note':
        this.#handler.note(frame.payload, frame.by);
        break;
      case 'presence':
        this.#become({ publisher: frame.publisher, observers: frame.observers });
        break;
      default:
        throw new NavError('relay/malformed', `The relay sent a ${frame.type}.`);
    }
  }

  #greet(frame: RelayFrame): void {
    if (frame.type !== 'hello')
      throw new NavError('relay/malformed', 'The other end does not begin as a relay does. Check the address.');
    requireRelayVersion(frame.version);
    if (frame.publishes !== this.#handler.publishes) {
      const is = frame.publishes ? 'publishes' : 'observes';
      this.#again(1000, `The token is of one that ${is}: use the other one.`, true);
      return;
    }
    this.#greeted = true;
    this.connections += 1;
    this.#pauseMs = this.#options.reconnectMs ?? 100;
    this.#become({ link: 'open', reason: '' });
    this.#ping();
  }

  #ack(): void {
    const count = this.#handler.publishes ? undefined : this.#acks.due(this.#options.clock.now());
    if (count !== undefined) this.send({ type: 'ack', count });
  }

  #ping(): void {
    this.#pingId = (this.#pingId + 1) >>> 0;
    this.#pingAt = this.#options.clock.now();
    this.send({ type: 'ping', id: this.#pingId });
  }

  /** What time asks for, while there is a connection or one is tried. */
  #tend(): void {
    const now = this.#options.clock.now();
    if (now - this.#heardAt > (this.#greeted ? SILENT_MS : CONNECT_WITHIN_MS)) {
      this.#again(4003, `Nothing heard from ${this.#options.url}; connecting again.`, false);
      return;
    }
    if (!this.#greeted) return;
    this.#ack();
    if (now - this.#pingAt >= PING_EVERY_MS) this.#ping();
  }

  #closed(code: number, reason: string): void {
    const why = reason === '' ? '' : `, ${reason}`;
    this.#again(code, `The connection to ${this.#options.url} closed (${code}${why}).`, FINAL.has(code));
  }

  #again(code: number, reason: string, final: boolean): void {
    this.#drop(code);
    this.#become({ link: final ? 'refused' : 'connecting', reason, publisher: false });
    if (final) return;
    this.#retry = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  #drop(code: number): void {
    this.#generation += 1;
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#greeted = false;
    // 1006 and the like may be received but not sent.
    socket?.close(code >= 4000 ? code : 1000, '');
    this.#handler.lost();
  }

  #become(change: Partial<RelayLinkState>): void {
    this.state = { ...this.state, ...change };
    this.#options.changed?.(this.state);
  }
}
