/**
 * Everything that can go wrong, as one literal union: `room/what`.
 *
 * A caller branches on the code, a person reads the message. Adding a failure means adding its code here, so
 * the list stays complete and a misspelt code does not compile.
 */
export type NavErrorCode =
  // math
  | 'math/not-finite'
  | 'math/out-of-range'
  | 'math/singular'
  | 'math/wrong-shape'
  // frames
  | 'frame/bad-name'
  | 'frame/mismatch'
  | 'frame/not-rigid'
  | 'frame/cycle'
  | 'frame/duplicate-edge'
  | 'frame/unknown'
  | 'frame/no-path'
  | 'frame/bad-covariance'
  // poses
  | 'pose/not-finite'
  | 'pose/out-of-order'
  | 'pose/bad-option'
  // time
  | 'time/backwards'
  | 'time/not-synchronised'
  // volumes
  | 'volume/bad-geometry'
  | 'volume/bad-voxels'
  | 'volume/sheared'
  | 'volume/out-of-memory'
  | 'volume/bad-distance-field'
  // files
  | 'io/not-found'
  | 'io/unsupported-format'
  | 'io/truncated'
  | 'io/corrupt'
  | 'io/no-geometry'
  | 'io/aborted'
  | 'io/not-writable'
  | 'assets/not-configured'
  | 'assets/missing'
  // DICOM
  | 'dicom/not-dicom'
  | 'dicom/truncated'
  | 'dicom/no-pixel-data'
  | 'dicom/missing-geometry'
  | 'dicom/bad-geometry'
  | 'dicom/mixed-series'
  | 'dicom/mixed-orientation'
  | 'dicom/mixed-size'
  | 'dicom/mixed-frame-of-reference'
  | 'dicom/mixed-patient'
  | 'dicom/missing-slice'
  | 'dicom/uneven-spacing'
  | 'dicom/duplicate-position'
  | 'dicom/unsupported-syntax'
  | 'dicom/unsupported-object'
  // guidance
  | 'guidance/bad-plan'
  | 'guidance/wrong-frame-of-reference'
  | 'ablation/bad-library'
  | 'ablation/unknown-applicator'
  | 'ablation/outside-table'
  | 'ablation/bad-zone'
  | 'ablation/bad-target'
  | 'ablation/unknown-error'
  | 'ablation/unregistered'
  | 'ablation/bad-option'
  | 'ablation/aborted'
  | 'guidance/wrong-patient'
  | 'guidance/wrong-side'
  | 'guidance/wrong-series'
  | 'guidance/out-of-reach'
  | 'guidance/bad-plan-file'
  | 'guidance/bad-option'
  | 'guidance/aborted'
  // thermal dose and bioheat
  | 'thermal/bad-option'
  | 'thermal/bad-series'
  | 'thermal/bad-problem'
  | 'thermal/aborted'
  // biopsy
  | 'biopsy/not-live'
  | 'biopsy/no-covariance'
  | 'biopsy/bad-instrument'
  | 'biopsy/bad-core'
  // ultrasound
  | 'ultrasound/bad-image'
  | 'ultrasound/bad-geometry'
  | 'ultrasound/bad-times'
  | 'ultrasound/no-frames'
  | 'ultrasound/bad-clip'
  | 'ultrasound/bad-option'
  | 'ultrasound/too-large'
  | 'ultrasound/aborted'
  | 'ultrasound/failed'
  // rendering
  | 'render/no-webgl2'
  | 'render/context-lost'
  | 'render/disposed'
  | 'render/too-large'
  | 'render/no-xr'
  | 'vtk/failed'
  | 'vtk/aborted'
  // registration
  | 'registration/too-few-points'
  | 'registration/count-mismatch'
  | 'registration/collinear'
  | 'registration/duplicate-points'
  | 'registration/mirrored'
  | 'registration/transposed'
  | 'registration/coplanar'
  | 'registration/swapped'
  | 'registration/bad-weights'
  | 'registration/not-finite'
  | 'registration/sheared-volume'
  | 'registration/too-large'
  | 'registration/no-overlap'
  | 'registration/bad-parameters'
  | 'registration/failed'
  | 'registration/aborted'
  | 'registration/units'
  | 'registration/scale'
  | 'registration/ras-lps'
  | 'registration/ambiguous'
  | 'registration/no-match'
  | 'registration/bad-option'
  | 'registration/bad-mesh'
  | 'registration/slippage'
  | 'calibration/too-few-poses'
  | 'calibration/not-finite'
  | 'calibration/not-rigid'
  | 'calibration/identity-poses'
  | 'calibration/motionless'
  | 'calibration/moving'
  | 'calibration/narrow'
  | 'calibration/hidden'
  | 'calibration/units'
  | 'calibration/parallel-axes'
  | 'calibration/unpaired'
  | 'calibration/inverted'
  | 'calibration/mirrored'
  | 'calibration/failed'
  | 'calibration/bad-option'
  | 'points/not-a-point-list'
  | 'points/bad-row'
  | 'points/empty'
  | 'points/space-unknown'
  | 'points/unit-unknown'
  | 'points/several-lists'
  | 'mesh/unsupported'
  | 'mesh/damaged'
  | 'mesh/empty'
  | 'mesh/bad-geometry'
  | 'transform/corrupt'
  | 'transform/unsupported'
  // devices
  | 'device/connect-failed'
  | 'device/disconnected'
  | 'device/timeout'
  | 'device/refused'
  | 'device/bad-reply'
  | 'device/bad-crc'
  | 'device/not-supported'
  | 'device/bad-tool-file'
  | 'device/alarm'
  | 'device/frozen'
  | 'codec/oversize'
  | 'codec/bad-crc'
  | 'codec/malformed'
  | 'igtl/truncated-header'
  | 'igtl/truncated-body'
  | 'igtl/bad-version'
  | 'igtl/bad-header'
  | 'igtl/impossible-size'
  | 'igtl/bad-extended-header'
  | 'igtl/bad-metadata'
  | 'igtl/wrong-size'
  | 'igtl/size-mismatch'
  | 'igtl/bad-value'
  | 'igtl/unsupported'
  | 'igtl/does-not-fit'
  | 'dtrack/no-frame-number'
  | 'dtrack/bad-line'
  | 'dtrack/bad-count'
  | 'dtrack/missing-field'
  | 'dtrack/bad-number'
  | 'dtrack/bad-id'
  | 'dtrack/bad-rotation'
  | 'dtrack/repeated-line'
  | 'dtrack/truncated'
  | 'natnet/truncated'
  | 'natnet/size-mismatch'
  | 'natnet/bad-count'
  | 'natnet/bad-value'
  | 'natnet/unknown-message'
  | 'natnet/unsupported'
  | 'rosbridge/not-json'
  | 'rosbridge/bad-message'
  | 'rosbridge/unsupported'
  | 'rosbridge/bad-fragment'
  | 'rosbridge/other-frame'
  | 'line/malformed'
  | 'line/bad-checksum'
  | 'line/bad-number'
  | 'line/no-position'
  | 'line/no-orientation'
  | 'igtl/handler-failed'
  | 'igtl/too-slow'
  | 'bridge/wrong-protocol'
  | 'bridge/wrong-version'
  | 'bridge/foreign-origin'
  | 'bridge/malformed'
  | 'bridge/closed'
  | 'bridge/unauthorised'
  | 'bridge/not-allowed'
  | 'bridge/unknown-command'
  | 'bridge/command-failed'
  | 'bridge/too-much'
  | 'bridge/bad-config'
  | 'bridge/bad-option'
  // recordings
  | 'recording/not-a-recording'
  | 'recording/unsupported-version'
  | 'recording/unsupported'
  | 'recording/truncated'
  | 'recording/corrupt'
  | 'recording/disk-full'
  | 'recording/write-failed'
  | 'recording/overflow'
  | 'recording/exists'
  | 'recording/closed'
  | 'recording/bad-option'
  | 'recording/other-device'
  // sessions
  | 'session/bad-value'
  | 'session/exists'
  | 'session/not-found'
  | 'session/damaged'
  | 'session/cut-off'
  | 'session/unsupported'
  | 'session/write-failed'
  | 'session/in-use'
  | 'session/closed'
  | 'session/other-images'
  | 'session/not-replayable'
  | 'sequence/not-a-sequence'
  | 'sequence/truncated'
  | 'sequence/corrupt'
  | 'sequence/unsupported'
  | 'sequence/no-path'
  | 'setup/corrupt'
  | 'setup/missing'
  | 'setup/contradictory'
  | 'setup/unsupported'
  | 'csv/bad-header'
  | 'csv/bad-row';

/** What an error may carry beside its sentence. */
export interface NavErrorOptions {
  /** Machine-readable facts: the offending index, the file, the two frames. Never patient names. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** The lower-level failure this one explains. */
  readonly cause?: unknown;
}

/**
 * The one error class of Trocar. Its message says what was wrong, where, and what to do about it.
 *
 * Non-convergence, a lost tool or a stale pose are outcomes and statuses, not errors.
 */
export class NavError<C extends NavErrorCode = NavErrorCode> extends Error {
  override readonly name = 'NavError';
  readonly code: C;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(code: C, message: string, options: NavErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.detail = options.detail ?? {};
  }
}

/**
 * Whether `value` is a {@link NavError}, and, where `code` is given, one with that code.
 *
 * Works across realms and duplicated copies of the package, where `instanceof` does not.
 */
export function isNavError<C extends NavErrorCode>(value: unknown, code?: C): value is NavError<C> {
  if (!(value instanceof Error) || value.name !== 'NavError' || !('code' in value)) return false;
  return code === undefined || value.code === code;
}
