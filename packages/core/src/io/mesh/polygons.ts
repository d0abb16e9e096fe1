/** What every mesh format comes down to. */
export interface Polygons {
  readonly format: 'STL' | 'PLY' | 'VTK' | 'OBJ' | 'OFF';
  /** x, y, z of each vertex, as in the file. */
  readonly positions: Float64Array;
  /** For each polygon its number of corners, then its vertices. */
  readonly polygons: ArrayLike<number>;
  /** Header and comments, where a program may have said in which axes it wrote. */
  readonly comments: string;
  /** Cells that are no surface (lines, single vertices), which are not read. */
  readonly otherCells: number;
  /** Bytes behind the last triangle. */
  readonly trailingBytes: number;
}

/** Triangles and the polygons they were made of. */
interface Triangulated {
  readonly triangles: Uint32Array;
  /** Triangles without area by construction, left out: two of their corners are one vertex. */
  readonly degenerate: number;
  /** What makes the polygons no surface: a vertex that does not exist, or a shape that cannot be cut. */
  readonly fault:
    | { readonly kind: 'no-vertex' | 'too-many-corners'; readonly polygon: number; readonly value: number }
    | undefined;
}

/** A polygon that is not convex is cut in a time that grows with the cube of its corners. */
const MOST_CORNERS = 512;

/** Polygons cut into triangles that keep their sense of rotation. */
export function triangulated(positions: Float64Array, polygons: ArrayLike<number>): Triangulated {
  const out: number[] = [];
  const vertices = positions.length / 3;
  let degenerate = 0;
  let number = 0;
  for (let at = 0; at < polygons.length; number += 1) {
    const n = polygons[at] as number;
    const corners: number[] = [];
    for (let i = 1; i <= n; i += 1) {
      const v = polygons[at + i] as number;
      if (!(v >= 0 && v < vertices)) return faulty('no-vertex', number, v);
      if (v !== corners.at(-1)) corners.push(v);
    }
    while (corners.length > 1 && corners[0] === corners.at(-1)) corners.pop();
    at += n + 1;
    if (corners.length < 3) degenerate += 1;
    else {
      const cutOff = corners.length === 3 ? triangle(corners, 0, 1, 2, out) : cut(positions, corners, out);
      if (cutOff === undefined) return faulty('too-many-corners', number, corners.length);
      degenerate += cutOff;
    }
  }
  return { triangles: Uint32Array.from(out), degenerate, fault: undefined };
}

function faulty(kind: 'no-vertex' | 'too-many-corners', polygon: number, value: number): Triangulated {
  return { triangles: new Uint32Array(), degenerate: 0, fault: { kind, polygon, value } };
}

/** Appends a triangle of three of the corners; gives 1, and appends nothing, where two of them are one vertex. */
function triangle(corners: readonly number[], a: number, b: number, c: number, out: number[]): 0 | 1 {
  const [p, q, r] = [corners[a] as number, corners[b] as number, corners[c] as number];
  if (p === q || q === r || r === p) return 1;
  out.push(p, q, r);
  return 0;
}

/**
 * One polygon's triangles, appended: a fan where it is convex, else ears are cut off one after the other (Meisters 1975,
 * Am. Math. Monthly 82:648). Gives the number of triangles left out because two corners are one; undefined where there
 * are too many corners.
 */
function cut(positions: Float64Array, corners: readonly number[], out: number[]): number | undefined {
  const flat = flattened(positions, corners);
  const n = corners.length;
  if (corners.every((_, k) => turn(flat, (k + n - 1) % n, k, (k + 1) % n) > 0)) {
    let none = 0;
    for (let k = 2; k < n; k += 1) none += triangle(corners, 0, k - 1, k, out);
    return none;
  }
  return n > MOST_CORNERS ? undefined : earsOff(flat, corners, out);
}

