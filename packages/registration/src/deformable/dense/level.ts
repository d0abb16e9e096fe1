import { type Comparison, comparison } from './compare.js';

/** Compares both images with each fixed cube at its place among the moving cubes (3 a cube, in cubes), into `out`. */
export type Comparer = (out: Comparison, places: Float32Array) => void;

/** One resolution: the fixed image's cubes, how they are compared, and which of them count. */
export interface Level {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  /** Of cube 0, mm: of the fixed and of the moving cubes. */
  readonly origin: readonly [number, number, number];
  readonly movingOrigin: readonly [number, number, number];
  /** How much each fixed cube counts: 0 where it is held out. */
  readonly weights: Float32Array;
  readonly compare: Comparer;
  /** Scratch. */
  readonly places: Float32Array;
  readonly compared: Comparison;
}

interface Cubes {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
}

/** A level over a fixed image's cubes. */
export function level(fixed: Cubes, moving: Pick<Cubes, 'origin'>, weights: Float32Array, compare: Comparer): Level {
  const { size, spacingMm, origin } = fixed;
  const cubes = size[0] * size[1] * size[2];
  const places = new Float32Array(3 * cubes);
  return { size, spacingMm, origin, movingOrigin: moving.origin, weights, compare, places, compared: comparison(cubes) };
}

/** Looks at the images with each cube at A · (x + u). */
export function look(on: Level, matrix: ArrayLike<number>, displacements?: Float32Array): void {
  putPlaces(on, matrix, displacements);
  on.compare(on.compared, on.places);
}

/**
 * Where each fixed cube lies among the moving cubes: A · (x + u), into the level's places.
 * @param matrix A: 16 doubles, column-major, mm
 * @param displacements u, mm, 3 a cube; none where absent
 */
function putPlaces(
  { size, origin, movingOrigin: to, places: out, spacingMm: h }: Level,
  matrix: ArrayLike<number>,
  displacements?: Float32Array,
): void {
  const [ni, nj, nk] = size;
  const m = Float64Array.from(matrix);
  const [m0, m1, m2, m4, m5, m6, m8, m9, m10] = [0, 1, 2, 4, 5, 6, 8, 9, 10].map((n) => m[n] as number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [t0, t1, t2] = [0, 1, 2].map((r) => (m[12 + r] as number) - (to[r] as number)) as [number, number, number];
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 3) {
        let x = origin[0] + h * i;
        let y = origin[1] + h * j;
        let z = origin[2] + h * k;
        if (displacements !== undefined) {
          x += displacements[n] as number;
          y += displacements[n + 1] as number;
          z += displacements[n + 2] as number;
        }
        out[n] = (m0 * x + m4 * y + m8 * z + t0) / h;
        out[n + 1] = (m1 * x + m5 * y + m9 * z + t1) / h;
        out[n + 2] = (m2 * x + m6 * y + m10 * z + t2) / h;
      }
    }
  }
}

/** A bounded loss: e / (1 + e / s), after Geman & McClure. What is gone or new must not pull. */
export function loss(e: number, s: number): number {
  return e / (1 + e / s);
}

/** Its derivative. */
export function lossSlope(e: number, s: number): number {
  const q = 1 / (1 + e / s);
  return q * q;
}

/**
 * Mean loss over the cubes that count. A cube that has left the moving image counts as `away`, so that leaving never pays.
 */
export function meanLoss({ compared, weights }: Level, scale: number, away: number): number {
  const { difference } = compared;
  let sum = 0;
  let total = 0;
  for (let n = 0; n < weights.length; n += 1) {
    const w = weights[n] as number;
    if (w === 0) continue;
    const e = difference[n] as number;
    sum += w * loss(Number.isNaN(e) ? away : e, scale);
    total += w;
  }
  return total > 0 ? sum / total : Number.NaN;
}

/** Mean difference over the cubes that count and are seen by both. */
export function meanDifference({ compared, weights }: Level): number {
  const { difference } = compared;
  let sum = 0;
  let total = 0;
  for (let n = 0; n < weights.length; n += 1) {
    const e = difference[n] as number;
    const w = weights[n] as number;
    if (Number.isNaN(e) || w === 0) continue;
    sum += w * e;
    total += w;
  }
  return total > 0 ? sum / total : Number.NaN;
}
