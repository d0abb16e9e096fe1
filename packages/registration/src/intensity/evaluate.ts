import { cholesky, invert4, symmetricEigen } from '@trocar/core/math';
import type { ByteImage } from './byte-image.js';
import type { Kernel, KernelImage, KernelSamples } from './kernels/kernel.js';
import { directions, type Motion, type MotionKind, moved, PARAMETERS } from './motion.js';
import { type IntensityMetric, ParzenHistogram } from './mutual-information.js';
import type { SampleSet } from './samples.js';

/** How well a motion brings samples and image together. */
export interface Score {
  /** What is optimised: MI or NMI over the samples inside the image. */
  readonly value: number;
  /** MI over the samples inside, nats. */
  readonly mi: number;
  /** Share of the samples inside the image, 0 … 1. */
  readonly overlap: number;
}

/** What the samples say of a pose beside its score. */
export interface Detail {
  /** Standard error of the mutual information by the choice of samples, nats. */
  readonly noise: number;
  /** Covariance of the pose's step parameters by the choice of samples and the images' noise, n×n, mm²; NaN where singular. */
  readonly covariance: Float64Array;
}

/** One sample set against one moving image: what a level of the pyramid is for the optimiser. */
export class Comparison {
  readonly radiusMm: number;
  readonly count: number;
  readonly #kernel: Kernel;
  readonly #samples: KernelSamples;
  readonly #image: KernelImage;
  readonly #histogram: ParzenHistogram;
  readonly #indexFromFrame = new Float64Array(16);
  readonly #map = new Float32Array(12);
  #inside = 0;

