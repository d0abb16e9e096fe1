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
    const v = sample.values;
    for (let k = 0; k < 10; k += 1) view.setFloat64(at + 8 + 8 * k, v[k] as number, true);
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

  /** The message with every waiting record. They wait on until {@link clear}. */
  message(sequence: number): Uint8Array {
    const out = new Uint8Array(POSES_HEADER + this.#count * RECORD);
    const view = new DataView(out.buffer);
    out[0] = MESSAGE.poses;
    view.setUint16(2, this.#count, true);
    view.setUint32(4, sequence >>> 0, true);
    let at = POSES_HEADER;
    for (let tool = 0; at < out.length; tool += 1) {
      if (this.#waiting[tool] === 0) continue;
      out.set(this.#records.subarray(tool * RECORD, (tool + 1) * RECORD), at);
      at += RECORD;
    }
    return out;
  }

  /** Nothing waits any more. */
  clear(): void {
    this.#waiting.fill(0);
    this.#count = 0;
  }
}
