import { transformPoint } from '../../math/index.js';
import type { Mesh } from '../../volume/index.js';
import { ellipsoidDistance } from './ellipsoid.js';
import type { Ellipsoid } from './placed.js';

/** Triangles on the boundary of a union, and how far they miss it. */
export interface UnionSurface {
  readonly surface: Pick<Mesh<string>, 'positions' | 'triangles'>;
  /** The largest distance from a triangle's middle, or from a seam chord's, to the surface it stands for, mm. */
  readonly errorMm: number;
}

/** Finer triangles are made until they miss the boundary by at most this, mm. */
const WANTED_MM = 0.03;
const COARSEST = 4;
const FINEST = 6;
/** Halvings of an edge to find where a seam crosses it: 1e-9 of an edge. */
const HALVINGS = 30;

/**
 * The boundary of a union of ellipsoids as triangles with their corners on it: each ellipsoid's sphere of triangles,
 * clipped where another ellipsoid covers it. The pieces meet along the seams to {@link UnionSurface.errorMm}; they are not one closed mesh.
 */
export function unionSurface(parts: readonly Ellipsoid[]): UnionSurface {
  const positions: number[] = [];
  let errorMm = 0;
  for (let i = 0; i < parts.length; i += 1) {
    for (let level = COARSEST; level <= FINEST; level += 1) {
      const piece = new Clipping(parts, i, icosphere(level));
      if (piece.errorMm > WANTED_MM && level < FINEST) continue;
      for (const v of piece.positions) positions.push(v);
      errorMm = Math.max(errorMm, piece.errorMm);
      break;
    }
  }
  return {
    surface: {
      positions: Float64Array.from(positions),
      triangles: Uint32Array.from({ length: positions.length / 3 }, (_, n) => n),
    },
    errorMm,
  };
}

/** One ellipsoid's triangles outside all others. */
class Clipping {
  /** Three corners a triangle, mm. */
  readonly positions: number[] = [];
  errorMm = 0;
  readonly #part: Ellipsoid;
  readonly #others: readonly Ellipsoid[];
  readonly #local = new Float64Array(3);
  readonly #foot = new Float64Array(3);

