import { type Clock, NavError } from '@trocar/core';
import type { RecordedRaw, Recording } from '@trocar/core/recording';
import { ReplayClock } from './clock.js';
import { EntryCursor, Pause } from './cursor.js';

/** How recorded bytes are replayed. */
export interface RawReplayOptions {
  readonly recording: Recording;
  /** The host's clock. */
  readonly clock: Clock;
  /** Which of the recording's devices. Default: the first that has bytes. */
  readonly device?: string;
  /** As for replayDriver. Default Infinity: as fast as the driver asks. */
  readonly rate?: number;
  /**
   * Before bytes are delivered, the driver must have sent as many as had been sent before them in the recording: a
   * polled device answers only what was asked. After this long without, host ms, they are delivered all the same, and
   * counted. Default 2000.
   */
  readonly answerMs?: number;
}

/** What came of a replay of bytes. */
export interface RawReplayCounts {
  /** Deliveries that have been made. */
  deliveries: number;
  /** Deliveries for which the driver had not asked as it had in the recording. */
  unasked: number;
  /** Writes of the driver that were not those of the recording. */
  different: number;
}

/** Who gets the bytes. */
export interface LineListener {
  received(bytes: Uint8Array): void;
  /** What a datagram's source, a baud rate or a break was recorded as. */
  note(text: string): void;
  closed(reason: NavError): void;
}

/** Bytes of the driver that the recording has not reached yet, at most: a driver that only writes is not kept. */
const MOST_AHEAD = 65_536;

/** The device's side of a recorded line: its bytes come again, and what the driver sends is compared. */
export class ReplayLine {
  readonly clock: ReplayClock;
  readonly counts: RawReplayCounts = { deliveries: 0, unasked: 0, different: 0 };
  readonly finished: Promise<RawReplayCounts>;
  /** Whether the recorded transport was a serial line; known once it is open. */
  serial = false;
  readonly #options: RawReplayOptions;
  readonly #cursor: EntryCursor;
  readonly #pause = new Pause();
  #finish: () => void = () => undefined;
  #listener: LineListener | undefined;
  #device: string | undefined;
  #begun = false;
  #ended = false;
  /** Bytes and line changes: of the recording and of the driver. */
  #expected = 0;
  #done = 0;
  /** What the driver has sent and the recording has not come to. */
  #ahead: number[] = [];
  /** What the recording says was sent and the driver has not. */
  #recorded: number[] = [];
  #opening = 0;
  /** The deliveries of the opening before: the place in the recording is theirs until they have stopped. */
  #delivering: Promise<void> = Promise.resolve();

  constructor(options: RawReplayOptions) {
    const { rate = Number.POSITIVE_INFINITY } = options;
    if (!(rate > 0)) throw new NavError('recording/bad-option', `A replay needs a rate above 0, got ${rate}.`);
    this.#options = options;
    this.#device = options.device;
    this.clock = new ReplayClock(options.clock, rate);
    this.#cursor = new EntryCursor(options.recording);
    this.finished = new Promise((resolve) => {
      this.#finish = () => resolve(this.counts);
    });
  }

  /**
   * Goes to where the line was next opened, and delivers from there.
   * @throws NavError `device/connect-failed` where it never was again; as Recording.entries
   */
  async open(listener: LineListener): Promise<void> {
    this.#opening += 1;
    const opening = this.#opening;
    await this.#delivering;
    for (;;) {
      const entry = await this.#next();
      if (entry === undefined) {
        this.#end();
        throw new NavError('device/connect-failed', `${this.#options.recording.label} has ended: the line was not opened again.`);
      }
      if (!this.#begun) this.#begin(entry.at);
      this.#cursor.advance();
      if (entry.what !== 'opened') continue;
      this.serial = entry.note.startsWith('serial: ');
      this.clock.stand(entry.at);
      break;
    }
    this.#listener = listener;
    this.#expected = 0;
    this.#done = 0;
    this.#ahead = [];
    this.#recorded = [];
    this.#delivering = this.#deliver(opening);
  }

  #begin(at: number): void {
    this.#begun = true;
    const { facts } = this.#options.recording;
    this.clock.begin(at, Date.parse(facts?.baseUtc ?? '') - (facts?.baseHostMs ?? at));
  }

