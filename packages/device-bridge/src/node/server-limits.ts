/** What clients may take of a bridge. */
export interface BridgeLimits {
  /** Connections in all. Default 32. */
  readonly clients: number;
  /** Connections from one address. Default 32 on loopback, where all clients share one, and 8 elsewhere. */
  readonly perAddress: number;
  /** Connections that have not said hello yet. Default 8. */
  readonly waiting: number;
  /** Longest message of a client, bytes. Default 4096. */
  readonly messageBytes: number;
  /** Messages of a client, of the protocol and of WebSocket itself, per second. Default 50; twice as many at once. */
  readonly messagesPerSecond: number;
  /** Bytes from a client per second. Default 65536; four times as many at once. */
  readonly bytesPerSecond: number;
}

/** The limits of a bridge that was not told others. */
export function usualLimits(loopback: boolean): BridgeLimits {
  return {
    clients: 32,
    perAddress: loopback ? 32 : 8,
    waiting: 8,
    messageBytes: 4096,
    messagesPerSecond: 50,
    bytesPerSecond: 65_536,
  };
}

/** So many at once, and so many per second: what is left of an allowance. */
export class Allowance {
  readonly #capacity: number;
  readonly #perMs: number;
  #left: number;
  #at: number;

  constructor(capacity: number, perSecond: number, now: number) {
    this.#capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#left = capacity;
    this.#at = now;
  }

  /** Takes from it; false where there is not enough left. @param now ms */
  take(much: number, now: number): boolean {
    this.#left = Math.min(this.#capacity, this.#left + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < much) return false;
    this.#left -= much;
    return true;
  }
}
