import type { Sweep } from './sweep.js';

/**
 * The sweep with left and right of each picture exchanged, in its place: what it would be if somebody had turned the pictures round since the calibration. A
 * clip of the calibration holds for it as it is. Pixels are copied.
 */
export function mirrorSweep<F extends string>(sweep: Sweep<F>): Sweep<F> {
  const [columns] = sweep.size;
  const mirrored = (pixels: Uint8Array): Uint8Array => {
    const turned = pixels.slice();
    for (let from = 0; from < turned.length; from += columns) turned.subarray(from, from + columns).reverse();
    return turned;
  };
  return { ...sweep, frames: sweep.frames.map((frame) => ({ ...frame, pixels: mirrored(frame.pixels) })) };
}
