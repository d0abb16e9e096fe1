import { at } from '../points/rigid-fit.js';

/** a · b for 3×3 row-major matrices. */
export function product(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  return multiply(a, b, 3);
}

/** a · b for n×n row-major matrices. */
export function multiply(a: ArrayLike<number>, b: ArrayLike<number>, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let sum = 0;
      for (let k = 0; k < n; k += 1) sum += at(a, n * i + k) * at(b, n * k + j);
      out[n * i + j] = sum;
    }
  }
  return out;
}

/** The mean of `m` and its transpose, in place. */
export function symmetrised(m: Float64Array, n: number): Float64Array {
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) m[n * i + j] = m[n * j + i] = (at(m, n * i + j) + at(m, n * j + i)) / 2;
  }
  return m;
}
