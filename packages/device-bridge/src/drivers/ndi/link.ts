import { type Clock, isNavError, NavError } from '@trocar/core';
import {
  encodeCommand,
  type NdiFault,
  type NdiReply,
  NdiReplyFramer,
  type NdiReplyHandler,
  replyWord,
} from '../../codec/ndi/index.js';
import type { DriverFault } from '../../driver.js';
import type { Transport, TransportHandler } from '../../transport.js';

/** After bytes that made no sense the line must be quiet this long before the next command, ms. */
const QUIET_MS = 40;
/** How often a command whose reply was damaged is asked again. */
const TRIES = 3;
/** Commands that must not be repeated: each would take another port handle. */
const ONCE = new Set(['PHRQ']);
/** Commands that NDI's own programs send in the space form only. */
const PLAIN = new Set(['APIREV', 'STREAM', 'USTREAM']);

/** A command that waits for its reply. */
interface Waiting {
  readonly name: string;
  readonly resolve: (text: string) => void;
  readonly reject: (error: NavError) => void;
}

/** What a link tells its session. */
export interface LinkEvents {
  fault(fault: DriverFault): void;
  /** The connection is of no use any more; called once. */
  lost(reason: NavError): void;
}

/** Takes tracking replies; `damaged` where the reply was lost and the line is quiet again. */
export interface TrackingHandler {
  /** The device sends replies by itself: the line never falls silent, and each names its stream. */
  readonly streaming: boolean;
  reply(reply: NdiReply): void;
  damaged(): void;
}

/**
 * One connection to an NDI device: one command at a time, each with its deadline. Replies carry no number, so a reply
 * is the answer to the command before it only as long as none is lost: after damage the line is first left to fall
 * silent, and after a missing reply the connection is given up.
 */
export class NdiLink implements TransportHandler, NdiReplyHandler {
  readonly transport: Transport;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #framer: NdiReplyFramer;
  /** When the newest bytes arrived, host ms: a cell, so that the hot path boxes nothing. */
  readonly arrivedAt: Float64Array = new Float64Array(1).fill(Number.NaN);
  /** Where tracking replies go while no command waits. */
  tracking: TrackingHandler | undefined;
  #waiting: Waiting | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #damage: NdiFault | undefined;
  /** Damaged or stopped replies so far. */
  damagedReplies = 0;
  #lost = false;

  constructor(transport: Transport, clock: Clock, events: LinkEvents, maxBytes?: number) {
    this.transport = transport;
    this.#clock = clock;
    this.#events = events;
    this.#framer = new NdiReplyFramer(this, maxBytes);
  }

  /** @throws NavError `device/connect-failed` */
  async open(): Promise<void> {
    await this.transport.open(this);
  }

