import { type Clock, isNavError, NavError } from '@trocar/core';
import { type Bx2Reply, knowsBx2, type NdiFrame, type NdiReply, type PortInfo, replyWord } from '../../codec/ndi/index.js';
import type { PoseSink, ToolInfo } from '../../driver.js';
import type { Transport } from '../../transport.js';
import { type Connection, Watch } from '../kit/index.js';
import { NdiAlarms } from './alarms.js';
import { gatherDetails, type NdiDetails } from './details.js';
import { NdiLink, type TrackingHandler } from './link.js';
import type { BaudPlan, NdiTimeouts, NdiToolOptions } from './options.js';
import { PortWatch } from './port-watch.js';
import { type ReplyForm, TrackingReplies } from './replies.js';
import { enableTools, type Handles, initialise, loadTools, type SetupContext } from './setup.js';
import { enableOldPorts, hasNoHandles, oldHandles } from './setup-old.js';
import { StrayMarkers } from './strays.js';
import { ToolNumbers } from './tool-numbers.js';
import { NdiTracking } from './tracking.js';

/** What a session needs; the driver resolves the defaults. */
export interface SessionOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly tools: readonly NdiToolOptions[];
  readonly otherTools?: boolean;
  readonly replies?: 'auto' | ReplyForm;
  readonly stream?: boolean;
  readonly markers?: boolean;
  readonly baud: BaudPlan;
  readonly pollIntervalMs?: number;
  readonly frozenAfterMs?: number;
  readonly timeouts: NdiTimeouts;
  readonly onReply?: (reply: NdiFrame | Bx2Reply, toolOf: Int16Array) => void;
  readonly onStrays?: (positions: Float64Array, count: number) => void;
}

/** Replies in a row that are no tracking data before the connection is given up. */
const MOST_BAD_REPLIES = 10;
const STREAM_ID = 'trocar';

/** One connection to an NDI tracker, from opening the transport to losing or closing it. */
export class NdiSession implements TrackingHandler, Connection {
  readonly #options: SessionOptions;
  readonly #tools: ToolInfo[];
  readonly #sink: PoseSink;
  readonly #link: NdiLink;
  readonly #context: SetupContext;
  readonly #tracking = new NdiTracking();
  readonly #replies: TrackingReplies;
  readonly #alarms: NdiAlarms;
  readonly #strays: StrayMarkers | undefined;
  readonly #numbers: ToolNumbers;
  readonly #portWatch = new PortWatch();
  readonly #watch: Watch;
  /** Resolved when the connection is over, for whatever reason. */
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;
  #handles: Handles = { toolOf: new Int16Array(256).fill(-1), refused: new Set() };
  #old = false;
  #baudRate = Number.NaN;
  #streaming = false;
  #outstanding = false;
  /** When the reply that is waited for was first asked for, and last; in a stream, when the last one came. */
  #askedAt = 0;
  #requestedAt = 0;
  readonly #staleLimits = new Float64Array(2);
  #over = false;
  #stopping = false;
  #nextPoll: ReturnType<typeof setTimeout> | undefined;
  /** Polls that had no reply in time. */
  #askedAgain = 0;
  #badReplies = 0;
  #repliesRead = 0;
  #notFiniteTold = 0;

  constructor(options: SessionOptions, tools: ToolInfo[], sink: PoseSink) {
    this.#options = options;
    this.#tools = tools;
    this.#sink = sink;
    this.#replies = new TrackingReplies(options.onStrays !== undefined, options.markers === true);
    this.#strays = options.onStrays && new StrayMarkers(options.onStrays);
    this.#alarms = new NdiAlarms(sink);
    this.#watch = new Watch(options.clock, (now) => this.#look(now));
    this.#numbers = new ToolNumbers(tools, options.tools, options.otherTools !== false, sink);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const fault = (f: { code: NavError['code']; message: string }): void => sink.fault(f);
    this.#link = new NdiLink(options.transport, options.clock, { fault, lost: (reason) => this.#lost(reason) });
    this.#context = { link: this.#link, timeouts: options.timeouts, fault };
  }

  get streaming(): boolean {
    return this.#streaming;
  }

