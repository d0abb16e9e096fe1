import { NavError } from '../base/index.js';
import { type AffineTransform, type Frame, requireSameFrame } from '../frames/index.js';
import { identity4, invert4, multiply4, transformPoint } from '../math/index.js';
import { Sampler } from './sample.js';
import { type AnyVolume, cornersOf, shearDegrees, spacingOf, type Volume, type VoxelArray, volume } from './volume.js';

/** How many voxels, and where they lie in some frame. */
export interface GridShape {
  readonly size: readonly [number, number, number];
  /** As in {@link AnyVolume.frameFromIndex}. */
  readonly frameFromIndex: ArrayLike<number>;
}

/** Where the voxels of a new volume lie. */
export interface Grid<in out F extends string> extends GridShape {
  readonly frame: Frame<F>;
}

/** What {@link resample} fills places with that the source does not cover. */
export interface ResampleOptions {
  /** Rescaled value outside the source. Default: the source's smallest value, for a typed array cannot say "unknown". */
  readonly outside?: number;
}

/**
 * A volume drawn anew on a grid of another frame, trilinear, in the source's own voxel type (rounded for integers).
 *
 * Identity fields are the source's; the Frame of Reference is kept only where the frame is.
 * @param sourceFromGrid where a point of the grid's frame lies in the source's frame, mm
 * @throws NavError `frame/mismatch`, `volume/bad-geometry`
 */
export function resample<G extends string, S extends string>(
  source: Volume<S>,
  grid: Grid<G>,
  sourceFromGrid: AffineTransform<NoInfer<S>, NoInfer<G>>,
  options: ResampleOptions = {},
): Volume<G> {
  requireSameFrame(source.frame, sourceFromGrid.to, 'Resampling a volume');
  requireSameFrame(grid.frame, sourceFromGrid.from, 'Resampling onto a grid');
  return resampleByMatrix(source, grid, sourceFromGrid.matrix, options);
}

/** The same for a grid in the source's own frame. */
export function regrid<F extends string>(source: Volume<F>, grid: GridShape, options: ResampleOptions = {}): Volume<F> {
  return resampleByMatrix(source, { ...grid, frame: source.frame }, identity4(), options);
}

function resampleByMatrix<G extends string>(
  source: AnyVolume,
  grid: Grid<G>,
  sourceFromGrid: ArrayLike<number>,
  options: ResampleOptions,
): Volume<G> {
  const sampler = new Sampler(source);
  const m = multiply4(new Float64Array(16), sourceFromGrid, grid.frameFromIndex);
  multiply4(m, sampler.indexFromFrame, m);
  const [ni, nj, nk] = grid.size;
  const voxels = sameType(source.voxels, ni * nj * nk);
  const whole = !(voxels instanceof Float32Array || voxels instanceof Float64Array);
  const fill = storedFill(source, options.outside);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const x = (m[4] as number) * j + (m[8] as number) * k + (m[12] as number);
      const y = (m[5] as number) * j + (m[9] as number) * k + (m[13] as number);
      const z = (m[6] as number) * j + (m[10] as number) * k + (m[14] as number);
      for (let i = 0; i < ni; i += 1, n += 1) {
        const s = sampler.storedAtIndex(x + (m[0] as number) * i, y + (m[1] as number) * i, z + (m[2] as number) * i);
        voxels[n] = Number.isNaN(s) ? fill : whole ? Math.round(s) : s;
      }
    }
  }
  return volume({
    frame: grid.frame,
    voxels,
    size: grid.size,
    frameFromIndex: grid.frameFromIndex,
    rescale: source.rescale,
    modality: source.modality,
    patient: source.patient,
    series: source.series,
    warnings: source.warnings,
    ...(source.frameOfReferenceUid !== undefined &&
      source.frame.name === grid.frame.name && { frameOfReferenceUid: source.frameOfReferenceUid }),
  });
}

