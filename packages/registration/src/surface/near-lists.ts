import { type MeshDistance, MOST_LISTED } from '@trocar/core/volume';
import type { NearestGrid } from './nearest-grid.js';

/** The surface: exactly, and as the grid looks it up. */
interface Searched {
  readonly exactly: MeshDistance;
  readonly grid: NearestGrid;
}

/** How far a place may move before it is searched for again, in voxels of the surface's grid. */
const MARGIN_VOXELS = 0.25;

/**
 * For each of some places, the triangles that are about as near as the nearest was when it was last searched for. While the
 * place has moved by less than half of what the list reaches beyond the nearest, the nearest triangle is in the list: the
 * last steps of a registration, which move the points by tenths of a millimetre, then need no search (the neighbour lists of
 * Verlet 1967, Phys. Rev. 159:98). The answer is exact either way.
 */
export class NearLists {
  readonly #lists: Int32Array;
  /** Per place: length of its list; 0 for none, or where too many are about as near. */
  readonly #lengths: Uint8Array;
  /** Per place: where it was searched for, mm. */
  readonly #searched: Float64Array;

  constructor(count: number) {
    this.#lists = new Int32Array(MOST_LISTED * count);
    this.#lists.fill(-1);
    this.#lengths = new Uint8Array(count);
    this.#searched = new Float64Array(3 * count);
  }

  /**
   * The point of the surface nearest to `place`, which is number `n`: x, y, z, and the squared distance (mm²) into `out`.
   * @returns the slot of its triangle
   */
  closest({ exactly, grid }: Searched, out: Float64Array, place: Float64Array, n: number): number {
    const searched = this.#searched;
    const dx = (place[0] as number) - (searched[3 * n] as number);
    const dy = (place[1] as number) - (searched[3 * n + 1] as number);
    const dz = (place[2] as number) - (searched[3 * n + 2] as number);
    const margin = MARGIN_VOXELS * grid.voxelMm;
    const from = MOST_LISTED * n;
    const near = dx * dx + dy * dy + dz * dz < margin * margin;
    const length = this.#lengths[n] as number;
    if (near && length > 0) return exactly.closestOf(out, place, this.#lists, from, length);
    // Not far: the last answer is a good hint. Else what the grid holds there is.
    const last = near ? (this.#lists[from] as number) : -1;
    const hint = last >= 0 ? last : grid.slotOf(grid.entryAt(place[0] as number, place[1] as number, place[2] as number));
    this.#lengths[n] = exactly.closestAndNear(out, place, hint, 2 * margin, this.#lists, from);
    for (let k = 0; k < 3; k += 1) searched[3 * n + k] = place[k] as number;
    return this.#lists[from] as number;
  }
}
