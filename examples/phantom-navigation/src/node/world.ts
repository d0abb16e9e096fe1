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
import type { NavigationCase } from '../case.js';
import { TOOLS, type ToolName } from '../frames.js';
import { HiddenTruth, USUAL_ERRORS, type WorldErrors } from '../truth.js';

/** What {@link startWorld} needs. */
export interface WorldOptions {
  readonly case: NavigationCase;
  readonly seed: number;
  readonly clock: Clock;
  readonly errors?: WorldErrors;
  /** Frames per second of the simulated tracker. Default 60. */
  readonly rateHz?: number;
  /** Origins of pages that may connect. Default none. */
  readonly allowedOrigins?: readonly string[];
  /** Two connected ends of a real line; default a pipe in this process. */
  readonly line?: { readonly host: Transport; readonly device: Transport };
}

/** A simulated operating room, with a bridge to it. */
export interface World {
  /** What no procedure may look at: for the hand, and for scoring. */
  readonly truth: HiddenTruth;
  readonly bridge: Bridge;
  /** Whether there is a plug to pull: not on a real line. */
  readonly hasPlug: boolean;
  /** Pulls the tracker's plug, or puts it in again. */
  plug(connected: boolean): void;
  close(): Promise<void>;
}

/** Where the spheres sit on the simulated tools, mm: four, no two distances alike. */
const SPHERES: Readonly<Record<ToolName, readonly (readonly [number, number, number])[]>> = {
  stylus: [
    [0, 0, 0],
    [0, 28.6, 41],
    [0, 0, 88],
    [0, -44.3, 40.5],
  ],
  reference: [
    [0, 0, 0],
    [31.5, 44.2, 0],
    [-53.1, 50.8, 0],
    [12.3, 88.6, 0],
  ],
};

/**
 * Starts a simulated NDI tracker whose tools are where the hidden truth says, the driver that speaks to it, and a bridge
 * on loopback.
 * @throws NavError as `startBridge` does
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { clock } = options;
  const truth = new HiddenTruth(options.case, options.seed, options.errors ?? USUAL_ERRORS);
  const own: Pipe | undefined = options.line === undefined ? pipe() : undefined;
  const line = options.line ?? (own as Pipe);
  const simulator = await simulateNdiTracker(line.device, {
    tools: TOOLS.map((name) => ({ name })),
    clock,
    poseOf: posesOf(truth),
    rateHz: options.rateHz ?? 60,
  });
  const driver = ndiDriver({
    transport: line.host,
    clock,
    tools: TOOLS.map((name) => ({ name, toolFile: makeToolFile({ markers: SPHERES[name], partNumber: name }) })),
    timeouts: { settleMs: 20 },
    pollIntervalMs: 2,
  });
  let bridge: Bridge;
  try {
    bridge = await startBridge({ driver, clock, allowedOrigins: options.allowedOrigins ?? [] });
  } catch (error) {
    await simulator.close();
    throw error;
  }
  return {
    truth,
    bridge,
    hasPlug: own !== undefined,
    plug: (connected) => (connected ? own?.mend() : own?.cut()),
    close: async () => {
      await bridge.close();
      await simulator.close();
    },
  };
}

/** What the tracker sees: the truth with its noise. */
function posesOf(truth: HiddenTruth): PoseSource {
  const sample = new PoseSample();
  return (tool, at: Instant) => {
    truth.observe(sample, tool as ToolName, at);
    if (sample.status === 'missing') return undefined;
    return { position: sample.values.slice(3, 6), rotation: sample.values.slice(6, 10) };
  };
}
