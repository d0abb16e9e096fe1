import { NavError } from '../base/index.js';
import { DistanceField, UNIT_MM } from './distance-field.js';
import { signedSquares } from './distance-transform.js';
import type { Mesh } from './mesh.js';
import { SignedMeshDistance } from './signed-mesh-distance.js';
import { requireNoShear, spacingOf, type Volume } from './volume.js';

/** How much of a {@link DistanceField} is kept. */
export interface DistanceFieldOptions {
  /** How far around the structure there are values and not only bounds, mm, 1 … 300. Default 20. */
  readonly reachMm?: number;
}

/** For {@link distanceToMesh}. */
export interface MeshFieldOptions extends DistanceFieldOptions {
  /** Between the points of the lattice, mm, 0.1 … 10. Default 1. */
  readonly spacingMm?: number;
}

/** No lattice has more points than this: 256 MiB of Int16. */
const MOST_POINTS = 2 ** 27;

/**
 * The signed distance to one label of a label map, in the volume's frame, mm.
 *
 * Zero is the boundary of the union of the label's voxels, each a box about its centre: on the faces half way between a voxel of the
 * label and one that is not. To that surface the values at voxel centres are exact, to half of the {@link UNIT_MM} they are rounded to.
 * How far the organ is from the label the map cannot say; a map that marks a voxel where its centre is inside misses a surface that is
 * flat at the size of a voxel by at most half of a voxel's diagonal. On a face that is oblique to the grid the boxes' corners stand out,
 * so that distances from outside are rather too small than too large.
 *
 * Anisotropic, oblique and mirrored grids are honoured. A structure that reaches the border of the image is {@link DistanceField.cutOff}.
 *
 * @param label the value (rescaled) that marks the structure
 * @throws NavError `volume/bad-distance-field` where no voxel has the label, all have it, or the reach makes no sense; `volume/sheared`
 */
export function distanceToLabel<F extends string>(
  source: Volume<F>,
  label: number,
  options: DistanceFieldOptions = {},
): DistanceField<F> {
  const reachMm = requireReach(options.reachMm);
  requireNoShear(source, 'Making a distance field');
  const value = (label - source.rescale.intercept) / source.rescale.slope;
  const found = boundsOf(source, value);
  if (found === undefined) {
    throw bad(`No voxel has the label ${label}. Check the label map's list of labels.`, { label });
  }
  const spacing = spacingOf(source);
  const low: number[] = [];
  const size: [number, number, number] = [1, 1, 1];
  for (let axis = 0; axis < 3; axis += 1) {
    // One more voxel, so that the structure lies within the crop wherever the image does not end.
    const room = Math.ceil(reachMm / (spacing[axis] as number)) + 1;
    low[axis] = Math.max(0, (found[axis] as number) - room);
    const high = Math.min((source.size[axis] as number) - 1, (found[3 + axis] as number) + room);
    size[axis] = high - (low[axis] as number) + 1;
  }
  if (size.some((n) => n < 2)) {
    throw bad(`The label map is ${source.size.join('×')} voxels: distances need two or more along each axis.`, {
      size: source.size,
    });
  }
  const stored = storedRoots(source, value, label, { low, size, found, spacing });
  const m = source.frameFromIndex;
  const frameFromIndex = Float64Array.from(m);
  for (let r = 0; r < 3; r += 1) {
    for (let axis = 0; axis < 3; axis += 1)
      frameFromIndex[12 + r] = (frameFromIndex[12 + r] as number) + (m[4 * axis + r] as number) * (low[axis] as number);
  }
  return new DistanceField({
    frame: source.frame,
    stored,
    size,
    frameFromIndex,
    box: found.map((x, n) => x - (low[n % 3] as number) + (n < 3 ? -0.5 : 0.5)),
    cut: found.map((x, n) => (n < 3 ? x === 0 : x === (source.size[n - 3] as number) - 1)),
  });
}

/** First and last index along each axis of the voxels with a stored value; undefined where there is none. */
function boundsOf({ voxels, size }: Pick<Volume<string>, 'voxels' | 'size'>, stored: number): number[] | undefined {
  const [ni, nj, nk] = size;
  const box = [ni, nj, nk, -1, -1, -1] as [number, number, number, number, number, number];
  for (let k = 0, row = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1, row += ni) {
      let first = 0;
      while (first < ni && voxels[row + first] !== stored) first += 1;
      if (first === ni) continue;
      let last = ni - 1;
      while (voxels[row + last] !== stored) last -= 1;
      box[0] = Math.min(box[0], first);
      box[3] = Math.max(box[3], last);
      box[1] = Math.min(box[1], j);
      box[4] = Math.max(box[4], j);
      box[2] = Math.min(box[2], k);
      box[5] = k;
    }
  }
  return box[5] < 0 ? undefined : box;
}

interface Crop {
  /** First voxel of the crop along each axis, and how many. */
  readonly low: readonly number[];
  readonly size: readonly [number, number, number];
  /** As {@link boundsOf}, in the whole volume. */
  readonly found: readonly number[];
  readonly spacing: readonly [number, number, number];
}

/**
 * The signed distances of a crop's voxels, in whole units.
 * @throws NavError `volume/bad-distance-field` where all of them have the label
 */
