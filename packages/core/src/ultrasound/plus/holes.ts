import type { PlusVolume } from './arithmetic.js';
import { type HoleRule, stickRule } from './sticks.js';

/** One of PLUS's HoleFillingElements. */
export type PlusHoleFilling =
  | {
      /** Between two voxels on one line: StickLengthLimit and NumberOfSticksToUse. */
      readonly kind: 'stick';
      readonly lengthLimit: number;
      readonly count?: number;
    }
  | {
      /** The mean of a cube, weighed by distance, by a Gaussian, by that times how much was pasted; `nearest`: of the smallest cube that has any. */
      readonly kind: 'inverse-distance' | 'gaussian' | 'gaussian-accumulation' | 'nearest';
      /** Voxels along an edge of the cube. */
      readonly size: number;
      /** More than this share of the cube must have been met. */
      readonly minKnownRatio: number;
      /** Of the Gaussian, in voxels. */
      readonly stdev?: number;
    };

/**
 * The voxels, and those that no pixel met filled by the first rule that has a value for them; 0 where none has. Reads the pasted voxels only,
 * as PLUS does.
 */
export function fillHolesLikePlus(v: PlusVolume, fillings: readonly PlusHoleFilling[]): Uint8Array {
  const rules = fillings.map((one) =>
    one.kind === 'stick'
      ? stickRule(v, one.lengthLimit, one.count ?? 1)
      : one.kind === 'nearest'
        ? nearestRule(v, one)
        : cubeRule(v, one),
  );
  const [ni, nj, nk] = v.size;
  const out = v.voxels.slice();
  for (let k = 0, at = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, at += 1) {
        if (v.accumulator[at] === 0) out[at] = firstOf(rules, i, j, k);
      }
    }
  }
  return out;
}

function firstOf(rules: readonly HoleRule[], i: number, j: number, k: number): number {
  for (const rule of rules) {
    const value = rule(i, j, k);
    if (value >= 0) return value;
  }
  return 0;
}

type Cube = Exclude<PlusHoleFilling, { readonly kind: 'stick' }>;
/** Sums over the voxels of a cube that pixels met, in PLUS's order: i outermost, k innermost. */
type Visit = (at: number, kernelIndex: number) => void;

function eachMet(v: PlusVolume, [i, j, k]: readonly [number, number, number], reach: number, edge: number, visit: Visit): void {
  const [ni, nj, nk] = v.size;
  for (let x = Math.max(0, i - reach); x <= Math.min(ni - 1, i + reach); x += 1) {
    for (let y = Math.max(0, j - reach); y <= Math.min(nj - 1, j + reach); y += 1) {
      for (let z = Math.max(0, k - reach); z <= Math.min(nk - 1, k + reach); z += 1) {
        const at = x + ni * (y + nj * z);
        if (v.accumulator[at] === 0) continue;
        visit(at, edge * edge * (z - k + reach) + edge * (y - j + reach) + (x - i + reach));
      }
    }
  }
}

const reachOf = (size: number): number => Math.floor((size - 1) / 2);

function cubeRule(v: PlusVolume, filling: Cube): HoleRule {
  const { size, kind } = filling;
  const kernel = kind === 'inverse-distance' ? inverseDistances(size) : gaussian(size, filling.stdev ?? 0);
  const weighed = kind === 'gaussian-accumulation';
  const ratio = Math.fround(filling.minKnownRatio);
  return (i, j, k) => {
    let [sum, total, known] = [0, 0, 0];
    eachMet(v, [i, j, k], reachOf(size), size, (at, n) => {
      const w = kernel[n] as number;
      const weight = weighed ? Math.fround((v.accumulator[at] as number) * w) : w;
      sum += (v.voxels[at] as number) * weight;
      total += weight;
      known += 1;
    });
    return total === 0 || !(known / size ** 3 > ratio) ? -1 : Math.trunc(sum / total);
  };
}

/** Of the cubes around a voxel the first that has a met one; PLUS holds the count against the whole cube all the same. */
function nearestRule(v: PlusVolume, { size, minKnownRatio }: Cube): HoleRule {
  const ratio = Math.fround(minKnownRatio);
  return (i, j, k) => {
    let [sum, known] = [0, 0];
    for (let reach = 1; reach <= reachOf(size) && known === 0; reach += 1) {
      eachMet(v, [i, j, k], reach, 2 * reach + 1, (at) => {
        sum += v.voxels[at] as number;
        known += 1;
      });
    }
    return known === 0 || !(known / size ** 3 > ratio) ? -1 : Math.trunc(sum / known);
  };
}

/** Single-precision weights of a cube, k slowest, by `weigh` of the squared distances along the three axes. */
function kernelOf(size: number, weigh: (x: number, y: number, z: number) => number): Float32Array {
  const middle = (size - 1) / 2;
  const squares = Array.from({ length: size }, (_, n) => (n - middle) ** 2);
  const out = new Float32Array(size ** 3);
  let at = 0;
  for (const z of squares) for (const y of squares) for (const x of squares) out[at++] = weigh(x, y, z);
  return out;
}

/** One over the distance; the middle counts nothing. */
function inverseDistances(size: number): Float32Array {
  return kernelOf(size, (x, y, z) => {
    const distance = Math.fround(Math.sqrt(x + y + z));
    return distance === 0 ? 0 : 1 / distance;
  });
}

/** The normal distribution's density, rounded to single precision where PLUS keeps it so. */
function gaussian(size: number, stdev: number): Float32Array {
  const sd = Math.fround(stdev);
  const divisor = Math.fround(Math.fround(sd * sd) * 2);
  const scale = Math.fround(1 / Math.fround((2 * Math.PI) ** 1.5 * sd ** 3));
  return kernelOf(size, (x, y, z) => scale * Math.exp(-(x / divisor + y / divisor + z / divisor)));
}
