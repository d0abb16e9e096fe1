import { cholesky, choleskySolve, fromRotationVector, identity4, multiply4, transformPoint } from '@trocar/core/math';
import type { PatchCorrelation } from './lc2.js';

/** Where a descent ended. */
export interface Descent {
  /** Moving frame from ultrasound frame: 16 doubles, column-major, mm. */
  readonly matrix: Float64Array;
  readonly cost: number;
  /** Evaluations of the cost. */
  readonly evaluations: number;
  readonly converged: boolean;
}

/** How a descent goes. */
export interface DescentOptions {
  /** What rotations turn about, mm in the ultrasound's frame. */
  readonly centre: ArrayLike<number>;
  /** How far from the centre the ultrasound reaches, mm: a rotation's length in mm is its angle times this. */
  readonly reachMm: number;
  /** Steps are shortened to this, mm. */
  readonly longestMm: number;
  /** Steps below this end it, mm. */
  readonly shortestMm: number;
  readonly most: number;
}

/** The motion y′ = y + ρ + φ × (y − pivot), made rigid by the exponential of φ, applied after `matrix`; new. */
export function moved(matrix: ArrayLike<number>, xi: ArrayLike<number>, pivot: ArrayLike<number>): Float64Array {
  const turn = fromRotationVector(identity4(), [xi[3] as number, xi[4] as number, xi[5] as number]);
  const at = transformPoint(new Float64Array(3), turn, pivot);
  for (let r = 0; r < 3; r += 1) turn[12 + r] = (pivot[r] as number) - (at[r] as number) + (xi[r] as number);
  return multiply4(new Float64Array(16), turn, matrix);
}

/** Levenberg–Marquardt (Marquardt 1963, J. SIAM 11:431) on the rigid motions, from `start`. */
export function descend(lc2: PatchCorrelation, start: ArrayLike<number>, options: DescentOptions): Descent {
  let matrix: Float64Array = Float64Array.from(start);
  const pivot = new Float64Array(3);
  const step = new Float64Array(6);
  transformPoint(pivot, matrix, options.centre);
  let cost = lc2.evaluate(matrix, pivot);
  let evaluations = 1;
  let damping = 1e-3;
  while (evaluations < options.most) {
    const gradient = Float64Array.from(lc2.gradient);
    const hessian = Float64Array.from(lc2.hessian);
    let length = 0;
    for (;;) {
      if (!solve(step, hessian, gradient, damping)) return { matrix, cost, evaluations, converged: false };
      length = shorten(step, options);
      const next = moved(matrix, step, pivot);
      transformPoint(pivot, next, options.centre);
      const there = lc2.evaluate(next, pivot);
      evaluations += 1;
      if (there < cost) {
        matrix = next;
        cost = there;
        damping = Math.max(1e-6, damping / 5);
        break;
      }
      transformPoint(pivot, matrix, options.centre);
      damping *= 8;
      if (length < options.shortestMm || damping > 1e6) return { matrix, cost, evaluations, converged: true };
      if (evaluations >= options.most) return { matrix, cost, evaluations, converged: false };
    }
    if (length < options.shortestMm) return { matrix, cost, evaluations, converged: true };
  }
  return { matrix, cost, evaluations, converged: false };
}

function solve(step: Float64Array, hessian: Float64Array, gradient: Float64Array, damping: number): boolean {
  const a = Float64Array.from(hessian);
  for (let i = 0; i < 6; i += 1) a[7 * i] = (hessian[7 * i] as number) * (1 + damping) + 1e-12;
  if (!cholesky(a, a, 6)) return false;
  choleskySolve(step, a, gradient, 6);
  for (let i = 0; i < 6; i += 1) step[i] = -(step[i] as number);
  return true;
}

/** The step's length in mm after shortening it. */
function shorten(step: Float64Array, { reachMm, longestMm }: DescentOptions): number {
  const part = (from: number): number => Math.hypot(step[from] as number, step[from + 1] as number, step[from + 2] as number);
  const length = Math.hypot(part(0), reachMm * part(3));
  const scale = length > longestMm ? longestMm / length : 1;
  for (let i = 0; i < 6; i += 1) step[i] = scale * (step[i] as number);
  return scale * length;
}
