import { identity4, invert4, type Mat4 } from '../math/index.js';
import type { AnyVolume, VoxelArray } from './volume.js';

/**
 * Trilinear sampling in a volume's own frame.
 *
 * A voxel's value belongs to its centre. A position up to half a voxel beyond the outermost centres is still inside
 * and takes the border's value, as in ITK; further out there is no image, and the answer is NaN.
 */
export class Sampler {
  /** index = matrix · (x, y, z) in mm. */
  readonly indexFromFrame: Mat4 = identity4();
  readonly #voxels: VoxelArray;
  readonly #ni: number;
  readonly #nj: number;
  readonly #nk: number;
  readonly #slope: number;
  readonly #intercept: number;

  constructor(v: AnyVolume) {
    // volume() has refused a geometry that cannot be inverted.
    invert4(this.indexFromFrame, v.frameFromIndex);
    this.#voxels = v.voxels;
    [this.#ni, this.#nj, this.#nk] = v.size;
    this.#slope = v.rescale.slope;
    this.#intercept = v.rescale.intercept;
  }

  /** The rescaled value at a position in the volume's frame, mm; NaN outside. */
  at(x: number, y: number, z: number): number {
    const m = this.indexFromFrame;
    return this.atIndex(
      (m[0] as number) * x + (m[4] as number) * y + (m[8] as number) * z + (m[12] as number),
      (m[1] as number) * x + (m[5] as number) * y + (m[9] as number) * z + (m[13] as number),
      (m[2] as number) * x + (m[6] as number) * y + (m[10] as number) * z + (m[14] as number),
    );
  }

  /** The rescaled value at a continuous index; NaN outside. */
  atIndex(i: number, j: number, k: number): number {
    return this.#slope * this.storedAtIndex(i, j, k) + this.#intercept;
  }

  /** The interpolated stored value, before rescaling, at a continuous index; NaN outside. */
  storedAtIndex(i: number, j: number, k: number): number {
    const ni = this.#ni;
    const nj = this.#nj;
    const nk = this.#nk;
    // Written so that a NaN index is outside too. The slack keeps a border that rounding moved by 1e-9 inside.
    const inside = i >= LOW && j >= LOW && k >= LOW && i <= ni + HIGH && j <= nj + HIGH && k <= nk + HIGH;
    if (!inside) return Number.NaN;
    const x = Math.min(Math.max(i, 0), ni - 1);
    const y = Math.min(Math.max(j, 0), nj - 1);
    const z = Math.min(Math.max(k, 0), nk - 1);
    const x0 = Math.floor(x);
    const y0 = Math.floor(y);
    const z0 = Math.floor(z);
    const fx = x - x0;
    const fy = y - y0;
    const fz = z - z0;
    // The far neighbour of a sample on the last centre is itself, with weight zero.
    const dx = x0 < ni - 1 ? 1 : 0;
    const dy = y0 < nj - 1 ? ni : 0;
    const dz = z0 < nk - 1 ? ni * nj : 0;
    const v = this.#voxels;
    const o = x0 + ni * (y0 + nj * z0);
    const a = mix(v[o] as number, v[o + dx] as number, fx);
    const b = mix(v[o + dy] as number, v[o + dy + dx] as number, fx);
    const c = mix(v[o + dz] as number, v[o + dz + dx] as number, fx);
    const d = mix(v[o + dz + dy] as number, v[o + dz + dy + dx] as number, fx);
    return mix(mix(a, b, fy), mix(c, d, fy), fz);
  }
}

const LOW = -0.5 - 1e-9;
const HIGH = -0.5 + 1e-9;

function mix(a: number, b: number, f: number): number {
  return a + f * (b - a);
}

/**
 * The rescaled value of a volume at a position in its frame, mm, trilinear; NaN outside the image.
 * For more than a few positions make one {@link Sampler} and keep it.
 */
export function sampleLinear(v: AnyVolume, x: number, y: number, z: number): number {
  return new Sampler(v).at(x, y, z);
}

/** The smallest and largest rescaled value; NaN voxels do not count. */
export function valueRange(v: AnyVolume): { readonly min: number; readonly max: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const voxels = v.voxels;
  for (let n = 0; n < voxels.length; n += 1) {
    const x = voxels[n] as number;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const { slope, intercept } = v.rescale;
  const a = slope * min + intercept;
  const b = slope * max + intercept;
  return a <= b ? { min: a, max: b } : { min: b, max: a };
}
