import { type Ellipsoid, ellipsoidOf, tipPose, type ZoneShape } from './placed.js';
import { type AblationTarget, boxOf, overBox, thinned } from './target.js';

/** A way in: the shaft lies on the line from entry to deepest. */
export interface Way {
  /** x, y, z of the entry and of the deepest place the tip may reach, mm. */
  readonly entry: readonly number[];
  readonly deepest: readonly number[];
}

/** A probe on a way with its tip so far from the entry. */
export interface Candidate {
  readonly way: number;
  readonly setting: number;
  /** From the entry to the tip, mm. */
  readonly depthMm: number;
}

/** A candidate with the points and cells that it reaches, one bit each. */
export interface Reach {
  readonly candidate: Candidate;
  /** Points of the enlarged target that it covers. */
  readonly covered: Uint32Array;
  /** Those that it covers, or would after half a step along its way, one way or the other. */
  readonly reachable: Uint32Array;
  /** Cells of the neighbourhood that it destroys. */
  readonly cells: Uint32Array;
}

/** Step of the tip along a way, mm. */
export const STEP_MM = 2;
/** About so many points of the enlarged target are asked for. */
const POINTS = 1500;
/** About so many cells the neighbourhood is divided into. */
const CELLS = 8000;

/** What a search asks of its target. */
type SearchTarget = Pick<AblationTarget<string>, 'points' | 'distance'> & { readonly surface: Parameters<typeof boxOf>[0] };

/** What a search for probes is about. */
export class SearchSpace {
  /** Points that must be covered: x, y, z, mm. */
  readonly points: Float64Array;
  readonly ways: readonly Way[];
  readonly shapes: readonly ZoneShape[];
  /** Volume of a cell, mm³. */
  readonly cellMm3: number;
  /** Bits of the cells that lie in the target. */
  readonly inTarget: Uint32Array;
  readonly #cells: Float64Array;

  constructor(target: SearchTarget, given: Pick<SearchSpace, 'ways' | 'shapes'> & { readonly marginMm: number }) {
    this.ways = given.ways;
    this.shapes = given.shapes;
    this.points = thinned(target.points(given.marginMm), POINTS);
    const widest = Math.max(...given.shapes.flatMap((shape) => shape.radiiMm));
    const box = boxOf(target.surface).map((v, k) => v + (k < 3 ? -1 : 1) * (given.marginMm + widest));
    const volume = [0, 1, 2].reduce((v, k) => v * ((box[3 + k] as number) - (box[k] as number)), 1);
    const sizeMm = Math.cbrt(volume / CELLS);
    const cells: number[] = [];
    overBox(box, sizeMm, (p) => cells.push(p[0] as number, p[1] as number, p[2] as number));
    this.#cells = Float64Array.from(cells);
    this.cellMm3 = sizeMm ** 3;
    this.inTarget = bitsOf(this.#cells, (p) => target.distance(p) < 0);
  }

  /** Every step of a setting on a way at which it covers something. */
  reaches(way: number, setting: number): Reach[] {
    const { entry, deepest } = this.ways[way] as Way;
    const length = Math.hypot(...[0, 1, 2].map((k) => (deepest[k] as number) - (entry[k] as number)));
    const out: Reach[] = [];
    const count = Math.max(1, Math.ceil(length / STEP_MM));
    for (let n = 1; n <= count; n += 1) {
      const candidate = { way, setting, depthMm: (length * n) / count };
      const ellipsoid = this.ellipsoid(candidate);
      const covered = this.#within(this.points, ellipsoid, 0);
      if (!covered.some((word) => word !== 0)) continue;
      const reachable = this.#within(this.points, ellipsoid, length / count / 2);
      out.push({ candidate, covered, reachable, cells: this.#within(this.#cells, ellipsoid, 0) });
    }
    return out;
  }

  /** The pose of a candidate's tip, 16 doubles, column-major. */
  pose({ way, depthMm }: Candidate): Float64Array {
    const { entry, deepest } = this.ways[way] as Way;
    const length = Math.hypot(...[0, 1, 2].map((k) => (deepest[k] as number) - (entry[k] as number)));
    return tipPose(
      entry,
      [0, 1, 2].map((k) => (entry[k] as number) + (((deepest[k] as number) - (entry[k] as number)) * depthMm) / length),
    );
  }

  /** The ellipsoid of a candidate. */
  ellipsoid(candidate: Candidate): Ellipsoid {
    return ellipsoidOf({ shape: this.shapes[candidate.setting] as ZoneShape, matrix: this.pose(candidate) });
  }

  /**
   * The places that lie in an ellipsoid, one bit each.
   * @param slackMm how far the ellipsoid may be shifted along its shaft, to and fro
   */
  #within(places: Float64Array, { inverse: m, radii }: Ellipsoid, slackMm: number): Uint32Array {
    const bits = new Uint32Array(Math.ceil(places.length / 96));
    const [a, b, c] = [radii[0], radii[1], radii[2]].map((r) => 1 / (r as number)) as [number, number, number];
    const [m0, m4, m8, m12] = [m[0], m[4], m[8], m[12]].map((v) => a * (v as number)) as [number, number, number, number];
    const [m1, m5, m9, m13] = [m[1], m[5], m[9], m[13]].map((v) => b * (v as number)) as [number, number, number, number];
    const [m2, m6, m10, m14] = [m[2], m[6], m[10], m[14]].map((v) => c * (v as number)) as [number, number, number, number];
    const slack = c * slackMm;
    for (let n = 0, o = 0; o < places.length; n += 1, o += 3) {
      const x = places[o] as number;
      const y = places[o + 1] as number;
      const z = places[o + 2] as number;
      const u = m0 * x + m4 * y + m8 * z + m12;
      const v = m1 * x + m5 * y + m9 * z + m13;
      const w = Math.max(0, Math.abs(m2 * x + m6 * y + m10 * z + m14) - slack);
      if (u * u + v * v + w * w <= 1) bits[n >> 5] = (bits[n >> 5] as number) | (1 << (n & 31));
    }
    return bits;
  }
}

function bitsOf(places: Float64Array, holds: (p: Float64Array) => boolean): Uint32Array {
  const bits = new Uint32Array(Math.ceil(places.length / 96));
  for (let n = 0; n < places.length / 3; n += 1) {
    if (holds(places.subarray(3 * n, 3 * n + 3))) bits[n >> 5] = (bits[n >> 5] as number) | (1 << (n & 31));
  }
  return bits;
}

/** How many bits are set in either of two, and not in a third. */
export function countBits(a: Uint32Array, b: Uint32Array, except?: Uint32Array): number {
  let sum = 0;
  for (let n = 0; n < a.length; n += 1) {
    let v = ((a[n] as number) | (b[n] as number)) & ~(except === undefined ? 0 : (except[n] as number));
    // Adds neighbouring bits, pairs, nibbles, bytes.
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    sum += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return sum;
}
