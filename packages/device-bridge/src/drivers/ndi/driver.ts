import { type Clock, isNavError, NavError } from '@trocar/core';
import type { Driver, PoseSink, ToolInfo } from '../../driver.js';
import type { Transport } from '../../transport.js';
import { checkTools, NDI_TIMEOUTS, type NdiTimeouts, type NdiToolOptions } from './options.js';
import { NdiSession } from './session.js';

/** How an NDI tracker is driven. */
export interface NdiDriverOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly tools: readonly NdiToolOptions[];
  /** Also track wired tools that are not in {@link tools}, named by their serial number. Default true. */
  readonly otherTools?: boolean;
  /** `bx` is binary and shorter; `tx` is text. `auto`, the default, takes BX, and TX where the device has none. */
  readonly replies?: 'auto' | 'bx' | 'tx';
  /** Asked for with COMM on a serial line. Default 115200. */
  readonly baudRate?: number;
  /** Least time between two polls, ms. Default 4. A frame is seen at most this much late. */
  readonly pollIntervalMs?: number;
  readonly timeouts?: Partial<NdiTimeouts>;
  /** First pause before connecting again, ms; doubled up to 5 s. Default 250. */
  readonly reconnectMs?: number;
}

const LONGEST_PAUSE_MS = 5000;

/**
 * A driver for NDI trackers that speak the Combined API (Polaris, Vega, Aurora): connects, loads and enables the
 * tools, polls, and connects again when the device is lost. The device's frame counter becomes host time.
 * @throws NavError `device/bad-tool-file`, `bridge/bad-option`
 */
export function ndiDriver(options: NdiDriverOptions): Driver {
  checkTools(options.tools);
  const tools: ToolInfo[] = options.tools.map((tool) => ({
    name: tool.name,
    ...(tool.serial !== undefined && { serial: tool.serial }),
    ...(tool.partNumber !== undefined && { partNumber: tool.partNumber }),
  }));
  let running: Run | undefined;
  return {
    name: `NDI on ${options.transport.label}`,
    start: async (sink) => {
      if (running) throw new NavError('bridge/bad-option', 'The NDI driver is already running. Stop it first.');
      const own: Run = { stopped: false, session: undefined, wake: () => undefined };
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
  session: NdiSession | undefined;
  wake: () => void;
}

async function connect(run: Run, options: NdiDriverOptions, tools: ToolInfo[], sink: PoseSink): Promise<void> {
  const session = new NdiSession({ ...options, timeouts: { ...NDI_TIMEOUTS, ...options.timeouts } }, tools, sink);
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
