import { NavError } from '../../base/index.js';

/** Triangles in a leaf of the tree. */
const LEAF = 4;

/** What {@link MeshDistance} reads of a mesh. */
export interface TriangleMesh {
  /** x, y, z of each vertex, mm. */
  readonly positions: ArrayLike<number>;
  /** Three vertices a triangle, anticlockwise seen from outside. */
  readonly indices: ArrayLike<number>;
}

/**
 * Signed distances from points to a closed triangle mesh: exact, through a tree of boxes, without allocating.
 *
 * The nearest point of a triangle as in Ericson 2005, "Real-Time Collision Detection", 5.1.5; the sign from angle-weighted
 * pseudonormals (Bærentzen & Aanæs 2005, IEEE TVCG 11:243), which is right wherever the mesh is closed and oriented.
 */
export class MeshDistance {
  /** The nearest point found last, mm. */
  readonly nearest: Float64Array = new Float64Array(3).fill(Number.NaN);
  /** Corners of the triangles in the order of the tree: nine numbers each. */
  readonly #corners: Float64Array;
  /** Pseudonormals of each triangle: face, edges ab, bc, ca, corners a, b, c. */
  readonly #normals: Float64Array;
  /** Boxes: low and high corner; then per node: first triangle and count, or ~left child and right child. */
  readonly #boxes: Float64Array;
  readonly #nodes: Int32Array;
  readonly #stack = new Int32Array(128);
  readonly #foot = new Float64Array(3);
  /** The squared distance found last: a double that is returned by itself would be allocated. */
  readonly #found = new Float64Array(1);
  #feature = 0;

  /**
   * Builds the tree: O(n log² n), some milliseconds for 10 000 triangles.
   * @throws NavError `math/not-finite`, `math/wrong-shape` for a mesh without triangles or with an index beyond its vertices
   */
  constructor(mesh: TriangleMesh) {
    const count = Math.floor(mesh.indices.length / 3);
    if (count === 0) throw new NavError('math/wrong-shape', 'A mesh without triangles has no distance to it.');
    const raw = new Float64Array(9 * count);
    for (let n = 0; n < 3 * count; n += 1) {
      for (let k = 0; k < 3; k += 1) {
        const value = mesh.positions[3 * (mesh.indices[n] as number) + k];
        if (value === undefined)
          throw new NavError('math/wrong-shape', 'A triangle of the mesh names a vertex it does not have.');
        if (!Number.isFinite(value)) throw new NavError('math/not-finite', 'A vertex of the mesh is not finite.');
        raw[3 * n + k] = value;
      }
    }
    const order = new Int32Array(count).map((_, n) => n);
    this.#boxes = new Float64Array(6 * 2 * count);
    this.#nodes = new Int32Array(2 * 2 * count);
    this.#grow(raw, order, 0, count, { next: 0 });
    const normals = pseudonormals(raw);
    this.#corners = gathered(raw, order, 9);
    this.#normals = gathered(normals, order, 21);
  }

