import type { CubeImage } from '../../intensity/ultrasound/cube-image.js';
import type { Images } from './scene.js';

/** Grey levels of each image that are told apart. */
const BINS = 32;
/** Values beyond these shares count as the last. */
const [LOW, HIGH] = [0.01, 0.99];

/**
 * Mutual information of the images under a map, nats: the mean over moving images. A measure of its own, blind to what the
 * registration looked at, that no displacement of pieces raises unless tissue comes to lie on tissue.
 * @param matrix 16 doubles, column-major, mm, applied after the displacements
 * @param displacements 3 a fixed cube, mm
 */
export function informationOf({ fixed, moving }: Images, matrix: ArrayLike<number>, displacements?: Float32Array): number {
  const rows = binned(fixed);
  return moving.reduce((sum, m) => sum + ofOne(fixed, rows, m, matrix, displacements), 0) / moving.length;
}

function binned({ values }: CubeImage): Int16Array {
  const known = values.filter((x) => !Number.isNaN(x)).sort();
  const low = known[Math.floor(LOW * (known.length - 1))] ?? 0;
  const high = known[Math.floor(HIGH * (known.length - 1))] ?? 1;
  const scale = BINS / Math.max(high - low, 1e-9);
  return Int16Array.from(values, (x) => (Number.isNaN(x) ? -1 : Math.min(BINS - 1, Math.max(0, Math.floor((x - low) * scale)))));
}

function ofOne(
  fixed: CubeImage,
  rows: Int16Array,
  moving: CubeImage,
  m: ArrayLike<number>,
  displacements: Float32Array | undefined,
): number {
  const columns = binned(moving);
  const joint = new Float64Array(BINS * BINS);
  const [ni, nj] = fixed.size;
  const [mi, mj, mk] = moving.size;
  const h = fixed.spacingMm;
  let count = 0;
  for (let n = 0; n < rows.length; n += 1) {
    const row = rows[n] as number;
    if (row < 0) continue;
    const p = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))].map(
      (i, r) => (fixed.origin[r] as number) + h * i + (displacements === undefined ? 0 : (displacements[3 * n + r] as number)),
    ) as [number, number, number];
    const [a, b, c] = [0, 1, 2].map((r) =>
      Math.round(
        ((m[r] as number) * p[0] +
          (m[4 + r] as number) * p[1] +
          (m[8 + r] as number) * p[2] +
          (m[12 + r] as number) -
          (moving.origin[r] as number)) /
          h,
      ),
    ) as [number, number, number];
    // What leaves the image tells nothing: it counts as its own grey, the same everywhere.
    const inside = a >= 0 && b >= 0 && c >= 0 && a < mi && b < mj && c < mk;
    const column = inside ? (columns[a + mi * (b + mj * c)] as number) : -1;
    joint[BINS * row + Math.max(0, column)] = (joint[BINS * row + Math.max(0, column)] as number) + 1;
    count += 1;
  }
  return count === 0 ? 0 : entropies(joint, count);
}

function entropies(joint: Float64Array, count: number): number {
  const rows = new Float64Array(BINS);
  const columns = new Float64Array(BINS);
  joint.forEach((c, n) => {
    rows[Math.floor(n / BINS)] = (rows[Math.floor(n / BINS)] as number) + c / count;
    columns[n % BINS] = (columns[n % BINS] as number) + c / count;
  });
  let sum = 0;
  joint.forEach((c, n) => {
    if (c === 0) return;
    const p = c / count;
    sum += p * Math.log(p / ((rows[Math.floor(n / BINS)] as number) * (columns[n % BINS] as number)));
  });
  return sum;
}
