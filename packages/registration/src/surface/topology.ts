import type { Mesh } from '@trocar/core/volume';
import { at } from '../points/rigid-fit.js';

/** What a triangle soup's neighbourhoods tell. */
export interface Topology {
  /** Which welded vertex each corner is: files that store triangles one by one (STL) repeat their vertices. */
  readonly corners: Uint32Array;
  /** x, y, z of the welded vertices, mm. */
  readonly positions: Float64Array;
  /** Edges with one triangle: 0 for a closed surface. */
  readonly openEdges: number;
  /** Edges whose two triangles run along it in the SAME direction: neighbours that disagree about which side is out. */
  readonly turnedEdges: number;
  /** Edges with more than two triangles. */
  readonly crowdedEdges: number;
  readonly edges: number;
}

/** Vertices nearer than this share of the surface's size are one. */
const WELD = 1e-7;

/**
 * Welds equal vertices and counts how the triangles meet.
 * @param use numbers of the triangles that count
 */
export function topologyOf(surface: Pick<Mesh<string>, 'positions' | 'triangles'>, use: ArrayLike<number>): Topology {
  const { number, positions } = welded(surface.positions);
  const corners = new Uint32Array(3 * use.length);
  for (let t = 0; t < use.length; t += 1) {
    for (let c = 0; c < 3; c += 1) corners[3 * t + c] = at(number, at(surface.triangles, 3 * at(use, t) + c));
  }
  return { corners, positions, ...edgesOf(corners, positions.length / 3) };
}

function welded(p: Float64Array): { readonly number: Uint32Array; readonly positions: Float64Array } {
  const count = p.length / 3;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const x of p) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  const grain = Math.max((high - low) * WELD, Number.MIN_VALUE);
  let size = 1;
  while (size < 2 * count) size *= 2;
  const table = new Int32Array(size).fill(-1);
  const number = new Uint32Array(count);
  const kept: number[] = [];
  for (let v = 0; v < count; v += 1) {
    const [x, y, z] = [0, 1, 2].map((k) => Math.round((at(p, 3 * v + k) - low) / grain)) as [number, number, number];
    let slot = (Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(z, 83492791)) & (size - 1);
    for (;;) {
      const other = at(table, slot);
      if (other < 0) {
        table[slot] = kept.length;
        number[v] = kept.length;
        kept.push(v);
        break;
      }
      const o = 3 * (kept[other] as number);
      if ([x, y, z].every((value, k) => Math.round((at(p, o + k) - low) / grain) === value)) {
        number[v] = other;
        break;
      }
      slot = (slot + 1) & (size - 1);
    }
  }
  const positions = new Float64Array(3 * kept.length);
  kept.forEach((v, n) => {
    positions.set(p.subarray(3 * v, 3 * v + 3), 3 * n);
  });
  return { number, positions };
}

/** Each undirected edge as a number, its direction in the last bit: sorted, equal edges stand side by side. */
function edgesOf(corners: Uint32Array, vertices: number): Omit<Topology, 'corners' | 'positions'> {
  const keys = new Float64Array(corners.length);
  for (let t = 0; t < corners.length; t += 3) {
    for (let e = 0; e < 3; e += 1) {
      const a = at(corners, t + e);
      const b = at(corners, t + ((e + 1) % 3));
      keys[t + e] = 2 * (Math.min(a, b) * vertices + Math.max(a, b)) + (a < b ? 1 : 0);
    }
  }
  keys.sort();
  const counts = { openEdges: 0, turnedEdges: 0, crowdedEdges: 0, edges: 0 };
  for (let n = 0; n < keys.length; ) {
    const edge = Math.floor(at(keys, n) / 2);
    let end = n;
    while (end < keys.length && Math.floor(at(keys, end) / 2) === edge) end += 1;
    counts.edges += 1;
    if (end - n === 1) counts.openEdges += 1;
    else if (end - n > 2) counts.crowdedEdges += 1;
    else if (at(keys, n) === at(keys, n + 1)) counts.turnedEdges += 1;
    n = end;
  }
  return counts;
}

