import { fromQuaternion, quaternionOf, rigidityError } from '../../math/index.js';
import { type ByteReader, type ByteWriter, badValue, malformed } from './bytes.js';
import type { Triple } from './state.js';

/** Positions and lengths are sent in steps of this, mm: at most half of it off along each axis. */
export const POSE_STEP_MM = 0.01;
/** An orientation that was sent is off by at most this angle, degrees; the steps below make it 0.005°. */
export const POSE_STEP_DEG = 0.01;
/** What sending adds to the bound of a point at a tool's origin, mm: half a step along three axes. */
export const SENDING_ERROR_MM: number = (Math.sqrt(3) * POSE_STEP_MM) / 2;

/** The three smaller parts of a unit quaternion are within ±√½, in 16 bits each: 2.2e-5 a step. */
const HALF_RANGE = Math.SQRT1_2;
const STEPS = 65_535;
/** Matrices further than this from rigid are none. */
const RIGID_WITHIN = 1e-6;
/** 21 km: beyond it a position is a mistake. */
const FARTHEST_STEPS = 2 ** 31;

/** A length or angle in hundredths. @throws NavError `live/bad-value` where it is not finite or absurd */
export function hundredths(value: number, what: string): number {
  const steps = Math.round(value / POSE_STEP_MM);
  if (!(Math.abs(steps) <= FARTHEST_STEPS)) throw badValue(`${what} is ${value}`);
  // No negative zero: one state has one text.
  return steps + 0;
}

const fromHundredths = (steps: number): number => {
  if (Math.abs(steps) > FARTHEST_STEPS) throw malformed(`a length of ${steps} steps`);
  return steps / 100;
};

export function writeHundredths(to: ByteWriter, value: number, what: string): void {
  to.signed(hundredths(value, what));
}

export function readHundredths(from: ByteReader): number {
  return fromHundredths(from.signed());
}

/**
 * A bound as steps + 1, rounded up with what sending adds; 0 where it is not known.
 * @param sending what rounding the value itself adds, same unit
 * @throws NavError `live/bad-value` for a bound below 0
 */
export function writeBound(to: ByteWriter, bound: number, sending: number, what: string): void {
  if (Number.isNaN(bound) || bound === Number.POSITIVE_INFINITY) {
    to.whole(0);
    return;
  }
  // 1e-9 of a step is rounding of the sum, not part of the bound.
  const steps = Math.ceil((bound + sending) / POSE_STEP_MM - 1e-9);
  if (!(bound >= 0 && steps < FARTHEST_STEPS)) throw badValue(`the bound of ${what} is ${bound}`);
  to.whole(steps + 1);
}

export function readBound(from: ByteReader): number {
  const code = from.whole(FARTHEST_STEPS);
  return code === 0 ? Number.NaN : fromHundredths(code - 1);
}

export function writePoint(to: ByteWriter, at: ArrayLike<number>, what: string): void {
  for (let k = 0; k < 3; k += 1) writeHundredths(to, at[k] as number, what);
}

export function readPoint(from: ByteReader): Triple {
  return [readHundredths(from), readHundredths(from), readHundredths(from)];
}

/**
 * A rotation in seven bytes: which of the four parts is the largest, and the other three ("smallest three"). The rounding of each part is
 * at most 1.1e-5 and that of the largest follows from it, so the angle is off by at most 7.5e-5 rad, 0.0043°.
 */
export function writeRotation(to: ByteWriter, matrix: ArrayLike<number>, what: string): void {
  if (!(rigidityError(matrix) <= RIGID_WITHIN)) throw badValue(`the matrix of ${what} is not rigid`);
  const q = quaternionOf(new Float64Array(4), matrix);
  let largest = 0;
  for (let k = 1; k < 4; k += 1) if (Math.abs(q[k] as number) > Math.abs(q[largest] as number)) largest = k;
  // q and −q are one rotation: the largest part is sent as above 0.
  const sign = (q[largest] as number) < 0 ? -1 : 1;
  to.u8(largest);
  for (let k = 0; k < 4; k += 1) {
    if (k !== largest) to.u16(Math.round(((sign * (q[k] as number) + HALF_RANGE) / (2 * HALF_RANGE)) * STEPS));
  }
}

/** A unit quaternion (x, y, z, w). @throws NavError `live/malformed` */
export function readRotation(from: ByteReader): Float64Array {
  const largest = from.u8();
  if (largest > 3) throw malformed(`part ${largest} of a quaternion`);
  const q = new Float64Array(4);
  let rest = 1;
  for (let k = 0; k < 4; k += 1) {
    if (k === largest) continue;
    q[k] = (from.u16() / STEPS) * 2 * HALF_RANGE - HALF_RANGE;
    rest -= (q[k] as number) ** 2;
  }
  // The largest of four is at least ½; rounding takes little of it.
  if (!(rest > 0.2)) throw malformed('parts that are no rotation');
  q[largest] = Math.sqrt(rest);
  return q;
}

/** A rigid matrix: rotation and translation. @throws NavError `live/bad-value` where it is none */
export function writePose(to: ByteWriter, matrix: ArrayLike<number>, what: string): void {
  writeRotation(to, matrix, what);
  for (let k = 12; k < 15; k += 1) writeHundredths(to, matrix[k] as number, `the position of ${what}`);
}

/** 16 doubles, column-major, mm. */
export function readPose(from: ByteReader): Float64Array {
  const q = readRotation(from);
  return fromQuaternion(new Float64Array(16), q, readPoint(from)) as Float64Array;
}
