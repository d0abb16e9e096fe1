import { type Clock, isNavError, NavError, type NavErrorCode } from '@trocar/core';
import {
  type CommandContent,
  decodeIgtl,
  encodeIgtl,
  type HeaderVersion,
  type IgtlFault,
  type IgtlFrame,
  IgtlFramer,
  type IgtlHandler,
  type IgtlMessageInit,
  type IgtlMetadata,
  plusReply,
  readElement,
} from '../codec/igtl/index.js';
import { encodingOf } from '../drivers/igtl/commands.js';
import type { PoseMessages, PoseType } from './igtl-messages.js';

/** What a served client is connected by: a TCP connection, a WebSocket, or a test. */
export interface IgtlClientSocket {
  /** For people: the other end's address. */
  readonly label: string;
  /** Sends in order; the bytes are the socket's from then on. */
  write(bytes: Uint8Array): void;
  /** What could not be sent yet. */
  readonly bufferedBytes: number;
  close(): void;
}

/** A client, as handlers of a server see it. */
export interface IgtlPeer {
  readonly label: string;
  /** What the client has shown that it reads. */
  readonly headerVersion: HeaderVersion;
  /**
   * Sends any message; nothing happens where the client is gone.
   * @throws NavError `igtl/does-not-fit`, for metadata too where the client reads only header version 1; `igtl/bad-value`
   */
  send(message: Omit<IgtlMessageInit, 'headerVersion'>): void;
}

/** A command that a client sent, in either of PLUS's forms. */
export interface IgtlServedCommand {
  readonly name: string;
  readonly text: string;
  readonly metadata: readonly IgtlMetadata[];
  readonly peer: IgtlPeer;
}

/** What all clients of a server share. */
export interface ServedSettings {
  readonly clock: Clock;
  readonly name: string;
  readonly messages: PoseMessages;
  /** What is sent to a client that has asked for nothing. */
  readonly push: PoseType | 'nothing';
  /** Coordinates that may be asked for; undefined where any may. */
  readonly coordinateNames: ReadonlySet<string> | undefined;
  readonly highWaterBytes: number;
  readonly maxUnsentBytes: number;
  readonly maxBodyBytes: number;
  readonly keepAliveMs: number;
  /** The STATUS message's code and text now. */
  readonly status: () => { readonly code: number; readonly message: string };
  readonly onCommand: ((command: IgtlServedCommand) => string | Promise<string>) | undefined;
  /** True where the message was answered. */
  readonly onMessage: (frame: IgtlFrame, peer: IgtlPeer) => unknown;
  readonly onFault: (code: NavErrorCode, message: string) => void;
}

interface Stream {
  readonly type: PoseType;
  readonly intervalMs: number;
  sentAt: number;
  /** Tools that have something new. */
  readonly pending: Set<number>;
}

/** A client whose messages are refused this often is not one. */
const MOST_REFUSED = 100;
/** Commands of one client that are being answered, at most. */
const MOST_COMMANDS = 8;
/** Timers are this exact, ms: a message is not put off for less. */
const TIMER_MS = 1;
/** How often intervals and signs of life are looked at, ms. */
export const TICK_MS = 4;

/** What this server understands and sends, for CAPABILITY. */
const CAPABILITIES: readonly string[] = [
  'TRANSFORM',
  'POSITION',
  'TDATA',
  'QTDATA',
  'STATUS',
  'CAPABILITY',
  'RTS_TDATA',
  'RTS_QTDATA',
  'RTS_TRANSFOR',
  'RTS_POSITION',
  'RTS_COMMAND',
  'GET_STATUS',
  'GET_CAPABIL',
  'GET_TRANSFOR',
  'GET_POSITION',
  'GET_TDATA',
  'GET_QTDATA',
  'STT_TRANSFOR',
  'STT_POSITION',
  'STT_TDATA',
  'STT_QTDATA',
  'STP_TRANSFOR',
  'STP_POSITION',
  'STP_TDATA',
  'STP_QTDATA',
  'COMMAND',
];

