import { type Clock, isNavError, NavError } from '@trocar/core';
import type { Bx2Reply, NdiFrame } from '../../codec/ndi/index.js';
import type { Driver, PoseSink, ToolInfo } from '../../driver.js';
import type { Transport } from '../../transport.js';
import { freezeGuard } from '../freeze-guard.js';
import type { NdiDetails } from './details.js';
import { type BaudPlan, baudPlan, checkTools, NDI_TIMEOUTS, type NdiTimeouts, type NdiToolOptions } from './options.js';
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
 * Poses go through {@link freezeGuard}.
 * @throws NavError `device/bad-tool-file`, `bridge/bad-option`, `device/not-supported` for a rate that NDI does not have,
 * `pose/bad-option`
 */
export function ndiDriver(options: NdiDriverOptions): NdiDriver {
  checkTools(options.tools);
  const frozenAfterMs = options.frozenAfterMs ?? 100;
  if (!(frozenAfterMs > 0)) throw new NavError('pose/bad-option', `frozenAfterMs must be above 0, got ${frozenAfterMs}.`);
  const baud = baudPlan(options.baudRate ?? 1_228_739, options.hardwareHandshake === true);
  const tools: ToolInfo[] = options.tools.map((tool) => ({
    name: tool.name,
    ...(tool.serial !== undefined && { serial: tool.serial }),
    ...(tool.partNumber !== undefined && { partNumber: tool.partNumber }),
  }));
  let running: Run | undefined;
  return {
    name: `NDI on ${options.transport.label}`,
    details: () => running?.session?.details(),
    start: async (to) => {
      if (running) throw new NavError('bridge/bad-option', 'The NDI driver is already running. Stop it first.');
      const own: Run = { stopped: false, session: undefined, baud, wake: () => undefined };
      const sink = freezeGuard(to, { afterMs: frozenAfterMs });
      running = own;
      sink.tools([...tools]);
      try {
        await connect(own, options, tools, sink);
      } catch (error) {
        running = undefined;
        throw error;
      }
      void keepConnected(own, options, tools, sink);
    },
    stop: async () => {
      const own = running;
      if (own === undefined) return;
      running = undefined;
      own.stopped = true;
      own.wake();
      await own.session?.stop();
    },
  };
}

interface Run {
  stopped: boolean;
  readonly baud: BaudPlan;
  session: NdiSession | undefined;
  wake: () => void;
}

async function connect(run: Run, options: NdiDriverOptions, tools: ToolInfo[], sink: PoseSink): Promise<void> {
  const session = new NdiSession({ ...options, baud: run.baud, timeouts: { ...NDI_TIMEOUTS, ...options.timeouts } }, tools, sink);
  run.session = session;
  sink.connection('connecting', `Connecting to ${options.transport.label}.`);
  try {
    await session.start();
  } catch (error) {
    await session.abandon();
    const reason = error instanceof Error ? error.message : String(error);
    sink.connection('disconnected', reason);
    throw error;
  }
}

/** Waits for each loss, and connects again with growing pauses, until stopped. */
async function keepConnected(run: Run, options: NdiDriverOptions, tools: ToolInfo[], sink: PoseSink): Promise<void> {
  const first = options.reconnectMs ?? 250;
  let pauseMs = first;
  while (!run.stopped) {
    await run.session?.ended;
    if (run.stopped) return;
    await new Promise<void>((resolve) => {
      run.wake = resolve;
      setTimeout(resolve, pauseMs);
    });
    if (run.stopped) return;
    try {
      await connect(run, options, tools, sink);
      pauseMs = first;
    } catch (error) {
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      const code = isNavError(error) ? error.code : 'device/connect-failed';
      sink.fault({ code, message: error instanceof Error ? error.message : String(error) });
    }
  }
}
