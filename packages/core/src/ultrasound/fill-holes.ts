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
 * with the gap.
 * @param voxels values; those of filled voxels are written (rounded, halves up, in whole numbers)
 * @param coverage 1 where seen; filled voxels become {@link FILLED}
 * @returns how many were filled
 * @throws NavError `ultrasound/bad-option`
 */
export function fillHoles(voxels: Uint8Array | Float32Array, coverage: Uint8Array, options: FillOptions): number {
  const { size, spacingMm, maxGapMm } = options;
  const count = size[0] * size[1] * size[2];
  if (voxels.length !== count || coverage.length !== count || !(maxGapMm > 0)) {
    throw new NavError(
      'ultrasound/bad-option',
      'Filling holes needs values and marks for every voxel, and a gap of more than 0 mm.',
    );
  }
  const bridges = new Bridges(voxels, coverage);
  const strides = [1, size[0], size[0] * size[1]] as const;
  for (let axis = 0; axis < 3; axis += 1) {
    const most = Math.floor(maxGapMm / (spacingMm[axis] as number) + 1e-9);
    if (most < 2) continue;
    bridges.begin((spacingMm[axis] as number) ** -2, most, strides[axis] as number);
    if (axis === 0) bridges.alongRows(size[0], size[1] * size[2]);
    else if (axis === 1) for (let k = 0; k < size[2]; k += 1) bridges.across(k * strides[2], size[0], size[1]);
    else bridges.across(0, size[0] * size[1], size[2]);
  }
  return bridges.write();
}

/** Sums of what the axes say of unseen voxels. Few voxels are holes: they are numbered as they are met. */
class Bridges {
  readonly #voxels: Uint8Array | Float32Array;
  readonly #coverage: Uint8Array;
  /** For each voxel the number of its hole, from 1; 0 for none. */
  readonly #hole: Int32Array;
  readonly #where: Int32Array;
  readonly #sums: Float64Array;
  #holes = 0;
  #scale = 1;
  #most = 2;
  #stride = 1;

  constructor(voxels: Uint8Array | Float32Array, coverage: Uint8Array) {
    this.#voxels = voxels;
    this.#coverage = coverage;
    this.#hole = new Int32Array(voxels.length);
    let unseen = 0;
    for (let n = 0; n < coverage.length; n += 1) if (coverage[n] === 0) unseen += 1;
    this.#where = new Int32Array(unseen + 1);
    this.#sums = new Float64Array(2 * (unseen + 1));
  }

  begin(scale: number, most: number, stride: number): void {
    this.#scale = scale;
    this.#most = most;
    this.#stride = stride;
  }

  alongRows(length: number, rows: number): void {
    const coverage = this.#coverage;
    for (let row = 0, at = 0; row < rows; row += 1) {
      let last = -1;
      for (let i = 0; i < length; i += 1, at += 1) {
        if (coverage[at] === 0) continue;
        if (last >= 0 && i - last > 1 && i - last <= this.#most) this.#bridge(at, i - last);
        last = i;
      }
    }
  }

  /** Lines across `lines` rows or planes of `width` voxels, which are met in the order of memory. */
  across(from: number, width: number, lines: number): void {
    const coverage = this.#coverage;
    const most = this.#most;
    const last = new Int32Array(width).fill(-most - 1);
    for (let line = 0, at = from; line < lines; line += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        if (coverage[at] === 0) continue;
        const gap = line - (last[x] as number);
        if (gap > 1 && gap <= most) this.#bridge(at, gap);
        last[x] = line;
      }
    }
  }

  /** Interpolates the `gap` − 1 voxels before a seen one. */
  #bridge(end: number, gap: number): void {
    const stride = this.#stride;
    const holes = this.#hole;
    const sums = this.#sums;
    const start = end - gap * stride;
    const a = this.#voxels[start] as number;
    const step = ((this.#voxels[end] as number) - a) / gap;
    const weight = this.#scale / (gap * gap);
    for (let n = 1, at = start + stride; n < gap; n += 1, at += stride) {
      let hole = holes[at] as number;
      if (hole === 0) {
        this.#holes += 1;
        hole = this.#holes;
        this.#where[hole] = at;
        holes[at] = hole;
      }
      sums[2 * hole] = (sums[2 * hole] as number) + weight * (a + n * step);
      sums[2 * hole + 1] = (sums[2 * hole + 1] as number) + weight;
    }
  }

  write(): number {
    const whole = this.#voxels instanceof Uint8Array;
    for (let hole = 1; hole <= this.#holes; hole += 1) {
      const at = this.#where[hole] as number;
      const value = (this.#sums[2 * hole] as number) / (this.#sums[2 * hole + 1] as number);
      this.#voxels[at] = whole ? Math.floor(value + 0.5) : value;
      this.#coverage[at] = FILLED;
    }
    return this.#holes;
  }
}
