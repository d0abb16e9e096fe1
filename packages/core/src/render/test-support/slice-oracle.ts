import { greyOf, resliceInto, type Volume, type WindowLevel } from '../../volume/index.js';
import type { SliceViewName, Stage } from '../index.js';

/** Red of every pixel of the canvas just drawn, row by row from the top. */
export function pixels<F extends string>(stage: Stage<F>): Uint8Array {
  const gl = stage.canvas.getContext('webgl2') as WebGL2RenderingContext;
  const { width, height } = stage.canvas;
  const raw = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, raw);
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) out[y * width + x] = raw[4 * ((height - 1 - y) * width + x)] as number;
  }
  return out;
}

/** The largest difference in grey levels of a view just drawn from the CPU's reslice, away from the border, and how many pixels counted. */
export function againstOracle<F extends string>(
  stage: Stage<F>,
  view: SliceViewName,
  v: Volume<F>,
  window: WindowLevel,
): { worst: number; inside: number; outside: number } {
  const picture = pixels(stage);
  const at = stage.viewRect(view) ?? { x: 0, y: 0 };
  const seen = (x: number, y: number): number => picture[(at.y + y) * stage.canvas.width + at.x + x] as number;
  const { plane } = stage.slice(view);
  const values = new Float32Array(plane.width * plane.height);
  resliceInto(values, v, plane.reslicePlane());
  let worst = 0;
  let inside = 0;
  let outside = 0;
  const border = (x: number, y: number): boolean =>
    [
      [0, 0],
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ].some(([dx, dy]) => {
      const [a, b] = [x + (dx as number), y + (dy as number)];
      const neighbour =
        a < 0 || b < 0 || a >= plane.width || b >= plane.height ? Number.NaN : (values[b * plane.width + a] as number);
      return Number.isNaN(neighbour) !== Number.isNaN(values[y * plane.width + x] as number);
    });
  for (let y = 0; y < plane.height; y += 1) {
    for (let x = 0; x < plane.width; x += 1) {
      const value = values[y * plane.width + x] as number;
      if (border(x, y)) continue;
      // Background is #0b0e12: its red is 11.
      const wanted = Number.isNaN(value) ? 11 : 255 * greyOf(value, window);
      worst = Math.max(worst, Math.abs(wanted - seen(x, y)));
      if (Number.isNaN(value)) outside += 1;
      else inside += 1;
    }
  }
  return { worst, inside, outside };
}
