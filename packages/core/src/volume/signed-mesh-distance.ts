import type { Mesh } from './mesh.js';
import { MeshDistance } from './mesh-distance.js';

/** A weight of a corner below this is none: the place lies on the opposite side. Far above rounding, far below a micrometre. */
const ON_SIDE = 1e-7;

/**
 * Which of seven parts of a triangle a place lies on, by the corners' weights that are none: bit 0 a's, bit 1 b's, bit 2 c's. 0: inside,
 * 1 … 3: sides ab, bc, ca, 4 … 6: corners a, b, c.
 */
const PART = [0, 2, 3, 6, 1, 5, 4, 0] as const;

/**
 * Signed distances from points to a closed, oriented triangle surface: exact, by {@link MeshDistance}, a query allocates nothing.
 *
 * The sign comes from angle-weighted pseudonormals (Bærentzen & Aanæs 2005, IEEE TVCG 11:243), and is right wherever the surface is
 * closed and its triangles face outwards. Vertices in one place count as one, as an STL file has them.
 */
export class SignedMeshDistance {
  /** The nearest point of the surface found last, mm; NaN before, and for a place that is not finite. */
  readonly nearest: Float64Array = new Float64Array(3).fill(Number.NaN);
  readonly #tree: MeshDistance;
  /** Pseudonormals in the tree's slots: inside, sides ab, bc, ca, corners a, b, c. */
  readonly #normals: Float64Array;
  readonly #found = new Float64Array(4);
  #slot = -1;

  /** @throws NavError `mesh/empty` where no triangle has an area */
  constructor(surface: Pick<Mesh<string>, 'positions' | 'triangles'>) {
    this.#tree = new MeshDistance(surface);
    this.#normals = pseudonormals(this.#tree);
  }

  /**
   * The distance from a place to the surface, mm: negative inside, NaN for a place that is not finite. {@link nearest} is the point of the
   * surface. A place near the one asked before is found sooner.
   * @param p mm, in the surface's frame
   */
  from(p: ArrayLike<number>): number {
    const found = this.#found;
    const slot = this.#tree.closest(found, p, this.#slot);
    if (!((found[3] as number) < Number.POSITIVE_INFINITY)) {
      this.nearest.fill(Number.NaN);
      return Number.NaN;
    }
    this.#slot = slot;
    const n = 21 * slot + 3 * this.#part(slot);
    let side = 0;
    for (let k = 0; k < 3; k += 1) {
      this.nearest[k] = found[k] as number;
      side += ((p[k] as number) - (found[k] as number)) * (this.#normals[n + k] as number);
    }
    return side < 0 ? -Math.sqrt(found[3] as number) : Math.sqrt(found[3] as number);
  }

  /** The part of a triangle that the point found last lies on, from its corners' weights. */
  #part(slot: number): number {
    const { corners } = this.#tree;
    const o = 9 * slot;
    let [uu, uv, vv, up, vp] = [0, 0, 0, 0, 0];
    for (let k = 0; k < 3; k += 1) {
      const a = corners[o + k] as number;
      const u = (corners[o + 3 + k] as number) - a;
      const v = (corners[o + 6 + k] as number) - a;
      const w = (this.#found[k] as number) - a;
      uu += u * u;
      uv += u * v;
      vv += v * v;
      up += u * w;
      vp += v * w;
    }
    const det = uu * vv - uv * uv;
    const b = (vv * up - uv * vp) / det;
    const c = (uu * vp - uv * up) / det;
    return PART[Number(1 - b - c < ON_SIDE) + 2 * Number(b < ON_SIDE) + 4 * Number(c < ON_SIDE)] as number;
  }
}

/** Normals of inside, sides and corners of each triangle, in the tree's slots. */
function pseudonormals({ corners: raw, normals, length }: MeshDistance): Float64Array {
  const out = new Float64Array(21 * length);
  const places = new Map<string, number>();
  const ids = Int32Array.from({ length: 3 * length }, (_, n) => {
    const key = `${raw[3 * n]},${raw[3 * n + 1]},${raw[3 * n + 2]}`;
    const known = places.get(key) ?? places.size;
    places.set(key, known);
    return known;
  });
  const atCorners = new Float64Array(3 * places.size);
  const atSides = new Map<number, Float64Array>();
  const side = (t: number, e: number): Float64Array => {
    const [m, n] = [ids[3 * t + e] as number, ids[3 * t + ((e + 1) % 3)] as number];
    const key = Math.min(m, n) * places.size + Math.max(m, n);
    const sum = atSides.get(key) ?? new Float64Array(3);
    atSides.set(key, sum);
    return sum;
  };
  for (let t = 0; t < length; t += 1) {
    const face = normals.subarray(3 * t, 3 * t + 3);
    out.set(face, 21 * t);
    for (let e = 0; e < 3; e += 1) {
      const sum = side(t, e);
      const angle = cornerAngle(raw, t, e);
      const id = 3 * (ids[3 * t + e] as number);
      for (let k = 0; k < 3; k += 1) {
        sum[k] = (sum[k] as number) + (face[k] as number);
        atCorners[id + k] = (atCorners[id + k] as number) + angle * (face[k] as number);
      }
    }
  }
  for (let t = 0; t < length; t += 1) {
    for (let e = 0; e < 3; e += 1) {
      out.set(side(t, e), 21 * t + 3 + 3 * e);
      const id = 3 * (ids[3 * t + e] as number);
      out.set(atCorners.subarray(id, id + 3), 21 * t + 12 + 3 * e);
    }
  }
  return out;
}

/** The angle of a triangle at one of its corners, rad. */
function cornerAngle(raw: Float64Array, t: number, corner: number): number {
  const at = (c: number, k: number): number => raw[9 * t + 3 * (c % 3) + k] as number;
  let [uu, vv, uv] = [0, 0, 0];
  for (let k = 0; k < 3; k += 1) {
    const u = at(corner + 1, k) - at(corner, k);
    const v = at(corner + 2, k) - at(corner, k);
    uu += u * u;
    vv += v * v;
    uv += u * v;
  }
  return uu > 0 && vv > 0 ? Math.acos(Math.max(-1, Math.min(1, uv / Math.sqrt(uu * vv)))) : 0;
}
