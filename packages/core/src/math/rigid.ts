import { mat4 } from 'gl-matrix';

/**
 * Rigid and affine 4×4 matrices: column-major doubles, p' = M p, millimetres in the last column.
 *
 * gl-matrix does the arithmetic, always into a caller-owned Float64Array: its own `create()` makes single
 * precision, which drifts by 2 µm over a thousand compositions at 300 mm.
 */

/** 16 doubles, column-major: elements 12, 13, 14 are the translation. */
export type Mat4 = Float64Array;
/** 3 doubles. */
export type Vec3 = Float64Array;
/** Unit quaternion, 4 doubles in the order x, y, z, w (scalar last). */
export type Quat = Float64Array;

/** A new 4×4 identity. */
export function identity4(): Mat4 {
  const out = new Float64Array(16);
  out[0] = out[5] = out[10] = out[15] = 1;
  return out;
}

/** A new vector of three doubles. */
export function vec3(x: number, y: number, z: number): Vec3 {
  const out = new Float64Array(3);
  out[0] = x;
  out[1] = y;
  out[2] = z;
  return out;
}

/** out = a · b. `out` may be `a` or `b`. */
export function multiply4(out: Mat4, a: ArrayLike<number>, b: ArrayLike<number>): Mat4 {
  mat4.multiply(out as unknown as mat4, a as unknown as mat4, b as unknown as mat4);
  return out;
}

/** The inverse of any invertible 4×4 into `out`; `false`, with `out` untouched, where it is singular. */
export function invert4(out: Mat4, a: ArrayLike<number>): boolean {
  return mat4.invert(out as unknown as mat4, a as unknown as mat4) !== null;
}

/** The inverse of a rigid matrix into `out`, by transposing its rotation: exact to rounding. `out` may be `a`. */
export function invertRigid(out: Mat4, a: ArrayLike<number>): Mat4 {
  const r0 = a[0] as number;
  const r1 = a[1] as number;
  const r2 = a[2] as number;
  const r4 = a[4] as number;
  const r5 = a[5] as number;
  const r6 = a[6] as number;
  const r8 = a[8] as number;
  const r9 = a[9] as number;
  const r10 = a[10] as number;
  const x = a[12] as number;
  const y = a[13] as number;
  const z = a[14] as number;
  out[0] = r0;
  out[1] = r4;
  out[2] = r8;
  out[3] = 0;
  out[4] = r1;
  out[5] = r5;
  out[6] = r9;
  out[7] = 0;
  out[8] = r2;
  out[9] = r6;
  out[10] = r10;
  out[11] = 0;
  out[12] = -(r0 * x + r1 * y + r2 * z);
  out[13] = -(r4 * x + r5 * y + r6 * z);
  out[14] = -(r8 * x + r9 * y + r10 * z);
  out[15] = 1;
  return out;
}

/** out = M p for a point (the translation counts). `out` may be `p`. */
export function transformPoint(out: Vec3, m: ArrayLike<number>, p: ArrayLike<number>): Vec3 {
  const x = p[0] as number;
  const y = p[1] as number;
  const z = p[2] as number;
  out[0] = (m[0] as number) * x + (m[4] as number) * y + (m[8] as number) * z + (m[12] as number);
  out[1] = (m[1] as number) * x + (m[5] as number) * y + (m[9] as number) * z + (m[13] as number);
  out[2] = (m[2] as number) * x + (m[6] as number) * y + (m[10] as number) * z + (m[14] as number);
  return out;
}

/** out = M v for a direction (the translation does not count). `out` may be `v`. */
export function transformDirection(out: Vec3, m: ArrayLike<number>, v: ArrayLike<number>): Vec3 {
  const x = v[0] as number;
  const y = v[1] as number;
  const z = v[2] as number;
  out[0] = (m[0] as number) * x + (m[4] as number) * y + (m[8] as number) * z;
  out[1] = (m[1] as number) * x + (m[5] as number) * y + (m[9] as number) * z;
  out[2] = (m[2] as number) * x + (m[6] as number) * y + (m[10] as number) * z;
  return out;
}

