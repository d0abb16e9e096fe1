import { Random } from '../../math/index.js';

/** Points of the lattice; prime. */
const POINTS = 509;
/** Of the multipliers below POINTS / 2, the best by the P₂ criterion over 6, 7, 14 and 28 dimensions, later ones weighing less. */
const MULTIPLIER = 146;

/** What {@link shiftedMean} found. */
export interface ShiftedMean {
  readonly mean: number;
  /** Its standard error, from how far the shifts' means lie apart; never less than one point's share. */
  readonly standardError: number;
  readonly points: number;
}

/**
 * The mean of a function over the unit cube, by a Korobov lattice under random shifts (Cranley & Patterson 1976): each shift's mean is
 * unbiased, so their spread says how good the mean is. The same numbers from the same seed.
 * @param value of a point of (0, 1)^dimensions
 * @param shifts at least 2
 */
export function shiftedMean(value: (u: Float64Array) => number, dimensions: number, shifts: number, seed: number): ShiftedMean {
  const random = new Random(seed);
  const u = new Float64Array(dimensions);
  const shift = new Float64Array(dimensions);
  let sum = 0;
  let squares = 0;
  for (let s = 0; s < shifts; s += 1) {
    for (let d = 0; d < dimensions; d += 1) shift[d] = random.uniform();
    let mean = 0;
    for (let n = 0; n < POINTS; n += 1) {
      let z = n;
      for (let d = 0; d < dimensions; d += 1) {
        const x = z / POINTS + (shift[d] as number);
        // The cube is open: 0 has no normal number.
        u[d] = Math.max(x - Math.floor(x), 1e-16);
        z = (z * MULTIPLIER) % POINTS;
      }
      mean += value(u);
    }
    mean /= POINTS;
    sum += mean;
    squares += mean * mean;
  }
  const mean = sum / shifts;
  const variance = Math.max(0, squares / shifts - mean * mean) / (shifts - 1);
  return { mean, standardError: Math.max(Math.sqrt(variance), 1 / (POINTS * shifts)), points: POINTS * shifts };
}