/**
 * Unit normals at the welded vertices: the mean of the adjoining triangles' weighted by their angles (Thürmer & Wüthrich
 * 1998, J. Graphics Tools 3:43), then averaged twice with the neighbours', so that they follow the surface and not its
 * facets. Triangles turned against the first one at a vertex are turned back.
 * @param faceNormals unit normals of the triangles, in the corners' order
 */
export function vertexNormals(topology: Topology, faceNormals: ArrayLike<number>): Float64Array {
  const { corners, positions } = topology;
  let normals: Float64Array = new Float64Array(positions.length);
  for (let t = 0; t < corners.length; t += 3) {
    for (let c = 0; c < 3; c += 1) {
      addAligned(normals, at(corners, t + c), faceNormals, t / 3, angleAt(topology, t, c));
    }
  }
  normalise(normals);
  for (let pass = 0; pass < 2; pass += 1) {
    const next = normals.slice();
    for (let t = 0; t < corners.length; t += 3) {
      for (let c = 0; c < 3; c += 1) {
        const v = at(corners, t + c);
        addAligned(next, v, normals, at(corners, t + ((c + 1) % 3)), 0.25);
        addAligned(next, v, normals, at(corners, t + ((c + 2) % 3)), 0.25);
      }
    }
    normalise(next);
    normals = next;
  }
  return normals;
}

/** out[v] += ± w · from[n], with the sign that agrees with what is there. */
function addAligned(out: Float64Array, v: number, from: ArrayLike<number>, n: number, w: number): void {
  const dot =
    at(out, 3 * v) * at(from, 3 * n) + at(out, 3 * v + 1) * at(from, 3 * n + 1) + at(out, 3 * v + 2) * at(from, 3 * n + 2);
  const signed = dot < 0 ? -w : w;
  for (let k = 0; k < 3; k += 1) out[3 * v + k] = at(out, 3 * v + k) + signed * at(from, 3 * n + k);
}

function normalise(vectors: Float64Array): void {
  for (let v = 0; v < vectors.length; v += 3) {
    const length = Math.hypot(at(vectors, v), at(vectors, v + 1), at(vectors, v + 2));
    if (!(length > 0)) continue;
    for (let k = 0; k < 3; k += 1) vectors[v + k] = at(vectors, v + k) / length;
  }
}

function angleAt({ corners, positions }: Topology, t: number, c: number): number {
  const o = 3 * at(corners, t + c);
  const a = 3 * at(corners, t + ((c + 1) % 3));
  const b = 3 * at(corners, t + ((c + 2) % 3));
  let uu = 0;
  let vv = 0;
  let uv = 0;
  for (let k = 0; k < 3; k += 1) {
    const u = at(positions, a + k) - at(positions, o + k);
    const v = at(positions, b + k) - at(positions, o + k);
    uu += u * u;
    vv += v * v;
    uv += u * v;
  }
  const scale = Math.sqrt(uu * vv);
  return scale > 0 ? Math.acos(Math.max(-1, Math.min(1, uv / scale))) : 0;
}

/**
 * Mean curvature at the welded vertices, 1/mm, positive where the surface bulges along its normal: the mean over a
 * vertex's edges of the curvature along each, (nⱼ − nᵢ) · (pⱼ − pᵢ) / |pⱼ − pᵢ|² (Euler's theorem).
 */
export function meanCurvature({ corners, positions }: Topology, normals: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(positions.length / 3);
  const counts = new Float64Array(sums.length);
  for (let t = 0; t < corners.length; t += 3) {
    for (let e = 0; e < 3; e += 1) {
      const i = at(corners, t + e);
      const j = at(corners, t + ((e + 1) % 3));
      let along = 0;
      let length = 0;
      for (let k = 0; k < 3; k += 1) {
        const d = at(positions, 3 * j + k) - at(positions, 3 * i + k);
        along += d * (at(normals, 3 * j + k) - at(normals, 3 * i + k));
        length += d * d;
      }
      for (const v of [i, j]) {
        sums[v] = at(sums, v) + (length > 0 ? along / length : 0);
        counts[v] = at(counts, v) + 1;
      }
    }
  }
  return sums.map((s, v) => (at(counts, v) > 0 ? s / at(counts, v) : 0));
}
