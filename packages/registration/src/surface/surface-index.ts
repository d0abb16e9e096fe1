import { closestOnTriangle, type Mesh, MeshDistance } from '@trocar/core/volume';
import { at } from '../points/rigid-fit.js';
import { NearestGrid } from './nearest-grid.js';
import { meanCurvature, type Topology, topologyOf, vertexNormals } from './topology.js';

/**
 * A surface ready for distance queries: quick ones from the grid for searching, exact ones for the last steps. Answers
 * allocate nothing; the index is never written to after it was made.
 */
export class SurfaceIndex {
  readonly exactly: MeshDistance;
  readonly grid: NearestGrid;
  readonly topology: Topology;
  /** Smoothed unit normals at the welded vertices. */
  readonly vertexNormals: Float64Array;
  /** Mean curvature at the welded vertices, 1/mm. */
  readonly curvature: Float64Array;
  /** Middle of the surface by area, mm. */
  readonly middle: Float64Array;
  /** Places on the surface to begin a search at, each as far as can be from those before it: x, y, z, mm. */
  readonly anchors: Float64Array;
  /** Unit normals at the anchors, as the triangles are wound. */
  readonly anchorNormals: Float64Array;
  /** Per anchor: how far the furthest place of the surface is from it and those before it, mm. */
  readonly anchorRadii: Float64Array;
  /** Per slot: the triangle's middle, and the squared reach around it within which its plane stands for it; 0 for a large one. */
  readonly #middles: Float64Array;
  readonly #close = new Float64Array(4);
  readonly #place = new Float64Array(3);
  readonly #share = new Float64Array(3);

  constructor(mesh: Pick<Mesh<string>, 'positions' | 'triangles'>, voxelMm: number, marginMm: number) {
    this.exactly = new MeshDistance(mesh);
    const numbers = Uint32Array.from({ length: this.exactly.length }, (_, slot) => this.exactly.triangleOf(slot));
    this.topology = topologyOf(mesh, numbers);
    this.vertexNormals = vertexNormals(this.topology, this.exactly.normals);
    this.curvature = meanCurvature(this.topology, this.vertexNormals);
    this.grid = new NearestGrid(this.exactly, voxelMm, marginMm);
    this.middle = middleOf(this.exactly.corners);
    this.#middles = middlesOf(this.exactly.corners, this.grid.voxelMm);
    const spread = anchorsOf(this.exactly, 400);
    this.anchors = spread.anchors;
    this.anchorNormals = spread.normals;
    this.anchorRadii = spread.radii;
  }

  /** Memory held, bytes. */
  get bytes(): number {
    const { corners, positions } = this.topology;
    const own = [corners, positions, this.vertexNormals, this.curvature].reduce((sum, part) => sum + part.byteLength, 0);
    return own + this.#middles.byteLength + this.exactly.bytes + this.grid.bytes;
  }

  /**
   * About where the surface is, from the grid: the direction along which the distance changes into `out[0…2]` (unit), the
   * distance along it into `out[3]`, mm (either sign), for the place (p[o], p[o+1], p[o+2]).
   *
   * The looked-up triangle is the nearest of the VOXEL's centre: within a voxel's size of it its plane stands for the
   * surface around it; further off (coarse cells, beyond an open border) the nearest point of the triangle does.
   */
  near(out: Float64Array, p: Float64Array, o: number): void {
    const x = p[o] as number;
    const y = p[o + 1] as number;
    const z = p[o + 2] as number;
    const entry = this.grid.entryAt(x, y, z);
    const slot = this.grid.slotOf(entry);
    const normals = this.exactly.normals;
    const nx = normals[3 * slot] as number;
    const ny = normals[3 * slot + 1] as number;
    const nz = normals[3 * slot + 2] as number;
    if (entry >= 0) {
      const middles = this.#middles;
      const mx = x - (middles[4 * slot] as number);
      const my = y - (middles[4 * slot + 1] as number);
      const mz = z - (middles[4 * slot + 2] as number);
      const height = nx * mx + ny * my + nz * mz;
      if (mx * mx + my * my + mz * mz - height * height < (middles[4 * slot + 3] as number)) {
        out[0] = nx;
        out[1] = ny;
        out[2] = nz;
        out[3] = height;
        return;
      }
    }
    const close = this.#close;
    closestOnTriangle(close, this.exactly.corners, 9 * slot, x, y, z);
    const vx = x - (close[0] as number);
    const vy = y - (close[1] as number);
    const vz = z - (close[2] as number);
    const across = nx * vx + ny * vy + nz * vz;
    const squared = close[3] as number;
    const aside = squared - across * across;
    const reach = entry >= 0 ? this.grid.voxelMm : this.grid.cellMm;
    if (aside <= reach * reach) {
      out[0] = nx;
      out[1] = ny;
      out[2] = nz;
      out[3] = across;
      return;
    }
    const distance = Math.sqrt(squared);
    out[0] = vx / distance;
    out[1] = vy / distance;
    out[2] = vz / distance;
    out[3] = distance;
  }

