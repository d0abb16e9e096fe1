import { isNavError, NavError } from '@trocar/core';
import {
  decodeIgtl,
  encodeIgtl,
  type HeaderVersion,
  type IgtlFault,
  type IgtlFrame,
  IgtlFramer,
  type IgtlHandler,
  type IgtlMessageInit,
} from '../../codec/igtl/index.js';
import type { PoseSink } from '../../driver.js';
import type { TransportHandler } from '../../transport.js';
import type { Connection } from '../kit/index.js';
import type { PendingCommands } from './commands.js';
import type { IgtlRequest, IgtlSettings } from './options.js';
import type { IgtlTracking } from './tracking.js';

/** How long the answer to STP is waited for before the connection is closed, ms. */
const GOODBYE_MS = 250;
/** The code of a STATUS that says that all is well. */
const STATUS_OK = 1;

/** One connection to an OpenIGTLink server, from opening the transport to losing or closing it. */
export class IgtlSession implements TransportHandler, IgtlHandler, Connection {
  /** What the peer has shown that it reads. */
  version: HeaderVersion;
  messages = 0;
  /** Resolved when the connection is over, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #settings: IgtlSettings;
  readonly #tracking: IgtlTracking;
  readonly #commands: PendingCommands;
  readonly #sink: PoseSink;
  readonly #framer: IgtlFramer;
  readonly #arrivedAt = new Float64Array(1);
  #end: () => void = () => undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  /** When the last message arrived, host ms: a cell, so that the hot path boxes nothing. */
  readonly #heardAt = new Float64Array(1);
  #askedAt = 0;
  #statusCode = STATUS_OK;
  #silent = false;
  #over = false;
  #closing = false;
  #tracks = false;
  #first: { resolve: () => void; reject: (error: NavError) => void } | undefined;
  #stopped: (() => void) | undefined;

  constructor(settings: IgtlSettings, tracking: IgtlTracking, commands: PendingCommands, sink: PoseSink) {
    this.#settings = settings;
    this.#tracking = tracking;
    this.#commands = commands;
    this.#sink = sink;
    this.version = settings.headerVersion;
    const { maxBodyBytes } = settings;
    this.#framer = new IgtlFramer(this, maxBodyBytes === undefined ? {} : { maxBodyBytes });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get open(): boolean {
    return this.#tracks && !this.#over;
  }

  /** Connects, asks for what was wanted, and waits for the first message. @throws NavError as Driver.start */
  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#finish();
      await this.#settings.transport.close();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const { transport, ask, onSilence, clock } = this.#settings;
    await transport.open(this);
    if (this.#over) throw new NavError('device/disconnected', `${transport.label} went away at once.`);
    this.#tracking.restart();
    this.#heardAt[0] = this.#askedAt = clock.now();
    if (this.version === 2) this.#write({ type: 'GET_STATUS', device: '', content: query('GET', 'STATUS') });
    if (ask !== undefined) this.#write(startRequest(ask));
    if (!this.#tracks && (onSilence === 'reconnect' || ask !== undefined)) await this.#firstMessage();
    this.#nowTracks();
    // Lost with the very bytes that began it: told already.
    if (this.#over) return;
    const { silentMs } = this.#settings;
    this.#watchdog = setInterval(
      () => this.#check(),
      Math.max(5, Math.min(silentMs, this.#settings.keepAliveMs || silentMs) / 4),
    );
  }

  #firstMessage(): Promise<void> {
    const { firstMessageMs, transport } = this.#settings;
    return new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#first = undefined;
        const what = `${transport.label}: no OpenIGTLink message within ${firstMessageMs} ms.`;
        reject(new NavError('device/timeout', `${what} Is it the right port, and does the server send of its own accord?`));
      }, firstMessageMs);
      this.#first = {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  #nowTracks(): void {
    if (this.#tracks || this.#over) return;
    this.#tracks = true;
    this.#sink.connection('connected', `OpenIGTLink on ${this.#settings.transport.label}.`);
  }

  /** Stops what was asked for and closes. */
  async stop(): Promise<void> {
    if (this.#over) return;
    const { ask, transport, clock } = this.#settings;
    if (ask !== undefined) {
      const done = new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, GOODBYE_MS);
        this.#stopped = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#write({ type: `STP_${ask.type}`, device: ask.device ?? '', content: query('STP', ask.type) });
      await done;
    }
    this.#finish();
    await transport.close();
    this.#commands.giveUp('the driver was stopped.');
    this.#tracking.tellAllGone(new Float64Array([clock.now()]));
    this.#sink.connection('disconnected', 'Stopped.');
  }

  /**
   * Sends a message in the version that the peer reads.
   * @throws NavError `device/disconnected`, `igtl/does-not-fit`, `igtl/bad-value`
   */
  send(message: Omit<IgtlMessageInit, 'headerVersion'>): void {
    if (!this.open) throw new NavError('device/disconnected', `${message.type} was not sent: there is no connection.`);
    this.#write(message);
  }

  #write(message: Omit<IgtlMessageInit, 'headerVersion'>): void {
    this.#settings.transport.write(encodeIgtl({ ...message, headerVersion: this.version }));
  }

  /** Called by the transport. */
  data(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#arrivedAt[0] = this.#settings.clock.now();
    this.#framer.feed(bytes);
    this.#tracking.flush();
  }

  /** Called by the transport. */
  closed(reason: NavError): void {
    this.#closing = true;
    this.#framer.end();
    this.#lost(reason);
  }

