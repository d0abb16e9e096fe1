import { crc32Update } from './crc32.js';
import { MESSAGE_HEADER, OP, RECORD_HEADER } from './format.js';

/** A chunk record's content before its messages: two times, size, CRC, compression "" and size again. */
const CHUNK_HEADER = RECORD_HEADER + 8 + 8 + 8 + 4 + 4 + 8;
/** Most messages of one chunk: with small messages it is cut by this before it is cut by size. */
const MOST_MESSAGES = 8192;
/** An entry of a message index: time and offset. */
const INDEX_ENTRY = 16;
const TWO_32 = 4_294_967_296;

/** Where a finished chunk's parts are, for the index at the end of the file. Offsets count from the chunk's first byte. */
export interface ChunkFacts {
  /** Nanoseconds after the recording's base. */
  readonly firstNs: number;
  readonly lastNs: number;
  readonly chunkLength: number;
  readonly recordsLength: number;
  readonly indexLength: number;
  /** Channel and offset of its message index. */
  readonly indexes: ReadonlyArray<readonly [channel: number, offset: number]>;
}

/**
 * One MCAP chunk in the making. Messages are written straight into its bytes with their times and CRC as they come, so
 * that one costs no object, and finishing the chunk costs next to nothing: `@mcap/core`'s builder makes an object,
 * three big integers and a copy for every message.
 */
export class ChunkBuffer {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  /** The time of the next message, ns after the recording's base: a whole number in a cell. */
  readonly timeNs: Float64Array = new Float64Array(1);
  readonly #times = new Float64Array(MOST_MESSAGES);
  readonly #offsets = new Uint32Array(MOST_MESSAGES);
  readonly #channels = new Uint16Array(MOST_MESSAGES);
  readonly #crc = new Uint32Array(1);
  readonly #baseLow: number;
  readonly #baseHigh: number;
  #messageStart = CHUNK_HEADER;
  #end = CHUNK_HEADER;
  /** Messages in it, and the poses in those. */
  count = 0;
  poses = 0;

  /** @param baseNs what the recording's base is in log time: ns since 1970 */
  constructor(capacity: number, baseNs: bigint) {
    this.bytes = new Uint8Array(capacity + CHUNK_HEADER);
    this.view = new DataView(this.bytes.buffer);
    this.#baseLow = Number(baseNs & 0xffffffffn);
    this.#baseHigh = Number(baseNs >> 32n);
    this.clear();
  }

  /** Bytes of messages in it. */
  get length(): number {
    return this.#end - CHUNK_HEADER;
  }

  /** How many messages each channel has in it. */
  messages(): Map<number, number> {
    const counts = new Map<number, number>();
    for (let i = 0; i < this.count; i += 1) {
      const channel = this.#channels[i] as number;
      counts.set(channel, (counts.get(channel) ?? 0) + 1);
    }
    return counts;
  }

  /** Bytes of memory that it holds. */
  get held(): number {
    return this.bytes.length;
  }

  /** Whether another message of this many bytes of data must go into the next chunk. */
  isFull(dataLength: number, chunkBytes: number): boolean {
    if (this.count === 0) return false;
    return this.count === MOST_MESSAGES || this.length + RECORD_HEADER + MESSAGE_HEADER + dataLength > chunkBytes;
  }

  /** Forgets everything. */
  clear(): void {
    this.count = 0;
    this.poses = 0;
    this.#end = CHUNK_HEADER;
    this.#crc[0] = 0xffffffff;
  }

  /**
   * Begins a message at {@link timeNs}; its data go to {@link bytes} at the returned place, and then {@link commit} is
   * called.
   */
  begin(channel: number, sequence: number, dataLength: number): number {
    const at = this.#end;
    const length = RECORD_HEADER + MESSAGE_HEADER + dataLength;
    if (at + length > this.bytes.length) this.#grow(at + length);
    const { view } = this;
    view.setUint8(at, OP.message);
    view.setUint32(at + 1, MESSAGE_HEADER + dataLength, true);
    view.setUint32(at + 5, 0, true);
    view.setUint16(at + 9, channel, true);
    view.setUint32(at + 11, sequence, true);
    this.#writeTime(at + 15, this.timeNs, 0);
    this.#writeTime(at + 23, this.timeNs, 0);
    this.#messageStart = at;
    this.#end = at + length;
    const i = this.count;
    this.#times[i] = this.timeNs[0] as number;
    this.#offsets[i] = at - CHUNK_HEADER;
    this.#channels[i] = channel;
    return at + RECORD_HEADER + MESSAGE_HEADER;
  }

