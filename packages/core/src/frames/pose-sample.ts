import type { Instant } from '../time/index.js';
import type { Status } from './status.js';

/** Doubles per sample: measured, arrived, error, tx, ty, tz, qx, qy, qz, qw. */
export const STRIDE = 10;

/**
 * One tool pose as it comes from a device: owned by the caller, filled again and again, copied by
 * {@link PoseBuffer.push}. Numbers live in a typed array, so that filling one allocates nothing.
 */
export class PoseSample {
  /** measured (ms), arrived (ms), error (mm, NaN unknown), tx ty tz (mm), qx qy qz qw. */
  readonly values: Float64Array = new Float64Array(STRIDE).fill(Number.NaN);
  /** What the device says of this sample. */
  status: Status = 'unknown';

  /** When the pose was true, on the host's clock. */
  get measuredAt(): Instant {
    return this.values[0] as Instant;
  }
  set measuredAt(at: Instant) {
    this.values[0] = at;
  }
  /** When its last byte arrived, on the host's clock. */
  get arrivedAt(): Instant {
    return this.values[1] as Instant;
  }
  set arrivedAt(at: Instant) {
    this.values[1] = at;
  }
  /** The device's own error figure, mm; NaN where it gives none. What it means depends on the device. */
  get errorMm(): number {
    return this.values[2] as number;
  }
  set errorMm(mm: number) {
    this.values[2] = mm;
  }

  /** Sets position (mm) and unit quaternion (x, y, z, w). */
  setPose(tx: number, ty: number, tz: number, qx: number, qy: number, qz: number, qw: number): void {
    const v = this.values;
    v[3] = tx;
    v[4] = ty;
    v[5] = tz;
    v[6] = qx;
    v[7] = qy;
    v[8] = qz;
    v[9] = qw;
  }
}

/** Quaternions further from unit length than this are no rotation; NDI's text format rounds to 1e-4. */
const UNIT_TOLERANCE = 0.01;

/** Whether the numbers of a sample are a pose: finite, and a quaternion near unit length. The error figure may be NaN. */
export function isUsable(v: Float64Array): boolean {
  for (let i = 3; i < STRIDE; i += 1) if (!Number.isFinite(v[i] as number)) return false;
  const x = v[6] as number;
  const y = v[7] as number;
  const z = v[8] as number;
  const w = v[9] as number;
  return Math.abs(x * x + y * y + z * z + w * w - 1) <= 2 * UNIT_TOLERANCE;
}
