import { NavError } from '../../base/index.js';
import { identity4 } from '../../math/index.js';
import type { ImageFrame } from '../../recording/index.js';
import { geometryFault, pixelMm } from '../sweep.js';

/** A probe calibration, as `calibrateProbe` gives it, and the images that it holds for. */
export interface LiveCalibration {
  /** p_probe = m · (column, row, 0, 1): 16 doubles, column-major, mm; pixel centres at integers. */
  readonly probeFromImage: ArrayLike<number>;
  /** Pixels along a row, and rows, of the images that it was found with. */
  readonly size: readonly [number, number];
  /** How deep the machine looked, mm; left out where nobody knows. */
  readonly depthMm?: number;
  /**
   * The pose that belongs to an image is that of so much LATER than the image's time, ms, as calibrateProbe has it: negative where images are
   * stamped late, as most are. Default 0.
   */
  readonly lagMs?: number;
  /** Its standard deviation, ms. Default: not known. */
  readonly lagSdMs?: number;
}

/**
 * What is known of a calibration and the images that come.
 * - `valid`: everything that can change agrees, or a person has confirmed it.
 * - `unverified`: nothing disagrees, but the device says neither depth nor spacing: a changed depth could not be seen.
 * - `mismatch`: size, depth or spacing are others; the images cannot be placed.
 * - `none`: there is no calibration, or no image yet.
 */
export type CalibrationState = 'valid' | 'unverified' | 'mismatch' | 'none';

/** Depths are the same within this, mm, and spacings within this share. */
const DEPTH_MM = 0.5;
const SPACING_SHARE = 0.01;

/** From one column, and from one row, to the next, mm. */
const spacingOf = ({ probeFromImage: m }: LiveCalibration): readonly [number, number] => [pixelMm(m, 0), pixelMm(m, 4)];

/** Whether a calibration holds for an image. */
export function calibrationHolds(calibration: LiveCalibration, frame: ImageFrame): Exclude<CalibrationState, 'none'> {
  const { size, depthMm = Number.NaN } = calibration;
  const spacingMm = spacingOf(calibration);
  if (frame.width !== size[0] || frame.height !== size[1]) return 'mismatch';
  // What either side does not say is NaN, and disagrees with nothing.
  if (Math.abs(frame.depthMm - depthMm) > DEPTH_MM) return 'mismatch';
  for (const k of [0, 1] as const) if (Math.abs(frame.spacingMm[k] / spacingMm[k] - 1) > SPACING_SHARE) return 'mismatch';
  const depthKnown = !Number.isNaN(frame.depthMm - depthMm);
  return depthKnown || !Number.isNaN(frame.spacingMm[0] + frame.spacingMm[1]) ? 'valid' : 'unverified';
}

/** Whether two images are of one geometry: size, depth and spacing; what neither says is the same. */
export function sameGeometry(a: ImageFrame, b: ImageFrame): boolean {
  const same = (x: number, y: number): boolean => x === y || (Number.isNaN(x) && Number.isNaN(y));
  if (a.width !== b.width || a.height !== b.height || a.components !== b.components || a.number !== b.number) return false;
  return same(a.depthMm, b.depthMm) && same(a.spacingMm[0], b.spacingMm[0]) && same(a.spacingMm[1], b.spacingMm[1]);
}

/** @throws NavError `ultrasound/bad-option`, `ultrasound/bad-geometry` */
export function requireCalibration(calibration: LiveCalibration): LiveCalibration {
  const { probeFromImage, size, lagMs = 0, lagSdMs = 0, depthMm = 1 } = calibration;
  const fault = geometryFault(probeFromImage);
  if (fault !== undefined) throw new NavError('ultrasound/bad-geometry', `The probeFromImage of a live calibration ${fault}.`);
  const whole = size.every((n) => Number.isInteger(n) && n > 0);
  // The deviation of a lag that was given is NaN: not known.
  if (whole && depthMm > 0 && depthMm < 1e4 && Math.abs(lagMs) <= 2000 && !(lagSdMs < 0)) return calibration;
  throw new NavError(
    'ultrasound/bad-option',
    `A live calibration needs whole sizes, a depth above 0 mm and a lag within 2 s; got ${size.join(' × ')}, ` +
      `${calibration.depthMm ?? 'no'} mm deep, ${lagMs} ± ${lagSdMs} ms.`,
  );
}

/**
 * A calibration as a textured plane and a flat view take it: the size of a pixel, and where the plane lies, rigid. Rows and columns that are
 * not quite at right angles are given the rows' direction.
 */
export function imagePlaneOf(calibration: LiveCalibration): {
  readonly spacingMm: readonly [number, number];
  readonly probeFromImage: Float64Array;
} {
  const { probeFromImage: from } = calibration;
  const spacingMm = spacingOf(calibration);
  const m = identity4();
  const x = [0, 1, 2].map((r) => (from[r] as number) / spacingMm[0]);
  const along = [0, 1, 2].reduce((sum, r) => sum + (x[r] as number) * (from[4 + r] as number), 0);
  const down = [0, 1, 2].map((r) => (from[4 + r] as number) - along * (x[r] as number));
  const length = Math.hypot(...down);
  for (let r = 0; r < 3; r += 1) {
    const [a, b] = [(r + 1) % 3, (r + 2) % 3];
    m[r] = x[r] as number;
    m[4 + r] = (down[r] as number) / length;
    m[8 + r] = ((x[a] as number) * (down[b] as number) - (x[b] as number) * (down[a] as number)) / length;
    m[12 + r] = from[12 + r] as number;
  }
  return { spacingMm, probeFromImage: m };
}
