import type { ImageEncoding, ImageWish } from '../codec/bridge/index.js';

/** An image that was sent and is not acknowledged yet, or that waits to be. */
interface Held {
  readonly sequence: number;
  readonly message: Uint8Array;
}

/** Bytes on their way to one client, over all sources; a single image may be larger. */
const MOST_BYTES = 64 * 1024 * 1024;

interface Slot {
  /** On their way, oldest first. */
  readonly inFlight: Held[];
  waiting: Held | undefined;
}

/**
 * The images of one client. At most `inFlight` of each source are on their way unacknowledged; of those that come meanwhile only the newest
 * waits, and the others are counted. So a client that stalls costs the bridge `inFlight` + 1 images a source, and when it reads
 * again it soon has the present. Over all sources 64 MiB are on their way at most.
 */
export class ImageOutlet {
  /** By source number. */
  readonly sent: number[] = [];
  readonly dropped: number[] = [];
  /** Bytes that were handed to the connection and are not acknowledged. */
  bytesInFlight = 0;
  readonly #wish: ImageWish;
  readonly #names: ReadonlySet<string>;
  readonly #send: (message: Uint8Array) => void;
  readonly #slots: Slot[] = [];
  #flowing = false;

  constructor(wish: ImageWish, send: (message: Uint8Array) => void) {
    this.#wish = wish;
    this.#names = new Set(wish.sources);
    this.#send = send;
  }

  /** The client can place images in time from now on. */
  begin(): void {
    this.#flowing = true;
  }

  wants(name: string, encoding: ImageEncoding): boolean {
    return this.#flowing && this.#wish.encoding === encoding && this.#names.has(name);
  }

  /** Sends an image, or keeps it until one before it is acknowledged. */
  offer(source: number, sequence: number, message: Uint8Array): void {
    const slot = this.#slot(source);
    const fits = this.bytesInFlight === 0 || this.bytesInFlight + message.length <= MOST_BYTES;
    if (fits && slot.inFlight.length < this.#wish.inFlight) {
      // What waited for room is older than this.
      if (slot.waiting !== undefined) this.dropped[source] = (this.dropped[source] ?? 0) + 1;
      slot.waiting = undefined;
      this.#put(source, slot, { sequence, message });
      return;
    }
    if (slot.waiting !== undefined) this.dropped[source] = (this.dropped[source] ?? 0) + 1;
    slot.waiting = { sequence, message };
  }

  #slot(source: number): Slot {
    let slot = this.#slots[source];
    if (slot === undefined) {
      slot = { inFlight: [], waiting: undefined };
      this.#slots[source] = slot;
    }
    return slot;
  }

  #put(source: number, slot: Slot, held: Held): void {
    slot.inFlight.push(held);
    this.bytesInFlight += held.message.length;
    this.sent[source] = (this.sent[source] ?? 0) + 1;
    this.#send(held.message);
  }

  /**
   * The client has dealt with an image and those before it.
   * @returns false where no such image is on its way: the client makes it up
   */
  acknowledged(source: number, sequence: number): boolean {
    const slot = this.#slots[source];
    const at = slot?.inFlight.findIndex((held) => held.sequence === sequence) ?? -1;
    if (slot === undefined || at < 0) return false;
    for (const held of slot.inFlight.splice(0, at + 1)) this.bytesInFlight -= held.message.length;
    const next = slot.waiting;
    slot.waiting = undefined;
    if (next !== undefined) this.#put(source, slot, next);
    return true;
  }
}
