import { fromQuaternion, invert4 } from '@trocar/core/math';

/** What a registration may do beside moving and turning. */
export type MotionKind = 'rigid' | 'similarity' | 'affine';

/**
 * A map of fixed points to moving ones about the fixed centre c: y = linear · (x − c) + at.
 * `linear` is 3×3 row-major, `at` is where c goes, mm in the moving frame.
 */
export interface Motion {
  readonly linear: Float64Array;
  readonly at: Float64Array;
}

export const PARAMETERS: Readonly<Record<MotionKind, number>> = { rigid: 6, similarity: 7, affine: 12 };

const SPIN = [
  [0, 0, 0, 0, 0, -1, 0, 1, 0],
  [0, 0, 1, 0, 0, 0, -1, 0, 0],
  [0, -1, 0, 1, 0, 0, 0, 0, 0],
] as const;

/**
 * A motion followed by a small one: `step` holds millimetres. Three of translation, then of displacement at the distance
 * `radiusMm`: rotation about the moving axes and, of a similarity, growth; of an affine map its nine elements instead.
 */
export function moved(kind: MotionKind, motion: Motion, step: ArrayLike<number>, radiusMm: number): Motion {
  const s = (n: number): number => (step[n] as number) / radiusMm;
  const at = new Float64Array(3);
  for (let r = 0; r < 3; r += 1) at[r] = (motion.at[r] as number) + (step[r] as number);
  if (kind === 'affine') {
    const change = new Float64Array(9);
    for (let n = 0; n < 9; n += 1) change[n] = s(3 + n) + (n % 4 === 0 ? 1 : 0);
    return { linear: product3(change, motion.linear), at };
  }
  const turn = turned(s(3) / 2, s(4) / 2, s(5) / 2);
  if (kind === 'similarity') {
    const grow = (1 + s(6) / 2) / (1 - s(6) / 2);
    for (let n = 0; n < 9; n += 1) turn[n] = grow * (turn[n] as number);
  }
  return { linear: product3(turn, motion.linear), at };
}

/**
 * The rotation, 3×3 row-major, about (x, y, z) by twice the angle whose tangent is its length (Cayley's map): to first order by
 * the vector 2 (x, y, z). Only sums, products and roots, which every machine rounds alike; sines differ in the last digit.
 */
export function turned(x: number, y: number, z: number): Float64Array {
  const scale = 1 / Math.sqrt(x * x + y * y + z * z + 1);
  const m = fromQuaternion(new Float64Array(16), [x * scale, y * scale, z * scale, scale], [0, 0, 0]);
  const out = new Float64Array(9);
  for (let r = 0; r < 3; r += 1) for (let c = 0; c < 3; c += 1) out[3 * r + c] = m[4 * c + r] as number;
  return out;
}

