import { NavError } from '@trocar/core';
import {
  BRIDGE_VERSION,
  COMMAND_HEADER,
  EVENT_HEADER,
  HEARTBEAT,
  HELLO_HEADER,
  LARGEST_MESSAGE,
  MAGIC,
  MESSAGE,
  PING,
  PING_WITH_BOUND,
  PONG,
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

/**
 * A question for the time.
 * @param t1 the asker's clock, ms
 * @param boundMs how far the asker's idea of the bridge's clock can be off, ms; NaN before it has one. Left out, the
 * ping is the short one, which a bridge of revision 0 understands
 */
export function encodePing(id: number, t1: number, boundMs?: number): Uint8Array {
  const out = new Uint8Array(boundMs === undefined ? PING : PING_WITH_BOUND);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.ping;
  view.setUint32(4, id, true);
  view.setFloat64(8, t1, true);
  if (boundMs !== undefined) view.setFloat64(16, boundMs, true);
  return out;
}

/**
 * A wish of a client that may control the bridge.
 * @param id comes back with the answer
 * @param command its name and arguments, as JSON
 * @throws NavError `codec/oversize`
 */
export function encodeCommand(id: number, command: unknown): Uint8Array {
  const json = jsonBytes(command, COMMAND_HEADER);
  const out = new Uint8Array(COMMAND_HEADER + json.length);
  const view = new DataView(out.buffer);
  out[0] = MESSAGE.command;
  view.setUint32(4, id, true);
  view.setUint32(8, json.length, true);
  out.set(json, COMMAND_HEADER);
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
