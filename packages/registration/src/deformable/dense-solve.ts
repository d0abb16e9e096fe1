/** The inverse of an n×n matrix (row-major) by Gauss–Jordan with row exchange; undefined where it is singular. */
export function inverseOf(a: ArrayLike<number>, n: number): Float64Array | undefined {
  const m = Float64Array.from(a);
  const inverse = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) inverse[i * n + i] = 1;
  let largest = 0;
  for (const x of m) largest = Math.max(largest, Math.abs(x));
  for (let c = 0; c < n; c += 1) {
    let pivot = c;
    for (let r = c + 1; r < n; r += 1) if (Math.abs(m[r * n + c] as number) > Math.abs(m[pivot * n + c] as number)) pivot = r;
    if (!(Math.abs(m[pivot * n + c] as number) > 1e-12 * largest)) return undefined;
    for (const t of [m, inverse]) exchange(t, n, c, pivot);
    const scale = 1 / (m[c * n + c] as number);
    for (const t of [m, inverse]) for (let k = c * n; k < (c + 1) * n; k += 1) t[k] = scale * (t[k] as number);
    for (let r = 0; r < n; r += 1) {
      const factor = m[r * n + c] as number;
      if (r === c || factor === 0) continue;
      for (const t of [m, inverse])
        for (let k = 0; k < n; k += 1) t[r * n + k] = (t[r * n + k] as number) - factor * (t[c * n + k] as number);
    }
  }
  return inverse;
}

function exchange(t: Float64Array, n: number, a: number, b: number): void {
  if (a === b) return;
  const row = t.slice(a * n, (a + 1) * n);
  t.copyWithin(a * n, b * n, (b + 1) * n);
  t.set(row, b * n);
}
