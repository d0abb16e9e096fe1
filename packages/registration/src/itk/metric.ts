import { identity4, invert4, transformPoint } from '@trocar/core/math';
import type { PointMap } from '../deformable/deformation.js';
import type { Picture } from './image.js';

/** How well two images agree under a map. */
export interface Agreement {
  /** Mutual information in nats, of 32 × 32 bins; NaN where nothing overlaps. Only comparable for the same two images. */
  readonly mutualInformation: number;
  /** Share of the fixed image's voxels that the map puts inside the moving image, 0 … 1. */
  readonly overlap: number;
}

const BINS = 32;
/** Voxels looked at: more change nothing in the third digit. */
const SAMPLES = 60_000;

/**
 * The agreement of two images on a regular subset of the fixed voxels, trilinear. (Viola & Wells 1997, Collignon 1995.)
 * Our own and independent of what the registration optimised, so that runs with any parameters compare.
 */
export function agreementOf(fixed: Picture, moving: Picture, movingFromFixed: PointMap): Agreement {
  const [ni, nj, nk] = fixed.size;
  const stride = Math.max(1, Math.floor(Math.cbrt((ni * nj * nk) / SAMPLES)));
  const histogram = new Float64Array(BINS * BINS);
  const rangeF = rangeOf(fixed.values);
  const rangeM = rangeOf(moving.values);
  const indexFromMoving = identity4();
  invert4(indexFromMoving, moving.frameFromIndex);
  const p = new Float64Array(3);
  let seen = 0;
  let inside = 0;
  for (let k = 0; k < nk; k += stride) {
    for (let j = 0; j < nj; j += stride) {
      for (let i = 0; i < ni; i += stride) {
        seen += 1;
        p[0] = i;
        p[1] = j;
        p[2] = k;
        transformPoint(p, fixed.frameFromIndex, p);
        movingFromFixed(p, p);
        transformPoint(p, indexFromMoving, p);
        const m = linearAt(moving, p[0] as number, p[1] as number, p[2] as number);
        const f = fixed.values[i + ni * (j + nj * k)] as number;
        if (Number.isNaN(m) || Number.isNaN(f)) continue;
        inside += 1;
        spread(histogram, binOf(f, rangeF), binOf(m, rangeM));
      }
    }
  }
  return { mutualInformation: informationOf(histogram, inside), overlap: inside / seen };
}

/** Linear Parzen windows: each sample is shared between neighbouring bins, so the figure is smooth in the pose. */
function spread(histogram: Float64Array, f: number, m: number): void {
  const f0 = Math.min(BINS - 2, Math.floor(f));
  const m0 = Math.min(BINS - 2, Math.floor(m));
  const a = f - f0;
  const b = m - m0;
  const n = BINS * f0 + m0;
  histogram[n] = (histogram[n] as number) + (1 - a) * (1 - b);
  histogram[n + 1] = (histogram[n + 1] as number) + (1 - a) * b;
  histogram[n + BINS] = (histogram[n + BINS] as number) + a * (1 - b);
  histogram[n + BINS + 1] = (histogram[n + BINS + 1] as number) + a * b;
}

function binOf(value: number, [low, high]: readonly [number, number]): number {
  return high > low ? ((value - low) / (high - low)) * (BINS - 1) : 0;
}

function rangeOf(values: Float32Array): readonly [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

function informationOf(histogram: Float64Array, total: number): number {
  if (total === 0) return Number.NaN;
  const rows = new Float64Array(BINS);
  const columns = new Float64Array(BINS);
  histogram.forEach((h, n) => {
    rows[Math.floor(n / BINS)] = (rows[Math.floor(n / BINS)] as number) + h / total;
    columns[n % BINS] = (columns[n % BINS] as number) + h / total;
  });
  let sum = 0;
  histogram.forEach((h, n) => {
    const joint = h / total;
    if (joint > 0) sum += joint * Math.log(joint / ((rows[Math.floor(n / BINS)] as number) * (columns[n % BINS] as number)));
  });
  return sum;
}

/** Trilinear value at a continuous index; NaN beyond the outermost voxel centres. */
function linearAt(picture: Picture, x: number, y: number, z: number): number {
  const [ni, nj, nk] = picture.size;
  if (!(x >= 0 && y >= 0 && z >= 0 && x <= ni - 1 && y <= nj - 1 && z <= nk - 1)) return Number.NaN;
  const [i, j, k] = [
    Math.min(Math.floor(x), Math.max(0, ni - 2)),
    Math.min(Math.floor(y), Math.max(0, nj - 2)),
    Math.min(Math.floor(z), Math.max(0, nk - 2)),
  ];
  const [di, dj, dk] = [ni > 1 ? 1 : 0, nj > 1 ? ni : 0, nk > 1 ? ni * nj : 0];
  const v = picture.values;
  const o = i + ni * (j + nj * k);
  const along = (n: number): number => (v[n] as number) + (x - i) * ((v[n + di] as number) - (v[n] as number));
  const near = along(o) + (y - j) * (along(o + dj) - along(o));
  const far = along(o + dk) + (y - j) * (along(o + dk + dj) - along(o + dk));
  return near + (z - k) * (far - near);
}
