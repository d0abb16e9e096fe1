import { type Clock, isNavError, NavError } from '@trocar/core';
import {
  decodeBx,
  decodeTx,
  encodeCommand,
  hex,
  NDI_OPTION,
  NdiFrame,
  type NdiReply,
  type PortInfo,
  replyWord,
  SYSTEM_STATUS,
} from '../../codec/ndi/index.js';
import type { PoseSink, ToolInfo } from '../../driver.js';
import type { Transport } from '../../transport.js';
import { NdiLink, type TrackingHandler } from './link.js';
import type { NdiTimeouts, NdiToolOptions } from './options.js';
import { enableTools, type Handles, initialise, loadTools, type SetupContext } from './setup.js';
import { NdiTracking } from './tracking.js';

/** What a session needs; the driver resolves the defaults. */
export interface SessionOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly tools: readonly NdiToolOptions[];
  readonly otherTools?: boolean;
  readonly replies?: 'auto' | 'bx' | 'tx';
  readonly baudRate?: number;
  readonly pollIntervalMs?: number;
  readonly timeouts: NdiTimeouts;
}

/** Transforms, also of tools outside the characterised volume. */
const OPTIONS = NDI_OPTION.transforms | NDI_OPTION.outOfVolume;
/** Replies in a row that are no tracking data before the connection is given up. */
const MOST_BAD_REPLIES = 10;

const ALARMS: ReadonlyArray<readonly [number, string]> = [
  [SYSTEM_STATUS.commSyncError, 'lost synchronisation with its sensor'],
  [SYSTEM_STATUS.tooMuchInfrared, 'sees too much environmental infrared light'],
  [SYSTEM_STATUS.processingException, 'met a processing exception'],
  [SYSTEM_STATUS.hardwareFailure, 'reports a hardware failure'],
  [SYSTEM_STATUS.hardwareChange, 'reports a change of hardware'],
  [SYSTEM_STATUS.diagnosticPending, 'has a diagnostic message waiting'],
  [SYSTEM_STATUS.temperature, 'is outside its temperature range'],
];

/** One connection to an NDI tracker, from opening the transport to losing or closing it. */
export class NdiSession implements TrackingHandler {
  readonly #options: SessionOptions;
  readonly #tools: ToolInfo[];
  readonly #sink: PoseSink;
  readonly #link: NdiLink;
  readonly #context: SetupContext;
  readonly #tracking = new NdiTracking();
  readonly #frame = new NdiFrame();
  /** Resolved when the connection is over, for whatever reason. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #handles: Handles = { toolOf: new Int16Array(256).fill(-1), refused: new Set() };
  #binary: boolean;
  #command: Uint8Array = new Uint8Array(0);
  #outstanding = false;
  /** When the reply that is waited for was first asked for, and last. */
  #askedAt = 0;
  #requestedAt = 0;
  #over = false;
  #stopping = false;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  #nextPoll: ReturnType<typeof setTimeout> | undefined;
  #badReplies = 0;
  #systemStatus = 0;
  #notFiniteTold = 0;

  constructor(options: SessionOptions, tools: ToolInfo[], sink: PoseSink) {
    this.#options = options;
    this.#tools = tools;
    this.#sink = sink;
    this.#binary = options.replies !== 'tx';
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const fault = (f: { code: NavError['code']; message: string }): void => sink.fault(f);
    this.#link = new NdiLink(options.transport, options.clock, { fault, lost: (reason) => this.#lost(reason) });
    this.#context = { link: this.#link, timeouts: options.timeouts, fault };
  }

