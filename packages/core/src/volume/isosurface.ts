import { NavError } from '../base/index.js';
import { determinant3 } from '../math/index.js';
import { type Mesh, mesh } from './mesh.js';
import { type AnyVolume, requireNoShear, type Volume } from './volume.js';

/** What {@link isosurface} may be told beside the level. */
export interface IsosurfaceOptions {
  /** Which side of the level is the body: `above` (default; skin in CT and MR) or `below` (air in the lungs). */
  readonly inside?: 'above' | 'below';
  /**
   * Only what can be touched from outside: hollows that are not connected with the volume's border (sinuses, ventricles)
   * count as body, and so have no surface. Default false.
   */
  readonly outerOnly?: boolean;
  /** Only the largest connected piece: drops speckle and the table. Default false. */
  readonly largestOnly?: boolean;
}

/** The volume as the mesher sees it: g ≥ 0 in the body, i fastest. */
interface Field {
  readonly g: Float32Array;
  readonly ni: number;
  readonly nj: number;
  readonly nk: number;
}

/**
 * The surface where a volume's value (rescaled: HU in CT) crosses `level`, in the volume's frame, mm, outward oriented.
 *
 * A dual mesh (surface nets: Gibson 1998, MICCAI, 888): one vertex in each cell of eight voxels that the surface crosses,
 * begun at the mean of the crossings on its edges and then moved along the gradient onto the trilinear surface itself, so
 * vertices are exact to the interpolation and not, as in plain surface nets, inside every bulge. Spacing, oblique and
 * mirrored grids are honoured. Where the volume cuts the body the surface is open: no lid is invented.
 *
 * @param level in the volume's units, strictly between its least and its greatest value
 * @throws NavError `mesh/empty` where nothing crosses the level, `volume/sheared` for a gantry tilt (resample first),
 * `math/not-finite` for a level that is none
 */
export function isosurface<F extends string>(source: Volume<F>, level: number, options: IsosurfaceOptions = {}): Mesh<F> {
  if (!Number.isFinite(level)) throw new NavError('math/not-finite', `The level of a surface must be a number, not ${level}.`);
  requireNoShear(source, 'Making a surface');
  const field = fieldOf(source, level, options.inside ?? 'above');
  if (options.outerOnly === true) fillHollows(field);
  const net = vertices(field);
  const faces = triangles(field, net.cells, determinant3(source.frameFromIndex) < 0);
  if (faces.length === 0) throw nothing(source, level);
  const positions = placed(net.places, source.frameFromIndex);
  const kept = options.largestOnly === true ? largest(positions, faces) : compact(positions, faces, undefined);
  return mesh({ frame: source.frame, positions: kept.positions, triangles: kept.triangles });
}

function nothing(source: AnyVolume, level: number): NavError<'mesh/empty'> {
  return new NavError(
    'mesh/empty',
    `Nothing in the volume crosses the level ${level}${source.rescale.unit === undefined ? '' : ` ${source.rescale.unit}`}, so there ` +
      'is no surface. Choose a level between the body and what surrounds it.',
    { detail: { level } },
  );
}

/** Distance in value from the level, positive in the body. A value that is no number counts as outside. */
function fieldOf(source: AnyVolume, level: number, inside: 'above' | 'below'): Field {
  const { voxels, size, rescale } = source;
  const sign = inside === 'above' ? 1 : -1;
  const g = new Float32Array(voxels.length);
  for (let n = 0; n < g.length; n += 1) {
    const value = sign * (rescale.slope * (voxels[n] as number) + rescale.intercept - level);
    g[n] = Number.isNaN(value) ? -1 : value;
  }
  return { g, ni: size[0], nj: size[1], nk: size[2] };
}

