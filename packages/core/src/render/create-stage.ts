import { Stage } from './stage.js';
import type { StageOptions } from './stage-types.js';

/**
 * A stage on a canvas, or in an element where it makes its own canvas.
 *
 * The canvas's CSS size rules; its pixels follow, with the device pixel ratio.
 * @throws NavError `render/no-webgl2`
 */
export function createStage<F extends string>(where: HTMLElement, options: StageOptions<F>): Stage<F> {
  if (where instanceof HTMLCanvasElement) return new Stage(where, false, options);
  const canvas = document.createElement('canvas');
  canvas.style.cssText = 'display:block;width:100%;height:100%;touch-action:none;outline:none';
  where.append(canvas);
  try {
    return new Stage(canvas, true, options);
  } catch (error) {
    canvas.remove();
    throw error;
  }
}
