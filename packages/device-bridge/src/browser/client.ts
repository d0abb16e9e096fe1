import {
  type Clock,
  isNavError,
  NavError,
  type NavErrorCode,
  type PoseBuffer,
  type PoseSample,
  RoundTrip,
  Signal,
  type Unsubscribe,
} from '@trocar/core';
import {
  type BridgeEvent,
  type BridgeHello,
  CLOSE,
  ClientDecoder,
  type ClientHandler,
  encodeHello,
  encodePing,
  type RawMessage,
} from '../codec/bridge/index.js';
import type { ConnectionState, DriverFault, ToolInfo } from '../driver.js';
import { type BridgeSocket, browserSocket, type CreateSocket } from './socket.js';

/** How a client connects. */
export interface BridgeClientOptions {
  /** `ws://127.0.0.1:49152` */
  readonly url: string;
  /** The host's clock: every time a buffer gets is on it. */
  readonly clock: Clock;
  /** Default: the platform's WebSocket. In Node: `nodeSocket` from `@trocar/device-bridge/node`. */
  readonly createSocket?: CreateSocket;
  /** With nothing heard for this long every tool is `disconnected`. Default 300 ms; the bridge speaks every 100. */
  readonly deadlineMs?: number;
  /** First pause before connecting again, ms; doubled up to 2 s. Default 100. */
  readonly reconnectMs?: number;
  /** Time between two clock echoes once the first five are through, ms. Default 1000. */
  readonly pingMs?: number;
}

/**
 * `connecting`: no connection yet, or again. `open`: poses flow. `silent`: connected, but nothing has been heard within
 * the deadline. `refused`: the other end is no bridge of this version, and it is not tried again. `closed`: by us.
 */
export type LinkState = 'connecting' | 'open' | 'silent' | 'refused' | 'closed';

/** The state of the connection, for people. */
export interface BridgeState {
  readonly link: LinkState;
  /** What the bridge says of its device; `disconnected` while the link is not open. */
  readonly device: ConnectionState;
  readonly reason: string;
}

/** What has happened since the client was made. */
export interface BridgeCounts {
  messages: number;
  poses: number;
  /** Came before the clocks were compared, and so could not be placed in time. */
  unsynchronised: number;
  /** Replaced by newer ones at the bridge because this client did not keep up. */
  dropped: number;
  connections: number;
}

/** A connection to a bridge that mends itself, and fills pose buffers. */
export interface BridgeClient {
  /** Resolves at the first connection with clocks compared; rejects where the other end is refused, or on close. */
  readonly ready: Promise<void>;
  readonly state: BridgeState;
  readonly tools: readonly ToolInfo[];
  /** Bridge clock minus host clock, and how wrong that can be; NaN before the first echo. */
  readonly clock: { readonly offsetMs: number; readonly boundMs: number };
  readonly counts: Readonly<BridgeCounts>;
  readonly changed: Signal<BridgeState>;
  readonly toolsChanged: Signal<readonly ToolInfo[]>;
  readonly faults: Signal<DriverFault>;
  /** Fills `buffer` with the poses of a tool, also of one that appears later; `disconnected` while it is not there. */
  attach(tool: string, buffer: PoseBuffer): Unsubscribe;
  close(): void;
}

/** Echoes that are exchanged as fast as they come when a connection opens. */
const FIRST_ECHOES = 5;
/** Clocks compared to this are good enough to ask only now and then; until then this often, ms. */
const GOOD_BOUND_MS = 5;
const ROUGH_PING_MS = 100;
const CONNECT_WITHIN_MS = 5000;
const LONGEST_PAUSE_MS = 2000;
/** A silent connection is given up after this many deadlines. */
const GIVE_UP_AFTER = 4;

/**
 * Connects to a bridge. Returns at once: look at `ready`, or at `state` and its signal.
 *
 * Every buffer is `disconnected` from the moment the link closes, or is silent for `deadlineMs`, until poses can flow
 * again. Times are carried from the bridge's clock to the host's by four-stamp echoes.
 * @throws NavError `bridge/bad-option`
 */
export function connectBridge(options: BridgeClientOptions): BridgeClient {
  const deadlineMs = options.deadlineMs ?? 300;
  if (!(deadlineMs >= 20) || !/^wss?:\/\//.test(options.url)) {
    throw new NavError(
      'bridge/bad-option',
      `A bridge needs a ws:// or wss:// address and a deadline of at least 20 ms; got "${options.url}", ${deadlineMs}.`,
    );
  }
  return new Client(options, deadlineMs);
}

