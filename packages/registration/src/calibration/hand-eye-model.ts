import { cholesky, choleskySolve, fromRotationVector, invertRigid, multiply4, rotationVectorOf } from '@trocar/core/math';
import { type PosePairs, poseAt } from './hand-eye-motions.js';

/**
 * What the poses of a hand-eye set say of X and Y: E_i = Y⁻¹ A_i X B_i is the identity but for noise, and
 * r_i = (translation, rotation vector) of E_i is its residual, in the target's frame, mm and rad.
 *
 * All absolute poses, not motions between them: each measurement is used once, so residuals of different poses are
 * independent and the covariance is the fit's own (as for robot-world calibration in Dornaika & Horaud 1998, IEEE Trans.
 * Robotics and Automation 14:617; perturbations as in Barfoot & Furgale 2014, IEEE Trans. Robotics 30:679).
 */

/** At which end of a pose its tracker's noise turns: a tool is `from` of tracker-from-tool. */
export type NoiseEnd = 'from' | 'to';

/** Variances per axis: of positions together, mm², and of the rotations of each list, rad². */
export interface NoiseLevels {
  readonly position: number;
  readonly rotationA: number;
  readonly rotationB: number;
}

export interface HandEyeModel {
  readonly pairs: PosePairs;
  readonly endA: NoiseEnd;
  readonly endB: NoiseEnd;
}

/** One choice of X and Y, 16 doubles each. */
export interface HandEyeState {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Scratch for one pose: made once, filled for each. */
export class PoseTerm {
  /** r = (mm, rad). */
  readonly residual: Float64Array = new Float64Array(6);
  /** ∂r/∂(ξ_X, ξ_Y), 6×12 row-major. */
  readonly jacobian: Float64Array = new Float64Array(72);
  /** Levers over which the rotation noise of A and B moves the target, mm. */
  readonly leverA: Float64Array = new Float64Array(3);
  readonly leverB: Float64Array = new Float64Array(3);
  /** Cholesky factor of the residual's covariance, 6×6. */
  readonly factor: Float64Array = new Float64Array(36);
  readonly #covariance = new Float64Array(36);
  readonly #m = new Float64Array(16);
  readonly #inverseY = new Float64Array(16);
  readonly #n = new Float64Array(16);
  readonly #v = new Float64Array(3);

