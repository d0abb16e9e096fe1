import { NavError } from '../../base/index.js';
import { chiSquareQuantile } from '../../math/index.js';
import { type ErrorAxes, errorAxes, expMotion } from '../pose-error.js';

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
    const { factor, rank } = checked(error.covariance, centre, reachMm);
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

/** The axes, where they are those of a covariance. */
function checked(c: ArrayLike<number>, centre: ArrayLike<number>, reachMm: number): ErrorAxes {
  const axes = errorAxes(c, centre, reachMm);
  if (!(c.length === 36 && axes.least >= -1e-9 && symmetric(c))) {
    throw new NavError(
      'frame/bad-covariance',
      'The covariance of a pose must be 36 finite numbers, symmetric, with no negative variance. Take it from a registration.',
    );
  }
  return axes;
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
