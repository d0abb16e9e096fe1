/** Live ultrasound: images of a device, a recording or a simulation, each with the pose of its own moment. */
export { type CalibrationState, calibrationHolds, imagePlaneOf, type LiveCalibration } from './calibration.js';
export { displayPixels } from './display.js';
export { type LiveCounts, type LiveReason, LiveUltrasound, type LiveUltrasoundOptions } from './live-ultrasound.js';
export { framesOfSequence, type SequenceFramesOptions } from './sequence-frames.js';
