import type { AnyVolume } from '../../volume/index.js';
import { spacingOf } from '../../volume/index.js';
import { alignSlices, type Picture2 } from './align.js';

/** How the content of one slice lies against the next. */
export interface MotionJump {
  /** The slice below the jump, from 0. */
  readonly slice: number;
  /** Shift of the next slice against this one, less what its neighbours show: along i, along j, mm. */
  readonly shiftMm: readonly [number, number];
  readonly sizeMm: number;
}

/** The motion that a stack of slices shows. */
export interface SliceMotion {
  /** For each pair of neighbours; `undefined` where the slices have too little structure to say. */
  readonly jumps: readonly (MotionJump | undefined)[];
  /** The largest jump; undefined where no pair could be measured. */
  readonly largest: MotionJump | undefined;
  /** Pairs that could be measured, of all. */
  readonly measured: number;
}

/** Slices are averaged down to about so many pixels across: motion of a patient is no matter of single pixels. */
const TARGET_PIXELS = 128;
/** How many neighbouring pairs on either side tell what is ordinary. */
const NEIGHBOURS = 3;

/**
 * Jumps of the anatomy between neighbouring slices: the shift that lays slice k + 1 on slice k (translation by Gauss–Newton
 * on blurred slices, Lucas & Kanade 1981, coarse to fine), less the median of the pairs around it. Anatomy that leans drifts
 * evenly from slice to slice and is no motion; a breath between two slices is a jump. It sees shifts within the slices, not
 * along them, and none that is as slow as the anatomy's own.
 */
export function sliceMotion(v: AnyVolume): SliceMotion {
  const [ni, nj, nk] = v.size;
  const [si, sj] = spacingOf(v);
  const factor = Math.max(1, Math.round(Math.max(ni, nj) / TARGET_PIXELS));
  const slices = Array.from({ length: nk }, (_, k) => reduced(v, k, factor));
  const shifts = Array.from({ length: Math.max(0, nk - 1) }, (_, k) => {
    const found = alignSlices(slices[k] as Picture2, slices[k + 1] as Picture2);
    return found === undefined ? undefined : ([found[0] * factor * si, found[1] * factor * sj] as const);
  });
  const jumps = shifts.map((shift, k): MotionJump | undefined => {
    if (shift === undefined) return undefined;
    const around = shifts.slice(Math.max(0, k - NEIGHBOURS), k + NEIGHBOURS + 1).filter((s) => s !== undefined);
    const ordinary = [0, 1].map((r) => median(around.map((s) => s[r as 0 | 1])));
    const shiftMm: [number, number] = [shift[0] - (ordinary[0] as number), shift[1] - (ordinary[1] as number)];
    return { slice: k, shiftMm, sizeMm: Math.hypot(...shiftMm) };
  });
  const known = jumps.filter((j) => j !== undefined);
  const largest = known.reduce<MotionJump | undefined>((a, b) => (a === undefined || b.sizeMm > a.sizeMm ? b : a), undefined);
  return { jumps, largest, measured: known.length };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] as number) : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}

/** One slice, averaged over factor × factor pixels. */
function reduced(v: AnyVolume, k: number, factor: number): Picture2 {
  const [ni, nj] = v.size;
  const [width, height] = [Math.floor(ni / factor), Math.floor(nj / factor)];
  const pixels = new Float32Array(width * height);
  for (let j = 0; j < height * factor; j += 1) {
    const row = (k * nj + j) * ni;
    const to = Math.floor(j / factor) * width;
    for (let i = 0; i < width * factor; i += 1) {
      const n = to + Math.floor(i / factor);
      pixels[n] = (pixels[n] as number) + (v.voxels[row + i] as number) / (factor * factor);
    }
  }
  return { width, height, pixels };
}
