import vtkImageMarchingCubes from '@kitware/vtk.js/Filters/General/ImageMarchingCubes.js';
import { NavError } from '../base/index.js';
import { determinant3, invert4, transformPoint, vec3 } from '../math/index.js';
import type { AnyVolume } from '../volume/index.js';
import { type Decimation, decimate, requireDecimation } from './decimate.js';
import type { Isosurface } from './surface-mesh.js';
import { windowedSinc } from './windowed-sinc.js';

/** How fine a surface is made. */
export interface IsosurfaceOptions {
  /** Averages blocks of so many voxels along each axis first. Default: 1, or what `maxTriangles` asks for. */
  readonly stride?: number;
  /** Coarsens by whole strides until about so many triangles remain. Default 400,000. */
  readonly maxTriangles?: number;
  /** Passes of a 1-2-1 filter along each axis first: takes the stairs off a noisy image. Default 0. */
  readonly smooth?: number;
  /**
   * Iterations of a windowed sinc filter over the finished mesh (Taubin, Zhang & Golub 1996): takes the stairs off and keeps the
   * volume. Default 0; for labels 20.
   */
  readonly windowedSinc?: number;
  /**
   * Thins the finished mesh out, as {@link decimate}; the grid is not coarsened first then, unless `maxTriangles` or `stride` says so. Away
   * from `makeSurface`, await `decimationReady()` before. Default: not at all.
   */
  readonly decimation?: Decimation;
}

/** What a surface goes around: all that is brighter than a rescaled value, or one segment of a label map. */
export type SurfaceOf = { readonly level: number } | { readonly label: number };

/** Told how much is done, 0 … 1. */
export type Progress = (fraction: number) => void;

/** Values on a grid that is coarser than the volume by `stride`. */
interface Coarse {
  readonly values: Float32Array;
  readonly size: readonly [number, number, number];
  readonly stride: number;
}

/**
 * The surface on which a volume has a value, by marching cubes (Lorensen & Cline 1987) as vtk.js does it.
 *
 * It is made on the grid and carried to the frame by `frameFromIndex`, so mirrored and sheared volumes come out right:
 * normals are gradients and transform by the inverse transpose, and the triangles of a mirrored volume are turned
 * round. Where the bright side leaves the image the surface is open.
 * @param level rescaled value, such as −300 HU for skin
 * @throws NavError `vtk/failed` where a number is not usable, or decimation is not ready
 */
export function isosurface(v: AnyVolume, level: number, options: IsosurfaceOptions = {}): Isosurface {
  return surfaceOf(v, { level }, options);
}

/**
 * The surface around the voxels of one value of a label map, smoothed: it goes half-way between them and their neighbours.
 * Where the segment reaches the image's border the surface is open.
 * @param label the stored value of the segment's voxels
 * @throws NavError `vtk/failed` where a number is not usable, or decimation is not ready
 */
export function labelSurface(v: AnyVolume, label: number, options: IsosurfaceOptions = {}): Isosurface {
  return surfaceOf(v, { label }, options);
}

/**
 * {@link isosurface} or {@link labelSurface}, telling how far it is.
 * @throws NavError `vtk/failed` where a number is not usable, or decimation is not ready
 */
export function surfaceOf(v: AnyVolume, what: SurfaceOf, options: IsosurfaceOptions, progress?: Progress): Isosurface {
  requireUsable(what, options);
  const { decimation, smooth = 0, stride: given } = options;
  const { maxTriangles = decimation === undefined ? 400_000 : Number.POSITIVE_INFINITY } = options;
  // How much of the time is gone when the mesh is there.
  const most = decimation === undefined ? 1 : 0.4;
  const told = (fraction: number): void => progress?.(most * fraction);
  const value = 'level' in what ? rescaled(v) : (x: number): number => (x === what.label ? 1 : 0);
  const level = 'level' in what ? what.level : 0.5;
  let stride = given ?? 1;
  let coarse = averaged(v, stride, value);
  while (given === undefined && 2 * crossedCells(coarse, level) > maxTriangles && Math.min(...coarse.size) > 8) {
    stride += 1;
    coarse = averaged(v, stride, value);
  }
  told(0.1);
  for (let pass = 0; pass < smooth; pass += 1) smoothInPlace(coarse);
  const marched = march(coarse, level, (part) => told(0.1 + 0.6 * part));
  const surface = toFrame(v, coarse, marched);
  const iterations = options.windowedSinc ?? ('label' in what ? 20 : 0);
  const smoothed = iterations > 0 && surface.indices.length > 0 ? windowedSinc(surface, iterations) : surface;
  return decimation === undefined ? smoothed : decimate(smoothed, decimation, (part) => progress?.(most + (1 - most) * part));
}