  constructor(parts: readonly Ellipsoid[], index: number, sphere: Sphere) {
    this.#part = parts[index] as Ellipsoid;
    // Of two that are the same, the first has the surface.
    this.#others = parts.filter((part, j) => j !== index && !(j > index && same(part, this.#part)));
    const covered = sphere.directions.map((direction) => this.#cover(this.#place(direction)) < 0);
    for (const [a, b, c] of sphere.triangles) {
      const corners = [a, b, c].map((n) => sphere.directions[n]) as unknown as Corners;
      const hidden = [a, b, c].map((n) => covered[n] as boolean);
      if (!hidden.includes(true)) this.#add(corners);
      else if (hidden.includes(false)) this.#clip(corners, hidden);
    }
  }

  /** Keeps the open side of a triangle that a seam crosses: a triangle or a four-sided piece. */
  #clip(corners: Corners, hidden: readonly boolean[]): void {
    const kept: Direction[] = [];
    const chord: Direction[] = [];
    for (let k = 0; k < 3; k += 1) {
      const [here, next] = [corners[k] as Direction, corners[(k + 1) % 3] as Direction];
      if (!hidden[k]) kept.push(here);
      if (hidden[k] !== hidden[(k + 1) % 3]) {
        const at = hidden[k] ? this.#crossing(next, here) : this.#crossing(here, next);
        kept.push(at);
        chord.push(at);
      }
    }
    this.#add([kept[0], kept[1], kept[2]] as unknown as Corners);
    if (kept.length === 4) this.#add([kept[0], kept[2], kept[3]] as unknown as Corners);
    const middle = between(chord[0] as Direction, chord[1] as Direction, 0.5);
    this.errorMm = Math.max(this.errorMm, this.#nearestOther(this.#place(middle)));
  }

  /** Where between an open and a hidden direction the cover begins; the end of the last halving that is open. */
  #crossing(open: Direction, hidden: Direction): Direction {
    let low = 0;
    let high = 1;
    for (let n = 0; n < HALVINGS; n += 1) {
      const f = (low + high) / 2;
      if (this.#cover(this.#place(between(open, hidden, f))) < 0) high = f;
      else low = f;
    }
    return between(open, hidden, low);
  }

  #add(corners: Corners): void {
    const places = corners.map((direction) => this.#place(direction));
    for (const place of places) this.positions.push(...place);
    const middle = [0, 1, 2].map((k) => places.reduce((sum, place) => sum + (place[k] as number), 0) / 3);
    this.errorMm = Math.max(this.errorMm, Math.abs(this.#distance(this.#part, middle)));
  }

  /** The point of the ellipsoid in a direction of the unit sphere it is stretched from, mm. */
  #place(direction: Direction): Float64Array {
    const { radii, matrix } = this.#part;
    const local = Float64Array.from(direction, (v, k) => v * (radii[k] as number));
    return transformPoint(local, matrix, local);
  }

  /** Below 0 inside another ellipsoid. */
  #cover(p: ArrayLike<number>): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { inverse, radii } of this.#others) {
      transformPoint(this.#local, inverse, p);
      let square = -1;
      for (let k = 0; k < 3; k += 1) square += ((this.#local[k] as number) / (radii[k] as number)) ** 2;
      least = Math.min(least, square);
    }
    return least;
  }

  #nearestOther(p: ArrayLike<number>): number {
    return Math.min(...this.#others.map((part) => Math.abs(this.#distance(part, p))));
  }

  #distance(part: Ellipsoid, p: ArrayLike<number>): number {
    return ellipsoidDistance(this.#foot, transformPoint(this.#local, part.inverse, p), part.radii);
  }
}

type Direction = readonly [number, number, number];
type Corners = readonly [Direction, Direction, Direction];

interface Sphere {
  readonly directions: readonly Direction[];
  readonly triangles: readonly (readonly [number, number, number])[];
}

const spheres = new Map<number, Sphere>();

/** An icosahedron whose triangles were divided into four `level` times, on the unit sphere, wound outwards. */
function icosphere(level: number): Sphere {
  const known = spheres.get(level);
  if (known !== undefined) return known;
  const made = level === 0 ? icosahedron() : divided(icosphere(level - 1));
  spheres.set(level, made);
  return made;
}

function icosahedron(): Sphere {
  const g = (1 + Math.sqrt(5)) / 2;
  const raw: Direction[] = [];
  for (const s of [1, -1]) for (const t of [g, -g]) raw.push([0, s, t], [s, t, 0], [t, 0, s]);
  const directions = raw.map((v) => between(v, v, 0));
  const triangles: [number, number, number][] = [];
  const near = (a: Direction, b: Direction): boolean => a[0] * b[0] + a[1] * b[1] + a[2] * b[2] > 0.4;
  for (let a = 0; a < 12; a += 1) {
    for (let b = a + 1; b < 12; b += 1) {
      for (let c = b + 1; c < 12; c += 1) {
        const [p, q, r] = [directions[a], directions[b], directions[c]] as [Direction, Direction, Direction];
        if (near(p, q) && near(q, r) && near(p, r)) triangles.push(outward(p, q, r) ? [a, b, c] : [a, c, b]);
      }
    }
  }
  return { directions, triangles };
}

function divided({ directions, triangles }: Sphere): Sphere {
  const all = [...directions];
  const middles = new Map<number, number>();
  const middle = (a: number, b: number): number => {
    const key = Math.min(a, b) * directions.length + Math.max(a, b);
    const at = middles.get(key) ?? all.push(between(all[a] as Direction, all[b] as Direction, 0.5)) - 1;
    middles.set(key, at);
    return at;
  };
  const finer = triangles.flatMap(([a, b, c]): [number, number, number][] => {
    const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
    return [
      [a, ab, ca],
      [ab, b, bc],
      [ca, bc, c],
      [ab, bc, ca],
    ];
  });
  return { directions: all, triangles: finer };
}

/** The direction a fraction of the way along the chord from a to b. */
function between(a: Direction, b: Direction, f: number): Direction {
  const x = a[0] + f * (b[0] - a[0]);
  const y = a[1] + f * (b[1] - a[1]);
  const z = a[2] + f * (b[2] - a[2]);
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

function outward(a: Direction, b: Direction, c: Direction): boolean {
  const x = a[1] * b[2] - a[2] * b[1];
  const y = a[2] * b[0] - a[0] * b[2];
  const z = a[0] * b[1] - a[1] * b[0];
  return x * c[0] + y * c[1] + z * c[2] > 0;
}

function same(a: Ellipsoid, b: Ellipsoid): boolean {
  return a.radii.every((v, k) => v === b.radii[k]) && a.matrix.every((v, k) => v === b.matrix[k]);
}
