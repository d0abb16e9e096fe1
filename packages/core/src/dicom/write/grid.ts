import { cross, dot3 } from './deformable-registration.js';
import { badObject } from './object.js';
import type { Dataset } from './part10.js';

/** The place of a volume's voxels, as `Volume` has it. */
export interface GridGeometry {
  readonly size: readonly [number, number, number];
  /** Patient from index: 16 numbers, column-major, LPS mm, voxel centres. Shear of the slices against each other is allowed. */
  readonly frameFromIndex: ArrayLike<number>;
}

/** Planes of a volume as multi-frame objects have them: one frame a slice k. */
export interface Planes {
  readonly rows: number;
  readonly columns: number;
  /** Direction cosines along a row, then along a column. */
  readonly orientation: readonly number[];
  /** Between rows, between columns, mm. */
  readonly pixelSpacing: readonly [number, number];
  /** Between slices, along their normal, mm. */
  readonly sliceSpacing: number;
  /** The centre of the first voxel of slice k, mm. */
  position(k: number): readonly number[];
}

/** How far a row and a column may miss a right angle (their cosine): rounding. */
const SQUARE_TOLERANCE = 1e-6;

/**
 * A volume's planes. Every plane carries its own position, so slices may be sheared against each other (gantry tilt) and may go
 * either way; rows and columns must be at right angles.
 * @throws NavError `dicom/bad-object`
 */
export function planesOf({ size, frameFromIndex: m }: GridGeometry): Planes {
  const column = (c: number): number[] => [m[4 * c] as number, m[4 * c + 1] as number, m[4 * c + 2] as number];
  const [u, v, w] = [column(0), column(1), column(2)];
  const [su, sv] = [Math.hypot(...u), Math.hypot(...v)];
  const along = u.map((x) => x / su);
  const down = v.map((x) => x / sv);
  const sliceSpacing = Math.abs(dot3(cross(along, down), w));
  const finite = m.length === 16 && Array.from(m).every(Number.isFinite);
  if (!finite || !(su > 0 && sv > 0 && sliceSpacing > 0) || Math.abs(dot3(along, down)) > SQUARE_TOLERANCE) {
    throw badObject('the volume needs a geometry of 16 finite numbers whose rows and columns are at right angles', {});
  }
  if (!size.every((n) => Number.isInteger(n) && n >= 1) || size[0] > 65535 || size[1] > 65535) {
    throw badObject(`a volume of ${size.join('×')} voxels does not fit a DICOM object`, { size });
  }
  return {
    rows: size[1],
    columns: size[0],
    orientation: [...along, ...down],
    pixelSpacing: [sv, su],
    sliceSpacing,
    position: (k) => [12, 13, 14].map((n) => (m[n] as number) + k * (m[n - 4] as number)),
  };
}

/** Pixel Measures and Plane Orientation, shared by all frames (PS3.3, C.7.6.16.2.1, C.7.6.16.2.4). */
export function sharedGeometry(planes: Planes): Dataset {
  return {
    PixelMeasuresSequence: [
      {
        PixelSpacing: planes.pixelSpacing,
        SliceThickness: planes.sliceSpacing,
        SpacingBetweenSlices: planes.sliceSpacing,
      },
    ],
    PlaneOrientationSequence: [{ ImageOrientationPatient: planes.orientation }],
  };
}

/** Plane Position of one frame (PS3.3, C.7.6.16.2.3). */
export function planePosition(planes: Planes, k: number): Dataset {
  return { PlanePositionSequence: [{ ImagePositionPatient: planes.position(k) }] };
}
