import { identity4, invert4, multiply4 } from '@trocar/core/math';
import type { BiopsyCase } from '../src/case.js';
import { FAN } from '../src/probe.js';

/** Places of the plane that the label map is looked up at, mm. */
export const CELL_MM = 0.6;
const HALF_MM = Math.ceil(FAN.endMm * Math.sin(FAN.halfAngle));
export const CELLS = {
  width: Math.ceil((2 * HALF_MM) / CELL_MM),
  height: Math.ceil(FAN.endMm / CELL_MM),
  left: -HALF_MM,
} as const;

/** What of the MR's label map lies in the ultrasound's plane. */
export class CrossSections {
  readonly labels = new Int32Array(CELLS.width * CELLS.height);
  readonly #case: BiopsyCase;
  readonly #indexFromMr = identity4();
  readonly #m = identity4();

  constructor(given: BiopsyCase) {
    this.#case = given;
    invert4(this.#indexFromMr, given.labels.frameFromIndex);
  }

  /** @param mrFromPlane 16 doubles */
  cut(mrFromPlane: ArrayLike<number>): Int32Array {
    const m = multiply4(this.#m, this.#indexFromMr, mrFromPlane);
    const [ni, nj, nk] = this.#case.labels.size;
    const { voxels } = this.#case.labels;
    for (let row = 0, n = 0; row < CELLS.height; row += 1) {
      const z = CELL_MM * row;
      for (let column = 0; column < CELLS.width; column += 1, n += 1) {
        const x = CELLS.left + CELL_MM * column;
        const i = Math.round((m[0] as number) * x + (m[8] as number) * z + (m[12] as number));
        const j = Math.round((m[1] as number) * x + (m[9] as number) * z + (m[13] as number));
        const k = Math.round((m[2] as number) * x + (m[10] as number) * z + (m[14] as number));
        const inside = i >= 0 && j >= 0 && k >= 0 && i < ni && j < nj && k < nk && FAN.holds(x, z);
        this.labels[n] = inside ? (voxels[i + ni * (j + nj * k)] as number) : 0;
      }
    }
    return this.labels;
  }
}
