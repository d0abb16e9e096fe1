import { BODIES } from '../../../suite/src/frames.js';
import { startTracker, type TrackerOptions, type TrackerWorld } from '../../../suite/src/node/tracker.js';
import { HiddenTruth, USUAL_ERRORS, type WorldErrors } from '../../../suite/src/truth.js';
import type { NavigationCase } from '../case.js';

/** What {@link startWorld} needs. */
export interface WorldOptions extends Omit<TrackerOptions<string>, 'tools' | 'observe'> {
  readonly case: NavigationCase;
  readonly seed: number;
  readonly errors?: WorldErrors;
}

/** A simulated operating room, with a bridge to it. */
export interface World {
  /** What no procedure may look at: for the hand, and for scoring. */
  readonly truth: HiddenTruth<'ct', NavigationCase>;
  readonly tracker: TrackerWorld;
  readonly bridge: TrackerWorld['bridge'];
  close(): Promise<void>;
}

/**
 * Starts a simulated tracker whose tools are where the hidden truth says, and a bridge on loopback.
 * @throws NavError as `startBridge` does
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { case: given, seed, errors = USUAL_ERRORS, clock, rateHz, allowedOrigins, line } = options;
  const truth = new HiddenTruth<'ct', NavigationCase>(given, seed, errors);
  const tracker = await startTracker({
    tools: BODIES,
    observe: (out, tool, at) => truth.observe(out, tool, at),
    clock,
    ...(rateHz !== undefined && { rateHz }),
    ...(allowedOrigins && { allowedOrigins }),
    ...(line && { line }),
  });
  return { truth, tracker, bridge: tracker.bridge, close: () => tracker.close() };
}
