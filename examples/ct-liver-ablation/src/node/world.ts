import { startTracker, type TrackerOptions, type TrackerWorld } from '../../../suite/src/node/tracker.js';
import type { BreathingOptions } from '../breathing.js';
import type { AblationCase } from '../case.js';
import { TOOLS, type ToolName } from '../frames.js';
import { type PostCt, simulatePostCt } from '../post-ct.js';
import { HiddenTruth, USUAL_ERRORS, type WorldErrors } from '../truth.js';

/** What {@link startWorld} needs. */
export interface WorldOptions extends Omit<TrackerOptions<ToolName>, 'tools' | 'observe'> {
  readonly case: AblationCase;
  readonly seed: number;
  readonly errors?: WorldErrors;
  readonly breathing?: BreathingOptions;
}

/** A simulated operating room, with a bridge to it. */
export interface World {
  /** What no procedure may look at: for the hand, and for scoring. */
  readonly truth: HiddenTruth;
  readonly tracker: TrackerWorld;
  readonly bridge: TrackerWorld['bridge'];
  /** Takes a CT of the patient as the ablation has left them. */
  postCt(): PostCt;
  close(): Promise<void>;
}

/**
 * Starts a simulated tracker whose tools are where the hidden truth says, and a bridge on loopback.
 * @throws NavError as `startBridge` does
 */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { case: given, seed, errors = USUAL_ERRORS, breathing, ...rest } = options;
  const truth = new HiddenTruth(given, seed, errors, breathing);
  const tracker = await startTracker<ToolName>({
    ...rest,
    tools: TOOLS,
    observe: (out, tool, at) => truth.observe(out, tool, at),
  });
  return {
    truth,
    tracker,
    bridge: tracker.bridge,
    postCt: () => simulatePostCt(given, truth.destroyed(), seed),
    close: () => tracker.close(),
  };
}
