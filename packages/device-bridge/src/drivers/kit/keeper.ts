import { type Clock, isNavError, NavError, type PoseSample } from '@trocar/core';
import type { ConnectionState, PoseSink } from '../../driver.js';
import { freezeGuard } from '../freeze-guard.js';
import { RareFaults } from './faults.js';

/** One connection to a device, from opening it to letting it go. */
export interface Connection {
  /** Resolved when a connection that was made is over, for whatever reason. */
  readonly ended: Promise<void>;
  /**
   * Resolves when the device tracks, and `connected` was told. Where it fails, the device has been let go.
   * @throws NavError
   */
  start(): Promise<void>;
  /** Lets the device go, and tells every tool `disconnected`. Where {@link start} still runs, that fails. */
  stop(): Promise<void>;
}

/** What a keeper of connections needs to know. */
export interface KeeperOptions<C extends Connection> {
  /** For people: `DTrack on udp 127.0.0.1:5000`. */
  readonly name: string;
  readonly clock: Clock;
  /** First pause before connecting again, ms; doubled while that fails, up to {@link longestPauseMs}. */
  readonly reconnectMs: number;
  readonly longestPauseMs: number;
  /** As the freeze guard's `afterMs`. */
  readonly frozenAfterMs?: number | undefined;
  /** Where failures to connect again are told and counted. */
  readonly faults?: RareFaults;
  /**
   * Called with each start: tells `sink` the tools.
   * @returns what makes each of the connections that follow; they tell the same sink
   */
  begin(sink: PoseSink): () => C;
}

/** How long the end of a connection that was given up while it opened is waited for, ms. */
const LINGER_MS = 500;

/**
 * What a driver's start and stop are: connects, connects again with growing pauses whenever the connection is lost,
 * and stops. The first connection's failure is `start()`'s; later ones are told as faults. `connecting` is always
 * followed by `connected` or `disconnected`. Poses go through the freeze guard. Once `stop()` has resolved nothing is told
 * any more, whatever a connection that was given up still does.
 */