class Client implements BridgeClient, ClientHandler {
  readonly ready: Promise<void>;
  readonly changed: Signal<BridgeState> = new Signal();
  readonly toolsChanged: Signal<readonly ToolInfo[]> = new Signal();
  readonly faults: Signal<DriverFault> = new Signal();
  readonly counts: BridgeCounts = { messages: 0, poses: 0, unsynchronised: 0, dropped: 0, connections: 0 };
  state: BridgeState = { link: 'connecting', device: 'disconnected', reason: 'Not connected yet.' };
  tools: readonly ToolInfo[] = [];
  readonly #options: BridgeClientOptions;
  readonly #deadlineMs: number;
  readonly #attached = new Map<PoseBuffer, string>();
  /** The buffers of each tool number: what the hot path goes by. */
  #byTool: PoseBuffer[][] = [];
  #roundTrip = new RoundTrip();
  readonly #offset = new Float64Array(1).fill(Number.NaN);
  readonly #stamps = new Float64Array(4);
  /** When anything was last heard: a cell, so that nothing is boxed. */
  readonly #heard = new Float64Array(1);
  #socket: BridgeSocket | undefined;
  #decoder: ClientDecoder | undefined;
  /** Rises with every connection: events of an older one are let go. */
  #generation = 0;
  #pauseMs: number;
  #pingId = 0;
  #pings = 0;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #settle: { resolve: () => void; reject: (error: NavError) => void } = { resolve: () => undefined, reject: () => undefined };

  constructor(options: BridgeClientOptions, deadlineMs: number) {
    this.#options = options;
    this.#deadlineMs = deadlineMs;
    this.#pauseMs = options.reconnectMs ?? 100;
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever waits gets the error; nobody has to.
    this.ready.catch(() => undefined);
    this.#connect();
  }

  get clock(): { readonly offsetMs: number; readonly boundMs: number } {
    return { offsetMs: this.#roundTrip.offsetMs, boundMs: this.#roundTrip.boundMs };
  }

  attach(tool: string, buffer: PoseBuffer): Unsubscribe {
    this.#attached.set(buffer, tool);
    this.#resolveTools();
    return () => {
      this.#attached.delete(buffer);
      buffer.connected = false;
      this.#resolveTools();
    };
  }

  close(): void {
    if (this.state.link === 'closed') return;
    this.#drop(1000, 'closed');
    clearTimeout(this.#retry);
    this.#become('closed', 'Closed.');
    this.#settle.reject(new NavError('bridge/closed', 'The bridge client was closed.'));
  }

  #connect(): void {
    this.#generation += 1;
    const mine = this.#generation;
    const current = (act: () => void): void => {
      if (this.#generation === mine) act();
    };
    this.#decoder = new ClientDecoder(this);
    this.#roundTrip.reset();
    this.#offset[0] = Number.NaN;
    this.#pings = 0;
    this.#watch = setTimeout(() => this.#giveUp(`No answer from ${this.#options.url}`), CONNECT_WITHIN_MS);
    this.#socket = (this.#options.createSocket ?? browserSocket)(this.#options.url, {
      open: () => current(() => this.#opened()),
      message: (message) => {
        if (this.#generation === mine) this.#message(message);
      },
      closed: (code, reason) => current(() => this.#closed(code, reason)),
    });
  }

  #opened(): void {
    clearTimeout(this.#watch);
    this.#heard[0] = this.#options.clock.now();
    this.#watchSilence();
    this.#socket?.send(encodeHello({ client: 'trocar' }));
  }

  #message(message: RawMessage): void {
    this.#heard[0] = this.#options.clock.now();
    this.counts.messages += 1;
    if (this.state.link === 'silent') this.#become(this.#pings > 0 ? 'open' : 'connecting', 'Heard again.');
    try {
      this.#decoder?.decode(message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The other end broke the protocol. Another protocol or version will not heal; a malformed message may. */
  #refuse(error: unknown): void {
    const refused = isNavError(error) ? error : new NavError('bridge/malformed', String(error), { cause: error });
    const fatal = refused.code === 'bridge/wrong-protocol' || refused.code === 'bridge/wrong-version';
    this.#drop(closeCodeOf(refused.code), refused.code);
    this.#become(fatal ? 'refused' : 'connecting', refused.message);
    this.faults.emit({ code: refused.code, message: refused.message });
    if (fatal) this.#settle.reject(refused);
    else this.#retryLater();
  }

  #closed(code: number, reason: string): void {
    const fatal =
      code === CLOSE.wrongProtocol ? 'bridge/wrong-protocol' : code === CLOSE.wrongVersion ? 'bridge/wrong-version' : undefined;
    this.#drop(code, '');
    const message = `The connection to ${this.#options.url} closed (${code}${reason === '' ? '' : `, ${reason}`}).`;
    this.#become(fatal === undefined ? 'connecting' : 'refused', message);
    if (fatal !== undefined) {
      this.faults.emit({ code: fatal, message });
      this.#settle.reject(new NavError(fatal, message));
    } else {
      this.#retryLater();
    }
  }

  #retryLater(): void {
    this.#retry = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
  }

  /** Lets the socket go, and hears nothing of it any more. */
  #drop(code: number, reason: string): void {
    this.#generation += 1;
    clearTimeout(this.#watch);
    clearTimeout(this.#pingTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    // 1006 and the like may be received but not sent.
    socket?.close(code === 1000 || code >= 4000 ? code : 1000, reason);
  }

  /** One timer, set for the moment the deadline would pass; a message only moves a number. */
  #watchSilence(): void {
    const left = (this.#heard[0] as number) + this.#deadlineMs - this.#options.clock.now();
    if (left > 0) {
      this.#watch = setTimeout(() => this.#watchSilence(), left);
      return;
    }
    if (left < -(GIVE_UP_AFTER - 1) * this.#deadlineMs) {
      this.#giveUp(`Nothing heard from ${this.#options.url}`);
      return;
    }
    if (this.state.link !== 'silent') this.#become('silent', `Nothing heard for ${this.#deadlineMs} ms.`);
    this.#watch = setTimeout(() => this.#watchSilence(), this.#deadlineMs / 4);
  }

  #giveUp(what: string): void {
    this.#drop(CLOSE.silent, 'silent');
    this.#become('connecting', `${what}; connecting again.`);
    this.#retryLater();
  }

  #become(link: LinkState, reason: string, device: ConnectionState = this.#device): void {
    this.#device = device;
    const state: BridgeState = { link, device: link === 'open' ? device : 'disconnected', reason };
    this.state = state;
    this.#showConnected();
    this.changed.emit(state);
  }

