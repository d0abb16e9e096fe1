import { NavError } from '@trocar/core';
import { type CarriedKind, FRAME, KEPT, LARGEST_FRAME, LARGEST_NOTE, LONGEST_PARTICIPANT, RELAY_VERSION } from './layout.js';

/** A frame in its parts. */
export type RelayFrame =
  /** From the relay, first: its version, and what the other end may do. */
  | { readonly type: 'hello'; readonly version: number; readonly publishes: boolean }
  /** `kept`: the relay had it from before. */
  | { readonly type: 'carried'; readonly kind: CarriedKind; readonly payload: Uint8Array; readonly kept: boolean }
  /** From an observer: how many carried frames have come over this connection. */
  | { readonly type: 'ack'; readonly count: number }
  | { readonly type: 'ping'; readonly id: number }
  /** An answer; from the relay with the round trip between it and the publisher, ms, NaN where it is not known. */
  | { readonly type: 'pong'; readonly id: number; readonly publisherRttMs: number }
  /** From an observer or the relay: a whole state is needed. */
  | { readonly type: 'ask' }
  /** From an observer; to the publisher with the name that the relay knows its sender by. */
  | { readonly type: 'note'; readonly by: string; readonly payload: Uint8Array }
  | { readonly type: 'presence'; readonly publisher: boolean; readonly observers: number };

const KINDS: readonly CarriedKind[] = ['snapshot', 'change', 'motion'];
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A frame as it is sent. @throws NavError `relay/malformed` for what is too long */
export function encodeFrame(frame: RelayFrame): Uint8Array {
  switch (frame.type) {
    case 'hello':
      return Uint8Array.of(FRAME.hello, 0x54, 0x52, 0x4c, frame.version, Number(frame.publishes));
    case 'carried':
      return withType(FRAME.snapshot + KINDS.indexOf(frame.kind) + (frame.kept ? KEPT : 0), frame.payload, LARGEST_FRAME);
    case 'ack':
      return counted(FRAME.ack, frame.count);
    case 'ping':
      return counted(FRAME.ping, frame.id);
    case 'pong':
      return pong(frame.id, frame.publisherRttMs);
    case 'ask':
      return Uint8Array.of(FRAME.ask);
    case 'note':
      return note(frame.by, frame.payload);
    default:
      return Uint8Array.of(FRAME.presence, Number(frame.publisher), frame.observers & 255, (frame.observers >> 8) & 255);
  }
}

function withType(type: number, payload: Uint8Array, most: number): Uint8Array {
  if (payload.length + 1 > most) throw malformed(`${payload.length} bytes where ${most} are the most`);
  const out = new Uint8Array(1 + payload.length);
  out[0] = type;
  out.set(payload, 1);
  return out;
}

function counted(type: number, count: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = type;
  new DataView(out.buffer).setUint32(1, count, true);
  return out;
}

function pong(id: number, publisherRttMs: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = FRAME.pong;
  const view = new DataView(out.buffer);
  view.setUint32(1, id, true);
  view.setFloat32(5, publisherRttMs, true);
  return out;
}

function note(by: string, payload: Uint8Array): Uint8Array {
  const name = encoder.encode(by);
  if (name.length > LONGEST_PARTICIPANT) throw malformed(`a name of ${name.length} bytes`);
  const out = new Uint8Array(2 + name.length + payload.length);
  out.set([FRAME.note, name.length]);
  out.set(name, 2);
  out.set(payload, 2 + name.length);
  if (payload.length > LARGEST_NOTE) throw malformed(`a note of ${payload.length} bytes where ${LARGEST_NOTE} are the most`);
  return out;
}

/**
 * The parts of a frame. The payload is a view of `bytes`.
 * @throws NavError `relay/malformed`
 */
export function decodeFrame(bytes: Uint8Array): RelayFrame {
  if (bytes.length === 0 || bytes.length > LARGEST_FRAME) throw malformed(`a frame of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint8(0);
  const exactly = (length: number): void => {
    if (bytes.length !== length) throw malformed(`a frame of type ${type} with ${bytes.length} bytes where ${length} are due`);
  };
  const kind = KINDS[(type & ~KEPT) - FRAME.snapshot];
  if (kind !== undefined) return { type: 'carried', kind, payload: bytes.subarray(1), kept: type >= KEPT };
  switch (type) {
    case FRAME.hello:
      exactly(6);
      if (bytes[1] !== 0x54 || bytes[2] !== 0x52 || bytes[3] !== 0x4c)
        throw malformed('a hello of something else: check the address');
      return { type: 'hello', version: view.getUint8(4), publishes: view.getUint8(5) === 1 };
    case FRAME.ack:
      exactly(5);
      return { type: 'ack', count: view.getUint32(1, true) };
    case FRAME.ping:
      exactly(5);
      return { type: 'ping', id: view.getUint32(1, true) };
    case FRAME.pong:
      exactly(9);
      return { type: 'pong', id: view.getUint32(1, true), publisherRttMs: view.getFloat32(5, true) };
    case FRAME.ask:
      exactly(1);
      return { type: 'ask' };
    case FRAME.note:
      return decodeNote(bytes);
    case FRAME.presence:
      exactly(4);
      return { type: 'presence', publisher: view.getUint8(1) === 1, observers: view.getUint16(2, true) };
    default:
      throw malformed(`a frame of type ${type}`);
  }
}

function decodeNote(bytes: Uint8Array): RelayFrame {
  const length = bytes[1] ?? 0;
  if (bytes.length < 2 + length || length > LONGEST_PARTICIPANT) throw malformed('a note that is cut short');
  const payload = bytes.subarray(2 + length);
  if (payload.length > LARGEST_NOTE) throw malformed(`a note of ${payload.length} bytes where ${LARGEST_NOTE} are the most`);
  try {
    return { type: 'note', by: decoder.decode(bytes.subarray(2, 2 + length)), payload };
  } catch (cause) {
    throw new NavError('relay/malformed', 'A note names its sender in no UTF-8.', { cause });
  }
}

/** @throws NavError `relay/malformed` where a relay speaks another version */
export function requireRelayVersion(version: number): void {
  if (version === RELAY_VERSION) return;
  throw new NavError(
    'relay/malformed',
    `The relay speaks version ${version}, this program ${RELAY_VERSION}. Update the older of the two.`,
    {
      detail: { theirs: version, ours: RELAY_VERSION },
    },
  );
}

function malformed(what: string): NavError {
  return new NavError('relay/malformed', `The connection to a relay carries ${what}.`);
}
