import type { Clock } from '@trocar/core';
import type { Bx2Reply, NdiFrame } from '../../codec/ndi/index.js';
import type { Driver, ToolInfo } from '../../driver.js';
import type { Transport } from '../../transport.js';
import { ConnectionKeeper, requireFrozenAfter } from '../kit/index.js';
import type { NdiDetails } from './details.js';
import { baudPlan, checkTools, NDI_TIMEOUTS, type NdiTimeouts, type NdiToolOptions } from './options.js';
import { NdiSession } from './session.js';

/** How an NDI tracker is driven. */
export interface NdiDriverOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly tools: readonly NdiToolOptions[];
  /** Also track wired tools that are not in {@link tools}, named by their serial number. Default true. */
  readonly otherTools?: boolean;
  /**
   * The form of tracking replies. `bx2` brings the device's own time stamps, each measurement once, and alerts; `bx` is
   * binary; `tx` is text; `gx` is what first-generation systems have. `auto`, the default, takes BX2 where the device's
   * API revision is G.003 or newer, else BX, and older forms where the device does not know that either.
   */
  readonly replies?: 'auto' | 'bx2' | 'bx' | 'tx' | 'gx';
  /** Has the device send by itself (STREAM; API revision G.003 or newer) instead of polling it. Default false. */
  readonly stream?: boolean;
  /** Also ask for the positions of each tool's markers: they are in what {@link onReply} gets. Default false. */
  readonly markers?: boolean;
  /**
   * The first rate that COMM asks for on a serial line; slower ones are tried where the device or the line does not
   * take it, and the one that works is remembered. Default 1228739.
   */
  readonly baudRate?: number;
  /** RTS/CTS on the serial line, asked for with COMM. Default false. */
  readonly hardwareHandshake?: boolean;
  /** Least time between two polls, ms. Default 4. A frame is seen at most this much late. */
  readonly pollIntervalMs?: number;
  /**
   * A tool of which nothing new has come for this long is `stale`, ms: no reply, no new frame, or frames that repeat one
   * measurement bit for bit. Default 100; `Infinity` never.
   */
  readonly frozenAfterMs?: number;
  readonly timeouts?: Partial<NdiTimeouts>;
  /** First pause before connecting again, ms; doubled up to 5 s. Default 250. */
  readonly reconnectMs?: number;
  /**
   * Gets every tracking reply as the device sent it: all status bits, buttons, markers.
   * @param reply reused: read it before returning; BX2 replies as Bx2Reply, the others as NdiFrame
   * @param toolOf tool number by port handle, −1 for none
   */
  readonly onReply?: (reply: NdiFrame | Bx2Reply, toolOf: Int16Array) => void;
  /**
   * Gets the markers that belong to no tool, with each new frame; they are asked for only where this is given. Not with GX.
   * @param positions reused: x y z of each, mm in the tracker's frame, `3 · count` numbers
   */
  readonly onStrays?: (positions: Float64Array, count: number) => void;
}

/** A driver of an NDI tracker. */
export interface NdiDriver extends Driver {
  /** What the device last said beyond poses; undefined before the first connection. */
  details(): NdiDetails | undefined;
}

const LONGEST_PAUSE_MS = 5000;

/**
 * A driver for NDI trackers that speak the Combined API (Polaris, Vega, Aurora): connects, loads and enables the
 * tools, polls, and connects again when the device is lost. The device's frame counter becomes host time.
 * Poses go through the freeze guard.
 * @throws NavError `device/bad-tool-file`, `bridge/bad-option`, `device/not-supported` for a rate that NDI does not have,
 * `pose/bad-option`
 */
export function ndiDriver(options: NdiDriverOptions): NdiDriver {
  checkTools(options.tools);
  requireFrozenAfter(options.frozenAfterMs);
  const baud = baudPlan(options.baudRate ?? 1_228_739, options.hardwareHandshake === true);
  const tools: ToolInfo[] = options.tools.map((tool) => ({
    name: tool.name,
    ...(tool.serial !== undefined && { serial: tool.serial }),
    ...(tool.partNumber !== undefined && { partNumber: tool.partNumber }),
  }));
  const { clock, transport, reconnectMs = 250, frozenAfterMs } = options;
  const name = `NDI on ${transport.label}`;
  const keeper = new ConnectionKeeper<NdiSession>({
    name,
    clock,
    reconnectMs,
    longestPauseMs: LONGEST_PAUSE_MS,
    frozenAfterMs,
    begin: (sink) => {
      sink.tools([...tools]);
      const timeouts = { ...NDI_TIMEOUTS, ...options.timeouts };
      return () => new NdiSession({ ...options, baud, timeouts }, tools, sink);
    },
  });
  return {
    name,
    details: () => keeper.connection?.details(),
    start: (sink) => keeper.start(sink),
    stop: () => keeper.stop(),
  };
}