/** The pose types by what stands behind `GET_`, `STT_` and `STP_`: pages and libraries cut the names differently. */
const POSES: Readonly<Record<string, PoseType>> = {
  TRANS: 'TRANSFORM',
  TRANSFOR: 'TRANSFORM',
  TRANSFORM: 'TRANSFORM',
  POSITION: 'POSITION',
  QTRANS: 'POSITION',
  TDATA: 'TDATA',
  QTDATA: 'QTDATA',
};

/** One client of a server: what it asked for, what it has to be told, and what it sends. */
export class ServedIgtlClient implements IgtlHandler, IgtlPeer {
  readonly label: string;
  /** Poses replaced by newer ones before they could be sent. */
  dropped = 0;
  #version: HeaderVersion = 1;
  readonly #socket: IgtlClientSocket;
  readonly #settings: ServedSettings;
  readonly #framer: IgtlFramer;
  readonly #streams = new Map<PoseType, Stream>();
  #sentAt: number;
  #refused = 0;
  #commands = 0;
  #closed = false;

  constructor(socket: IgtlClientSocket, settings: ServedSettings) {
    this.#socket = socket;
    this.label = socket.label;
    this.#settings = settings;
    this.#framer = new IgtlFramer(this, { maxBodyBytes: settings.maxBodyBytes });
    this.#sentAt = settings.clock.now();
    if (settings.push !== 'nothing') this.#begin(settings.push, 0);
    this.drain();
  }

  get headerVersion(): HeaderVersion {
    return this.#version;
  }

