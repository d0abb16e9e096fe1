import { NavError } from '../base/index.js';
import { type Point, point } from '../frames/index.js';
import { determinant3 } from '../math/index.js';
import { type AnyVolume, spacingOf, type Volume } from '../volume/index.js';
import { componentsOf } from './components.js';
import { largestDiameter, type SurfacePoints, surfacePoints } from './diameter.js';
import type { MeasuredErrors } from './model.js';

/** How lesions are measured. */
export interface LesionOptions<F extends string> {
  /** The value of the label volume that is a lesion. Default 1. */
  readonly label?: number;
  /** Smaller components do not count, ml. Default 0. */
  readonly leastMl?: number;
  /** The label's probability on the same grid: places the surface between voxels, where it passes one half. */
  readonly probability?: Volume<F>;
  /** Components whose {@link Lesion.confidence} is below this do not count, 0 … 1; needs `probability`. Default 0. */
  readonly leastConfidence?: number;
  /** Errors of whoever drew the labels; absent means unknown: only those of the voxels are then told. */
  readonly errors?: MeasuredErrors | undefined;
}

/** A connected lesion, measured. */
export interface Lesion<F extends string> {
  readonly label: number;
  /** Mean of its voxels' centres. */
  readonly centroid: Point<F>;
  /** Of the centroid, along each axis, mm. */
  readonly centroidSdMm: number;
  readonly volumeMl: number;
  readonly volumeSdMl: number;
  /** The largest distance between two points of its surface, mm, and those points. */
  readonly diameterMm: number;
  readonly diameterSdMm: number;
  readonly diameterEnds: readonly [Point<F>, Point<F>];
  /** Whether the standard deviations hold the errors of whoever drew the labels, or those of the voxels alone: then they are too small. */
  readonly errorsKnown: boolean;
  /** It reaches the border of the image: it may be larger than told. */
  readonly cutOff: boolean;
  readonly voxels: number;
  /** Mean of the label's probability over its voxels, 0 … 1, where that was given. What a network says of itself: no chance of being right. */
  readonly confidence?: number;
  /** Smallest box around it: first and last voxel along i, j, k. */
  readonly box: readonly [number, number, number, number, number, number];
}

/**
 * The connected lesions of a label volume (voxels that share a corner are connected), the largest first.
 *
 * Standard deviations. Volume: each exposed face of a voxel lies anywhere within a voxel of the true surface (v² / 12), all independent;
 * beside that the mean boundary lies off by `boundarySdMm` over the whole surface, whose area is 2/3 of the exposed faces' (the mean over all
 * directions). Diameter and centroid: as measured, with a voxel's edge / √12 at either end of the diameter. Normal laws are taken for granted.
 * @throws NavError `analysis/bad-labels` (a probability on another grid, values that are no labels), `analysis/bad-option`
 */
export function measureLesions<F extends string>(labels: Volume<F>, options: LesionOptions<F> = {}): Lesion<F>[] {
  const { label = 1, leastMl = 0, leastConfidence = 0, probability, errors } = options;
  if (!(Number.isInteger(label) && label !== 0) || !(leastMl >= 0)) {
    throw new NavError('analysis/bad-option', 'A lesion has a whole label other than 0, and a least volume of 0 ml or more.', {
      detail: { label, leastMl },
    });
  }
  if (!(leastConfidence >= 0 && leastConfidence <= 1) || (leastConfidence > 0 && probability === undefined)) {
    throw new NavError(
      'analysis/bad-option',
      'leastConfidence is from 0 to 1, and above 0 it needs the probability of the label.',
      {
        detail: { leastConfidence, probability: probability !== undefined },
      },
    );
  }
  if (probability !== undefined) requireSameGrid(labels, probability);
  const voxelMl = Math.abs(determinant3(labels.frameFromIndex)) / 1000;
  const found: Lesion<F>[] = [];
  for (const component of componentsOf(labels, storedLabel(labels, label))) {
    const volumeMl = component.indices.length * voxelMl;
    if (volumeMl < leastMl) continue;
    const confidence = probability && meanAt(probability, component.indices);
    if (confidence !== undefined && confidence < leastConfidence) continue;
    const surface = surfacePoints(labels, component, probability);
    const lesion = lesionOf(labels, label, component.indices, component.box, { volumeMl, surface, errors });
    found.push({ ...lesion, ...(confidence !== undefined && { confidence }) });
  }
  return found.sort((a, b) => b.volumeMl - a.volumeMl);
}

