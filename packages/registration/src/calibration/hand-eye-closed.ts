import { invertRigid, multiply4, svd3, symmetricEigen } from '@trocar/core/math';
import { type Motions, type PosePairs, poseAt } from './hand-eye-motions.js';

/**
 * Closed forms for hand-eye calibration. They start the maximum-likelihood fit, and are what it is measured against.
 * Each gives X (16 doubles, column-major, mm), or undefined where the motions do not fix it.
 */
export type ClosedForm = 'park-martin' | 'daniilidis' | 'kronecker';

/** Noise may turn the axis of a motion round from this angle on: logarithms of such motions are not comparable. */
const MOST_TURN = Math.PI - 0.15;

/**
 * Park & Martin 1994 (IEEE Trans. Robotics and Automation 10:717): R_X carries the rotation vectors of B onto those of
 * A, in least squares; then (R_A − I) t_X = R_X t_B − t_A. Motions near a half-turn, whose vectors may point either
 * way, are left out.
 */
export function parkMartin(motions: Motions): Float64Array | undefined {
  const cross = new Float64Array(9);
  for (let k = 0; k < motions.count; k += 1) {
    const alpha = motions.alpha.subarray(3 * k, 3 * k + 3);
    const beta = motions.beta.subarray(3 * k, 3 * k + 3);
    const turn = Math.max(
      Math.hypot(alpha[0] as number, alpha[1] as number, alpha[2] as number),
      Math.hypot(beta[0] as number, beta[1] as number, beta[2] as number),
    );
    if (turn > MOST_TURN) continue;
    for (let i = 0; i < 3; i += 1)
      for (let j = 0; j < 3; j += 1) cross[3 * i + j] = (cross[3 * i + j] as number) + (beta[i] as number) * (alpha[j] as number);
  }
  const rotation = rotationFrom(cross);
  return rotation && withTranslation(rotation, motions);
}

/** The rotation R that maximises Σ αᵀ R β, given Σ β αᵀ (row-major); undefined where the vectors lie on a line. */
export function rotationFrom(cross: ArrayLike<number>): Float64Array | undefined {
  const { u, s, v } = svd3(cross);
  if (!((s[1] as number) > 1e-9 * (s[0] as number))) return undefined;
  const sign = handedness(u) * handedness(v);
  const out = new Float64Array(16);
  out[15] = 1;
  for (let i = 0; i < 3; i += 1) {
    for (let j = 0; j < 3; j += 1) {
      out[4 * j + i] =
        (v[3 * i] as number) * (u[3 * j] as number) +
        (v[3 * i + 1] as number) * (u[3 * j + 1] as number) +
        sign * (v[3 * i + 2] as number) * (u[3 * j + 2] as number);
    }
  }
  return out;
}

function handedness(m: ArrayLike<number>): number {
  const det =
    (m[0] as number) * ((m[4] as number) * (m[8] as number) - (m[5] as number) * (m[7] as number)) -
    (m[1] as number) * ((m[3] as number) * (m[8] as number) - (m[5] as number) * (m[6] as number)) +
    (m[2] as number) * ((m[3] as number) * (m[7] as number) - (m[4] as number) * (m[6] as number));
  return det < 0 ? -1 : 1;
}

/** The translation of X for its rotation (written into `x`), from (R_A − I) t_X = R_X t_B − t_A in least squares. */
export function withTranslation(x: Float64Array, motions: Motions): Float64Array | undefined {
  const normal = new Float64Array(9);
  const right = new Float64Array(3);
  for (let k = 0; k < motions.count; k += 1) {
    const a = poseAt(motions.a, k);
    const b = poseAt(motions.b, k);
    for (let i = 0; i < 3; i += 1) {
      const row = [0, 1, 2].map((j) => (a[4 * j + i] as number) - (i === j ? 1 : 0));
      const d =
        (x[i] as number) * (b[12] as number) +
        (x[4 + i] as number) * (b[13] as number) +
        (x[8 + i] as number) * (b[14] as number) -
        (a[12 + i] as number);
      for (let p = 0; p < 3; p += 1) {
        right[p] = (right[p] as number) + (row[p] as number) * d;
        for (let q = 0; q < 3; q += 1)
          normal[3 * p + q] = (normal[3 * p + q] as number) + (row[p] as number) * (row[q] as number);
      }
    }
  }
  const { values, vectors } = symmetricEigen(normal, 3);
  if (!((values[2] as number) > 1e-12 * (values[0] as number))) return undefined;
  for (let i = 0; i < 3; i += 1) {
    let t = 0;
    for (let m = 0; m < 3; m += 1) {
      const along = [0, 1, 2].reduce((sum, j) => sum + (vectors[3 * j + m] as number) * (right[j] as number), 0);
      t += ((vectors[3 * i + m] as number) * along) / (values[m] as number);
    }
    x[12 + i] = t;
  }
  return x;
}