export class ConnectionKeeper<C extends Connection> {
  readonly #options: KeeperOptions<C>;
  readonly #faults: RareFaults;
  #run: Run<C> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: KeeperOptions<C>) {
    this.#options = options;
    this.#faults = options.faults ?? new RareFaults(options.clock);
  }

  /** The connection there is now, or was last; undefined where the driver does not run. */
  get connection(): C | undefined {
    return this.#run?.connection;
  }

  /**
   * Resolves when the first connection tracks.
   * @throws NavError the first connection's failure; `device/disconnected` where it was stopped meanwhile;
   * `bridge/bad-option` where it runs already; `pose/bad-option` as {@link freezeGuard}
   */
  async start(to: PoseSink): Promise<void> {
    const { name } = this.#options;
    if (this.#run !== undefined) throw new NavError('bridge/bad-option', `${name} is already running. Stop it first.`);
    const run = new Run(this.#options, this.#faults, to);
    this.#run = run;
    try {
      if (this.#stopping !== undefined) await this.#stopping;
      await run.start();
    } catch (error) {
      if (this.#run === run) {
        this.#run = undefined;
        run.close();
      }
      throw error;
    }
  }

  /** Lets the device go; resolves when that is done, however often it is called. */
  stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return this.#stopping ?? Promise.resolve();
    const stopping = run.stop(this.#stopping).finally(() => {
      if (this.#stopping === stopping) this.#stopping = undefined;
    });
    this.#stopping = stopping;
    return stopping;
  }
}

/** From start to stop: one connection after the other. */
class Run<C extends Connection> {
  connection: C | undefined;
  readonly #options: KeeperOptions<C>;
  readonly #faults: RareFaults;
  readonly #gate: Gate;
  readonly #sink: PoseSink;
  /** Settled when the connection that is being made was made or has failed; never refused. */
  #made: Promise<void> = Promise.resolve();
  #stopped = false;
  #wake: () => void = () => undefined;
  #abort: (reason: NavError) => void = () => undefined;

  constructor(options: KeeperOptions<C>, faults: RareFaults, to: PoseSink) {
    const { frozenAfterMs } = options;
    this.#options = options;
    this.#faults = faults;
    this.#gate = new Gate(to);
    this.#sink = freezeGuard(this.#gate, frozenAfterMs === undefined ? {} : { afterMs: frozenAfterMs });
  }

  async start(): Promise<void> {
    this.#throwIfStopped();
    const make = this.#options.begin(this.#sink);
    await this.#connect(make);
    void this.#keepConnected(make);
  }

  /** @param before a stop that is not done yet */
  async stop(before: Promise<void> | undefined): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await before;
    try {
      await this.connection?.stop();
    } catch (error) {
      this.#tell(asNavError(error));
    }
    this.#abort(this.#whenStopped());
    await this.#untilMade();
    this.#tellGone('Stopped.');
    this.close();
  }

  /** Nothing is told any more. */
  close(): void {
    this.#gate.close();
  }

  /** Until what was being made is made or has failed, but not for ever: whatever opens late is let go when it does. */
  #untilMade(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LINGER_MS);
      void this.#made.then(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async #connect(make: () => C): Promise<void> {
    this.#sink.connection('connecting', `Connecting: ${this.#options.name}.`);
    try {
      const connection = make();
      this.connection = connection;
      const starting = connection.start();
      this.#made = starting.then(
        // Made although it was given up: nobody would let it go.
        () => (this.#stopped ? connection.stop().catch(() => undefined) : undefined),
        () => undefined,
      );
      const aborted = new Promise<never>((_, reject) => {
        this.#abort = reject;
      });
      await Promise.race([starting, aborted]);
      this.#throwIfStopped();
    } catch (error) {
      const reason = asNavError(error);
      if (!this.#stopped) this.#tellGone(reason.message);
      throw reason;
    }
  }

  async #keepConnected(make: () => C): Promise<void> {
    const { reconnectMs, longestPauseMs } = this.#options;
    let pauseMs = reconnectMs;
    let connected = true;
    while (!this.#stopped) {
      if (connected) await this.connection?.ended;
      await this.#pause(pauseMs);
      if (this.#stopped) return;
      try {
        await this.#connect(make);
        connected = true;
        pauseMs = reconnectMs;
      } catch (error) {
        connected = false;
        pauseMs = Math.min(Math.max(2 * pauseMs, 1), Math.max(reconnectMs, longestPauseMs));
        if (!this.#stopped) this.#tell(asNavError(error));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #tell(reason: NavError): void {
    this.#faults.tell(this.#sink, reason.code, reason.message);
  }

  #tellGone(reason: string): void {
    if (this.#gate.told !== 'disconnected') this.#sink.connection('disconnected', reason);
  }

  #whenStopped(): NavError {
    return new NavError('device/disconnected', `${this.#options.name} was stopped while it connected.`);
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw this.#whenStopped();
  }
}

/** A sink that can be closed: then nothing goes through any more. */
class Gate implements PoseSink {
  readonly #sink: PoseSink;
  #closed = false;
  #told: ConnectionState = 'disconnected';

  constructor(sink: PoseSink) {
    this.#sink = sink;
  }

  /** What the sink was told last. */
  get told(): ConnectionState {
    return this.#told;
  }

  close(): void {
    this.#closed = true;
  }

  tools: PoseSink['tools'] = (list) => {
    if (!this.#closed) this.#sink.tools(list);
  };

  // The hot path: a method, and nothing but the question.
  pose(tool: number, sample: PoseSample, frameNumber: number): void {
    if (!this.#closed) this.#sink.pose(tool, sample, frameNumber);
  }

  flush(): void {
    if (!this.#closed) this.#sink.flush();
  }

  connection: PoseSink['connection'] = (state, reason) => {
    this.#told = state;
    if (!this.#closed) this.#sink.connection(state, reason);
  };

  fault: PoseSink['fault'] = (fault) => {
    if (!this.#closed) this.#sink.fault(fault);
  };

  images: NonNullable<PoseSink['images']> = (list) => {
    if (!this.#closed) this.#sink.images?.(list);
  };

  image: NonNullable<PoseSink['image']> = (source, frame) => {
    if (!this.#closed) this.#sink.image?.(source, frame);
  };
}

/** What a connection failed with, as an error of ours: `device/connect-failed` where it is none. */
export function asNavError(error: unknown): NavError {
  if (isNavError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new NavError('device/connect-failed', message, { cause: error });
}
