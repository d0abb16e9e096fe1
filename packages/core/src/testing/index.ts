/** `@trocar/core/testing`: bodies, trackers and clocks with known truth. No part of a running product. */
export { abdomenPhantom, liverAblationPhantom } from './abdomen.js';
export { headPhantom } from './head.js';
export {
  drawLiverAnatomy,
  type LiverAnatomy,
  type LiverTumourOptions,
  type LiverTumours,
  liverTumourPhantom,
  type ScannerFaults,
  type TumourShape,
  type TumourTruth,
} from './liver-tumours.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export { observePose, type TrackerModel } from './noisy-tracker.js';
export type { Phantom, PhantomOptions } from './phantom.js';
export { type ProstateOptions, type ProstatePhantom, prostatePhantom } from './prostate.js';
export {
  type AbdominalSimulation,
  type AbdominalSimulationOptions,
  simulateAbdominalUltrasound,
} from './ultrasound/abdominal-simulation.js';
export { type BModeOptions, type BModeProbe, bModeProbe } from './ultrasound/b-mode.js';
export { type BModeGeometry, CRANIOTOMY_SECTOR } from './ultrasound/b-mode-geometry.js';
export { type SimulatedBrain, simulatedBrain } from './ultrasound/brain.js';
export { kelvinlet, type Movement } from './ultrasound/deformation.js';
export { type ProstateLesion, type ProstateTissue, prostateTissue } from './ultrasound/prostate-anatomy.js';
export {
  END_FIRE_FAN,
  type SimulatedFan,
  type SimulatedProbe,
  type SimulatedProbeOptions,
  simulatedProbe,
} from './ultrasound/simulated-probe.js';
export { simulateUltrasound, type UltrasoundSimulation, type UltrasoundSimulationOptions } from './ultrasound/simulation.js';
export { assertWithin, type Tolerance, within } from './within.js';