/** Turns every voxel outside the body that the border is not connected with (by faces) into body. */
function fillHollows({ g, ni, nj, nk }: Field): void {
  const outside = new Uint8Array(g.length);
  const stack = new Int32Array(g.length);
  let top = 0;
  const visit = (n: number): void => {
    if (outside[n] === 0 && (g[n] as number) < 0) {
      outside[n] = 1;
      stack[top] = n;
      top += 1;
    }
  };
  for (let n = 0; n < g.length; n += 1) {
    const i = n % ni;
    const j = Math.floor(n / ni) % nj;
    const k = Math.floor(n / (ni * nj));
    if (i === 0 || j === 0 || k === 0 || i === ni - 1 || j === nj - 1 || k === nk - 1) visit(n);
  }
  while (top > 0) {
    top -= 1;
    const n = stack[top] as number;
    const i = n % ni;
    const j = Math.floor(n / ni) % nj;
    if (i > 0) visit(n - 1);
    if (i < ni - 1) visit(n + 1);
    if (j > 0) visit(n - ni);
    if (j < nj - 1) visit(n + ni);
    if (n >= ni * nj) visit(n - ni * nj);
    if (n < g.length - ni * nj) visit(n + ni * nj);
  }
  for (let n = 0; n < g.length; n += 1) if (outside[n] === 0 && (g[n] as number) < 0) g[n] = -(g[n] as number);
}

/** One vertex for each crossed cell: `cells` holds its number + 1 at the cell's first voxel, `places` its index coordinates. */
function vertices(field: Field): { readonly cells: Int32Array; readonly places: number[] } {
  const { g, ni, nj, nk } = field;
  const cells = new Int32Array(g.length);
  const places: number[] = [];
  const corner = new Float64Array(8);
  const at = new Float64Array(3);
  for (let k = 0; k + 1 < nk; k += 1) {
    for (let j = 0; j + 1 < nj; j += 1) {
      for (let i = 0; i + 1 < ni; i += 1) {
        const n = (k * nj + j) * ni + i;
        let inside = 0;
        for (let c = 0; c < 8; c += 1) {
          const value = g[n + (c & 1) + ((c >> 1) & 1) * ni + (c >> 2) * ni * nj] as number;
          corner[c] = value;
          if (value >= 0) inside += 1;
        }
        if (inside === 0 || inside === 8) continue;
        vertexIn(at, corner);
        places.push(i + (at[0] as number), j + (at[1] as number), k + (at[2] as number));
        cells[n] = places.length / 3;
      }
    }
  }
  return { cells, places };
}

/** The twelve edges of a cell, as pairs of corners; bit 0, 1, 2 of a corner is its i, j, k. */
const EDGES = Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 3, 4, 6, 5, 7, 0, 4, 1, 5, 2, 6, 3, 7);

/** The vertex of a cell, 0 … 1 along each of its axes, into `out`. */
function vertexIn(out: Float64Array, corner: Float64Array): void {
  out.fill(0);
  let crossings = 0;
  for (let e = 0; e < 24; e += 2) {
    const a = EDGES[e] as number;
    const b = EDGES[e + 1] as number;
    const va = corner[a] as number;
    const vb = corner[b] as number;
    if (va >= 0 === vb >= 0) continue;
    const f = va / (va - vb);
    for (let axis = 0; axis < 3; axis += 1) {
      const from = (a >> axis) & 1;
      out[axis] = (out[axis] as number) + from + f * (((b >> axis) & 1) - from);
    }
    crossings += 1;
  }
  for (let axis = 0; axis < 3; axis += 1) out[axis] = (out[axis] as number) / crossings;
  for (let iteration = 0; iteration < 3; iteration += 1) project(out, corner);
}

/** One Newton step along the gradient of the cell's trilinear function towards its zero; never out of the cell. */
function project(p: Float64Array, corner: Float64Array): void {
  const [x, y, z] = [p[0] as number, p[1] as number, p[2] as number];
  let value = 0;
  let gx = 0;
  let gy = 0;
  let gz = 0;
  for (let c = 0; c < 8; c += 1) {
    const wx = c & 1 ? x : 1 - x;
    const wy = c & 2 ? y : 1 - y;
    const wz = c & 4 ? z : 1 - z;
    const v = corner[c] as number;
    value += wx * wy * wz * v;
    gx += (c & 1 ? v : -v) * wy * wz;
    gy += (c & 2 ? v : -v) * wx * wz;
    gz += (c & 4 ? v : -v) * wx * wy;
  }
  const slope = gx * gx + gy * gy + gz * gz;
  if (!(slope > 0)) return;
  const step = value / slope;
  p[0] = Math.min(1, Math.max(0, x - step * gx));
  p[1] = Math.min(1, Math.max(0, y - step * gy));
  p[2] = Math.min(1, Math.max(0, z - step * gz));
}

