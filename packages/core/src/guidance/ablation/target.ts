import { NavError } from '../../base/index.js';
import type { Frame } from '../../frames/index.js';
import { determinant3 } from '../../math/index.js';
import { isosurface, type Mesh, mesh, requireNoShear, SignedMeshDistance, type Volume, volume } from '../../volume/index.js';
import { refined } from './refine.js';

/** Cells that a target's volume is divided into, about: what its covered share is counted on. */
const CELLS = 60_000;
/** Points of an (enlarged) target's surface that are kept, at least: a millimetre apart on a tumour of 3 cm. */
const OUTER_POINTS = 2500;
/** Points inside a target that are kept: in a ball, a hole with a seventh of its radius holds one. */
const INNER_POINTS = 1500;
/** Steps of the grid that an enlarged target is meshed on, along its longest side. */
const ENLARGED_STEPS = 44;
/** No side of a target's triangle is longer than this part of the target: margins are taken at the corners. */
const FINENESS = 24;
/** Larger than this no tumour is that one burns, mm: a mesh in another unit. */
const LARGEST_MM = 400;

/** What is to be destroyed: a closed surface, made ready once for all that is asked of it. Immutable. */
export interface AblationTarget<in out F extends string> {
  readonly frame: Frame<F>;
  /** Its surface, outward; triangles larger than a twenty-fourth of the target were divided. */
  readonly surface: Mesh<F>;
  /** The volume inside the surface, mm³. */
  readonly volumeMm3: number;
  /** The cells of its inside, of {@link TargetCells.sizeMm}. */
  cells(): TargetCells;
  /** The signed distance to its surface, mm: negative inside. @param p mm, in `frame` */
  distance(p: ArrayLike<number>): number;
  /**
   * Points that are all inside a zone where the target enlarged by `marginMm` is: of the surface of the enlarged target, and of
   * its inside. x, y, z, mm. Made once a margin.
   * @throws NavError `ablation/bad-option` for a margin that is negative or beyond 100 mm
   */
  points(marginMm: number): Float64Array;
}

/** A body divided into cubes. */
export interface TargetCells {
  /** x, y, z of each cube's centre, mm. */
  readonly places: Float64Array;
  /** The part of each cube that is inside the body, mm³. */
  readonly volumes: Float64Array;
  /** Edge of a cube, mm. */
  readonly sizeMm: number;
}

/**
 * A target from its closed, outward surface.
 * @throws NavError `ablation/bad-target` for a surface that is not closed, turned inside out, or not in millimetres
 */
export function ablationTarget<F extends string>(surface: Mesh<F>): AblationTarget<F> {
  return new MeshTarget(surface);
}

/**
 * A target from a label map: the voxels that are `label`, by the surface between their centres and their neighbours' that encloses the voxels' volume. A surface made
 * from voxels has steps of half a voxel: no margin is better known than that.
 * @throws NavError `ablation/bad-target` where no voxel has the label, or one at the border of the image has it (what lies beyond is not
 * known); `volume/sheared`
 */
export function labelTarget<F extends string>(labels: Volume<F>, label: number): AblationTarget<F> {
  return ablationTarget(labelSurface(labels, label, 'ablation target'));
}

