import { WebGLRenderer } from 'three';
import { NavError } from '../base/index.js';

/**
 * three's renderer on a canvas of the caller's, in device pixels.
 * @throws NavError `render/no-webgl2`
 */
export function makeRenderer(canvas: HTMLCanvasElement, antialias: boolean): WebGLRenderer {
  const attributes: WebGLContextAttributes = {
    antialias,
    alpha: false,
    depth: true,
    stencil: false,
    powerPreference: 'high-performance',
  };
  const context = canvas.getContext('webgl2', attributes);
  if (context === null) {
    throw new NavError(
      'render/no-webgl2',
      'This canvas gives no WebGL2 context. Use a browser with WebGL2, switch hardware or software GL on, and give a canvas that has no other context.',
    );
  }
  const renderer = new WebGLRenderer({ canvas, context, ...attributes });
  renderer.autoClear = false;
  renderer.info.autoReset = true;
  renderer.setPixelRatio(1);
  return renderer;
}
