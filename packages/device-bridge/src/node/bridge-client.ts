import type { Duplex } from 'node:stream';
import { type Clock, isNavError, NavError } from '@trocar/core';
import type { WebSocket } from 'ws';
import {
  type BridgeCommand,
  CLOSE,
  type ClientHello,
  decodeClientHello,
  decodeCommand,
  decodeImageAck,
  decodePing,
  encodeEvent,
  encodePong,
  isCommand,
  PoseBatch,
  type RawMessage,
  type Role,
  viewOf,
} from '../codec/bridge/index.js';
import { ImageOutlet } from './image-outlet.js';
import { Allowance, type BridgeLimits } from './server-limits.js';
import type { Subscription } from './server-subscription.js';

/** How a bridge treats its clients. */
export interface ServedOptions {
  readonly clock: Clock;
  /** Above this many unsent bytes only the newest pose of each tool is kept for the client. */
  readonly highWaterBytes: number;
  readonly helloTimeoutMs: number;
  /** A client that says nothing for this long is gone. */
  readonly silentMs: number;
  readonly limits: BridgeLimits;
}

/** A connection that was let in. */
export interface Admitted {
  readonly socket: WebSocket;
  /** What `socket` writes to: pose messages go there whole, framed once for all clients. */
  readonly stream: Duplex & { readonly bytesRead?: number };
  /** Who it came from, as connections are counted. */
  readonly address: string;
  readonly role: Role;
}

/** What a client's connection tells its bridge. */
export interface ServedEvents {
  /** It has said hello; once. */
  opened(client: ServedClient, hello: ClientHello): void;
  /** It has compared clocks, and can use poses; once. */
  flowing(client: ServedClient): void;
  command(client: ServedClient, id: number, command: BridgeCommand): void;
  /** It is sent away. @param reason a code, with or without a sentence */
  refused(reason: string): void;
  gone(client: ServedClient): void;
}

/** Unsent bytes at which a client that reads nothing is let go, however little each message adds. */
const MOST_UNSENT_BYTES = 4 * 1024 * 1024;
const SEND_OPTIONS = { binary: true, compress: false };

/** `waiting` for hello, `open`, `flowing` once the client has asked for the time: before, it could not place poses. */
type Phase = 'waiting' | 'open' | 'flowing' | 'over';

/** One connection of a bridge, seen from the bridge. */
export class ServedClient {
  readonly address: string;
  readonly role: Role;
  subscription: Subscription | undefined;
  /** Its images; undefined where it wants none. */
  images: ImageOutlet | undefined;
  /** The revision that it speaks. */
  revision = 0;
  /** The last batch it had before its connection broke: what it has it is not sent again. */
  resumeAfter: number | undefined;
  /** Poses replaced by newer ones because it did not keep up, and because it wanted fewer. */
  droppedTotal = 0;
  thinnedTotal = 0;
  /** How far its idea of our clock can be off, ms; NaN where it does not say. */
  clockBoundMs: number = Number.NaN;
  readonly #socket: WebSocket;
  readonly #stream: Admitted['stream'];
  readonly #options: ServedOptions;
  readonly #events: ServedEvents;
  readonly #pending = new PoseBatch();
  readonly #helloTimer: ReturnType<typeof setTimeout>;
  readonly #messages: Allowance;
  readonly #bytes: Allowance;
  #bytesSeen = 0;
  #phase: Phase = 'waiting';
  #lastHeard: number;
  /** Number of the last batch sent, and of the newest in `#pending`. */
  #sequence = 0;
  #pendingSequence = 0;
  /** Poses dropped that it was not told of yet. */
  #dropped = 0;
  /** 0 where it takes every batch; and when the next one is due, ms: a cell, so that nothing is boxed. */
  #periodMs = 0;
  readonly #due = new Float64Array(1);

