import type { PlaneView } from '../planes.js';

/** Shorter pieces are joined to the next, px. */
const SHORTEST_PX = 0.75;

/** Takes the pieces of a cut one after the other. */
export interface CutSink {
  /**
   * @param ends x, y, length before it (device pixels of the slice) and value of each end: eight numbers, the sink's only until it returns
   */
  piece(ends: Float64Array): void;
}

/**
 * Where a slice cuts a surface of triangles, walked from triangle to triangle, so that a broken line runs on around it. Each triangle whose
 * corners lie on both sides of the plane gives one piece from edge to edge, where the signed distance, linear along each edge, is 0; a value
 * given at the corners is linear along it too. Exact for the mesh, but that pieces shorter than a pixel are joined to the next: the phase of dashes
 * on a shorter one would be lost in single precision. A cut allocates nothing.
 */
export class MeshCut {
  readonly #positions: ArrayLike<number>;
  readonly #triangles: Uint32Array;
  /** The triangle across each edge (from corner k to the next); −1 where the surface ends. */
  readonly #across: Int32Array;
  /** Signed distance of each vertex from the plane, mm. */
  readonly #away: Float64Array;
  /** The cut that each triangle was last taken in. */
  readonly #taken: Uint32Array;
  #turn = 0;
  /** As walked, and as given on: x, y, arc and value of each end. */
  readonly #ends = new Float64Array(8);
  readonly #joined = new Float64Array(8);
  /** The least value on the cut and where it lies, px; Infinity without values. */
  readonly least: Float64Array = Float64Array.of(Number.POSITIVE_INFINITY, 0, 0);
  /** The box around the cut: least x and y, most x and y, px. */
  readonly box: Float64Array = new Float64Array(4);
  readonly #flat = new Float64Array(8);
  #values: ArrayLike<number> | undefined;

  /** @param positions x, y, z of each vertex, mm */
  constructor(positions: ArrayLike<number>, triangles: Uint32Array) {
    this.#positions = positions;
    this.#triangles = triangles;
    this.#across = neighboursOf(triangles, positions.length / 3);
    this.#away = new Float64Array(positions.length / 3);
    this.#taken = new Uint32Array(triangles.length / 3);
  }

  /**
   * Gives every piece of the cut to a sink. @param normal of the slice, unit. @param values one a vertex; absent: 0
   * @returns how many pieces
   */
  cut(plane: PlaneView, normal: ArrayLike<number>, sink: CutSink, values?: ArrayLike<number>): number {
    this.#measure(plane, normal);
    this.#layFlat(plane);
    this.#values = values;
    this.#turn += 1;
    this.least[0] = Number.POSITIVE_INFINITY;
    this.box.fill(Number.POSITIVE_INFINITY, 0, 2);
    this.box.fill(Number.NEGATIVE_INFINITY, 2, 4);
    let pieces = 0;
    for (let t = 0; t < this.#taken.length; t += 1) {
      if (this.#taken[t] === this.#turn || !this.#crosses(t)) continue;
      const first = this.#edge(t, 0);
      const second = this.#edge(t, first + 1);
      // One way round, which closes most loops; the other way, where the surface ends.
      pieces += this.#walk(t, first, second, sink, 1);
      const before = this.#across[3 * t + first] as number;
      if (before >= 0 && this.#taken[before] !== this.#turn) {
        pieces += this.#walk(before, this.#shared(before, t), -1, sink, -1);
      }
    }
    return pieces;
  }

  /** Lays pieces from triangle `t` on, entered over edge `from`, until there is no next one. @param direction of the dashes */
  #walk(t: number, from: number, to: number, sink: CutSink, direction: number): number {
    const ends = this.#ends;
    const joined = this.#joined;
    let pieces = 0;
    let at = t;
    let leave = to < 0 ? this.#other(t, from) : to;
    this.#onEdge(at, from, 0);
    ends[2] = 0;
    this.#takeIn(0);
    joined.set(ends);
    while (at >= 0 && this.#taken[at] !== this.#turn) {
      this.#taken[at] = this.#turn;
      this.#onEdge(at, leave, 4);
      this.#takeIn(4);
      const next = this.#across[3 * at + leave] as number;
      const last = next < 0 || this.#taken[next] === this.#turn;
      pieces += this.#give(sink, direction, last);
      if (last) break;
      leave = this.#other(next, this.#shared(next, at));
      at = next;
    }
    return pieces;
  }