  /** Connects and starts to poll. @throws NavError as Driver.start */
  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#finish();
      await this.#link.close();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const { timeouts, replies = 'auto' } = this.#options;
    await this.#link.open();
    this.#baudRate = await initialise(this.#context, this.#options.baud);
    this.#replies.use(replies === 'auto' ? await this.#newestForm() : replies);
    this.#old = replies === 'gx' || (replies === 'auto' && this.#replies.form !== 'bx2' && (await hasNoHandles(this.#context)));
    if (this.#old) this.#replies.use('gx');
    const { tools } = this.#options;
    this.#handles = this.#old ? oldHandles(this.#context, tools) : await loadTools(this.#context, tools);
    await this.#enable();
    await this.#link.ask('TSTART', '', timeouts.commandMs);
    this.#tracking.restart();
    this.#tracking.numbered = this.#replies.numbered;
    this.#portWatch.begin(this.#link.damagedReplies);
    this.#streaming = this.#options.stream === true && (await this.#beginStream());
    if (this.#over || this.#stopping) throw new NavError('device/disconnected', 'It was let go while it connected.');
    this.#link.tracking = this;
    this.#askedAt = this.#options.clock.now();
    this.#watch.start();
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
    const soon = Math.min(1000, this.#options.timeouts.commandMs);
    this.#link.tracking = undefined;
    try {
      if (!this.#over && this.#streaming) await this.#link.ask('USTREAM', `--id=${STREAM_ID}`, soon);
      if (!this.#over) await this.#link.ask('TSTOP', '', soon);
    } catch {
      // The device is let go either way.
    }
    this.#finish();
    await this.#link.close();
    this.#tellGone('Stopped.');
  }

  /** What the device last said, bit by bit. */
  details(): NdiDetails {
    const rest = {
      streaming: this.#streaming,
      baudRate: this.#baudRate,
      systemStatus: this.#alarms.systemStatus,
      repliesRead: this.#repliesRead,
      repliesDamaged: this.#link.damagedReplies,
    };
    return gatherDetails(this.#replies.form, rest, this.#tools, this.#handles.toolOf, this.#tracking);
  }

  /** BX2 where the device's API revision has it, else BX; what it does not know after all is found out by polling. */
  async #newestForm(): Promise<ReplyForm> {
    try {
      return knowsBx2(await this.#link.ask('APIREV', '', this.#options.timeouts.commandMs)) ? 'bx2' : 'bx';
    } catch (error) {
      if (isNavError(error, 'device/refused')) return 'bx';
      throw error;
    }
  }

  /** Whether the device sends by itself from now on; where it cannot, that is told, and it is polled. */
  async #beginStream(): Promise<boolean> {
    try {
      await this.#link.ask('STREAM', this.#replies.streamArgs(STREAM_ID), this.#options.timeouts.commandMs);
      return true;
    } catch (error) {
      if (!isNavError(error, 'device/refused')) throw error;
      this.#sink.fault({ code: 'device/not-supported', message: `The device does not stream, and is polled. ${error.message}` });
      return false;
    }
  }

  async #enable(): Promise<void> {
    const identify = (handle: number, info: PortInfo): number =>
      this.#numbers.identify(handle, info, this.#handles.toolOf[handle] as number);
    if (this.#old) await enableOldPorts(this.#context, this.#handles, identify);
    else await enableTools(this.#context, this.#handles, identify);
  }

  #poll(): void {
    if (this.#over || this.#stopping || this.#streaming) return;
    this.#outstanding = true;
    this.#askedAt = this.#options.clock.now();
    this.#send(this.#askedAt);
  }

  #send(now: number): void {
    this.#requestedAt = now;
    this.#link.transport.write(this.#replies.command);
  }

  #pollLater(): void {
    if (this.#over || this.#stopping || this.#streaming) return;
    const interval = this.#options.pollIntervalMs ?? 4;
    const wait = this.#requestedAt + interval - this.#options.clock.now();
    this.#nextPoll = setTimeout(() => this.#poll(), Math.max(0, wait));
  }

  /** Called by the link with each tracking reply. */
  reply(reply: NdiReply): void {
    this.#outstanding = false;
    if (!this.#replies.decode(reply)) {
      this.#notTracking(reply);
      return;
    }
    this.#badReplies = 0;
    this.#repliesRead += 1;
    const { frame, bx2, form } = this.#replies;
    const toolOf = this.#handles.toolOf;
    const arrived = this.#link.arrivedAt;
    if (this.#streaming) this.#askedAt = arrived[0] as number;
    if (form === 'bx2') this.#tracking.pushBx2(bx2, arrived, toolOf, this.#tools.length, this.#sink);
    else this.#tracking.push(frame, arrived, toolOf, this.#tools.length, this.#sink);
    this.#strays?.tell(form === 'bx2' ? bx2 : frame);
    this.#options.onReply?.(form === 'bx2' ? bx2 : frame, toolOf);
    if (this.#tracking.notFinite !== this.#notFiniteTold) this.#tellNotFinite();
    const told = form === 'bx2' ? this.#bx2Alerts(bx2) : this.#alarms.system(frame.systemStatus);
    const lost = this.#link.damagedReplies + this.#askedAgain;
    if (this.#portWatch.due(told, arrived, lost) && !this.#stopping && this.#link.tracking === this) void this.#portsChanged();
    else this.#pollLater();
  }

  #bx2Alerts(reply: Bx2Reply): boolean {
    return reply.alertCount > 0 && this.#alarms.alerts(reply, this.#options.clock.now());
  }

  /** Called by the link when a reply was lost and the line is quiet again. */
  damaged(): void {
    this.#outstanding = false;
    this.#countBad('a damaged tracking reply');
    this.#pollLater();
  }

  #notTracking(reply: NdiReply): void {
    const { label } = this.#options.transport;
    const word = replyWord(reply.kind === 'text' ? reply.text() : '');
    const auto = (this.#options.replies ?? 'auto') === 'auto';
    const old = this.#replies.form === 'gx';
    if (word.word === 'reset') {
      this.#link.giveUp(new NavError('device/disconnected', `${label}: the device restarted.`));
      return;
    }
    if (
      word.word === 'error' &&
      (word.code === '01' || (old && word.code !== '0C')) &&
      (auto || old) &&
      this.#replies.useOlder()
    ) {
      this.#tracking.numbered = this.#replies.numbered;
    } else if (word.word === 'error' && (word.code === '0C' || word.code === '10')) {
      this.#link.giveUp(new NavError('device/refused', `${label} left tracking mode: ${word.meaning}.`));
      return;
    } else {
      const what =
        'code' in word ? `${word.word.toUpperCase()}${word.code}, ${word.meaning}` : 'a reply that is no tracking data';
      const code = word.word === 'warning' ? 'device/alarm' : 'device/bad-reply';
      this.#sink.fault({ code, message: `${label}: ${what}.` });
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

  /** A tool was plugged in or pulled: free, initialise and enable, leaving tracking mode only where the device asks. */
  async #portsChanged(): Promise<void> {
    const { timeouts } = this.#options;
    // A stream runs on meanwhile, and is read: its replies name it.
    if (!this.#streaming) this.#link.tracking = undefined;
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
    this.#tracking.tellHandleless(this.#now(), this.#handles.toolOf, this.#tools.length, this.#sink);
    this.#link.tracking = this;
    this.#poll();
  }

  /**
   * Tools of which nothing new comes are stale. A reply that stopped half way, or did not come in half the deadline, is
   * asked for once more: a poll does no harm twice, and every reply says which frame it is of. Past the deadline the
   * device is lost.
   */
  #look(now: Float64Array): void {
    if (this.#over) return;
    this.#staleLimits[0] = now[0] as number;
    this.#staleLimits[1] = this.#options.frozenAfterMs ?? 100;
    this.#tracking.tellStale(this.#staleLimits, this.#tools.length, this.#sink);
    this.#checkDeadline(now[0] as number);
  }

  #checkDeadline(now: number): void {
    if (!this.#outstanding && !this.#streaming) return;
    const { trackingMs } = this.#options.timeouts;
    if (now - this.#askedAt > trackingMs) {
      const label = this.#options.transport.label;
      this.#link.giveUp(new NavError('device/timeout', `${label}: no tracking reply within ${trackingMs} ms.`));
    } else if (!this.#streaming && (now - this.#requestedAt > trackingMs / 2 || this.#link.giveUpPartial(now))) {
      this.#askedAgain += 1;
      this.#send(now);
    }
  }

  /** Every tool is disconnected before anything else is done. */
  #lost(reason: NavError): void {
    if (this.#over) return;
    this.#over = true;
    const tracked = this.#watch.begun;
    if (tracked) this.#tellGone(reason.message);
    void this.#link.close().catch(() => undefined);
    if (tracked) this.#sink.fault({ code: reason.code, message: reason.message });
    this.#finish();
  }

  #now(): Float64Array {
    return new Float64Array([this.#options.clock.now()]);
  }

  #tellGone(reason: string): void {
    this.#tracking.tellAllGone(this.#now(), this.#tools.length, this.#sink);
    this.#sink.connection('disconnected', reason);
  }

  #finish(): void {
    this.#over = true;
    this.#watch.stop();
    clearTimeout(this.#nextPoll);
    this.#end();
  }
}