/** The closed surface of a label. @throws as {@link labelTarget} */
export function labelSurface<F extends string>(labels: Volume<F>, label: number, what: string): Mesh<F> {
  requireNoShear(labels, `Making an ${what}`);
  const { voxels, size } = labels;
  const low = [...size];
  const high = [-1, -1, -1];
  const stored = (label - labels.rescale.intercept) / labels.rescale.slope;
  for (let n = 0; n < voxels.length; n += 1) {
    if (voxels[n] !== stored) continue;
    const at = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
    for (let k = 0; k < 3; k += 1) {
      low[k] = Math.min(low[k] as number, at[k] as number);
      high[k] = Math.max(high[k] as number, at[k] as number);
    }
  }
  if ((high[0] as number) < 0)
    throw badTarget(`No voxel has the label ${label} of the ${what}`, 'Draw it, or choose another label.');
  if (low.some((v, k) => v === 0 || high[k] === (size[k] as number) - 1)) {
    throw badTarget(
      `The label ${label} of the ${what} reaches the border of the image, and what lies beyond is not known`,
      'Use an image that holds all of it.',
    );
  }
  const box = low.map((v, k) => (high[k] as number) - v + 3) as [number, number, number];
  const mask = new Float32Array(box[0] * box[1] * box[2]);
  for (let n = 0, k = 0; k < box[2]; k += 1) {
    for (let j = 0; j < box[1]; j += 1) {
      const row = (low[0] as number) - 1 + size[0] * ((low[1] as number) - 1 + j + size[1] * ((low[2] as number) - 1 + k));
      for (let i = 0; i < box[0]; i += 1, n += 1) if (voxels[row + i] === stored) mask[n] = 1;
    }
  }
  const m = Float64Array.from(labels.frameFromIndex);
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) m[12 + r] = (m[12 + r] as number) + (m[4 * c + r] as number) * ((low[c] as number) - 1);
  }
  const filled = mask.reduce((sum, v) => sum + v, 0) * Math.abs(determinant3(m));
  return enclosing(volume({ frame: labels.frame, voxels: mask, size: box, frameFromIndex: m }), filled);
}

/** The surface of a mask that encloses its voxels' volume: halfway between centres it would cut a fifth of a voxel off whatever is round. */
function enclosing<F extends string>(mask: Volume<F>, volumeMm3: number): Mesh<F> {
  let [low, high] = [0.02, 0.98];
  for (let n = 0; n < 7; n += 1) {
    const level = (low + high) / 2;
    // A lower level lies further out.
    if (enclosed(isosurface(mask, level)) > volumeMm3) low = level;
    else high = level;
  }
  return isosurface(mask, (low + high) / 2);
}

class MeshTarget<in out F extends string> implements AblationTarget<F> {
  readonly frame: Frame<F>;
  readonly surface: Mesh<F>;
  readonly volumeMm3: number;
  readonly #field: SignedMeshDistance;
  readonly #box: Float64Array;
  readonly #enlarged = new Map<number, Float64Array>();
  #cells: TargetCells | undefined;

