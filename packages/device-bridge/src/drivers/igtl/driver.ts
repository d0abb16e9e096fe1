import { NavError, type NavErrorCode } from '@trocar/core';
import type { HeaderVersion, IgtlMessageInit } from '../../codec/igtl/index.js';
import type { Driver } from '../../driver.js';
import { ConnectionKeeper } from '../kit/index.js';
import { encodingOf, type IgtlCommandReply, PendingCommands } from './commands.js';
import { type IgtlDriverOptions, resolveOptions } from './options.js';
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
  const { transport, clock, reconnectMs, frozenAfterMs } = settings;
  const name = `OpenIGTLink on ${transport.label}`;
  let tracking: IgtlTracking | undefined;
  const keeper = new ConnectionKeeper<IgtlSession>({
    name,
    clock,
    reconnectMs,
    longestPauseMs: LONGEST_PAUSE_MS,
    frozenAfterMs,
    begin: (sink) => {
      const own = new IgtlTracking(settings, sink);
      tracking = own;
      own.tellTools();
      return () => new IgtlSession(settings, own, commands, sink);
    },
  });
  const session = (): IgtlSession => {
    if (keeper.connection !== undefined) return keeper.connection;
    throw new NavError('device/disconnected', 'The OpenIGTLink driver is not running.');
  };
  return {
    name,
    get headerVersion() {
      return keeper.connection?.version ?? settings.headerVersion;
    },
    get counts() {
      return countsOf(keeper.connection, tracking);
    },
    start: (sink) => keeper.start(sink),
    stop: () => keeper.stop(),
    send: (message) => session().send(message),
    command: async (command, text, { timeoutMs = COMMAND_TIMEOUT_MS, device = '' } = {}) =>
      commands.ask('command', command, timeoutMs, (id) => {
        const content = { kind: 'command', id, name: command, encoding: encodingOf(text), text } as const;
        session().send({ type: 'COMMAND', device, content });
      }),
    stringCommand: async (text, { timeoutMs = COMMAND_TIMEOUT_MS } = {}) =>
      commands.ask('string', text.slice(0, 80), timeoutMs, (id) => {
        session().send({ type: 'STRING', device: `CMD_${id}`, content: { kind: 'string', encoding: encodingOf(text), text } });
      }),
  };
}

function countsOf(session: IgtlSession | undefined, tracking: IgtlTracking | undefined): IgtlCounts {
  return {
    messages: session?.messages ?? 0,
    poses: tracking?.poses ?? 0,
    refused: tracking?.refused ?? 0,
    turnedAway: tracking?.registry.turnedAway ?? 0,
    faults: tracking?.faults.counts ?? new Map<NavErrorCode, number>(),
  };
}
