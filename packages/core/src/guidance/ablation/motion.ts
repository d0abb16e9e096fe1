import { NavError } from '../../base/index.js';
import { chiSquareQuantile, fromRotationVector, symmetricEigen } from '../../math/index.js';

/** The error of a pose: what it may still have to be moved by. */
export interface MotionError {
  /** As in Transform.covariance: 6×6, row-major, of ξ = (ρ, φ) in mm and rad, T_true = Exp(ξ) · T. */
  readonly covariance: ArrayLike<number>;
  /** Degrees of freedom behind its scale; Infinity where it was known. Finite: ξ is Student-distributed. */
  readonly degreesOfFreedom: number;
}

/** Rigid motions with a given error, drawn from uniform numbers. */
export class MotionDraw {
  /** Uniform numbers that a draw takes. */
  readonly dimensions: number;
  /** The motion drawn last: 16 doubles, column-major. */
  readonly matrix: Float64Array = new Float64Array(16);
  readonly #factor: Float64Array;
  readonly #rank: number;
  readonly #dof: number;
  readonly #xi = new Float64Array(6);

  /**
   * @param centre where the motions matter: their largest part there takes the first numbers, mm
   * @param reachMm how far around it
   * @throws NavError `frame/bad-covariance` for what is not 36 finite numbers, symmetric, without a negative variance
   */
  constructor(error: MotionError, centre: ArrayLike<number>, reachMm: number) {
    const { factor, rank } = factorOf(error.covariance, centre, reachMm);
    this.#factor = factor;
    this.#rank = rank;
    this.#dof = error.degreesOfFreedom;
    // Normal numbers come in pairs.
    this.dimensions = rank === 0 ? 0 : rank + (rank % 2) + (this.#dof === Number.POSITIVE_INFINITY ? 0 : 1);
    expMotion(this.matrix, this.#xi);
  }

  /** Draws from uniform numbers in (0, 1), from `at` on. Pairs of them give pairs of normal ones (Box & Muller 1958). */
  draw(uniform: Float64Array, at: number): void {
    if (this.#rank === 0) return;
    const xi = this.#xi.fill(0);
    let scale = 1;
    if (this.#dof !== Number.POSITIVE_INFINITY) {
      const u = uniform[at + this.dimensions - 1] as number;
      scale = Math.sqrt(this.#dof / chiSquareQuantile(u, this.#dof));
    }
    for (let c = 0; c < this.#rank; c += 2) {
      const length = scale * Math.sqrt(-2 * Math.log(uniform[at + c] as number));
      const angle = 2 * Math.PI * (uniform[at + c + 1] as number);
      this.#add(c, length * Math.cos(angle));
      if (c + 1 < this.#rank) this.#add(c + 1, length * Math.sin(angle));
    }
    expMotion(this.matrix, xi);
  }

  #add(column: number, z: number): void {
    for (let r = 0; r < 6; r += 1) this.#xi[r] = (this.#xi[r] as number) + z * (this.#factor[6 * r + column] as number);
  }
}

/**
 * The rigid motion Exp(ξ) into `out`: rotation Exp(φ), translation V(φ) ρ (Barfoot & Furgale 2014, eqs. 4 and 9).
 * @param xi (ρ, φ), mm and rad
 */
export function expMotion(out: Float64Array, xi: ArrayLike<number>): Float64Array {
  const [rx, ry, rz, a, b, c] = [xi[0], xi[1], xi[2], xi[3], xi[4], xi[5]] as [number, number, number, number, number, number];
  fromRotationVector(out, [a, b, c]);
  const t2 = a * a + b * b + c * c;
  const t = Math.sqrt(t2);
  // (1 − cos θ)/θ² and (θ − sin θ)/θ³, by their series where the quotients lose their digits.
  const f = t < 1e-3 ? 0.5 - t2 / 24 : (1 - Math.cos(t)) / t2;
  const g = t < 1e-2 ? 1 / 6 - t2 / 120 : (t - Math.sin(t)) / (t2 * t);
  const [ux, uy, uz] = [b * rz - c * ry, c * rx - a * rz, a * ry - b * rx];
  out[12] = rx + f * ux + g * (b * uz - c * uy);
  out[13] = ry + f * uy + g * (c * ux - a * uz);
  out[14] = rz + f * uz + g * (a * uy - b * ux);
  return out;
}

/** A with A Aᵀ = C, its columns in order of how far they move the neighbourhood of `centre`; row-major 6×6. */
function factorOf(c: ArrayLike<number>, centre: ArrayLike<number>, reachMm: number): { factor: Float64Array; rank: number } {
  // ξ′ = (ρ + φ × centre, reach · φ): what a motion does there, all in mm. S takes ξ there, S⁻¹ takes it back.
  const moved = product(product(there(centre, reachMm, 1), c), transposed(there(centre, reachMm, 1)));
  const { values, vectors } = symmetricEigen(moved, 6);
  const largest = values[0] as number;
  const sound = c.length === 36 && values.every((v) => Number.isFinite(v) && v >= -1e-9 * Math.abs(largest));
  if (!sound || !symmetric(c)) {
    throw new NavError(
      'frame/bad-covariance',
      'The covariance of a pose must be 36 finite numbers, symmetric, with no negative variance. Take it from a registration.',
    );
  }
  const rank = values.reduce((n, v) => n + Number(v > 1e-14 * largest), 0);
  const roots = new Float64Array(36);
  for (let r = 0; r < 6; r += 1) {
    for (let k = 0; k < rank; k += 1) roots[6 * r + k] = (vectors[6 * r + k] as number) * Math.sqrt(values[k] as number);
  }
  return { factor: product(there(centre, reachMm, -1), roots), rank };
}

/** S for direction 1, its inverse for −1. */
function there(centre: ArrayLike<number>, reachMm: number, direction: 1 | -1): Float64Array {
  const [x, y, z] = [centre[0], centre[1], centre[2]] as [number, number, number];
  const s = new Float64Array(36);
  const back = direction === 1 ? 1 : 1 / reachMm;
  // φ × c = −[c]× φ.
  const cross = [0, z, -y, -z, 0, x, y, -x, 0];
  for (let r = 0; r < 3; r += 1) {
    s[7 * r] = 1;
    s[7 * (r + 3)] = direction === 1 ? reachMm : back;
    for (let k = 0; k < 3; k += 1) s[6 * r + 3 + k] = direction * back * (cross[3 * r + k] as number);
  }
  return s;
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(36);
  for (let r = 0; r < 6; r += 1) {
    for (let c = 0; c < 6; c += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (a[6 * r + k] as number) * (b[6 * k + c] as number);
      out[6 * r + c] = sum;
    }
  }
  return out;
}

function transposed(a: Float64Array): Float64Array {
  return a.map((_, n) => a[6 * (n % 6) + Math.floor(n / 6)] as number);
}

function symmetric(c: ArrayLike<number>): boolean {
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const scale = Math.sqrt((c[7 * i] as number) * (c[7 * j] as number));
      if (!(Math.abs((c[6 * i + j] as number) - (c[6 * j + i] as number)) <= 1e-9 * scale + 1e-300)) return false;
    }
  }
  return true;
}
