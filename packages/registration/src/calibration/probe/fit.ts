import { NavError } from '@trocar/core';
import { cholesky, choleskySolve, radiusQuantile } from '@trocar/core/math';
import { median, tukeyWeight } from '../../accuracy/robust.js';
import { at } from '../../points/rigid-fit.js';
import {
  derivativesOf,
  LAG,
  misfitsOf,
  moved,
  PARAMETERS,
  type ProbeState,
  probeFromImageOf,
  SIZE,
  type WireModel,
} from './model.js';

/** Maximum likelihood over all wires of all images, with Gaussian noise and images that may be wrong as a whole. */
export interface ProbeFit {
  readonly state: ProbeState;
  /** PARAMETERS × PARAMETERS at the state, about the pivot; rows of what was not estimated are 0. */
  readonly covariance: Float64Array;
  /** Point that turns are about, mm in the probe's frame: the middle of the dots. */
  readonly pivot: Float64Array;
  /** Weight of each image, 0 for one that was left out. */
  readonly weights: Float64Array;
  /** Standard deviations of misfits, mm: of side wires along columns and rows, then of middle wires. */
  readonly sdMm: Float64Array;
  readonly converged: boolean;
  /** How many stretches of images the covariance rests on. */
  readonly clusters: number;
}

/** What the fit is told. */
export interface FitOptions {
  readonly estimateLag: boolean;
  /** Whether the phantom's size is a parameter, too. Default false. */
  readonly estimateSize?: boolean;
  /** Images that take part. */
  readonly images: readonly number[];
  /** A fit of the same images to go on from: its weights and noise levels are kept. */
  readonly after?: ProbeFit;
}

/** Images whose misfit is this many times the usual one do not count; nearer ones less and less (Tukey's biweight). */
const REJECT = 4;
const ROUNDS = 8;
const STEPS = 10;
/** Which of the four noise levels a misfit has. */
const kindOf = (wire: number, axis: number): number => (wire % 3 === 1 ? 2 : 0) + axis;

class Fitter {
  readonly #model: WireModel;
  readonly #images: readonly number[];
  readonly #free: readonly number[];
  readonly #wires: number;
  readonly pivot: Float64Array;
  readonly weights: Float64Array;
  readonly sd = Float64Array.of(0.5, 0.5, 0.5, 0.5);

  constructor(model: WireModel, state: ProbeState, options: FitOptions) {
    this.#model = model;
    this.#wires = 3 * model.phantom.patterns.length;
    this.#free = Array.from({ length: PARAMETERS }, (_, p) => p).filter(
      (p) => (p !== LAG || options.estimateLag) && (p !== SIZE || options.estimateSize === true),
    );
    this.pivot = middleOf(model, state, options.images);
    this.weights = new Float64Array(model.observations.length);
    this.#images = options.images;
    for (const n of this.#images) this.weights[n] = model.track.covers(n, state.lagMs) ? 1 : 0;
  }

