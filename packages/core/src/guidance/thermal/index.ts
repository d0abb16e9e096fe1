export { type DoseConvention, type DoseGap, type DoseOptions, DoseRate, type ProbeDose, probeDose } from './dose.js';
export { DoseAccumulator, type DoseMap, type Isodose, isodose, LETHAL_CEM43_MIN } from './dose-map.js';
