import type { Object3D, WebGLRenderer } from 'three';
import type { Status } from '../../frames/index.js';
import { PALETTE } from '../palette.js';
import type { PlaneView } from '../planes.js';
import type { DrawnWords } from '../words.js';
import type { SceneLabel } from './scene-label.js';

/** What every guidance graphic is to whoever draws it: the stage, or a loop of the application's own. */
export interface GuidanceGraphic {
  /** What is drawn, as the last {@link settle} decided: never better than the pose that was given. */
  readonly status: Status;
  /** Its part of the 3D view, in the stage's frame, mm; undefined where it has none. */
  readonly object?: Object3D;
  /** Its texts in the 3D view, the more important first: {@link LabelShelf} keeps them clear of those of other graphics. */
  readonly labels?: readonly SceneLabel[];
  /**
   * Decides what may be drawn in this frame: what was not renewed in time becomes stale, what is missing goes. Call it with
   * every frame before drawing, whether or not there was a new pose. Panels draw themselves here.
   * @param now one number, ms of the poses' clock
   */
  settle(now: Float64Array, staleAfterMs: number): void;
  /** Before the 3D view is drawn: its size in device pixels, and how many of them make a CSS pixel. */
  inScene?(width: number, height: number, dpr: number): void;
  /** Draws over a slice, into the viewport that is set. */
  onSlice?(renderer: WebGLRenderer, plane: PlaneView, dpr: number): void;
  /** Says everything in these words from the next frame on; the stage hands its own in when a graphic is added, and when they change. */
  setWords?(words: DrawnWords): void;
  /** Gives everything back. Twice is once. */
  dispose(): void;
}

/** The colour of a word that says why something is not live: lines in the colour of alarm are read well, letters are not. */
export function wordColour(live: boolean, colour: string): string {
  return !live && colour === PALETTE.alarm ? ALARM_TEXT : colour;
}

/** {@link PALETTE}'s alarm, brighter. */
export const ALARM_TEXT = '#ff8a3d';
