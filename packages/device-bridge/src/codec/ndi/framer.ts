import { NavError } from '@trocar/core';
import { crc16 } from './crc16.js';
import { hexAt } from './digits.js';

/** What can be wrong with bytes from the device. */
export type NdiFault = 'codec/bad-crc' | 'codec/malformed' | 'codec/oversize';

/** One complete reply: a window into the framer's own buffer, valid only until the handler returns. */
export class NdiReply {
  /** `text` has passed its CRC16, `binary` both of its own; `long` has none. */
  kind: 'text' | 'binary' | 'long' = 'text';
  bytes: Uint8Array = new Uint8Array(0);
  /** The body without framing and CRC: `bytes[start … end)`. */
  start = 0;
  end = 0;
  /** The same bytes for multi-byte reads. */
  view: DataView = new DataView(new ArrayBuffer(0));

  /** Whether it came wrapped as the reply of a stream (B5D4), which names it. */
  streamed = false;
  readonly streamId: Uint8Array = new Uint8Array(LONGEST_STREAM_ID);
  streamIdLength = 0;

  /** The name of the stream. Allocates: not for the hot path. */
  streamName(): string {
    return latin1.decode(this.streamId.subarray(0, this.streamIdLength));
  }

  /** The body as text. Allocates: not for the hot path. */
  text(): string {
    return latin1.decode(this.bytes.subarray(this.start, this.end));
  }
}

/** Who gets replies and faults. Both are called from inside {@link NdiReplyFramer.feed}. */
export interface NdiReplyHandler {
  /** @param reply reused: copy what is to be kept */
  reply(reply: NdiReply): void;
  /** @param lost how many bytes in a row were given up, at most up to the end of a chunk */
  fault(code: NdiFault, lost: number): void;
}

/** A stream's name is one that this program chose; a longer one is noise. */
const LONGEST_STREAM_ID = 64;
const latin1 = new TextDecoder('latin1');
const CR = 0x0d;
/** First bytes of what is no text: short binary (A5C4), long binary (A5C8), stream (B5D4), all little-endian. */
const SHORT_LOW = 0xc4;
const LONG_LOW = 0xc8;
const STREAM_LOW = 0xd4;
const MAGIC_HIGH = 0xa5;
const STREAM_HIGH = 0xb5;
/** Start, length and header CRC of a short binary reply. */
const HEADER = 6;
/** The longest short binary reply: 6 + 65535 + 2 bytes. */
const LARGEST = 65_543;

/**
 * Cuts a byte stream from an NDI device into replies: text up to CR with a CRC16, and short binary replies
 * (A5C4, length, header CRC, body, body CRC; little-endian).
 *
 * However the bytes are chunked, the replies are the same. After garbage it starts again at the next CR or magic;
 * it never keeps more than `maxBytes`, and never waits for a length that a checksum has not confirmed. That is why
 * long binary replies (A5C8, a length and no CRC at all) count as malformed unless `longReplies` asks for them; even
 * then their length must fit `maxBytes`. The header of a stream reply (B5D4, name, CRC) marks the reply behind it.
 */
export class NdiReplyFramer {
  readonly maxBytes: number;
  readonly #handler: NdiReplyHandler;
  readonly #longReplies: boolean;
  readonly #reply = new NdiReply();
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #start = 0;
  #end = 0;
  /** How far text has been looked at for a CR. */
  #scanned = 0;
  /** Bytes given up since the last reply, and why the first of them was: told as one fault. */
  #lost = 0;
  #lostFor: NdiFault = 'codec/malformed';

  /** @throws NavError `codec/malformed` where `maxBytes` could not hold the smallest reply */
  constructor(handler: NdiReplyHandler, maxBytes: number = LARGEST, longReplies = false) {
    if (!(Number.isInteger(maxBytes) && maxBytes >= 64)) {
      throw new NavError('codec/malformed', `An NDI framer needs room for at least 64 bytes, got ${maxBytes}.`);
    }
    this.#handler = handler;
    this.#longReplies = longReplies;
    this.maxBytes = maxBytes;
    this.#bytes = new Uint8Array(Math.min(4096, maxBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** How many bytes wait for the rest of their reply. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** Forgets what is buffered: after a reset, or before a new connection. */
  reset(): void {
    this.#reply.streamed = false;
    this.#empty();
  }

  #empty(): void {
    this.#start = 0;
    this.#end = 0;
    this.#scanned = 0;
  }

