import type { Mesh } from './mesh.js';
import { closestOnTriangle, MeshDistance } from './mesh-distance.js';

type Faces = Pick<Mesh<string>, 'positions' | 'triangles'>;

/** How far apart two surfaces are at most. */
export interface HausdorffDistance {
  /** The greatest distance that was found, mm: they are at least so far apart. */
  readonly foundMm: number;
  /** No point of either is further from the other, mm: at most 5 % above `foundMm`, `enoughMm`, or what `mostQueries` allowed. */
  readonly boundMm: number;
}

/** How hard {@link hausdorffDistance} tries. */
export interface HausdorffOptions {
  /** A bound of so many mm is good enough, and need not be made narrower. Default 0.001. */
  readonly enoughMm?: number;
  /** Closest points looked up, each way, before the bound is let grow. Default 4 million, some seconds. */
  readonly mostQueries?: number;
}

/** The bound may lie above what was found by this share. */
const SLACK = 0.05;
/** A micrometre need not be halved any more, mm. */
const FLOOR_MM = 1e-3;
/** Pieces that wait: each halves another, so that 60 have halved one of a kilometre to less than a nanometre. */
const MOST_PIECES = 64;
/** Numbers of a piece that waits: three corners, and the slot nearest to it. */
const PIECE = 10;

const MIDDLE = new Float64Array(3);

/**
 * The Hausdorff distance of two triangle surfaces, both ways, in one frame, mm: the greatest distance from any point of either,
 * corners or not, to the other.
 *
 * Branch and bound over pieces of triangles: the distance to a surface grows by no more than one walks (it is 1-Lipschitz), and the
 * distance to one triangle, a convex set, is greatest in a piece's corners; a piece whose bound is below what was found already is
 * left, another is halved. Cf. Tang, Lee & Kim 2009 (ACM Trans. Graph. 28:74).
 * @throws NavError `mesh/empty` where no triangle has an area
 */
export function hausdorffDistance(a: Faces, b: Faces, options: HausdorffOptions = {}): HausdorffDistance {
  const there = new DistanceOneWay(a, new MeshDistance(b), options);
  there.run();
  const back = new DistanceOneWay(b, new MeshDistance(a), options, there.found);
  back.run();
  return { foundMm: back.found, boundMm: Math.max(there.bound, back.bound) };
}

/** How far the points of a surface are from another at most: one half of {@link hausdorffDistance}. */
export class DistanceOneWay {
  /** Greatest distance found, mm. */
  found = 0;
  /** No point is further, mm; of triangles that are {@link far} only what was found. */
  bound = 0;
  /** Triangles of the first surface that have a point further than the limit. */
  readonly far: number[] = [];
  /** From each vertex to the other surface, mm; NaN for one that no triangle has. */
  readonly distances: Float64Array;
  readonly #from: Faces;
  readonly #to: MeshDistance;
  readonly #limit: number;
  readonly #most: number;
  /** A piece whose bound is not above this is done with, mm. */
  #enough: number;
  #queries = 0;
  /** From the middle of the piece looked at last, mm. */
  #middle = 0;
  readonly #slots: Int32Array;
  readonly #out = new Float64Array(4);
  readonly #stack = new Float64Array(PIECE * MOST_PIECES);