  constructor(surface: Mesh<F>) {
    requireClosed(surface);
    this.frame = surface.frame;
    this.#field = new SignedMeshDistance(surface);
    this.volumeMm3 = enclosed(surface);
    if (!(this.volumeMm3 > 0)) {
      throw badTarget('The surface of the ablation target is turned inside out', 'Reverse the order of its triangles’ corners.');
    }
    this.#box = boxOf(surface);
    const side = Math.max(...[0, 1, 2].map((k) => (this.#box[3 + k] as number) - (this.#box[k] as number)));
    if (side > LARGEST_MM)
      throw badTarget(`The ablation target is ${side.toFixed(0)} mm long`, 'Give its surface in millimetres.');
    this.surface = mesh({ frame: surface.frame, ...refined(surface, side / FINENESS) });
  }

  distance(p: ArrayLike<number>): number {
    return this.#field.from(p);
  }

  cells(): TargetCells {
    this.#cells ??= this.#divided();
    return this.#cells;
  }

  points(marginMm: number): Float64Array {
    if (!(marginMm >= 0 && marginMm <= 100)) {
      throw new NavError('ablation/bad-option', `A margin of ${marginMm} mm is none. Give one between 0 and 100 mm.`);
    }
    const known = this.#enlarged.get(marginMm);
    if (known !== undefined) return known;
    const outer = thinned(marginMm === 0 ? this.surface.positions : this.#offset(marginMm), OUTER_POINTS);
    const inner = this.#inside();
    const made = new Float64Array(outer.length + inner.length);
    made.set(outer);
    made.set(inner, outer.length);
    this.#enlarged.set(marginMm, made);
    return made;
  }

  /** Cubes over the box, each with its share inside, by its depth: exact to second order in the edge, summed over a surface. */
  #divided(): TargetCells {
    const sizeMm = Math.cbrt(this.volumeMm3 / CELLS);
    const places: number[] = [];
    const volumes: number[] = [];
    const walk = new FieldWalk((p) => this.#field.from(p), sizeMm);
    overBox(this.#box, sizeMm, (p) => {
      const share = insideShare(walk.at(p), sizeMm);
      if (share === 0) return;
      places.push(p[0] as number, p[1] as number, p[2] as number);
      volumes.push(share * sizeMm ** 3);
    });
    return { places: Float64Array.from(places), volumes: Float64Array.from(volumes), sizeMm };
  }

  /** A lattice inside: what finds a hole in a zone that the surface does not. */
  #inside(): Float64Array {
    const sizeMm = Math.cbrt(this.volumeMm3 / INNER_POINTS);
    const kept: number[] = [];
    const walk = new FieldWalk((p) => this.#field.from(p), 0);
    overBox(this.#box, sizeMm, (p) => {
      if (walk.at(p) < 0) kept.push(p[0] as number, p[1] as number, p[2] as number);
    });
    return Float64Array.from(kept);
  }

  /** Vertices of the surface at a distance outside the target's. */
  #offset(marginMm: number): Float64Array {
    const box = this.#box.map((v, k) => (k < 3 ? v - marginMm : v + marginMm));
    const side = Math.max(...[0, 1, 2].map((k) => (box[3 + k] as number) - (box[k] as number)));
    const h = side / ENLARGED_STEPS;
    const size = [0, 1, 2].map((k) => Math.ceil(((box[3 + k] as number) - (box[k] as number)) / h) + 5) as [
      number,
      number,
      number,
    ];
    const m = Float64Array.of(h, 0, 0, 0, 0, h, 0, 0, 0, 0, h, 0, 0, 0, 0, 1);
    for (let k = 0; k < 3; k += 1) m[12 + k] = (box[k] as number) - 2 * h;
    const voxels = new Float32Array(size[0] * size[1] * size[2]);
    const walk = new FieldWalk((p) => this.#field.from(p) - marginMm, 2 * h);
    const p = new Float64Array(3);
    for (let n = 0; n < voxels.length; n += 1) {
      const at = [n % size[0], Math.floor(n / size[0]) % size[1], Math.floor(n / (size[0] * size[1]))];
      for (let k = 0; k < 3; k += 1) p[k] = (m[12 + k] as number) + h * (at[k] as number);
      voxels[n] = walk.at(p);
    }
    return isosurface(volume({ frame: this.frame, voxels, size, frameFromIndex: m }), 0, { inside: 'below' }).positions;
  }
}

/**
 * Distances along a walk of small steps: a field of distances changes by no more than the way walked, so far from its zero most places need
 * no question. What it answers beyond `nearMm` of the zero has the right sign, and is at least so far from it.
 */
export class FieldWalk {
  readonly #field: (p: ArrayLike<number>) => number;
  readonly #nearMm: number;
  readonly #asked = new Float64Array(3).fill(Number.NaN);
  #value = 0;

  constructor(field: (p: ArrayLike<number>) => number, nearMm: number) {
    this.#field = field;
    this.#nearMm = nearMm;
  }

  at(p: ArrayLike<number>): number {
    const x = (p[0] as number) - (this.#asked[0] as number);
    const y = (p[1] as number) - (this.#asked[1] as number);
    const z = (p[2] as number) - (this.#asked[2] as number);
    const left = Math.abs(this.#value) - Math.sqrt(x * x + y * y + z * z);
    if (left > this.#nearMm) return this.#value < 0 ? -left : left;
    this.#value = this.#field(p);
    this.#asked.set([p[0] as number, p[1] as number, p[2] as number]);
    return this.#value;
  }
}

/** The share of a cube on the inner side of a surface that passes its centre at a signed distance. */
export function insideShare(distance: number, sizeMm: number): number {
  return Math.min(1, Math.max(0, 0.5 - distance / sizeMm));
}

/** Visits the centres of the cubes over a box, to and fro, so that each is a neighbour of the one before. */
export function overBox(box: ArrayLike<number>, sizeMm: number, visit: (p: Float64Array) => void): void {
  const count = [0, 1, 2].map((k) => Math.ceil(((box[3 + k] as number) - (box[k] as number)) / sizeMm) + 2);
  const start = [0, 1, 2].map(
    (k) => ((box[k] as number) + (box[3 + k] as number)) / 2 - (sizeMm * ((count[k] as number) - 1)) / 2,
  );
  const [ni, nj, nk] = count as [number, number, number];
  const p = new Float64Array(3);
  for (let k = 0; k < nk; k += 1) {
    for (let jj = 0; jj < nj; jj += 1) {
      const j = k % 2 === 0 ? jj : nj - 1 - jj;
      for (let ii = 0; ii < ni; ii += 1) {
        const i = (k * nj + jj) % 2 === 0 ? ii : ni - 1 - ii;
        p[0] = (start[0] as number) + sizeMm * i;
        p[1] = (start[1] as number) + sizeMm * j;
        p[2] = (start[2] as number) + sizeMm * k;
        visit(p);
      }
    }
  }
}

/** Every so manieth of some points, so that about `count` are left, or up to twice as many. */
export function thinned(points: Float64Array, count: number): Float64Array {
  const step = Math.max(1, Math.floor(points.length / 3 / count));
  const kept: number[] = [];
  for (let n = 0; n < points.length; n += 3 * step)
    kept.push(points[n] as number, points[n + 1] as number, points[n + 2] as number);
  return Float64Array.from(kept);
}

/** The box around a surface: min x, y, z, max x, y, z, mm. */
export function boxOf(surface: Pick<Mesh<string>, 'positions'>): Float64Array {
  const box = Float64Array.of(1, 1, 1, -1, -1, -1).map((v) => v * Number.POSITIVE_INFINITY);
  surface.positions.forEach((v, n) => {
    const k = n % 3;
    box[k] = Math.min(box[k] as number, v);
    box[3 + k] = Math.max(box[3 + k] as number, v);
  });
  return box;
}

/** The volume inside a closed surface, by the divergence theorem, mm³. */
function enclosed({ positions, triangles }: Mesh<string> | Pick<Mesh<string>, 'positions' | 'triangles'>): number {
  let six = 0;
  const at = (t: number, c: number, k: number): number =>
    (positions[3 * (triangles[t + c] as number) + k] as number) - (positions[k] as number);
  for (let t = 0; t < triangles.length; t += 3) {
    const [ax, ay, az] = [at(t, 0, 0), at(t, 0, 1), at(t, 0, 2)];
    const [bx, by, bz] = [at(t, 1, 0), at(t, 1, 1), at(t, 1, 2)];
    const [cx, cy, cz] = [at(t, 2, 0), at(t, 2, 1), at(t, 2, 2)];
    six += ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx);
  }
  return six / 6;
}

/** Every side of every triangle must be a neighbour's, walked the other way. Vertices in one place count as one. */
export function requireClosed({ positions, triangles }: Pick<Mesh<string>, 'positions' | 'triangles'>): void {
  const places = new Map<string, number>();
  const ids = Array.from({ length: positions.length / 3 }, (_, n) => {
    const key = `${positions[3 * n]},${positions[3 * n + 1]},${positions[3 * n + 2]}`;
    const known = places.get(key) ?? places.size;
    places.set(key, known);
    return known;
  });
  const sides = new Map<number, number>();
  for (let t = 0; t < triangles.length; t += 3) {
    for (let e = 0; e < 3; e += 1) {
      const a = ids[triangles[t + e] as number] as number;
      const b = ids[triangles[t + ((e + 1) % 3)] as number] as number;
      if (a === b) continue;
      const key = Math.min(a, b) * places.size + Math.max(a, b);
      sides.set(key, (sides.get(key) ?? 0) + (a < b ? 1 : -1));
    }
  }
  const open = [...sides.values()].filter((n) => n !== 0).length;
  if (open > 0) throw badTarget(`The surface is open: ${open} sides of its triangles have no neighbour`, 'Close it first.');
}

function badTarget(what: string, remedy: string): NavError<'ablation/bad-target'> {
  return new NavError('ablation/bad-target', `${what}. ${remedy}`);
}
