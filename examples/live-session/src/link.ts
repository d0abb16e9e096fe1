import { Random } from '@trocar/core/math';
import type { Scheduler } from './scheduler.js';

/** A network between two places. */
export interface LinkOptions {
  /** How long a packet is under way beside its own length, ms. */
  readonly oneWayMs: number;
  /** The share of packets that are lost. */
  readonly loss: number;
  /** Bits per second, each way. */
  readonly bitsPerSecond: number;
  /** What the narrow place holds back before it drops, bytes. */
  readonly queueBytes?: number;
  readonly seed: number;
}

/** The link that a live session must do with. */
export const POOR_LINK: Omit<LinkOptions, 'seed'> = { oneWayMs: 100, loss: 0.01, bitsPerSecond: 64_000 };

/** Ethernet is not counted, IPv4 (20), TCP (20) and its time stamps (12) are. */
const HEADERS = 52;
const LARGEST_SEGMENT = 1400;

/** One direction: a narrow place with a queue, then a way. Packets keep their order; some are lost. */
export class Wire {
  /** Bytes that were handed in, and packets of them that did not arrive. */
  bytes = 0;
  lost = 0;
  cut = false;
  readonly #time: Scheduler;
  readonly #options: LinkOptions;
  readonly #random: Random;
  #freeAt = 0;

  constructor(time: Scheduler, options: LinkOptions, seed: number) {
    this.#time = time;
    this.#options = options;
    this.#random = new Random(seed);
  }

  carry(bytes: number, arrived: () => void): void {
    const now = this.#time.now();
    const { bitsPerSecond, oneWayMs, loss, queueBytes = 32_768 } = this.#options;
    const waitMs = Math.max(0, this.#freeAt - now);
    this.bytes += bytes;
    const dropped = (waitMs * bitsPerSecond) / 8000 + bytes > queueBytes;
    const lost = this.#random.uniform() < loss;
    if (dropped || this.cut) {
      this.lost += 1;
      return;
    }
    this.#freeAt = now + waitMs + (bytes * 8000) / bitsPerSecond;
    if (lost) this.lost += 1;
    else {
      this.#time.after(this.#freeAt - now + oneWayMs, () => {
        if (!this.cut) arrived();
      });
    }
  }
}

interface Segment {
  readonly index: number;
  readonly bytes: number;
  /** Whole messages that end in it. */
  readonly messages: readonly Uint8Array[];
  sentAt: number;
  sends: number;
  state: 'flying' | 'acked' | 'lost';
}

/** RFC 6298 with the least variance of Linux, ms; and a quarter of a round trip for packets that came in another order (RFC 8985). */
const LEAST_SPREAD_MS = 200;
const REORDERING = 1.25;
const DELAYED_ACK_MS = 40;

/**
 * One direction of a TCP connection over two wires: in order, with selective acknowledgements, loss found by three later packets or by time
 * (RFC 6675, RFC 8985), the timeout of RFC 6298 with Linux's least of 200 ms over the round trip, and a congestion window that a loss makes
 * 0.7 of what it was (RFC 9438). No tail loss probe: this is the worse case. What waits is joined into larger segments, as Linux does.
 */
export class TcpFlow {
  readonly #time: Scheduler;
  readonly #there: Wire;
  readonly #back: Wire;
  readonly #deliver: (message: Uint8Array) => void;
  #queue: Array<{ readonly bytes: number; readonly message: Uint8Array | undefined }> = [];
  readonly #segments: Segment[] = [];
  #firstOpen = 0;
  #window = 10;
  #slowStartTo = Number.POSITIVE_INFINITY;
  #recoveredAt = -1;
  #smoothed = Number.NaN;
  #spread = 0;
  #timeoutFactor = 1;
  #timer = 0;
  /** At the receiver. */
  readonly #received = new Set<number>();
  #next = 0;
  #unacked = 0;
  #ackTimer = 0;
  closed = false;

  constructor(time: Scheduler, there: Wire, back: Wire, deliver: (message: Uint8Array) => void) {
    this.#time = time;
    this.#there = there;
    this.#back = back;
    this.#deliver = deliver;
  }

  send(message: Uint8Array, framing: number): void {
    for (let left = message.length + framing; left > 0; left -= LARGEST_SEGMENT) {
      const last = left <= LARGEST_SEGMENT;
      this.#queue.push({ bytes: Math.min(left, LARGEST_SEGMENT), message: last ? message : undefined });
    }
    this.#fill();
  }

