import { NavError, PoseSample, STATUSES, type Status } from '@trocar/core';
import {
  type BridgeCommand,
  type BridgeEvent,
  type BridgeHello,
  type ClientHello,
  parseClientHello,
  parseCommand,
  parseEvent,
  parseHello,
} from './facts.js';
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
  POSES_HEADER,
  RECORD,
} from './layout.js';

/** What a client takes from a bridge. */
export interface ClientHandler {
  hello(hello: BridgeHello): void;
  /**
   * One pose, with its times on the BRIDGE's clock.
   * @param sample reused: copy what is to be kept
   */
  pose(tool: number, sample: PoseSample, frameNumber: number): void;
  /** A pose message ended. @param sequence of the newest batch in it, modulo 2³² */
  batch(sequence: number): void;
  /** @param stamps t1, t2, t3 in ms; reused */
  pong(id: number, stamps: Float64Array): void;
  event(event: BridgeEvent): void;
  /** @param sequence of the last pose message that was sent */
  heartbeat(sequence: number): void;
}

const text = new TextDecoder('utf-8', { fatal: true });

function malformed(what: string, detail: Record<string, unknown> = {}): NavError {
  return new NavError('bridge/malformed', `The bridge connection carries a malformed message: ${what}.`, { detail });
}

/** What arrives in one WebSocket message: text is never part of this protocol. */
export type RawMessage = ArrayBuffer | Uint8Array | string;

/** The bytes of a message, its size checked. @throws NavError `bridge/malformed`, `bridge/wrong-protocol` */
export function viewOf(message: RawMessage): DataView {
  if (typeof message === 'string') {
    throw new NavError('bridge/wrong-protocol', 'The other end sent text; a Trocar bridge speaks binary messages only.');
  }
  if (message.byteLength > LARGEST_MESSAGE) throw malformed(`${message.byteLength} bytes, over ${LARGEST_MESSAGE}`);
  return message instanceof ArrayBuffer
    ? new DataView(message)
    : new DataView(message.buffer, message.byteOffset, message.byteLength);
}

/**
 * The facts in the first message of a connection.
 * @throws NavError `bridge/wrong-protocol` where it does not begin as ours, `bridge/wrong-version`, `bridge/malformed`
 */
export function decodeHello(view: DataView): unknown {
  if (view.byteLength < HELLO_HEADER || view.getUint8(0) !== MESSAGE.hello || !hasMagic(view)) {
    throw new NavError('bridge/wrong-protocol', 'The other end does not begin as a Trocar bridge does. Check the address.');
  }
  const version = view.getUint16(8, true);
  if (version !== BRIDGE_VERSION) {
    const message = `The other end speaks version ${version} of the bridge protocol, this one ${BRIDGE_VERSION}. Update the older.`;
    throw new NavError('bridge/wrong-version', message, { detail: { theirs: version, ours: BRIDGE_VERSION } });
  }
  return decodeJson(view, HELLO_HEADER, view.getUint32(12, true));
}

function hasMagic(view: DataView): boolean {
  for (let i = 0; i < MAGIC.length; i += 1) if (view.getUint8(1 + i) !== MAGIC[i]) return false;
  return true;
}

function decodeJson(view: DataView, header: number, length: number): unknown {
  if (header + length !== view.byteLength) throw malformed(`${view.byteLength} bytes where its text needs ${header + length}`);
  try {
    return JSON.parse(text.decode(new Uint8Array(view.buffer, view.byteOffset + header, length)));
  } catch (cause) {
    throw new NavError('bridge/malformed', 'A bridge message holds text that is no JSON.', { cause });
  }
}

/** A received ping. */
export interface Ping {
  readonly id: number;
  /** When it was sent, on the client's clock, ms. */
  readonly t1: number;
  /** How far the client's idea of the bridge's clock can be off, ms; NaN where it does not say. */
  readonly boundMs: number;
}

/** @throws NavError `bridge/malformed` */
export function decodePing(view: DataView): Ping {
  const { byteLength } = view;
  if ((byteLength !== PING && byteLength !== PING_WITH_BOUND) || view.getUint8(0) !== MESSAGE.ping) {
    throw malformed('a client sends pings and commands only');
  }
  const boundMs = byteLength === PING ? Number.NaN : view.getFloat64(16, true);
  return { id: view.getUint32(4, true), t1: view.getFloat64(8, true), boundMs };
}

