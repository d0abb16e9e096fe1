import type { AnyVolume } from '@trocar/core/volume';
import type { Reading } from './cube-image.js';

/**
 * How ultrasound voxels are read: the value that surrounds the fan is no image.
 *
 * A volume put together from a sweep is filled with one value where nothing was seen, almost always 0. It is taken for
 * filling where at least a fifth of the volume's faces hold it.
 */
export function readingOfUltrasound(us: AnyVolume): Reading {
  const filling = fillingOf(us);
  return { value: (x) => (x === filling ? Number.NaN : x) };
}

/** The value outside the fan, rescaled; NaN where there is none. */
export function fillingOf(us: AnyVolume): number {
  const counts = new Map<number, number>();
  const [ni, nj, nk] = us.size;
  let total = 0;
  for (let k = 0; k < nk; k += 1) {
    const face = k === 0 || k === nk - 1;
    for (let j = 0; j < nj; j += 1) {
      const edge = face || j === 0 || j === nj - 1;
      for (let i = 0; i < ni; i += edge ? 1 : Math.max(1, ni - 1)) {
        const x = us.voxels[i + ni * (j + nj * k)] as number;
        counts.set(x, (counts.get(x) ?? 0) + 1);
        total += 1;
      }
    }
  }
  let best = Number.NaN;
  let most = total / 5;
  for (const [x, count] of counts) {
    if (count >= most) {
      best = x;
      most = count;
    }
  }
  return best * us.rescale.slope + us.rescale.intercept;
}
