/** The most of anything in one datagram. DTrack itself stops earlier. */
const MOST_TARGETS = 256;
const MOST_MARKERS = 2048;
/** The largest id of a target; a marker's id is only a number. */
const LARGEST_ID = 999;
const MOST_BUTTONS = 16;
const MOST_JOYSTICKS = 8;
/** Lines of other names whose names are kept. */
const MOST_SKIPPED = 32;

/** The bounds that the codec refuses to go beyond. */
export const DTRACK_LIMITS: {
  readonly targets: number;
  readonly markers: number;
  readonly id: number;
  readonly buttons: number;
  readonly joysticks: number;
  readonly skipped: number;
} = {
  targets: MOST_TARGETS,
  markers: MOST_MARKERS,
  id: LARGEST_ID,
  buttons: MOST_BUTTONS,
  joysticks: MOST_JOYSTICKS,
  skipped: MOST_SKIPPED,
};

/** What a target's record says of it: seen, not seen, or seen with a rotation that is none. */
export const TARGET_STATE: { readonly untracked: 0; readonly tracked: 1; readonly badRotation: 2 } = {
  untracked: 0,
  tracked: 1,
  badRotation: 2,
};

/** Doubles per target: x y z (mm), then the rotation column by column. */
export const TARGET_VALUES = 12;

/** One line of targets with a pose: bodies, Flysticks, measurement tools or references. Only the first `count` are of this frame. */
export class DTrackTargets {
  count = 0;
  /** How many the device knows, by the line's own account; −1 where the line does not say. */
  calibrated = -1;
  readonly id: Int32Array = new Int32Array(MOST_TARGETS);
  /** 0 … 1; −1 means not tracked. */
  readonly quality: Float64Array = new Float64Array(MOST_TARGETS);
  /** One of {@link TARGET_STATE}. */
  readonly state: Uint8Array = new Uint8Array(MOST_TARGETS);
  /**
   * x y z in mm in the room's frame, then the rotation room-from-target column by column, as it is sent: elements 3, 4, 5
   * are the target's x axis in the room.
   */
  readonly values: Float64Array = new Float64Array(MOST_TARGETS * TARGET_VALUES);

  clear(): void {
    this.count = 0;
    this.calibrated = -1;
  }
}

/** What a Flystick or a measurement tool has beside its pose. */
export class DTrackControls {
  readonly buttonCount: Uint8Array = new Uint8Array(MOST_TARGETS);
  /** One bit each, first button lowest. */
  readonly buttons: Uint32Array = new Uint32Array(MOST_TARGETS);
  readonly joystickCount: Uint8Array = new Uint8Array(MOST_TARGETS);
  /** −1 … 1, eight per Flystick. */
  readonly joysticks: Float64Array = new Float64Array(MOST_TARGETS * MOST_JOYSTICKS);
  /** Radius of a measurement tool's tip, mm. */
  readonly tipRadius: Float64Array = new Float64Array(MOST_TARGETS);
  /** Upper triangle of the 3×3 covariance of a measurement tool's position, row by row, mm²: 6 each. */
  readonly covariance: Float64Array = new Float64Array(MOST_TARGETS * 6);
}

/**
 * One DTrack datagram, decoded: reused for every datagram, so that decoding allocates nothing. Lengths in mm, in the
 * room's frame that the system was calibrated to.
 */
export class DTrackFrame {
  /** `[fr]`, 0 … 2³² − 1. */
  readonly number: Uint32Array = new Uint32Array(1);
  /** Which time stamp there was: 0 none, 1 `ts`, 2 `ts2`. */
  timeKind = 0;
  /** Seconds as sent (of the day, or of an epoch), and the measuring latency in µs (NaN without `ts2`). */
  readonly time: Float64Array = new Float64Array(2);
  /** `6dcal`: bodies that the system knows, Flysticks and measurement tools among them; −1 where it does not say. */
  calibratedBodies = -1;
  readonly bodies: DTrackTargets = new DTrackTargets();
  readonly flysticks: DTrackTargets = new DTrackTargets();
  readonly flystickControls: DTrackControls = new DTrackControls();
  readonly measurementTools: DTrackTargets = new DTrackTargets();
  readonly measurementControls: DTrackControls = new DTrackControls();
  readonly references: DTrackTargets = new DTrackTargets();
  /** `6dcov`: how many, whose, about which point (mm), and the upper triangle of the 6×6 covariance row by row (mm, rad). */
  covarianceCount = 0;
  readonly covarianceId: Int32Array = new Int32Array(MOST_TARGETS);
  readonly covariancePoint: Float64Array = new Float64Array(MOST_TARGETS * 3);
  readonly covariance: Float64Array = new Float64Array(MOST_TARGETS * 21);
  markerCount = 0;
  readonly markerId: Int32Array = new Int32Array(MOST_MARKERS);
  readonly markerQuality: Float64Array = new Float64Array(MOST_MARKERS);
  readonly markerPosition: Float64Array = new Float64Array(MOST_MARKERS * 3);
  /** Lines of other names: how many, and where the names of the first ones stand in the datagram (from, to). */
  skippedCount = 0;
  readonly skippedNames: Int32Array = new Int32Array(2 * MOST_SKIPPED);

  clear(): void {
    this.timeKind = 0;
    this.time.fill(Number.NaN);
    this.calibratedBodies = -1;
    this.bodies.clear();
    this.flysticks.clear();
    this.measurementTools.clear();
    this.references.clear();
    this.covarianceCount = 0;
    this.markerCount = 0;
    this.skippedCount = 0;
  }
}
