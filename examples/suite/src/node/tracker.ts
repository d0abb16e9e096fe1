import { type Clock, type Instant, PoseSample } from '@trocar/core';
import {
  makeToolFile,
  ndiDriver,
  type Pipe,
  type PoseSource,
  pipe,
  simulateNdiTracker,
  type Transport,
} from '@trocar/device-bridge';
import { type Bridge, startBridge } from '@trocar/device-bridge/node';

/** What {@link startTracker} needs. */
export interface TrackerOptions<T extends string> {
  /** Names of the tools, as the bridge will know them. At most six. */
  readonly tools: readonly T[];
  /** What the tracker measures of a tool at a moment, noise included, into `out`; `missing` where it is not seen. */
  readonly observe: (out: PoseSample, tool: T, at: Instant) => void;
  readonly clock: Clock;
  /** Frames per second of the simulated tracker. Default 60. */
  readonly rateHz?: number;
  /** Origins of pages that may connect. Default none. */
  readonly allowedOrigins?: readonly string[];
  /** Two connected ends of a real line; default a pipe in this process. */
  readonly line?: { readonly host: Transport; readonly device: Transport };
}

/** A simulated tracker, with a bridge to it. */
export interface TrackerWorld {
  readonly bridge: Bridge;
  /** Whether there is a plug to pull: not on a real line. */
  readonly hasPlug: boolean;
  /** Pulls the tracker's plug, or puts it in again. */
  plug(connected: boolean): void;
  /** Whether the tracker hangs. */
  readonly frozen: boolean;
  /** Has the tracker hang: it goes on answering, with new frames and old numbers. Or has it run again. */
  freeze(hangs: boolean): void;
  close(): Promise<void>;
}

type Place = readonly [number, number, number];

/** Where the spheres sit on the simulated tools, mm: four each, no two distances alike, each tool another than the others. */
const SPHERES: readonly (readonly Place[])[] = [
  [
    [0, 0, 0],
    [0, 28.6, 41],
    [0, 0, 88],
    [0, -44.3, 40.5],
  ],
  [
    [0, 0, 0],
    [31.5, 44.2, 0],
    [-53.1, 50.8, 0],
    [12.3, 88.6, 0],
  ],
  [
    [0, 0, 0],
    [38.7, 31.9, 0],
    [-61.4, 29.3, 0],
    [-9.8, 71.2, 0],
  ],
  [
    [0, 0, 0],
    [0, 35.2, 52.6],
    [0, 0, 103.4],
    [0, -29.7, 61.8],
  ],
  [
    [0, 0, 0],
    [47.9, 38.1, 0],
    [-36.6, 66.3, 0],
    [22.4, 101.7, 0],
  ],
  [
    [0, 0, 0],
    [0, 52.3, 33.8],
    [0, 0, 74.9],
    [0, -37.1, 58.2],
  ],
];

/**
 * Starts a simulated NDI tracker whose tools are where `observe` says, the driver that speaks to it, and a bridge on loopback.
 * @throws NavError as `startBridge` does
 */
export async function startTracker<T extends string>(options: TrackerOptions<T>): Promise<TrackerWorld> {
  const { clock, tools } = options;
  if (tools.length > SPHERES.length)
    throw new RangeError(`At most ${SPHERES.length} tools can be told apart, got ${tools.length}.`);
  const own: Pipe | undefined = options.line === undefined ? pipe() : undefined;
  const line = options.line ?? (own as Pipe);
  const source = poses(options);
  const simulator = await simulateNdiTracker(line.device, {
    tools: tools.map((name) => ({ name })),
    clock,
    poseOf: source.poseOf,
    rateHz: options.rateHz ?? 60,
  });
  const driver = ndiDriver({
    transport: line.host,
    clock,
    tools: tools.map((name, n) => ({
      name,
      toolFile: makeToolFile({ markers: SPHERES[n] as readonly Place[], partNumber: name }),
    })),
    timeouts: { settleMs: 20 },
    pollIntervalMs: 2,
  });
  let bridge: Bridge;
  try {
    bridge = await startBridge({
      driver,
      clock,
      allowedOrigins: options.allowedOrigins ?? [],
      helloTimeoutMs: HELLO_TIMEOUT_MS,
    });
  } catch (error) {
    await simulator.close();
    throw error;
  }
  return {
    bridge,
    hasPlug: own !== undefined,
    plug: (connected) => (connected ? own?.mend() : own?.cut()),
    get frozen() {
      return source.frozen;
    },
    freeze: (hangs) => source.freeze(hangs),
    close: async () => {
      await bridge.close();
      await simulator.close();
    },
  };
}

/** A page that is still busy with its image says hello late; turned away, it would not come again. ms */
const HELLO_TIMEOUT_MS = 20_000;

/** What the tracker sees; or saw last, while it hangs. */
function poses<T extends string>({ observe }: TrackerOptions<T>) {
  const sample = new PoseSample();
  const last = new Map<string, ReturnType<PoseSource>>();
  let frozen = false;
  const poseOf: PoseSource = (tool, at) => {
    if (frozen && last.has(tool)) return last.get(tool);
    observe(sample, tool as T, at);
    const seen =
      sample.status === 'missing' ? undefined : { position: sample.values.slice(3, 6), rotation: sample.values.slice(6, 10) };
    last.set(tool, seen);
    return seen;
  };
  return {
    poseOf,
    get frozen() {
      return frozen;
    },
    freeze: (hangs: boolean): void => {
      frozen = hangs;
    },
  };
}
