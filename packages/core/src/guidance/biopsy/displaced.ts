import { fromRotationVector, symmetricEigen, transformDirection } from '../../math/index.js';
import { normalQuantile, shuffled, sobolPoints, studentScale } from './sobol.js';

/** A 6×6 covariance turned into displacements: about one centre, along its own axes, the largest first. */
export class ErrorAxes {
  /** Columns √λ v, 6×6 row-major: rows 0 … 2 mm at the centre, rows 3 … 5 rad. */
  readonly #columns = new Float64Array(36);
  readonly #centre: Float64Array;
  readonly #turn = new Float64Array(16);
  readonly #arm = new Float64Array(3);
  readonly #rotation = new Float64Array(3);

  /**
   * @param covariance 6×6 row-major, of ξ about the frame's origin
   * @param centre where its rotation is taken apart from its shift, mm
   * @param leverMm what a rotation counts as, when axes are put in order: about how far from the centre the places are
   */
  constructor(covariance: ArrayLike<number>, centre: ArrayLike<number>, leverMm: number) {
    this.#centre = Float64Array.from(centre);
    const moved = aboutCentre(covariance, this.#centre, leverMm);
    const { values, vectors } = symmetricEigen(moved, 6);
    for (let r = 0; r < 6; r += 1) {
      const unit = r < 3 ? 1 : 1 / leverMm;
      for (let k = 0; k < 6; k += 1) {
        this.#columns[6 * r + k] = unit * Math.sqrt(Math.max(values[k] as number, 0)) * (vectors[6 * r + k] as number);
      }
    }
  }

  /**
   * Moves `count` places (x, y, z after one another, in place) by the error at six standard normals.
   * The shift is that of the centre; shift and rotation are coupled to second order, which is left out as in `Transform.covariance`.
   */
  move(places: Float64Array, normals: Float64Array, from: number, scale: number): void {
    const c = this.#columns;
    const arm = this.#arm;
    const error = (r: number): number => {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (c[6 * r + k] as number) * (normals[from + k] as number);
      return scale * sum;
    };
    for (let k = 0; k < 3; k += 1) this.#rotation[k] = error(3 + k);
    fromRotationVector(this.#turn, this.#rotation);
    const [x, y, z] = [error(0), error(1), error(2)];
    for (let n = 0; n < places.length; n += 3) {
      for (let k = 0; k < 3; k += 1) arm[k] = (places[n + k] as number) - (this.#centre[k] as number);
      transformDirection(arm, this.#turn, arm);
      places[n] = (this.#centre[0] as number) + (arm[0] as number) + x;
      places[n + 1] = (this.#centre[1] as number) + (arm[1] as number) + y;
      places[n + 2] = (this.#centre[2] as number) + (arm[2] as number) + z;
    }
  }
}

/** J Σ Jᵀ with the shift at the centre, ρ + φ × c, and the rotation times the lever. */
function aboutCentre(covariance: ArrayLike<number>, c: Float64Array, lever: number): Float64Array {
  const [x, y, z] = [c[0] as number, c[1] as number, c[2] as number];
  const cross = [0, z, -y, -z, 0, x, y, -x, 0];
  const j = new Float64Array(36);
  for (let a = 0; a < 3; a += 1) {
    j[7 * a] = 1;
    j[7 * (a + 3)] = lever;
    for (let b = 0; b < 3; b += 1) j[6 * a + 3 + b] = cross[3 * a + b] as number;
  }
  const product = (p: ArrayLike<number>, q: ArrayLike<number>, transposed: boolean): Float64Array =>
    Float64Array.from({ length: 36 }, (_, n) => {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) {
        sum += (p[6 * Math.floor(n / 6) + k] as number) * (q[transposed ? 6 * (n % 6) + k : 6 * k + (n % 6)] as number);
      }
      return sum;
    });
  return product(product(j, covariance, false), j, true);
}

/** Points to integrate over: six standard normals each, and a quantile for the scale. */
export interface Nodes {
  readonly count: number;
  /** Six for each node. */
  readonly normals: Float64Array;
  /** Between 0 and 1, one for each node. */
  readonly quantiles: Float64Array;
}

const kept = new Map<string, Nodes>();

/**
 * Nodes of a stream. Different streams are independent of one another: each is shifted by itself and put in an order of its own
 * (Latin supercube sampling, Owen 1998, ACM Trans. Model. Comput. Simul. 8:71). Stream 0 is in its own order.
 */
export function nodesOf(count: number, stream: number): Nodes {
  const key = `${count}/${stream}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const points = sobolPoints(count, 7, 1000 + stream);
  const order = stream === 0 ? undefined : shuffled(count, 5000 + stream);
  const normals = new Float64Array(6 * count);
  const quantiles = new Float64Array(count);
  for (let n = 0; n < count; n += 1) {
    const from = 7 * (order === undefined ? n : (order[n] as number));
    for (let k = 0; k < 6; k += 1) normals[6 * n + k] = normalQuantile(points[from + k] as number);
    quantiles[n] = points[from + 6] as number;
  }
  const made = { count, normals, quantiles };
  if (kept.size > 64) kept.clear();
  kept.set(key, made);
  return made;
}

/** √(ν / χ²_ν) at each node. */
export function scalesOf(nodes: Nodes, degreesOfFreedom: number): Float64Array {
  return nodes.quantiles.map((u) => studentScale(u, degreesOfFreedom));
}
