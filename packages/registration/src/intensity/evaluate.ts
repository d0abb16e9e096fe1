import { cholesky, invert4, symmetricEigen } from '@trocar/core/math';
import type { ByteImage } from './byte-image.js';
import type { Kernel, KernelImage, KernelSamples, KernelWindow } from './kernels/kernel.js';
import { directions, type Motion, type MotionKind, moved, PARAMETERS } from './motion.js';
import { type IntensityMetric, informationSpread, parzenWindow } from './mutual-information.js';
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

/** Fewer samples inside the image say nothing. */
const LEAST_INSIDE = 16;

/** One sample set against one moving image: what a level of the pyramid is for the optimiser. */
export class Comparison {
  readonly radiusMm: number;
  readonly count: number;
  readonly #kernel: Kernel;
  readonly #samples: KernelSamples;
  readonly #image: KernelImage;
  readonly #window: KernelWindow;
  readonly #metric: IntensityMetric;
  /** Index from frame: its nine elements row-major, and where the frame's origin lies. */
  readonly #linear = new Float64Array(9);
  readonly #origin = new Float64Array(3);
  readonly #map = new Float32Array(12);
  #inside = 0;
  /** How the measure's slope goes by the histogram; undefined once the kernel knows. */
  #toWeigh: readonly [number, number] | undefined;

  /** @param exchange as in `LevelData` */
  constructor(
    kernel: Kernel,
    samples: SampleSet,
    image: ByteImage,
    metric: IntensityMetric,
    movingBins: number,
    exchange?: Uint8Array,
  ) {
    this.#kernel = kernel;
    this.#samples = kernel.addSamples(samples);
    this.#image = kernel.addImage(image, exchange);
    this.#window = kernel.addWindow(parzenWindow(movingBins, samples.fine));
    this.#metric = metric;
    this.radiusMm = samples.radiusMm;
    this.count = samples.count;
    const inverse = new Float64Array(16);
    invert4(inverse, image.frameFromIndex);
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) this.#linear[3 * r + c] = inverse[4 * c + r] as number;
      this.#origin[r] = inverse[12 + r] as number;
    }
  }

  /** @param slope whether {@link slope} and {@link information} follow */
  score(motion: Motion, slope = false): Score {
    const m = this.#linear;
    for (let r = 0; r < 3; r += 1) {
      for (let c = 0; c < 3; c += 1) this.#map[4 * r + c] = along(m, 3 * r, motion.linear, c, 3);
      this.#map[4 * r + 3] = along(m, 3 * r, motion.at, 0, 1) + (this.#origin[r] as number);
    }
    this.#inside = this.#kernel.scatter(this.#samples, this.#image, this.#map, slope);
    const overlap = this.#inside / this.count;
    if (this.#inside < LEAST_INSIDE) return { value: 0, mi: 0, overlap };
    const { fixed, moving, joint } = this.#kernel.entropies(this.#samples, this.#window, this.#inside);
    const mi = fixed + moving - joint;
    if (this.#metric === 'mi') {
      this.#toWeigh = [1, 1];
      return { value: mi, mi, overlap };
    }
    const value = (fixed + moving) / joint;
    this.#toWeigh = [value / joint, 1 / joint];
    return { value, mi, overlap };
  }

  #weigh(): void {
    if (this.#toWeigh === undefined) return;
    this.#kernel.weigh(this.#samples, this.#window, this.#toWeigh[0], this.#toWeigh[1]);
    this.#toWeigh = undefined;
  }

  /** The slope of the last score's value; flat where hardly any sample lay inside. */
  slope(kind: MotionKind, motion: Motion): Float64Array {
    const n = PARAMETERS[kind];
    const out = new Float64Array(n);
    if (this.#inside < LEAST_INSIDE) return out;
    this.#weigh();
    const g = this.#kernel.gather(this.#samples);
    // By the place in the moving frame instead of the index: the transposed map.
    const m = this.#linear;
    const turn = new Float64Array(9);
    const l = motion.linear;
    for (let r = 0; r < 3; r += 1) {
      const row = (c: number): number => along(m, r, g, c, 4, 3);
      const [x, y, z] = [row(0), row(1), row(2)];
      out[r] = row(3) / this.#inside;
      for (let s = 0; s < 3; s += 1) {
        turn[3 * r + s] = x * (l[3 * s] as number) + y * (l[3 * s + 1] as number) + z * (l[3 * s + 2] as number);
      }
    }
    slopesOfLinear(out, kind, turn, 1 / (this.radiusMm * this.#inside));
    return out;
  }

  /** The mean square of the samples' slopes, n×n: near the optimum about minus the Hessian (Berndt 1974). Of mutual information. */
  information(kind: MotionKind, motion: Motion, stride = 4): Float64Array {
    const n = PARAMETERS[kind];
    const out = new Float64Array(n * n);
    if (this.#inside < LEAST_INSIDE) return out;
    this.#weigh();
    const sums = this.#kernel.information(this.#samples, stride);
    const jacobian = this.#jacobian(kind, motion);
    const half = new Float64Array(12 * n);
    for (let a = 0; a < 12; a += 1) {
      for (let b = 0; b < 12; b += 1) {
        const s = sums[12 * a + b] as number;
        for (let k = 0; k < n; k += 1) half[n * a + k] = (half[n * a + k] as number) + s * (jacobian[n * b + k] as number);
      }
    }
    const scale = stride / this.#inside;
    for (let a = 0; a < 12; a += 1) {
      for (let i = 0; i < n; i += 1) {
        const j = (jacobian[n * a + i] as number) * scale;
        if (j === 0) continue;
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
    const enough = this.#inside >= LEAST_INSIDE;
    const shares = enough ? this.#kernel.shares(this.#samples, this.#window) : undefined;
    const noise = shares === undefined ? 0 : informationSpread(shares, score.mi) / Math.sqrt(inside);
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
    const out = new Float64Array(12 * n);
    const steps = directions(kind, motion, this.radiusMm);
    for (let k = 0; k < n; k += 1) {
      const { linear, at } = steps[k] as Motion;
      for (let r = 0; r < 3; r += 1) {
        for (let c = 0; c < 3; c += 1) out[n * (4 * r + c) + k] = along(this.#linear, 3 * r, linear, c, 3);
        out[n * (4 * r + 3) + k] = along(this.#linear, 3 * r, at, 0, 1);
      }
    }
    return out;
  }
}

/** Three elements of `a`, from `first` on and `step` apart, times three of `b`, from `from` on and `stride` apart. */
function along(a: Float64Array, first: number, b: Float64Array, from: number, stride: number, step = 1): number {
  return (
    (a[first] as number) * (b[from] as number) +
    (a[first + step] as number) * (b[from + stride] as number) +
    (a[first + 2 * step] as number) * (b[from + 2 * stride] as number)
  );
}

/** The slopes by what is not translation, from how the measure grows with each element of a matrix before the motion's. */
function slopesOfLinear(out: Float64Array, kind: MotionKind, turn: Float64Array, scale: number): void {
  const t = (r: number, c: number): number => turn[3 * r + c] as number;
  if (kind === 'affine') {
    for (let e = 0; e < 9; e += 1) out[3 + e] = scale * (turn[e] as number);
    return;
  }
  out[3] = scale * (t(2, 1) - t(1, 2));
  out[4] = scale * (t(0, 2) - t(2, 0));
  out[5] = scale * (t(1, 0) - t(0, 1));
  if (kind === 'similarity') out[6] = scale * (t(0, 0) + t(1, 1) + t(2, 2));
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
