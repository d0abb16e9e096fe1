/** Which triangles each vertex has: those of v stand in `triangles` from `from[v]` to `from[v + 1]`. */
export interface Fans {
  readonly from: Uint32Array;
  readonly triangles: Uint32Array;
}

/** The triangles of each vertex. */
export function fansOf(indices: Uint32Array, vertices: number): Fans {
  const from = new Uint32Array(vertices + 1);
  for (let n = 0; n < indices.length; n += 1) from[(indices[n] as number) + 1] = (from[(indices[n] as number) + 1] as number) + 1;
  for (let v = 0; v < vertices; v += 1) from[v + 1] = (from[v + 1] as number) + (from[v] as number);
  const next = from.slice(0, vertices);
  const triangles = new Uint32Array(indices.length);
  for (let n = 0; n < indices.length; n += 1) {
    const v = indices[n] as number;
    triangles[next[v] as number] = Math.floor(n / 3);
    next[v] = (next[v] as number) + 1;
  }
  return { from, triangles };
}

/** How a surface hangs together, vertex by vertex. A closed surface has one fan, no border and no crowd at each. */
export class SurfaceTopology {
  readonly indices: Uint32Array;
  readonly fans: Fans;
  /** Edges that end at each vertex. */
  readonly edges: Uint16Array;
  /** Of these, how many have one triangle. */
  readonly border: Uint16Array;
  /** Of these, how many have more than two. */
  readonly crowded: Uint16Array;
  /** Groups of triangles that hang together by edges, at each vertex: two where surfaces touch in a point. */
  readonly groups: Uint16Array;

  /** @param vertices how many numbers of vertices there are */
  constructor(indices: Uint32Array, vertices: number) {
    this.indices = indices;
    this.fans = fansOf(indices, vertices);
    this.edges = new Uint16Array(vertices);
    this.border = new Uint16Array(vertices);
    this.crowded = new Uint16Array(vertices);
    this.groups = new Uint16Array(vertices);
    for (let v = 0; v < vertices; v += 1) this.#look(v);
  }

  #look(v: number): void {
    const { from, triangles } = this.fans;
    const neighbours = new Map<number, { count: number; group: number }>();
    let groups = 0;
    // Small sets of triangles: a group that meets another takes its number.
    const renamed = (group: number, to: number): void => {
      for (const n of neighbours.values()) if (n.group === group) n.group = to;
      groups -= 1;
    };
    for (let n = from[v] as number; n < (from[v + 1] as number); n += 1) {
      const [a, b] = this.#others(triangles[n] as number, v);
      const [atA, atB] = [neighbours.get(a), neighbours.get(b)];
      const group = atA?.group ?? atB?.group ?? n;
      if (atA === undefined && atB === undefined) groups += 1;
      if (atA !== undefined && atB !== undefined && atA.group !== atB.group) renamed(atB.group, group);
      neighbours.set(a, { count: (atA?.count ?? 0) + 1, group });
      neighbours.set(b, { count: (atB?.count ?? 0) + 1, group });
    }
    this.groups[v] = groups;
    this.edges[v] = neighbours.size;
    for (const { count } of neighbours.values()) {
      if (count === 1) this.border[v] = (this.border[v] as number) + 1;
      if (count > 2) this.crowded[v] = (this.crowded[v] as number) + 1;
    }
  }

  /** The other two vertices of a triangle. */
  #others(triangle: number, v: number): readonly [number, number] {
    const o = 3 * triangle;
    const c = this.indices[o] === v ? 0 : this.indices[o + 1] === v ? 1 : 2;
    return [this.indices[o + ((c + 1) % 3)] as number, this.indices[o + ((c + 2) % 3)] as number];
  }
}

/** The pieces of a surface, and what of them is left in another with some of its vertices. */
export class Pieces {
  /** The piece of each vertex. */
  readonly of: Int32Array;
  readonly count: number;

  constructor(whole: SurfaceTopology) {
    const { indices, fans } = whole;
    const vertices = fans.from.length - 1;
    this.of = new Int32Array(vertices).fill(-1);
    const stack: number[] = [];
    let count = 0;
    for (let start = 0; start < vertices; start += 1) {
      if (this.of[start] !== -1 || fans.from[start] === fans.from[start + 1]) continue;
      this.of[start] = count;
      stack.push(start);
      for (let v = stack.pop(); v !== undefined; v = stack.pop()) {
        for (let n = fans.from[v] as number; n < (fans.from[v + 1] as number); n += 1) {
          for (let c = 0; c < 3; c += 1) {
            const other = indices[3 * (fans.triangles[n] as number) + c] as number;
            if (this.of[other] !== -1) continue;
            this.of[other] = count;
            stack.push(other);
          }
        }
      }
      count += 1;
    }
    this.count = count;
  }

  /** Vertices − edges + triangles (Euler) of each piece: 2 for a sphere, 0 for a torus. */
  euler({ fans, edges }: SurfaceTopology): Float64Array {
    const out = new Float64Array(this.count);
    for (let v = 0; v < this.of.length; v += 1) {
      const triangles = (fans.from[v + 1] as number) - (fans.from[v] as number);
      const piece = this.of[v] as number;
      if (triangles > 0) out[piece] = (out[piece] as number) + 1 - (edges[v] as number) / 2 + triangles / 3;
    }
    return out;
  }

  /** Triangles of each piece. */
  triangles({ indices }: SurfaceTopology): Uint32Array {
    const out = new Uint32Array(this.count);
    for (let n = 0; n < indices.length; n += 3) {
      const piece = this.of[indices[n] as number] as number;
      out[piece] = (out[piece] as number) + 1;
    }
    return out;
  }
}
