/** Figures of a list of errors, mm. */
export interface Figures {
  readonly count: number;
  readonly mean: number;
  readonly sd: number;
  readonly rms: number;
  /** 95 of 100 are no larger. */
  readonly p95: number;
  readonly max: number;
}

/** Figures of lengths, or of signed differences (then rms, p95 and max are of their sizes). */
export function figuresOf(values: readonly number[]): Figures {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const sizes = values.map(Math.abs).sort((a, b) => a - b);
  return {
    count: n,
    mean,
    sd: Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / Math.max(1, n - 1)),
    rms: Math.sqrt(values.reduce((s, v) => s + v * v, 0) / n),
    p95: sizes[Math.ceil(0.95 * n) - 1] as number,
    max: sizes[n - 1] as number,
  };
}

/** Mean of vectors, three numbers each. */
export function meanVector(vectors: readonly (readonly number[])[]): [number, number, number] {
  return [0, 1, 2].map((k) => vectors.reduce((s, v) => s + (v[k] as number) / vectors.length, 0)) as [number, number, number];
}

/** Root-mean-square distance of vectors from their mean, with n − 1: how well they repeat. */
export function precisionOf(vectors: readonly (readonly number[])[]): number {
  const mean = meanVector(vectors);
  const sum = vectors.reduce((s, v) => s + v.reduce((q, x, k) => q + (x - (mean[k] as number)) ** 2, 0), 0);
  return Math.sqrt(sum / Math.max(1, vectors.length - 1));
}
