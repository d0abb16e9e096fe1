import { type Clock, NavError, type NavErrorCode } from '@trocar/core';
import type { ImageFrame, ImageSource } from '@trocar/core/recording';
import type { Driver, PoseSink, ToolInfo } from '../../driver.js';
import { RareFaults } from './faults.js';
import { asNavError, type Connection, ConnectionKeeper } from './keeper.js';
import { PoseTeller } from './poses.js';
import { Watch } from './watch.js';

/** One connection, as a driver's own part sees it. */
export interface DriverSession {
  readonly poses: PoseTeller;
  /**
   * Something came from the device: takes the time of arrival into `poses.arrivedAt`.
   * @returns false where this connection is over and nothing is to be told any more
   */
  arrived(): boolean;
  /** It was a frame, so the device tracks: call it before its poses are told. */
  alive(): void;
  /**
   * An image of one of the driver's sources, once the device tracks. No later than it arrived.
   * @param frame its pixels are valid until the call returns
   */
  image(source: number, frame: ImageFrame): void;
  /** The connection is gone, or of no use any more. Only the first reason counts. */
  lost(reason: NavError): void;
  /** Tells something at a low rate: each code at once, then once a second with how often it came. */
  fault(code: NavErrorCode, message: string): void;
}

/** Deadlines of a driver, ms. */
export interface DriverTimeouts {
  /** From opening to the first frame. Default 5000. */
  readonly connectMs?: number;
  /** Without a frame for this long every tool is `disconnected`. Default 400. */
  readonly silenceMs?: number;
  /** Pause before connecting again. Default 250; doubled up to {@link longestPauseMs} while it fails. */
  readonly reconnectMs?: number;
  /** Default 2000. */
  readonly longestPauseMs?: number;
}

/** What makes a driver of a codec and a transport: everything else is the same for every device. */
export interface DriverParts {
  /** For people: `DTrack on udp 127.0.0.1:5000`. */
  readonly name: string;
  readonly clock: Clock;
  readonly tools: readonly ToolInfo[];
  /** What it has images of. Default nothing. */
  readonly images?: readonly ImageSource[];
  readonly timeouts?: DriverTimeouts;
  /** See the freeze guard. Default 100 ms; `Infinity` turns it off. */
  readonly frozenAfterMs?: number;
  /**
   * Opens the transport, hands what comes to the codec, and tells `session`. Resolves when the device has been asked
   * for everything it needs to be asked for.
   * @throws NavError which then is the failure of the connection
   */
  open(session: DriverSession): Promise<void>;
  /** Lets the device go, also where {@link open} failed half way; closing twice does nothing more. */
  close(): Promise<void>;
}

const TIMEOUTS: Required<DriverTimeouts> = { connectMs: 5000, silenceMs: 400, reconnectMs: 250, longestPauseMs: 2000 };

/**
 * Makes a driver: connects, waits for the first frame, tells a tool `stale` that is silent for its own period and 100 ms, tells every tool `disconnected` the moment
 * the device goes, connects again with growing pauses, and after `stop()` tells nothing more. Poses go through the
 * freeze guard.
 * @throws NavError `bridge/bad-option` for tool names that cannot be told apart, and deadlines that are none; `pose/bad-option`
 */
export function makeDriver(parts: DriverParts): Driver {
  requireToolNames(parts.tools);
  const timeouts = { ...TIMEOUTS, ...parts.timeouts };
  requireTimeouts(timeouts);
  requireFrozenAfter(parts.frozenAfterMs);
  const poses = new PoseTeller(parts.tools);
  const faults = new RareFaults(parts.clock);
  const { name, clock, frozenAfterMs } = parts;
  const { reconnectMs, longestPauseMs } = timeouts;
  const keeper = new ConnectionKeeper<Session>({
    name,
    clock,
    reconnectMs,
    longestPauseMs,
    frozenAfterMs,
    faults,
    begin: (sink) => {
      poses.sink = sink;
      sink.tools([...poses.tools]);
      if (parts.images !== undefined) sink.images?.([...parts.images]);
      return () => new Session(parts, timeouts, poses, faults, sink);
    },
  });
  return { name, start: (sink) => keeper.start(sink), stop: () => keeper.stop() };
}

/** One connection, from opening to losing or closing it. */
class Session implements DriverSession, Connection {
  readonly poses: PoseTeller;
  /** Resolved when the connection is over and closed. */
  readonly ended: Promise<void>;
  readonly #parts: DriverParts;
  readonly #timeouts: Required<DriverTimeouts>;
  readonly #faults: RareFaults;
  readonly #sink: PoseSink;
  readonly #lastAlive = new Float64Array(1);
  readonly #watch: Watch;
  #end: () => void = () => undefined;
  #fail: (reason: NavError) => void = () => undefined;
  #tracks: () => void = () => undefined;
  #tracking = false;
  #over = false;