/**
 * Rotations as a Kronecker system: R_A R_X = R_Y R_B⁻¹ for every pose makes (R_X, R_Y) the largest singular vectors of
 * Σ R_B ⊗ R_A (Shah 2013, J. Mechanisms and Robotics 5:031007); then both translations linearly, here through the
 * motions. Uses the poses as they stand, so no half-turn is special.
 */
export function kronecker(pairs: PosePairs, motions: Motions): Float64Array | undefined {
  const k = new Float64Array(81);
  for (let n = 0; n < pairs.count; n += 1) {
    const a = poseAt(pairs.a, n);
    const b = poseAt(pairs.b, n);
    // R_Y = R_A R_X R_B: entry (i, l) of R_Y from entry (j, m) of R_X goes by A_ij B_ml.
    for (let i = 0; i < 3; i += 1)
      for (let l = 0; l < 3; l += 1)
        for (let j = 0; j < 3; j += 1)
          for (let m = 0; m < 3; m += 1) {
            const place = 9 * (3 * i + l) + 3 * j + m;
            k[place] = (k[place] as number) + (a[4 * j + i] as number) * (b[4 * l + m] as number);
          }
  }
  const square = new Float64Array(81);
  for (let p = 0; p < 9; p += 1)
    for (let q = 0; q < 9; q += 1) {
      let sum = 0;
      for (let r = 0; r < 9; r += 1) sum += (k[9 * r + p] as number) * (k[9 * r + q] as number);
      square[9 * p + q] = sum;
    }
  const { vectors, values } = symmetricEigen(square, 9);
  if (!((values[0] as number) > (values[1] as number) * (1 + 1e-9))) return undefined;
  // Column 0 is R_X row by row, up to scale and sign: a rotation has a positive determinant.
  const rx = Float64Array.from({ length: 9 }, (_, i) => vectors[9 * i] as number);
  const sign = handedness(rx);
  const cross = new Float64Array(9);
  for (let i = 0; i < 3; i += 1) for (let j = 0; j < 3; j += 1) cross[3 * j + i] = sign * (rx[3 * i + j] as number);
  const rotation = rotationFrom(cross);
  return rotation && withTranslation(rotation, motions);
}

/**
 * Daniilidis 1999 (Int. J. Robotics Research 18:286): rotation and translation together as a unit dual quaternion in the
 * null space of a 6n×8 system, from the smallest two of its singular vectors and one quadratic.
 */
export function daniilidis(motions: Motions): Float64Array | undefined {
  const square = new Float64Array(64);
  const row = new Float64Array(48);
  for (let k = 0; k < motions.count; k += 1) {
    daniilidisRows(row, motions, k);
    for (let p = 0; p < 8; p += 1)
      for (let q = 0; q < 8; q += 1) {
        let sum = 0;
        for (let r = 0; r < 6; r += 1) sum += (row[8 * r + p] as number) * (row[8 * r + q] as number);
        square[8 * p + q] = (square[8 * p + q] as number) + sum;
      }
  }
  const { vectors } = symmetricEigen(square, 8);
  const column = (c: number, from: number): number[] => [0, 1, 2, 3].map((i) => vectors[8 * (from + i) + c] as number);
  return fromNullSpace(column(6, 0), column(6, 4), column(7, 0), column(7, 4));
}

/** Dual quaternions are taken in units of this, mm, so that both halves weigh alike. */
const DUAL_SCALE = 100;

/** The six rows [a − b, [a + b]×, 0; a′ − b′, [a′ + b′]×, a − b, [a + b]×] of motion k. */
function daniilidisRows(row: Float64Array, motions: Motions, k: number): void {
  const a = dualQuaternion(motions.alpha.subarray(3 * k, 3 * k + 3), poseAt(motions.a, k));
  const b = dualQuaternion(motions.beta.subarray(3 * k, 3 * k + 3), poseAt(motions.b, k));
  // Of a half-turn's two axes the nearer in scalar part and dual scalar is meant; away from it both scalars are positive.
  row.fill(0);
  place(row, 0, 0, a.real, b.real);
  place(row, 3, 0, a.dual, b.dual);
  place(row, 3, 4, a.real, b.real);
}

function place(row: Float64Array, from: number, column: number, a: ArrayLike<number>, b: ArrayLike<number>): void {
  const s = [0, 1, 2].map((i) => (a[i] as number) + (b[i] as number)) as [number, number, number];
  const skew = [0, -s[2], s[1], s[2], 0, -s[0], -s[1], s[0], 0];
  for (let i = 0; i < 3; i += 1) {
    row[8 * (from + i) + column] = (a[i] as number) - (b[i] as number);
    for (let j = 0; j < 3; j += 1) row[8 * (from + i) + column + 1 + j] = skew[3 * i + j] as number;
  }
}

