import { NavError } from '../../base/index.js';
import { cross, unit } from '../planes.js';

/**
 * What an ultrasound image shows, in the image's own plane: mm, x to the right, y down (away from the probe), from the image's
 * origin, the centre of its first pixel.
 */
export type FanShape =
  | {
      readonly kind: 'sector';
      /** Where the beams meet. */
      readonly apexMm: readonly [number, number];
      /** From the apex to where the image begins and ends. */
      readonly innerMm: number;
      readonly outerMm: number;
      /** To either side of straight down, degrees, less than 90. */
      readonly halfAngleDeg: number;
    }
  | {
      readonly kind: 'linear';
      /** The upper left corner. */
      readonly cornerMm: readonly [number, number];
      readonly widthMm: number;
      readonly depthMm: number;
    };

/** Refuses a fan that holds nothing. @throws NavError `pose/bad-option` */
export function requireFan(fan: FanShape): FanShape {
  const numbers =
    fan.kind === 'sector'
      ? [...fan.apexMm, fan.innerMm, fan.outerMm, fan.halfAngleDeg]
      : [...fan.cornerMm, fan.widthMm, fan.depthMm];
  const holds =
    fan.kind === 'sector'
      ? fan.innerMm >= 0 && fan.outerMm > fan.innerMm && fan.halfAngleDeg > 0 && fan.halfAngleDeg < 90
      : fan.widthMm > 0 && fan.depthMm > 0;
  if (holds && numbers.every(Number.isFinite)) return fan;
  throw new NavError(
    'pose/bad-option',
    `A ${fan.kind} fan of ${JSON.stringify(fan)} holds no image. Give finite mm, the outer radius above the inner, an angle between 0 and 90°.`,
    { detail: fan },
  );
}

/** Whether a point of the image plane, mm, lies in the fan. */
export function fanHolds(fan: FanShape, x: number, y: number): boolean {
  if (fan.kind === 'linear') {
    const dx = x - fan.cornerMm[0];
    const dy = y - fan.cornerMm[1];
    return dx >= 0 && dy >= 0 && dx <= fan.widthMm && dy <= fan.depthMm;
  }
  const dx = x - fan.apexMm[0];
  const dy = y - fan.apexMm[1];
  const r = Math.hypot(dx, dy);
  if (r < fan.innerMm || r > fan.outerMm) return false;
  return Math.abs(Math.atan2(dx, dy)) <= (fan.halfAngleDeg * Math.PI) / 180;
}

/**
 * The outline of a fan: x and y of each corner of a closed polygon, mm of the image plane; it begins at the upper left and runs
 * along the probe's face first.
 * @param pieces chords an arc is made of
 */
export function fanOutline(fan: FanShape, pieces = 24): Float64Array {
  if (fan.kind === 'linear') {
    const [x, y] = fan.cornerMm;
    return Float64Array.of(x, y, x + fan.widthMm, y, x + fan.widthMm, y + fan.depthMm, x, y + fan.depthMm);
  }
  const out = new Float64Array(4 * (pieces + 1));
  const half = (fan.halfAngleDeg * Math.PI) / 180;
  for (let n = 0; n <= pieces; n += 1) {
    const angle = half * ((2 * n) / pieces - 1);
    const last = 4 * (pieces + 1) - 2 - 2 * n;
    out[2 * n] = fan.apexMm[0] + fan.innerMm * Math.sin(angle);
    out[2 * n + 1] = fan.apexMm[1] + fan.innerMm * Math.cos(angle);
    out[last] = fan.apexMm[0] + fan.outerMm * Math.sin(angle);
    out[last + 1] = fan.apexMm[1] + fan.outerMm * Math.cos(angle);
  }
  return out;
}

/**
 * Puts a point of the fan's plane into the frame of an instrument: x along the instrument's x made perpendicular to the shaft (its y
 * where the shaft lies along x), y away from the handle; mm.
 * @param shaft from the foot towards the handle, unit
 */
export function fanFrame(shaft: readonly [number, number, number]): (out: Float64Array, x: number, y: number) => void {
  const across = Math.abs(shaft[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  // (shaft × x) × shaft
  const right = unit(cross(cross(shaft, across), shaft));
  return (out, x, y) => {
    for (let k = 0; k < 3; k += 1) out[k] = x * (right[k] as number) - y * (shaft[k] as number);
  };
}
