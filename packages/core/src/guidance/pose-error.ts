import { fromRotationVector, symmetricEigen } from '../math/index.js';

/** The axes along which a pose errs, seen from a place. */
export interface ErrorAxes {
  /** A with A Aᵀ = C, 6×6 row-major, rows of ξ = (ρ, φ) in mm and rad; its columns in order of how far they move the neighbourhood. */
  readonly factor: Float64Array;
  /** How many columns are not zero. */
  readonly rank: number;
  /** The smallest eigenvalue as a part of the largest, as found: below zero where C is no covariance. NaN where it is not finite. */
  readonly least: number;
}

/**
 * The axes of a pose's error. Negative eigenvalues count as zero.
 * @param c 6×6 row-major covariance of ξ = (ρ, φ) about the frame's origin, mm² and rad²
 * @param centre where the motions matter, mm
 * @param reachMm how far around it: what a rotation counts as, when axes are put in order
 */
export function errorAxes(c: ArrayLike<number>, centre: ArrayLike<number>, reachMm: number): ErrorAxes {
  // ξ′ = (ρ + φ × centre, reach · φ): what a motion does there, all in mm. S takes ξ there, S⁻¹ takes it back.
  const there = shift(centre, reachMm, 1);
  const { values, vectors } = symmetricEigen(product(product(there, c), transposed(there)), 6);
  const largest = values[0] as number;
  const rank = values.reduce((n, v) => n + Number(v > 1e-14 * largest), 0);
  const roots = new Float64Array(36);
  for (let r = 0; r < 6; r += 1) {
    for (let k = 0; k < rank; k += 1) roots[6 * r + k] = (vectors[6 * r + k] as number) * Math.sqrt(values[k] as number);
  }
  const least = values[5] === 0 ? 0 : (values[5] as number) / Math.abs(largest);
  return { factor: product(shift(centre, reachMm, -1), roots), rank, least };
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

/** S for direction 1, its inverse for −1. */
function shift(centre: ArrayLike<number>, reachMm: number, direction: 1 | -1): Float64Array {
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