function requireUsable(what: SurfaceOf, options: IsosurfaceOptions): void {
  const { stride = 1, maxTriangles = 1, smooth = 0, windowedSinc: sinc = 0, decimation } = options;
  if (decimation !== undefined) requireDecimation(decimation);
  const wanted = 'level' in what ? what.level : what.label;
  const passes = [smooth, sinc].every((n) => Number.isInteger(n) && n >= 0);
  if (Number.isFinite(wanted) && maxTriangles > 0 && Number.isInteger(stride) && stride > 0 && passes) return;
  throw new NavError(
    'vtk/failed',
    `A surface needs a finite level or label, whole passes from 0 and positive limits, got ${wanted}, stride ${stride}, at most ` +
      `${maxTriangles} triangles, ${smooth} and ${sinc} passes.`,
  );
}

function rescaled({ rescale: { slope, intercept } }: AnyVolume): (x: number) => number {
  return (x) => slope * x + intercept;
}

/** Blocks of stride³ values, averaged; a rest that fills no block is left out. */
function averaged(v: AnyVolume, stride: number, value: (stored: number) => number): Coarse {
  const size = v.size.map((n) => Math.max(1, Math.floor(n / stride))) as [number, number, number];
  const [ni, nj, nk] = size;
  const values = new Float32Array(ni * nj * nk);
  const span = (axis: 0 | 1 | 2): number => Math.min(stride, v.size[axis]);
  const [bi, bj, bk] = [span(0), span(1), span(2)];
  const count = bi * bj * bk;
  const row = v.size[0];
  const slab = v.size[0] * v.size[1];
  let n = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        let sum = 0;
        for (let c = 0; c < bk; c += 1) {
          for (let b = 0; b < bj; b += 1) {
            const o = (k * stride + c) * slab + (j * stride + b) * row + i * stride;
            for (let a = 0; a < bi; a += 1) sum += value(v.voxels[o + a] as number);
          }
        }
        values[n++] = sum / count;
      }
    }
  }
  return { values, size, stride };
}

/** How many cells the level passes through. */
function crossedCells({ values, size }: Coarse, level: number): number {
  let count = 0;
  forCrossedCells(values, size, level, () => {
    count += 1;
  });
  return count;
}

function forCrossedCells(
  s: Float32Array,
  [ni, nj, nk]: readonly [number, number, number],
  level: number,
  visit: (i: number, j: number, k: number) => void,
): void {
  const slab = ni * nj;
  const inside = (o: number): number => ((s[o] as number) >= level ? 1 : 0);
  for (let k = 0; k < nk - 1; k += 1) {
    for (let j = 0; j < nj - 1; j += 1) {
      let o = k * slab + j * ni;
      // The four corners shared with the cell before are counted once.
      let before = inside(o) + inside(o + ni) + inside(o + slab) + inside(o + slab + ni);
      for (let i = 0; i < ni - 1; i += 1) {
        o += 1;
        const after = inside(o) + inside(o + ni) + inside(o + slab) + inside(o + slab + ni);
        const corners = before + after;
        if (corners > 0 && corners < 8) visit(i, j, k);
        before = after;
      }
    }
  }
}

