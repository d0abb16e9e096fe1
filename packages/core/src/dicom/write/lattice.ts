import { NavError } from '../../base/index.js';
import { identity4, invert4, transformPoint } from '../../math/index.js';
import { cross, dot3 } from './deformable-registration.js';
import type { GridGeometry } from './grid.js';
import { corrupt, type ReadObject } from './read.js';

/** A frame's place, LPS mm. */
export interface PlacedFrame {
  readonly position: readonly number[];
  readonly orientation: readonly number[];
  /** Between rows, between columns. */
  readonly spacing: readonly number[];
  /** Spacing Between Slices, and Slice Thickness; 0 where they are absent. */
  readonly between: number;
  readonly thickness: number;
}

/** A grid, and the slice that each frame is. */
export interface Lattice {
  readonly geometry: GridGeometry & { readonly frameFromIndex: Float64Array };
  readonly planes: readonly number[];
}

/** How far frames may miss the grid: in voxels. */
const MISS = 1e-3;
/** Voxels that a grid may have: a damaged spacing must not ask for more memory than there is. */
const MOST_VOXELS = 2 ** 31;

/**
 * The smallest grid that all frames lie on: slices in order of the normal (row × column), missing ones empty.
 * @throws NavError `dicom/bad-geometry` for frames of several orientations; `dicom/uneven-spacing`
 */
export function latticeOf(from: ReadObject, frames: readonly PlacedFrame[]): Lattice {
  const { u, v, normal, first } = commonPlane(from, frames);
  const heights = frames.map(({ position }) => dot3(normal, position));
  const sorted = [...heights].sort((a, b) => a - b);
  const [low, high] = [sorted[0] as number, sorted.at(-1) as number];
  const pitch = pitchOf(from, sorted, first);
  const steps = Math.round((high - low) / pitch);
  const size = sizeOf(from, steps + 1);
  if (!(size[0] * size[1] * size[2] <= MOST_VOXELS)) throw uneven(from, pitch);
  const at = (height: number): readonly number[] => (frames[heights.indexOf(height)] as PlacedFrame).position;
  const [start, end] = [at(low), at(high)];
  const step = steps === 0 ? normal.map((x) => x * pitch) : end.map((x, c) => (x - (start[c] as number)) / steps);
  const frameFromIndex = gridMatrix(u, v, first, step, start);
  return {
    geometry: { size, frameFromIndex },
    planes: planesOn(from, frames, frameFromIndex, steps + 1, () => uneven(from, pitch)),
  };
}

/**
 * The slices of a given grid that the frames are.
 * @throws NavError `dicom/bad-geometry` where they are not its own
 */
export function placeOnto(from: ReadObject, frames: readonly PlacedFrame[], onto: GridGeometry): Lattice {
  const { u, v, first } = commonPlane(from, frames);
  const [ni, nj, nk] = sizeOf(from, onto.size[2]);
  const other = (): NavError =>
    new NavError(
      'dicom/bad-geometry',
      `"${from.name}" does not lie on the voxels of the volume: read it on its own grid, and resample it.`,
      { detail: { file: from.name, size: onto.size } },
    );
  const m = onto.frameFromIndex;
  const miss = [0, 1, 2].map((c) =>
    Math.hypot(
      (u[c] as number) * (first.spacing[1] as number) - (m[c] as number),
      (v[c] as number) * (first.spacing[0] as number) - (m[4 + c] as number),
    ),
  );
  // Over the whole width, so that the last voxel is where it should be as well.
  const reach = Math.max(ni, nj) * Math.max(...miss);
  if (ni !== onto.size[0] || nj !== onto.size[1] || reach > MISS * Math.min(...first.spacing)) throw other();
  return { geometry: { size: [ni, nj, nk], frameFromIndex: Float64Array.from(m) }, planes: planesOn(from, frames, m, nk, other) };
}