  /** Closes, and refuses whatever still waits. */
  async close(): Promise<void> {
    this.tracking = undefined;
    this.#lost = true;
    this.#settle(new NavError('device/disconnected', 'The connection was closed.'));
    clearTimeout(this.#quiet);
    await this.transport.close();
  }

  /**
   * Sends a command and returns its reply without CRC. A damaged reply is asked for again.
   * @throws NavError `device/timeout`, `device/refused` (detail.code is NDI's), `device/bad-crc`, `device/bad-reply`,
   * `device/disconnected`
   */
  async ask(name: string, args: string, timeoutMs: number): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(name, args, timeoutMs);
      } catch (error) {
        const damaged = isNavError(error, 'device/bad-crc') || isNavError(error, 'device/bad-reply');
        if (!damaged || attempt >= TRIES || ONCE.has(name)) throw error;
      }
    }
  }

  #once(name: string, args: string, timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(new NavError('device/disconnected', `"${name}" was not sent: the connection is closed.`));
      if (this.#waiting)
        return reject(new NavError('device/bad-reply', `"${name}" was sent while "${this.#waiting.name}" waits.`));
      this.#wait(name, timeoutMs, resolve, reject);
      this.transport.write(encodeCommand(name, args, PLAIN.has(name) ? 'plain' : 'crc'));
    });
  }

  /**
   * Waits for a reply that no command of ours asked for: the banner after a break.
   * @throws NavError as {@link ask}
   */
  awaitBanner(timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => this.#wait('RESET', timeoutMs, resolve, reject));
  }

  /** Stops waiting for a banner that will not come: its promise is refused. */
  cancelBanner(): void {
    this.#settle(new NavError('device/timeout', 'The device was not asked for its banner.'));
  }

  #wait(name: string, timeoutMs: number, resolve: (text: string) => void, reject: (error: NavError) => void): void {
    this.#waiting = { name, resolve, reject };
    this.#deadline = setTimeout(() => {
      const what = `${this.transport.label}: no reply to "${name}" within ${timeoutMs} ms.`;
      this.#settle(new NavError('device/timeout', `${what} Check power, cable and baud rate.`, { detail: { command: name } }));
    }, timeoutMs);
  }

  #settle(outcome: string | NavError): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(this.#deadline);
    if (waiting === undefined) return;
    if (typeof outcome === 'string') waiting.resolve(outcome);
    else waiting.reject(outcome);
  }

  /** Called by the transport. */
  data(bytes: Uint8Array): void {
    this.arrivedAt[0] = this.#clock.now();
    // A stream does not fall silent: there the wait is for a time, not for quiet.
    if (this.#damage !== undefined && this.tracking?.streaming !== true) this.#waitForQuiet();
    this.#framer.feed(bytes);
  }

  /** Called by the transport. */
  closed(reason: NavError): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#settle(reason);
    this.#events.lost(reason);
  }

  /** Gives the connection up: whoever waits is told, and the session once. */
  giveUp(reason: NavError): void {
    this.closed(reason);
  }

  /** Called by the framer. */
  reply(reply: NdiReply): void {
    if (reply.streamed) {
      this.tracking?.reply(reply);
      return;
    }
    // Between damage and silence nothing can be told apart: it may answer this command or the one before.
    if (this.#damage !== undefined) return;
    if (this.#waiting === undefined) {
      if (this.tracking?.streaming !== true) this.tracking?.reply(reply);
      else this.#unasked(reply);
      return;
    }
    if (reply.kind !== 'text') {
      this.#settle(new NavError('device/bad-reply', `"${this.#waiting.name}" was answered in binary.`));
      return;
    }
    this.#answer(this.#waiting.name, reply.text());
  }

  /** While a stream runs nothing else is asked for: what comes all the same may be the banner of a restarted device. */
  #unasked(reply: NdiReply): void {
    if (reply.kind === 'text' && replyWord(reply.text()).word === 'reset') {
      this.giveUp(new NavError('device/disconnected', `${this.transport.label}: the device restarted.`));
    }
  }

  #answer(name: string, text: string): void {
    const word = replyWord(text);
    if (word.word === 'error') {
      const message = `${this.transport.label} refused "${name}": ERROR${word.code}, ${word.meaning}.`;
      const code = word.code === '04' ? 'device/bad-crc' : 'device/refused';
      this.#settle(new NavError(code, message, { detail: { command: name, code: word.code } }));
      return;
    }
    if (word.word === 'warning') {
      this.#events.fault({ code: 'device/alarm', message: `"${name}" gave WARNING${word.code}: ${word.meaning}.` });
    }
    this.#settle(text);
  }

  /** Called by the framer. */
  fault(code: NdiFault, lost: number): void {
    this.#events.fault({ code, message: `${this.transport.label}: ${lost} bytes were given up (${code}).` });
    this.damagedReplies += 1;
    // Bytes that are lost while nothing is asked for harm nobody; nor do those of a stream, whose replies name it.
    if (this.#waiting === undefined && this.tracking?.streaming !== false) return;
    this.#damage = code;
    this.#waitForQuiet();
  }

  /**
   * Gives up a reply that stopped in the middle: bytes wait for more, and none have come for a while. A byte was lost.
   * @returns whether there was one
   */
  giveUpPartial(now: number): boolean {
    if (this.#framer.buffered === 0 || now - (this.arrivedAt[0] as number) < QUIET_MS) return false;
    this.#events.fault({
      code: 'codec/malformed',
      message: `${this.transport.label}: a reply stopped after ${this.#framer.buffered} bytes.`,
    });
    this.damagedReplies += 1;
    this.#framer.reset();
    return true;
  }

  #waitForQuiet(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#nowQuiet(), QUIET_MS);
  }

  #nowQuiet(): void {
    const damage = this.#damage;
    this.#damage = undefined;
    if (this.tracking?.streaming !== true) this.#framer.reset();
    if (this.#lost || damage === undefined) return;
    if (this.#waiting === undefined) {
      this.tracking?.damaged();
      return;
    }
    const code = damage === 'codec/bad-crc' ? 'device/bad-crc' : 'device/bad-reply';
    this.#settle(new NavError(code, `${this.transport.label}: the reply to "${this.#waiting.name}" was damaged (${damage}).`));
  }
}