  /** Bytes that wait for the rest of their message. */
  get buffered(): number {
    return this.#framer.buffered;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Takes what the client sent. Never throws. */
  data(bytes: Uint8Array): void {
    if (!this.#closed) this.#framer.feed(bytes);
  }

  /** The connection ended: a message that was cut short is told. */
  end(): void {
    if (!this.#closed) this.#framer.end();
    this.#closed = true;
  }

  /** Ends the connection, and says why. */
  close(code?: NavErrorCode, why = ''): void {
    if (this.#closed) return;
    this.#closed = true;
    if (code !== undefined) this.#settings.onFault(code, `OpenIGTLink client ${this.label} was let go: ${why}`);
    this.#socket.close();
  }

  send(message: Omit<IgtlMessageInit, 'headerVersion'>): void {
    if (!this.#closed) this.#write(encodeIgtl({ ...message, headerVersion: this.#version }));
  }

  #write(bytes: Uint8Array): void {
    this.#sentAt = this.#settings.clock.now();
    this.#socket.write(bytes);
    const waiting = this.#socket.bufferedBytes;
    if (waiting > this.#settings.maxUnsentBytes) this.close('igtl/too-slow', `${waiting} bytes wait to be sent to it.`);
  }

  /** Notes which tools have something new, and sends what may be sent now. */
  offer(changed: Iterable<number>): void {
    for (const stream of this.#streams.values()) {
      const held = stream.pending.size > 0 && this.#congested;
      for (const tool of changed) {
        if (held && stream.pending.has(tool)) this.dropped += 1;
        stream.pending.add(tool);
      }
    }
    this.drain();
  }

  get #congested(): boolean {
    return this.#socket.bufferedBytes > this.#settings.highWaterBytes;
  }

  /** Sends what waits where the client keeps up and its interval is over; and a sign of life where nothing was sent. */
  drain(): void {
    if (this.#closed || this.#congested) return;
    const now = this.#settings.clock.now();
    for (const stream of this.#streams.values()) {
      if (stream.pending.size === 0 || now - stream.sentAt < stream.intervalMs - TIMER_MS) continue;
      // An interval is kept on average: what came a timer's tick late does not put off the next.
      stream.sentAt = Math.max(stream.sentAt + stream.intervalMs, now - TICK_MS);
      this.#sendPoses(stream.type, stream.pending);
      stream.pending.clear();
    }
    const { keepAliveMs } = this.#settings;
    if (keepAliveMs > 0 && now - this.#sentAt >= keepAliveMs) this.tellStatus();
  }

  #sendPoses(type: PoseType, tools: Iterable<number>): void {
    const { messages } = this.#settings;
    const list = type === 'TDATA' || type === 'QTDATA';
    const bytes = list ? messages.list(type, this.#version) : messages.each(type, tools, this.#version);
    if (bytes.length > 0) this.#write(bytes);
  }

  /** Sends STATUS. */
  tellStatus(): void {
    const { code, message } = this.#settings.status();
    const content = { kind: 'status', code, subcode: 0n, name: code === 1 ? 'OK' : 'NOT_TRACKING', message } as const;
    this.send({ type: 'STATUS', device: this.#settings.name, content });
  }

  #begin(type: PoseType, intervalMs: number): void {
    const pending = new Set(Array.from({ length: this.#settings.messages.count }, (_, i) => i));
    this.#streams.set(type, { type, intervalMs, sentAt: Number.NEGATIVE_INFINITY, pending });
  }

  /** Called by the framer. */
  message(frame: IgtlFrame): void {
    if (this.#closed) return;
    if (frame.headerVersion === 2 && this.#version === 1) this.#raise();
    try {
      if (!this.#answer(frame)) this.#handOn(frame);
    } catch (error) {
      this.#tellError(frame, error);
    }
  }

  /** The client reads header version 2: what was left out of version 1 can be told from now on. */
  #raise(): void {
    this.#version = 2;
    const stream = this.#streams.get('TRANSFORM');
    if (stream !== undefined) this.#begin('TRANSFORM', stream.intervalMs);
  }

  #tellError(frame: IgtlFrame, error: unknown): void {
    const what = `${frame.type} of ${this.label}`;
    const message = error instanceof Error ? error.message : String(error);
    if (isNavError(error)) {
      this.#settings.onFault(error.code, `${what}: ${message}`);
      this.#countRefused();
    } else {
      this.#settings.onFault('igtl/handler-failed', `The handler of ${what} threw: ${message}`);
    }
  }

  #countRefused(): void {
    this.#refused += 1;
    if (this.#refused >= MOST_REFUSED) this.close('igtl/bad-header', `${MOST_REFUSED} of its messages were refused.`);
  }

  /** Called by the framer. */
  fault(fault: IgtlFault): void {
    if (fault.fatal) {
      this.close(fault.code, fault.message);
      return;
    }
    this.#settings.onFault(fault.code, `${this.label}: ${fault.message}`);
    this.#countRefused();
  }

  /** Answers what the protocol asks of a server; false where the message is for the handler. */
  #answer(frame: IgtlFrame): boolean {
    const { type } = frame;
    if (type === 'COMMAND') return this.#command(frame);
    if (type === 'STRING' && /^CMD_/.test(frame.device)) return this.#stringCommand(frame);
    const query = /^(GET|STT|STP)_(.+)$/.exec(type);
    if (query === null) return false;
    const [, verb, target] = query as unknown as [string, string, string];
    if (verb === 'GET' && target === 'STATUS') {
      this.tellStatus();
      return true;
    }
    if (verb === 'GET' && target.startsWith('CAPABIL')) {
      this.send({ type: 'CAPABILITY', device: this.#settings.name, content: { kind: 'capability', types: CAPABILITIES } });
      return true;
    }
    const poses = POSES[target];
    if (poses === undefined) return false;
    if (verb === 'GET') this.#getPoses(poses, frame.device, target);
    else if (verb === 'STT') this.#start(poses, target, frame);
    else this.#stop(poses, target);
    return true;
  }

  /** One message of a tool, or of all where the device name is empty. */
  #getPoses(type: PoseType, device: string, target: string): void {
    const { messages } = this.#settings;
    const tool = messages.find(device);
    if (type === 'TDATA' || type === 'QTDATA') this.#sendPoses(type, []);
    else if (tool >= 0) this.#sendPoses(type, [tool]);
    else if (device === '')
      this.#sendPoses(
        type,
        Array.from({ length: messages.count }, (_, i) => i),
      );
    else this.#reply(target, 1);
  }

  #start(type: PoseType, target: string, frame: IgtlFrame): void {
    const { content } = decodeIgtl(frame);
    const asked = content.kind === 'startTracking' ? content : { intervalMs: 0, coordinateName: '' };
    const { coordinateNames, push, onFault } = this.#settings;
    if (asked.coordinateName !== '' && coordinateNames?.has(asked.coordinateName) !== true) {
      const what = `${this.label} asks for poses in "${asked.coordinateName}".`;
      if (coordinateNames !== undefined) {
        onFault('igtl/unsupported', `${what} They are not served, and it was refused.`);
        this.#reply(target, 1);
        return;
      }
      onFault('igtl/unsupported', `${what} It gets them in the tracker's own coordinates.`);
    }
    // Who asks gets what was asked for, and not what everybody gets.
    if (push !== 'nothing' && push !== type) this.#streams.delete(push);
    this.#begin(type, asked.intervalMs);
    this.#reply(target, 0);
    this.drain();
  }

  #stop(type: PoseType, target: string): void {
    this.#streams.delete(type);
    this.#reply(target, 0);
  }

  #reply(target: string, status: number): void {
    const type = `RTS_${target}`.slice(0, 12);
    this.send({ type, device: this.#settings.name, content: { kind: 'reply', target: type.slice(4), status } });
  }

  #handOn(frame: IgtlFrame): void {
    const { type } = frame;
    const handled = this.#settings.onMessage(frame, this) === true;
    // Nobody waits for ever: a question that nobody answered is answered with no.
    if (!handled && /^(?:GET|STT|STP)_/.test(type)) this.#reply(type.slice(4), 1);
  }

  #command(frame: IgtlFrame): true {
    const { content, metadata, device } = decodeIgtl(frame);
    const { id, name, text } = content as CommandContent;
    this.#run({ name, text, metadata, peer: this }, (reply) => {
      const answer = { kind: 'command', id, name, encoding: encodingOf(reply), text: reply } as const;
      this.send({ type: 'RTS_COMMAND', device, content: answer });
    });
    return true;
  }

  /** PLUS's older form: the number is in the device name. */
  #stringCommand(frame: IgtlFrame): true {
    const { content, metadata, device } = decodeIgtl(frame);
    const text = content.kind === 'string' ? content.text : '';
    const name = readElement(text)?.attributes['Name'] ?? '';
    this.#run({ name, text, metadata, peer: this }, (reply) => {
      const answer = { kind: 'string', encoding: encodingOf(reply), text: reply } as const;
      this.send({ type: 'STRING', device: `ACK_${device.slice(4)}`, content: answer });
    });
    return true;
  }

  #run(command: IgtlServedCommand, answer: (text: string) => void): void {
    const { onCommand, onFault } = this.#settings;
    if (onCommand === undefined || this.#commands >= MOST_COMMANDS) {
      const why = onCommand === undefined ? 'This server takes no commands.' : `${MOST_COMMANDS} commands are being answered.`;
      answer(plusReply(false, why));
      return;
    }
    this.#commands += 1;
    const done = async (): Promise<void> => {
      let reply: string;
      try {
        reply = await onCommand(command);
      } catch (error) {
        reply = plusReply(false, error instanceof Error ? error.message : String(error));
      }
      this.#commands -= 1;
      try {
        answer(reply);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        onFault(isNavError(error) ? error.code : 'igtl/handler-failed', `The answer to "${command.name}": ${message}`);
      }
    };
    void done();
  }
}

/** Refuses limits that could not work. @throws NavError `bridge/bad-option` */
export function requireLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isInteger(value) && value >= 0)) {
      throw new NavError('bridge/bad-option', `${name} must be a whole number, got ${value}.`);
    }
  }
}