  #device: ConnectionState = 'disconnected';

  #showConnected(): void {
    const live = this.state.link === 'open' && this.#device === 'connected';
    for (const [buffer, tool] of this.#attached) buffer.connected = live && this.tools.some((t) => t.name === tool);
  }

  #resolveTools(): void {
    this.#byTool = this.tools.map(({ name }) =>
      [...this.#attached].filter(([, tool]) => tool === name).map(([buffer]) => buffer),
    );
    this.#showConnected();
  }

  #setTools(tools: readonly ToolInfo[]): void {
    this.tools = tools;
    this.#resolveTools();
    this.toolsChanged.emit(tools);
  }

  #ping(): void {
    clearTimeout(this.#pingTimer);
    this.#pingId = (this.#pingId + 1) >>> 0;
    this.#socket?.send(encodePing(this.#pingId, this.#options.clock.now()));
    // Should the answer be lost, the next one is asked for anyway; soon, while the clocks are known only roughly.
    const rough = !(this.#roundTrip.boundMs <= GOOD_BOUND_MS);
    const usual = this.#options.pingMs ?? 1000;
    this.#pingTimer = setTimeout(() => this.#ping(), rough ? Math.min(ROUGH_PING_MS, usual) : usual);
  }

  /** Called by the decoder. */
  hello(hello: BridgeHello): void {
    this.counts.connections += 1;
    this.#device = hello.device;
    this.#setTools(hello.tools);
    this.#ping();
  }

  /** Called by the decoder for every pose: allocates nothing. */
  pose(tool: number, sample: PoseSample): void {
    const offset = this.#offset[0] as number;
    if (Number.isNaN(offset)) {
      this.counts.unsynchronised += 1;
      return;
    }
    this.counts.poses += 1;
    const v = sample.values;
    v[0] = (v[0] as number) - offset;
    v[1] = (v[1] as number) - offset;
    const buffers = this.#byTool[tool] as PoseBuffer[];
    for (let i = 0; i < buffers.length; i += 1) (buffers[i] as PoseBuffer).push(sample);
  }

  /** Called by the decoder. */
  batch(): void {}

  /** Called by the decoder. */
  heartbeat(): void {}

  /** Called by the decoder. */
  pong(id: number, stamps: Float64Array): void {
    if (id !== this.#pingId) return;
    const s = this.#stamps;
    s.set(stamps);
    s[3] = this.#heard[0] as number;
    if (!this.#roundTrip.push(s)) return;
    this.#offset[0] = this.#roundTrip.offsetMs;
    this.#pings += 1;
    if (this.#pings === 1) this.#synchronised();
    if (this.#pings < FIRST_ECHOES) this.#ping();
  }

  #synchronised(): void {
    this.#pauseMs = this.#options.reconnectMs ?? 100;
    this.#become('open', 'Connected.');
    this.#settle.resolve();
  }

  /** Called by the decoder. */
  event(event: BridgeEvent): void {
    if (event.kind === 'tools') this.#setTools(event.tools);
    else if (event.kind === 'connection') this.#become(this.state.link, event.reason, event.device);
    else if (event.kind === 'dropped') this.counts.dropped = event.total;
    else this.faults.emit({ code: event.code as NavErrorCode, message: event.message });
  }
}

function closeCodeOf(code: NavErrorCode): number {
  if (code === 'bridge/wrong-protocol') return CLOSE.wrongProtocol;
  return code === 'bridge/wrong-version' ? CLOSE.wrongVersion : CLOSE.malformed;
}
