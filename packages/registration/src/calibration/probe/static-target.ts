import { NavError } from '@trocar/core';
import { cholesky, choleskySolve, invertSymmetric } from '@trocar/core/math';
import { median, tukeyWeight } from '../../accuracy/robust.js';
import { at } from '../../points/rigid-fit.js';
import { LAG, moved, PARAMETERS, type ProbeState, probeFromImageOf } from './model.js';
import type { ProbeTrack, WireObservation } from './observations.js';

/**
 * Something that stands still and that images show: a point, or a plane. Its misfits, mm, are 0 where an image's dots, brought into the reference, lie on
 * it.
 */
export interface StaticTarget {
  /** Dots of an image that are used. */
  readonly dots: number;
  /** Misfits of one dot. */
  readonly misfits: number;
  /** Numbers that describe it: a point's place, or a plane's normal and distance. */
  readonly free: number;
  /** The target moved by a small step. */
  moved(target: Float64Array, step: ArrayLike<number>): Float64Array;
  /** Misfits of a point of the reference, mm, into `out` from `to` on. */
  misfit(out: Float64Array, to: number, target: Float64Array, x: number, y: number, z: number): void;
}

/** A probe's map and the target, fitted together. */
export interface TargetFit {
  readonly state: ProbeState;
  readonly target: Float64Array;
  /** As of ProbeFit. */
  readonly covariance: Float64Array;
  readonly pivot: Float64Array;
  readonly weights: Float64Array;
  readonly sdMm: number;
  readonly converged: boolean;
}

/** What the fit looks at. */
export interface TargetModel {
  readonly observations: readonly WireObservation[];
  readonly track: ProbeTrack;
  readonly kind: StaticTarget;
}

const NUDGE = [1e-5, 1e-5, 1e-5, 1e-3, 1e-3, 1e-3, 1e-5, 1e-5, 1];
const TARGET_NUDGE = 1e-4;
const REJECT = 4;
const ROUNDS = 6;
const STEPS = 25;

const pose4 = new Float64Array(16);

/** The misfits of one image, mm. */
export function targetMisfits(model: TargetModel, state: ProbeState, target: Float64Array, image: number): Float64Array {
  const { kind, track, observations } = model;
  const out = new Float64Array(kind.dots * kind.misfits);
  const m = probeFromImageOf(state);
  track.referenceFromProbe(pose4, image, state.lagMs);
  const { dots } = observations[image] as WireObservation;
  for (let k = 0; k < kind.dots; k += 1) {
    const [u, v] = [at(dots, 2 * k), at(dots, 2 * k + 1)];
    const [a, b, c] = [0, 1, 2].map((r) => at(m, r) * u + at(m, 4 + r) * v + at(m, 12 + r)) as [number, number, number];
    const [x, y, z] = [0, 1, 2].map(
      (r) => at(pose4, r) * a + at(pose4, 4 + r) * b + at(pose4, 8 + r) * c + at(pose4, 12 + r),
    ) as [number, number, number];
    kind.misfit(out, k * kind.misfits, target, x, y, z);
  }
  return out;
}

class Fitter {
  readonly #model: TargetModel;
  readonly #images: readonly number[];
  /** Of the probe's parameters; the target's follow them. */
  readonly #free: readonly number[];
  readonly pivot: Float64Array;
  readonly weights: Float64Array;
  sd = 1;

  constructor(model: TargetModel, state: ProbeState, images: readonly number[], estimateLag: boolean) {
    this.#model = model;
    this.#images = images;
    this.#free = Array.from({ length: LAG + 1 }, (_, p) => p).filter((p) => p !== LAG || estimateLag);
    this.pivot = middleOf(model, state, images);
    this.weights = new Float64Array(model.observations.length);
    for (const n of images) this.weights[n] = model.track.covers(n, state.lagMs) ? 1 : 0;
  }

  get size(): number {
    return this.#free.length + this.#model.kind.free;
  }