  /** Connects and starts to poll. @throws NavError as Driver.start */
  async start(): Promise<void> {
    const { timeouts } = this.#options;
    await this.#link.open();
    await initialise(this.#context, this.#options.baudRate ?? 115_200);
    this.#handles = await loadTools(this.#context, this.#options.tools);
    await this.#enable();
    await this.#link.ask('TSTART', '', timeouts.commandMs);
    this.#tracking.restart();
    this.#useReplies(this.#binary);
    this.#link.tracking = this;
    this.#watchdog = setInterval(() => this.#checkDeadline(), Math.max(5, timeouts.trackingMs / 8));
    this.#sink.connection('connected', `Tracking on ${this.#options.transport.label}.`);
    this.#poll();
  }

  /** Stops tracking and closes; errors on the way out do not matter any more. */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.#stopping = true;
    clearTimeout(this.#nextPoll);
    for (let waited = 0; this.#outstanding && waited < this.#options.timeouts.trackingMs; waited += 5) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.#link.tracking = undefined;
    try {
      if (!this.#over) await this.#link.ask('TSTOP', '', Math.min(1000, this.#options.timeouts.commandMs));
    } catch {
      // The device is let go either way.
    }
    this.#finish();
    await this.#link.close();
    this.#tellGone('Stopped.');
  }

  /** Closes after a failed start. */
  async abandon(): Promise<void> {
    this.#over = true;
    this.#finish();
    await this.#link.close();
  }

  async #enable(): Promise<void> {
    await enableTools(this.#context, this.#handles, (handle, info) => this.#identify(handle, info));
  }

  /** The tool number of a handle: uploaded before, matched by serial or part number, or new. −1: not wanted. */
  #identify(handle: number, info: PortInfo): number {
    const uploaded = this.#handles.toolOf[handle] as number;
    const facts = { manufacturer: info.manufacturer, partNumber: info.partNumber, serial: info.serial };
    let number = uploaded >= 0 ? uploaded : this.#configured(info);
    const name = number >= 0 ? (this.#tools[number] as ToolInfo).name : `ndi-${info.serial || hex(handle, 2)}`;
    if (number < 0) number = this.#tools.findIndex((tool) => tool.name === name);
    if (number < 0) {
      if (this.#options.otherTools === false) return -1;
      number = this.#tools.length;
    }
    this.#tools[number] = { name, ...facts };
    this.#sink.tools([...this.#tools]);
    return number;
  }

  #configured(info: PortInfo): number {
    return this.#options.tools.findIndex(
      (tool) =>
        tool.toolFile === undefined &&
        (tool.serial !== undefined || tool.partNumber !== undefined) &&
        (tool.serial ?? info.serial) === info.serial &&
        (tool.partNumber ?? info.partNumber) === info.partNumber,
    );
  }

  #useReplies(binary: boolean): void {
    this.#binary = binary;
    this.#command = encodeCommand(binary ? 'BX' : 'TX', hex(OPTIONS, 4));
  }

  #poll(): void {
    if (this.#over || this.#stopping) return;
    this.#outstanding = true;
    this.#askedAt = this.#options.clock.now();
    this.#send(this.#askedAt);
  }

  #send(now: number): void {
    this.#requestedAt = now;
    this.#link.transport.write(this.#command);
  }

  #pollLater(): void {
    if (this.#over || this.#stopping) return;
    const interval = this.#options.pollIntervalMs ?? 4;
    const wait = this.#requestedAt + interval - this.#options.clock.now();
    this.#nextPoll = setTimeout(() => this.#poll(), Math.max(0, wait));
  }

