export type { HeatAccount } from './account.js';
export { type BioheatResult, type BioheatRun, simulateBioheat } from './bioheat.js';
export { type DoseConvention, type DoseGap, type DoseOptions, DoseRate, type ProbeDose, probeDose } from './dose.js';
export { DoseAccumulator, type DoseMap, type Isodose, isodose, LETHAL_CEM43_MIN } from './dose-map.js';
export { type HeatShape, heatSource } from './heat-source.js';
export {
  type AnyBioheatProblem,
  type BioheatProblem,
  type Blood,
  type HeatBorder,
  type PowerPiece,
  type Tissue,
  type Vessel,
  vesselHeatTransfer,
} from './problem.js';