  step(state: ProbeState, target: Float64Array, x: ArrayLike<number>): [ProbeState, Float64Array] {
    const own = new Float64Array(PARAMETERS);
    this.#free.forEach((p, i) => {
      own[p] = at(x, i);
    });
    const rest = Float64Array.from({ length: this.#model.kind.free }, (_, i) => at(x, this.#free.length + i));
    return [moved(state, own, this.pivot), this.#model.kind.moved(target, rest)];
  }

  cost(state: ProbeState, target: Float64Array): number {
    let sum = 0;
    for (const n of this.#images) {
      const w = at(this.weights, n);
      if (w > 0) for (const r of targetMisfits(this.#model, state, target, n)) sum += w * r * r;
    }
    return sum;
  }

  normal(state: ProbeState, target: Float64Array, scores?: Float64Array[]): { a: Float64Array; g: Float64Array } {
    const f = this.size;
    const [a, g] = [new Float64Array(f * f), new Float64Array(f)];
    const sides = Array.from({ length: f }, (_, i) => {
      const h = i < this.#free.length ? (NUDGE[this.#free[i] as number] as number) : TARGET_NUDGE;
      const x = new Float64Array(f);
      x[i] = h;
      const plus = this.step(state, target, x);
      x[i] = -h;
      return { plus, minus: this.step(state, target, x), h };
    });
    for (const n of this.#images) {
      const w = at(this.weights, n);
      if (w === 0) continue;
      const r = targetMisfits(this.#model, state, target, n);
      const columns = sides.map(({ plus, minus, h }) => {
        const low = targetMisfits(this.#model, ...minus, n);
        return targetMisfits(this.#model, ...plus, n).map((x, k) => (x - at(low, k)) / (2 * h));
      });
      const own = new Float64Array(f);
      for (let i = 0; i < f; i += 1) {
        const ci = columns[i] as Float64Array;
        for (let k = 0; k < r.length; k += 1) own[i] = at(own, i) + w * at(ci, k) * at(r, k);
        for (let j = 0; j < f; j += 1) {
          const cj = columns[j] as Float64Array;
          for (let k = 0; k < r.length; k += 1) a[i * f + j] = at(a, i * f + j) + w * at(ci, k) * at(cj, k);
        }
        g[i] = at(g, i) + at(own, i);
      }
      scores?.push(own);
    }
    return { a, g };
  }

  /** Levenberg–Marquardt with the weights as they are. */
  settle(state: ProbeState, target: Float64Array): { state: ProbeState; target: Float64Array; converged: boolean } {
    let now = { state, target };
    let cost = this.cost(state, target);
    let damping = 1e-3;
    for (let n = 0; n < STEPS; n += 1) {
      const { a, g } = this.normal(now.state, now.target);
      let better: typeof now | undefined;
      let value = cost;
      for (let tries = 0; tries < 12 && better === undefined; tries += 1) {
        const f = this.size;
        const m = a.slice();
        for (let i = 0; i < f; i += 1) m[i * f + i] = at(a, i * f + i) * (1 + damping) + 1e-12;
        if (cholesky(m, m, f)) {
          const x = choleskySolve(new Float64Array(f), m, g, f).map((v) => -v);
          const [s, t] = this.step(now.state, now.target, x);
          value = this.cost(s, t);
          if (value <= cost) better = { state: s, target: t };
        }
        damping = better === undefined ? damping * 10 : Math.max(1e-12, damping / 10);
      }
      if (better === undefined) return { ...now, converged: n > 0 };
      const gain = (cost - value) / Math.max(cost, 1e-30);
      [now, cost] = [better, value];
      if (gain < 1e-8) return { ...now, converged: true };
    }
    return { ...now, converged: false };
  }

  weigh(state: ProbeState, target: Float64Array): void {
    const { track } = this.#model;
    const norms = this.#images.map((n) => {
      const r = targetMisfits(this.#model, state, target, n);
      return Math.sqrt(r.reduce((sum, x) => sum + x * x, 0) / r.length);
    });
    const usual = Math.max(1e-9, median(Float64Array.from(norms)));
    this.sd = usual;
    norms.forEach((norm, i) => {
      const n = this.#images[i] as number;
      this.weights[n] = track.covers(n, state.lagMs) ? tukeyWeight(norm / usual, REJECT) : 0;
    });
  }

  /** Sandwich estimate over stretches of images, as of the wires' fit; of the probe's parameters only, at its PARAMETERS' places. */
  covariance(state: ProbeState, target: Float64Array): Float64Array {
    const f = this.size;
    const scores: Float64Array[] = [];
    const { a } = this.normal(state, target, scores);
    for (let i = 0; i < f; i += 1) a[i * f + i] = at(a, i * f + i) * (1 + 1e-12);
    const inverse = invertSymmetric(a, f);
    const length = Math.max(1, Math.ceil(scores.length / 24));
    const clusters = Math.ceil(scores.length / length);
    const out = new Float64Array(PARAMETERS * PARAMETERS);
    for (let c = 0; c < clusters; c += 1) {
      const sum = new Float64Array(f);
      for (const own of scores.slice(c * length, (c + 1) * length))
        for (let i = 0; i < f; i += 1) sum[i] = at(sum, i) + at(own, i);
      const x = Float64Array.from({ length: f }, (_, i) => sum.reduce((s, v, j) => s + v * at(inverse, i * f + j), 0));
      this.#free.forEach((p, i) => {
        this.#free.forEach((q, j) => {
          out[p * PARAMETERS + q] = at(out, p * PARAMETERS + q) + (at(x, i) * at(x, j) * clusters) / Math.max(1, clusters - 1);
        });
      });
    }
    return out;
  }
}

/** The middle of all dots, mm in the probe's frame. */
function middleOf({ observations, kind }: TargetModel, state: ProbeState, images: readonly number[]): Float64Array {
  const m = probeFromImageOf(state);
  let [u, v] = [0, 0];
  for (const n of images) {
    const { dots } = observations[n] as WireObservation;
    for (let k = 0; k < kind.dots; k += 1) {
      u += at(dots, 2 * k) / (kind.dots * images.length);
      v += at(dots, 2 * k + 1) / (kind.dots * images.length);
    }
  }
  return Float64Array.from([0, 1, 2], (r) => at(m, r) * u + at(m, 4 + r) * v + at(m, 12 + r));
}

/**
 * Fits a probe's map and a target from a first guess; images that disagree are left out.
 * @throws NavError `calibration/narrow` where the images do not determine them
 */
export function fitTarget(
  model: TargetModel,
  start: { readonly state: ProbeState; readonly target: Float64Array },
  images: readonly number[],
  estimateLag: boolean,
): TargetFit {
  const fitter = new Fitter(model, start.state, images, estimateLag);
  let now = { ...start, converged: false };
  for (let round = 0; round < ROUNDS; round += 1) {
    now = fitter.settle(now.state, now.target);
    if (round < ROUNDS - 1) fitter.weigh(now.state, now.target);
  }
  const covariance = fitter.covariance(now.state, now.target);
  if (!covariance.every((x) => Number.isFinite(x))) {
    throw new NavError(
      'calibration/narrow',
      'The images do not determine the map from pixels. Turn and tilt the probe about all axes.',
    );
  }
  return { ...now, covariance, pivot: fitter.pivot, weights: fitter.weights, sdMm: fitter.sd };
}
