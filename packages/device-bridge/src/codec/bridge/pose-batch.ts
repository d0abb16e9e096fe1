import { type PoseSample, severity } from '@trocar/core';
import { MESSAGE, MOST_TOOLS, POSES_HEADER, RECORD } from './layout.js';

/** Whether this machine keeps numbers as the protocol does. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Words of 32 bits in a record: copied as words, because a double that is read and written may lose bits of a NaN. */
const WORDS = RECORD / 4;

/**
 * Pose records, kept per tool: the newest of each. Adding one allocates nothing; taking them out makes one message.
 *
 * A set of tools is a `Uint8Array` of 255, 1 where the tool of that number belongs to it.
 */
export class PoseBatch {
  readonly #records = new Uint8Array(MOST_TOOLS * RECORD);
  readonly #view = new DataView(this.#records.buffer);
  readonly #doubles = new Float64Array(this.#records.buffer);
  readonly #words = new Uint32Array(this.#records.buffer);
  /** Which tools have a record that was not taken yet. */
  readonly #waiting = new Uint8Array(MOST_TOOLS);
  #count = 0;
  /** One more than the highest tool that waits. */
  #end = 0;

  /** How many tools wait. */
  get count(): number {
    return this.#count;
  }

  /** The code of the status last put in for a tool. */
  statusOf(tool: number): number {
    return this.#records[tool * RECORD + 1] as number;
  }

  /** How many tools of a set wait. */
  countOf(tools: Uint8Array): number {
    let count = 0;
    for (let tool = 0; tool < this.#end; tool += 1) count += (this.#waiting[tool] as number) & (tools[tool] as number);
    return count;
  }

  /**
   * Puts in a tool's pose, and returns whether an older one of the same tool was pushed out by it.
   * @param tool 0 … 254; others are ignored
   */
  add(tool: number, sample: PoseSample, frameNumber: number): boolean {
    if (!(tool >= 0 && tool < MOST_TOOLS)) return false;
    const view = this.#view;
    const at = tool * RECORD;
    view.setUint8(at, tool);
    view.setUint8(at + 1, severity(sample.status));
    view.setUint16(at + 2, 0, true);
    view.setUint32(at + 4, frameNumber, true);
    if (LITTLE_ENDIAN) {
      // One copy of the ten doubles, which lie in the sample as they do in the record.
      this.#doubles.set(sample.values, at / 8 + 1);
    } else {
      for (let k = 0; k < 10; k += 1) view.setFloat64(at + 8 + 8 * k, sample.values[k] as number, true);
    }
    return this.#mark(tool);
  }

  /** Copies every waiting record of another batch in, and returns how many older ones were pushed out. */
  addAll(other: PoseBatch, tools?: Uint8Array): number {
    let replaced = 0;
    for (let tool = 0; tool < other.#end; tool += 1) {
      if (other.#waiting[tool] === 0 || (tools !== undefined && tools[tool] === 0)) continue;
      const from = tool * WORDS;
      for (let i = from; i < from + WORDS; i += 1) this.#words[i] = other.#words[i] as number;
      if (this.#mark(tool)) replaced += 1;
    }
    return replaced;
  }

  #mark(tool: number): boolean {
    if (this.#waiting[tool] === 1) return true;
    this.#waiting[tool] = 1;
    this.#count += 1;
    if (tool >= this.#end) this.#end = tool + 1;
    return false;
  }

  /** Adds `much` to the entry of every tool that waits, and, where a set is given, belongs to it. */
  tally(into: Float64Array, much: number, tools?: Uint8Array): void {
    for (let tool = 0; tool < this.#end; tool += 1) {
      if (this.#waiting[tool] === 1 && (tools === undefined || tools[tool] === 1)) into[tool] = (into[tool] as number) + much;
    }
  }

  /** Sets the entry of every tool that waits: what the batch is remembered by. */
  stamp(into: Float64Array, value: Float64Array): void {
    for (let tool = 0; tool < this.#end; tool += 1) if (this.#waiting[tool] === 1) into[tool] = value[0] as number;
  }

  /**
   * The message with every waiting record. They wait on until {@link clear}.
   * @param allocate gives the bytes to write to; they need not be zero
   * @param lead bytes to leave free before the message, for an outer header
   * @param tools only those of this set
   */
  message(
    sequence: number,
    allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
    lead = 0,
    tools?: Uint8Array,
  ): Uint8Array {
    const count = tools === undefined ? this.#count : this.countOf(tools);
    const out = allocate(lead + POSES_HEADER + count * RECORD);
    out[lead] = MESSAGE.poses;
    out[lead + 1] = out[lead + 3] = 0;
    out[lead + 2] = count;
    for (let i = 0; i < 4; i += 1) out[lead + 4 + i] = (sequence >>> (8 * i)) & 0xff;
    let at = lead + POSES_HEADER;
    for (let tool = 0; at < out.length; tool += 1) {
      if (!this.#wanted(tool, tools)) continue;
      // Tools mostly wait side by side: one copy for all of them.
      let end = tool + 1;
      while (end < this.#end && this.#wanted(end, tools)) end += 1;
      out.set(this.#records.subarray(tool * RECORD, end * RECORD), at);
      at += (end - tool) * RECORD;
      tool = end - 1;
    }
    return out;
  }

  #wanted(tool: number, tools: Uint8Array | undefined): boolean {
    return this.#waiting[tool] === 1 && (tools === undefined || tools[tool] === 1);
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#waiting.fill(0, 0, this.#end);
    this.#count = 0;
    this.#end = 0;
  }
}