  /**
   * Exactly where the surface is: as {@link near}, and the nearest point into `out[4…6]`. The distance is positive; its
   * direction is from the nearest point to the place, the triangle's normal where the place is on the surface.
   * @param hint slot of the last answer, −1 for none
   * @returns the slot of the nearest triangle
   */
  nearExactly(out: Float64Array, p: Float64Array, o: number, hint: number): number {
    const x = p[o] as number;
    const y = p[o + 1] as number;
    const z = p[o + 2] as number;
    const place = this.#place;
    place[0] = x;
    place[1] = y;
    place[2] = z;
    const slot = this.exactly.closest(this.#close, place, hint >= 0 ? hint : this.grid.slotOf(this.grid.entryAt(x, y, z)));
    this.#answer(out, x, y, z, slot);
    return slot;
  }

  #answer(out: Float64Array, x: number, y: number, z: number, slot: number): void {
    const close = this.#close;
    const distance = Math.sqrt(close[3] as number);
    out[4] = close[0] as number;
    out[5] = close[1] as number;
    out[6] = close[2] as number;
    out[3] = distance;
    if (distance > 1e-9) {
      out[0] = (x - (close[0] as number)) / distance;
      out[1] = (y - (close[1] as number)) / distance;
      out[2] = (z - (close[2] as number)) / distance;
    } else {
      for (let k = 0; k < 3; k += 1) out[k] = this.exactly.normals[3 * slot + k] as number;
    }
  }

  /**
   * The smoothed normal at a point (c[o], c[o+1], c[o+2]) of a triangle into `out[0…2]` (unit, on the side of the triangle's
   * own) and the mean curvature there into `out[3]`, 1/mm.
   */
  smoothAt(out: Float64Array, slot: number, c: Float64Array, o: number): void {
    const share = this.#share;
    barycentric(share, this.exactly.corners, 9 * slot, c, o);
    out.fill(0, 0, 4);
    for (let n = 0; n < 3; n += 1) {
      const vertex = this.topology.corners[3 * slot + n] as number;
      const weight = share[n] as number;
      for (let k = 0; k < 3; k += 1) out[k] = (out[k] as number) + weight * (this.vertexNormals[3 * vertex + k] as number);
      out[3] = (out[3] as number) + weight * (this.curvature[vertex] as number);
    }
    const own = this.exactly.normals;
    let length = 0;
    let dot = 0;
    for (let k = 0; k < 3; k += 1) {
      length += (out[k] as number) ** 2;
      dot += (out[k] as number) * (own[3 * slot + k] as number);
    }
    const scale = (dot < 0 ? -1 : 1) / Math.sqrt(length);
    for (let k = 0; k < 3; k += 1) out[k] = length > 1e-12 ? (out[k] as number) * scale : (own[3 * slot + k] as number);
  }
}

