import { NavError } from '../base/index.js';
import { Sampler } from './sample.js';
import type { AnyVolume } from './volume.js';

/** A raster of sample positions in a frame: what a slice view looks at. */
export interface ReslicePlane {
  /**
   * p = frameFromPixel · (column, row, 0): 16 doubles, column-major, mm. Pixel (0, 0) is the CENTRE of the upper left
   * pixel; columns run right, rows run down.
   */
  readonly frameFromPixel: ArrayLike<number>;
  /** Pixels along a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * The rescaled values of a volume on a plane, row by row from the upper left, into `out`; NaN outside the image.
 *
 * One position, one trilinear sample: the shader of the slice views is checked against this.
 * @param out width × height numbers
 * @throws NavError `math/wrong-shape`
 */
export function resliceInto(out: Float32Array | Float64Array, v: AnyVolume, plane: ReslicePlane): void {
  const { frameFromPixel: m, width, height } = plane;
  if (m.length !== 16 || out.length !== width * height) {
    throw new NavError(
      'math/wrong-shape',
      `A slice of ${width}×${height} needs ${width * height} numbers and a 4×4 matrix, got ${out.length} and ${m.length}.`,
    );
  }
  const sampler = new Sampler(v);
  for (let row = 0; row < height; row += 1) {
    const x = (m[12] as number) + (m[4] as number) * row;
    const y = (m[13] as number) + (m[5] as number) * row;
    const z = (m[14] as number) + (m[6] as number) * row;
    for (let column = 0; column < width; column += 1) {
      out[row * width + column] = sampler.at(
        x + (m[0] as number) * column,
        y + (m[1] as number) * column,
        z + (m[2] as number) * column,
      );
    }
  }
}