  /**
   * @param found a distance that was found already, mm
   * @param limit a triangle that has a point further than this is {@link far}, mm, and not gone through to its end
   */
  constructor(from: Faces, to: MeshDistance, options: HausdorffOptions, found = 0, limit: number = Number.POSITIVE_INFINITY) {
    this.#from = from;
    this.#to = to;
    this.#limit = limit;
    this.#most = options.mostQueries ?? 4e6;
    this.#enough = options.enoughMm ?? FLOOR_MM;
    this.#slots = new Int32Array(from.positions.length / 3).fill(-1);
    this.distances = new Float64Array(this.#slots.length).fill(Number.NaN);
    this.#meet(found);
    this.#corners();
  }

  /** The triangle of the other surface that is nearest to a vertex; −1 for a vertex that no triangle has. */
  nearestTo(vertex: number): number {
    const slot = this.#slots[vertex] as number;
    return slot === -1 ? -1 : this.#to.triangleOf(slot);
  }

  /** Goes through all triangles. */
  run(): void {
    const { triangles } = this.#from;
    for (let n = 0; n < triangles.length; n += 3) this.#triangle(n);
    this.bound = Math.max(this.bound, this.found);
  }

  #corners(): void {
    const { positions, triangles } = this.#from;
    let near = -1;
    for (let n = 0; n < triangles.length; n += 1) {
      const v = triangles[n] as number;
      if (this.#slots[v] !== -1) continue;
      for (let k = 0; k < 3; k += 1) MIDDLE[k] = positions[3 * v + k] as number;
      near = this.#to.closest(this.#out, MIDDLE, near);
      this.#slots[v] = near;
      this.distances[v] = Math.sqrt(this.#out[3] as number);
      this.#meet(this.distances[v] as number);
    }
  }

  #meet(distance: number): void {
    if (distance > this.found) this.found = distance;
    this.#enough = Math.max(this.#enough, Math.min(this.#limit, (1 + SLACK) * this.found));
  }

  /** @param n where its three vertices stand */
  #triangle(n: number): void {
    const { positions, triangles } = this.#from;
    const slots = this.#slots;
    const stack = this.#stack;
    for (let c = 0; c < 9; c += 1) {
      stack[c] = positions[3 * (triangles[n + Math.floor(c / 3)] as number) + (c % 3)] as number;
    }
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c < 3; c += 1) {
      const slot = slots[triangles[n + c] as number] as number;
      const bound = this.#toOne(0, slot);
      if (bound >= least) continue;
      least = bound;
      stack[9] = slot;
    }
    if (least <= this.#enough) this.bound = Math.max(this.bound, least);
    else if (this.#pieces()) this.far.push(n / 3);
  }

  /**
   * Goes through the piece on the stack and what it is halved into.
   * @returns whether a point of it is beyond the limit
   */
  #pieces(): boolean {
    const stack = this.#stack;
    let count = 1;
    while (count > 0) {
      const o = PIECE * (count - 1);
      const bound = this.#boundOf(o);
      if (this.#middle > this.#limit) return true;
      if (bound <= this.#enough || count === MOST_PIECES) {
        this.bound = Math.max(this.bound, bound);
        count -= 1;
        continue;
      }
      halve(stack, o);
      count += 1;
    }
    return false;
  }

  /** How far any point of a piece can be, mm. */
  #boundOf(o: number): number {
    const stack = this.#stack;
    this.#middle = 0;
    // What was near the piece that this is a half of is often near it, too: nothing to look up then.
    const before = this.#toOne(o, stack[o + 9] as number);
    if (before <= this.#enough) return before;
    const x = ((stack[o] as number) + (stack[o + 3] as number) + (stack[o + 6] as number)) / 3;
    const y = ((stack[o + 1] as number) + (stack[o + 4] as number) + (stack[o + 7] as number)) / 3;
    const z = ((stack[o + 2] as number) + (stack[o + 5] as number) + (stack[o + 8] as number)) / 3;
    let reach2 = 0;
    for (let c = o; c < o + 9; c += 3) {
      const dx = (stack[c] as number) - x;
      const dy = (stack[c + 1] as number) - y;
      const dz = (stack[c + 2] as number) - z;
      reach2 = Math.max(reach2, dx * dx + dy * dy + dz * dz);
    }
    MIDDLE[0] = x;
    MIDDLE[1] = y;
    MIDDLE[2] = z;
    const slot = this.#to.closest(this.#out, MIDDLE, stack[o + 9] as number);
    stack[o + 9] = slot;
    const distance = Math.sqrt(this.#out[3] as number);
    this.#middle = distance;
    this.#meet(distance);
    this.#queries += 1;
    // Beyond what it may cost, less exact: by a tenth with each further tenth of it.
    if (this.#queries > this.#most && this.#queries % Math.ceil(this.#most / 10) === 0) this.#enough *= 1.1;
    return Math.min(distance + Math.sqrt(reach2), this.#toOne(o, slot));
  }

  /** How far any point of a piece can be from one triangle. */
  #toOne(o: number, slot: number): number {
    const stack = this.#stack;
    let most = 0;
    for (let c = o; c < o + 9; c += 3) {
      closestOnTriangle(
        this.#out,
        this.#to.corners,
        9 * slot,
        stack[c] as number,
        stack[c + 1] as number,
        stack[c + 2] as number,
      );
      most = Math.max(most, this.#out[3] as number);
    }
    return Math.sqrt(most);
  }
}

/** Halves a piece along its longest side: one half in its place, the other behind it. */
function halve(stack: Float64Array, o: number): void {
  let longest = -1;
  let side = 0;
  for (let c = 0; c < 3; c += 1) {
    const [a, b] = [o + 3 * c, o + 3 * ((c + 1) % 3)];
    let length2 = 0;
    for (let k = 0; k < 3; k += 1) length2 += ((stack[b + k] as number) - (stack[a + k] as number)) ** 2;
    if (length2 <= longest) continue;
    longest = length2;
    side = c;
  }
  const [a, b] = [o + 3 * side, o + 3 * ((side + 1) % 3)];
  stack.copyWithin(o + PIECE, o, o + PIECE);
  for (let k = 0; k < 3; k += 1) {
    const middle = ((stack[a + k] as number) + (stack[b + k] as number)) / 2;
    stack[b + k] = middle;
    stack[a + PIECE + k] = middle;
  }
}
