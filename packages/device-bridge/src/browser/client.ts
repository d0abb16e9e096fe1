import {
  type Instant,
  isNavError,
  NavError,
  type NavErrorCode,
  type PoseBuffer,
  type PoseSample,
  RoundTrip,
  Signal,
  type Unsubscribe,
} from '@trocar/core';
import type { ImageSource } from '@trocar/core/recording';
import {
  BRIDGE_REVISION,
  type BridgeCommand,
  type BridgeEvent,
  type BridgeHello,
  CLOSE,
  ClientDecoder,
  type ClientHandler,
  type DeviceState,
  encodeCommand,
  encodeHello,
  encodePing,
  MOST_IN_FLIGHT,
  MOST_TOOLS,
  type RawMessage,
  type Role,
} from '../codec/bridge/index.js';
import type { ConnectionState, DriverFault, ToolInfo } from '../driver.js';
import { PendingCommands } from './client-commands.js';
import type { BridgeClient, BridgeClientOptions, BridgeCounts, BridgeMark, BridgeState, LinkState } from './client-types.js';
import { type BridgeImageOptions, type BridgeImages, ImageLink } from './image-link.js';
import { type BridgeSocket, browserSocket } from './socket.js';

/** Echoes that are exchanged as fast as they come when a connection opens. */
const FIRST_ECHOES = 5;
/** Clocks compared to this are good enough to ask only now and then; until then this often, ms. */
const GOOD_BOUND_MS = 5;
const ROUGH_PING_MS = 100;
const CONNECT_WITHIN_MS = 5000;
const LONGEST_PAUSE_MS = 2000;
/** A silent connection is given up after this many deadlines, and not before this long, ms. */
const GIVE_UP_AFTER = 4;
const GIVE_UP_MS = 1200;
/** The shortest deadline that is not asked for, ms, and how many heartbeats one takes. */
const SHORTEST_DEADLINE_MS = 100;
const DEADLINE_HEARTBEATS = 3;
/** Until the bridge has said how often it speaks, ms. */
const FIRST_DEADLINE_MS = 300;
/** A host that was busy looks at what has come before it calls the link silent: this long, ms. */
const SECOND_LOOK_MS = 4;

/**
 * Connects to a bridge. Returns at once: look at `ready`, or at `state` and its signal.
 *
 * Every buffer is `disconnected` from the moment the link closes, or is silent for `deadlineMs`, until poses can flow
 * again. Times are carried from the bridge's clock to the host's by four-stamp echoes.
 * @throws NavError `bridge/bad-option`
 */
export function connectBridge(options: BridgeClientOptions): BridgeClient {
  const { deadlineMs = FIRST_DEADLINE_MS, maxRateHz = 1 } = options;
  if (!(deadlineMs >= 20) || !/^wss?:\/\//.test(options.url)) {
    throw new NavError(
      'bridge/bad-option',
      `A bridge needs a ws:// or wss:// address and a deadline of at least 20 ms; got "${options.url}", ${deadlineMs}.`,
    );
  }
  if (!(maxRateHz > 0)) throw new NavError('bridge/bad-option', `A rate of ${maxRateHz} Hz is none.`);
  return new Client(options, deadlineMs);
}

