/**
 * `@trocar/core/recording`: MCAP recordings of poses, raw device bytes and events, written and read without any I/O of
 * their own, and their exchange with PLUS and Slicer (`.igs.mha`, `.igs.nrrd`, device sets) and with CSV. Files are in
 * device-bridge's `./node`.
 */
export type { RecordingFault } from './channel.js';
export { type PoseCsv, type PoseCsvOptions, poseCsvLines, readPoseCsv, writePoseCsv } from './csv/poses.js';
export { isMcap, type RecordingDamage, RecordingDecoder, type RecordingFacts, type RecordingStatus } from './decoder.js';
export type { DeviceRecorder, RecordedConnection, RecordedTool } from './device-recorder.js';
export type {
  RecordedEntry,
  RecordedEvent,
  RecordedFault,
  RecordedImage,
  RecordedPoses,
  RecordedRaw,
  RecordedState,
  RecordedTools,
} from './entries.js';
export type { RawKind } from './format.js';
export {
  type ImageFrame,
  type ImageNumber,
  type ImageSource,
  imageBytes,
  imageFault,
  LARGEST_IMAGE_BYTES,
  LARGEST_SIDE,
} from './image-frame.js';
export { type MemoryOutput, memoryOutput, type RecordingOutput } from './output.js';
export { PoseTable, poseTableOf } from './pose-table.js';
export {
  blobInput,
  bytesInput,
  type RecordedDevice,
  Recording,
  type RecordingInput,
  type RecordingSummary,
  readRecordingBytes,
} from './read.js';
export { Recorder, type RecorderCounts, type RecorderOptions } from './recorder.js';
export { type ChainedTransform, type ConstantTransform, framesInName, TransformChain, transformNames } from './sequence/chain.js';
export { type ImageTurn, turnedImage, turnToMarkedFar } from './sequence/orientation.js';
export { posesOfSequence, type SequencePoses, sequenceOfPoses } from './sequence/poses.js';
export { isMetaSequence, isTrackedSequence, readTrackedSequence } from './sequence/read.js';
export {
  type SequenceField,
  type SequenceFrame,
  type SequenceTransform,
  sequenceImages,
  type TrackedSequence,
} from './sequence/sequence.js';
export { readUltrasoundSetup } from './sequence/setup/read-setup.js';
export type {
  SetupFan,
  SetupFrames,
  SetupHoleFilling,
  SetupNote,
  SetupPhantom,
  SetupReconstruction,
  SetupRectangle,
  SetupSegmentation,
  SetupTransform,
  SetupWire,
  UltrasoundSetup,
} from './sequence/setup/setup.js';
export { makeTrackedSequence, type SequenceInit, writeTrackedSequence } from './sequence/write.js';
export { recordPoseTable, type TableRecordingOptions } from './table-recording.js';
