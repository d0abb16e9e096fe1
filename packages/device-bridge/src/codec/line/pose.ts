import type { LineField, LineValues } from './fields.js';

/** Units of the numbers on a line. */
export interface LineUnits {
  /** Of x, y, z and error. */
  readonly length?: 'mm' | 'cm' | 'm' | 'inch';
  /** Of roll, pitch and yaw. */
  readonly angle?: 'rad' | 'deg';
}

/** Millimetres per unit, radians per unit: the one place where lines are converted. */
const MM = { mm: 1, cm: 10, m: 1000, inch: 25.4 };
const RAD = { rad: 1, deg: Math.PI / 180 };

/** What a line said, converted: mm, radians, quaternion x y z w; NaN where it said nothing. */
export class LinePose {
  /** x y z (mm), qx qy qz qw. */
  readonly values: Float64Array = new Float64Array(7).fill(Number.NaN);
  errorMm: number = Number.NaN;
  /** In the device's own unit: a clock fit needs no other. */
  time: number = Number.NaN;
  /** 0 where the line has none. */
  frame = 0;
  valid: boolean | undefined = undefined;
}

const POSITION: readonly LineField[] = ['x', 'y', 'z'];
const QUATERNION: readonly LineField[] = ['qx', 'qy', 'qz', 'qw'];
const ANGLES: readonly LineField[] = ['roll', 'pitch', 'yaw'];
/** A quaternion printed with two digits is this close to unit length. */
const UNIT_TOLERANCE = 0.05;

/**
 * Fills a pose from a line's values.
 * @returns the field that is missing or is no number, or undefined where all is well
 */
export function readLinePose(values: LineValues, units: LineUnits, out: LinePose): LineField | undefined {
  const mm = MM[units.length ?? 'mm'];
  out.values.fill(Number.NaN);
  const bad =
    readThree(values, POSITION, mm, out.values, 0) ??
    readThree(values, QUATERNION, 1, out.values, 3) ??
    readAngles(values, units, out.values) ??
    readScalars(values, mm, out);
  return bad ?? (isTurned(out.values) ? undefined : 'qw');
}

/** All of them, or none of them. */
function readThree(
  values: LineValues,
  fields: readonly LineField[],
  scale: number,
  out: Float64Array,
  at: number,
): LineField | undefined {
  if (fields.every((field) => values[field] === undefined)) return undefined;
  for (const [i, field] of fields.entries()) {
    const number = toNumber(values[field]) * scale;
    if (!Number.isFinite(number)) return field;
    out[at + i] = number;
  }
  return undefined;
}

/** Roll about x, then pitch about y, then yaw about z, all about the fixed axes: R = Rz(yaw) · Ry(pitch) · Rx(roll). */
function readAngles(values: LineValues, units: LineUnits, out: Float64Array): LineField | undefined {
  const angles = new Float64Array(3).fill(Number.NaN);
  const bad = readThree(values, ANGLES, RAD[units.angle ?? 'rad'] / 2, angles, 0);
  if (bad !== undefined || Number.isNaN(angles[0] as number)) return bad;
  const [r, p, y] = angles as unknown as [number, number, number];
  const [cr, sr, cp, sp, cy, sy] = [Math.cos(r), Math.sin(r), Math.cos(p), Math.sin(p), Math.cos(y), Math.sin(y)];
  out[3] = sr * cp * cy - cr * sp * sy;
  out[4] = cr * sp * cy + sr * cp * sy;
  out[5] = cr * cp * sy - sr * sp * cy;
  out[6] = cr * cp * cy + sr * sp * sy;
  return undefined;
}

function readScalars(values: LineValues, mm: number, out: LinePose): LineField | undefined {
  out.errorMm = values.error === undefined ? Number.NaN : toNumber(values.error) * mm;
  out.time = values.time === undefined ? Number.NaN : toNumber(values.time);
  out.frame = values.frame === undefined ? 0 : toNumber(values.frame);
  out.valid = values.valid === undefined ? undefined : isTrue(values.valid);
  if (values.error !== undefined && !(out.errorMm >= 0)) return 'error';
  if (values.time !== undefined && !Number.isFinite(out.time)) return 'time';
  if (!(Number.isInteger(out.frame) && out.frame >= 0 && out.frame <= 0xffff_ffff)) return 'frame';
  return undefined;
}

const isTrue = (value: string | number): boolean =>
  !['', '0', 'false', 'f', 'n', 'no', 'v'].includes(String(value).toLowerCase());

/** A whole text that is a number: not empty, not `12abc`, and decimal. */
function toNumber(value: string | number | undefined): number {
  if (typeof value === 'number') return value;
  return value !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : Number.NaN;
}

/** Whether the quaternion is one, and makes it of unit length: lines are printed with few digits. */
function isTurned(values: Float64Array): boolean {
  if (Number.isNaN(values[6] as number)) return true;
  const [, , , x = 0, y = 0, z = 0, w = 0] = values;
  const length = Math.sqrt(x * x + y * y + z * z + w * w);
  if (!(Math.abs(length - 1) <= UNIT_TOLERANCE)) return false;
  for (let k = 3; k < 7; k += 1) values[k] = (values[k] as number) / length;
  return true;
}
