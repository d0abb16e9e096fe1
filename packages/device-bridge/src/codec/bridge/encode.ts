import { NavError, type PoseSample, severity } from '@trocar/core';
import {
  BRIDGE_VERSION,
  EVENT_HEADER,
  HEARTBEAT,
  HELLO_HEADER,
  LARGEST_MESSAGE,
  MAGIC,
  MESSAGE,
  MOST_TOOLS,
  PING,
  PONG,
  POSES_HEADER,
  RECORD,
} from './layout.js';

const encoder = new TextEncoder();
/** Whether this machine keeps numbers as the protocol does. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * The first message of either side.
 * @throws NavError `codec/oversize` where the facts do not fit one message
 */
export function encodeHello(facts: unknown, version: number = BRIDGE_VERSION): Uint8Array {
  const json = jsonBytes(facts, HELLO_HEADER);
  const out = new Uint8Array(HELLO_HEADER + json.length);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.hello;
  out.set(MAGIC, 1);
  view.setUint16(8, version, true);
  view.setUint32(12, json.length, true);
  out.set(json, HELLO_HEADER);
  return out;
}

/** A low-rate fact. @throws NavError `codec/oversize` */
export function encodeEvent(event: unknown): Uint8Array {
  const json = jsonBytes(event, EVENT_HEADER);
  const out = new Uint8Array(EVENT_HEADER + json.length);
  out[0] = MESSAGE.event;
  new DataView(out.buffer).setUint32(4, json.length, true);
  out.set(json, EVENT_HEADER);
  return out;
}

function jsonBytes(value: unknown, header: number): Uint8Array {
  const json = encoder.encode(JSON.stringify(value));
  if (json.length + header > LARGEST_MESSAGE) {
    throw new NavError('codec/oversize', `A message of ${json.length} bytes is over the protocol's ${LARGEST_MESSAGE}.`);
  }
  return json;
}

/** A question for the time. @param t1 the asker's clock, ms */
export function encodePing(id: number, t1: number): Uint8Array {
  const out = new Uint8Array(PING);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.ping;
  view.setUint32(4, id, true);
  view.setFloat64(8, t1, true);
  return out;
}

/** The answer. @param t2 when the ping came, @param t3 when this leaves; the answerer's clock, ms */
export function encodePong(id: number, t1: number, t2: number, t3: number): Uint8Array {
  const out = new Uint8Array(PONG);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.pong;
  view.setUint32(4, id, true);
  view.setFloat64(8, t1, true);
  view.setFloat64(16, t2, true);
  view.setFloat64(24, t3, true);
  return out;
}

/** "Still here", where nothing else was to be said. @param sequence of the last pose message sent */
export function encodeHeartbeat(sequence: number, now: number): Uint8Array {
  const out = new Uint8Array(HEARTBEAT);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.heartbeat;
  view.setUint32(4, sequence, true);
  view.setFloat64(8, now, true);
  return out;
}

/**
 * Pose records, kept per tool: the newest of each. Adding one allocates nothing; taking them out makes one message.
 */
export class PoseBatch {
  readonly #records = new Uint8Array(MOST_TOOLS * RECORD);
  readonly #view = new DataView(this.#records.buffer);
  readonly #doubles = new Float64Array(this.#records.buffer);
  /** Which tools have a record that was not taken yet. */
  readonly #waiting = new Uint8Array(MOST_TOOLS);
  #count = 0;

  /** How many tools wait. */
  get count(): number {
    return this.#count;
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
  addAll(other: PoseBatch): number {
    let replaced = 0;
    for (let tool = 0; tool < MOST_TOOLS; tool += 1) {
      if (other.#waiting[tool] === 0) continue;
      const at = tool * RECORD;
      for (let i = at; i < at + RECORD; i += 1) this.#records[i] = other.#records[i] as number;
      if (this.#mark(tool)) replaced += 1;
    }
    return replaced;
  }

  #mark(tool: number): boolean {
    if (this.#waiting[tool] === 1) return true;
    this.#waiting[tool] = 1;
    this.#count += 1;
    return false;
  }

  /**
   * The message with every waiting record. They wait on until {@link clear}.
   * @param allocate gives the bytes to write to; they need not be zero
   */
  message(sequence: number, allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length)): Uint8Array {
    const out = allocate(POSES_HEADER + this.#count * RECORD);
    out[0] = MESSAGE.poses;
    out[1] = out[3] = 0;
    out[2] = this.#count;
    for (let i = 0; i < 4; i += 1) out[4 + i] = (sequence >>> (8 * i)) & 0xff;
    let at = POSES_HEADER;
    for (let tool = 0; at < out.length; tool += 1) {
      if (this.#waiting[tool] === 0) continue;
      // Tools mostly wait side by side: one copy for all of them.
      let end = tool + 1;
      while (end < MOST_TOOLS && this.#waiting[end] === 1) end += 1;
      out.set(this.#records.subarray(tool * RECORD, end * RECORD), at);
      at += (end - tool) * RECORD;
      tool = end - 1;
    }
    return out;
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#waiting.fill(0);
    this.#count = 0;
  }
}
