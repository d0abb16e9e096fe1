import { NavError } from '../base/index.js';
import type { Mesh } from './mesh.js';
import { buildTree, cornersIn, normalsOf, sorted } from './mesh-distance-tree.js';

/**
 * Exact closest points on a triangle surface, by a tree of boxes in typed arrays. Made once per surface, used for any
 * number of queries; a query allocates nothing. Triangles without area are left out and counted.
 *
 * Inside, triangles stand in the tree's order: a `slot` is a place in that order, {@link triangleOf} its number in the mesh.
 */
export class MeshDistance {
  /** x, y, z of the three corners of the triangle in each slot, mm: 9 numbers a slot. */
  readonly corners: Float64Array;
  /** Unit normal of the triangle in each slot, by its winding. */
  readonly normals: Float64Array;
  /** Numbers of triangles without area, which are ignored. */
  readonly degenerate: Uint32Array;
  readonly #order: Uint32Array;
  /** Per node: min x, y, z, max x, y, z. */
  readonly #boxes: Float64Array;
  /** Per node: first slot of a leaf, or the number of the second child; the first child follows its parent. */
  readonly #links: Int32Array;
  /** Per node: triangles of a leaf, 0 for an inner node. */
  readonly #counts: Uint8Array;
  readonly #stack = new Int32Array(128);
  readonly #reach = new Float64Array(128);
  readonly #candidate = new Float64Array(4);

  /**
   * @throws NavError `mesh/empty` where no triangle has an area
   */
  constructor(surface: Pick<Mesh<string>, 'positions' | 'triangles'>) {
    const { sound, degenerate } = sorted(surface);
    if (sound.length === 0) {
      throw new NavError('mesh/empty', 'No triangle of the surface has an area. Export the surface again.', {
        detail: { degenerate: degenerate.length },
      });
    }
    this.degenerate = Uint32Array.from(degenerate);
    const built = buildTree(surface, Uint32Array.from(sound));
    this.#order = built.order;
    this.#boxes = built.boxes;
    this.#links = built.links;
    this.#counts = built.counts;
    this.corners = cornersIn(surface, built.order);
    this.normals = normalsOf(this.corners);
  }

  /** Triangles with an area. */
  get length(): number {
    return this.#order.length;
  }

