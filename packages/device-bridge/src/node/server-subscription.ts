import { MOST_TOOLS, type PoseBatch } from '../codec/bridge/index.js';
import type { ToolInfo } from '../driver.js';

/** Bytes of a WebSocket frame's header in front of any pose message: 8 + 88 n needs the longer length beyond one tool. */
const HEADER = 4;

/**
 * What all clients share that want the same tools: a batch is framed once, header of WebSocket included, and the same
 * bytes go to each of them (RFC 6455, section 5.2: a whole binary message, not masked).
 */
export class Subscription {
  /** Names wanted; undefined for every tool. */
  readonly names: ReadonlySet<string> | undefined;
  /** The set of their numbers; undefined for every tool. */
  tools: Uint8Array | undefined;
  /** How many clients share it, and what it is kept by. */
  clients = 0;
  key = '';
  /** How many clients the frame of this batch was sent to. */
  sent = 0;
  /** Poses sent per tool, over all clients; shared with the bridge. */
  readonly #out: Float64Array;
  #frame: Uint8Array | undefined;
  #framed = false;

  constructor(names: readonly string[] | undefined, out: Float64Array) {
    this.names = names && new Set(names);
    this.#out = out;
  }

  /** Takes the tools there are: some that are wanted may have come. */
  resolve(tools: readonly ToolInfo[]): void {
    if (this.names === undefined) return;
    const set = new Uint8Array(MOST_TOOLS);
    for (const [number, { name }] of tools.entries()) if (this.names.has(name)) set[number] = 1;
    this.tools = set;
  }

  /** The batch as it goes over the wire, made at the first call for it; undefined where none of its tools is wanted. */
  frame(batch: PoseBatch, sequence: number): Uint8Array | undefined {
    if (this.#framed) return this.#frame;
    this.#framed = true;
    const count = this.tools === undefined ? batch.count : batch.countOf(this.tools);
    this.#frame = count === 0 ? undefined : this.frameOf(batch, sequence, this.tools);
    return this.#frame;
  }

  /** A batch as it goes over the wire. */
  frameOf(batch: PoseBatch, sequence: number, tools?: Uint8Array): Uint8Array {
    const frame = batch.message(sequence, Buffer.allocUnsafe, HEADER, tools);
    const length = frame.length - HEADER;
    frame[0] = 0x82;
    // One tool is 96 bytes, which has the short form: its two bytes stand in front of the message, the other two are left out.
    if (length < 126) {
      frame[HEADER - 2] = 0x82;
      frame[HEADER - 1] = length;
      return frame.subarray(HEADER - 2);
    }
    frame[1] = 126;
    frame[2] = length >>> 8;
    frame[3] = length & 0xff;
    return frame;
  }

  /** Counts what was sent of a batch beside {@link frame}. */
  tally(batch: PoseBatch, much: number): void {
    batch.tally(this.#out, much, this.tools);
  }

  /** The batch is over: counts what was sent of it, and forgets it. */
  finish(batch: PoseBatch): void {
    if (this.sent > 0) this.tally(batch, this.sent);
    this.sent = 0;
    this.#frame = undefined;
    this.#framed = false;
  }
}
