import { randomBytes } from 'node:crypto';
import { type Clock, isNavError, NavError, type NavErrorCode } from '@trocar/core';
import {
  BRIDGE_REVISION,
  type BridgeCommand,
  type BridgeEvent,
  type BridgeHello,
  type ClientHello,
  type DeviceState,
  encodeEvent,
  encodeHeartbeat,
  encodeHello,
  MOST_TOOLS,
  PoseBatch,
  type Role,
} from '../codec/bridge/index.js';
import type { ConnectionState, DriverFault, ToolInfo } from '../driver.js';
import { type Admitted, ServedClient, type ServedOptions } from './bridge-client.js';
import type { BridgeFigures } from './metrics.js';
import { type BridgeDevice, Devices, type DevicesSink } from './server-devices.js';
import { ImageHub, type ImageTotals } from './server-images.js';
import { Allowance } from './server-limits.js';
import { Subscription } from './server-subscription.js';

/** What a command does; what it throws is told to the client that sent it. */
export type CommandHandler = (args: BridgeCommand['args']) => void | Promise<void>;

/** What happens at a bridge, for logs. Times are the logger's. */
export type BridgeLogEntry =
  | { readonly what: 'device'; readonly device: string; readonly state: ConnectionState; readonly reason: string }
  | { readonly what: 'fault'; readonly code: NavErrorCode; readonly message: string }
  | { readonly what: 'joined' | 'left'; readonly role: Role; readonly address: string; readonly clients: number }
  /** Turned away at the door, or sent away. */
  | { readonly what: 'refused'; readonly reason: string };

/** What a hub needs. */
export interface HubOptions extends ServedOptions {
  readonly name: string;
  readonly devices: readonly BridgeDevice[];
  readonly heartbeatMs: number;
  readonly commands: Readonly<Record<string, CommandHandler>>;
  readonly log: (entry: BridgeLogEntry) => void;
}

/** Faults that are told to clients: so many at once, and so many per second. All of them are counted. */
const FAULTS_AT_ONCE = 50;
const FAULTS_PER_SECOND = 20;
/** Texts that are told are cut here: a longer one would be refused by the client. */
const LONGEST_TEXT = 1900;
/** Different codes and reasons that are counted one by one. */
const MOST_KEYS = 200;

