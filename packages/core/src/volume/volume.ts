import { NavError } from '../base/index.js';
import type { AnyFrame, Frame } from '../frames/index.js';
import { determinant3 } from '../math/index.js';

/** What voxels are stored as. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** Who the images are of, as their file says; an absent field was absent there. Never logged. */
export interface PatientIdentity {
  readonly name?: string;
  readonly id?: string;
  /** YYYYMMDD. */
  readonly birthDate?: string;
  /** DICOM's M, F or O. */
  readonly sex?: string;
}

/** Where a volume came from, as its file says. */
export interface SeriesIdentity {
  readonly studyUid?: string;
  readonly seriesUid?: string;
  readonly description?: string;
  /** DICOM Patient Position (HFS, FFS, …): information only, geometry never depends on it. */
  readonly patientPosition?: string;
}

/** Something true of a volume that its user must know: `gantry-tilt`, `no-frame-of-reference`. */
export interface VolumeWarning {
  readonly code:
    | 'gantry-tilt'
    | 'sheared'
    | 'resampled'
    | 'no-frame-of-reference'
    | 'no-patient'
    | 'orientation-assumed'
    | 'spacing-rounded'
    | 'unit-assumed'
    | 'rescale-applied'
    | 'gaps-filled'
    | 'one-of-several'
    | 'suv'
    | 'lossy-compression'
    | 'ignored-files';
  readonly message: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What {@link volume} is made from. */
export interface VolumeInit<F extends string> {
  readonly frame: Frame<F>;
  readonly voxels: VoxelArray;
  readonly size: readonly [number, number, number];
  readonly frameFromIndex: ArrayLike<number>;
  readonly rescale?: { readonly slope: number; readonly intercept: number; readonly unit?: string };
  readonly modality?: string;
  readonly frameOfReferenceUid?: string;
  readonly patient?: PatientIdentity;
  readonly series?: SeriesIdentity;
  readonly warnings?: readonly VolumeWarning[];
}

/** A scalar 3D image whose frame is only known at run time: what code takes that works in the volume's own frame. */
export interface AnyVolume {
  readonly frame: AnyFrame;
  /** Stored values, i fastest, then j, then k; value = slope · stored + intercept. */
  readonly voxels: VoxelArray;
  /** Voxels along i, j, k. */
  readonly size: readonly [number, number, number];
  /**
   * p_frame = frameFromIndex · (i, j, k): 16 doubles, column-major, mm. Index (0, 0, 0) is the CENTRE of the first
   * voxel, as in DICOM and ITK. May hold shear (gantry tilt) and may mirror (determinant < 0).
   */
  readonly frameFromIndex: ArrayLike<number>;
  readonly rescale: { readonly slope: number; readonly intercept: number; readonly unit?: string };
  /** DICOM modality: `CT`, `MR`, `US`, …; `OT` where the file does not say. */
  readonly modality: string;
  readonly frameOfReferenceUid: string | undefined;
  readonly patient: PatientIdentity;
  readonly series: SeriesIdentity;
  readonly warnings: readonly VolumeWarning[];
}

/** A scalar 3D image with its place in a frame. Immutable by agreement: its arrays are not written to. */
export interface Volume<in out F extends string> extends AnyVolume {
  readonly frame: Frame<F>;
}

/**
 * A volume, checked: as many voxels as its size says, and a finite, invertible geometry. Voxels are not copied.
 * @throws NavError `volume/bad-voxels`, `volume/bad-geometry`
 */
export function volume<F extends string>(init: VolumeInit<F>): Volume<F> {
  const [ni, nj, nk] = init.size;
  if (![ni, nj, nk].every((n) => Number.isInteger(n) && n >= 1) || init.voxels.length !== ni * nj * nk) {
    throw new NavError(
      'volume/bad-voxels',
      `A volume of ${ni}×${nj}×${nk} needs ${ni * nj * nk} voxels but was given ${init.voxels.length}.`,
      { detail: { size: init.size, voxels: init.voxels.length } },
    );
  }
  requireGeometry(init.frameFromIndex);
  return {
    frame: init.frame,
    voxels: init.voxels,
    size: [ni, nj, nk],
    frameFromIndex: Float64Array.from(init.frameFromIndex),
    rescale: init.rescale ?? { slope: 1, intercept: 0 },
    modality: init.modality ?? 'OT',
    frameOfReferenceUid: init.frameOfReferenceUid,
    patient: init.patient ?? {},
    series: init.series ?? {},
    warnings: init.warnings ?? [],
  };
}

/** Edge lengths of a voxel along i, j, k in mm: the lengths of the matrix's columns. */
export function spacingOf(v: Pick<AnyVolume, 'frameFromIndex'>): [number, number, number] {
  const m = v.frameFromIndex;
  const length = (c: number): number => Math.hypot(m[c] as number, m[c + 1] as number, m[c + 2] as number);
  return [length(0), length(4), length(8)];
}

/**
 * The largest angle by which two axes of the grid miss 90°, in degrees: 0 for an ordinary volume, the tilt for a
 * CT with gantry tilt.
 */
export function shearDegrees(v: Pick<AnyVolume, 'frameFromIndex'>): number {
  const m = v.frameFromIndex;
  const s = spacingOf(v);
  let worst = 0;
  for (const [a, b] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    let dot = 0;
    for (let k = 0; k < 3; k += 1) dot += (m[4 * a + k] as number) * (m[4 * b + k] as number);
    worst = Math.max(worst, Math.abs(Math.asin(Math.max(-1, Math.min(1, dot / (s[a] * s[b]))))));
  }
  return (worst * 180) / Math.PI;
}

/** Axes further than this from 90° are a sheared volume: navigation and registration refuse it. */
export const SHEAR_LIMIT_DEGREES = 0.1;

/**
 * Refuses a sheared volume where straight axes are taken for granted.
 * @throws NavError `volume/sheared`
 */
export function requireNoShear(v: Pick<AnyVolume, 'frameFromIndex'>, doing: string): void {
  const degrees = shearDegrees(v);
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'volume/sheared',
      `${doing} needs a volume with right-angled axes, but this one is sheared by ${degrees.toFixed(2)}° (gantry tilt). ` +
        'Resample it first with resampleStraight().',
      { detail: { degrees } },
    );
  }
}

/** The eight corner-voxel centres in the volume's frame, mm: i fastest, so the first is index (0, 0, 0). */
export function cornersOf(v: Pick<AnyVolume, 'frameFromIndex' | 'size'>): Float64Array[] {
  const m = v.frameFromIndex;
  return Array.from({ length: 8 }, (_, n) => {
    const i = n & 1 ? v.size[0] - 1 : 0;
    const j = n & 2 ? v.size[1] - 1 : 0;
    const k = n & 4 ? v.size[2] - 1 : 0;
    return Float64Array.from(
      [0, 1, 2],
      (r) => (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number),
    );
  });
}

function requireGeometry(m: ArrayLike<number>): void {
  const finite = m.length === 16 && Array.from(m).every((x) => Number.isFinite(x));
  const scale = finite ? spacingOf({ frameFromIndex: m }).reduce((a, b) => a * b, 1) : 0;
  if (!finite || m[3] !== 0 || m[7] !== 0 || m[11] !== 0 || m[15] !== 1 || !(Math.abs(determinant3(m)) > 1e-6 * scale)) {
    throw new NavError(
      'volume/bad-geometry',
      'A volume needs a finite, invertible frameFromIndex: 16 numbers, column-major, last row 0 0 0 1.',
    );
  }
}
