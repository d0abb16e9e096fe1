export { type Code, dcm, local, REGISTRATION_METHOD, STRUCTURE, sct, ucum } from './codes.js';
export {
  type DeformableRegistrationInit,
  type DisplacementGrid,
  encodeDeformableRegistration,
  type GridMatrix,
  sampleDisplacements,
} from './deformable-registration.js';
export type { GridGeometry } from './grid.js';
export { encodeKeyImage, encodeKeyObjects, type KeyImageInit, type KeyObjectsInit } from './key-image.js';
export type { EncodedObject, Equipment, InstanceReference, ObjectIds, ObjectInit, StudyReference } from './object.js';
export { type Dataset, type ElementValue, encodePart10, type TaggedElement } from './part10.js';
export type { ResultProvenance } from './provenance.js';
export {
  decodeDeformableRegistration,
  deformPoint,
  type ReadDeformableRegistration,
  type ReadDeformation,
} from './read-deformable-registration.js';
export {
  decodeMeasurementReport,
  type ReadMeasurement,
  type ReadMeasurementGroup,
  type ReadMeasurementReport,
} from './read-report.js';
export {
  type DecodeSegmentationOptions,
  decodeSegmentation,
  labelVolume,
  type ReadSegment,
  type ReadSegmentation,
  segmentVolume,
} from './read-segmentation.js';
export {
  affineBetween,
  decodeSpatialRegistration,
  type NamedFrame,
  type ReadRegistration,
  type ReadSpatialRegistration,
  transformBetween,
} from './read-spatial-registration.js';
export {
  biopsyCoreGroup,
  encodeMeasurementReport,
  type MeasuredPlace,
  type Measurement,
  type MeasurementGroup,
  type MeasurementReportInit,
} from './report.js';
export { FINDING, MEASUREMENT, UNIT } from './report-codes.js';
export {
  encodeSegmentation,
  type SegmentAlgorithm,
  type SegmentationInit,
  type SegmentInit,
  type SourceSlice,
} from './segmentation.js';
export { readSource, type SourceFacts, sourcesOfSlices } from './source-facts.js';
export {
  encodeSpatialRegistration,
  type MatrixKind,
  type RegisteredImages,
  type SpatialRegistrationInit,
  type TreBound,
} from './spatial-registration.js';
export { isUid, newUid, SOP_CLASS } from './uid.js';
export { encodeVolumeObject, type VolumeObjectInit } from './volume-object.js';
