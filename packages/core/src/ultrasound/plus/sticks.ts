import type { PlusVolume } from './arithmetic.js';

/** The 8-bit value of a voxel that no pixel met, by what was pasted around it; −1 where the rule has none. */
export type HoleRule = (i: number, j: number, k: number) => number;

/** The 13 directions of a voxel's neighbours, one of each opposite pair. */
const STICKS = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [1, 0, 1],
  [0, 1, 1],
  [1, -1, 0],
  [1, 0, -1],
  [0, 1, -1],
  [1, 1, 1],
  [-1, 1, 1],
  [1, -1, 1],
  [-1, -1, 1],
] as const;

/** Voxels that pasted pixels met, as far along a direction as a stick goes. */
class Walker {
  readonly #v: PlusVolume;
  constructor(v: PlusVolume) {
    this.#v = v;
  }

  /** Steps to the first met voxel; 0 where there is none within `most`. `value` is then its grey value. */
  steps(i: number, j: number, k: number, d: readonly number[], sign: number, most: number): number {
    const [ni, nj, nk] = this.#v.size;
    const [dx, dy, dz] = [sign * (d[0] as number), sign * (d[1] as number), sign * (d[2] as number)];
    for (let n = 1, x = i + dx, y = j + dy, z = k + dz; n <= most; n += 1, x += dx, y += dy, z += dz) {
      if (x < 0 || y < 0 || z < 0 || x >= ni || y >= nj || z >= nk) return 0;
      const at = x + ni * (y + nj * z);
      if (this.#v.accumulator[at] === 0) continue;
      this.value = this.#v.voxels[at] as number;
      return n;
    }
    return 0;
  }

  value = 0;
}

/**
 * Values for voxels that no pixel met between two that were, along the shortest of 13 directions; equally short ones are averaged. The rule of
 * PLUS's STICK.
 * @param lengthLimit voxels a stick may have, its ends counted
 * @param count how many of the best lengths' sticks are averaged
 */
export function stickRule(v: PlusVolume, lengthLimit: number, count: number): HoleRule {
  const walker = new Walker(v);
  const weights = new Float64Array(STICKS.length);
  const values = new Uint8Array(STICKS.length);
  return (i, j, k) => {
    STICKS.forEach((d, s) => {
      weights[s] = 0;
      const forward = walker.steps(i, j, k, d, 1, lengthLimit - 1);
      if (forward === 0) return;
      const ahead = walker.value;
      const back = walker.steps(i, j, k, d, -1, lengthLimit - forward - 1);
      if (back === 0) return;
      const length = forward + back + 1;
      const share = (back + 1) / length;
      weights[s] = 1 / (length * Math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]));
      values[s] = Math.trunc((1 - share) * walker.value + share * ahead);
    });
    return bestOf(weights, values, count);
  };
}

/** The mean of the values of the greatest weights, truncated: −1 where there are none. */
function bestOf(weights: Float64Array, values: Uint8Array, count: number): number {
  let sum = 0;
  let total = 0;
  for (let used = 0; used < count; ) {
    const most = Math.max(...weights);
    if (most === 0) break;
    for (let s = 0; s < weights.length; s += 1) {
      if (weights[s] !== most) continue;
      sum += (values[s] as number) * most;
      total += most;
      used += 1;
      weights[s] = 0;
    }
  }
  return total === 0 ? -1 : Math.trunc(sum / total);
}
