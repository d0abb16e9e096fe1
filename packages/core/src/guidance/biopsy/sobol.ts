import { chiSquareQuantile, Random } from '../../math/index.js';

/**
 * Evenly spread points for integrals over a pose's error: Sobol's sequence with the direction numbers of Joe & Kuo (2008, SIAM J.
 * Sci. Comput. 30:2635), shifted digitally, so that no point lies on a border.
 */

/** Degree, inner coefficients and first direction numbers of dimensions 2 … 7 in Joe & Kuo's table. */
const TABLE = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
] as const;

/** Dimensions there are. */
const DIMENSIONS = TABLE.length + 1;

function directions(dimension: number): Uint32Array {
  const v = new Uint32Array(32);
  if (dimension === 0) return v.map((_, n) => 2 ** (31 - n));
  const [degree, inner, first] = TABLE[dimension - 1] as (typeof TABLE)[number];
  for (let n = 0; n < 32; n += 1) {
    if (n < degree) {
      v[n] = ((first as readonly number[])[n] as number) * 2 ** (31 - n);
      continue;
    }
    const back = v[n - degree] as number;
    let value = back ^ (back >>> degree);
    for (let k = 1; k < degree; k += 1) if ((inner >>> (degree - 1 - k)) & 1) value ^= v[n - k] as number;
    v[n] = value;
  }
  return v;
}

/**
 * `count` points of the unit cube, one after another, coordinates strictly between 0 and 1.
 * @param dimensions at most 7
 * @param seed what the shift is drawn from: two seeds give two point sets of the same evenness
 */
export function sobolPoints(count: number, dimensions: number, seed: number): Float64Array {
  const out = new Float64Array(count * dimensions);
  const random = new Random(seed);
  for (let d = 0; d < Math.min(dimensions, DIMENSIONS); d += 1) {
    const v = directions(d);
    const shift = random.nextUint32();
    let x = 0;
    for (let n = 0; n < count; n += 1) {
      out[n * dimensions + d] = (((x ^ shift) >>> 0) + 0.5) / 2 ** 32;
      // Gray code: the next point differs by the direction of the lowest zero bit.
      x ^= v[31 - Math.clz32(~n & (n + 1))] as number;
    }
  }
  return out;
}

/**
 * The standard normal's quantile at 0 < u < 1, absolute error below 1e-6: algorithm AS 241 PPND7 (Wichura 1988, Appl. Statist.
 * 37:477).
 */
export function normalQuantile(u: number): number {
  const q = u - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)) /
      (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1)
    );
  }
  const r = Math.sqrt(-Math.log(q < 0 ? u : 1 - u));
  const s = r - 1.6;
  const t = r - 5;
  const value =
    r <= 5
      ? (((0.17023821103 * s + 1.3067284816) * s + 2.75681539) * s + 1.4234372777) / ((0.12021132975 * s + 0.7370016425) * s + 1)
      : (((0.017337203997 * t + 0.42868294337) * t + 3.081226386) * t + 6.657905115) /
        ((0.012258202635 * t + 0.24197894225) * t + 1);
  return q < 0 ? -value : value;
}

/** √(ν / χ²_ν) at a quantile u: what turns a normal error into Student's, whose scale was estimated. 1 for known noise. */
export function studentScale(u: number, degreesOfFreedom: number): number {
  if (!(degreesOfFreedom < 1e6)) return 1;
  return Math.sqrt(degreesOfFreedom / chiSquareQuantile(u, degreesOfFreedom));
}

/** The numbers 0 … count − 1 in an order drawn from a seed (Fisher–Yates). */
export function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  const random = new Random(seed);
  for (let n = count - 1; n > 0; n -= 1) {
    const k = random.below(n + 1);
    const kept = order[n] as number;
    order[n] = order[k] as number;
    order[k] = kept;
  }
  return order;
}