  /** Residual, and the Jacobian where it is wanted, of pose i. */
  evaluate(model: HandEyeModel, state: HandEyeState, i: number, jacobian: boolean): void {
    const a = poseAt(model.pairs.a, i);
    const b = poseAt(model.pairs.b, i);
    const ya = multiply4(this.#m, invertRigid(this.#inverseY, state.y), a);
    const xb = multiply4(this.#n, state.x, b);
    if (model.endA === 'to') this.leverA.set(this.#inverseY.subarray(12, 15));
    if (jacobian) {
      this.jacobian.fill(0);
      adjointInto(this.jacobian, ya, 0, 1);
      adjointInto(this.jacobian, this.#inverseY, 6, -1);
    }
    const e = multiply4(this.#m, ya, xb);
    for (let k = 0; k < 3; k += 1) this.residual[k] = e[12 + k] as number;
    rotationVectorOf(this.#v, e);
    this.residual.set(this.#v, 3);
    if (jacobian) this.#throughLogarithm();
    if (model.endA === 'from') this.leverA.set(invertRigid(this.#n, xb).subarray(12, 15));
    if (model.endB === 'to') this.leverB.set(invertRigid(this.#n, b).subarray(12, 15));
    else this.leverB.fill(0);
  }

  /** δ(translation) = ρ + φ × t and δ(rotation vector) = J⁻¹ φ, J⁻¹ = I − ½[v]× + [v]×²/12 to second order. */
  #throughLogarithm(): void {
    const [tx, ty, tz] = [this.residual[0] as number, this.residual[1] as number, this.residual[2] as number];
    const [x, y, z] = [this.#v[0] as number, this.#v[1] as number, this.#v[2] as number];
    const square = x * x + y * y + z * z;
    const j = this.jacobian;
    for (let c = 0; c < 12; c += 1) {
      const [p, q, r] = [j[36 + c] as number, j[48 + c] as number, j[60 + c] as number];
      j[c] = (j[c] as number) + q * tz - r * ty;
      j[12 + c] = (j[12 + c] as number) + r * tx - p * tz;
      j[24 + c] = (j[24 + c] as number) + p * ty - q * tx;
      const along = (x * p + y * q + z * r) / 12;
      const keep = 1 - square / 12;
      j[36 + c] = keep * p - 0.5 * (y * r - z * q) + along * x;
      j[48 + c] = keep * q - 0.5 * (z * p - x * r) + along * y;
      j[60 + c] = keep * r - 0.5 * (x * q - y * p) + along * z;
    }
  }

  /** The residual's covariance for these noise levels, factored. False where it is not positive definite. */
  weigh(levels: NoiseLevels): boolean {
    const s = this.#covariance.fill(0);
    for (let k = 0; k < 3; k += 1) s[7 * k] = levels.position;
    addTurned(s, this.leverA, levels.rotationA);
    addTurned(s, this.leverB, levels.rotationB);
    return cholesky(this.factor, s, 6);
  }

  /** rᵀ Σ⁻¹ r; call {@link weigh} first. */
  distanceSquared(): number {
    let sum = 0;
    const z = forward(scratch6, this.factor, this.residual);
    for (let k = 0; k < 6; k += 1) sum += (z[k] as number) * (z[k] as number);
    return sum;
  }

  /** Whitens residual and Jacobian in place: L⁻¹ r, L⁻¹ J. */
  whiten(): void {
    forward(this.residual, this.factor, this.residual);
    for (let c = 0; c < 12; c += 1) {
      for (let i = 0; i < 6; i += 1) {
        let sum = this.jacobian[12 * i + c] as number;
        for (let k = 0; k < i; k += 1) sum -= (this.factor[6 * i + k] as number) * (this.jacobian[12 * k + c] as number);
        this.jacobian[12 * i + c] = sum / (this.factor[7 * i] as number);
      }
    }
  }
}

const scratch6 = new Float64Array(6);

/** Solves L z = r; `z` may be `r`. */
export function forward(z: Float64Array, l: ArrayLike<number>, r: ArrayLike<number>): Float64Array {
  for (let i = 0; i < 6; i += 1) {
    let sum = r[i] as number;
    for (let k = 0; k < i; k += 1) sum -= (l[6 * i + k] as number) * (z[k] as number);
    z[i] = sum / (l[7 * i] as number);
  }
  return z;
}

/** sign · Ad(m) into columns `column` … of a 6×12 row-major matrix: [R, [t]×R; 0, R]. */
function adjointInto(out: Float64Array, m: ArrayLike<number>, column: number, sign: 1 | -1): void {
  const [tx, ty, tz] = [m[12] as number, m[13] as number, m[14] as number];
  for (let c = 0; c < 3; c += 1) {
    const [x, y, z] = [sign * (m[4 * c] as number), sign * (m[4 * c + 1] as number), sign * (m[4 * c + 2] as number)];
    const [near, far] = [column + c, column + 3 + c];
    out[near] = out[36 + far] = x;
    out[12 + near] = out[48 + far] = y;
    out[24 + near] = out[60 + far] = z;
    out[far] = ty * z - tz * y;
    out[12 + far] = tz * x - tx * z;
    out[24 + far] = tx * y - ty * x;
  }
}

/** s += variance · G Gᵀ, G = [[l]×; I]: isotropic rotation noise at the end of a lever. */
function addTurned(s: Float64Array, l: ArrayLike<number>, variance: number): void {
  const [x, y, z] = [l[0] as number, l[1] as number, l[2] as number];
  const g = [0, -z, y, z, 0, -x, -y, x, 0];
  for (let i = 0; i < 3; i += 1) {
    s[7 * (i + 3)] = (s[7 * (i + 3)] as number) + variance;
    for (let j = 0; j < 3; j += 1) {
      const own = (i === j ? x * x + y * y + z * z : 0) - (l[i] as number) * (l[j] as number);
      s[6 * i + j] = (s[6 * i + j] as number) + variance * own;
      const mixed = variance * (g[3 * i + j] as number);
      s[6 * i + j + 3] = (s[6 * i + j + 3] as number) + mixed;
      s[6 * (j + 3) + i] = (s[6 * (j + 3) + i] as number) + mixed;
    }
  }
}

/** m ← Exp(ξ) m for ξ = (ρ, φ) in m's `to` frame. Small steps: the translation of Exp is taken as ρ. */
export function perturb(m: Float64Array, xi: ArrayLike<number>): void {
  const step = fromRotationVector(new Float64Array(16), [xi[3] as number, xi[4] as number, xi[5] as number]);
  step.set([xi[0] as number, xi[1] as number, xi[2] as number], 12);
  multiply4(m, step, m);
}

/** Normal equations of the chosen poses with pose weights. */
export interface Normal {
  /** Jᵀ W J, 12×12. */
  readonly information: Float64Array;
  /** Jᵀ W r. */
  readonly gradient: Float64Array;
  /** Σ w rᵀ Σ⁻¹ r. */
  readonly cost: number;
}

/** Sums the normal equations over poses of weight above 0. */
export function normalEquations(
  model: HandEyeModel,
  state: HandEyeState,
  levels: NoiseLevels,
  weights: ArrayLike<number>,
): Normal {
  const term = new PoseTerm();
  const information = new Float64Array(144);
  const gradient = new Float64Array(12);
  let cost = 0;
  for (let i = 0; i < model.pairs.count; i += 1) {
    const w = weights[i] as number;
    if (!(w > 0)) continue;
    term.evaluate(model, state, i, true);
    term.weigh(levels);
    term.whiten();
    const { jacobian: j, residual: r } = term;
    for (let k = 0; k < 6; k += 1) {
      const rk = r[k] as number;
      cost += w * rk * rk;
      for (let p = 0; p < 12; p += 1) {
        const jp = w * (j[12 * k + p] as number);
        gradient[p] = (gradient[p] as number) + jp * rk;
        for (let q = 0; q <= p; q += 1)
          information[12 * p + q] = (information[12 * p + q] as number) + jp * (j[12 * k + q] as number);
      }
    }
  }
  for (let p = 0; p < 12; p += 1) for (let q = 0; q < p; q += 1) information[12 * q + p] = information[12 * p + q] as number;
  return { information, gradient, cost };
}

/**
 * Levenberg–Marquardt over (X, Y) for fixed weights and noise levels, Marquardt's scaling by the diagonal.
 * @returns the state, its normal equations, and whether it settled
 */
export function minimise(
  model: HandEyeModel,
  start: HandEyeState,
  levels: NoiseLevels,
  weights: ArrayLike<number>,
  iterations = 30,
): { readonly state: HandEyeState; readonly normal: Normal; readonly converged: boolean } {
  let state = start;
  let normal = normalEquations(model, state, levels, weights);
  let damping = 1e-6;
  for (let n = 0; n < iterations; n += 1) {
    const step = dampedStep(normal, damping);
    if (step === undefined) {
      damping = Math.max(damping * 10, 1e-6);
      if (damping > 1e6) return { state, normal, converged: false };
      continue;
    }
    const next = { x: state.x.slice(), y: state.y.slice() };
    perturb(next.x, step.subarray(0, 6));
    perturb(next.y, step.subarray(6, 12));
    const after = normalEquations(model, next, levels, weights);
    if (after.cost <= normal.cost * (1 + 1e-12)) {
      const gain = normal.cost - after.cost;
      [state, normal] = [next, after];
      damping = Math.max(damping / 10, 1e-12);
      if (gain <= 1e-10 * normal.cost + 1e-14 || sizeOf(step) < 1e-10) return { state, normal, converged: true };
    } else {
      if (sizeOf(step) < 1e-9) return { state, normal, converged: true };
      damping *= 10;
      if (damping > 1e8) return { state, normal, converged: false };
    }
  }
  return { state, normal, converged: false };
}

function dampedStep({ information, gradient }: Normal, damping: number): Float64Array | undefined {
  const damped = information.slice();
  for (let k = 0; k < 12; k += 1) damped[13 * k] = (damped[13 * k] as number) * (1 + damping);
  if (!cholesky(damped, damped, 12)) return undefined;
  const step = choleskySolve(new Float64Array(12), damped, gradient, 12);
  return step.map((s) => -s);
}

/** Length of a step with 1 rad for 100 mm, mm. */
function sizeOf(step: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < 12; k += 1) sum += ((step[k] as number) * (k % 6 < 3 ? 1 : 100)) ** 2;
  return Math.sqrt(sum);
}