function planesOn(
  from: ReadObject,
  frames: readonly PlacedFrame[],
  frameFromIndex: ArrayLike<number>,
  slices: number,
  refusal: () => NavError,
): readonly number[] {
  const inverse = identity4();
  if (!invert4(inverse, frameFromIndex)) throw corrupt(from, 'its frames span no volume');
  return frames.map(({ position }) => {
    const [i, j, k] = transformPoint(new Float64Array(3), inverse, position) as unknown as [number, number, number];
    const plane = Math.round(k);
    // Positions are decimal strings with as few as two decimals: sideways, a hundredth of a millimetre is rounding.
    if (Math.abs(i) > 10 * MISS || Math.abs(j) > 10 * MISS || Math.abs(k - plane) > 10 * MISS) throw refusal();
    if (plane < 0 || plane >= slices) throw refusal();
    return plane;
  });
}

function commonPlane(
  from: ReadObject,
  frames: readonly PlacedFrame[],
): {
  readonly u: readonly number[];
  readonly v: readonly number[];
  readonly normal: readonly number[];
  readonly first: PlacedFrame;
} {
  const first = frames[0] as PlacedFrame;
  const bad = (what: string): NavError =>
    new NavError('dicom/bad-geometry', `"${from.name}" ${what}.`, { detail: { file: from.name } });
  const [u, v] = [first.orientation.slice(0, 3), first.orientation.slice(3)];
  const square = Math.abs(dot3(u, v)) < 1e-3 && Math.abs(dot3(u, u) - 1) < 2e-3 && Math.abs(dot3(v, v) - 1) < 2e-3;
  if (!square || !first.spacing.every((s) => s > 0 && Number.isFinite(s)))
    throw bad('has an impossible orientation or pixel spacing');
  const same = (a: readonly number[], b: readonly number[], tolerance: number): boolean =>
    a.every((x, n) => Math.abs(x - (b[n] as number)) <= tolerance);
  const odd = frames.findIndex((f) => !same(f.orientation, first.orientation, 1e-4) || !same(f.spacing, first.spacing, 1e-4));
  if (odd >= 0) throw bad(`has frames of several orientations or pixel spacings: frame ${odd + 1} differs from the first`);
  return { u, v, normal: cross(u, v), first };
}

/** The distance between slices: as the object says, else the smallest gap between frames, else a lone slice's thickness. */
function pitchOf(from: ReadObject, sorted: readonly number[], first: PlacedFrame): number {
  if (first.between > 0) return first.between;
  const gaps = sorted
    .slice(1)
    .map((h, n) => h - (sorted[n] as number))
    .filter((gap) => gap > MISS);
  const pitch = gaps.length > 0 ? Math.min(...gaps) : first.thickness;
  if (pitch > 0) return pitch;
  throw new NavError('dicom/missing-geometry', `"${from.name}" has one slice and does not say how thick it is.`, {
    detail: { file: from.name },
  });
}

function gridMatrix(
  u: readonly number[],
  v: readonly number[],
  first: PlacedFrame,
  step: readonly number[],
  start: readonly number[],
): Float64Array {
  const m = identity4();
  for (let c = 0; c < 3; c += 1) {
    m[c] = (u[c] as number) * (first.spacing[1] as number);
    m[4 + c] = (v[c] as number) * (first.spacing[0] as number);
    m[8 + c] = step[c] as number;
    m[12 + c] = start[c] as number;
  }
  return m;
}

function sizeOf({ dataset }: ReadObject, slices: number): [number, number, number] {
  return [dataset.uint16('x00280011') ?? 0, dataset.uint16('x00280010') ?? 0, slices];
}

function uneven(from: ReadObject, pitch: number): NavError {
  return new NavError(
    'dicom/uneven-spacing',
    `"${from.name}" has frames that do not lie ${pitch} mm apart, or multiples of it.`,
    {
      detail: { file: from.name, pitch },
    },
  );
}