  /**
   * The distance from a point to the surface, mm: negative inside. {@link nearest} is the point of the surface.
   * @param p mm
   */
  from(p: ArrayLike<number>): number {
    const found = this.#found;
    let best = Number.POSITIVE_INFINITY;
    let triangle = -1;
    let feature = 0;
    const stack = this.#stack;
    let top = 1;
    stack[0] = 0;
    while (top > 0) {
      top -= 1;
      const node = stack[top] as number;
      this.#toBox(node, p);
      if (!((found[0] as number) < best)) continue;
      const first = this.#nodes[2 * node] as number;
      const second = this.#nodes[2 * node + 1] as number;
      if (first < 0) {
        const left = ~first;
        this.#toBox(left, p);
        const toLeft = found[0] as number;
        this.#toBox(second, p);
        const leftFirst = toLeft < (found[0] as number);
        stack[top] = leftFirst ? second : left;
        stack[top + 1] = leftFirst ? left : second;
        top += 2;
        continue;
      }
      for (let t = first; t < first + second; t += 1) {
        this.#toTriangle(t, p);
        const d = found[0] as number;
        if (d >= best) continue;
        best = d;
        triangle = t;
        feature = this.#feature;
        this.nearest.set(this.#foot);
      }
    }
    if (triangle < 0) return Number.NaN;
    const n = 21 * triangle + 3 * feature;
    let side = 0;
    for (let k = 0; k < 3; k += 1) {
      side += ((p[k] as number) - (this.nearest[k] as number)) * (this.#normals[n + k] as number);
    }
    return side < 0 ? -Math.sqrt(best) : Math.sqrt(best);
  }

  /** Lays the boxes of a part of the triangles; the number of its node. */
  #grow(raw: Float64Array, order: Int32Array, from: number, to: number, counter: { next: number }): number {
    const node = counter.next;
    counter.next += 1;
    const b = this.#boxes;
    for (let k = 0; k < 3; k += 1) {
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let n = from; n < to; n += 1) {
        for (let c = k; c < 9; c += 3) {
          const v = raw[9 * (order[n] as number) + c] as number;
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
      b[6 * node + k] = low;
      b[6 * node + 3 + k] = high;
    }
    if (to - from <= LEAF) {
      this.#nodes.set([from, to - from], 2 * node);
      return node;
    }
    const span = (k: number): number => (b[6 * node + 3 + k] as number) - (b[6 * node + k] as number);
    const axis = span(0) >= span(1) && span(0) >= span(2) ? 0 : span(1) >= span(2) ? 1 : 2;
    const middle = (n: number): number =>
      (raw[9 * n + axis] as number) + (raw[9 * n + 3 + axis] as number) + (raw[9 * n + 6 + axis] as number);
    order.subarray(from, to).sort((m, n) => middle(m) - middle(n));
    const half = (from + to) >> 1;
    const left = this.#grow(raw, order, from, half, counter);
    const right = this.#grow(raw, order, half, to, counter);
    this.#nodes.set([~left, right], 2 * node);
    return node;
  }

  /** Finds the squared distance to a node's box. */
  #toBox(node: number, p: ArrayLike<number>): void {
    let sum = 0;
    for (let k = 0; k < 3; k += 1) {
      const v = p[k] as number;
      const low = (this.#boxes[6 * node + k] as number) - v;
      const high = v - (this.#boxes[6 * node + 3 + k] as number);
      const d = Math.max(low, high, 0);
      sum += d * d;
    }
    this.#found[0] = sum;
  }

  /** Finds the squared distance to a triangle; leaves its nearest point in the foot, and which part of it that lies on. */
  #toTriangle(t: number, p: ArrayLike<number>): void {
    const c = this.#corners;
    const o = 9 * t;
    let d1 = 0;
    let d2 = 0;
    let d3 = 0;
    let d4 = 0;
    let d5 = 0;
    let d6 = 0;
    for (let k = 0; k < 3; k += 1) {
      const a = c[o + k] as number;
      const ab = (c[o + 3 + k] as number) - a;
      const ac = (c[o + 6 + k] as number) - a;
      const ap = (p[k] as number) - a;
      d1 += ab * ap;
      d2 += ac * ap;
      d3 += ab * (ap - ab);
      d4 += ac * (ap - ab);
      d5 += ab * (ap - ac);
      d6 += ac * (ap - ac);
    }
    const va = d3 * d6 - d5 * d4;
    const vb = d5 * d2 - d1 * d6;
    const vc = d1 * d4 - d3 * d2;
    if (d1 <= 0 && d2 <= 0) this.#put(o, 4, p, 0, 0);
    else if (d3 >= 0 && d4 <= d3) this.#put(o, 5, p, 1, 0);
    else if (vc <= 0 && d1 >= 0 && d3 <= 0) this.#put(o, 1, p, d1 / (d1 - d3), 0);
    else if (d6 >= 0 && d5 <= d6) this.#put(o, 6, p, 0, 1);
    else if (vb <= 0 && d2 >= 0 && d6 <= 0) this.#put(o, 3, p, 0, d2 / (d2 - d6));
    else if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
      const w = (d4 - d3) / (d4 - d3 + d5 - d6);
      this.#put(o, 2, p, 1 - w, w);
    } else this.#put(o, 0, p, vb / (va + vb + vc), vc / (va + vb + vc));
  }

  /** Keeps the foot a + v (b − a) + w (c − a), the feature it lies on and its squared distance from p. */
  #put(o: number, feature: number, p: ArrayLike<number>, v: number, w: number): void {
    const c = this.#corners;
    this.#feature = feature;
    let sum = 0;
    for (let k = 0; k < 3; k += 1) {
      const a = c[o + k] as number;
      const foot = a + v * ((c[o + 3 + k] as number) - a) + w * ((c[o + 6 + k] as number) - a);
      this.#foot[k] = foot;
      sum += ((p[k] as number) - foot) ** 2;
    }
    this.#found[0] = sum;
  }
}

