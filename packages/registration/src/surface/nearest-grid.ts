import type { MeshDistance } from '@trocar/core/volume';
import { at } from '../points/rigid-fit.js';

/** Fine voxels along one edge of a cell. */
const SPLIT = 4;

/** A coarse cell's triangle may be this much further than the nearest: deep inside many are about as near. */
const COARSE_SLACK = 1.1;

/** At most this many coarse cells: a larger surface gets a coarser grid. */
const MOST_CELLS = 600_000;

/**
 * Which triangle is nearest, looked up instead of searched: for each voxel the nearest triangle of its centre and how far
 * it is. Voxels near the surface are fine (1–2 mm on a head), stored in blocks of 4×4×4 only where the surface passes; all
 * else, to beyond the surface's box, is one coarse cell each. So memory follows the surface's area, not its box, and a
 * surface need not be closed.
 */
export class NearestGrid {
  /** Edge of a fine voxel, mm. */
  readonly voxelMm: number;
  /** Edge of a coarse cell, mm. */
  readonly cellMm: number;
  readonly origin: Float64Array;
  readonly size: readonly [number, number, number];
  /** Per cell: its block, or −1. */
  readonly #blocks: Int32Array;
  readonly #coarseSlot: Int32Array;
  readonly #coarseDistance: Float32Array;
  readonly #fineSlot: Int32Array;
  readonly #fineDistance: Float32Array;

  /** @param voxelMm wished edge of a fine voxel; a very large surface gets a coarser one */
  constructor(surface: MeshDistance, voxelMm: number, marginMm: number) {
    const { bounds } = surface;
    const extent = [0, 1, 2].map((k) => at(bounds, 3 + k) - at(bounds, k) + 2 * marginMm);
    const volume = extent.reduce((product, e) => product * e, 1);
    this.cellMm = Math.max(SPLIT * voxelMm, Math.cbrt(volume / MOST_CELLS));
    this.voxelMm = this.cellMm / SPLIT;
    this.origin = Float64Array.from([0, 1, 2], (k) => at(bounds, k) - marginMm);
    this.size = extent.map((e) => Math.max(1, Math.ceil(e / this.cellMm))) as [number, number, number];
    const cells = this.size[0] * this.size[1] * this.size[2];
    this.#blocks = new Int32Array(cells).fill(-1);
    this.#coarseSlot = new Int32Array(cells);
    this.#coarseDistance = new Float32Array(cells);
    const blocks = this.#fillCoarse(surface);
    this.#fineSlot = new Int32Array(blocks * SPLIT ** 3);
    this.#fineDistance = new Float32Array(this.#fineSlot.length);
    this.#fillFine(surface);
  }

  /** Memory that the grid holds, bytes. */
  get bytes(): number {
    const parts = [this.#blocks, this.#coarseSlot, this.#coarseDistance, this.#fineSlot, this.#fineDistance];
    return parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  /** Calls back for each cell's centre, with the cell's number; neighbours follow each other. */
  #eachCell(visit: (cell: number, centre: Float64Array) => void): void {
    const [ni, nj, nk] = this.size;
    const centre = new Float64Array(3);
    for (let k = 0; k < nk; k += 1) {
      for (let j = 0; j < nj; j += 1) {
        for (let i = 0; i < ni; i += 1) {
          centre[0] = at(this.origin, 0) + (i + 0.5) * this.cellMm;
          centre[1] = at(this.origin, 1) + (j + 0.5) * this.cellMm;
          centre[2] = at(this.origin, 2) + (k + 0.5) * this.cellMm;
          visit((k * nj + j) * ni + i, centre);
        }
      }
    }
  }

  /** @returns how many blocks the surface's neighbourhood needs */
  #fillCoarse(surface: MeshDistance): number {
    const nearest = new Float64Array(4);
    // Within a cell's half diagonal, and a voxel more, the surface may pass through or by it.
    const close = COARSE_SLACK * ((Math.sqrt(3) / 2) * this.cellMm + this.voxelMm);
    let slot = -1;
    let blocks = 0;
    this.#eachCell((cell, centre) => {
      slot = surface.closest(nearest, centre, slot, COARSE_SLACK);
      const distance = Math.sqrt(at(nearest, 3));
      this.#coarseSlot[cell] = slot;
      this.#coarseDistance[cell] = distance;
      if (distance > close) return;
      this.#blocks[cell] = blocks;
      blocks += 1;
    });
    return blocks;
  }

  #fillFine(surface: MeshDistance): void {
    const nearest = new Float64Array(4);
    const place = new Float64Array(3);
    const middle = (SPLIT - 1) / 2;
    this.#eachCell((cell, centre) => {
      const block = at(this.#blocks, cell);
      if (block < 0) return;
      let slot = at(this.#coarseSlot, cell);
      for (let n = 0; n < SPLIT ** 3; n += 1) {
        place[0] = at(centre, 0) + ((n % SPLIT) - middle) * this.voxelMm;
        place[1] = at(centre, 1) + ((Math.floor(n / SPLIT) % SPLIT) - middle) * this.voxelMm;
        place[2] = at(centre, 2) + (Math.floor(n / SPLIT ** 2) - middle) * this.voxelMm;
        slot = surface.closest(nearest, place, slot);
        this.#fineSlot[block * SPLIT ** 3 + n] = slot;
        this.#fineDistance[block * SPLIT ** 3 + n] = Math.sqrt(at(nearest, 3));
      }
    });
  }

  /**
   * Where the looked-up triangle of a place stands: at or above 0 a fine voxel's entry, below 0 the coarse cell −1 − n.
   * Places outside the grid take its nearest cell.
   */
  entryAt(x: number, y: number, z: number): number {
    const { cellMm } = this;
    const [ni, nj, nk] = this.size;
    const u = (x - (this.origin[0] as number)) / cellMm;
    const v = (y - (this.origin[1] as number)) / cellMm;
    const w = (z - (this.origin[2] as number)) / cellMm;
    const i = u < 0 ? 0 : u >= ni ? ni - 1 : u | 0;
    const j = v < 0 ? 0 : v >= nj ? nj - 1 : v | 0;
    const k = w < 0 ? 0 : w >= nk ? nk - 1 : w | 0;
    const cell = (k * nj + j) * ni + i;
    const block = this.#blocks[cell] as number;
    if (block < 0) return -1 - cell;
    // A place beyond the grid's border is also beyond its cell's voxels.
    const a = Math.min(SPLIT - 1, Math.max(0, ((u - i) * SPLIT) | 0));
    const b = Math.min(SPLIT - 1, Math.max(0, ((v - j) * SPLIT) | 0));
    const c = Math.min(SPLIT - 1, Math.max(0, ((w - k) * SPLIT) | 0));
    return block * 64 + (c * SPLIT + b) * SPLIT + a;
  }

  /** The slot of the triangle at an entry. */
  slotOf(entry: number): number {
    return entry >= 0 ? (this.#fineSlot[entry] as number) : (this.#coarseSlot[-1 - entry] as number);
  }

  /** The distance from the voxel's centre to the surface at an entry, mm. */
  distanceOf(entry: number): number {
    return entry >= 0 ? (this.#fineDistance[entry] as number) : (this.#coarseDistance[-1 - entry] as number);
  }
}