  constructor(kernel: Kernel, samples: SampleSet, image: ByteImage, metric: IntensityMetric, movingBins: number) {
    this.#kernel = kernel;
    this.#samples = kernel.addSamples(samples);
    this.#image = kernel.addImage(image);
    this.#histogram = new ParzenHistogram(samples.fixedBins, movingBins, samples.fine, metric);
    this.radiusMm = samples.radiusMm;
    this.count = samples.count;
    invert4(this.#indexFromFrame, image.frameFromIndex);
  }

  /** @param slope whether {@link slope} and {@link information} follow */
  score(motion: Motion, slope = false): Score {
    const m = this.#indexFromFrame;
    for (let r = 0; r < 3; r += 1) {
      const row = [m[r] as number, m[4 + r] as number, m[8 + r] as number] as const;
      for (let c = 0; c < 3; c += 1) this.#map[4 * r + c] = along(row, motion.linear, c, 3);
      this.#map[4 * r + 3] = along(row, motion.at, 0, 1) + (m[12 + r] as number);
    }
    this.#inside = this.#kernel.scatter(this.#samples, this.#image, this.#map, slope);
    const overlap = this.#inside / this.count;
    if (this.#inside < 16) return { value: 0, mi: 0, overlap };
    return { ...this.#histogram.informationOf(this.#kernel.counts(this.#samples), this.#inside), overlap };
  }

  /** The slope of the last score's value. */
  slope(kind: MotionKind, motion: Motion): Float64Array {
    const g = this.#kernel.gather(this.#samples, this.#histogram.slopes());
    const jacobian = this.#jacobian(kind, motion);
    const n = PARAMETERS[kind];
    return Float64Array.from({ length: n }, (_, k) => {
      let sum = 0;
      for (let a = 0; a < 12; a += 1) sum += (jacobian[n * a + k] as number) * (g[a] as number);
      return sum / this.#inside;
    });
  }

  /** The mean square of the samples' slopes, n×n: near the optimum about minus the Hessian (Berndt 1974). Of mutual information. */
  information(kind: MotionKind, motion: Motion, stride = 4): Float64Array {
    const sums = this.#kernel.information(this.#samples, this.#histogram.slopes(), stride);
    const jacobian = this.#jacobian(kind, motion);
    const n = PARAMETERS[kind];
    const half = new Float64Array(12 * n);
    for (let a = 0; a < 12; a += 1) {
      for (let b = 0; b < 12; b += 1) {
        const s = sums[12 * a + b] as number;
        for (let k = 0; k < n; k += 1) half[n * a + k] = (half[n * a + k] as number) + s * (jacobian[n * b + k] as number);
      }
    }
    const out = new Float64Array(n * n);
    for (let a = 0; a < 12; a += 1) {
      for (let i = 0; i < n; i += 1) {
        const j = ((jacobian[n * a + i] as number) * stride) / this.#inside;
        for (let k = 0; k < n; k += 1) out[n * i + k] = (out[n * i + k] as number) + j * (half[n * a + k] as number);
      }
    }
    return out;
  }

  /**
   * Near an optimum: H⁻¹ I H⁻¹ / N with the curvature H from differences of the slope and I the mean square of the samples'
   * slopes (the sandwich of maximum likelihood; White 1982, Econometrica 50:1).
   * @param stepMm of the differences; 0 for the noise alone
   */
  detail(kind: MotionKind, motion: Motion, stepMm: number): Detail {
    const n = PARAMETERS[kind];
    const score = this.score(motion, stepMm > 0);
    const inside = Math.max(1, this.#inside);
    const noise = this.#histogram.spread(score.mi) / Math.sqrt(inside);
    if (!(stepMm > 0)) return { noise, covariance: new Float64Array(n * n).fill(Number.NaN) };
    const information = this.information(kind, motion, 1);
    const here = this.slope(kind, motion);
    const curvature = new Float64Array(n * n);
    for (let k = 0; k < n; k += 1) {
      const step = new Float64Array(n);
      // One side is enough: the optimum is nearly quadratic within the step.
      const h = stepMm;
      step[k] = h;
      const next = moved(kind, motion, step, this.radiusMm);
      this.score(next, true);
      const there = this.slope(kind, next);
      for (let i = 0; i < n; i += 1) {
        const bent = ((here[i] as number) - (there[i] as number)) / (2 * h);
        curvature[n * i + k] = (curvature[n * i + k] as number) + bent;
        curvature[n * k + i] = (curvature[n * k + i] as number) + bent;
      }
    }
    return { noise, covariance: sandwich(curvature, information, n, inside) };
  }

  /** 12 × n: how the kernel's 3×4 map changes with each parameter. */
  #jacobian(kind: MotionKind, motion: Motion): Float64Array {
    const n = PARAMETERS[kind];
    const m = this.#indexFromFrame;
    const out = new Float64Array(12 * n);
    directions(kind, motion, this.radiusMm).forEach((d, k) => {
      for (let r = 0; r < 3; r += 1) {
        const row = [m[r] as number, m[4 + r] as number, m[8 + r] as number] as const;
        for (let c = 0; c < 3; c += 1) out[n * (4 * r + c) + k] = along(row, d.linear, c, 3);
        out[n * (4 * r + 3) + k] = along(row, d.at, 0, 1);
      }
    });
    return out;
  }
}

function along(row: readonly [number, number, number], v: Float64Array, from: number, stride: number): number {
  return row[0] * (v[from] as number) + row[1] * (v[from + stride] as number) + row[2] * (v[from + 2 * stride] as number);
}

/** Less than this share of what the samples' slopes promise is not taken for curvature: differences of a rough measure. */
const LEAST_CURVATURE = 0.1;

/**
 * H⁻¹ I H⁻¹ / N, where H is kept from falling below a share of I: with I = L Lᵀ and L⁻¹ H L⁻ᵀ = V diag(λ) Vᵀ it is
 * L⁻ᵀ V diag(λ⁻²) Vᵀ L⁻¹ / N.
 */
function sandwich(h: Float64Array, information: Float64Array, n: number, count: number): Float64Array {
  const out = new Float64Array(n * n).fill(Number.NaN);
  const l = new Float64Array(n * n);
  if (!cholesky(l, information, n)) return out;
  const { values, vectors } = symmetricEigen(whitened(h, l, n), n);
  // Columns of L⁻ᵀ V diag(1 / λ), by back substitution.
  const half = new Float64Array(n * n);
  for (let c = 0; c < n; c += 1) {
    const lambda = Math.max(values[c] as number, LEAST_CURVATURE);
    for (let r = n - 1; r >= 0; r -= 1) {
      let sum = (vectors[n * r + c] as number) / lambda;
      for (let k = r + 1; k < n; k += 1) sum -= (l[n * k + r] as number) * (half[n * k + c] as number);
      half[n * r + c] = sum / (l[n * r + r] as number);
    }
  }
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let sum = 0;
      for (let c = 0; c < n; c += 1) sum += (half[n * i + c] as number) * (half[n * j + c] as number);
      out[n * i + j] = sum / count;
    }
  }
  return out;
}

/** L⁻¹ H L⁻ᵀ: the rows of H forward-substituted, then the columns of that. */
function whitened(h: Float64Array, l: Float64Array, n: number): Float64Array {
  const forward = (m: Float64Array): Float64Array => {
    const x = m.slice();
    for (let c = 0; c < n; c += 1) {
      for (let r = 0; r < n; r += 1) {
        let sum = x[n * r + c] as number;
        for (let k = 0; k < r; k += 1) sum -= (l[n * r + k] as number) * (x[n * k + c] as number);
        x[n * r + c] = sum / (l[n * r + r] as number);
      }
    }
    return x;
  };
  const once = forward(h);
  const transposed = Float64Array.from(once, (_, at) => once[n * (at % n) + Math.floor(at / n)] as number);
  return forward(transposed);
}