function gathered(values: Float64Array, order: Int32Array, each: number): Float64Array {
  const out = new Float64Array(values.length);
  for (const [to, from] of order.entries()) out.set(values.subarray(each * from, each * (from + 1)), each * to);
  return out;
}

/** Face, edge and corner normals of each triangle; corners that lie in one place are one, as they need not be in the indices. */
function pseudonormals(raw: Float64Array): Float64Array {
  const count = raw.length / 9;
  const out = new Float64Array(21 * count);
  const places = new Map<string, number>();
  const ids = Int32Array.from({ length: 3 * count }, (_, n) => {
    const key = `${raw[3 * n]},${raw[3 * n + 1]},${raw[3 * n + 2]}`;
    const known = places.get(key) ?? places.size;
    places.set(key, known);
    return known;
  });
  const corners = new Float64Array(3 * places.size);
  const edges = new Map<number, Float64Array>();
  const edge = (t: number, e: number): Float64Array => {
    const [m, n] = [ids[3 * t + e] as number, ids[3 * t + ((e + 1) % 3)] as number];
    const key = Math.min(m, n) * places.size + Math.max(m, n);
    const sum = edges.get(key) ?? new Float64Array(3);
    edges.set(key, sum);
    return sum;
  };
  for (let t = 0; t < count; t += 1) {
    const face = faceNormal(raw, t);
    out.set(face, 21 * t);
    for (let e = 0; e < 3; e += 1) {
      const sum = edge(t, e);
      const angle = cornerAngle(raw, t, e);
      const id = 3 * (ids[3 * t + e] as number);
      for (let k = 0; k < 3; k += 1) {
        sum[k] = (sum[k] as number) + (face[k] as number);
        corners[id + k] = (corners[id + k] as number) + angle * (face[k] as number);
      }
    }
  }
  for (let t = 0; t < count; t += 1) {
    for (let e = 0; e < 3; e += 1) {
      out.set(edge(t, e), 21 * t + 3 + 3 * e);
      const id = 3 * (ids[3 * t + e] as number);
      out.set(corners.subarray(id, id + 3), 21 * t + 12 + 3 * e);
    }
  }
  return out;
}

/** The unit normal of a triangle; 0 where it has none. */
function faceNormal(raw: Float64Array, t: number): Float64Array {
  const [ax, ay, az, bx, by, bz, cx, cy, cz] = raw.subarray(9 * t, 9 * t + 9) as unknown as number[] as [
    ...[number, number, number],
    ...[number, number, number],
    ...[number, number, number],
  ];
  const x = (by - ay) * (cz - az) - (bz - az) * (cy - ay);
  const y = (bz - az) * (cx - ax) - (bx - ax) * (cz - az);
  const z = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  const length = Math.hypot(x, y, z);
  return length > 0 ? Float64Array.of(x / length, y / length, z / length) : new Float64Array(3);
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