  /** Ends the message that was begun. */
  commit(): void {
    crc32Update(this.#crc, this.bytes, this.#messageStart, this.#end);
    this.count += 1;
  }

  /** A log time: base and cell added as two halves, without a big integer. */
  #writeTime(at: number, cells: Float64Array, i: number): void {
    const ns = cells[i] as number;
    const high = Math.floor(ns / TWO_32);
    const low = ns - high * TWO_32 + this.#baseLow;
    const carry = low >= TWO_32 ? 1 : 0;
    this.view.setUint32(at, low - carry * TWO_32, true);
    this.view.setUint32(at + 4, this.#baseHigh + high + carry, true);
  }

  #grow(wanted: number): void {
    const larger = new Uint8Array(wanted);
    larger.set(this.bytes.subarray(0, this.#end));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  /**
   * Completes the chunk record and writes its message indexes behind it.
   * @returns the finished bytes, a window into this buffer, and where their parts are
   */
  finish(): { readonly bytes: Uint8Array; readonly facts: ChunkFacts } {
    const chunkEnd = this.#end;
    const channels = [...this.messages().keys()];
    const end = chunkEnd + channels.length * (RECORD_HEADER + 6) + this.count * INDEX_ENTRY;
    if (end > this.bytes.length) this.#grow(end);
    let firstNs = Number.POSITIVE_INFINITY;
    let lastNs = 0;
    for (let i = 0; i < this.count; i += 1) {
      const ns = this.#times[i] as number;
      if (ns < firstNs) firstNs = ns;
      if (ns > lastNs) lastNs = ns;
    }
    this.#writeHeader(Float64Array.of(firstNs, lastNs));
    let at = chunkEnd;
    const indexes: Array<readonly [number, number]> = [];
    for (const channel of channels) {
      indexes.push([channel, at]);
      at = this.#writeIndex(at, channel);
    }
    const facts = {
      firstNs,
      lastNs,
      chunkLength: chunkEnd,
      recordsLength: this.length,
      indexLength: end - chunkEnd,
      indexes,
    };
    return { bytes: this.bytes.subarray(0, end), facts };
  }

  #writeHeader(times: Float64Array): void {
    const { view } = this;
    const length = this.length;
    view.setUint8(0, OP.chunk);
    view.setUint32(1, CHUNK_HEADER - RECORD_HEADER + length, true);
    view.setUint32(5, 0, true);
    this.#writeTime(9, times, 0);
    this.#writeTime(17, times, 1);
    view.setUint32(25, length, true);
    view.setUint32(29, 0, true);
    view.setUint32(33, ~(this.#crc[0] as number) >>> 0, true);
    view.setUint32(37, 0, true);
    view.setUint32(41, length, true);
    view.setUint32(45, 0, true);
  }

  #writeIndex(from: number, channel: number): number {
    const { view } = this;
    let at = from + RECORD_HEADER + 6;
    for (let i = 0; i < this.count; i += 1) {
      if (this.#channels[i] !== channel) continue;
      this.#writeTime(at, this.#times, i);
      view.setUint32(at + 8, this.#offsets[i] as number, true);
      view.setUint32(at + 12, 0, true);
      at += INDEX_ENTRY;
    }
    const entries = at - from - RECORD_HEADER - 6;
    view.setUint8(from, OP.messageIndex);
    view.setUint32(from + 1, 6 + entries, true);
    view.setUint32(from + 5, 0, true);
    view.setUint16(from + 9, channel, true);
    view.setUint32(from + 11, entries, true);
    return at;
  }
}
