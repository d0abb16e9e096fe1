import { NavError } from '@trocar/core';
import { Random } from '@trocar/core/math';
import type { DatagramHandler, DatagramTransport, Transport, TransportHandler } from '../transport.js';

/** What a wire does to what comes from the device. */
export interface Disturbances {
  /** Streams: at most so many bytes at once. */
  chunkBytes: number;
  /** Before every delivery, with one chance in three: these bytes. */
  garbage: ((random: Random) => Uint8Array) | undefined;
  /** Every so manyth delivery does not arrive; 0 loses none. */
  loseEvery: number;
  /** Datagrams: every one arrives twice. */
  repeat: boolean;
  /** Datagrams: they arrive in the order 2 1 4 3 … */
  reorder: boolean;
  /** Nothing arrives, in either direction, and nobody is told. */
  mute: boolean;
}

const NONE: Disturbances = {
  chunkBytes: Number.POSITIVE_INFINITY,
  garbage: undefined,
  loseEvery: 0,
  repeat: false,
  reorder: false,
  mute: false,
};

/**
 * A wire between a driver and its device that can be disturbed: put it around whatever the driver opens. What the driver
 * throws into the transport is caught and kept: it must not throw.
 */
export class TestWire {
  readonly now: Disturbances = { ...NONE };
  /** What the driver threw when something arrived. */
  readonly thrown: unknown[] = [];
  readonly #random: Random;
  readonly #cutters = new Set<(reason: NavError) => void>();
  #isCut = false;
  #deliveries = 0;
  #held: (() => void) | undefined;

  constructor(seed = 1) {
    this.#random = new Random(seed);
  }

  /** Cuts every connection, as a pulled plug does: it cannot be opened again before {@link mend}. */
  cut(): void {
    this.#isCut = true;
    const reason = new NavError('device/disconnected', 'The test cut the wire.');
    for (const cutter of [...this.#cutters]) this.#guard(() => cutter(reason));
    this.#cutters.clear();
  }

  /** Ends {@link cut} and every disturbance. */
  mend(): void {
    this.#isCut = false;
    this.#held = undefined;
    Object.assign(this.now, NONE);
  }

  /** The wire around a stream. */
  stream(inner: Transport): Transport {
    let cutter: ((reason: NavError) => void) | undefined;
    const wrap = (handler: TransportHandler): TransportHandler => ({
      data: (bytes) => this.#deliver(bytes, (part) => this.#inChunks(part, handler)),
      closed: (reason) => this.#guard(() => handler.closed(reason)),
    });
    return {
      label: inner.label,
      ...(inner.line && { line: inner.line }),
      open: async (handler) => {
        this.#refuseIfCut();
        cutter = (reason) => handler.closed(reason);
        this.#cutters.add(cutter);
        await inner.open(wrap(handler));
      },
      write: (bytes) => {
        if (!this.now.mute && !this.#isCut) inner.write(bytes);
      },
      close: async () => {
        if (cutter !== undefined) this.#cutters.delete(cutter);
        await inner.close();
      },
    };
  }

  /** The wire around datagrams. */
  datagrams(inner: DatagramTransport): DatagramTransport {
    let cutter: ((reason: NavError) => void) | undefined;
    const wrap = (handler: DatagramHandler): DatagramHandler => ({
      datagram: (bytes, from) => this.#deliver(bytes, (part) => this.#inDisorder(() => handler.datagram(part, from))),
      closed: (reason) => this.#guard(() => handler.closed(reason)),
    });
    return {
      label: inner.label,
      open: async (handler) => {
        this.#refuseIfCut();
        cutter = (reason) => handler.closed(reason);
        this.#cutters.add(cutter);
        await inner.open(wrap(handler));
      },
      send: (bytes) => {
        if (!this.now.mute && !this.#isCut) inner.send(bytes);
      },
      close: async () => {
        if (cutter !== undefined) this.#cutters.delete(cutter);
        await inner.close();
      },
    };
  }

  /**
   * The wire around anything else that comes in whole messages, a socket's say.
   * @param deliver hands on one message, and may be called later
   */
  message(deliver: () => void): void {
    if (this.now.mute || this.#isCut) return;
    this.#deliveries += 1;
    if (this.#isLost()) return;
    this.#inDisorder(deliver);
  }

  /** Lets a connection be cut that {@link stream} and {@link datagrams} do not know of. */
  onCut(cutter: (reason: NavError) => void): void {
    this.#cutters.add(cutter);
  }

  /** Whether it can be connected now. */
  get isCut(): boolean {
    return this.#isCut;
  }

  #refuseIfCut(): void {
    if (this.#isCut) throw new NavError('device/connect-failed', 'The test has cut the wire.');
  }

  #deliver(bytes: Uint8Array, hand: (part: Uint8Array) => void): void {
    const { garbage, mute } = this.now;
    if (mute || this.#isCut) return;
    this.#deliveries += 1;
    if (garbage !== undefined && this.#random.below(3) === 0) hand(garbage(this.#random));
    if (this.#isLost()) return;
    hand(bytes.slice());
  }

  #isLost(): boolean {
    const { loseEvery } = this.now;
    return loseEvery > 0 && this.#deliveries % loseEvery === 0;
  }

  #inChunks(bytes: Uint8Array, handler: TransportHandler): void {
    for (let at = 0; at < bytes.length; at += this.now.chunkBytes) {
      const part = bytes.subarray(at, Math.min(bytes.length, at + this.now.chunkBytes));
      this.#guard(() => handler.data(part));
    }
  }

  #inDisorder(hand: () => void): void {
    if (this.now.reorder && this.#held === undefined) {
      this.#held = hand;
      return;
    }
    const held = this.#held;
    this.#held = undefined;
    this.#guard(hand);
    if (this.now.repeat) this.#guard(hand);
    if (held !== undefined) this.#guard(held);
  }

  #guard(hand: () => void): void {
    try {
      hand();
    } catch (error) {
      this.thrown.push(error);
    }
  }
}