/** Two triangles for each crossed edge of the grid that has four cells around it. */
function triangles({ g, ni, nj, nk }: Field, cells: Int32Array, mirrored: boolean): number[] {
  const out: number[] = [];
  const strides = [1, ni, ni * nj] as const;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) {
        const n = (k * nj + j) * ni + i;
        const here = (g[n] as number) >= 0;
        for (let axis = 0; axis < 3; axis += 1) {
          const room =
            axis === 0 ? i + 1 < ni && j > 0 && k > 0 : axis === 1 ? j + 1 < nj && i > 0 && k > 0 : k + 1 < nk && i > 0 && j > 0;
          if (!room || (g[n + (strides[axis] as number)] as number) >= 0 === here) continue;
          const u = strides[(axis + 1) % 3] as number;
          const v = strides[(axis + 2) % 3] as number;
          quad(out, cells, [n, n - u, n - u - v, n - v], here !== mirrored);
        }
      }
    }
  }
  return out;
}

/** The four cells around an edge, in turn about it: counter-clockwise seen from where the edge leads to. */
function quad(out: number[], cells: Int32Array, around: readonly [number, number, number, number], forwards: boolean): void {
  const a = (cells[around[0]] as number) - 1;
  const b = (cells[around[1]] as number) - 1;
  const c = (cells[around[2]] as number) - 1;
  const d = (cells[around[3]] as number) - 1;
  // A cell at the volume's far border has no vertex: the surface is open there.
  if (a < 0 || b < 0 || c < 0 || d < 0) return;
  if (forwards) out.push(a, b, c, a, c, d);
  else out.push(a, c, b, a, d, c);
}

function placed(places: readonly number[], m: ArrayLike<number>): Float64Array {
  const out = new Float64Array(places.length);
  for (let v = 0; v < places.length; v += 3) {
    for (let r = 0; r < 3; r += 1) {
      out[v + r] =
        (m[r] as number) * (places[v] as number) +
        (m[4 + r] as number) * (places[v + 1] as number) +
        (m[8 + r] as number) * (places[v + 2] as number) +
        (m[12 + r] as number);
    }
  }
  return out;
}

interface Faces {
  readonly positions: Float64Array;
  readonly triangles: Uint32Array;
}

/** The piece with the most triangles. */
function largest(positions: Float64Array, faces: readonly number[]): Faces {
  const parent = Int32Array.from({ length: positions.length / 3 }, (_, v) => v);
  const rootOf = (v: number): number => {
    let root = v;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root] as number] as number;
      root = parent[root] as number;
    }
    return root;
  };
  for (let t = 0; t < faces.length; t += 3) {
    const root = rootOf(faces[t] as number);
    for (let c = 1; c < 3; c += 1) parent[rootOf(faces[t + c] as number)] = root;
  }
  const counts = new Int32Array(parent.length);
  for (let t = 0; t < faces.length; t += 3) {
    const root = rootOf(faces[t] as number);
    counts[root] = (counts[root] as number) + 1;
  }
  let best = 0;
  for (let v = 1; v < counts.length; v += 1) if ((counts[v] as number) > (counts[best] as number)) best = v;
  return compact(positions, faces, (v) => rootOf(v) === best);
}

/** Drops the vertices that no kept triangle uses. */
function compact(positions: Float64Array, faces: readonly number[], keep: ((vertex: number) => boolean) | undefined): Faces {
  const number = new Int32Array(positions.length / 3).fill(-1);
  const kept: number[] = [];
  const places: number[] = [];
  for (let t = 0; t < faces.length; t += 3) {
    if (keep !== undefined && !keep(faces[t] as number)) continue;
    for (let c = 0; c < 3; c += 1) {
      const v = faces[t + c] as number;
      if (number[v] === -1) {
        number[v] = places.length / 3;
        places.push(positions[3 * v] as number, positions[3 * v + 1] as number, positions[3 * v + 2] as number);
      }
      kept.push(number[v] as number);
    }
  }
  return { positions: Float64Array.from(places), triangles: Uint32Array.from(kept) };
}
