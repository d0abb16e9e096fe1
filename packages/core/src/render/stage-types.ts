import type { Frame, Point } from '../frames/index.js';
import type { Clock } from '../time/index.js';
import type { Layout } from './layout.js';
import type { FiducialState } from './model.js';
import type { DrawnWords } from './words.js';

/** What {@link createStage} is told. */
export interface StageOptions<F extends string> {
  /** The frame everything on the stage is given in: a patient frame, LPS, mm. */
  readonly frame: Frame<F>;
  /** The clock of the poses' query times. Default: the system clock. */
  readonly clock?: Clock;
  /** Default: {@link quadLayout}. */
  readonly layout?: Layout;
  /** Device pixels per CSS pixel. Default: the window's, followed. */
  readonly pixelRatio?: number;
  /** Multisampling of the 3D view. Lines and letters are smooth without it. Default true. */
  readonly antialias?: boolean;
  /** Listens to pointers and the wheel. Default true. */
  readonly interactive?: boolean;
  /** Draws letters, scale bars, crosshair and marks over the images. Default true; false for plain pictures. */
  readonly annotations?: boolean;
  /** What the stage and the graphics on it say. Default: {@link ENGLISH_WORDS}. */
  readonly words?: DrawnWords;
  /** A tool whose pose was queried longer ago than this is drawn as stale. Default 250 ms. */
  readonly staleAfterMs?: number;
  /** The most GPU memory one volume may take. Default 2 GiB. */
  readonly maxTextureBytes?: number;
}

/** A straight plan as the stage draws it; `@trocar/core/guidance` plans fit. */
export interface StagePlan<in out F extends string> {
  readonly entry: Point<F>;
  readonly target: Point<F>;
  /** Radius of the sphere drawn for the target. Default 4 mm. */
  readonly targetRadiusMm?: number;
  /** Radius of the corridor drawn around the path. Default 3 mm; 0: none, where a `TrajectoryCorridor` is drawn instead. */
  readonly corridorRadiusMm?: number;
}

/** A fiducial to draw. */
export interface StageFiducial<in out F extends string> {
  readonly point: Point<F>;
  /** Default: its number, from 1. */
  readonly label?: string;
  /** Default `pending`. */
  readonly state?: FiducialState;
  /** From the fiducial to where it was found, mm, in the stage's frame: drawn as an arrow in the 3D view. */
  readonly offset?: ArrayLike<number>;
}

/** The error that is expected at a target, to draw: an ellipsoid that holds it with some probability. */
export interface StageTargetError<in out F extends string> {
  readonly centre: Point<F>;
  /** 3×3 symmetric, mm²: the ellipsoid is where dᵀ S⁻¹ d ≤ 1, d from its centre. */
  readonly shape: ArrayLike<number>;
  /**
   * The ellipse in the slices is so many times the ellipsoid's outline: below 1 where it is to hold the error WITHIN the slice
   * with the same probability, for a region in a plane is smaller than the shadow of one in space. Default 1.
   */
  readonly inSlice?: number;
  /** What stands beside it, as `95 % ≤ 0.5 mm`. */
  readonly label?: string;
}

/** What the stage holds on the GPU, as three counts it. */
export interface StageResources {
  readonly geometries: number;
  readonly textures: number;
  readonly programs: number;
}
