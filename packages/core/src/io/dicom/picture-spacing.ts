import type { DataSet } from './dataset.js';
import { codeOf, numbersOf } from './dataset.js';

/**
 * What the spacing of a picture's pixels means (PS3.3, 10.7):
 * - `patient`: in the plane of a slice (CT, MR, PET and other images with an orientation);
 * - `detector`: at the front of the detector, larger than in the patient by the unknown magnification;
 * - `magnification-corrected`: divided by a magnification that the file states or that was assumed for one depth;
 * - `fiducial`: calibrated with an object of known size, true at that object's depth;
 * - `calibrated-unknown`: changed from the detector's, by a method that the file does not name;
 * - `scanned`: on the film or paper that was scanned;
 * - `unknown`: a number without a meaning. Not to be measured with.
 */
export type SpacingMeaning =
  | 'patient'
  | 'detector'
  | 'magnification-corrected'
  | 'fiducial'
  | 'calibrated-unknown'
  | 'scanned'
  | 'unknown';

/** Distance of pixel centres with its meaning. */
export interface PictureSpacing {
  /** Between neighbouring rows (down), and between neighbouring columns (across), mm. */
  readonly rowMm: number;
  readonly columnMm: number;
  readonly meaning: SpacingMeaning;
  /** Estimated Radiographic Magnification Factor (0018,1114), where the file has one. Above 1: the object seems larger. */
  readonly magnification?: number;
  /** Pixel Spacing Calibration Description (0028,0A04). */
  readonly calibration?: string;
}

/** Relative difference at which two written spacings are one. */
const SAME = 1e-6;

const pair = (dataset: DataSet, tag: string): readonly [number, number] | undefined => {
  const values = numbersOf(dataset, tag, 2);
  return values?.every((x) => x > 0) ? (values as [number, number]) : undefined;
};

/**
 * The spacing of a picture and what it measures. Projection images carry Imager Pixel Spacing (0018,1164) and may carry a
 * calibrated Pixel Spacing (0028,0030) beside it; where both are equal, the latter is no calibration (PS3.3, 10.7.1.3).
 * @param projection whether the picture is a projection (CR, DX, MG, XA, RF)
 * @returns undefined where the file states no spacing
 */
export function pictureSpacing(dataset: DataSet, projection: boolean): PictureSpacing | undefined {
  const imager = pair(dataset, 'x00181164');
  const pixel = pair(dataset, 'x00280030');
  const factor = numbersOf(dataset, 'x00181114', 1)?.[0];
  const magnification = factor !== undefined && factor > 0 ? { magnification: factor } : {};
  const description = codeOf(dataset, 'x00280a04');
  const calibration = description === undefined ? {} : { calibration: description };
  const made = ([rowMm, columnMm]: readonly [number, number], meaning: SpacingMeaning): PictureSpacing => ({
    rowMm,
    columnMm,
    meaning,
    ...magnification,
    ...calibration,
  });
  const type = codeOf(dataset, 'x00280a02')?.toUpperCase();
  if (pixel !== undefined && !projection) {
    const placed = numbersOf(dataset, 'x00200037', 6) !== undefined;
    return made(pixel, placed ? 'patient' : (calibrated(type) ?? 'unknown'));
  }
  if (pixel !== undefined && (type === 'GEOMETRY' || type === 'FIDUCIAL')) return made(pixel, calibrated(type) as SpacingMeaning);
  if (imager !== undefined) {
    return pixel === undefined || same(pixel, imager) ? made(imager, 'detector') : made(pixel, 'calibrated-unknown');
  }
  if (pixel !== undefined) return made(pixel, 'unknown');
  const scanned = pair(dataset, 'x00182010');
  return scanned === undefined ? undefined : made(scanned, 'scanned');
}

function calibrated(type: string | undefined): SpacingMeaning | undefined {
  if (type === 'GEOMETRY') return 'magnification-corrected';
  return type === 'FIDUCIAL' ? 'fiducial' : undefined;
}

function same(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a.every((x, n) => Math.abs(x - (b[n] as number)) <= SAME * x);
}

/**
 * The spacing in the plane of the object, by the magnification that the file estimates: detector's spacing ÷ factor.
 * @returns undefined where the spacing is not the detector's or no factor is stated
 */
export function objectSpacing(spacing: PictureSpacing): PictureSpacing | undefined {
  if (spacing.meaning !== 'detector' || spacing.magnification === undefined) return undefined;
  return {
    ...spacing,
    rowMm: spacing.rowMm / spacing.magnification,
    columnMm: spacing.columnMm / spacing.magnification,
    meaning: 'magnification-corrected',
  };
}
