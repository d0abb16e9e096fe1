import { transformPoint } from '../../math/index.js';
import { errorAxes, expMotion } from '../pose-error.js';
import { normalQuantile, shuffled, sobolPoints, studentScale } from './sobol.js';

/** A pose's error turned into displacements, along its own axes about one centre, the largest first. */
export class Displacements {
  readonly #factor: Float64Array;
  readonly #xi = new Float64Array(6);
  readonly #matrix = new Float64Array(16);
  readonly #place = new Float64Array(3);

  /**
   * @param covariance 6×6 row-major, of ξ about the frame's origin
   * @param centre the middle of the places that are moved, mm
   * @param leverMm about how far from the centre the places are
   */
  constructor(covariance: ArrayLike<number>, centre: ArrayLike<number>, leverMm: number) {
    this.#factor = errorAxes(covariance, centre, leverMm).factor;
  }

  /** Moves places (x, y, z after one another, in place) by Exp(ξ), the error at six standard normals times `scale`. */
  move(places: Float64Array, normals: Float64Array, from: number, scale: number): void {
    for (let r = 0; r < 6; r += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (this.#factor[6 * r + k] as number) * (normals[from + k] as number);
      this.#xi[r] = scale * sum;
    }
    expMotion(this.#matrix, this.#xi);
    const place = this.#place;
    for (let n = 0; n < places.length; n += 3) {
      for (let k = 0; k < 3; k += 1) place[k] = places[n + k] as number;
      places.set(transformPoint(place, this.#matrix, place), n);
    }
  }
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
