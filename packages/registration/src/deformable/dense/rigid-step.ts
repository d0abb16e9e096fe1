import { cholesky, choleskySolve, fromRotationVector, identity4, multiply4 } from '@trocar/core/math';
import { type Level, look, lossSlope, meanDifference, meanLoss } from './level.js';

/**
 * The rigid motion with the least mean loss of the descriptors, from a start within a cube or two: Gauss–Newton.
 * @param start moving from fixed, 16 doubles, column-major, mm
 */
export function refineRigid(level: Level, start: ArrayLike<number>, iterations: number): Float64Array {
  let matrix: Float64Array = Float64Array.from(start);
  look(level, matrix);
  const usual = meanDifference(level);
  const scale = 2 * usual;
  let best = meanLoss(level, scale, usual);
  let step: Float64Array | undefined;
  let factor = 1;
  for (let n = 0; n < iterations; n += 1) {
    step ??= stepOf(level, scale);
    if (step === undefined) break;
    const next = moved(level, matrix, step, factor);
    look(level, next);
    const reached = meanLoss(level, scale, usual);
    if (!(reached < best)) {
      factor /= 2;
      if (factor < 0.1) break;
      continue;
    }
    const gained = best - reached;
    [matrix, best, step, factor] = [next, reached, undefined, 1];
    if (gained < 1e-5 * best) break;
  }
  return matrix;
}

/** The motion (ρ, φ) about the origin of the moving cubes, in cubes and radians. */
function stepOf({ compared, weights, places }: Level, scale: number): Float64Array | undefined {
  const hessian = new Float64Array(36);
  const right = new Float64Array(6);
  const row = new Float64Array(6);
  const add = new Float64Array(18);
  for (let n = 0; n < weights.length; n += 1) {
    const e = compared.difference[n] as number;
    const w = (weights[n] as number) * lossSlope(e, scale);
    if (!(w > 0)) continue;
    const [x, y, z] = [places[3 * n] as number, places[3 * n + 1] as number, places[3 * n + 2] as number];
    const [gx, gy, gz] = [0, 1, 2].map((r) => compared.slope[3 * n + r] as number) as [number, number, number];
    row.set([gx, gy, gz, y * gz - z * gy, z * gx - x * gz, x * gy - y * gx]);
    for (let r = 0; r < 6; r += 1) right[r] = (right[r] as number) - w * (row[r] as number);
    addSquare(hessian, add, compared.square, 6 * n, [x, y, z], w);
  }
  const l = new Float64Array(36);
  for (let r = 0; r < 6; r += 1) hessian[7 * r] = (hessian[7 * r] as number) * (1 + 1e-6);
  return cholesky(l, hessian, 6) ? choleskySolve(new Float64Array(6), l, right, 6) : undefined;
}

/** hessian += w Jᵀ S J with J = [I, −[p]×]. */
function addSquare(
  hessian: Float64Array,
  sj: Float64Array,
  square: Float32Array,
  at: number,
  [x, y, z]: readonly [number, number, number],
  w: number,
): void {
  const [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map((n) => square[at + n] as number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const s = [a, b, c, b, d, e, c, e, f];
  const j = [1, 0, 0, 0, z, -y, 0, 1, 0, -z, 0, x, 0, 0, 1, y, -x, 0];
  for (let r = 0; r < 3; r += 1) {
    for (let q = 0; q < 6; q += 1) {
      let sum = 0;
      for (let k = 0; k < 3; k += 1) sum += (s[3 * r + k] as number) * (j[6 * k + q] as number);
      sj[6 * r + q] = w * sum;
    }
  }
  for (let p = 0; p < 6; p += 1) {
    for (let q = 0; q < 6; q += 1) {
      let sum = 0;
      for (let k = 0; k < 3; k += 1) sum += (j[6 * k + p] as number) * (sj[6 * k + q] as number);
      hessian[6 * p + q] = (hessian[6 * p + q] as number) + sum;
    }
  }
}

function moved(
  { movingOrigin: origin, spacingMm: h }: Level,
  matrix: ArrayLike<number>,
  step: Float64Array,
  factor: number,
): Float64Array {
  const turn = fromRotationVector(
    identity4(),
    [3, 4, 5].map((r) => factor * (step[r] as number)),
  );
  for (let r = 0; r < 3; r += 1) {
    let turned = 0;
    for (let c = 0; c < 3; c += 1) turned += (turn[4 * c + r] as number) * (origin[c] as number);
    turn[12 + r] = (origin[r] as number) + h * factor * (step[r] as number) - turned;
  }
  return multiply4(identity4(), turn, matrix);
}
