import { cholesky, choleskySolve } from '@trocar/core/math';
import type { CubeImage } from '../../intensity/ultrasound/cube-image.js';
import { type MovingFields, sampleFields } from '../../intensity/ultrasound/moving-fields.js';
import type { Comparison } from './compare.js';
import type { Comparer } from './level.js';

/** Cubes along the edge of a block; the mixture is fitted over 3³ blocks around each. */
const BLOCK = 3;
/** Added to the fields' variances: what is explained by next to nothing is not explained. */
const RIDGE = 0.02;

/**
 * How well a local mixture of the moving fields explains the fixed image (LC2, Wein 2013; Fuerst 2014): for each block of
 * cubes the mixture that fits its surroundings best, and for each cube what it leaves, squared, over the fixed image's
 * variance. The slope takes the mixture as it stands, for at the best mixture its own change does not count.
 */
export function regressionComparer(fixed: CubeImage, fields: MovingFields): Comparer {
  const { size, values: u } = fixed;
  const K = fields.count;
  const cubes = u.length;
  const samples = new Float32Array(4 * K * cubes);
  const inside = new Uint8Array(cubes);
  const blocks = size.map((n) => Math.ceil(n / BLOCK)) as [number, number, number];
  const terms = 1 + K + 1 + (K * (K + 1)) / 2 + K;
  const variance = varianceOf(u);
  const buffer = new Float64Array(4 * K);
  return (out: Comparison, places: Float32Array): void => {
    for (let n = 0; n < cubes; n += 1) {
      const there =
        !Number.isNaN(u[n] as number) &&
        sampleFields(buffer, 0, fields, places[3 * n] as number, places[3 * n + 1] as number, places[3 * n + 2] as number);
      inside[n] = there ? 1 : 0;
      if (there) samples.set(buffer, 4 * K * n);
    }
    const sums = blockSums(u, samples, inside, size, blocks, K, terms);
    const mixtures = solveBlocks(windowSums(sums, blocks, terms), K, terms);
    write(out, u, samples, inside, mixtures, size, blocks, K, fields.spacingMm, variance);
  };
}

function varianceOf(values: Float32Array): number {
  let [sum, squares, count] = [0, 0, 0];
  for (const x of values) {
    if (Number.isNaN(x)) continue;
    sum += x;
    squares += x * x;
    count += 1;
  }
  return count > 0 ? squares / count - (sum / count) ** 2 : 1;
}

/** Per block: 1, f…, u, f f…, u f…. */
function blockSums(
  u: Float32Array,
  samples: Float32Array,
  inside: Uint8Array,
  [ni, nj, nk]: readonly [number, number, number],
  [bi, bj, bk]: readonly [number, number, number],
  K: number,
  terms: number,
): Float64Array {
  const out = new Float64Array(terms * bi * bj * bk);
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const row = bi * (Math.floor(j / BLOCK) + bj * Math.floor(k / BLOCK));
      for (let i = 0; i < ni; i += 1, n += 1) {
        if (inside[n] === 0) continue;
        let at = terms * (row + Math.floor(i / BLOCK));
        const x = u[n] as number;
        const from = 4 * K * n;
        out[at] = (out[at] as number) + 1;
        at += 1;
        for (let a = 0; a < K; a += 1, at += 1) out[at] = (out[at] as number) + (samples[from + 4 * a] as number);
        out[at] = (out[at] as number) + x;
        at += 1;
        for (let a = 0; a < K; a += 1) {
          const f = samples[from + 4 * a] as number;
          for (let b = 0; b <= a; b += 1, at += 1) out[at] = (out[at] as number) + f * (samples[from + 4 * b] as number);
        }
        for (let a = 0; a < K; a += 1, at += 1) out[at] = (out[at] as number) + x * (samples[from + 4 * a] as number);
      }
    }
  }
  return out;
}