/** Vector parts of a motion's unit dual quaternion: q and ½ t q. */
function dualQuaternion(v: ArrayLike<number>, m: ArrayLike<number>): { real: number[]; dual: number[] } {
  const angle = Math.hypot(v[0] as number, v[1] as number, v[2] as number);
  const s = Math.sin(angle / 2) / angle;
  const w = Math.cos(angle / 2);
  const q = [s * (v[0] as number), s * (v[1] as number), s * (v[2] as number)] as [number, number, number];
  const t = [m[12] as number, m[13] as number, m[14] as number].map((x) => x / DUAL_SCALE / 2) as [number, number, number];
  return {
    real: q,
    dual: [w * t[0] + t[1] * q[2] - t[2] * q[1], w * t[1] + t[2] * q[0] - t[0] * q[2], w * t[2] + t[0] * q[1] - t[1] * q[0]],
  };
}

/** The combination λ₁ (u₁, v₁) + λ₂ (u₂, v₂) that is a unit dual quaternion: |u| = 1 and u · v = 0. */
function fromNullSpace(u1: number[], v1: number[], u2: number[], v2: number[]): Float64Array | undefined {
  const dot = (p: number[], q: number[]): number => p.reduce((sum, x, i) => sum + x * (q[i] as number), 0);
  const a = dot(u1, v1);
  const b = dot(u1, v2) + dot(u2, v1);
  const c = dot(u2, v2);
  const root = Math.sqrt(Math.max(0, b * b - 4 * a * c));
  // λ₁ : λ₂ with a λ₁² + b λ₁ λ₂ + c λ₂² = 0, in both of its ways, so that none divides by a vanishing a.
  const ratios: [number, number][] = [
    [-b + root, 2 * a],
    [-b - root, 2 * a],
    [2 * c, -b - root],
    [2 * c, -b + root],
  ];
  let best: [number, number] | undefined;
  let largest = 0;
  for (const [l1, l2] of ratios) {
    const size = Math.hypot(l1, l2);
    if (!(size > 0)) continue;
    const [p, q] = [l1 / size, l2 / size];
    const length = p * p * dot(u1, u1) + 2 * p * q * dot(u1, u2) + q * q * dot(u2, u2);
    if (length > largest) [largest, best] = [length, [p, q]];
  }
  if (best === undefined || !(largest > 1e-12)) return undefined;
  const scale = 1 / Math.sqrt(largest);
  const mix = (x: number[], y: number[]): number[] =>
    x.map((value, i) => scale * ((best[0] as number) * value + (best[1] as number) * (y[i] as number)));
  return fromDualQuaternion(mix(u1, u2), mix(v1, v2));
}

/** Scalar-first real and dual parts to a matrix: t = 2 v q*. */
function fromDualQuaternion(q: number[], d: number[]): Float64Array {
  const [w, x, y, z] = q as [number, number, number, number];
  const [dw, dx, dy, dz] = d as [number, number, number, number];
  const t = [-dw * x + dx * w - dy * z + dz * y, -dw * y + dx * z + dy * w - dz * x, -dw * z - dx * y + dy * x + dz * w].map(
    (value) => 2 * DUAL_SCALE * value,
  );
  const out = new Float64Array(16);
  const n = w * w + x * x + y * y + z * z;
  const s = 2 / n;
  out.set([1 - s * (y * y + z * z), s * (x * y + w * z), s * (x * z - w * y), 0], 0);
  out.set([s * (x * y - w * z), 1 - s * (x * x + z * z), s * (y * z + w * x), 0], 4);
  out.set([s * (x * z + w * y), s * (y * z - w * x), 1 - s * (x * x + y * y), 0], 8);
  out.set([...t.map((value) => value / n), 1], 12);
  return out;
}

/** Y of each pose for an X: A X B, 16 doubles each. */
export function closures(pairs: PosePairs, x: ArrayLike<number>): Float64Array {
  const out = new Float64Array(16 * pairs.count);
  const half = new Float64Array(16);
  for (let i = 0; i < pairs.count; i += 1) {
    multiply4(half, poseAt(pairs.a, i), x);
    multiply4(poseAt(out, i), half, poseAt(pairs.b, i));
  }
  return out;
}

/** The mean of the chosen poses of a stack: chordal mean of the rotations, mean of the translations. */
export function meanPose(stack: Float64Array, indices: ArrayLike<number>): Float64Array {
  const cross = new Float64Array(9);
  const t = [0, 0, 0];
  for (let k = 0; k < indices.length; k += 1) {
    const m = poseAt(stack, indices[k] as number);
    for (let i = 0; i < 3; i += 1) {
      t[i] = (t[i] as number) + (m[12 + i] as number) / indices.length;
      for (let j = 0; j < 3; j += 1) cross[3 * j + i] = (cross[3 * j + i] as number) + (m[4 * j + i] as number);
    }
  }
  const out = rotationFrom(cross) ?? Float64Array.from(poseAt(stack, indices[0] as number));
  out.set(t, 12);
  return out;
}

/** E = Y⁻¹ A X B for each pose: the identity where everything agrees. 16 doubles each, in the target's frame. */
export function misfits(pairs: PosePairs, x: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const out = closures(pairs, x);
  const inverse = invertRigid(new Float64Array(16), y);
  for (let i = 0; i < pairs.count; i += 1) multiply4(poseAt(out, i), inverse, poseAt(out, i));
  return out;
}
