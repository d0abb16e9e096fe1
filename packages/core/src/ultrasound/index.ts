/**
 * `@trocar/core/ultrasound`: tracked sweeps and their reconstruction into volumes. Image coordinates are (column, row) in pixels with
 * the centre of the first pixel at (0, 0).
 */

export { startReconstructionWorker } from '#ultrasound/host';
export { type ClipFan, type ClipRectangle, type ImageClip, type RowSpans, rowSpans } from './clip.js';
export type { SweepCompounding, SweepInterpolation, VoxelBox } from './compounding/slab.js';
export { detectFan, type FanDetection, type FanDetectionOptions } from './fan/detect-fan.js';
export { FILLED, type FillOptions, fillHoles } from './fill-holes.js';
export { type CycleGate, gateSweep, type LevelGate, type SweepGate } from './gate.js';
export { gridOfSweep, type SweepGrid, type SweepGridOptions } from './grid.js';
export * from './live/index.js';
export { mirrorSweep } from './mirror-sweep.js';
export type { CompoundingOptions, SweepReconstructionOptions } from './options.js';
export type { PlusFanDetection } from './plus/fan-angles.js';
export type { PlusHoleFilling } from './plus/holes.js';
export type { PlusCompounding, PlusInterpolation, PlusOptimization, PlusReconstructionOptions } from './plus/options.js';
export { reconstructLikePlus } from './plus/reconstruct-like-plus.js';
export { type ReconstructionRunOptions, reconstructSweep, type SweepReconstruction } from './reconstruct-sweep.js';
export { SweepReconstructor, type SweepReconstructorInit } from './reconstructor.js';
export type { CurvilinearGeometry, LinearGeometry, ScanGeometry, ScanImage } from './scan-lines/geometry.js';
export { logCompress, rfEnvelope } from './scan-lines/rf.js';
export { ScanConverter, type ScanConverterInit, type ScanSamples, scanConvert } from './scan-lines/scan-convert.js';
export { makeSweep, type Sweep, type SweepFrame, type SweepInit } from './sweep.js';
export { type CheckedSweep, checkSweep, type SweepCheckOptions } from './sweep-checks.js';
export type { SweepFinding } from './sweep-checks-findings.js';
export { type SequenceSweepOptions, sweepOfSequence } from './sweep-of-sequence.js';
export type { FromReconstructionWorker, ReconstructionWorker, ToReconstructionWorker } from './worker/messages.js';
