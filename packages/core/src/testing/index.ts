/** `@trocar/core/testing`: bodies, trackers and clocks with known truth. No part of a running product. */
export { abdomenPhantom } from './abdomen.js';
export { headPhantom } from './head.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export { observePose, type TrackerModel } from './noisy-tracker.js';
export type { Phantom, PhantomOptions } from './phantom.js';
export {
  type AbdominalSimulation,
  type AbdominalSimulationOptions,
  simulateAbdominalUltrasound,
} from './ultrasound/abdominal-simulation.js';
export { simulateUltrasound, type UltrasoundSimulation, type UltrasoundSimulationOptions } from './ultrasound/simulation.js';
export { assertWithin, type Tolerance, within } from './within.js';
