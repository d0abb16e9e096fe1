import { type MovingFields, sampleFields } from './moving-fields.js';
import type { Patches } from './patches.js';

/** How alike an ultrasound's patches and what a pose puts there are, with derivatives. */
export interface PatchCorrelation {
  /** ∂cost/∂ξ at the last evaluation. */
  readonly gradient: Float64Array;
  /** The Gauss–Newton approximation of ∂²cost/∂ξ², 6×6 row-major, symmetric. */
  readonly hessian: Float64Array;
  /** Σ g_P g_Pᵀ of the patches' shares in the gradient, 6×6 row-major: how much the gradient would vary with other patches. */
  readonly scatter: Float64Array;
  /** S_P of each patch at the last evaluation; NaN where too little of it lay on the moving images. */
  readonly similarity: Float64Array;
  /** Share of the patches' weight that lay on the moving images at the last evaluation. */
  readonly overlap: number;
  /**
   * The cost where `matrix` (16 doubles, column-major, mm) carries the ultrasound's frame into the moving images'.
   * @param pivot what φ turns about, in the moving images' frame; absent: no derivatives
   */
  evaluate(matrix: ArrayLike<number>, pivot?: ArrayLike<number>): number;
}

/**
 * LC2: how well ultrasound is, patch by patch, a linear combination of the moving images' intensities and gradient
 * magnitudes (Wein 2008, Med. Image Anal. 12:577; 2013, MICCAI 8149:34; patches in 3D: Fuerst 2014, Med. Image Anal. 18:1312).
 *
 * S_P = 1 − min_c |u − Z c|² / |u − ū|² over a patch, with a small ridge on c; the cost is Σ w_P (1 − S_P) / Σ w_P with
 * w_P = std(u). Its derivatives come with it by variable projection (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10:413;
 * Kaufman 1975, BIT 15:49): at the best c the gradient is −2 Σ r ∂(Z c), and the Gauss–Newton matrix that of ∂(Z c) with
 * what Z and a constant could take up projected out.
 *
 * A motion is ξ = (ρ, φ), mm and rad: y′ = y + ρ + φ × (y − pivot), in the moving images' frame.
 */
export class Lc2 implements PatchCorrelation {
  readonly gradient: Float64Array = new Float64Array(6);
  readonly hessian: Float64Array = new Float64Array(36);
  readonly scatter: Float64Array = new Float64Array(36);
  readonly similarity: Float64Array;
  overlap = 0;

  readonly #patches: Patches;
  readonly #fields: MovingFields;
  readonly #options: Lc2Options;
  /** Per place: y − pivot, and for each field value and gradient. */
  readonly #samples: Float64Array;
  readonly #stride: number;
  readonly #inside: Uint8Array;
  readonly #totalWeight: number;
  readonly #sums: PatchSums;

  constructor(patches: Patches, fields: MovingFields, options: Lc2Options = {}) {
    this.#patches = patches;
    this.#fields = fields;
    this.#options = options;
    const places = patches.values.length;
    this.#stride = 3 + 4 * fields.count;
    this.#samples = new Float64Array(places * this.#stride);
    this.#inside = new Uint8Array(places);
    this.similarity = new Float64Array(patches.weights.length);
    this.#totalWeight = patches.weights.reduce((a, b) => a + b, 0);
    let largest = 0;
    for (let p = 0; p < patches.weights.length; p += 1) {
      largest = Math.max(largest, (patches.starts[p + 1] as number) - (patches.starts[p] as number));
    }
    this.#sums = patchSums(fields.count, largest);
  }

  evaluate(matrix: ArrayLike<number>, pivot?: ArrayLike<number>): number {
    this.#sample(matrix, pivot);
    this.gradient.fill(0);
    this.hessian.fill(0);
    this.scatter.fill(0);
    const { weights } = this.#patches;
    const chance = this.#options.chance ?? 0;
    let cost = 0;
    let seen = 0;
    for (let p = 0; p < weights.length; p += 1) {
      const w = weights[p] as number;
      const s = this.#patch(p, pivot !== undefined, w / this.#totalWeight);
      this.similarity[p] = s;
      if (!Number.isNaN(s)) seen += w;
      cost += w * (1 - (!Number.isNaN(s) ? s : chance));
    }
    this.overlap = seen / this.#totalWeight;
    return cost / this.#totalWeight;
  }