function lesionOf<F extends string>(
  labels: Volume<F>,
  label: number,
  indices: Int32Array,
  box: Lesion<F>['box'],
  { volumeMl, surface, errors }: { volumeMl: number; surface: SurfacePoints; errors: MeasuredErrors | undefined },
): Lesion<F> {
  const voxelMm3 = (1000 * volumeMl) / indices.length;
  const systematic = ((2 / 3) * surface.areaMm2 * (errors?.boundarySdMm ?? 0)) / 1000;
  const counting = (voxelMm3 * Math.sqrt(surface.faces / 12)) / 1000;
  const edge = Math.max(...spacingOf(labels));
  const { lengthMm, ends } = largestDiameter(surface.points);
  const centroid = centroidOf(labels, indices);
  return {
    label,
    centroid: point(labels.frame, centroid),
    centroidSdMm: Math.hypot(errors?.centroidSdMm ?? 0, facesMoveCentroid(surface, centroid, indices.length)),
    volumeMl,
    volumeSdMl: Math.hypot(systematic, counting),
    diameterMm: lengthMm,
    diameterSdMm: Math.hypot(errors?.diameterSdMm ?? 0, edge / Math.sqrt(6)),
    diameterEnds: [point(labels.frame, ends[0]), point(labels.frame, ends[1])],
    errorsKnown: errors !== undefined,
    cutOff: [0, 1, 2].some((r) => box[r] === 0 || box[3 + r] === (labels.size[r] as number) - 1),
    voxels: indices.length,
    box,
  };
}

/** Mean of the rescaled values at some voxels. */
function meanAt({ voxels, rescale: { slope, intercept } }: AnyVolume, indices: Int32Array): number {
  let sum = 0;
  for (const n of indices) sum += voxels[n] as number;
  return (slope * sum) / indices.length + intercept;
}

/** Standard deviation along an axis that the faces give the centroid: each adds or takes up to half a voxel at its place. */
function facesMoveCentroid({ points }: SurfacePoints, centroid: Float64Array, voxels: number): number {
  let square = 0;
  for (let n = 0; n < points.length; n += 1) square += ((points[n] as number) - (centroid[n % 3] as number)) ** 2;
  return Math.sqrt(square / 3 / 12) / voxels;
}

function centroidOf({ size: [ni, nj], frameFromIndex: m }: AnyVolume, indices: Int32Array): Float64Array {
  let [i, j, k] = [0, 0, 0];
  for (const n of indices) {
    i += n % ni;
    j += Math.floor(n / ni) % nj;
    k += Math.floor(n / (ni * nj));
  }
  const c = indices.length;
  return Float64Array.from([0, 1, 2], (r) => {
    const along = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k;
    return along / c + (m[12 + r] as number);
  });
}

/** What is stored for a label. */
function storedLabel({ rescale: { slope, intercept } }: AnyVolume, label: number): number {
  const stored = (label - intercept) / slope;
  if (Number.isInteger(stored)) return stored;
  throw new NavError(
    'analysis/bad-labels',
    `A volume with slope ${slope} and intercept ${intercept} cannot hold label ${label}.`,
  );
}

function requireSameGrid(labels: AnyVolume, probability: AnyVolume): void {
  const same =
    labels.frame.name === probability.frame.name &&
    labels.size.every((n, r) => n === probability.size[r]) &&
    Array.from(labels.frameFromIndex).every((x, n) => Math.abs(x - (probability.frameFromIndex[n] as number)) < 1e-6);
  if (!same) throw new NavError('analysis/bad-labels', 'The probability must lie on the grid of the labels.');
}
