/**
 * Walks rows of pixels through a grid. A run is a stretch of a row whose pixels lie in one cell: pixels of ultrasound are mostly
 * several times finer than voxels, so that what a run adds to its voxels can be summed first.
 *
 * A cell's edges are met at pixel ceil((edge − b) / d), and by that rule alone, whatever part of the grid is looked at: so runs are the same
 * for every division of the grid among workers.
 */

/** Numbers that a run takes in {@link RowRuns.list}: its first pixel, and i, j, k of its cell. */
export const RUN_LENGTH = 4;

/** Slower than this a coordinate stands still, voxels per pixel. */
const STILL = 1e-12;

/** The runs of one row. */
export class RowRuns {
  /** {@link RUN_LENGTH} numbers for each run, and the pixel after the last run. */
  list: Int32Array = new Int32Array(1024);
  count = 0;
  /** Where pixel u of the row lies: start + u · step, in voxels along i, j and k. */
  readonly start: Float64Array = new Float64Array(3);
  readonly step: Float64Array = new Float64Array(3);
  readonly #inverse = new Float64Array(3);

  /**
   * Finds the runs of pixels from … to − 1 whose cells are at least `low` and below `high`.
   * @returns how many there are
   */
  find(from: number, to: number, low: Int32Array, high: Int32Array): number {
    this.count = 0;
    let [first, last] = [from, to];
    for (let a = 0; a < 3; a += 1) {
      const b = this.start[a] as number;
      const d = this.step[a] as number;
      const lo = low[a] as number;
      const hi = high[a] as number;
      if (Math.abs(d) < STILL) {
        this.#inverse[a] = 0;
        if (!(b >= lo && b < hi)) return 0;
        continue;
      }
      const inverse = 1 / d;
      this.#inverse[a] = inverse;
      first = Math.max(first, d > 0 ? Math.ceil((lo - b) * inverse) : Math.floor((hi - b) * inverse) + 1);
      last = Math.min(last, d > 0 ? Math.ceil((hi - b) * inverse) : Math.floor((lo - b) * inverse) + 1);
    }
    if (first >= last) return 0;
    this.#walk(first, last);
    return this.count;
  }

  #walk(first: number, last: number): void {
    const [bx, by, bz] = this.start as unknown as [number, number, number];
    const [ix, iy, iz] = this.#inverse as unknown as [number, number, number];
    const sx = ix > 0 ? 1 : -1;
    const sy = iy > 0 ? 1 : -1;
    const sz = iz > 0 ? 1 : -1;
    let i = this.#cell(0, first);
    let j = this.#cell(1, first);
    let k = this.#cell(2, first);
    let x = crossing(i, bx, ix);
    let y = crossing(j, by, iy);
    let z = crossing(k, bz, iz);
    // A row cannot meet more edges than this; most rows meet far fewer.
    let list = this.list;
    let at = 0;
    let count = 0;
    for (let u = first; u < last; ) {
      if (at + RUN_LENGTH >= list.length) list = this.#grow();
      list[at] = u;
      list[at + 1] = i;
      list[at + 2] = j;
      list[at + 3] = k;
      at += RUN_LENGTH;
      count += 1;
      u = Math.min(x, y);
      if (z < u) u = z;
      for (; x <= u; x = crossing(i, bx, ix)) i += sx;
      for (; y <= u; y = crossing(j, by, iy)) j += sy;
      for (; z <= u; z = crossing(k, bz, iz)) k += sz;
    }
    list[at] = last;
    this.count = count;
  }

  /** The cell that pixel u lies in along an axis, by the rule of its edges. */
  #cell(axis: number, u: number): number {
    const b = this.start[axis] as number;
    const inverse = this.#inverse[axis] as number;
    let cell = Math.floor(b + u * (this.step[axis] as number));
    if (inverse === 0) return Math.floor(b);
    const sign = inverse > 0 ? 1 : -1;
    while (crossing(cell, b, inverse) <= u) cell += sign;
    while (crossing(cell - sign, b, inverse) > u) cell -= sign;
    return cell;
  }

  #grow(): Int32Array {
    const larger = new Int32Array(2 * this.list.length);
    larger.set(this.list);
    this.list = larger;
    return larger;
  }
}

/** The first pixel beyond a cell, in the direction of the row. */
function crossing(cell: number, b: number, inverse: number): number {
  if (inverse > 0) return Math.ceil((cell + 1 - b) * inverse);
  if (inverse < 0) return Math.floor((cell - b) * inverse) + 1;
  return Number.POSITIVE_INFINITY;
}