class Client implements BridgeClient, ClientHandler {
  readonly ready: Promise<void>;
  readonly changed: Signal<BridgeState> = new Signal();
  readonly toolsChanged: Signal<readonly ToolInfo[]> = new Signal();
  readonly faults: Signal<DriverFault> = new Signal();
  readonly marks: Signal<BridgeMark> = new Signal();
  readonly counts: BridgeCounts = {
    messages: 0,
    poses: 0,
    unsynchronised: 0,
    dropped: 0,
    connections: 0,
    duplicates: 0,
    missed: 0,
    silences: 0,
  };
  state: BridgeState = { link: 'connecting', device: 'disconnected', reason: 'Not connected yet.', devices: [] };
  role: Role = 'observe';
  tools: readonly ToolInfo[] = [];
  imageSources: readonly ImageSource[] = [];
  readonly #images = new Set<ImageLink>();
  readonly #options: BridgeClientOptions;
  #deadlineMs: number;
  readonly #commands = new PendingCommands();
  readonly #attached = new Map<PoseBuffer, string>();
  /** The buffers of each tool number: what the hot path goes by. */
  #byTool: PoseBuffer[][] = [];
  #roundTrip = new RoundTrip();
  /** Whether the clocks have been compared on this connection. */
  #synchronous = false;
  readonly #cell = new Float64Array(1);
  readonly #stamps = new Float64Array(4);
  /** When anything was last heard: a cell, so that nothing is boxed. */
  readonly #heard = new Float64Array(1);
  /** What the connection before had: the bridge's run, its last batch, and per tool when it was measured there. */
  #session = '';
  #sequence = -1;
  readonly #measured = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  /** Whether the next pose message is the first after the connection was resumed. */
  #resuming = false;
  #revision = 0;
  #devices: readonly DeviceState[] = [];
  #secondLook = false;
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