/** One 1-2-1 pass along each axis; the border keeps its neighbour's value beyond itself. */
function smoothInPlace({ values, size }: Coarse): void {
  const steps = [1, size[0], size[0] * size[1]] as const;
  const line = new Float32Array(Math.max(...size));
  for (const axis of [0, 1, 2] as const) {
    const step = steps[axis];
    const length = size[axis];
    for (let o = 0; o < values.length; o += 1) {
      if (Math.floor(o / step) % length !== 0) continue;
      for (let n = 0; n < length; n += 1) line[n] = values[o + n * step] as number;
      for (let n = 0; n < length; n += 1) {
        const low = line[Math.max(0, n - 1)] as number;
        const high = line[Math.min(length - 1, n + 1)] as number;
        values[o + n * step] = (low + 2 * (line[n] as number) + high) / 4;
      }
    }
  }
}

/** Points and normals in coarse indices, triangles as vtk.js lists them. */
interface Marched {
  readonly points: number[];
  readonly triangles: number[];
  readonly normals: number[];
}

/**
 * Runs vtk.js's filter over the cells that the level crosses. Its own loop visits every cell with fresh arrays, and
 * writes its timing to the console.
 */
function march({ values, size }: Coarse, level: number, progress: Progress): Marched {
  const filter = vtkImageMarchingCubes.newInstance({ contourValue: level, computeNormals: true, mergePoints: true });
  const out: Marched = { points: [], triangles: [], normals: [] };
  const extent = [0, size[0] - 1, 0, size[1] - 1, 0, size[2] - 1];
  const origin = [0, 0, 0];
  const spacing = [1, 1, 1];
  const slab = size[0] * size[1];
  let slice = -1;
  forCrossedCells(values, size, level, (i, j, k) => {
    if (k !== slice) progress(k / size[2]);
    slice = k;
    filter.produceTriangles(level, i, j, k, extent, slab, size, origin, spacing, values, out.points, out.triangles, out.normals);
  });
  filter.delete();
  return out;
}

function toFrame(v: AnyVolume, coarse: Coarse, { points, triangles, normals }: Marched): Isosurface {
  const m = v.frameFromIndex;
  const back = new Float64Array(16);
  invert4(back, m);
  const count = points.length / 3;
  const positions = new Float32Array(3 * count);
  const out = new Float32Array(3 * count);
  const p = vec3(0, 0, 0);
  // The middle of the first block lies between its first and its last voxel.
  const shift = v.size.map((n) => (Math.min(coarse.stride, n) - 1) / 2) as [number, number, number];
  for (let n = 0; n < points.length; n += 3) {
    for (let k = 0; k < 3; k += 1) p[k] = (points[n + k] as number) * coarse.stride + (shift[k] as number);
    transformPoint(p, m, p);
    positions.set(p, n);
    const [x, y, z] = [normals[n] as number, normals[n + 1] as number, normals[n + 2] as number];
    // n_frame = M⁻ᵀ n_index: rows of M⁻¹ summed by the normal's parts.
    for (let k = 0; k < 3; k += 1) {
      p[k] = (back[4 * k] as number) * x + (back[4 * k + 1] as number) * y + (back[4 * k + 2] as number) * z;
    }
    const length = Math.hypot(p[0] as number, p[1] as number, p[2] as number) || 1;
    for (let k = 0; k < 3; k += 1) out[n + k] = (p[k] as number) / length;
  }
  return { positions, normals: out, indices: turned(triangles, determinant3(m) < 0), errorMm: 0 };
}

/** vtk.js's `3, a, b, c` lists as plain indices, outside anticlockwise. */
function turned(triangles: readonly number[], mirrored: boolean): Uint32Array {
  const indices = new Uint32Array((triangles.length / 4) * 3);
  for (let t = 0, n = 0; t < triangles.length; t += 4, n += 3) {
    indices[n] = triangles[t + 1] as number;
    indices[n + 1] = triangles[t + (mirrored ? 3 : 2)] as number;
    indices[n + 2] = triangles[t + (mirrored ? 2 : 3)] as number;
  }
  return indices;
}