  constructor(parts: DriverParts, timeouts: Required<DriverTimeouts>, poses: PoseTeller, faults: RareFaults, sink: PoseSink) {
    this.#parts = parts;
    this.#timeouts = timeouts;
    this.#faults = faults;
    this.#sink = sink;
    this.poses = poses;
    this.#watch = new Watch(parts.clock, (now) => this.#look(now));
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Resolves with the first frame. @throws NavError as Driver.start */
  async start(): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const tracks = new Promise<void>((resolve) => {
      this.#tracks = resolve;
    });
    const { connectMs } = this.#timeouts;
    const what = `${this.#parts.name}: no frame within ${connectMs} ms. Check that the device measures and sends here.`;
    const deadline = setTimeout(() => this.lost(new NavError('device/timeout', what)), connectMs);
    try {
      await Promise.race([failed, Promise.all([this.#open(), tracks])]);
    } catch (error) {
      this.lost(asNavError(error));
      await this.ended;
      throw asNavError(error);
    } finally {
      clearTimeout(deadline);
    }
  }

  /** What opens only after it was given up is closed again. */
  async #open(): Promise<void> {
    await this.#parts.open(this);
    if (this.#over) await this.#parts.close();
  }

  arrived(): boolean {
    this.poses.arrivedAt[0] = this.#parts.clock.now();
    return !this.#over;
  }

  alive(): void {
    this.#lastAlive[0] = this.poses.arrivedAt[0] as number;
    if (this.#tracking || this.#over) return;
    this.#tracking = true;
    this.#watch.start();
    this.#sink.connection('connected', `Tracking: ${this.#parts.name}.`);
    this.#tracks();
  }

  image(source: number, frame: ImageFrame): void {
    if (this.#over || !this.#tracking) return;
    const late = frame.measuredAt > frame.arrivedAt;
    this.#sink.image?.(source, late ? { ...frame, measuredAt: frame.arrivedAt } : frame);
  }

  fault(code: NavErrorCode, message: string): void {
    if (!this.#over) this.#faults.tell(this.#sink, code, message);
  }

  lost(reason: NavError): void {
    if (this.#over) return;
    const tracked = this.#tracking;
    this.#finish(reason.message);
    if (tracked) this.#faults.tell(this.#sink, reason.code, reason.message);
    this.#fail(reason);
  }

  /** Closes on purpose. */
  async stop(): Promise<void> {
    if (this.#over) return this.ended;
    this.#finish('Stopped.');
    this.#fail(new NavError('device/disconnected', `${this.#parts.name} was stopped while it connected.`));
    await this.ended;
  }

  /** Every tool is disconnected before anything else is done. */
  #finish(reason: string): void {
    this.#over = true;
    this.#watch.stop();
    this.poses.arrivedAt[0] = this.#parts.clock.now();
    if (this.#tracking) this.poses.tellAllGone();
    this.#sink.connection('disconnected', reason);
    // A transport that cannot even be closed is no reason to hang.
    void this.#parts.close().then(this.#end, this.#end);
  }

  /** Tools that say nothing are stale; a device that says nothing for longer is lost. */
  #look(now: Float64Array): void {
    const { silenceMs } = this.#timeouts;
    this.poses.tellStale(now);
    if ((now[0] as number) - (this.#lastAlive[0] as number) <= silenceMs) return;
    this.lost(new NavError('device/timeout', `${this.#parts.name}: no frame for ${silenceMs} ms.`));
  }
}

/**
 * Refuses an age that is none before anything is connected.
 * @throws NavError `pose/bad-option`
 */
export function requireFrozenAfter(ms: number | undefined): void {
  if (ms !== undefined && !(ms > 0)) throw new NavError('pose/bad-option', `frozenAfterMs must be above 0, got ${ms}.`);
}

/**
 * Refuses names that cannot be told apart, or written in a file or a URL.
 * @throws NavError `bridge/bad-option`
 */
export function requireToolNames(tools: ReadonlyArray<{ readonly name: string }>): void {
  const names = new Set<string>();
  for (const { name } of tools) {
    if (!isToolName(name) || names.has(name)) {
      throw new NavError(
        'bridge/bad-option',
        `"${name}" cannot name a tool here. Use unique names of a letter and at most 63 letters, digits, "-" or "_".`,
      );
    }
    names.add(name);
  }
}

/** Whether a name can be a tool's: a letter and at most 63 letters, digits, `-` or `_`. */
export function isToolName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name);
}

function requireTimeouts(timeouts: Required<DriverTimeouts>): void {
  for (const [name, ms] of Object.entries(timeouts)) {
    if (!(Number.isFinite(ms) && ms > 0)) throw new NavError('bridge/bad-option', `${name} must be above 0 ms, got ${ms}.`);
  }
}