  #sample(matrix: ArrayLike<number>, pivot: ArrayLike<number> | undefined): void {
    const { places, values } = this.#patches;
    const f = this.#fields;
    const [ox, oy, oz] = f.origin;
    const perMm = 1 / f.spacingMm;
    const [px, py, pz] = pivot === undefined ? [0, 0, 0] : [pivot[0] as number, pivot[1] as number, pivot[2] as number];
    const m = Float64Array.from(matrix);
    const samples = this.#samples;
    for (let s = 0, o = 0; s < values.length; s += 1, o += this.#stride) {
      const a = places[3 * s] as number;
      const b = places[3 * s + 1] as number;
      const c = places[3 * s + 2] as number;
      const x = (m[0] as number) * a + (m[4] as number) * b + (m[8] as number) * c + (m[12] as number);
      const y = (m[1] as number) * a + (m[5] as number) * b + (m[9] as number) * c + (m[13] as number);
      const z = (m[2] as number) * a + (m[6] as number) * b + (m[10] as number) * c + (m[14] as number);
      samples[o] = x - px;
      samples[o + 1] = y - py;
      samples[o + 2] = z - pz;
      this.#inside[s] = sampleFields(samples, o + 3, f, (x - ox) * perMm, (y - oy) * perMm, (z - oz) * perMm) ? 1 : 0;
    }
  }

  /** S_P of one patch; its derivatives, times `share`, are added. NaN where too little is seen. */
  #patch(p: number, derivatives: boolean, share: number): number {
    const { starts } = this.#patches;
    const from = starts[p] as number;
    const to = starts[p + 1] as number;
    const K = this.#fields.count;
    const sums = this.#sums;
    const n = this.#gather(from, to);
    if (n < (this.#options.leastShare ?? 0.6) * (to - from)) return Number.NaN;
    const { columns, capacity, a, b, c } = sums;
    const uu = dot(columns, 0, 0, n);
    if (!(uu > 1e-12 * n)) return Number.NaN;
    const ridge = (this.#options.ridge ?? 0.002) * n;
    for (let i = 0; i < K; i += 1) {
      const column = (1 + i) * capacity;
      b[i] = dot(columns, 0, column, n);
      for (let j = 0; j <= i; j += 1) a[i * K + j] = dot(columns, column, (1 + j) * capacity, n) + (i === j ? ridge : 0);
    }
    factorise(a, K);
    solveFactored(c, a, b, K);
    let explained = 0;
    for (let i = 0; i < K; i += 1) explained += (b[i] as number) * (c[i] as number);
    if (derivatives) {
      this.#slopes(n);
      addDerivatives(this.gradient, this.hessian, this.scatter, sums, K, n, share / uu);
    }
    return explained / uu;
  }

  /** The patch's ultrasound and fields as columns of mean 0; how many places of it are seen. */
  #gather(from: number, to: number): number {
    const { members, values } = this.#patches;
    const K = this.#fields.count;
    const { columns, capacity, seen } = this.#sums;
    const samples = this.#samples;
    let n = 0;
    for (let q = from; q < to; q += 1) {
      const s = members[q] as number;
      if (this.#inside[s] === 0) continue;
      seen[n] = s * this.#stride;
      columns[n] = values[s] as number;
      n += 1;
    }
    centre(columns, 0, n);
    for (let i = 0; i < K; i += 1) {
      const column = (1 + i) * capacity;
      const field = 3 + 4 * i;
      for (let q = 0; q < n; q += 1) columns[column + q] = samples[(seen[q] as number) + field] as number;
      centre(columns, column, n);
    }
    return n;
  }

  /** The residual takes the ultrasound's column; behind the fields come the six columns of D = ∂(Z c)/∂ξ, of mean 0. */
  #slopes(n: number): void {
    const K = this.#fields.count;
    const { columns, capacity, seen, c } = this.#sums;
    const samples = this.#samples;
    for (let i = 0; i < K; i += 1) {
      const ci = c[i] as number;
      const column = (1 + i) * capacity;
      for (let q = 0; q < n; q += 1) columns[q] = (columns[q] as number) - ci * (columns[column + q] as number);
    }
    const first = (1 + K) * capacity;
    for (let q = 0; q < n; q += 1) {
      const o = seen[q] as number;
      let gx = 0;
      let gy = 0;
      let gz = 0;
      for (let i = 0, f = o + 4; i < K; i += 1, f += 4) {
        const ci = c[i] as number;
        gx += ci * (samples[f] as number);
        gy += ci * (samples[f + 1] as number);
        gz += ci * (samples[f + 2] as number);
      }
      const x = samples[o] as number;
      const y = samples[o + 1] as number;
      const z = samples[o + 2] as number;
      const d = first + q;
      columns[d] = gx;
      columns[d + capacity] = gy;
      columns[d + 2 * capacity] = gz;
      columns[d + 3 * capacity] = y * gz - z * gy;
      columns[d + 4 * capacity] = z * gx - x * gz;
      columns[d + 5 * capacity] = x * gy - y * gx;
    }
    for (let i = 0; i < 6; i += 1) centre(columns, first + i * capacity, n);
  }
}

