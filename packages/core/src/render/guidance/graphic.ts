import type { Object3D, WebGLRenderer } from 'three';
import { hasPose, isLive, type PoseView, type Status, worstStatus } from '../../frames/index.js';
import { PALETTE, type StatusStyle, statusStyle } from '../palette.js';
import type { PlaneView } from '../planes.js';
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
  /** Gives everything back. Twice is once. */
  dispose(): void;
}

/**
 * What status may be drawn: the one that was given while it is fresh, `stale` once it was not renewed in time. The one place that
 * decides this for every guidance graphic. Allocates nothing.
 */
export class DrawnStatus {
  #given: Status = 'missing';
  #drawn: Status = 'missing';
  readonly #at = Float64Array.of(Number.NaN);

  /** Takes over a pose's status and query time. A pose with a number that is not finite is none. */
  give(view: PoseView): void {
    const { status } = view;
    this.#given = hasPose(status) && !allFinite(view.matrix) ? 'missing' : status;
    this.#at[0] = view.times[0] as number;
  }

  /** Takes over a status that comes with no pose. @param at one number: when it was true, ms of the poses' clock */
  giveStatus(status: Status, at: ArrayLike<number>): void {
    this.#given = status;
    this.#at[0] = at[0] as number;
  }

  /** Decides for this frame; whether what is drawn changed. A status of no known time is stale. */
  settle(now: Float64Array, staleAfterMs: number): boolean {
    const renewed = (now[0] as number) - (this.#at[0] as number) <= staleAfterMs;
    const status = hasPose(this.#given) && !renewed ? worstStatus(this.#given, 'stale') : this.#given;
    const changed = status !== this.#drawn;
    this.#drawn = status;
    return changed;
  }

  /** Forgets what was given: nothing is drawn from now on. */
  clear(): void {
    this.#given = 'missing';
    this.#drawn = 'missing';
  }

  /** What is drawn. */
  get status(): Status {
    return this.#drawn;
  }

  /** Whether it is drawn as being of the present. */
  get live(): boolean {
    return isLive(this.#drawn);
  }

  /** Whether anything is drawn of it. */
  get shown(): boolean {
    return hasPose(this.#drawn);
  }

  /** How it is drawn. */
  get style(): StatusStyle {
    return statusStyle(this.#drawn);
  }
}

/** What stands on a graphic that is not simply live; empty for `ok`. */
export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  ok: '',
  predicted: 'PREDICTED',
  unknown: 'NOT CONFIRMED',
  outOfVolume: 'OUT OF VOLUME',
  stale: 'STALE',
  missing: 'NOT VISIBLE',
  disconnected: 'DISCONNECTED',
};

/** The colour of such a word: lines in the colour of alarm are read well, letters are not. */
export function wordColour(live: boolean, colour: string): string {
  return !live && colour === PALETTE.alarm ? ALARM_TEXT : colour;
}

/** {@link PALETTE}'s alarm, brighter. */
export const ALARM_TEXT = '#ff8a3d';

function allFinite(m: Float64Array): boolean {
  // One number that is not finite makes the sum not finite.
  let sum = 0;
  for (let k = 0; k < 16; k += 1) sum += m[k] as number;
  return Number.isFinite(sum);
}