  /** Carries the joined piece on to the end that was just found, and gives it on where it is long enough, or the last. */
  #give(sink: CutSink, direction: number, last: boolean): number {
    const ends = this.#ends;
    const joined = this.#joined;
    const x = (ends[4] as number) - (joined[0] as number);
    const y = (ends[5] as number) - (joined[1] as number);
    const length = Math.sqrt(x * x + y * y);
    if (length < SHORTEST_PX && !last) return 0;
    for (let k = 4; k < 8; k += 1) joined[k] = ends[k] as number;
    joined[6] = (joined[2] as number) + direction * length;
    sink.piece(joined);
    for (let k = 0; k < 4; k += 1) joined[k] = joined[4 + k] as number;
    return 1;
  }

  /** Takes an end into the box and the least. */
  #takeIn(o: number): void {
    for (let k = 0; k < 2; k += 1) {
      this.box[k] = Math.min(this.box[k] as number, this.#ends[o + k] as number);
      this.box[2 + k] = Math.max(this.box[2 + k] as number, this.#ends[o + k] as number);
    }
    if (this.#values === undefined || !((this.#ends[o + 3] as number) < (this.least[0] as number))) return;
    this.least[0] = this.#ends[o + 3] as number;
    this.least[1] = this.#ends[o] as number;
    this.least[2] = this.#ends[o + 1] as number;
  }

  #measure({ centre }: PlaneView, normal: ArrayLike<number>): void {
    const p = this.#positions;
    const nx = normal[0] as number;
    const ny = normal[1] as number;
    const nz = normal[2] as number;
    const d = nx * (centre[0] as number) + ny * (centre[1] as number) + nz * (centre[2] as number);
    for (let n = 0; n < this.#away.length; n += 1) {
      this.#away[n] = nx * (p[3 * n] as number) + ny * (p[3 * n + 1] as number) + nz * (p[3 * n + 2] as number) - d;
    }
  }

  /** Screen from frame: x = f0 · (p, 1), y = f4 · (p, 1), device pixels. */
  #layFlat({ axes, centre, mmPerPx, width, height }: PlaneView): void {
    const f = this.#flat;
    f[3] = width / 2;
    f[7] = height / 2;
    for (let k = 0; k < 3; k += 1) {
      f[k] = (axes.right[k] as number) / mmPerPx;
      f[4 + k] = -(axes.up[k] as number) / mmPerPx;
      f[3] = (f[3] as number) - (f[k] as number) * (centre[k] as number);
      f[7] = (f[7] as number) - (f[4 + k] as number) * (centre[k] as number);
    }
  }

  #corner(t: number, k: number): number {
    return this.#triangles[3 * t + (k % 3)] as number;
  }

  #crosses(t: number): boolean {
    const a = (this.#away[this.#corner(t, 0)] as number) < 0;
    const b = (this.#away[this.#corner(t, 1)] as number) < 0;
    return a !== b || b !== (this.#away[this.#corner(t, 2)] as number) < 0;
  }

  /** The first edge from `k` on that the plane crosses. */
  #edge(t: number, k: number): number {
    for (let n = k; n < 3; n += 1) {
      if ((this.#away[this.#corner(t, n)] as number) < 0 !== (this.#away[this.#corner(t, n + 1)] as number) < 0) return n;
    }
    return -1;
  }

  /** The other edge that the plane crosses: there are two. */
  #other(t: number, edge: number): number {
    const first = this.#edge(t, 0);
    return first === edge ? this.#edge(t, edge + 1) : first;
  }

  /** The edge of `t` that leads to `neighbour`. */
  #shared(t: number, neighbour: number): number {
    for (let k = 0; k < 3; k += 1) if (this.#across[3 * t + k] === neighbour && this.#crossesEdge(t, k)) return k;
    return this.#edge(t, 0);
  }

  #crossesEdge(t: number, k: number): boolean {
    return (this.#away[this.#corner(t, k)] as number) < 0 !== (this.#away[this.#corner(t, k + 1)] as number) < 0;
  }

  /** Where the plane crosses an edge, into the end that begins at `o`; alike from both of its triangles. */
  #onEdge(t: number, k: number, o: number): void {
    const p = this.#corner(t, k);
    const q = this.#corner(t, k + 1);
    const a = Math.min(p, q);
    const b = Math.max(p, q);
    const da = this.#away[a] as number;
    // One of the two is below 0 and the other not, so they differ.
    const f = da / (da - (this.#away[b] as number));
    const flat = this.#flat;
    let x = flat[3] as number;
    let y = flat[7] as number;
    for (let i = 0; i < 3; i += 1) {
      const from = this.#positions[3 * a + i] as number;
      const at = from + f * ((this.#positions[3 * b + i] as number) - from);
      x += (flat[i] as number) * at;
      y += (flat[4 + i] as number) * at;
    }
    this.#ends[o] = x;
    this.#ends[o + 1] = y;
    const values = this.#values;
    if (values === undefined) return;
    const from = values[a] as number;
    this.#ends[o + 3] = from + f * ((values[b] as number) - from);
  }
}

/** The triangle across each edge; −1 where there is none, or where more than two meet. */
function neighboursOf(triangles: Uint32Array, vertices: number): Int32Array {
  const across = new Int32Array(triangles.length).fill(-1);
  const open = new Map<number, number>();
  for (let e = 0; e < triangles.length; e += 1) {
    const t = Math.floor(e / 3);
    const a = triangles[e] as number;
    const b = triangles[3 * t + ((e + 1) % 3)] as number;
    const key = a < b ? a * vertices + b : b * vertices + a;
    const other = open.get(key);
    if (other === undefined) {
      open.set(key, e);
      continue;
    }
    open.delete(key);
    across[e] = Math.floor(other / 3);
    across[other] = t;
  }
  return across;
}
