import type { AnyVolume, WindowLevel } from '../volume/index.js';
import type { AirLevels } from './air.js';
import type { Tool } from './tool.js';
import type { VolumeTexture } from './volume-texture.js';

/** How far a fiducial has come. */
export type FiducialState = 'pending' | 'active' | 'done' | 'rejected';

/** A fiducial, in numbers. */
export interface FiducialMark {
  readonly xyz: ArrayLike<number>;
  readonly label: string;
  readonly state: FiducialState;
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
  readonly tools: Set<Tool>;
  /** Whether anything is drawn over the images. */
  readonly annotations: boolean;
  /** Device pixels per CSS pixel. */
  dpr: number;
}
