import { NavError } from '../base/index.js';

/** What {@link fillHoles} is told. */
export interface FillOptions {
  /** Voxels along i, j, k, and their edges in mm. */
  readonly size: readonly [number, number, number];
  readonly spacingMm: readonly [number, number, number];
  /** A gap is bridged where the voxels on its two sides are no farther apart than this, mm, centre to centre. */
  readonly maxGapMm: number;
}

/** Mark of a voxel that was filled, where 1 is one that pixels were in and 0 one that nothing is known of. */
export const FILLED = 2;

/**
 * Fills gaps between seen voxels, in place: along i, j and k, whatever lies between two seen voxels at most `maxGapMm` apart is
 * interpolated linearly; where several axes bridge a voxel they are averaged by 1 / gap². Nothing is filled outwards: what lies beyond the
 * outermost images stays unseen. Filled voxels are never read, so the order does not matter; the work grows with the number of voxels, not
 * with the gap, and takes no memory to speak of.
 * @param voxels values; those of filled voxels are written (rounded, halves up, in whole numbers)
 * @param coverage 1 where seen; filled voxels become {@link FILLED}
 * @returns how many were filled
 * @throws NavError `ultrasound/bad-option`
 */
export function fillHoles(voxels: Uint8Array | Float32Array, coverage: Uint8Array, options: FillOptions): number {
  const { size, maxGapMm } = options;
  const count = size[0] * size[1] * size[2];
  if (voxels.length !== count || coverage.length !== count || !(maxGapMm > 0)) {
    throw new NavError(
      'ultrasound/bad-option',
      'Filling holes needs values and marks for every voxel, and a gap of more than 0 mm.',
    );
  }
  return new Bridges(voxels, coverage, options).fill();
}

/** Where no voxel was seen yet. */
const NEVER = -0x40000000;

/** What lies before and behind a voxel along each axis, as it is met in the order of memory. */
class Bridges {
  readonly #voxels: Uint8Array | Float32Array;
  readonly #coverage: Uint8Array;
  readonly #size: FillOptions['size'];
  /** The widest gap of each axis, in voxels; below two there is none. */
  readonly #most: readonly number[];
  /** One over the square of a voxel's edge. */
  readonly #scale: readonly number[];
  #sum = 0;
  #weight = 0;

  constructor(voxels: Uint8Array | Float32Array, coverage: Uint8Array, { size, spacingMm, maxGapMm }: FillOptions) {
    this.#voxels = voxels;
    this.#coverage = coverage;
    this.#size = size;
    this.#most = spacingMm.map((mm) => Math.floor(maxGapMm / mm + 1e-9));
    this.#scale = spacingMm.map((mm) => mm ** -2);
  }

  fill(): number {
    const [ni, nj, nk] = this.#size;
    const [mostI, mostJ, mostK] = this.#most as [number, number, number];
    const [scaleI, scaleJ, scaleK] = this.#scale as [number, number, number];
    const coverage = this.#coverage;
    const voxels = this.#voxels;
    const whole = voxels instanceof Uint8Array;
    const plane = ni * nj;
    // The last seen voxel before, and the next one behind or a place before which there is none.
    const [lastK, nextK] = [new Int32Array(plane).fill(NEVER), new Int32Array(plane).fill(NEVER)];
    const [lastJ, nextJ] = [new Int32Array(ni), new Int32Array(ni)];
    let filled = 0;
    for (let k = 0, at = 0; k < nk; k += 1) {
      lastJ.fill(NEVER);
      nextJ.fill(NEVER);
      for (let j = 0, c = 0; j < nj; j += 1) {
        let lastI = NEVER;
        let nextI = NEVER;
        for (let i = 0; i < ni; i += 1, at += 1, c += 1) {
          const mark = coverage[at] as number;
          if (mark === 1) {
            lastI = i;
            lastJ[i] = j;
            lastK[c] = k;
            continue;
          }
          if (mark !== 0) continue;
          this.#sum = 0;
          this.#weight = 0;
          if (i - lastI < mostI) {
            if (nextI <= i) nextI = this.#seek(at, i, 1, mostI, ni);
            if (nextI - lastI <= mostI) this.#bridge(at, 1, i - lastI, nextI - lastI, scaleI);
          }
          const beforeJ = j - (lastJ[i] as number);
          if (beforeJ < mostJ) {
            if ((nextJ[i] as number) <= j) nextJ[i] = this.#seek(at, j, ni, mostJ, nj);
            const gap = beforeJ + (nextJ[i] as number) - j;
            if (gap <= mostJ) this.#bridge(at, ni, beforeJ, gap, scaleJ);
          }
          const beforeK = k - (lastK[c] as number);
          if (beforeK < mostK) {
            if ((nextK[c] as number) <= k) nextK[c] = this.#seek(at, k, plane, mostK, nk);
            const gap = beforeK + (nextK[c] as number) - k;
            if (gap <= mostK) this.#bridge(at, plane, beforeK, gap, scaleK);
          }
          if (this.#weight === 0) continue;
          const value = this.#sum / this.#weight;
          voxels[at] = whole ? Math.floor(value + 0.5) : value;
          coverage[at] = FILLED;
          filled += 1;
        }
      }
    }
    return filled;
  }

  /** The next seen voxel of a line behind voxel n, which lies at `at`; n + most where none is nearer. */
  #seek(at: number, n: number, stride: number, most: number, length: number): number {
    const coverage = this.#coverage;
    const end = Math.min(n + most, length);
    for (let x = n + 1, p = at + stride; x < end; x += 1, p += stride) if (coverage[p] === 1) return x;
    return n + most;
  }

  /** Adds what a gap says of a voxel that lies `before` voxels behind its first end. */
  #bridge(at: number, stride: number, before: number, gap: number, scale: number): void {
    const start = at - before * stride;
    const a = this.#voxels[start] as number;
    const step = ((this.#voxels[start + gap * stride] as number) - a) / gap;
    const weight = scale / (gap * gap);
    this.#sum += weight * (a + before * step);
    this.#weight += weight;
  }
}
