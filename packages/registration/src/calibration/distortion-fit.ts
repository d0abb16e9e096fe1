import { cholesky, choleskySolve, Random } from '@trocar/core/math';
import { BernsteinBasis, type Box } from './distortion-basis.js';

/** Normal equations of one degree, summed over points. */
interface Sums {
  /** BᵀB, m×m. */
  readonly gram: Float64Array;
  /** Bᵀ d for the three components of the displacement. */
  readonly right: readonly [Float64Array, Float64Array, Float64Array];
}

/** A fitted displacement field. */
export interface FieldFit {
  readonly basis: BernsteinBasis;
  /** Cholesky factor of BᵀB + ridge. */
  readonly factor: Float64Array;
  /** Coefficients of the displacement's three components. */
  readonly coefficients: readonly [Float64Array, Float64Array, Float64Array];
}

/** Share of the mean diagonal added to the Gram matrix: only directions that no point tells of feel it. */
const RIDGE = 1e-9;

/** Sums over the chosen points (all where absent). */
function sumsOf(basis: BernsteinBasis, at3: ArrayLike<number>, d: ArrayLike<number>, chosen: readonly number[]): Sums {
  const m = basis.size;
  const gram = new Float64Array(m * m);
  const right = [new Float64Array(m), new Float64Array(m), new Float64Array(m)] as const;
  const b = new Float64Array(m);
  for (const k of chosen) {
    basis.evaluate(b, [at3[3 * k] as number, at3[3 * k + 1] as number, at3[3 * k + 2] as number]);
    for (let p = 0; p < m; p += 1) {
      const bp = b[p] as number;
      if (bp === 0) continue;
      for (let i = 0; i < 3; i += 1) {
        const r = right[i] as Float64Array;
        r[p] = (r[p] as number) + bp * (d[3 * k + i] as number);
      }
      const row = m * p;
      for (let q = 0; q <= p; q += 1) gram[row + q] = (gram[row + q] as number) + bp * (b[q] as number);
    }
  }
  for (let p = 0; p < m; p += 1) for (let q = 0; q < p; q += 1) gram[m * q + p] = gram[m * p + q] as number;
  return { gram, right: [right[0], right[1], right[2]] };
}

/** a − b, or a copy of a. */
function without(a: Sums, b: Sums | undefined): Sums {
  if (b === undefined) return a;
  const less = (x: Float64Array, y: Float64Array): Float64Array => x.map((v, i) => v - (y[i] as number));
  return {
    gram: less(a.gram, b.gram),
    right: [less(a.right[0], b.right[0]), less(a.right[1], b.right[1]), less(a.right[2], b.right[2])],
  };
}

function solve(basis: BernsteinBasis, { gram, right }: Sums): FieldFit | undefined {
  const m = basis.size;
  let trace = 0;
  for (let p = 0; p < m; p += 1) trace += gram[m * p + p] as number;
  const factor = gram.slice();
  for (let p = 0; p < m; p += 1) factor[m * p + p] = (factor[m * p + p] as number) + (RIDGE * trace) / m;
  if (!cholesky(factor, factor, m)) return undefined;
  const solved = (r: Float64Array): Float64Array => choleskySolve(new Float64Array(m), factor, r, m);
  return { basis, factor, coefficients: [solved(right[0]), solved(right[1]), solved(right[2])] };
}

/** The field's value at a point whose basis is `b`, into `out`. */
export function fieldAt(out: Float64Array, fit: FieldFit, b: ArrayLike<number>): Float64Array {
  for (let i = 0; i < 3; i += 1) {
    const c = fit.coefficients[i] as Float64Array;
    let sum = 0;
    for (let p = 0; p < c.length; p += 1) sum += (c[p] as number) * (b[p] as number);
    out[i] = sum;
  }
  return out;
}

/** bᵀ (BᵀB)⁻¹ b: the variance of the fitted field at a point, in units of one reading's. */
export function leverageOf(fit: FieldFit, b: ArrayLike<number>, scratch: Float64Array): number {
  const m = fit.basis.size;
  let sum = 0;
  for (let i = 0; i < m; i += 1) {
    let v = b[i] as number;
    const row = m * i;
    for (let k = 0; k < i; k += 1) v -= (fit.factor[row + k] as number) * (scratch[k] as number);
    v /= fit.factor[row + i] as number;
    scratch[i] = v;
    sum += v * v;
  }
  return sum;
}

/** A field of one degree with its cross-validated error. */
export interface ScoredField {
  readonly fit: FieldFit;
  /** Root mean square length of what is left at points that took no part, mm. */
  readonly crossValidatedMm: number;
}

/**
 * Fits one degree to displacements and foretells left-out groups.
 * @param at3 places, 3N; `d` displacements, 3N
 * @param folds the points of each fold
 */
export function fitField(
  degree: number,
  box: Box,
  at3: ArrayLike<number>,
  d: ArrayLike<number>,
  folds: readonly (readonly number[])[],
): ScoredField | undefined {
  const basis = new BernsteinBasis(degree, box);
  const parts = folds.map((fold) => sumsOf(basis, at3, d, fold));
  const total = sumsOf(basis, at3, d, []);
  for (const part of parts) {
    add(total.gram, part.gram);
    for (let i = 0; i < 3; i += 1) add(total.right[i] as Float64Array, part.right[i] as Float64Array);
  }
  const fit = solve(basis, total);
  if (fit === undefined) return undefined;
  const b = new Float64Array(basis.size);
  const v = new Float64Array(3);
  let sum = 0;
  let n = 0;
  for (let f = 0; f < folds.length; f += 1) {
    const trained = solve(basis, without(total, parts[f]));
    if (trained === undefined) return { fit, crossValidatedMm: Number.POSITIVE_INFINITY };
    for (const k of folds[f] as readonly number[]) {
      fieldAt(v, trained, basis.evaluate(b, [at3[3 * k] as number, at3[3 * k + 1] as number, at3[3 * k + 2] as number]));
      for (let i = 0; i < 3; i += 1) sum += ((d[3 * k + i] as number) - (v[i] as number)) ** 2;
      n += 1;
    }
  }
  return { fit, crossValidatedMm: Math.sqrt(sum / n) };
}

function add(a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < a.length; i += 1) a[i] = (a[i] as number) + (b[i] as number);
}

/** Seeded folds of about equal size that keep each group together. */
export function foldsOf(groups: ArrayLike<number>, folds: number, seed: number): number[][] {
  const names = [...new Set(Array.from(groups))];
  const random = new Random(seed);
  for (let i = names.length - 1; i > 0; i -= 1) {
    const j = random.below(i + 1);
    [names[i], names[j]] = [names[j] as number, names[i] as number];
  }
  const count = Math.min(folds, names.length);
  const foldOf = new Map(names.map((name, place) => [name, place % count]));
  const out: number[][] = Array.from({ length: count }, () => []);
  for (let k = 0; k < groups.length; k += 1) out[foldOf.get(groups[k] as number) as number]?.push(k);
  return out;
}