  get clock(): BridgeClient['clock'] {
    const now = this.#options.clock.now();
    const echoes = this.#roundTrip;
    return {
      offsetMs: echoes.offsetAt(now),
      boundMs: echoes.boundAt(now),
      skewPpm: echoes.skewPpm,
      skewBoundPpm: echoes.skewBoundPpm,
    };
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

  images(source: string, options: BridgeImageOptions = {}): BridgeImages {
    const { url, token, clock, createSocket = browserSocket } = this.#options;
    const { encoding = isLoopback(url) ? 'raw' : 'deflate', inFlight = 2 } = options;
    if (source === '' || !(Number.isInteger(inFlight) && inFlight >= 1 && inFlight <= MOST_IN_FLIGHT)) {
      throw new NavError(
        'bridge/bad-option',
        `Images need a source and 1 to ${MOST_IN_FLIGHT} in flight; got "${source}", ${inFlight}.`,
      );
    }
    const toHost = (times: Float64Array, session: string): boolean => this.#imageTimes(times, session);
    const forget = (link: ImageLink): void => void this.#images.delete(link);
    const link = new ImageLink(source, { url, token, clock, createSocket, toHost, forget }, encoding, inFlight);
    this.#images.add(link);
    link.follow(this.#synchronous && this.#socket !== undefined);
    return link;
  }

  /** Times of an image that came over another connection to the same run of the bridge. */
  #imageTimes(times: Float64Array, session: string): boolean {
    if (!this.#synchronous || session !== this.#session) return false;
    for (let k = 0; k < times.length; k += 1) times[k] = this.#toHost(times[k] as number);
    return true;
  }

  close(): void {
    if (this.state.link === 'closed') return;
    for (const link of [...this.#images]) link.close();
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
    this.#synchronous = false;
    this.#pings = 0;
    this.#watch = setTimeout(() => this.#giveUp(`No answer from ${this.#options.url}`), CONNECT_WITHIN_MS);
    const { createSocket = browserSocket, url, token } = this.#options;
    const events = {
      open: () => current(() => this.#opened()),
      message: (message: RawMessage) => {
        if (this.#generation === mine) this.#message(message);
      },
      closed: (code: number, reason: string) => current(() => this.#closed(code, reason)),
    };
    this.#socket = createSocket(url, events, token === undefined ? {} : { token });
  }

  #opened(): void {
    clearTimeout(this.#watch);
    this.#heard[0] = this.#options.clock.now();
    this.#watchSilence();
    const { subscribe, maxRateHz } = this.#options;
    const hello = {
      client: 'trocar',
      revision: BRIDGE_REVISION,
      ...(subscribe && { subscribe }),
      ...(maxRateHz !== undefined && Number.isFinite(maxRateHz) && { maxRateHz }),
      ...(this.#session !== '' && this.#sequence >= 0 && { resume: { session: this.#session, sequence: this.#sequence } }),
    };
    this.#socket?.send(encodeHello(hello));
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
    const fatal = FATAL[code];
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
    this.#synchronous = false;
    for (const link of this.#images) link.follow(false);
    clearTimeout(this.#watch);
    clearTimeout(this.#pingTimer);
    this.#commands.abandon();
    const socket = this.#socket;
    this.#socket = undefined;
    // 1006 and the like may be received but not sent.
    socket?.close(code === 1000 || code >= 4000 ? code : 1000, reason);
  }

  /**
   * One timer, set for the moment the deadline would pass; a message only moves a number. Past it, one more look: on a
   * host that was busy what has come lies unread behind this timer.
   */
  #watchSilence(): void {
    const left = (this.#heard[0] as number) + this.#deadlineMs - this.#options.clock.now();
    const first = left <= 0 && !this.#secondLook;
    this.#secondLook = first;
    if (left > 0 || first) {
      this.#watch = setTimeout(() => this.#watchSilence(), first ? SECOND_LOOK_MS : left);
      return;
    }
    if (this.#deadlineMs - left > Math.max(GIVE_UP_AFTER * this.#deadlineMs, GIVE_UP_MS)) {
      this.#giveUp(`Nothing heard from ${this.#options.url}`);
      return;
    }
    if (this.state.link !== 'silent') {
      this.counts.silences += 1;
      this.#become('silent', `Nothing heard for ${this.#deadlineMs} ms.`);
    }
    this.#watch = setTimeout(() => this.#watchSilence(), this.#deadlineMs / 4);
  }

  #giveUp(what: string): void {
    this.#drop(CLOSE.silent, 'silent');
    this.#become('connecting', `${what}; connecting again.`);
    this.#retryLater();
  }

  #become(link: LinkState, reason: string, device: ConnectionState = this.#device): void {
    this.#device = device;
    const state: BridgeState = { link, device: link === 'open' ? device : 'disconnected', reason, devices: this.#devices };
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
    const bound = this.#revision >= 1 ? this.clock.boundMs : undefined;
    this.#socket?.send(encodePing(this.#pingId, this.#options.clock.now(), bound));
    // Should the answer be lost, the next one is asked for anyway; soon, while the clocks are known only roughly.
    const rough = !(this.#roundTrip.boundMs <= GOOD_BOUND_MS && this.#roundTrip.isTight);
    const usual = this.#options.pingMs ?? 1000;
    this.#pingTimer = setTimeout(() => this.#ping(), rough ? Math.min(ROUGH_PING_MS, usual) : usual);
  }

  /** Called by the decoder. */
  hello(hello: BridgeHello): void {
    this.counts.connections += 1;
    this.#device = hello.device;
    this.#devices = hello.devices ?? [];
    this.#revision = hello.revision ?? 0;
    this.role = hello.role ?? 'observe';
    this.#deadlineMs = this.#options.deadlineMs ?? Math.max(SHORTEST_DEADLINE_MS, DEADLINE_HEARTBEATS * hello.heartbeatMs);
    const session = hello.session ?? '';
    this.#resuming = session !== '' && session === this.#session;
    if (!this.#resuming) {
      this.#sequence = -1;
      this.#measured.fill(Number.NaN);
    }
    this.#session = session;
    this.imageSources = hello.images ?? [];
    this.#setTools(hello.tools);
    this.#ping();
  }

  /** Called by the decoder for every pose: allocates nothing. */
  pose(tool: number, sample: PoseSample): void {
    if (!this.#synchronous) {
      this.counts.unsynchronised += 1;
      return;
    }
    const v = sample.values;
    // A comparison with NaN is false: a tool that was not seen before is never a duplicate.
    if (this.#resuming && (v[0] as number) <= (this.#measured[tool] as number)) {
      this.counts.duplicates += 1;
      return;
    }
    this.#measured[tool] = v[0] as number;
    this.counts.poses += 1;
    const cell = this.#cell;
    cell[0] = v[0] as number;
    this.#roundTrip.toLocal(cell);
    v[0] = cell[0] as number;
    cell[0] = v[1] as number;
    this.#roundTrip.toLocal(cell);
    v[1] = cell[0] as number;
    const buffers = this.#byTool[tool] as PoseBuffer[];
    for (let i = 0; i < buffers.length; i += 1) (buffers[i] as PoseBuffer).push(sample);
  }

  /** Called by the decoder. */
  batch(sequence: number): void {
    if (this.#resuming && this.#sequence >= 0) this.counts.missed += Math.max(0, ((sequence - this.#sequence) | 0) - 1);
    this.#resuming = false;
    this.#sequence = sequence;
  }

  /** Called by the decoder. */
  heartbeat(): void {}

  /** Called by the decoder. */
  pong(id: number, stamps: Float64Array): void {
    if (id !== this.#pingId) return;
    const s = this.#stamps;
    s.set(stamps);
    s[3] = this.#heard[0] as number;
    if (!this.#roundTrip.push(s)) return;
    this.#synchronous = true;
    this.#pings += 1;
    if (this.#pings === 1) this.#synchronised();
    if (this.#pings < FIRST_ECHOES) this.#ping();
  }

  #synchronised(): void {
    this.#pauseMs = this.#options.reconnectMs ?? 100;
    this.#become('open', 'Connected.');
    for (const link of this.#images) link.follow(true);
    this.#settle.resolve();
  }

  command(name: string, args: BridgeCommand['args'] = {}): Promise<void> {
    if (this.state.link !== 'open') return Promise.reject(new NavError('bridge/closed', 'The bridge is not connected.'));
    if (this.role !== 'control') {
      return Promise.reject(
        new NavError('bridge/not-allowed', 'This client may only observe. Give it a token with the role control.'),
      );
    }
    const { id, done } = this.#commands.begin();
    this.#socket?.send(encodeCommand(id, { command: name, args }));
    return done;
  }

  /** A moment of the bridge on the host's clock. */
  #toHost(at: number): Instant {
    this.#cell[0] = at;
    this.#roundTrip.toLocal(this.#cell);
    return this.#cell[0] as Instant;
  }

  /** Called by the decoder. */
  event(event: BridgeEvent): void {
    if (event.kind === 'tools') this.#setTools(event.tools);
    else if (event.kind === 'images') this.imageSources = event.images;
    else if (event.kind === 'dropped') this.counts.dropped = event.total;
    else if (event.kind === 'fault') this.faults.emit({ code: event.code, message: event.message });
    else if (event.kind === 'answer') this.#commands.answer(event.id, event.code, event.message);
    else if (event.kind === 'mark') this.marks.emit({ text: event.text, at: this.#toHost(event.at) });
    else {
      this.#devices = event.devices ?? this.#devices;
      this.#become(this.state.link, event.reason, event.device);
    }
  }
}

const isLoopback = (url: string): boolean => /^wss?:\/\/(127(\.\d+){3}|localhost|\[::1\])(:|\/|$)/i.test(url);

/** Ends of a connection after which another attempt would end alike. */
const FATAL: Readonly<Record<number, NavErrorCode>> = {
  [CLOSE.wrongProtocol]: 'bridge/wrong-protocol',
  [CLOSE.wrongVersion]: 'bridge/wrong-version',
  [CLOSE.unauthorised]: 'bridge/unauthorised',
  [CLOSE.foreignOrigin]: 'bridge/foreign-origin',
};

function closeCodeOf(code: NavErrorCode): number {
  if (code === 'bridge/wrong-protocol') return CLOSE.wrongProtocol;
  return code === 'bridge/wrong-version' ? CLOSE.wrongVersion : CLOSE.malformed;
}