  /** Called by the framer. */
  message(frame: IgtlFrame): void {
    if (this.#over) return;
    this.messages += 1;
    if (frame.headerVersion === 2) this.version = 2;
    this.#heardAt[0] = this.#arrivedAt[0] as number;
    this.#silent = false;
    if (!this.#tracks) this.#beginWith(frame);
    // A pose of a device that is not said to be there would be nobody's.
    if (!this.#tracks && isPose(frame)) return;
    if (!this.#tracking.take(frame, this.#arrivedAt)) this.#other(frame);
  }

  /** The first message of all, or of what was asked for, makes the connection one. */
  #beginWith(frame: IgtlFrame): void {
    const { ask } = this.#settings;
    const awaited = ask === undefined || frame.type === ask.type || frame.type === `RTS_${ask.type}`;
    if (!awaited || refuses(frame)) return;
    this.#nowTracks();
    this.#first?.resolve();
    this.#first = undefined;
  }

  #other(frame: IgtlFrame): void {
    const { ask, onMessage, images } = this.#settings;
    try {
      if (this.#commands.take(frame)) return;
      if (images && this.#tracks && frame.type === 'IMAGE') this.#tracking.images.take(frame, this.#arrivedAt);
      if (this.#tracks && frame.type === 'TRACKEDFRAME') this.#tracking.takeTrackedFrame(frame, this.#arrivedAt, images);
      if (frame.type === 'STATUS') this.#readStatus(frame);
      if (ask !== undefined && frame.type === `RTS_${ask.type}`) this.#answered(frame);
      else onMessage(frame);
    } catch (error) {
      const known = isNavError(error);
      const what = `${frame.type} "${frame.device}"`;
      const message = error instanceof Error ? error.message : String(error);
      if (known) this.#tracking.refused += 1;
      const code = known ? error.code : 'igtl/handler-failed';
      this.#tracking.faults.tell(this.#sink, code, known ? `${what}: ${message}` : `The handler of ${what} threw: ${message}`);
    }
  }

  /** What the server says of its device is told when it gets worse or another: it says so again and again. */
  #readStatus(frame: IgtlFrame): void {
    const { content } = decodeIgtl(frame);
    if (content.kind !== 'status' || content.code === this.#statusCode) return;
    this.#statusCode = content.code;
    if (content.code === STATUS_OK) return;
    const { code, subcode, name, message } = content;
    const what = `${this.#settings.transport.label} reports STATUS ${code} (${subcode}, ${name}): ${message.slice(0, 500)}`;
    this.#sink.fault({ code: 'device/alarm', message: what });
  }

  /** RTS_TDATA or RTS_QTDATA: to the request, or to its end. */
  #answered(frame: IgtlFrame): void {
    if (this.#stopped !== undefined) {
      this.#stopped();
      return;
    }
    if (!refuses(frame)) return;
    const { transport, ask } = this.#settings;
    this.#giveUp(new NavError('device/refused', `${transport.label} refuses to send ${ask?.type ?? ''}.`));
  }

  /** Called by the framer. */
  fault(fault: IgtlFault): void {
    this.#tracking.refused += 1;
    const { label } = this.#settings.transport;
    this.#tracking.faults.tell(this.#sink, fault.code, `${label}: ${fault.message}`);
    if (fault.fatal && !this.#over && !this.#closing) this.#giveUp(new NavError(fault.code, `${label}: ${fault.message}`));
  }

  #check(): void {
    if (this.#over) return;
    const now = this.#settings.clock.now();
    const { silentMs, keepAliveMs, onSilence, transport } = this.#settings;
    const silence = now - (this.#heardAt[0] as number);
    if (keepAliveMs > 0 && silence >= keepAliveMs && now - this.#askedAt >= keepAliveMs) {
      this.#askedAt = now;
      this.#write({ type: 'GET_STATUS', device: '', content: query('GET', 'STATUS') });
    }
    if (silence <= silentMs || this.#silent) return;
    this.#silent = true;
    if (onSilence === 'stale') this.#tracking.tellAllStale();
    else this.#giveUp(new NavError('device/timeout', `${transport.label}: no message for ${silentMs} ms.`));
  }

  #giveUp(reason: NavError): void {
    void this.#settings.transport.close().catch(() => undefined);
    this.#lost(reason);
  }

  /** Every tool is disconnected before anything else is done. */
  #lost(reason: NavError): void {
    if (this.#over) return;
    const tracked = this.#tracks;
    this.#finish(reason);
    this.#commands.giveUp(reason.message);
    if (tracked) {
      this.#tracking.tellAllGone(new Float64Array([this.#settings.clock.now()]));
      this.#sink.connection('disconnected', reason.message);
      this.#sink.fault({ code: reason.code, message: reason.message });
    }
  }

  #finish(reason: NavError = new NavError('device/disconnected', 'Stopped.')): void {
    this.#over = true;
    this.#first?.reject(reason);
    this.#first = undefined;
    this.#stopped?.();
    clearInterval(this.#watchdog);
    this.#end();
  }
}

function query(verb: 'GET' | 'STP', target: string): IgtlMessageInit['content'] {
  return { kind: 'query', verb, target, payload: new Uint8Array(0) };
}

function startRequest({ type, device = '', intervalMs = 0, coordinateName = '' }: IgtlRequest): IgtlMessageInit {
  return { type: `STT_${type}`, device, content: { kind: 'startTracking', intervalMs, coordinateName } };
}

const isPose = ({ type }: IgtlFrame): boolean =>
  type === 'TRANSFORM' || type === 'TDATA' || type === 'QTDATA' || type === 'POSITION' || type === 'QTRANS';

/** Whether a frame is an RTS that says no. */
function refuses(frame: IgtlFrame): boolean {
  if (!frame.type.startsWith('RTS_') || frame.type === 'RTS_COMMAND') return false;
  try {
    const { content } = decodeIgtl(frame);
    return content.kind === 'reply' && content.status !== 0;
  } catch {
    return false;
  }
}