  misfits(state: ProbeState, image: number, out: Float64Array = new Float64Array(2 * this.#wires)): Float64Array {
    misfitsOf(out, this.#model, state, image);
    return out;
  }

  /** Half the sum of squares over variances, with the images' weights. */
  cost(state: ProbeState): number {
    let sum = 0;
    const r = new Float64Array(2 * this.#wires);
    for (const n of this.#images) {
      if (at(this.weights, n) === 0) continue;
      this.misfits(state, n, r);
      let own = 0;
      for (let k = 0; k < r.length; k += 1) own += (at(r, k) / this.#sdOf(k)) ** 2;
      sum += at(this.weights, n) * own;
    }
    return sum / 2;
  }

  #sdOf(k: number): number {
    return at(this.sd, kindOf(k >> 1, k & 1));
  }

  /** Normal matrix and gradient of some images. */
  normal(state: ProbeState, images: readonly number[] = this.#images): { a: Float64Array; g: Float64Array } {
    const free = this.#free;
    const f = free.length;
    const a = new Float64Array(f * f);
    const g = new Float64Array(f);
    const r = new Float64Array(2 * this.#wires);
    const slopes = new Float64Array(r.length * PARAMETERS);
    const withLag = free.includes(LAG);
    for (const n of images) {
      const weight = at(this.weights, n);
      if (weight === 0) continue;
      derivativesOf(r, slopes, this.#model, state, n, this.pivot, withLag);
      for (let k = 0; k < r.length; k += 1) {
        const w = weight / this.#sdOf(k) ** 2;
        const row = k * PARAMETERS;
        for (let i = 0; i < f; i += 1) {
          const ci = w * at(slopes, row + (free[i] as number));
          g[i] = at(g, i) + ci * at(r, k);
          for (let j = 0; j <= i; j += 1) a[i * f + j] = at(a, i * f + j) + ci * at(slopes, row + (free[j] as number));
        }
      }
    }
    for (let i = 0; i < f; i += 1) for (let j = i + 1; j < f; j += 1) a[i * f + j] = at(a, j * f + i);
    return { a, g };
  }

  /** Levenberg–Marquardt (Moré 1978) with the weights and noise levels as they are. */
  settle(from: ProbeState): { state: ProbeState; converged: boolean } {
    let state = from;
    let cost = this.cost(state);
    let damping = 1e-4;
    for (let n = 0; n < STEPS; n += 1) {
      const { a, g } = this.normal(state);
      let better: { state: ProbeState; cost: number } | undefined;
      for (let tries = 0; tries < 12 && better === undefined; tries += 1) {
        const next = this.#step(state, a, g, damping);
        const value = next === undefined ? Number.POSITIVE_INFINITY : this.cost(next);
        if (next !== undefined && value <= cost) better = { state: next, cost: value };
        damping = better === undefined ? damping * 10 : Math.max(1e-12, damping / 10);
      }
      // Where nothing is left to gain, rounding may make the smallest step worse.
      if (better === undefined) return { state, converged: n > 0 || expectedGain(a, g) < 1e-6 * cost };
      const gain = (cost - better.cost) / Math.max(cost, 1e-30);
      ({ state, cost } = better);
      if (gain < 1e-8) return { state, converged: true };
    }
    return { state, converged: false };
  }

  #step(state: ProbeState, a: Float64Array, g: Float64Array, damping: number): ProbeState | undefined {
    const f = this.#free.length;
    const m = a.slice();
    for (let i = 0; i < f; i += 1) m[i * f + i] = at(a, i * f + i) * (1 + damping);
    if (!cholesky(m, m, f)) return undefined;
    const x = choleskySolve(new Float64Array(f), m, g, f);
    const step = new Float64Array(PARAMETERS);
    this.#free.forEach((p, i) => {
      step[p] = -at(x, i);
    });
    return moved(state, step, this.pivot);
  }

  /** Noise levels and the images' weights from the misfits. */
  weigh(state: ProbeState): void {
    const all = this.#images.map((n) => this.misfits(state, n));
    for (let kind = 0; kind < 4; kind += 1) {
      const sizes: number[] = [];
      all.forEach((r, i) => {
        if (at(this.weights, this.#images[i] as number) === 0) return;
        for (let k = 0; k < r.length; k += 1) if (kindOf(k >> 1, k & 1) === kind) sizes.push(Math.abs(at(r, k)));
      });
      this.sd[kind] = Math.max(1e-6, 1.4826 * median(Float64Array.from(sizes)));
    }
    const norms = all.map((r) => Math.sqrt(r.reduce((sum, x, k) => sum + (x / this.#sdOf(k)) ** 2, 0) / r.length));
    const usual = Math.max(1e-12, median(Float64Array.from(norms)));
    norms.forEach((norm, i) => {
      const n = this.#images[i] as number;
      this.weights[n] = this.#model.track.covers(n, state.lagMs) ? tukeyWeight(norm / usual, REJECT) : 0;
    });
  }

  /**
   * Covariance of the parameters by the jackknife over stretches of images that follow each other (CR3: MacKinnon & White 1985, J. Econometrics 29:305; by groups as in Bell &
   * McCaffrey 2002, Survey Methodology 28:169): without stretch g the fit would be (A − A_g)⁻¹ s_g elsewhere. Dots of one image share the pose's
   * error, and images in a row share what the tracker does slowly.
   * @throws NavError `calibration/narrow` where the images do not determine the parameters
   */
  covariance(state: ProbeState): { covariance: Float64Array; clusters: number } {
    const f = this.#free.length;
    const used = this.#images.filter((n) => at(this.weights, n) > 0);
    const { a } = this.normal(state, used);
    const length = Math.max(1, Math.ceil(used.length / CLUSTERS));
    const clusters = Math.ceil(used.length / length);
    const out = new Float64Array(PARAMETERS * PARAMETERS);
    for (let c = 0; c < clusters; c += 1) {
      const own = this.normal(state, used.slice(c * length, (c + 1) * length));
      const rest = a.map((x, i) => x - at(own.a, i));
      if (!cholesky(rest, rest, f)) throw undetermined();
      const x = choleskySolve(new Float64Array(f), rest, own.g, f);
      this.#free.forEach((p, i) => {
        this.#free.forEach((q, j) => {
          out[p * PARAMETERS + q] = at(out, p * PARAMETERS + q) + (at(x, i) * at(x, j) * (clusters - 1)) / clusters;
        });
      });
    }
    return { covariance: out, clusters };
  }
}

const undetermined = (): NavError =>
  new NavError(
    'calibration/narrow',
    'The images do not determine the map from pixels: what is taken for the wires does not fit together in enough of them. Check the wiring and the clip, move the probe along the phantom and tilt it.',
  );

/** By how much a whole step of Gauss–Newton would lower the cost if it were quadratic: gᵀ A⁻¹ g / 2; Infinity where A is singular. */
function expectedGain(a: Float64Array, g: Float64Array): number {
  const m = a.slice();
  if (!cholesky(m, m, g.length)) return Number.POSITIVE_INFINITY;
  const x = choleskySolve(new Float64Array(g.length), m, g, g.length);
  return x.reduce((sum, v, i) => sum + v * at(g, i), 0) / 2;
}

/** Stretches of images whose errors are taken for independent: at most. */
const CLUSTERS = 12;

/** The middle of all dots, mm in the probe's frame. */
function middleOf(model: WireModel, { pose, columnMm, rowMm }: ProbeState, images: readonly number[]): Float64Array {
  let [u, v, count] = [0, 0, 0];
  for (const n of images) {
    const { dots } = model.observations[n] as { dots: Float64Array };
    for (let k = 0; k < dots.length; k += 2) {
      u += at(dots, k);
      v += at(dots, k + 1);
      count += 1;
    }
  }
  const [x, y] = [(columnMm * u) / count, (rowMm * v) / count];
  return Float64Array.from([0, 1, 2], (r) => at(pose, r) * x + at(pose, 4 + r) * y + at(pose, 12 + r));
}

/** Fits the map from pixels to the probe, and the lag where it is asked for, from a first guess. */
export function fitProbe(model: WireModel, from: ProbeState, options: FitOptions): ProbeFit {
  const fitter = new Fitter(model, from, options);
  const { after } = options;
  if (after !== undefined) {
    fitter.weights.set(after.weights);
    fitter.sd.set(after.sdMm);
  }
  let settled = { state: from, converged: false };
  const rounds = after === undefined ? ROUNDS : 1;
  for (let round = 0; round < rounds; round += 1) {
    settled = fitter.settle(settled.state);
    // The last weights stay: noise levels by medians never come quite to rest.
    if (round < rounds - 1) fitter.weigh(settled.state);
  }
  const { state, converged } = settled;
  const { pivot, weights, sd } = fitter;
  return { state, ...fitter.covariance(state), pivot, weights, sdMm: sd.slice(), converged };
}

/** What an error is told from. */
type ErrorSource = Pick<ProbeFit, 'state' | 'covariance' | 'pivot' | 'clusters'>;

/** Root mean square error at a pixel, mm. */
export function expectedErrorAt(fit: ErrorSource, column: number, row: number): number {
  const c = errorCovarianceAt(fit, column, row);
  return Math.sqrt(Math.max(0, at(c, 0) + at(c, 4) + at(c, 8)));
}

/**
 * What the error at a pixel stays below with a probability, mm: the radius of the sphere that holds so much of a Gaussian whose covariance was estimated from
 * as many groups of images as the fit has.
 */
export function errorBoundAt(fit: ErrorSource, column: number, row: number, probability: number): number {
  return radiusQuantile(errorCovarianceAt(fit, column, row), probability, Math.max(1, fit.clusters - 1));
}

/** Covariance of a pixel's place in the probe, 3 × 3, mm²: that of the parameters through the derivatives of the place. */
function errorCovarianceAt({ state, covariance, pivot }: ErrorSource, column: number, row: number): Float64Array {
  const place = (s: ProbeState): number[] => {
    const m = probeFromImageOf(s);
    return [0, 1, 2].map((r) => at(m, r) * column + at(m, 4 + r) * row + at(m, 12 + r));
  };
  const h = 1e-6;
  const derivatives = Array.from({ length: LAG }, (_, p) => {
    const step = new Float64Array(PARAMETERS);
    step[p] = h;
    const plus = place(moved(state, step, pivot));
    step[p] = -h;
    const minus = place(moved(state, step, pivot));
    return plus.map((x, r) => (x - (minus[r] as number)) / (2 * h));
  });
  const out = new Float64Array(9);
  derivatives.forEach((a, p) => {
    derivatives.forEach((b, q) => {
      const c = at(covariance, p * PARAMETERS + q);
      for (let r = 0; r < 3; r += 1)
        for (let s = 0; s < 3; s += 1) out[3 * r + s] = at(out, 3 * r + s) + c * (a[r] as number) * (b[s] as number);
    });
  });
  return out;
}