/** How the motion's matrix (3×3 row-major) and place change with each parameter of {@link moved} at no step. */
export function directions(
  kind: MotionKind,
  motion: Motion,
  radiusMm: number,
): Array<{ linear: Float64Array; at: Float64Array }> {
  const none = (): Float64Array => new Float64Array(9);
  const out = [0, 1, 2].map((r) => ({ linear: none(), at: unit(r) }));
  const generators: Array<ArrayLike<number>> =
    kind === 'affine' ? Array.from({ length: 9 }, (_, n) => none().map((_, i) => (i === n ? 1 : 0))) : [...SPIN];
  if (kind === 'similarity') generators.push([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  for (const g of generators) {
    const linear = product3(g, motion.linear);
    for (let n = 0; n < 9; n += 1) linear[n] = (linear[n] as number) / radiusMm;
    out.push({ linear, at: new Float64Array(3) });
  }
  return out;
}

function unit(r: number): Float64Array {
  const out = new Float64Array(3);
  out[r] = 1;
  return out;
}

/** a · b for 3×3 row-major matrices. */
export function product3(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  const out = new Float64Array(9);
  for (let r = 0; r < 9; r += 3) {
    for (let c = 0; c < 3; c += 1) {
      out[r + c] =
        (a[r] as number) * (b[c] as number) +
        (a[r + 1] as number) * (b[3 + c] as number) +
        (a[r + 2] as number) * (b[6 + c] as number);
    }
  }
  return out;
}

/** moving-from-fixed as a 4×4, column-major. */
export function matrixOf(motion: Motion, centre: ArrayLike<number>): Float64Array {
  const m = new Float64Array(16);
  m[15] = 1;
  for (let r = 0; r < 3; r += 1) {
    let t = motion.at[r] as number;
    for (let c = 0; c < 3; c += 1) {
      const x = motion.linear[3 * r + c] as number;
      m[4 * c + r] = x;
      t -= x * (centre[c] as number);
    }
    m[12 + r] = t;
  }
  return m;
}

/** The motion of a 4×4, column-major. */
export function motionOf(m: ArrayLike<number>, centre: ArrayLike<number>): Motion {
  const linear = Float64Array.from({ length: 9 }, (_, n) => m[4 * (n % 3) + Math.floor(n / 3)] as number);
  const at = Float64Array.from({ length: 3 }, (_, r) => {
    let t = m[12 + r] as number;
    for (let c = 0; c < 3; c += 1) t += (linear[3 * r + c] as number) * (centre[c] as number);
    return t;
  });
  return { linear, at };
}

/** The inverse, about another centre: `centre` is of the motion, `other` of the inverse (a point of the moving frame). */
export function inverseOf(motion: Motion, centre: ArrayLike<number>, other: ArrayLike<number>): Motion {
  const inverse = new Float64Array(16);
  invert4(inverse, matrixOf(motion, centre));
  return motionOf(inverse, other);
}

/**
 * The middle of two motions that are close to each other: half of the rotation, and of the growth, that lead from one to the other;
 * of affine maps, the mean of their elements.
 */
export function halfwayBetween(kind: MotionKind, a: Motion, b: Motion): Motion {
  const at = a.at.map((x, r) => (x + (b.at[r] as number)) / 2);
  if (kind === 'affine') return { linear: a.linear.map((x, n) => (x + (b.linear[n] as number)) / 2), at };
  // b · aᵀ is the rotation between them, times the product of their growths.
  const [ga, gb] = [growthOf(a.linear), growthOf(b.linear)];
  const transposed = a.linear.map((_, n) => a.linear[3 * (n % 3) + Math.floor(n / 3)] as number);
  const d = product3(b.linear, transposed).map((x) => x / (ga * gb));
  const trace = 1 + (d[0] as number) + (d[4] as number) + (d[8] as number);
  const [x, y, z] = [
    ((d[7] as number) - (d[5] as number)) / trace,
    ((d[2] as number) - (d[6] as number)) / trace,
    ((d[3] as number) - (d[1] as number)) / trace,
  ] as const;
  // From the tangent of half the angle to that of a quarter.
  const quarter = 1 + Math.sqrt(1 + x * x + y * y + z * z);
  const grow = kind === 'similarity' ? Math.sqrt(gb / ga) : 1;
  const linear = product3(turned(x / quarter, y / quarter, z / quarter), a.linear);
  return { linear: linear.map((e) => grow * e), at };
}

/** Of a similarity's matrix. */
function growthOf(linear: ArrayLike<number>): number {
  let squares = 0;
  for (let n = 0; n < 9; n += 1) squares += (linear[n] as number) ** 2;
  return Math.sqrt(squares / 3);
}

/** Root mean square distance between where two motions put points spread with that radius about the centre, mm. */
export function distanceBetween(a: Motion, b: Motion, radiusMm: number): number {
  let turned = 0;
  for (let n = 0; n < 9; n += 1) turned += ((a.linear[n] as number) - (b.linear[n] as number)) ** 2;
  let shifted = 0;
  for (let r = 0; r < 3; r += 1) shifted += ((a.at[r] as number) - (b.at[r] as number)) ** 2;
  return Math.sqrt(shifted + (turned * radiusMm * radiusMm) / 3);
}
