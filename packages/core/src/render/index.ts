export { createStage } from './create-stage.js';
export type { Fusion, FusionLook, FusionMode } from './fusion.js';
export * from './guidance/index.js';
export type { LabelSegment, StageLabels } from './label-map.js';
export { type LatencyMark, markOf } from './latency-mark.js';
export { type Layout, type LayoutCell, type PixelRect, primaryLayout, quadLayout, singleLayout } from './layout.js';
export type { FiducialState } from './model.js';
export { type Dash, PALETTE, type PaletteName, type StatusStyle, statusStyle } from './palette.js';
export {
  orientationLetters,
  PlaneView,
  patientAxes,
  SLICE_VIEWS,
  type SliceAxes,
  type SliceViewName,
  type ViewName,
  volumeAxes,
} from './planes.js';
export type { Slab } from './slab.js';
export type { SliceDrive, SliceDriveMode } from './slice-drive.js';
export type { SliceView } from './slice-view.js';
export type { Stage } from './stage.js';
export { STAGE_KEYS, type StageKey } from './stage-keys.js';
export type { StageFiducial, StageOptions, StagePlan, StageResources, StageTargetError } from './stage-types.js';
export type { SurfaceMesh, SurfaceStyle } from './surface.js';
export type { Tool, ToolGeometry, VisibilityChange } from './tool.js';
export {
  TRANSFER_PRESETS,
  type TransferFunction,
  type TransferPoint,
  type TransferPresetName,
  transferPreset,
} from './transfer-function.js';
export type { VolumeClip, VolumeLook, VolumeRendering, WholeVolumeLook } from './volume-look.js';
export { type DepthWord, type DrawnWords, ENGLISH_WORDS, type EntryWords } from './words.js';
export {
  type RigidPose,
  startXr,
  type XrMode,
  type XrOptions,
  type XrPlacement,
  type XrRoom,
  type XrStage,
  xrSupported,
} from './xr/index.js';