/** Σ of the products of two columns. */
function dot(columns: Float64Array, a: number, b: number, n: number): number {
  let even = 0;
  let odd = 0;
  let q = 0;
  for (; q + 1 < n; q += 2) {
    even += (columns[a + q] as number) * (columns[b + q] as number);
    odd += (columns[a + q + 1] as number) * (columns[b + q + 1] as number);
  }
  if (q < n) even += (columns[a + q] as number) * (columns[b + q] as number);
  return even + odd;
}

function centre(columns: Float64Array, column: number, n: number): void {
  let sum = 0;
  for (let q = column; q < column + n; q += 1) sum += columns[q] as number;
  const mean = sum / n;
  for (let q = column; q < column + n; q += 1) columns[q] = (columns[q] as number) - mean;
}

/** What LC2 may be told. */
export interface Lc2Options {
  /** Ridge on the coefficients, in units of the fields' variance over the whole image. Default 0.002. */
  readonly ridge?: number;
  /** What a patch off the moving images counts as: the similarity of patches that show different things. Default 0. */
  readonly chance?: number;
  /** A patch needs this share of its places on the moving images. Default 0.6. */
  readonly leastShare?: number;
}

interface PatchSums {
  /** Columns of `capacity` numbers: ultrasound or residual, the fields, D. */
  readonly columns: Float64Array;
  readonly capacity: number;
  /** Where the samples of each place of the patch begin. */
  readonly seen: Int32Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly c: Float64Array;
  readonly lifted: Float64Array;
  /** One patch's gradient. */
  readonly own: Float64Array;
}

function patchSums(K: number, capacity: number): PatchSums {
  return {
    columns: new Float64Array((K + 7) * capacity),
    capacity,
    seen: new Int32Array(capacity),
    a: new Float64Array(K * K),
    b: new Float64Array(K),
    c: new Float64Array(K),
    lifted: new Float64Array(6 * K),
    own: new Float64Array(6),
  };
}

/** The Cholesky factor of a positive definite matrix in place, lower triangle; the ridge keeps it definite. */
function factorise(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = a[i * n + j] as number;
      for (let k = 0; k < j; k += 1) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
      a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / (a[j * n + j] as number);
    }
  }
}

function solveFactored(x: Float64Array, l: Float64Array, b: Float64Array, n: number): void {
  for (let i = 0; i < n; i += 1) {
    let sum = b[i] as number;
    for (let k = 0; k < i; k += 1) sum -= (l[i * n + k] as number) * (x[k] as number);
    x[i] = sum / (l[i * n + i] as number);
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    let sum = x[i] as number;
    for (let k = i + 1; k < n; k += 1) sum -= (l[k * n + i] as number) * (x[k] as number);
    x[i] = sum / (l[i * n + i] as number);
  }
}

/**
 * Adds k · (−2 Σ r D) to the gradient and 2 k · D P D with P = 1 − 11ᵀ/n − Z A⁻¹ Zᵀ to the matrix: A = L Lᵀ makes the last
 * term Y Yᵀ with L Y = Zᵀ D.
 */
function addDerivatives(
  gradient: Float64Array,
  hessian: Float64Array,
  scatter: Float64Array,
  sums: PatchSums,
  K: number,
  n: number,
  k: number,
): void {
  const { a, columns, capacity, lifted, own } = sums;
  const first = (1 + K) * capacity;
  for (let i = 0; i < 6; i += 1) {
    const column = first + i * capacity;
    own[i] = -2 * k * dot(columns, 0, column, n);
    gradient[i] = (gradient[i] as number) + (own[i] as number);
    for (let q = 0; q < K; q += 1) {
      let sum = dot(columns, (1 + q) * capacity, column, n);
      for (let r = 0; r < q; r += 1) sum -= (a[q * K + r] as number) * (lifted[i * K + r] as number);
      lifted[i * K + q] = sum / (a[q * K + q] as number);
    }
    for (let j = 0; j <= i; j += 1) {
      let sum = dot(columns, column, first + j * capacity, n);
      for (let q = 0; q < K; q += 1) sum -= (lifted[i * K + q] as number) * (lifted[j * K + q] as number);
      hessian[6 * i + j] = (hessian[6 * i + j] as number) + 2 * k * sum;
      scatter[6 * i + j] = (scatter[6 * i + j] as number) + (own[i] as number) * (own[j] as number);
      if (i === j) continue;
      hessian[6 * j + i] = hessian[6 * i + j] as number;
      scatter[6 * j + i] = scatter[6 * i + j] as number;
    }
  }
}
