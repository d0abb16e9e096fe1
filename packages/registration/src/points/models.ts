import { cholesky, choleskySolve, determinant3, fromRotationVector, svd3 } from '@trocar/core/math';
import { at } from './rigid-fit.js';

/** A family of maps that is linear in small changes about a point: what {@link estimateModel} fits. */
export interface MapModel {
  readonly name: 'similarity' | 'affine';
  /** Parameters: 7 or 12. */
  readonly size: number;
  /** Pairs that just fix the map. */
  readonly least: number;
  /** d(M x)/dξ for a point at q from the centre, 3 × size, row-major, into `out`. */
  design(out: Float64Array, q: ArrayLike<number>): void;
  /** The weighted least-squares map, 16 doubles, column-major. Undefined where the points do not fix one. */
  fit(to: ArrayLike<number>, from: ArrayLike<number>, weights: ArrayLike<number>): Float64Array | undefined;
  /** matrix ← the change ξ about `centre`, after `matrix`. */
  step(matrix: Float64Array, xi: ArrayLike<number>, centre: ArrayLike<number>): void;
}

interface Moments {
  readonly toMean: Float64Array;
  readonly fromMean: Float64Array;
  /** Σ w x xᵀ and Σ w x yᵀ about the means, 3×3 row-major. */
  readonly own: Float64Array;
  readonly cross: Float64Array;
}

function momentsOf(to: ArrayLike<number>, from: ArrayLike<number>, weights: ArrayLike<number>): Moments {
  const mean = (xyz: ArrayLike<number>): Float64Array => {
    const sum = new Float64Array(3);
    let total = 0;
    for (let k = 0; k < weights.length; k += 1) {
      total += at(weights, k);
      for (let i = 0; i < 3; i += 1) sum[i] = at(sum, i) + at(weights, k) * at(xyz, 3 * k + i);
    }
    return sum.map((s) => s / total);
  };
  const toMean = mean(to);
  const fromMean = mean(from);
  const own = new Float64Array(9);
  const cross = new Float64Array(9);
  for (let k = 0; k < weights.length; k += 1) {
    for (let i = 0; i < 3; i += 1) {
      const x = at(weights, k) * (at(from, 3 * k + i) - at(fromMean, i));
      for (let j = 0; j < 3; j += 1) {
        own[3 * i + j] = at(own, 3 * i + j) + x * (at(from, 3 * k + j) - at(fromMean, j));
        cross[3 * i + j] = at(cross, 3 * i + j) + x * (at(to, 3 * k + j) - at(toMean, j));
      }
    }
  }
  return { toMean, fromMean, own, cross };
}

/** The 4×4 of y = L (x − x̄) + ȳ, L row-major. */
function about(l: ArrayLike<number>, { toMean, fromMean }: Moments): Float64Array {
  const matrix = new Float64Array(16);
  matrix[15] = 1;
  for (let i = 0; i < 3; i += 1) {
    let moved = 0;
    for (let j = 0; j < 3; j += 1) {
      matrix[4 * j + i] = at(l, 3 * i + j);
      moved += at(l, 3 * i + j) * at(fromMean, j);
    }
    matrix[12 + i] = at(toMean, i) - moved;
  }
  return matrix;
}

/** matrix ← (x ↦ G (x − c) + c + ρ) ∘ matrix, G row-major. */
function afterwards(matrix: Float64Array, g: ArrayLike<number>, rho: ArrayLike<number>, centre: ArrayLike<number>): void {
  const before = matrix.slice();
  for (let column = 0; column < 4; column += 1) {
    for (let i = 0; i < 3; i += 1) {
      let sum = column === 3 ? at(centre, i) + at(rho, i) : 0;
      for (let k = 0; k < 3; k += 1) sum += at(g, 3 * i + k) * (at(before, 4 * column + k) - (column === 3 ? at(centre, k) : 0));
      matrix[4 * column + i] = sum;
    }
  }
}

/** Rotation, translation and one scale: Umeyama 1991 (IEEE PAMI 13:376), eqs. 40–42. ξ = (ρ, φ, s). */
export const similarity: MapModel = {
  name: 'similarity',
  size: 7,
  least: 3,
  design(out, q) {
    const [x, y, z] = [at(q, 0), at(q, 1), at(q, 2)];
    out.set([1, 0, 0, 0, z, -y, x, 0, 1, 0, -z, 0, x, y, 0, 0, 1, y, -x, 0, z]);
  },
  fit(to, from, weights) {
    const moments = momentsOf(to, from, weights);
    const { u, s, v } = svd3(moments.cross);
    const hand = determinant(u) * determinant(v) < 0 ? -1 : 1;
    const spread = at(moments.own, 0) + at(moments.own, 4) + at(moments.own, 8);
    const scale = (at(s, 0) + at(s, 1) + hand * at(s, 2)) / spread;
    if (!(scale > 0)) return undefined;
    const l = Float64Array.from({ length: 9 }, (_, n) => {
      const [i, j] = [Math.floor(n / 3), n % 3];
      return scale * [1, 1, hand].reduce((sum, d, k) => sum + d * at(v, 3 * i + k) * at(u, 3 * j + k), 0);
    });
    return about(l, moments);
  },
  step(matrix, xi, centre) {
    const turn = fromRotationVector(new Float64Array(16), [at(xi, 3), at(xi, 4), at(xi, 5)]);
    const g = Float64Array.from({ length: 9 }, (_, n) => at(turn, 4 * (n % 3) + Math.floor(n / 3)) * (1 + at(xi, 6)));
    afterwards(matrix, g, xi, centre);
  },
};

/** Any linear map and a translation, by weighted linear least squares. ξ = (ρ, columns of the change of the linear part). */
export const affine: MapModel = {
  name: 'affine',
  size: 12,
  least: 4,
  design(out, q) {
    out.fill(0);
    for (let i = 0; i < 3; i += 1) {
      out[12 * i + i] = 1;
      for (let j = 0; j < 3; j += 1) out[12 * i + 3 + 3 * j + i] = at(q, j);
    }
  },
  fit(to, from, weights) {
    const moments = momentsOf(to, from, weights);
    const l = new Float64Array(9);
    const factor = new Float64Array(9);
    if (!cholesky(factor, moments.own, 3)) return undefined;
    for (let i = 0; i < 3; i += 1) {
      const column = [at(moments.cross, i), at(moments.cross, 3 + i), at(moments.cross, 6 + i)];
      l.set(choleskySolve(new Float64Array(3), factor, column, 3), 3 * i);
    }
    return about(l, moments);
  },
  step(matrix, xi, centre) {
    const g = Float64Array.from({ length: 9 }, (_, n) => {
      const [i, j] = [Math.floor(n / 3), n % 3];
      return (i === j ? 1 : 0) + at(xi, 3 + 3 * j + i);
    });
    afterwards(matrix, g, xi, centre);
  },
};

function determinant(m: ArrayLike<number>): number {
  return determinant3(
    Float64Array.of(
      at(m, 0),
      at(m, 3),
      at(m, 6),
      0,
      at(m, 1),
      at(m, 4),
      at(m, 7),
      0,
      at(m, 2),
      at(m, 5),
      at(m, 8),
      0,
      0,
      0,
      0,
      1,
    ),
  );
}
