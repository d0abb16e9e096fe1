import type { Vec3 } from '../../math/index.js';
import type { PlaneView } from '../planes.js';
import type { Outline } from './outline.js';

/** The most pieces of a cut: a plane through a tube of 24 rings of 48 crosses far fewer of its triangles. */
export const CUT_PIECES = 512;

/**
 * Where a slice cuts a surface of triangles, laid as pieces of an outline in device pixels of the slice. Each triangle whose corners
 * lie on both sides of the plane gives one piece, from edge to edge, where the signed distance, linear along each edge, is 0: exact
 * for the mesh. Allocates nothing with a frame.
 */
export class TubeCut {
  readonly #indices: Uint32Array;
  /** Signed distance of each vertex from the plane, mm. */
  readonly #away: Float64Array;
  /** How far along the dashes each vertex lies, mm. */
  readonly #arc: Float64Array;
  /** Of the piece being laid: x, y and dash of each end. */
  readonly #ends = new Float64Array(6);
  readonly #point: Float64Array = new Float64Array(3);
  readonly #px: Vec3 = new Float64Array(3) as Vec3;

  /** @param arc of each vertex, mm: rises along the tube and around it, so that a broken line stays one over the pieces */
  constructor(indices: Uint32Array, arc: Float64Array) {
    this.#indices = indices;
    this.#arc = arc;
    this.#away = new Float64Array(arc.length);
  }

  /** Lays the cut. @param positions x, y, z of each vertex, mm. @param normal of the slice, unit. @returns how many pieces */
  lay(outline: Outline, positions: ArrayLike<number>, normal: ArrayLike<number>, plane: PlaneView): number {
    const away = this.#away;
    const { centre } = plane;
    for (let n = 0; n < away.length; n += 1) {
      let d = 0;
      for (let k = 0; k < 3; k += 1) d += ((positions[3 * n + k] as number) - (centre[k] as number)) * (normal[k] as number);
      away[n] = d;
    }
    let pieces = 0;
    for (let t = 0; t < this.#indices.length && pieces < CUT_PIECES; t += 3) {
      if (!this.#crosses(t)) continue;
      this.#ofTriangle(t, positions, plane);
      outline.piece(pieces, this.#ends);
      pieces += 1;
    }
    outline.show(pieces);
    return pieces;
  }

  #crosses(t: number): boolean {
    let before = 0;
    for (let k = 0; k < 3; k += 1) if ((this.#away[this.#indices[t + k] as number] as number) < 0) before += 1;
    return before === 1 || before === 2;
  }

  #ofTriangle(t: number, positions: ArrayLike<number>, plane: PlaneView): void {
    let end = 0;
    for (let k = 0; k < 3 && end < 2; k += 1) {
      const i = this.#indices[t + k] as number;
      const j = this.#indices[t + ((k + 1) % 3)] as number;
      const a = this.#away[i] as number;
      const b = this.#away[j] as number;
      if (a < 0 === b < 0) continue;
      const f = a / (a - b);
      for (let c = 0; c < 3; c += 1) {
        const p = positions[3 * i + c] as number;
        this.#point[c] = p + f * ((positions[3 * j + c] as number) - p);
      }
      plane.project(this.#px, this.#point);
      this.#ends[3 * end] = this.#px[0] as number;
      this.#ends[3 * end + 1] = this.#px[1] as number;
      this.#ends[3 * end + 2] = ((1 - f) * (this.#arc[i] as number) + f * (this.#arc[j] as number)) / plane.mmPerPx;
      end += 1;
    }
  }
}