/** The rigid matrix of a unit quaternion (x, y, z, w) and a translation in millimetres, into `out`. */
export function fromQuaternion(out: Mat4, q: ArrayLike<number>, t: ArrayLike<number>): Mat4 {
  const x = q[0] as number;
  const y = q[1] as number;
  const z = q[2] as number;
  const w = q[3] as number;
  out[0] = 1 - 2 * (y * y + z * z);
  out[1] = 2 * (x * y + w * z);
  out[2] = 2 * (x * z - w * y);
  out[3] = 0;
  out[4] = 2 * (x * y - w * z);
  out[5] = 1 - 2 * (x * x + z * z);
  out[6] = 2 * (y * z + w * x);
  out[7] = 0;
  out[8] = 2 * (x * z + w * y);
  out[9] = 2 * (y * z - w * x);
  out[10] = 1 - 2 * (x * x + y * y);
  out[11] = 0;
  out[12] = t[0] as number;
  out[13] = t[1] as number;
  out[14] = t[2] as number;
  out[15] = 1;
  return out;
}

/**
 * The unit quaternion (x, y, z, w ≥ 0) of a rigid matrix's rotation, into `out`.
 *
 * Shepperd's method: the largest of the four squared components is found first, so nothing is divided by a
 * number near zero (Shepperd 1978, J. Guidance and Control 1:223).
 */
export function quaternionOf(out: Quat, m: ArrayLike<number>): Quat {
  const m00 = m[0] as number;
  const m11 = m[5] as number;
  const m22 = m[10] as number;
  const trace = m00 + m11 + m22;
  let x: number;
  let y: number;
  let z: number;
  let w: number;
  if (trace >= m00 && trace >= m11 && trace >= m22) {
    const s = 2 * Math.sqrt(1 + trace);
    x = ((m[6] as number) - (m[9] as number)) / s;
    y = ((m[8] as number) - (m[2] as number)) / s;
    z = ((m[1] as number) - (m[4] as number)) / s;
    w = s / 4;
  } else if (m00 >= m11 && m00 >= m22) {
    const s = 2 * Math.sqrt(1 + m00 - m11 - m22);
    x = s / 4;
    y = ((m[1] as number) + (m[4] as number)) / s;
    z = ((m[8] as number) + (m[2] as number)) / s;
    w = ((m[6] as number) - (m[9] as number)) / s;
  } else if (m11 >= m22) {
    const s = 2 * Math.sqrt(1 - m00 + m11 - m22);
    x = ((m[1] as number) + (m[4] as number)) / s;
    y = s / 4;
    z = ((m[6] as number) + (m[9] as number)) / s;
    w = ((m[8] as number) - (m[2] as number)) / s;
  } else {
    const s = 2 * Math.sqrt(1 - m00 - m11 + m22);
    x = ((m[8] as number) + (m[2] as number)) / s;
    y = ((m[6] as number) + (m[9] as number)) / s;
    z = s / 4;
    w = ((m[1] as number) - (m[4] as number)) / s;
  }
  const scale = (w < 0 ? -1 : 1) / Math.sqrt(x * x + y * y + z * z + w * w);
  out[0] = x * scale;
  out[1] = y * scale;
  out[2] = z * scale;
  out[3] = w * scale;
  return out;
}

/**
 * Spherical interpolation from `a` (f = 0) to `b` (f = 1) along the shorter arc, into `out`.
 *
 * q and −q are the same rotation: the sign of `b` is flipped where the two lie in opposite hemispheres, else the
 * tool would turn the long way round. (Shoemake 1985, SIGGRAPH, slerp; linear below 1e-4 rad, where sin loses digits.)
 */
export function slerp(out: Quat, a: ArrayLike<number>, b: ArrayLike<number>, f: number): Quat {
  return slerpAt(out, a, b, Float64Array.of(f));
}

/** {@link slerp} with the fraction in a cell, for the pose path: no double is boxed on the way. */
export function slerpAt(out: Quat, a: ArrayLike<number>, b: ArrayLike<number>, fraction: Float64Array): Quat {
  const f = fraction[0] as number;
  const ax = a[0] as number;
  const ay = a[1] as number;
  const az = a[2] as number;
  const aw = a[3] as number;
  let bx = b[0] as number;
  let by = b[1] as number;
  let bz = b[2] as number;
  let bw = b[3] as number;
  let cosine = ax * bx + ay * by + az * bz + aw * bw;
  if (cosine < 0) {
    cosine = -cosine;
    bx = -bx;
    by = -by;
    bz = -bz;
    bw = -bw;
  }
  let wa = 1 - f;
  let wb = f;
  if (cosine < 1 - 5e-9) {
    const angle = Math.acos(cosine);
    const sine = Math.sin(angle);
    wa = Math.sin((1 - f) * angle) / sine;
    wb = Math.sin(f * angle) / sine;
  }
  const x = wa * ax + wb * bx;
  const y = wa * ay + wb * by;
  const z = wa * az + wb * bz;
  const w = wa * aw + wb * bw;
  const scale = 1 / Math.sqrt(x * x + y * y + z * z + w * w);
  out[0] = x * scale;
  out[1] = y * scale;
  out[2] = z * scale;
  out[3] = w * scale;
  return out;
}