function earsOff(flat: Float64Array, corners: readonly number[], out: number[]): number {
  const left = corners.map((_, i) => i);
  let degenerate = 0;
  while (left.length > 2) {
    const ear = left.length === 3 ? 1 : earOf(flat, left);
    const [a, b, c] = [left.at(ear - 1) as number, left[ear] as number, left[(ear + 1) % left.length] as number];
    degenerate += triangle(corners, a, b, c, out);
    left.splice(ear, 1);
  }
  return degenerate;
}

/** The corners in the plane they mostly lie in (its normal after Newell), counter-clockwise: x, y each. */
function flattened(positions: Float64Array, corners: readonly number[]): Float64Array {
  const at = (k: number, i: number): number => positions[3 * (corners[k % corners.length] as number) + i] as number;
  const normal = [0, 1, 2].map((i) => {
    const [u, v] = [(i + 1) % 3, (i + 2) % 3];
    return corners.reduce((sum, _, k) => sum + (at(k, u) - at(k + 1, u)) * (at(k, v) + at(k + 1, v)), 0);
  });
  const size = normal.map(Math.abs);
  const drop = size.indexOf(Math.max(...size));
  const [u, v] = (normal[drop] as number) < 0 ? [(drop + 2) % 3, (drop + 1) % 3] : [(drop + 1) % 3, (drop + 2) % 3];
  return Float64Array.from({ length: 2 * corners.length }, (_, n) => at(n >> 1, n % 2 === 0 ? u : v));
}

/** The place in `left` of a corner that can be cut off; the first where rounding hides all. */
function earOf(flat: Float64Array, left: readonly number[]): number {
  for (let e = 1; e <= left.length; e += 1) {
    const ear = e % left.length;
    const [a, b, c] = [left.at(ear - 1) as number, left[ear] as number, left[(ear + 1) % left.length] as number];
    if (turn(flat, a, b, c) <= 0) continue;
    const inside = (k: number): boolean =>
      k !== a && k !== b && k !== c && turn(flat, a, b, k) >= 0 && turn(flat, b, c, k) >= 0 && turn(flat, c, a, k) >= 0;
    if (!left.some(inside)) return ear;
  }
  return 1;
}

/** Twice the signed area of three corners. */
function turn(flat: Float64Array, a: number, b: number, c: number): number {
  const x = (k: number): number => flat[2 * k] as number;
  const y = (k: number): number => flat[2 * k + 1] as number;
  return (x(b) - x(a)) * (y(c) - y(a)) - (x(c) - x(a)) * (y(b) - y(a));
}

/**
 * Vertices in one and the same place made one: STL repeats a vertex for each of its triangles.
 * @returns the places, in order of first appearance, and which of them each vertex is
 */
export function merged(positions: Float64Array): { readonly positions: Float64Array; readonly index: Uint32Array } {
  const n = positions.length / 3;
  const index = new Uint32Array(n);
  const own = new Float64Array(positions.length);
  let slots = 16;
  while (slots < 2 * n) slots *= 2;
  const table = new Int32Array(slots).fill(-1);
  const bits = new Uint32Array(6);
  const place = new Float64Array(bits.buffer);
  let count = 0;
  for (let k = 0; k < n; k += 1) {
    // Adding 0 makes −0 the same place as 0.
    for (let i = 0; i < 3; i += 1) place[i] = (positions[3 * k + i] as number) + 0;
    let hash = 0;
    for (let i = 0; i < 6; i += 1) hash = Math.imul(hash ^ (bits[i] as number), 0x9e3779b1) ^ (hash >>> 15);
    let slot = (hash ^ (hash >>> 13)) & (slots - 1);
    while ((table[slot] as number) >= 0 && !same(own, table[slot] as number, place)) slot = (slot + 1) & (slots - 1);
    if ((table[slot] as number) < 0) {
      table[slot] = count;
      own.set(place, 3 * count);
      count += 1;
    }
    index[k] = table[slot] as number;
  }
  return { positions: own.slice(0, 3 * count), index };
}

function same(own: Float64Array, k: number, place: Float64Array): boolean {
  return own[3 * k] === place[0] && own[3 * k + 1] === place[1] && own[3 * k + 2] === place[2];
}
