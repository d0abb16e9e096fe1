import type { WebGLRenderer } from 'three';
import { NavError } from '../../base/index.js';
import type { StageModel } from '../model.js';
import type { PlaneView, SliceViewName } from '../planes.js';
import type { SceneView } from '../scene-view.js';

/** What a headset needs of a stage, beyond what an application may do with one. */
export interface XrHost {
  readonly renderer: WebGLRenderer;
  readonly scene: SceneView;
  readonly model: StageModel;
  /** Aborted when the stage is disposed. */
  readonly ended: AbortSignal;
  /** Where a slice view cuts. */
  plane(view: SliceViewName): PlaneView;
  /** Holds the page's own frames back while a headset draws, and lets them come again. */
  hold(held: boolean): void;
  /**
   * All that a frame of the page does before it draws: the application reads its poses, and the stage settles what may be drawn.
   * @returns false where nothing can be drawn: the GPU is lost
   */
  prepare(): boolean;
  /** Puts the crosshair where a person pointed, mm in the stage's frame; does nothing while it follows a tool. */
  moveCrosshair(at: ArrayLike<number>): void;
}

const hosts = new WeakMap<object, XrHost>();

/** Says what a headset may do with a stage: told by the stage when it is made. */
export function offerToXr(stage: object, host: XrHost): void {
  hosts.set(stage, host);
}

/**
 * What a headset may do with a stage.
 * @throws NavError `render/disposed`
 */
export function xrHostOf(stage: object): XrHost {
  const host = hosts.get(stage);
  if (host !== undefined && !host.ended.aborted) return host;
  throw new NavError('render/disposed', 'A headset needs a stage that is not disposed. Make a new one with createStage().');
}
