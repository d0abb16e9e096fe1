import { isNavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import { LivePublisher, LiveReplica, type LiveState, type PublisherOptions, type Received } from '@trocar/core/session';
import { type CarriedKind, decodeRelayFrame, encodeRelayFrame, RelayAcks } from '@trocar/device-bridge';
import { type RelayPeer, RelayRoom, USUAL_ROOM } from '@trocar/device-bridge/node';
import { wrongWith } from './compare.js';
import { Link, type LinkOptions, type TcpFlow } from './link.js';
import { SimulatedOperator } from './operator.js';
import { Scheduler } from './scheduler.js';

/** One observer of a simulated session. */
export interface ObserverPlan {
  readonly link: LinkOptions;
  /** When it joins, ms. Default 0. */
  readonly joinsAt?: number;
  /** When no packet passes, ms: from, to. */
  readonly cuts?: ReadonlyArray<readonly [from: number, to: number]>;
}

/** A simulated session. */
export interface SimulationOptions {
  readonly seed: number;
  readonly ms: number;
  readonly observers: readonly ObserverPlan[];
  readonly publisher?: Partial<Omit<PublisherOptions, 'clock'>>;
  /** Moments at which the operator's program begins anew, ms. */
  readonly restarts?: readonly number[];
  /** The share of messages of which one byte is changed on the way: to see that nothing wrong is shown. Default 0. */
  readonly damage?: number;
}

/** What one observer has seen. All times ms. */
export interface ObserverFigures {
  /** From the operator's state to the observer's, of every message that was applied as it was sent: what the relay keeps for who joins is old. */
  readonly delays: number[];
  /** The same of changes alone: statuses, alarms, views. */
  readonly changeDelays: number[];
  /** How old what was shown was, every 10 ms, from the first state on, while a link was there. */
  readonly ages: number[];
  /** How far the true age was above the stated one and its bound, at the most, where a bound was stated. */
  worstAgeClaim: number;
  /** States that were not the operator's. */
  readonly wrong: string[];
  /** How often something not live was shown as live: older than the limit. */
  liveTooLong: number;
  /** From joining, and from the end of each cut, to a live state. */
  readonly joins: number[];
  connections: number;
  diverged: number;
  /** All bits handed to the link towards the observer, per second of its presence, headers of TCP and IP included; and back. */
  downBitsPerSecond: number;
  upBitsPerSecond: number;
  packetsLost: number;
}

const CONNECT_ROUND_TRIPS = 2;
const SILENT_MS = 5000;
/** Of a WebSocket frame: from the relay 2 or 4 bytes, from an observer 4 more for the mask. */
const framing = (length: number, masked: boolean): number => (length < 126 ? 2 : 4) + (masked ? 4 : 0);

/** Runs operator, relay, links and observers in time that is not waited for. */
export function simulate(options: SimulationOptions): ObserverFigures[] {
  const time = new Scheduler();
  const session = new Session(time, options);
  const observers = options.observers.map((plan) => new SimulatedObserver(time, session, plan, options.damage ?? 0));
  time.runUntil(options.ms);
  return observers.map((one) => one.finish(options.ms));
}

/** Operator and relay, in one place. */
class Session {
  readonly room: RelayRoom;
  /** What the operator published, by epoch and moment. */
  readonly truth = new Map<number, LiveState>();
  #publisher: LivePublisher;
  readonly #operator: SimulatedOperator;

  constructor(time: Scheduler, options: SimulationOptions) {
    this.room = new RelayRoom({ ...USUAL_ROOM, clock: time });
    this.#operator = new SimulatedOperator(options.seed);
    const make = (): LivePublisher => new LivePublisher({ clock: time, ...options.publisher });
    this.#publisher = make();
    const peer: RelayPeer = {
      name: 'operator',
      publishes: true,
      send: (frame) => {
        const { type } = decodeRelayFrame(frame);
        if (type === 'ask') this.#publisher.requestSnapshot();
      },
      close: (_, reason) => {
        throw new Error(`The relay closed the operator: ${reason}`);
      },
    };
    this.room.join(peer);
    for (const at of options.restarts ?? []) {
      time.after(at, () => {
        this.#publisher = make();
      });
    }
    let shown = this.#operator.stateAt(0);
    time.every(10, () => {
      const state = this.#operator.stateAt(time.now());
      const messages = this.#publisher.publish(state);
      // Views go out at their own rate: the state that is shown has the views that were sent last.
      if (messages.length > 0) shown = state;
      for (const { kind, bytes, capturedUtcMs } of messages) {
        this.truth.set(capturedUtcMs, shown);
        this.room.receive(peer, encodeRelayFrame({ type: 'carried', kind, payload: bytes, kept: false }));
      }
    });
    time.every(1000, () => this.room.receive(peer, encodeRelayFrame({ type: 'ping', id: 1 })));
    time.every(5, () => this.room.tick());
  }
}

class SimulatedObserver {
  readonly #figures: ObserverFigures = {
    delays: [],
    changeDelays: [],
    ages: [],
    worstAgeClaim: 0,
    wrong: [],
    liveTooLong: 0,
    joins: [],
    connections: 0,
    diverged: 0,
    downBitsPerSecond: 0,
    upBitsPerSecond: 0,
    packetsLost: 0,
  };
  readonly #time: Scheduler;
  readonly #session: Session;
  readonly #plan: ObserverPlan;
  readonly #link: Link;
  readonly #replica: LiveReplica;
  readonly #damage: number;
  readonly #random: Random;
  #acks = new RelayAcks();
  #up: TcpFlow | undefined;
  #down: TcpFlow | undefined;
  #peer: RelayPeer | undefined;
  #heardAt = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #pingAt = 0;
  /** Since when it waits for a live state. */
  #waitsSince: number;

  constructor(time: Scheduler, session: Session, plan: ObserverPlan, damage: number) {
    this.#time = time;
    this.#damage = damage;
    this.#random = new Random(plan.link.seed);
    this.#session = session;
    this.#plan = plan;
    this.#link = new Link(time, plan.link);
    this.#replica = new LiveReplica({ clock: time });
    this.#waitsSince = plan.joinsAt ?? 0;
    time.after(plan.joinsAt ?? 0, () => this.#connect());
    for (const [from, to] of plan.cuts ?? []) {
      time.after(from, () => {
        this.#link.cut = true;
      });
      time.after(to, () => {
        this.#link.cut = false;
        this.#waitsSince = to;
      });
    }
    time.every(10, () => this.#look());
    time.every(60, () => this.#tend());
  }

  #connect(): void {
    this.#heardAt = this.#time.now();
    this.#time.after(CONNECT_ROUND_TRIPS * 2 * this.#plan.link.oneWayMs, () => {
      if (this.#link.down.cut) this.#time.after(1000, () => this.#connect());
      else this.#open();
    });
  }

  #open(): void {
    const peer: RelayPeer = {
      name: 'observer',
      publishes: false,
      send: (frame) => this.#down?.send(frame, framing(frame.length, false)),
      close: () => this.#break(),
    };
    const { down, up } = this.#link.connect(
      (frame) => this.#receive(frame),
      (frame) => this.#session.room.receive(peer, frame),
    );
    this.#down = down;
    this.#up = up;
    this.#peer = peer;
    this.#acks = new RelayAcks();
    this.#heardAt = this.#time.now();
    this.#figures.connections += 1;
    this.#session.room.join(peer);
  }

  #break(): void {
    if (this.#peer === undefined) return;
    for (const flow of [this.#down, this.#up]) if (flow !== undefined) flow.closed = true;
    const peer = this.#peer;
    this.#peer = undefined;
    this.#session.room.leave(peer);
    this.#replica.disconnected();
    this.#time.after(100, () => this.#connect());
  }

  #receive(bytes: Uint8Array): void {
    this.#heardAt = this.#time.now();
    const frame = decodeRelayFrame(bytes);
    if (frame.type === 'pong') this.#replica.roundTripMs = this.#heardAt - this.#pingAt;
    if (frame.type !== 'carried') return;
    this.#acks.came(this.#heardAt);
    this.#acknowledge();
    const received = this.#tryPayload(frame.payload, frame.kept);
    if (received === undefined) this.#break();
    if (received !== 'applied') {
      this.#figures.diverged += Number(received === 'diverged' || received === undefined);
      return;
    }
    this.#judge(frame.kind, frame.kept);
  }

  /** Undefined where the message was malformed. */
  #tryPayload(payload: Uint8Array, kept: boolean): Received | undefined {
    const bytes = payload.slice();
    if (this.#random.uniform() < this.#damage) bytes[this.#random.below(bytes.length)] = this.#random.below(256);
    try {
      return this.#replica.receive(bytes, kept);
    } catch (error) {
      if (!isNavError(error)) throw error;
      return undefined;
    }
  }

  /** Holds what was applied against what the operator had. */
  #judge(kind: CarriedKind, kept: boolean): void {
    const { held } = this.#replica;
    const asOf = this.#replica.observe().freshness.asOf?.getTime() ?? 0;
    const truth = this.#session.truth.get(asOf);
    const wrong = held === undefined || truth === undefined ? 'a state that never was' : wrongWith(held, truth);
    if (wrong !== undefined) this.#figures.wrong.push(wrong);
    const delay = this.#heardAt - (asOf - this.#time.utc(this.#time.plus(this.#time.now(), -this.#time.now())).getTime());
    if (kind === 'snapshot' || kept) return;
    this.#figures.delays.push(delay);
    if (kind === 'change') this.#figures.changeDelays.push(delay);
  }

  #acknowledge(): void {
    const count = this.#acks.due(this.#time.now());
    if (count !== undefined) this.#send(encodeRelayFrame({ type: 'ack', count }));
  }

  #send(frame: Uint8Array): void {
    this.#up?.send(frame, framing(frame.length, true));
  }

  #tend(): void {
    if (this.#peer === undefined) return;
    const now = this.#time.now();
    if (now - this.#heardAt > SILENT_MS) {
      this.#break();
      return;
    }
    this.#acknowledge();
    if (now - this.#pingAt >= 1000) {
      this.#pingAt = now;
      this.#send(encodeRelayFrame({ type: 'ping', id: 1 }));
    }
    if (this.#replica.wantsSnapshot && now - this.#askedAt > 1000 && this.#figures.delays.length > 0) {
      this.#askedAt = now;
      this.#send(encodeRelayFrame({ type: 'ask' }));
    }
  }

  /** What is shown now, against what is true now. */
  #look(): void {
    const { freshness } = this.#replica.observe();
    if (freshness.asOf === undefined) return;
    const now = this.#time.utc(this.#time.now()).getTime();
    const age = now - freshness.asOf.getTime();
    const cut = (this.#plan.cuts ?? []).some(([from, to]) => this.#time.now() >= from && this.#time.now() < to + SILENT_MS);
    if (!cut) this.#figures.ages.push(age);
    if (freshness.standing !== 'live') return;
    const beyond = age - freshness.ageMs - freshness.ageBoundMs;
    if (!Number.isNaN(beyond)) this.#figures.worstAgeClaim = Math.max(this.#figures.worstAgeClaim, beyond);
    // A second is the limit; half a round trip is the bound of what an observer can know.
    if (age > 1000 + this.#plan.link.oneWayMs) this.#figures.liveTooLong += 1;
    if (!Number.isNaN(this.#waitsSince) && this.#time.now() >= this.#waitsSince) {
      this.#figures.joins.push(this.#time.now() - this.#waitsSince);
      this.#waitsSince = Number.NaN;
    }
  }

  finish(ms: number): ObserverFigures {
    const present = (ms - (this.#plan.joinsAt ?? 0)) / 1000;
    this.#figures.downBitsPerSecond = (8 * this.#link.down.bytes) / present;
    this.#figures.upBitsPerSecond = (8 * this.#link.up.bytes) / present;
    this.#figures.packetsLost = this.#link.down.lost + this.#link.up.lost;
    return this.#figures;
  }
}

/** The value that a share of a list does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