function windowSums(sums: Float64Array, blocks: readonly [number, number, number], terms: number): Float64Array {
  let source = sums;
  let step = terms;
  for (const axis of [0, 1, 2] as const) {
    const out = source.slice();
    const length = blocks[axis] * step;
    for (let line = 0; line < out.length; line += length) {
      for (let n = line; n < line + length - step; n += 1) {
        out[n] = (out[n] as number) + (source[n + step] as number);
        out[n + step] = (out[n + step] as number) + (source[n] as number);
      }
    }
    source = out;
    step = length;
  }
  return source;
}

/** K coefficients and a constant for each block; NaN where too little is seen. */
function solveBlocks(sums: Float64Array, K: number, terms: number): Float32Array {
  const count = sums.length / terms;
  const out = new Float32Array((K + 1) * count).fill(Number.NaN);
  const a = new Float64Array(K * K);
  const l = new Float64Array(K * K);
  const r = new Float64Array(K);
  const x = new Float64Array(K);
  const enough = BLOCK ** 3 * 8;
  for (let b = 0; b < count; b += 1) {
    const at = terms * b;
    const n = sums[at] as number;
    if (n < enough) continue;
    const meanU = (sums[at + 1 + K] as number) / n;
    let t = at + K + 2;
    for (let i = 0; i < K; i += 1) {
      const mi = (sums[at + 1 + i] as number) / n;
      for (let j = 0; j <= i; j += 1, t += 1) {
        const v = (sums[t] as number) / n - mi * ((sums[at + 1 + j] as number) / n) + (i === j ? RIDGE : 0);
        a[K * i + j] = a[K * j + i] = v;
      }
    }
    for (let i = 0; i < K; i += 1, t += 1) r[i] = (sums[t] as number) / n - meanU * ((sums[at + 1 + i] as number) / n);
    if (!cholesky(l, a, K)) continue;
    choleskySolve(x, l, r, K);
    let constant = meanU;
    for (let i = 0; i < K; i += 1) {
      out[(K + 1) * b + i] = x[i] as number;
      constant -= (x[i] as number) * ((sums[at + 1 + i] as number) / n);
    }
    out[(K + 1) * b + K] = constant;
  }
  return out;
}

function write(
  out: Comparison,
  u: Float32Array,
  samples: Float32Array,
  inside: Uint8Array,
  mixtures: Float32Array,
  [ni, nj, nk]: readonly [number, number, number],
  [bi, bj]: readonly [number, number, number],
  K: number,
  h: number,
  variance: number,
): void {
  const share = 1 / variance;
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const row = bi * (Math.floor(j / BLOCK) + bj * Math.floor(k / BLOCK));
      for (let i = 0; i < ni; i += 1, n += 1) {
        const at = (K + 1) * (row + Math.floor(i / BLOCK));
        out.difference[n] = Number.NaN;
        if (inside[n] === 0 || Number.isNaN(mixtures[at] as number)) continue;
        let r = (mixtures[at + K] as number) - (u[n] as number);
        let [gx, gy, gz] = [0, 0, 0];
        for (let a = 0, s = 4 * K * n; a < K; a += 1, s += 4) {
          const c = mixtures[at + a] as number;
          r += c * (samples[s] as number);
          gx += c * (samples[s + 1] as number);
          gy += c * (samples[s + 2] as number);
          gz += c * (samples[s + 3] as number);
        }
        gx *= h;
        gy *= h;
        gz *= h;
        out.difference[n] = share * r * r;
        out.slope[3 * n] = share * r * gx;
        out.slope[3 * n + 1] = share * r * gy;
        out.slope[3 * n + 2] = share * r * gz;
        out.square[6 * n] = share * gx * gx;
        out.square[6 * n + 1] = share * gx * gy;
        out.square[6 * n + 2] = share * gx * gz;
        out.square[6 * n + 3] = share * gy * gy;
        out.square[6 * n + 4] = share * gy * gz;
        out.square[6 * n + 5] = share * gz * gz;
      }
    }
  }
}