/** The weights of a triangle's corners at a point of it, into `out`. */
function barycentric(out: Float64Array, corners: Float64Array, o: number, p: Float64Array, po: number): void {
  let uu = 0;
  let uv = 0;
  let vv = 0;
  let up = 0;
  let vp = 0;
  for (let k = 0; k < 3; k += 1) {
    const a = corners[o + k] as number;
    const u = (corners[o + 3 + k] as number) - a;
    const v = (corners[o + 6 + k] as number) - a;
    const d = (p[po + k] as number) - a;
    uu += u * u;
    uv += u * v;
    vv += v * v;
    up += u * d;
    vp += v * d;
  }
  const det = uu * vv - uv * uv;
  out[1] = (vv * up - uv * vp) / det;
  out[2] = (uu * vp - uv * up) / det;
  out[0] = 1 - (out[1] as number) - (out[2] as number);
}

function middleOf(corners: Float64Array): Float64Array {
  const out = new Float64Array(3);
  let total = 0;
  for (let o = 0; o < corners.length; o += 9) {
    const side = (c: number, k: number): number => at(corners, o + c + k) - at(corners, o + k);
    const area = Math.hypot(
      side(3, 1) * side(6, 2) - side(3, 2) * side(6, 1),
      side(3, 2) * side(6, 0) - side(3, 0) * side(6, 2),
      side(3, 0) * side(6, 1) - side(3, 1) * side(6, 0),
    );
    total += area;
    for (let k = 0; k < 3; k += 1)
      out[k] = at(out, k) + (area * (at(corners, o + k) + at(corners, o + 3 + k) + at(corners, o + 6 + k))) / 3;
  }
  return out.map((x) => x / total);
}

/** Places spread over the surface: the first anywhere, each next where the surface is furthest from all before (Gonzalez 1985). */
function anchorsOf(
  { corners, normals: faces }: MeshDistance,
  most: number,
): Record<'anchors' | 'normals' | 'radii', Float64Array> {
  const triangles = corners.length / 9;
  const step = Math.max(1, Math.floor(triangles / 4000));
  const count = Math.ceil(triangles / step);
  const places = new Float64Array(3 * count);
  for (let n = 0; n < count; n += 1) {
    const o = 9 * n * step;
    for (let k = 0; k < 3; k += 1) places[3 * n + k] = (at(corners, o + k) + at(corners, o + 3 + k) + at(corners, o + 6 + k)) / 3;
  }
  const apart = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const anchors = new Float64Array(3 * Math.min(most, count));
  const normals = new Float64Array(anchors.length);
  const radii = new Float64Array(anchors.length / 3);
  let next = 0;
  for (let a = 0; a < radii.length; a += 1) {
    anchors.set(places.subarray(3 * next, 3 * next + 3), 3 * a);
    normals.set(faces.subarray(3 * next * step, 3 * next * step + 3), 3 * a);
    let furthest = -1;
    const from = next;
    for (let n = 0; n < count; n += 1) {
      const dx = at(places, 3 * n) - at(places, 3 * from);
      const dy = at(places, 3 * n + 1) - at(places, 3 * from + 1);
      const dz = at(places, 3 * n + 2) - at(places, 3 * from + 2);
      const d = dx * dx + dy * dy + dz * dz;
      if (d < at(apart, n)) apart[n] = d;
      if (at(apart, n) > furthest) {
        furthest = at(apart, n);
        next = n;
      }
    }
    radii[a] = Math.sqrt(furthest);
  }
  return { anchors, normals, radii };
}

/** Middles of the triangles, and the squared sum of its circle's radius and a voxel; 0 for triangles of many voxels. */
function middlesOf(corners: Float64Array, voxelMm: number): Float64Array {
  const out = new Float64Array((4 * corners.length) / 9);
  for (let n = 0; 9 * n < corners.length; n += 1) {
    let reach = 0;
    for (let k = 0; k < 3; k += 1)
      out[4 * n + k] = (at(corners, 9 * n + k) + at(corners, 9 * n + 3 + k) + at(corners, 9 * n + 6 + k)) / 3;
    for (let c = 0; c < 9; c += 3) {
      reach = Math.max(reach, Math.hypot(...[0, 1, 2].map((k) => at(corners, 9 * n + c + k) - at(out, 4 * n + k))));
    }
    out[4 * n + 3] = reach < 2 * voxelMm ? (reach + voxelMm) ** 2 : 0;
  }
  return out;
}