function storedRoots(
  source: Pick<Volume<string>, 'voxels' | 'size'>,
  value: number,
  label: number,
  { low, size, found, spacing }: Crop,
): Int16Array {
  const { voxels } = source;
  const [ni, nj] = source.size;
  const [x = 0, y = 0, z = 0] = low;
  const [ci, cj, ck] = size;
  const out = new Int16Array(ci * cj * ck);
  let marked = 0;
  const mark = (inside: Uint8Array, k: number): void => {
    for (let j = 0, n = 0; j < cj; j += 1) {
      const row = x + ni * (y + j + nj * (z + k));
      for (let i = 0; i < ci; i += 1, n += 1) {
        const is = voxels[row + i] === value ? 1 : 0;
        inside[n] = is;
        marked += is;
      }
    }
  };
  const within = (axis: number): [number, number] => [
    (found[axis] as number) - (low[axis] as number),
    (found[3 + axis] as number) - (low[axis] as number),
  ];
  signedSquares({ size, spacing, j: within(1), k: within(2), mark }, (lines, length, count, at, stride) =>
    storeRoots(out, lines, length, count, at, stride),
  );
  if (marked === out.length) throw bad(`Every voxel has the label ${label}: it has no surface in this image.`, { label });
  return out;
}

const PER_UNIT2 = 1 / (UNIT_MM * UNIT_MM);

/** The distances that signed squares stand for, in whole units. */
function storeRoots(out: Int16Array, lines: Float32Array, length: number, count: number, at: number, stride: number): void {
  for (let x = 0, o = at; x < length; x += 1, o += stride) {
    for (let c = 0; c < count; c += 1) {
      const square = lines[c * length + x] as number;
      const units = Math.min(32767, Math.sqrt(Math.abs(square) * PER_UNIT2) + 0.5);
      // Cut off to whole numbers by storing it.
      out[o + c] = square < 0 ? -units : units;
    }
  }
}

/**
 * The signed distance to a closed surface, in its frame, mm: on a lattice along the frame's axes, exact at its points to half of
 * the {@link UNIT_MM} they are rounded to, and zero on the triangles themselves. The surface must be closed and face outwards, as
 * {@link SignedMeshDistance} needs it. Takes some microseconds a point, more for more triangles.
 * @throws NavError `volume/bad-distance-field` for options that make no sense or a lattice too large, and where the surface
 * faces inwards; `mesh/empty`
 */
export function distanceToMesh<F extends string>(surface: Mesh<F>, options: MeshFieldOptions = {}): DistanceField<F> {
  const reachMm = requireReach(options.reachMm);
  const spacing = options.spacingMm ?? 1;
  if (!(spacing >= 0.1 && spacing <= 10)) throw bad(`A spacing of ${spacing} mm makes no sense: give 0.1 … 10.`, { spacing });
  const signed = new SignedMeshDistance(surface);
  const [low, high] = boxOf(surface.positions);
  const size: [number, number, number] = [2, 2, 2];
  for (let axis = 0; axis < 3; axis += 1) {
    size[axis] = Math.max(2, Math.ceil(((high[axis] as number) - (low[axis] as number) + 2 * reachMm) / spacing) + 1);
  }
  const points = size[0] * size[1] * size[2];
  if (!(points <= MOST_POINTS)) {
    throw bad(`A lattice of ${size.join('×')} points is too large. Give a larger spacing or a smaller reach.`, { size });
  }
  const origin = low.map((v) => v - reachMm);
  const stored = new Int16Array(points);
  const p = new Float64Array(3);
  for (let k = 0, n = 0; k < size[2]; k += 1) {
    p[2] = (origin[2] as number) + k * spacing;
    for (let j = 0; j < size[1]; j += 1) {
      p[1] = (origin[1] as number) + j * spacing;
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        p[0] = (origin[0] as number) + i * spacing;
        stored[n] = Math.round(Math.max(-32767, Math.min(32767, signed.from(p) / UNIT_MM)));
      }
    }
  }
  requireOutwards(stored, size);
  const [x = 0, y = 0, z = 0] = origin;
  return new DistanceField({
    frame: surface.frame,
    stored,
    size,
    frameFromIndex: Float64Array.of(spacing, 0, 0, 0, 0, spacing, 0, 0, 0, 0, spacing, 0, x, y, z, 1),
    box: [...low, ...high].map((v, n) => (v - (origin[n % 3] as number)) / spacing),
    cut: [false, false, false, false, false, false],
  });
}

/** The lattice's corners stand away from the surface: inside there means inside out. */
function requireOutwards(stored: Int16Array, [ni, nj, nk]: readonly [number, number, number]): void {
  for (let n = 0; n < 8; n += 1) {
    const at = (n & 1 ? ni - 1 : 0) + ni * ((n & 2 ? nj - 1 : 0) + nj * (n & 4 ? nk - 1 : 0));
    if ((stored[at] as number) > 0) continue;
    throw bad('The surface faces inwards: places far from it count as inside. Turn its triangles around.', {});
  }
}

function boxOf(positions: Float64Array): [number[], number[]] {
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = low.map((v) => -v);
  for (let n = 0; n < positions.length; n += 1) {
    low[n % 3] = Math.min(low[n % 3] as number, positions[n] as number);
    high[n % 3] = Math.max(high[n % 3] as number, positions[n] as number);
  }
  return [low, high];
}

function requireReach(reachMm = 20): number {
  if (!(reachMm >= 1 && reachMm <= 300)) throw bad(`A reach of ${reachMm} mm makes no sense: give 1 … 300.`, { reachMm });
  return reachMm;
}

function bad(message: string, detail: Record<string, unknown>): NavError<'volume/bad-distance-field'> {
  return new NavError('volume/bad-distance-field', message, { detail });
}