/** The hello of a client. @throws NavError `bridge/wrong-protocol`, `bridge/wrong-version`, `bridge/malformed` */
export function decodeClientHello(view: DataView): ClientHello {
  const hello = parseClientHello(decodeHello(view));
  if (hello === undefined) throw malformed('a hello of a client with wishes it cannot have');
  return hello;
}

/** Whether a message of a client is a command. */
export function isCommand(view: DataView): boolean {
  return view.byteLength > 0 && view.getUint8(0) === MESSAGE.command;
}

/** @throws NavError `bridge/malformed` */
export function decodeCommand(view: DataView): BridgeCommand & { readonly id: number } {
  if (view.byteLength < COMMAND_HEADER) throw malformed(`a command of ${view.byteLength} bytes`);
  const command = parseCommand(decodeJson(view, COMMAND_HEADER, view.getUint32(8, true)));
  if (command === undefined) throw malformed('a command without the facts it must have');
  return { id: view.getUint32(4, true), ...command };
}

/**
 * A client's decoder: one per connection. Pose records go into one reused sample; beside the view of each message
 * nothing is allocated for them.
 */
export class ClientDecoder {
  readonly #handler: ClientHandler;
  readonly #sample = new PoseSample();
  readonly #stamps = new Float64Array(3);
  #toolCount = -1;

  constructor(handler: ClientHandler) {
    this.#handler = handler;
  }

  /**
   * Takes one message.
   * @throws NavError `bridge/wrong-protocol`, `bridge/wrong-version`, `bridge/malformed`: the connection is then to be
   * closed. Poses before the malformed record have been handed on.
   */
  decode(message: RawMessage): void {
    const view = viewOf(message);
    if (this.#toolCount < 0) this.#takeHello(view);
    else this.#take(view);
  }

  #takeHello(view: DataView): void {
    const hello = parseHello(decodeHello(view));
    if (hello === undefined) throw malformed('a hello without the facts it must have');
    this.#toolCount = hello.tools.length;
    this.#handler.hello(hello);
  }

  #take(view: DataView): void {
    const type = view.byteLength === 0 ? 0 : view.getUint8(0);
    if (type === MESSAGE.poses) this.decodePoses(view);
    else if (type === MESSAGE.pong) this.#takePong(view);
    else if (type === MESSAGE.heartbeat) this.#takeHeartbeat(view);
    else if (type === MESSAGE.event) this.#takeEvent(view);
    else throw malformed(`type ${type}`, { type });
  }

  #takeHeartbeat(view: DataView): void {
    if (view.byteLength !== HEARTBEAT) throw malformed(`a heartbeat of ${view.byteLength} bytes`);
    this.#handler.heartbeat(view.getUint32(4, true));
  }

  /** The records of a pose message. @throws NavError `bridge/malformed` */
  decodePoses(view: DataView): void {
    const count = view.byteLength < POSES_HEADER ? -1 : view.getUint16(2, true);
    if (view.byteLength !== POSES_HEADER + count * RECORD) throw malformed(`${view.byteLength} bytes for ${count} poses`);
    const sample = this.#sample;
    const values = sample.values;
    for (let i = 0, at = POSES_HEADER; i < count; i += 1, at += RECORD) {
      const tool = view.getUint8(at);
      const status = view.getUint8(at + 1);
      if (tool >= this.#toolCount) throw malformed(`a pose of tool ${tool} where there are ${this.#toolCount}`);
      if (status >= STATUSES.length) throw malformed(`a pose of status ${status}`);
      sample.status = STATUSES[status] as Status;
      for (let k = 0; k < 10; k += 1) values[k] = view.getFloat64(at + 8 + 8 * k, true);
      this.#handler.pose(tool, sample, view.getUint32(at + 4, true));
    }
    this.#handler.batch(view.getUint32(4, true));
  }

  #takePong(view: DataView): void {
    if (view.byteLength !== PONG) throw malformed(`a pong of ${view.byteLength} bytes`);
    for (let k = 0; k < 3; k += 1) this.#stamps[k] = view.getFloat64(8 + 8 * k, true);
    this.#handler.pong(view.getUint32(4, true), this.#stamps);
  }

  #takeEvent(view: DataView): void {
    if (view.byteLength < EVENT_HEADER) throw malformed(`an event of ${view.byteLength} bytes`);
    const event = parseEvent(decodeJson(view, EVENT_HEADER, view.getUint32(4, true)));
    if (event === undefined) throw malformed('an event without the facts it must have');
    if (event === 'unknown') return;
    if (event.kind === 'tools') this.#toolCount = event.tools.length;
    this.#handler.event(event);
  }
}
