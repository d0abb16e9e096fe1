/** `@trocar/core/guidance`: where a tool is against a plan, and how that is said. */
export * from './ablation/index.js';
export * from './biopsy/index.js';
export { Deviation, type DeviationOptions } from './deviation.js';
export {
  formatAge,
  formatBound,
  formatDegrees,
  formatMm,
  formatMmWithin,
  formatNumber,
  parseReading,
  type Readout,
  readout,
  UNKNOWN,
} from './format.js';
export type { NumberStyle } from './format-style.js';
export * from './monitor/index.js';
export { type StraightPlan, type StraightPlanInit, straightPlan } from './plan.js';
export { type Needle, type NeedleInit, needle, reachOf } from './plans/needle.js';
export { planFromJson, planToJson } from './plans/plan-file.js';
export {
  type Midsagittal,
  type PlanSet,
  type PlanSetInit,
  planSet,
  SIDES,
  type Side,
  type Trajectory,
  type TrajectoryInit,
} from './plans/plan-set.js';
export { type PlanDifference, type PlanUse, planDifferences, requirePlanFor } from './plans/require-plan.js';
export { ShaftGuidance, type ShaftGuidanceOptions, type ShaftState } from './plans/shaft-guidance.js';
export { TipSpeed } from './plans/tip-speed.js';
export {
  type KeepClear,
  refusalsOf,
  TRAJECTORY_REFUSALS,
  type TrajectoryDemands,
  TrajectoryEvaluator,
  type TrajectoryRefusal,
  type TrajectoryWeights,
} from './plans/trajectory.js';
export {
  type EntryCandidates,
  searchTrajectories,
  type TrajectorySearch,
  type TrajectorySearchInit,
} from './plans/trajectory-search.js';
export { type GuidanceLimits, type GuidanceState, guidanceState } from './state.js';
export * from './thermal/index.js';