  /** Called by the link with each tracking reply. */
  reply(reply: NdiReply): void {
    this.#outstanding = false;
    const frame = this.#frame;
    const decoded = this.#binary
      ? reply.kind === 'binary' && decodeBx(frame, reply.view, reply.start, reply.end, OPTIONS)
      : reply.kind === 'text' && decodeTx(frame, reply.bytes, reply.start, reply.end, OPTIONS);
    if (!decoded) {
      this.#notTracking(reply);
      return;
    }
    this.#badReplies = 0;
    this.#tracking.push(frame, this.#link.arrivedAt, this.#handles.toolOf, this.#tools.length, this.#sink);
    if (this.#tracking.notFinite !== this.#notFiniteTold) this.#tellNotFinite();
    if (frame.systemStatus !== this.#systemStatus) this.#tellAlarms(frame.systemStatus);
    const ports = frame.systemStatus & (SYSTEM_STATUS.portOccupied | SYSTEM_STATUS.portUnoccupied);
    if (ports !== 0 && !this.#stopping) void this.#portsChanged();
    else this.#pollLater();
  }

  /** Called by the link when a reply was lost and the line is quiet again. */
  damaged(): void {
    this.#outstanding = false;
    this.#countBad('a damaged tracking reply');
    this.#pollLater();
  }

  #notTracking(reply: NdiReply): void {
    const text = reply.kind === 'text' ? reply.text() : '';
    const word = replyWord(text);
    if (word.word === 'reset') {
      this.#link.giveUp(new NavError('device/disconnected', `${this.#options.transport.label}: the device restarted.`));
      return;
    }
    if (word.word === 'error' && word.code === '01' && this.#binary && this.#options.replies !== 'bx') {
      this.#useReplies(false);
    } else if (word.word === 'error' && word.code === '0C') {
      this.#link.giveUp(new NavError('device/refused', `${this.#options.transport.label} left tracking mode.`));
      return;
    } else {
      const what = word.word === 'error' ? `ERROR${word.code}, ${word.meaning}` : 'a reply that is no tracking data';
      this.#sink.fault({ code: 'device/bad-reply', message: `${this.#options.transport.label}: ${what}.` });
      this.#countBad(what);
    }
    this.#pollLater();
  }

  #countBad(what: string): void {
    this.#badReplies += 1;
    if (this.#badReplies < MOST_BAD_REPLIES) return;
    const label = this.#options.transport.label;
    this.#link.giveUp(
      new NavError('device/bad-reply', `${label}: ${MOST_BAD_REPLIES} replies in a row were unusable, the last ${what}.`),
    );
  }

  #tellNotFinite(): void {
    this.#notFiniteTold = this.#tracking.notFinite;
    this.#sink.fault({
      code: 'pose/not-finite',
      message: `A transform without finite numbers was taken for missing (${this.#notFiniteTold} so far).`,
    });
  }

  #tellAlarms(status: number): void {
    const raised = status & ~this.#systemStatus;
    this.#systemStatus = status;
    for (const [bit, what] of ALARMS) {
      if (raised & bit) this.#sink.fault({ code: 'device/alarm', message: `The tracker ${what}.` });
    }
  }

  /** A tool was plugged in or pulled: free, initialise and enable, leaving tracking mode only where the device asks. */
  async #portsChanged(): Promise<void> {
    const { timeouts } = this.#options;
    this.#link.tracking = undefined;
    try {
      try {
        await this.#enable();
      } catch (error) {
        if (!isNavError(error, 'device/refused') || error.detail['code'] !== '0C') throw error;
        await this.#link.ask('TSTOP', '', timeouts.commandMs);
        await this.#enable();
        await this.#link.ask('TSTART', '', timeouts.commandMs);
        this.#tracking.restart();
      }
    } catch (error) {
      this.#link.giveUp(isNavError(error) ? error : new NavError('device/bad-reply', String(error), { cause: error }));
      return;
    }
    this.#link.tracking = this;
    this.#poll();
  }

  /**
   * A reply that stopped half way, or did not come in half the deadline, is asked for once more: a poll does no harm
   * twice, and every reply says which frame it is of. Past the deadline the device is lost.
   */
  #checkDeadline(): void {
    if (!this.#outstanding || this.#over) return;
    const now = this.#options.clock.now();
    const { trackingMs } = this.#options.timeouts;
    if (now - this.#askedAt > trackingMs) {
      const label = this.#options.transport.label;
      this.#link.giveUp(new NavError('device/timeout', `${label}: no tracking reply within ${trackingMs} ms.`));
    } else if (now - this.#requestedAt > trackingMs / 2 || this.#link.giveUpPartial(now)) {
      this.#send(now);
    }
  }

  /** Every tool is disconnected before anything else is done. */
  #lost(reason: NavError): void {
    if (this.#over) return;
    this.#over = true;
    const tracked = this.#watchdog !== undefined;
    if (tracked) this.#tellGone(reason.message);
    void this.#link.close().catch(() => undefined);
    if (tracked) this.#sink.fault({ code: reason.code, message: reason.message });
    this.#finish();
  }

  #tellGone(reason: string): void {
    const now = new Float64Array([this.#options.clock.now()]);
    this.#tracking.tellAllGone(now, this.#tools.length, this.#sink);
    this.#sink.connection('disconnected', reason);
  }

  #finish(): void {
    this.#over = true;
    clearInterval(this.#watchdog);
    clearTimeout(this.#nextPoll);
    this.#end();
  }
}