  /** Takes the next bytes, in chunks of any size, and calls the handler for each reply that is complete. */
  feed(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.length) {
      const room = this.#makeRoom(chunk.length - taken);
      const n = Math.min(room, chunk.length - taken);
      for (let i = 0; i < n; i += 1) this.#bytes[this.#end + i] = chunk[taken + i] as number;
      this.#end += n;
      taken += n;
      this.#drain();
    }
    this.#tellLost();
  }

  /** Free bytes behind the buffered ones: compacts, grows, and at the cap gives up what is buffered. */
  #makeRoom(wanted: number): number {
    if (this.#bytes.length - this.#end >= wanted) return wanted;
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#scanned -= this.#start;
      this.#start = 0;
    }
    if (this.#bytes.length - this.#end < wanted && this.#bytes.length < this.maxBytes) this.#grow(this.#end + wanted);
    if (this.#end === this.#bytes.length) {
      this.#giveUp('codec/oversize', this.#end);
      this.#empty();
    }
    return this.#bytes.length - this.#end;
  }

  #grow(wanted: number): void {
    let size = this.#bytes.length;
    while (size < wanted) size *= 2;
    const larger = new Uint8Array(Math.min(size, this.maxBytes));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #drain(): void {
    while (this.#start < this.#end) {
      if (!this.#take(this.#bytes[this.#start] as number)) return;
    }
    this.#empty();
  }

  /** Takes a reply or gives bytes up (true), or waits for more (false). */
  #take(first: number): boolean {
    if (first === SHORT_LOW) return this.#takeBinary();
    if (first === STREAM_LOW) return this.#takeStreamHeader();
    return first === LONG_LOW ? this.#takeLong() : this.#takeText();
  }

  /** The name of a stream: what follows is the reply that it marks. */
  #takeStreamHeader(): boolean {
    const at = this.#start;
    const held = this.#end - at;
    if (held >= 2 && this.#bytes[at + 1] !== STREAM_HIGH) return this.#giveUp('codec/malformed', 1);
    if (held < 4) return false;
    const length = this.#view.getUint16(at + 2, true);
    if (length > LONGEST_STREAM_ID) return this.#giveUp('codec/malformed', 1);
    if (held < HEADER + length) return false;
    const crcAt = at + 4 + length;
    if (crc16(this.#bytes, at, crcAt) !== this.#view.getUint16(crcAt, true)) return this.#giveUp('codec/bad-crc', 1);
    const reply = this.#reply;
    for (let i = 0; i < length; i += 1) reply.streamId[i] = this.#bytes[at + 4 + i] as number;
    reply.streamIdLength = length;
    reply.streamed = true;
    this.#start = crcAt + 2;
    this.#scanned = this.#start;
    return true;
  }

  #takeLong(): boolean {
    const at = this.#start;
    const held = this.#end - at;
    if (!this.#longReplies || (held >= 2 && this.#bytes[at + 1] !== MAGIC_HIGH)) return this.#giveUp('codec/malformed', 1);
    if (held < HEADER) return false;
    const length = this.#view.getUint32(at + 2, true);
    if (HEADER + length > this.maxBytes) return this.#giveUp('codec/oversize', 2);
    if (held < HEADER + length) return false;
    this.#emit('long', at + HEADER, at + HEADER + length, at + HEADER + length);
    return true;
  }

  #takeBinary(): boolean {
    const at = this.#start;
    const held = this.#end - at;
    if (held >= 2 && this.#bytes[at + 1] !== MAGIC_HIGH) return this.#giveUp('codec/malformed', 1);
    if (held < HEADER) return false;
    if (crc16(this.#bytes, at, at + 4) !== this.#view.getUint16(at + 4, true)) return this.#giveUp('codec/bad-crc', 1);
    const length = this.#view.getUint16(at + 2, true);
    const total = HEADER + length + 2;
    if (total > this.maxBytes) return this.#giveUp('codec/oversize', 2);
    if (held < total) return false;
    const body = at + HEADER;
    if (crc16(this.#bytes, body, body + length) !== this.#view.getUint16(body + length, true)) {
      // Only the magic is given up: a reply that was cut short must not swallow those behind it.
      return this.#giveUp('codec/bad-crc', 2);
    }
    this.#emit('binary', body, body + length, at + total);
    return true;
  }

  #takeText(): boolean {
    const bytes = this.#bytes;
    const at = this.#start;
    for (let i = Math.max(this.#scanned, at); i < this.#end; i += 1) {
      const byte = bytes[i] as number;
      if (byte === CR) return this.#closeText(i);
      // Text is printable ASCII and LF. Anything else is line noise, or the magic of a binary reply behind it.
      if (byte !== 0x0a && (byte < 0x20 || byte > 0x7e)) {
        const magic = byte === SHORT_LOW || byte === LONG_LOW || byte === STREAM_LOW;
        return this.#giveUp('codec/malformed', magic && i > at ? i - at : i - at + 1);
      }
    }
    this.#scanned = this.#end;
    if (this.#end - at >= this.maxBytes) return this.#giveUp('codec/oversize', this.#end - at);
    return false;
  }

  #closeText(cr: number): boolean {
    const at = this.#start;
    const end = cr - 4;
    if (end < at || crc16(this.#bytes, at, end) !== hexAt(this.#bytes, end, 4, cr))
      return this.#giveUp('codec/bad-crc', cr + 1 - at);
    this.#emit('text', at, end, cr + 1);
    return true;
  }

  #emit(kind: NdiReply['kind'], start: number, end: number, next: number): void {
    const reply = this.#reply;
    reply.kind = kind;
    reply.bytes = this.#bytes;
    reply.view = this.#view;
    reply.start = start;
    reply.end = end;
    // Moved on first, so that a handler that throws does not meet the same reply again.
    this.#start = next;
    this.#scanned = next;
    this.#tellLost();
    try {
      this.#handler.reply(reply);
    } finally {
      reply.streamed = false;
    }
  }

  #giveUp(code: NdiFault, n: number): true {
    this.#start += n;
    this.#scanned = this.#start;
    // What the header of a stream announced is not what comes next.
    this.#reply.streamed = false;
    if (this.#lost === 0) this.#lostFor = code;
    this.#lost += n;
    return true;
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#handler.fault(this.#lostFor, lost);
  }
}