  /** Memory that the tree holds, bytes. */
  get bytes(): number {
    const parts = [this.corners, this.normals, this.#order, this.#boxes, this.#links, this.#counts, this.degenerate];
    return parts.reduce((sum, part) => sum + part.byteLength, 0);
  }

  /** The box around all: min x, y, z, max x, y, z, mm. */
  get bounds(): Float64Array {
    return this.#boxes.slice(0, 6);
  }

  /** The number in the mesh of the triangle in a slot. */
  triangleOf(slot: number): number {
    return this.#order[slot] as number;
  }

  /**
   * The point of the surface nearest to `p`: its x, y, z into `out[0…2]`, the squared distance (mm²) into `out[3]`.
   * @param hint a slot likely to be near: makes the search shorter, never wrong; −1 for none
   * @param slack a point so many times further than the nearest is good enough: 1 (the default) for the exact one
   * @returns the slot of the triangle it lies on
   */
  closest(out: Float64Array, p: ArrayLike<number>, hint = -1, slack = 1): number {
    const x = p[0] as number;
    const y = p[1] as number;
    const z = p[2] as number;
    const boxes = this.#boxes;
    const stack = this.#stack;
    const reach = this.#reach;
    const candidate = this.#candidate;
    const slack2 = slack * slack;
    let best = hint;
    if (hint >= 0) closestOnTriangle(out, this.corners, 9 * hint, x, y, z);
    else out[3] = Number.POSITIVE_INFINITY;
    let top = 1;
    stack[0] = 0;
    reach[0] = 0;
    while (top > 0) {
      top -= 1;
      if ((reach[top] as number) * slack2 >= (out[3] as number)) continue;
      const node = stack[top] as number;
      const count = this.#counts[node] as number;
      const link = this.#links[node] as number;
      if (count > 0) {
        for (let slot = link; slot < link + count; slot += 1) {
          closestOnTriangle(candidate, this.corners, 9 * slot, x, y, z);
          if ((candidate[3] as number) < (out[3] as number)) {
            out[0] = candidate[0] as number;
            out[1] = candidate[1] as number;
            out[2] = candidate[2] as number;
            out[3] = candidate[3] as number;
            best = slot;
          }
        }
        continue;
      }
      const a = boxDistance(boxes, 6 * (node + 1), x, y, z);
      const b = boxDistance(boxes, 6 * link, x, y, z);
      const nearIsA = a <= b;
      stack[top] = nearIsA ? link : node + 1;
      reach[top] = nearIsA ? b : a;
      stack[top + 1] = nearIsA ? node + 1 : link;
      reach[top + 1] = nearIsA ? a : b;
      top += 2;
    }
    return best;
  }
}

/** Squared distance from a place to a box. */
function boxDistance(boxes: Float64Array, o: number, x: number, y: number, z: number): number {
  const lx = (boxes[o] as number) - x;
  const hx = x - (boxes[o + 3] as number);
  const dx = lx > 0 ? lx : hx > 0 ? hx : 0;
  const ly = (boxes[o + 1] as number) - y;
  const hy = y - (boxes[o + 4] as number);
  const dy = ly > 0 ? ly : hy > 0 ? hy : 0;
  const lz = (boxes[o + 2] as number) - z;
  const hz = z - (boxes[o + 5] as number);
  const dz = lz > 0 ? lz : hz > 0 ? hz : 0;
  return dx * dx + dy * dy + dz * dz;
}

/**
 * The point of a triangle nearest to (x, y, z) into `out[0…2]`, the squared distance into `out[3]`: the region of the
 * triangle's plane (its inside, an edge, a corner) is told from signs of dot products with the sides.
 * @param corners nine numbers from `o`
 */
export function closestOnTriangle(out: Float64Array, corners: Float64Array, o: number, x: number, y: number, z: number): void {
  const ax = corners[o] as number;
  const ay = corners[o + 1] as number;
  const az = corners[o + 2] as number;
  const ux = (corners[o + 3] as number) - ax;
  const uy = (corners[o + 4] as number) - ay;
  const uz = (corners[o + 5] as number) - az;
  const vx = (corners[o + 6] as number) - ax;
  const vy = (corners[o + 7] as number) - ay;
  const vz = (corners[o + 8] as number) - az;
  const px = x - ax;
  const py = y - ay;
  const pz = z - az;
  const uu = ux * ux + uy * uy + uz * uz;
  const uv = ux * vx + uy * vy + uz * vz;
  const vv = vx * vx + vy * vy + vz * vz;
  const up = ux * px + uy * py + uz * pz;
  const vp = vx * px + vy * py + vz * pz;
  const det = uu * vv - uv * uv;
  // Where the foot of the perpendicular lies, in units of the determinant.
  let s = vv * up - uv * vp;
  let t = uu * vp - uv * up;
  if (s > 0 && t > 0 && s + t < det) {
    s /= det;
    t /= det;
  } else {
    // Outside: the nearest of the three sides; each clamped, so corners need no case of their own.
    const s0 = clamped(up, uu);
    const d0 = s0 * s0 * uu - 2 * s0 * up;
    const t1 = clamped(vp, vv);
    const d1 = t1 * t1 * vv - 2 * t1 * vp;
    const f = clamped(vp - up + uu - uv, uu - 2 * uv + vv);
    const s2 = 1 - f;
    const d2 = s2 * s2 * uu + 2 * s2 * f * uv + f * f * vv - 2 * s2 * up - 2 * f * vp;
    if (d2 <= d0 && d2 <= d1) {
      s = s2;
      t = f;
    } else if (d0 <= d1) {
      s = s0;
      t = 0;
    } else {
      s = 0;
      t = t1;
    }
  }
  const cx = s * ux + t * vx;
  const cy = s * uy + t * vy;
  const cz = s * uz + t * vz;
  out[0] = ax + cx;
  out[1] = ay + cy;
  out[2] = az + cz;
  out[3] = (px - cx) * (px - cx) + (py - cy) * (py - cy) + (pz - cz) * (pz - cz);
}

function clamped(along: number, length2: number): number {
  return along <= 0 ? 0 : along >= length2 ? 1 : along / length2;
}