  #fill(): void {
    if (this.closed) return;
    while (this.#flying() < Math.floor(this.#window)) {
      const lost = this.#segments.slice(this.#firstOpen).find((one) => one.state === 'lost');
      const next = lost ?? this.#cutSegment();
      if (next === undefined) return;
      this.#put(next);
    }
  }

  #flying(): number {
    let flying = 0;
    for (let i = this.#firstOpen; i < this.#segments.length; i += 1) if (this.#segments[i]?.state === 'flying') flying += 1;
    return flying;
  }

  #cutSegment(): Segment | undefined {
    const messages: Uint8Array[] = [];
    let bytes = 0;
    for (let first = this.#queue[0]; first !== undefined && bytes + first.bytes <= LARGEST_SEGMENT; first = this.#queue[0]) {
      bytes += first.bytes;
      if (first.message !== undefined) messages.push(first.message);
      this.#queue.shift();
    }
    if (bytes === 0) return undefined;
    const segment: Segment = { index: this.#segments.length, bytes, messages, sentAt: 0, sends: 0, state: 'flying' };
    this.#segments.push(segment);
    return segment;
  }

  #put(segment: Segment): void {
    segment.state = 'flying';
    segment.sentAt = this.#time.now();
    segment.sends += 1;
    this.#there.carry(segment.bytes + HEADERS, () => this.#arrived(segment));
    this.#startTimeout();
  }

  #startTimeout(): void {
    this.#timer += 1;
    const mine = this.#timer;
    const base = Number.isNaN(this.#smoothed) ? 1000 : this.#smoothed + Math.max(LEAST_SPREAD_MS, 4 * this.#spread);
    this.#time.after(base * this.#timeoutFactor, () => {
      if (mine === this.#timer && this.#firstOpen < this.#segments.length && !this.closed) this.#timedOut();
    });
  }

  #timedOut(): void {
    for (const one of this.#segments.slice(this.#firstOpen)) if (one.state === 'flying') one.state = 'lost';
    this.#slowStartTo = Math.max(2, 0.7 * this.#window);
    this.#window = 1;
    this.#timeoutFactor = Math.min(16, 2 * this.#timeoutFactor);
    this.#recoveredAt = this.#segments.length;
    this.#fill();
  }

  #arrived(segment: Segment): void {
    if (this.closed) return;
    const gap = segment.index !== this.#next || this.#received.size > 0;
    if (segment.index >= this.#next) this.#received.add(segment.index);
    while (this.#received.delete(this.#next)) {
      const one = this.#segments[this.#next] as Segment;
      this.#next += 1;
      for (const message of one.messages) this.#deliver(message);
    }
    this.#unacked += 1;
    if (gap || this.#unacked >= 2) {
      this.#acknowledge();
      return;
    }
    this.#ackTimer += 1;
    const mine = this.#ackTimer;
    this.#time.after(DELAYED_ACK_MS, () => {
      if (mine === this.#ackTimer && this.#unacked > 0) this.#acknowledge();
    });
  }

  #acknowledge(): void {
    this.#unacked = 0;
    const [next, beyond] = [this.#next, [...this.#received]];
    this.#back.carry(HEADERS + (beyond.length > 0 ? 12 : 0), () => this.#acked(next, beyond));
  }

  #acked(next: number, beyond: readonly number[]): void {
    if (this.closed) return;
    const now = this.#time.now();
    let newest = Number.NEGATIVE_INFINITY;
    let more = 0;
    const take = (one: Segment | undefined): void => {
      if (one === undefined || one.state === 'acked') return;
      one.state = 'acked';
      more += 1;
      newest = Math.max(newest, one.sentAt);
      // A segment that was sent twice tells no time (Karn).
      if (one.sends === 1) this.#learn(now - one.sentAt);
    };
    for (let i = this.#firstOpen; i < next; i += 1) take(this.#segments[i]);
    for (const i of beyond) take(this.#segments[i]);
    while (this.#segments[this.#firstOpen]?.state === 'acked') this.#firstOpen += 1;
    if (more > 0) {
      this.#timeoutFactor = 1;
      this.#grow(more);
      this.#startTimeout();
    }
    this.#findLost(newest, Math.max(-1, ...beyond));
    this.#fill();
  }

  #learn(rtt: number): void {
    if (Number.isNaN(this.#smoothed)) {
      this.#smoothed = rtt;
      this.#spread = rtt / 2;
    } else {
      this.#spread = 0.75 * this.#spread + 0.25 * Math.abs(this.#smoothed - rtt);
      this.#smoothed = 0.875 * this.#smoothed + 0.125 * rtt;
    }
  }

  #grow(acked: number): void {
    if (this.#flying() + acked < Math.floor(this.#window) - 1) return;
    if (this.#window < this.#slowStartTo) this.#window += acked;
    else this.#window += acked / this.#window;
  }

  #findLost(newest: number, highest: number): void {
    const now = this.#time.now();
    const wait = REORDERING * this.#smoothed;
    for (let i = this.#firstOpen; i < highest; i += 1) {
      const one = this.#segments[i] as Segment;
      if (one.state !== 'flying' || one.sentAt >= newest) continue;
      let later = 0;
      for (let k = i + 1; k <= highest; k += 1) if (this.#segments[k]?.state === 'acked') later += 1;
      if ((later >= 3 && one.sends === 1) || now - one.sentAt >= wait) this.#lose(one);
      else this.#time.after(one.sentAt + wait - now + 0.01, () => this.#recheck(one, wait));
    }
  }

  #recheck(one: Segment, wait: number): void {
    if (one.state !== 'flying' || this.#time.now() - one.sentAt < wait || this.closed) return;
    this.#lose(one);
    this.#fill();
  }

  #lose(one: Segment): void {
    one.state = 'lost';
    if (one.index < this.#recoveredAt) return;
    this.#recoveredAt = this.#segments.length;
    this.#window = Math.max(2, 0.7 * this.#window);
    this.#slowStartTo = this.#window;
  }
}

/** Both directions of a link, and a TCP connection over it. */
export class Link {
  readonly down: Wire;
  readonly up: Wire;
  readonly #time: Scheduler;

  constructor(time: Scheduler, options: LinkOptions) {
    this.#time = time;
    this.down = new Wire(time, options, 2 * options.seed + 1);
    this.up = new Wire(time, options, 2 * options.seed + 2);
  }

  /** No packet passes until it is mended. */
  set cut(is: boolean) {
    this.down.cut = this.up.cut = is;
  }

  connect(
    toObserver: (message: Uint8Array) => void,
    toRelay: (message: Uint8Array) => void,
  ): { readonly down: TcpFlow; readonly up: TcpFlow } {
    return {
      down: new TcpFlow(this.#time, this.down, this.up, toObserver),
      up: new TcpFlow(this.#time, this.up, this.down, toRelay),
    };
  }
}
