import { isNavError, NavError, type NavErrorCode } from '@trocar/core';
import type { HeaderVersion, IgtlMessageInit } from '../../codec/igtl/index.js';
import type { Driver, PoseSink } from '../../driver.js';
import { freezeGuard } from '../freeze-guard.js';
import { encodingOf, type IgtlCommandReply, PendingCommands } from './commands.js';
import { type IgtlDriverOptions, type IgtlSettings, resolveOptions } from './options.js';
import { IgtlSession } from './session.js';
import { IgtlTracking } from './tracking.js';

/** A message to send: the driver chooses the header version that the server reads. */
export type IgtlOutgoing = Omit<IgtlMessageInit, 'headerVersion'>;

/** How a command is sent. */
export interface IgtlCommandOptions {
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** The header's device name. Default empty; not used by the form with STRING. */
  readonly device?: string;
}

/** What a driver has taken in since it was made. */
export interface IgtlCounts {
  /** Messages whose CRC was right, of this connection. */
  readonly messages: number;
  /** Poses told with numbers. */
  readonly poses: number;
  /** Messages refused: damaged, of a wrong size, with values that do not exist. */
  readonly refused: number;
  /** Names that were not taken because there were too many. */
  readonly turnedAway: number;
  /** Each kind of fault, also those that were not told because they came too fast. */
  readonly faults: ReadonlyMap<NavErrorCode, number>;
}

/** An OpenIGTLink client as a driver, and what only this protocol can do. */
export interface IgtlDriver extends Driver {
  /** What messages are sent in now. */
  readonly headerVersion: HeaderVersion;
  readonly counts: IgtlCounts;
  /**
   * Sends any message.
   * @throws NavError `device/disconnected`; `igtl/does-not-fit`, for metadata too where the server reads only header
   * version 1; `igtl/bad-value`
   */
  send(message: IgtlOutgoing): void;
  /**
   * Sends a COMMAND and waits for its RTS_COMMAND.
   * @param name of the command, 128 bytes at most
   * @param text mostly XML: `plusCommand` writes PLUS's
   * @throws NavError `device/disconnected`, `device/timeout`, `device/refused` where 64 wait, `igtl/does-not-fit`
   */
  command(name: string, text: string, options?: IgtlCommandOptions): Promise<IgtlCommandReply>;
  /**
   * The older form of PLUS: a STRING from device `CMD_<number>`, answered by one from `ACK_<number>`.
   * @throws NavError as {@link command}
   */
  stringCommand(text: string, options?: IgtlCommandOptions): Promise<IgtlCommandReply>;
}

const LONGEST_PAUSE_MS = 5000;
const COMMAND_TIMEOUT_MS = 5000;

/**
 * A driver for OpenIGTLink servers (PLUS, Slicer, any tracker that speaks it): takes TRANSFORM, POSITION, TDATA and
 * QTDATA as poses, asks for the latter two where wanted, and connects again when the server is lost. Poses go through
 * the freeze guard. See docs/openigtlink.md for what a status means here.
 * @throws NavError `bridge/bad-option`, `pose/bad-option`
 */
export function igtlDriver(options: IgtlDriverOptions): IgtlDriver {
  const settings = resolveOptions(options);
  const commands = new PendingCommands();
  let running: Run | undefined;
  let tracking: IgtlTracking | undefined;
  const session = (): IgtlSession => {
    if (running?.session === undefined) throw new NavError('device/disconnected', 'The OpenIGTLink driver is not running.');
    return running.session;
  };
  return {
    name: `OpenIGTLink on ${settings.transport.label}`,
    get headerVersion() {
      return running?.session?.version ?? settings.headerVersion;
    },
    get counts() {
      return countsOf(running, tracking);
    },
    start: async (to) => {
      if (running) throw new NavError('bridge/bad-option', 'The OpenIGTLink driver is already running. Stop it first.');
      const { freezeAfterMs } = options;
      const sink = freezeGuard(to, freezeAfterMs === undefined ? {} : { afterMs: freezeAfterMs });
      tracking = new IgtlTracking(settings, sink);
      const own: Run = { settings, sink, tracking, commands, stopped: false, session: undefined, wake: () => undefined };
      running = own;
      tracking.tellTools();
      try {
        await connect(own);
      } catch (error) {
        if (running === own) running = undefined;
        throw error;
      }
      void keepConnected(own);
    },
    stop: async () => {
      const own = running;
      if (own === undefined) return;
      running = undefined;
      own.stopped = true;
      own.wake();
      await own.session?.stop();
    },
    send: (message) => session().send(message),
    command: async (name, text, { timeoutMs = COMMAND_TIMEOUT_MS, device = '' } = {}) =>
      commands.ask('command', name, timeoutMs, (id) => {
        const content = { kind: 'command', id, name, encoding: encodingOf(text), text } as const;
        session().send({ type: 'COMMAND', device, content });
      }),
    stringCommand: async (text, { timeoutMs = COMMAND_TIMEOUT_MS } = {}) =>
      commands.ask('string', text.slice(0, 80), timeoutMs, (id) => {
        session().send({ type: 'STRING', device: `CMD_${id}`, content: { kind: 'string', encoding: encodingOf(text), text } });
      }),
  };
}

interface Run {
  readonly settings: IgtlSettings;
  readonly sink: PoseSink;
  readonly tracking: IgtlTracking;
  readonly commands: PendingCommands;
  stopped: boolean;
  session: IgtlSession | undefined;
  wake: () => void;
}

function countsOf(run: Run | undefined, tracking: IgtlTracking | undefined): IgtlCounts {
  return {
    messages: run?.session?.messages ?? 0,
    poses: tracking?.poses ?? 0,
    refused: tracking?.refused ?? 0,
    turnedAway: tracking?.registry.turnedAway ?? 0,
    faults: tracking?.faults.counts ?? new Map<NavErrorCode, number>(),
  };
}

async function connect(run: Run): Promise<void> {
  const { settings, sink, tracking, commands } = run;
  const session = new IgtlSession(settings, tracking, commands, sink);
  run.session = session;
  sink.connection('connecting', `Connecting to ${settings.transport.label}.`);
  try {
    await session.start();
  } catch (error) {
    await session.abandon();
    sink.connection('disconnected', error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** Waits for each loss, and connects again with growing pauses, until stopped. */
async function keepConnected(run: Run): Promise<void> {
  const first = run.settings.reconnectMs;
  let pauseMs = first;
  while (!run.stopped) {
    await run.session?.ended;
    if (run.stopped) return;
    await pause(run, pauseMs);
    if (run.stopped) return;
    try {
      await connect(run);
      pauseMs = first;
      if (run.stopped) await run.session?.stop();
    } catch (error) {
      pauseMs = Math.min(Math.max(2 * pauseMs, 1), LONGEST_PAUSE_MS);
      const code = isNavError(error) ? error.code : 'device/connect-failed';
      if (!run.stopped) run.sink.fault({ code, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

function pause(run: Run, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    run.wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