/**
 * The rotation by |v| radians about v, as a rigid matrix without translation, into `out` (Rodrigues' formula).
 * The exponential map of SO(3): `v` is a rotation vector in radians.
 */
export function fromRotationVector(out: Mat4, v: ArrayLike<number>): Mat4 {
  const x = v[0] as number;
  const y = v[1] as number;
  const z = v[2] as number;
  const angle = Math.hypot(x, y, z);
  // sin(h)/angle with h = angle/2, by its series where the quotient would be 0/0.
  const half = angle / 2;
  const s = angle < 1e-8 ? 0.5 - (angle * angle) / 48 : Math.sin(half) / angle;
  return fromQuaternion(out, [x * s, y * s, z * s, Math.cos(half)], [0, 0, 0]);
}

/** The rotation angle between two rigid matrices' rotations, in radians, 0 … π; exact also for tiny angles. */
export function rotationAngleBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  // |Ra − Rb|_F = 2√2 sin(θ/2): acos of the trace would lose half the digits near 0.
  let sum = 0;
  for (let column = 0; column < 3; column += 1) {
    for (let row = 0; row < 3; row += 1) {
      const d = (a[4 * column + row] as number) - (b[4 * column + row] as number);
      sum += d * d;
    }
  }
  return 2 * Math.asin(Math.min(1, Math.sqrt(sum / 8)));
}

/**
 * The rotation vector φ (axis times angle, rad, angle 0 … π) of a rotation matrix's upper left 3×3, into `out`: the inverse
 * of {@link fromRotationVector}. By way of the quaternion, so exact to rounding at small angles and near a half-turn, where
 * either of the two opposite vectors is right.
 */
export function rotationVectorOf(out: Vec3, m: ArrayLike<number>): Vec3 {
  const q = quaternionOf(new Float64Array(4), m);
  const sign = (q[3] as number) < 0 ? -1 : 1;
  const sine = Math.hypot(q[0] as number, q[1] as number, q[2] as number);
  const scale = sine < 1e-150 ? 2 * sign : (2 * sign * Math.atan2(sine, sign * (q[3] as number))) / sine;
  for (let k = 0; k < 3; k += 1) out[k] = scale * (q[k] as number);
  return out;
}

/**
 * How far a matrix is from rigid: the largest deviation of RᵀR from the identity, or Infinity where the
 * determinant is not positive (a mirror), the last row is not 0 0 0 1, or an element is not finite.
 */
export function rigidityError(m: ArrayLike<number>): number {
  for (let i = 0; i < 16; i += 1) if (!Number.isFinite(m[i] as number)) return Number.POSITIVE_INFINITY;
  if (m[3] !== 0 || m[7] !== 0 || m[11] !== 0 || m[15] !== 1) return Number.POSITIVE_INFINITY;
  if (determinant3(m) <= 0) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let a = 0; a < 3; a += 1) {
    for (let b = a; b < 3; b += 1) {
      let dot = 0;
      for (let k = 0; k < 3; k += 1) dot += (m[4 * a + k] as number) * (m[4 * b + k] as number);
      worst = Math.max(worst, Math.abs(dot - (a === b ? 1 : 0)));
    }
  }
  return worst;
}

/** The determinant of the upper-left 3×3 block: negative for a matrix that mirrors. */
export function determinant3(m: ArrayLike<number>): number {
  const a = m[0] as number;
  const b = m[4] as number;
  const c = m[8] as number;
  const d = m[1] as number;
  const e = m[5] as number;
  const f = m[9] as number;
  const g = m[2] as number;
  const h = m[6] as number;
  const i = m[10] as number;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}