/**
 * A sheared volume (CT with gantry tilt) on a right-angled grid of the same spacing that covers all of it. A volume
 * without shear is returned as it is.
 *
 * The in-plane axes stay; slices are taken along their normal, at the distance the tilted ones had along it.
 */
export function resampleStraight<F extends string>(source: Volume<F>, options: ResampleOptions = {}): Volume<F> {
  const degrees = shearDegrees(source);
  if (degrees < 1e-6) return source;
  const straight = regrid(source, straightGrid(source), options);
  const kept = source.warnings.filter((w) => w.code !== 'gantry-tilt' && w.code !== 'sheared');
  const told = {
    code: 'resampled' as const,
    message: `Resampled from a grid sheared by ${degrees.toFixed(2)}° onto a right-angled one.`,
    detail: { degrees, originalFrameFromIndex: Array.from(source.frameFromIndex), originalSize: source.size },
  };
  return { ...straight, warnings: [...kept, told] };
}

/** The right-angled grid around all voxel centres of a volume: its axes orthogonalised in the order i, j, k. */
function straightGrid(source: AnyVolume): GridShape {
  const axes = orthogonalAxes(source);
  const spacing = axes.map((a) => Math.hypot(a[0] as number, a[1] as number, a[2] as number));
  const m = identity4();
  axes.forEach((a, c) => {
    m.set(a, 4 * c);
  });
  m.set(
    Array.from({ length: 3 }, (_, r) => source.frameFromIndex[12 + r] as number),
    12,
  );
  const indexFromFrame = identity4();
  if (spacing.some((s) => !(s > 0)) || !invert4(indexFromFrame, m)) {
    throw new NavError('volume/bad-geometry', 'The volume has two parallel axes and cannot be resampled.');
  }
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const at = new Float64Array(3);
  for (const corner of cornersOf(source)) {
    transformPoint(at, indexFromFrame, corner);
    for (let r = 0; r < 3; r += 1) {
      low[r] = Math.min(low[r] as number, Math.floor((at[r] as number) + 1e-6));
      high[r] = Math.max(high[r] as number, Math.ceil((at[r] as number) - 1e-6));
    }
  }
  const origin = transformPoint(new Float64Array(3), m, low);
  m.set(origin, 12);
  const extent = (r: 0 | 1 | 2): number => (high[r] as number) - (low[r] as number) + 1;
  return { frameFromIndex: m, size: [extent(0), extent(1), extent(2)] };
}

/** Gram–Schmidt on the matrix's columns; i and j keep their spacing, k the distance of its slices along the normal. */
function orthogonalAxes(source: AnyVolume): number[][] {
  const spacing = spacingOf(source);
  const done: number[][] = [];
  for (let c = 0; c < 3; c += 1) {
    const axis = [0, 1, 2].map((r) => source.frameFromIndex[4 * c + r] as number);
    for (const other of done) {
      const dot = other.reduce((sum, x, r) => sum + x * (axis[r] as number), 0);
      const square = other.reduce((sum, x) => sum + x * x, 0);
      for (let r = 0; r < 3; r += 1) axis[r] = (axis[r] as number) - (dot / square) * (other[r] as number);
    }
    const length = Math.hypot(axis[0] as number, axis[1] as number, axis[2] as number);
    const wanted = c < 2 ? (spacing[c] as number) : length;
    done.push(axis.map((x) => (x * wanted) / length));
  }
  return done;
}

function storedFill(source: AnyVolume, outside: number | undefined): number {
  if (outside !== undefined) return (outside - source.rescale.intercept) / source.rescale.slope;
  // The smallest VALUE: with a negative slope that is the largest stored number.
  let extreme = source.voxels[0] as number;
  const sign = source.rescale.slope < 0 ? -1 : 1;
  for (let n = 1; n < source.voxels.length; n += 1) {
    if (sign * (source.voxels[n] as number) < sign * extreme) extreme = source.voxels[n] as number;
  }
  return extreme;
}

function sameType(like: VoxelArray, length: number): VoxelArray {
  const Type = like.constructor as new (n: number) => VoxelArray;
  return new Type(length);
}
