import type { AnyVolume, WindowLevel } from '../volume/index.js';
import type { AirLevels } from './air.js';
import type { EllipsoidMark } from './error-ellipsoid.js';
import type { Tool } from './tool.js';
import type { VolumeTexture } from './volume-texture.js';

/**
 * How far a fiducial has come: to be touched, being touched, touched; touched and worth a second look; touched and most
 * likely wrong; left out.
 */
export type FiducialState = 'pending' | 'active' | 'done' | 'watch' | 'suspect' | 'rejected';

/** A fiducial, in numbers. */
export interface FiducialMark {
  readonly xyz: ArrayLike<number>;
  readonly label: string;
  readonly state: FiducialState;
  /** From the fiducial to where it was found, mm. */
  readonly offset: ArrayLike<number> | undefined;
}

/** A straight plan, in numbers. */
export interface PlanMarks {
  readonly entry: ArrayLike<number>;
  readonly target: ArrayLike<number>;
  readonly targetRadiusMm: number;
  readonly corridorRadiusMm: number;
}

/** Everything the views draw; owned by the stage, read by its views while they draw. */
export interface StageModel {
  volume: AnyVolume | undefined;
  uploaded: VolumeTexture | undefined;
  window: WindowLevel;
  /** What the 3D view leaves out of the slices. */
  air: AirLevels | undefined;
  /** Where the slices cut, mm. */
  readonly focus: Float64Array;
  /** Whether the focus may be shown: not while it should follow a tool that is not live. */
  focusShown: boolean;
  plan: PlanMarks | undefined;
  fiducials: readonly FiducialMark[];
  /** Raised whenever the fiducials change. */
  fiducialsRevision: number;
  /** What the error at the target is expected to be. */
  targetError: EllipsoidMark | undefined;
  /** How much larger than they are the 3D view draws errors: a millimetre in a head cannot be seen. */
  errorScale: number;
  readonly tools: Set<Tool>;
  /** Whether anything is drawn over the images. */
  readonly annotations: boolean;
  /** Device pixels per CSS pixel. */
  dpr: number;
}
