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
    const x = places[3 * n] as number;
    const y = places[3 * n + 1] as number;
    const z = places[3 * n + 2] as number;
    const gx = compared.slope[3 * n] as number;
    const gy = compared.slope[3 * n + 1] as number;
    const gz = compared.slope[3 * n + 2] as number;
    put(row, 0, gx, gy, gz);
    put(row, 3, y * gz - z * gy, z * gx - x * gz, x * gy - y * gx);
    for (let r = 0; r < 6; r += 1) right[r] = (right[r] as number) - w * (row[r] as number);
    addSquare(hessian, add, compared.square, 6 * n, x, y, z, w);
  }
  const l = new Float64Array(36);
  for (let r = 0; r < 6; r += 1) hessian[7 * r] = (hessian[7 * r] as number) * (1 + 1e-6);
  return cholesky(l, hessian, 6) ? choleskySolve(new Float64Array(6), l, right, 6) : undefined;
}

/** hessian += w Jᵀ S J with J = [I, −[p]×]. `sj` takes S J, column after column. */
function addSquare(
  hessian: Float64Array,
  sj: Float64Array,
  square: Float32Array,
  at: number,
  x: number,
  y: number,
  z: number,
  w: number,
): void {
  const xx = w * (square[at] as number);
  const xy = w * (square[at + 1] as number);
  const xz = w * (square[at + 2] as number);
  const yy = w * (square[at + 3] as number);
  const yz = w * (square[at + 4] as number);
  const zz = w * (square[at + 5] as number);
  put(sj, 0, xx, xy, xz);
  put(sj, 3, xy, yy, yz);
  put(sj, 6, xz, yz, zz);
  put(sj, 9, y * xz - z * xy, y * yz - z * yy, y * zz - z * yz);
  put(sj, 12, z * xx - x * xz, z * xy - x * yz, z * xz - x * zz);
  put(sj, 15, x * xy - y * xx, x * yy - y * xy, x * yz - y * xz);
  for (let q = 0; q < 6; q += 1) {
    const a = sj[3 * q] as number;
    const b = sj[3 * q + 1] as number;
    const c = sj[3 * q + 2] as number;
    hessian[q] = (hessian[q] as number) + a;
    hessian[6 + q] = (hessian[6 + q] as number) + b;
    hessian[12 + q] = (hessian[12 + q] as number) + c;
    hessian[18 + q] = (hessian[18 + q] as number) + y * c - z * b;
    hessian[24 + q] = (hessian[24 + q] as number) + z * a - x * c;
    hessian[30 + q] = (hessian[30 + q] as number) + x * b - y * a;
  }
}

function put(out: Float64Array, at: number, x: number, y: number, z: number): void {
  out[at] = x;
  out[at + 1] = y;
  out[at + 2] = z;
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