  constructor(admitted: Admitted, options: ServedOptions, events: ServedEvents) {
    this.#socket = admitted.socket;
    this.#stream = admitted.stream;
    this.address = admitted.address;
    this.role = admitted.role;
    this.#options = options;
    this.#events = events;
    const now = options.clock.now();
    this.#lastHeard = now;
    const { messagesPerSecond, bytesPerSecond } = options.limits;
    this.#messages = new Allowance(2 * messagesPerSecond, messagesPerSecond, now);
    this.#bytes = new Allowance(4 * bytesPerSecond, bytesPerSecond, now);
    this.#bytesSeen = this.#stream.bytesRead ?? 0;
    const late = (): void => this.#refuse(CLOSE.wrongProtocol, 'bridge/wrong-protocol: no hello');
    this.#helloTimer = setTimeout(late, options.helloTimeoutMs);
    this.#follow();
  }

  #follow(): void {
    const socket = this.#socket;
    socket.on('message', (data: RawMessage, isBinary: boolean) => this.#message(isBinary ? data : ''));
    // Control frames of WebSocket count like messages: nothing that can be sent is free.
    socket.on('ping', (data: Buffer) => {
      if (this.#phase !== 'over' && this.#mayGoOn() && !this.congested) socket.pong(data);
    });
    socket.on('pong', () => {
      if (this.#phase !== 'over') this.#mayGoOn();
    });
    socket.on('close', () => {
      clearTimeout(this.#helloTimer);
      this.#phase = 'over';
      this.#events.gone(this);
    });
    // Frames that break WebSocket itself: ws closes with its own code; there is nothing to add.
    socket.on('error', () => undefined);
  }

  /** The number of the last batch sent. */
  get sequence(): number {
    return this.#sequence;
  }

  get isWaiting(): boolean {
    return this.#phase === 'waiting';
  }

  /** Whether more is unsent than a client that keeps up has. */
  get congested(): boolean {
    return this.#stream.writableLength > this.#options.highWaterBytes;
  }

  #mayGoOn(): boolean {
    if (this.#messages.take(1, this.#options.clock.now())) return true;
    this.#refuse(CLOSE.tooMuch, 'bridge/too-much: too many messages');
    return false;
  }

  #message(data: RawMessage): void {
    if (this.#phase === 'over') return;
    const receivedAt = this.#options.clock.now();
    try {
      const view = viewOf(data);
      // There are no more of them than images were sent.
      const ack = this.images && decodeImageAck(view);
      const isOurs = ack !== undefined && this.images?.acknowledged(ack.source, ack.sequence) === true;
      if (isOurs) this.#lastHeard = receivedAt;
      if (isOurs || !this.#mayGoOn()) return;
      this.#lastHeard = receivedAt;
      if (ack !== undefined) return;
      if (this.#phase === 'waiting') this.#hello(decodeClientHello(view));
      else if (isCommand(view)) this.#command(view);
      else this.#ping(view, receivedAt);
    } catch (error) {
      const code = isNavError(error) ? error.code : 'bridge/malformed';
      this.#refuse(closeCodeOf(code), code);
    }
  }

  #hello(hello: ClientHello): void {
    clearTimeout(this.#helloTimer);
    this.#phase = 'open';
    this.#periodMs = 1000 / hello.maxRateHz;
    this.revision = hello.revision;
    if (hello.images !== undefined) this.images = new ImageOutlet(hello.images, (message) => this.send(message));
    this.#events.opened(this, hello);
  }

  #ping(view: DataView, receivedAt: number): void {
    const { id, t1, boundMs } = decodePing(view);
    this.clockBoundMs = boundMs;
    // An answer that waits behind unsent bytes would say nothing of the clocks, and add to them.
    if (!this.congested) this.send(encodePong(id, t1, receivedAt, this.#options.clock.now()));
    if (this.#phase !== 'open') return;
    this.#phase = 'flowing';
    this.images?.begin();
    this.#events.flowing(this);
  }

  #command(view: DataView): void {
    const { id, ...command } = decodeCommand(view);
    if (this.role === 'control') this.#events.command(this, id, command);
    else
      this.answer(
        id,
        new NavError('bridge/not-allowed', 'This client may only observe. Commands need a token with the role control.'),
      );
  }

  /** Says what became of a command. */
  answer(id: number, error?: NavError): void {
    this.send(encodeEvent({ kind: 'answer', id, code: error?.code ?? '', message: error?.message ?? '' }));
  }

  #refuse(closeCode: number, reason: string): void {
    this.#phase = 'over';
    clearTimeout(this.#helloTimer);
    this.#events.refused(reason);
    this.#socket.close(closeCode, reason);
    // Nothing more of it is read, and a peer that does not answer the close is not waited for.
    this.#socket.pause();
    setTimeout(() => this.#socket.terminate(), 100).unref();
  }

  /** Sends any message but poses. */
  send(message: Uint8Array): void {
    if (this.#phase !== 'waiting' && this.#phase !== 'over' && this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.send(message, SEND_OPTIONS);
    }
  }

  /**
   * Takes a batch: sends it, or, while the client does not keep up or wants fewer, keeps the newest pose of each tool.
   * @param now one cell, ms
   */
  offer(batch: PoseBatch, sequence: number, now: Float64Array): void {
    const subscription = this.subscription;
    if (this.#phase !== 'flowing' || subscription === undefined) return;
    const congested = this.congested;
    if (this.#periodMs === 0 && this.#pending.count === 0 && !congested) {
      const frame = subscription.frame(batch, sequence);
      if (frame === undefined) return;
      subscription.sent += 1;
      this.#write(frame, sequence);
      return;
    }
    const replaced = this.#pending.addAll(batch, subscription.tools);
    this.#pendingSequence = sequence;
    if (this.#periodMs > 0 && !congested) {
      this.thinnedTotal += replaced;
    } else {
      this.#dropped += replaced;
      this.droppedTotal += replaced;
    }
    this.drain(now);
  }

  /** Sends those of a set of tools at once: where the client begins. */
  begin(batch: PoseBatch, sequence: number, tools: Uint8Array): void {
    this.#pending.addAll(batch, tools);
    this.#pendingSequence = sequence;
    if (this.#pending.count > 0) this.#sendPending();
  }

  #write(frame: Uint8Array, sequence: number): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#sequence = sequence;
    this.#stream.write(frame);
  }

  #sendPending(): void {
    const subscription = this.subscription as Subscription;
    subscription.tally(this.#pending, 1);
    this.#write(subscription.frameOf(this.#pending, this.#pendingSequence), this.#pendingSequence);
    this.#pending.clear();
  }

  /** Sends what waits, once the client keeps up and it is due; and what was lost meanwhile. @param now one cell, ms */
  drain(now: Float64Array): void {
    if (this.#phase !== 'flowing' || this.congested) return;
    if (this.#pending.count > 0 && this.#isDue(now)) this.#sendPending();
    if (this.#dropped > 0) {
      this.send(encodeEvent({ kind: 'dropped', count: this.#dropped, total: this.droppedTotal }));
      this.#dropped = 0;
    }
  }

  /** Whether a message may go now; the rate holds on average, so that frames a little early or late are not skipped. */
  #isDue(now: Float64Array): boolean {
    const period = this.#periodMs;
    if (period === 0) return true;
    const at = now[0] as number;
    const due = this.#due[0] as number;
    if (at < due) return false;
    this.#due[0] = at - due > period ? at + period : due + period;
    return true;
  }

  /** Ends the connection of a client that has been silent too long, sends too much or reads nothing. */
  check(now: number): void {
    if (this.#phase === 'over') return;
    const read = this.#stream.bytesRead ?? 0;
    const tooMuch = !this.#bytes.take(read - this.#bytesSeen, now);
    this.#bytesSeen = read;
    if (tooMuch) this.#refuse(CLOSE.tooMuch, 'bridge/too-much: too many bytes');
    else if (this.#stream.writableLength > MOST_UNSENT_BYTES + (this.images?.bytesInFlight ?? 0))
      this.#refuse(CLOSE.tooMuch, 'bridge/too-much: reads nothing');
    else if (this.#phase !== 'waiting' && now - this.#lastHeard > this.#options.silentMs) this.#refuse(CLOSE.silent, 'silent');
  }

  /** Says good-bye: the bridge is closing. */
  close(): void {
    this.#phase = 'over';
    clearTimeout(this.#helloTimer);
    this.#socket.close(1001, 'bridge/closed');
    setTimeout(() => this.#socket.terminate(), 250).unref();
  }
}

function closeCodeOf(code: string): number {
  if (code === 'bridge/wrong-protocol') return CLOSE.wrongProtocol;
  return code === 'bridge/wrong-version' ? CLOSE.wrongVersion : CLOSE.malformed;
}
