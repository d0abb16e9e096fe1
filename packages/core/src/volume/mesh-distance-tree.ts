import type { Mesh } from './mesh.js';

/** A leaf holds at most this many triangles. */
const LEAF = 4;

/** Triangles whose height is below this share of their longest side are lines: they carry no surface. */
const FLAT = 1e-9;

/** Numbers of the triangles that have an area, and of those that have none. */
export function sorted({ positions: p, triangles }: Pick<Mesh<string>, 'positions' | 'triangles'>): {
  sound: number[];
  degenerate: number[];
} {
  const sound: number[] = [];
  const degenerate: number[] = [];
  for (let t = 0; 3 * t < triangles.length; t += 1) {
    const [a, b, c] = [0, 1, 2].map((n) => 3 * (triangles[3 * t + n] as number)) as [number, number, number];
    const side = (n: number, m: number): number[] => [0, 1, 2].map((k) => (p[m + k] as number) - (p[n + k] as number));
    const [u, v, w] = [side(a, b), side(a, c), side(b, c)] as [number[], number[], number[]];
    const longest = Math.max(...[u, v, w].map((s) => Math.hypot(...s)));
    const twiceArea = Math.hypot(...cross(u, v));
    (twiceArea > FLAT * longest * longest ? sound : degenerate).push(t);
  }
  return { sound, degenerate };
}

function cross(u: ArrayLike<number>, v: ArrayLike<number>): [number, number, number] {
  const [a, b, c] = [u[0] as number, u[1] as number, u[2] as number];
  const [d, e, f] = [v[0] as number, v[1] as number, v[2] as number];
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

/** A binary tree of boxes over triangles, in arrays. */
export interface Tree {
  readonly order: Uint32Array;
  readonly boxes: Float64Array;
  readonly links: Int32Array;
  readonly counts: Uint8Array;
}

/** Splits at the median of the triangles' middles along the widest axis, depth first. */
export function buildTree(surface: Pick<Mesh<string>, 'positions' | 'triangles'>, order: Uint32Array): Tree {
  const { positions, triangles } = surface;
  const middles = new Float64Array(triangles.length);
  for (let t = 0; t < triangles.length; t += 1) {
    const v = triangles[t] as number;
    for (let k = 0; k < 3; k += 1) {
      const o = 3 * Math.floor(t / 3) + k;
      middles[o] = (middles[o] as number) + (positions[3 * v + k] as number) / 3;
    }
  }
  const most = 2 * order.length + 1;
  const tree = { order, boxes: new Float64Array(6 * most), links: new Int32Array(most), counts: new Uint8Array(most) };
  let nodes = 0;
  const build = (from: number, to: number): number => {
    const node = nodes;
    nodes += 1;
    boxInto(tree.boxes, 6 * node, surface, order, from, to);
    if (to - from <= LEAF) {
      tree.links[node] = from;
      tree.counts[node] = to - from;
      return node;
    }
    const middle = (from + to) >> 1;
    const axis = widest(middles, order, from, to);
    select(order, middles, axis, from, to - 1, middle);
    build(from, middle);
    tree.links[node] = build(middle, to);
    return node;
  };
  build(0, order.length);
  return {
    order,
    boxes: tree.boxes.slice(0, 6 * nodes),
    links: tree.links.slice(0, nodes),
    counts: tree.counts.slice(0, nodes),
  };
}

function boxInto(
  boxes: Float64Array,
  o: number,
  { positions, triangles }: Pick<Mesh<string>, 'positions' | 'triangles'>,
  order: Uint32Array,
  from: number,
  to: number,
): void {
  boxes.fill(Number.POSITIVE_INFINITY, o, o + 3);
  boxes.fill(Number.NEGATIVE_INFINITY, o + 3, o + 6);
  for (let n = from; n < to; n += 1) {
    for (let c = 0; c < 3; c += 1) {
      const v = 3 * (triangles[3 * (order[n] as number) + c] as number);
      for (let k = 0; k < 3; k += 1) {
        const x = positions[v + k] as number;
        if (x < (boxes[o + k] as number)) boxes[o + k] = x;
        if (x > (boxes[o + 3 + k] as number)) boxes[o + 3 + k] = x;
      }
    }
  }
}

function widest(middles: Float64Array, order: Uint32Array, from: number, to: number): number {
  let best = 0;
  let width = -1;
  for (let k = 0; k < 3; k += 1) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let n = from; n < to; n += 1) {
      const x = middles[3 * (order[n] as number) + k] as number;
      if (x < low) low = x;
      if (x > high) high = x;
    }
    if (high - low > width) {
      width = high - low;
      best = k;
    }
  }
  return best;
}

/** Puts the `nth` smallest at its place, smaller ones before it (Hoare 1961, "Find"). */
function select(order: Uint32Array, key: Float64Array, axis: number, from: number, to: number, nth: number): void {
  let low = from;
  let high = to;
  while (low < high) {
    const pivot = key[3 * (order[nth] as number) + axis] as number;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((key[3 * (order[i] as number) + axis] as number) < pivot) i += 1;
      while ((key[3 * (order[j] as number) + axis] as number) > pivot) j -= 1;
      if (i <= j) {
        const swap = order[i] as number;
        order[i] = order[j] as number;
        order[j] = swap;
        i += 1;
        j -= 1;
      }
    }
    if (j < nth) low = i;
    if (nth < i) high = j;
  }
}

/** Nine coordinates for each triangle, in the given order. */
export function cornersIn(
  { positions, triangles }: Pick<Mesh<string>, 'positions' | 'triangles'>,
  order: Uint32Array,
): Float64Array {
  const out = new Float64Array(9 * order.length);
  for (let n = 0; n < order.length; n += 1) {
    for (let c = 0; c < 3; c += 1) {
      const v = 3 * (triangles[3 * (order[n] as number) + c] as number);
      for (let k = 0; k < 3; k += 1) out[9 * n + 3 * c + k] = positions[v + k] as number;
    }
  }
  return out;
}

/** Unit normals by winding, for {@link cornersIn}'s triangles. */
export function normalsOf(corners: Float64Array): Float64Array {
  const out = new Float64Array(corners.length / 3);
  for (let o = 0; o < corners.length; o += 9) {
    const side = (c: number): number[] => [0, 1, 2].map((k) => (corners[o + c + k] as number) - (corners[o + k] as number));
    const n = cross(side(3), side(6));
    const length = Math.hypot(...n);
    for (let k = 0; k < 3; k += 1) out[o / 3 + k] = (n[k] as number) / length;
  }
  return out;
}
