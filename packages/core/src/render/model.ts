import { vec3 } from '../math/index.js';
import type { AnyVolume, WindowLevel } from '../volume/index.js';
import type { AirLevels } from './air.js';
import type { EllipsoidMark } from './error-ellipsoid.js';
import type { Fusion } from './fusion.js';
import type { GuidanceGraphic } from './guidance/graphic.js';
import type { LabelLook } from './label-map.js';
import type { SliceViewName, ViewName } from './planes.js';
import type { SliceParts } from './slice-parts.js';
import type { Tool } from './tool.js';
import type { VolumeRendering } from './volume-look.js';
import type { VolumeTexture } from './volume-texture.js';
import { type DrawnWords, ENGLISH_WORDS } from './words.js';

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
  /** What the slices are drawn from while not all of the volume is on the GPU. */
  parts: SliceParts | undefined;
  window: WindowLevel;
  /** A second volume over the first, and its texture. */
  second: { readonly fusion: Fusion; readonly uploaded: VolumeTexture } | undefined;
  /** A label map over the slices, and its texture. */
  labels: { readonly look: LabelLook; readonly uploaded: VolumeTexture } | undefined;
  /** How the volume is drawn as a whole in the 3D view; undefined: only its slices stand there. */
  rendering: VolumeRendering | undefined;
  /** The time of the frame being drawn, ms of the stage's clock: one number. */
  readonly now: Float64Array;
  /** The slice the pointer is over, and where, px from its upper left corner. */
  readonly hover: { view: SliceViewName | undefined; x: number; y: number };
  /** The view that keys go to, and whether it is framed: the canvas has the focus, and keys are used. */
  readonly keyed: { view: ViewName | undefined; shown: boolean };
  /** What the 3D view leaves out of the slices; found when it first draws them. */
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
  /** Raised whenever the error at the target or that scale changes. */
  errorRevision: number;
  readonly tools: Tool[];
  /** What the application added: drawn after everything of the stage's own. */
  readonly graphics: GuidanceGraphic[];
  /** What is said in the views. */
  words: DrawnWords;
  /** Whether anything is drawn over the images. */
  readonly annotations: boolean;
  /** Device pixels per CSS pixel. */
  dpr: number;
  /** Device pixels of the canvas: asking the document for them costs memory. */
  readonly canvas: { width: number; height: number };
}

/** A stage with nothing on it. */
export function emptyModel(): StageModel {
  return {
    volume: undefined,
    uploaded: undefined,
    parts: undefined,
    window: { width: 1, level: 0.5 },
    second: undefined,
    labels: undefined,
    rendering: undefined,
    now: new Float64Array(1),
    hover: { view: undefined, x: 0, y: 0 },
    keyed: { view: undefined, shown: false },
    air: undefined,
    focus: vec3(0, 0, 0),
    focusShown: true,
    plan: undefined,
    fiducials: [],
    fiducialsRevision: 0,
    targetError: undefined,
    errorScale: 1,
    errorRevision: 0,
    tools: [],
    graphics: [],
    words: ENGLISH_WORDS,
    dpr: 1,
    canvas: { width: 1, height: 1 },
    annotations: true,
  };
}