  /** The driver sends. */
  sent(bytes: Uint8Array): void {
    if (this.#listener === undefined) return;
    this.#done += bytes.length;
    for (const byte of bytes) if (this.#ahead.length < MOST_AHEAD) this.#ahead.push(byte);
    this.#pause.end();
  }

  /** The driver changes the line. */
  lineChanged(): void {
    this.#done += 1;
    this.#pause.end();
  }

  /** The driver lets the line go. */
  close(): void {
    this.#listener = undefined;
    this.#opening += 1;
    this.#pause.end();
  }

  /** The next entry of this device's bytes. */
  async #next(): Promise<RecordedRaw | undefined> {
    for (;;) {
      if (!(await this.#cursor.fill())) return undefined;
      const entry = this.#cursor.current;
      if (entry?.kind === 'raw') {
        this.#device ??= entry.device;
        if (entry.device === this.#device) return entry;
      }
      this.#cursor.advance();
    }
  }

  async #deliver(opening: number): Promise<void> {
    const isOver = (): boolean => this.#opening !== opening;
    try {
      while (!isOver()) {
        const entry = await this.#next();
        if (isOver()) return;
        if (entry === undefined) return this.#lost(new NavError('device/disconnected', 'The recording has ended.'));
        if (entry.what === 'opened') {
          // Opened again without having been lost: the recorded driver had closed it and this one has not.
          return this.#lost(new NavError('device/disconnected', 'In the recording the line was opened anew here.'));
        }
        if (entry.what === 'received') {
          await this.#untilAsked(isOver);
          await this.#untilDue(entry.at, isOver);
          if (isOver()) return;
        }
        this.#cursor.advance();
        this.#replay(entry);
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#lost(new NavError('device/disconnected', `The recording could not be read on: ${message}`, { cause: error }));
    }
  }

  #replay(entry: RecordedRaw): void {
    this.clock.stand(entry.at);
    const listener = this.#listener as LineListener;
    if (entry.what === 'received') {
      this.counts.deliveries += 1;
      listener.received(entry.bytes);
    } else if (entry.what === 'sent') this.#compare(entry.bytes);
    else if (entry.what === 'line') {
      if (/^(break|baud) /.test(entry.note)) this.#expected += 1;
      listener.note(entry.note);
    } else this.#lost(new NavError('device/disconnected', entry.note), false);
  }

  async #untilAsked(isOver: () => boolean): Promise<void> {
    const { clock, answerMs = 2000 } = this.#options;
    const from = clock.now();
    while (!isOver() && this.#done < this.#expected) {
      const left = answerMs - (clock.now() - from);
      if (left <= 0) {
        this.counts.unasked += 1;
        this.#done = this.#expected;
        this.#ahead = [];
        this.#recorded = [];
        return;
      }
      await this.#pause.wait(left);
    }
    this.#settleAhead();
  }

  async #untilDue(at: number, isOver: () => boolean): Promise<void> {
    for (let wait = this.clock.dueInMs(at); wait > 0 && !isOver(); wait = this.clock.dueInMs(at)) {
      this.clock.runUpTo(at);
      await this.#pause.wait(wait);
    }
  }

  /** The recording says that the driver sent this here. */
  #compare(bytes: Uint8Array): void {
    this.#expected += bytes.length;
    for (const byte of bytes) if (this.#recorded.length < MOST_AHEAD) this.#recorded.push(byte);
    this.#settleAhead();
  }

  /** Compares as far as both sides have come. */
  #settleAhead(): void {
    const n = Math.min(this.#ahead.length, this.#recorded.length);
    let same = true;
    for (let i = 0; i < n; i += 1) same = same && this.#ahead[i] === this.#recorded[i];
    if (!same) this.counts.different += 1;
    this.#ahead.splice(0, n);
    this.#recorded.splice(0, n);
  }

  #lost(reason: NavError, atEnd = true): void {
    const listener = this.#listener;
    this.close();
    if (atEnd) this.clock.runUpTo(Number.POSITIVE_INFINITY);
    listener?.closed(reason);
    if (this.#cursor.current === undefined && atEnd) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    void this.#cursor.close().catch(() => undefined);
    this.#finish();
  }
}
