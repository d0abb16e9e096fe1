/** `@trocar/core/guidance`: where a tool is against a plan, and how that is said. */
export { Deviation, type DeviationOptions } from './deviation.js';
export {
  formatAge,
  formatBound,
  formatDegrees,
  formatMm,
  formatNumber,
  parseReading,
  type Readout,
  readout,
  UNKNOWN,
} from './format.js';
export { requirePlanFor, type StraightPlan, type StraightPlanInit, straightPlan } from './plan.js';
export { type GuidanceLimits, type GuidanceState, guidanceState } from './state.js';