/** What joins devices with many clients. */
export class Hub {
  readonly devices: Devices;
  readonly #options: HubOptions;
  readonly #clock: Clock;
  readonly #session = randomBytes(8).toString('hex');
  readonly #connections = new Set<ServedClient>();
  /** Those that said hello: an array, because going through one allocates nothing. */
  readonly #clients: ServedClient[] = [];
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #images = new ImageHub(this.#clients, (code, message) => this.#fault({ code, message }));
  /** Of clients that have left. */
  readonly #goneImages: { readonly sent: number[]; readonly dropped: number[] } = { sent: [], dropped: [] };
  /** What arrived together, and the newest of each tool for clients that come later. */
  readonly #batch = new PoseBatch();
  readonly #latest = new PoseBatch();
  /** Per tool: poses in, poses out, number of the last batch, when last measured. */
  readonly #in = new Float64Array(MOST_TOOLS);
  readonly #out = new Float64Array(MOST_TOOLS);
  readonly #lastBatch = new Float64Array(MOST_TOOLS);
  readonly #measured = new Float64Array(MOST_TOOLS).fill(Number.NaN);
  /** Now, when poses last came, the sequence as a double, the beginning: cells, so that nothing is boxed. */
  readonly #now = new Float64Array(1);
  readonly #flushedAt = new Float64Array(1).fill(Number.NEGATIVE_INFINITY);
  readonly #sequenceCell = new Float64Array(1);
  readonly #startedAt: number;
  #sequence = 0;
  #batches = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #faultsToTell: Allowance;
  readonly #refusalsToLog: Allowance;
  readonly #faults: Record<string, number> = {};
  readonly #refused: Record<string, number> = {};
  readonly #losses: Record<string, number> = {};
  #goneDropped = 0;
  #goneThinned = 0;
  #hello: BridgeHello;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#startedAt = options.clock.now();
    this.#faultsToTell = new Allowance(FAULTS_AT_ONCE, FAULTS_PER_SECOND, this.#startedAt);
    this.#refusalsToLog = new Allowance(FAULTS_AT_ONCE, FAULTS_PER_SECOND, this.#startedAt);
    this.devices = new Devices(options.devices, options.clock, this.#makeSink());
    this.#hello = {
      bridge: options.name,
      tools: [],
      device: 'connecting',
      reason: '',
      heartbeatMs: options.heartbeatMs,
      revision: BRIDGE_REVISION,
      session: this.#session,
      devices: this.devices.states,
    };
    this.#timer = setInterval(() => this.#beat(), options.heartbeatMs);
  }

  get clientCount(): number {
    return this.#clients.length;
  }

  get dropped(): number {
    return this.#clients.reduce((sum, client) => sum + client.droppedTotal, 0);
  }

  /** Why one more connection is too many; undefined where it is not. */
  tooMany(address: string): string | undefined {
    const { clients, perAddress, waiting } = this.#options.limits;
    if (this.#connections.size >= clients) return 'too many clients';
    let same = 0;
    let silent = 0;
    for (const client of this.#connections) {
      if (client.address === address) same += 1;
      if (client.isWaiting) silent += 1;
    }
    if (same >= perAddress) return 'too many clients from this address';
    return silent >= waiting ? 'too many clients that say nothing' : undefined;
  }

  /** Counts a connection that was turned away. */
  countRefusal(reason: string): void {
    count(this.#refused, reason);
    if (this.#refusalsToLog.take(1, this.#clock.now())) this.#options.log({ what: 'refused', reason });
  }

  add(admitted: Admitted): void {
    const client = new ServedClient(admitted, this.#options, {
      opened: (opened, hello) => this.#opened(opened, hello),
      flowing: (flowing) => this.#flowing(flowing),
      command: (from, id, command) => void this.#command(from, id, command),
      refused: (reason) => this.countRefusal(reason),
      gone: (gone) => this.#gone(gone),
    });
    this.#connections.add(client);
  }

  #opened(client: ServedClient, hello: ClientHello): void {
    const commands = client.role === 'control' ? { commands: ['mark', ...Object.keys(this.#options.commands)] } : {};
    client.subscription = this.#subscription(hello.subscribe);
    if (hello.resume?.session === this.#session) client.resumeAfter = hello.resume.sequence;
    // Older clients are told what they always were.
    const images = client.revision >= 2 && this.#images.list.length > 0 ? { images: this.#images.list } : {};
    client.send(encodeHello({ ...this.#hello, role: client.role, ...commands, ...images }));
    this.#clients.push(client);
    this.#logClient('joined', client);
  }

  #logClient(what: 'joined' | 'left', { role, address }: ServedClient): void {
    this.#options.log({ what, role, address, clients: this.#clients.length });
  }

  #subscription(names: readonly string[] | undefined): Subscription {
    const key = names === undefined ? '' : JSON.stringify([...new Set(names)].sort());
    let subscription = this.#subscriptions.get(key);
    if (subscription === undefined) {
      subscription = new Subscription(names, this.#out);
      subscription.resolve(this.#hello.tools);
      this.#subscriptions.set(key, subscription);
    }
    subscription.clients += 1;
    subscription.key = key;
    return subscription;
  }

  /** The client can place poses now: it gets the newest of each of its tools that it has not had. */
  #flowing(client: ServedClient): void {
    const tools = client.subscription?.tools;
    const after = client.resumeAfter;
    const wanted = new Uint8Array(MOST_TOOLS);
    for (let tool = 0; tool < MOST_TOOLS; tool += 1) {
      wanted[tool] = (tools?.[tool] ?? 1) & (after === undefined || (this.#lastBatch[tool] as number) > after ? 1 : 0);
    }
    client.begin(this.#latest, this.#sequence, wanted);
  }

  #gone(client: ServedClient): void {
    this.#connections.delete(client);
    const at = this.#clients.indexOf(client);
    if (at >= 0) {
      this.#clients.splice(at, 1);
      this.#logClient('left', client);
    }
    this.#goneDropped += client.droppedTotal;
    this.#goneThinned += client.thinnedTotal;
    if (client.images !== undefined) addTotals(this.#goneImages, client.images);
    const { subscription } = client;
    if (subscription === undefined) return;
    subscription.clients -= 1;
    if (subscription.clients === 0) this.#subscriptions.delete(subscription.key);
  }

  async #command(client: ServedClient, id: number, { command, args }: BridgeCommand): Promise<void> {
    try {
      if (command === 'mark') this.#tell({ kind: 'mark', text: String(args['text'] ?? ''), at: this.#clock.now() });
      else if (Object.hasOwn(this.#options.commands, command)) await this.#options.commands[command]?.(args);
      else throw new NavError('bridge/unknown-command', `This bridge knows no command "${command}".`);
      client.answer(id);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      client.answer(id, isNavError(error) ? error : new NavError('bridge/command-failed', message));
    }
  }

  #tell(event: BridgeEvent, mayBeLost = false): void {
    const message = encodeEvent(event);
    for (const client of this.#clients) if (!mayBeLost || !client.congested) client.send(message);
  }

  #makeSink(): DevicesSink {
    return {
      tools: (tools) => this.#setTools(tools),
      pose: (tool, sample, frameNumber) => {
        if (tool >= MOST_TOOLS) return;
        this.#batch.add(tool, sample, frameNumber);
        this.#measured[tool] = sample.values[0] as number;
      },
      flush: () => this.#flush(),
      connection: (device, reason, devices) => this.#connection(device, reason, devices),
      fault: (fault) => this.#fault(fault),
      images: (list) => {
        this.#images.setSources(list);
        const message = encodeEvent({ kind: 'images', images: this.#images.list });
        for (const client of this.#clients) if (client.revision >= 2) client.send(message);
      },
      image: (source, frame) => this.#images.take(source, frame),
    };
  }

  /** Sends what came together to every client, and remembers the newest of each tool. Allocates only the frames. */
  #flush(): void {
    const batch = this.#batch;
    if (batch.count === 0) return;
    this.#now[0] = this.#flushedAt[0] = this.#clock.now();
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.#sequenceCell[0] = this.#sequence;
    this.#batches += 1;
    for (let i = 0; i < this.#clients.length; i += 1) this.#clients[i]?.offer(batch, this.#sequence, this.#now);
    for (const subscription of this.#subscriptions.values()) subscription.finish(batch);
    batch.tally(this.#in, 1);
    batch.stamp(this.#lastBatch, this.#sequenceCell);
    this.#latest.addAll(batch);
    batch.clear();
  }

  #setTools(tools: readonly ToolInfo[]): void {
    if (tools.length > MOST_TOOLS) {
      this.#fault({
        code: 'bridge/too-much',
        message: `A bridge carries ${MOST_TOOLS} tools, not ${tools.length}: the last are left out.`,
      });
    }
    const kept = tools.slice(0, MOST_TOOLS);
    try {
      this.#tell({ kind: 'tools', tools: kept });
      this.#hello = { ...this.#hello, tools: kept };
    } catch (error) {
      // Their names do not fit one message: the list stays as it was.
      this.#fault({ code: 'codec/oversize', message: error instanceof Error ? error.message : String(error) });
    }
    for (const subscription of this.#subscriptions.values()) subscription.resolve(this.#hello.tools);
  }

  #connection(device: ConnectionState, text: string, devices: readonly DeviceState[]): void {
    const reason = text.slice(0, LONGEST_TEXT);
    for (const [i, { name, state, reason: why }] of devices.entries()) {
      const before = this.#hello.devices?.[i]?.state;
      if (before !== state) this.#options.log({ what: 'device', device: name, state, reason: why });
      if (before === 'connected' && state !== 'connected') count(this.#losses, name);
    }
    const cut = devices.map((d) => ({ ...d, reason: d.reason.slice(0, LONGEST_TEXT / devices.length) }));
    this.#hello = { ...this.#hello, device, reason, devices: cut };
    this.#tell({ kind: 'connection', device, reason, devices: cut });
  }

  #fault({ code, message }: DriverFault): void {
    count(this.#faults, code);
    if (!this.#faultsToTell.take(1, this.#clock.now())) return;
    this.#options.log({ what: 'fault', code, message });
    this.#tell({ kind: 'fault', code: code as NavErrorCode, message: message.slice(0, LONGEST_TEXT) }, true);
  }

  #beat(): void {
    const now = this.#clock.now();
    this.#now[0] = now;
    for (const client of this.#connections) {
      client.drain(this.#now);
      if (!client.congested) client.send(encodeHeartbeat(client.sequence, now));
      client.check(now);
    }
  }

  /** What is known now. */
  figures(): BridgeFigures {
    const now = this.#clock.now();
    const clients = this.#clients;
    const ofRole = (role: Role): number => clients.filter((client) => client.role === role).length;
    const bounds = clients.map((client) => client.clockBoundMs).filter((bound) => !Number.isNaN(bound));
    return {
      upMs: now - this.#startedAt,
      devices: this.devices.states,
      tools: this.#hello.tools.map(({ name }, i) => ({
        name,
        device: this.devices.deviceOf(i),
        posesIn: this.#in[i] as number,
        posesOut: this.#out[i] as number,
        status: (this.#in[i] as number) > 0 ? this.#latest.statusOf(i) : Number.NaN,
        ageMs: now - (this.#measured[i] as number),
      })),
      losses: { ...this.#losses },
      observers: ofRole('observe'),
      controllers: ofRole('control'),
      connections: this.#connections.size,
      refused: { ...this.#refused },
      dropped: this.#goneDropped + clients.reduce((sum, client) => sum + client.droppedTotal, 0),
      thinned: this.#goneThinned + clients.reduce((sum, client) => sum + client.thinnedTotal, 0),
      faults: { ...this.#faults },
      clockBoundMs: bounds.length === 0 ? Number.NaN : Math.max(...bounds),
      quietMs: now - (this.#flushedAt[0] as number),
      batches: this.#batches,
      images: this.#images.figures(this.#goneImages),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    for (const client of this.#connections) client.close();
  }
}

function count(into: Record<string, number>, key: string): void {
  const known = Object.hasOwn(into, key) || Object.keys(into).length < MOST_KEYS;
  const name = known ? key : 'other';
  into[name] = (into[name] ?? 0) + 1;
}

function addTotals(into: { readonly sent: number[]; readonly dropped: number[] }, totals: ImageTotals): void {
  totals.sent.forEach((n, source) => {
    into.sent[source] = (into.sent[source] ?? 0) + n;
  });
  totals.dropped.forEach((n, source) => {
    into.dropped[source] = (into.dropped[source] ?? 0) + n;
  });
}
