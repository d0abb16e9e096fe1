export type { BindContent, BindRequestContent, BoundMessage } from './bind.js';
export type { CapabilityContent } from './capability.js';
export type { ColourTableContent } from './colour-table.js';
export type { CommandContent } from './command.js';
export type { IgtlContent, RawContent } from './content.js';
export { crc64 } from './crc64.js';
export { HEADER_SIZE, type HeaderVersion, IgtlFrame } from './frame.js';
export { type IgtlFault, IgtlFramer, type IgtlFramerOptions, type IgtlHandler } from './framer.js';
export type { ImageContent } from './image.js';
export { imageFromVolume, imageGeometry, imageVoxels, volumeFromImage } from './image-geometry.js';
export type { ImageMeta, ImageMetaContent } from './image-meta.js';
export type { LabelMeta, LabelMetaContent } from './label-meta.js';
export { decodeIgtlLog, type IgtlLogOptions } from './log.js';
export { decodeIgtl, encodeIgtl, type IgtlMessage, type IgtlMessageInit } from './message.js';
export type { IgtlMetadata } from './metadata.js';
export type { NdArrayContent } from './ndarray.js';
export { type PackerOptions, TrackingDataPacker, TransformPacker } from './packers.js';
export { FULL_NAME_KEY, findFullName, plusMetadata, plusStatus, plusWordStatus } from './plus.js';
export { type PlusReply, plusCommand, plusReply, readElement, readPlusReply } from './plus-command.js';
export type { IgtlPoint, PointContent } from './point.js';
export type { PolyDataAttribute, PolyDataContent } from './polydata.js';
export { type PoseReading, readMatrixPose, readPositionPose, readTransform, readTransformPose, ToolPoses } from './poses.js';
export type { PositionContent } from './position.js';
export type { QueryContent, ReplyContent, StartTrackingContent } from './query.js';
export type { ScalarType } from './scalar.js';
export type { SensorContent } from './sensor.js';
export type { StatusContent } from './status.js';
export type { StringContent } from './string.js';
export { ENCODING } from './text.js';
export { type IgtlTimestamp, NO_TIMESTAMP, timestampOf, utcMsOf } from './time.js';
export { type FrameField, type FrameTransform, frameTransforms, type TrackedFrameContent } from './tracked-frame.js';
export type {
  QuaternionTrackingDataContent,
  ToolType,
  TrackedMatrix,
  TrackedQuaternion,
  TrackingDataContent,
} from './tracking-data.js';
export type { IgtlTrajectory, TrajectoryContent } from './trajectory.js';
export type { TransformContent } from './transform.js';
export type { VideoMeta, VideoMetaContent } from './video-meta.js';
export { IgtlStorage } from './writer.js';
