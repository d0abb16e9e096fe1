import { NavError } from '@trocar/core';
import { cholesky, choleskySolve } from '@trocar/core/math';
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
  /** How many independent groups of pictures the covariance rests on. */
  readonly clusters: number;
}

/** What the fit looks at. */
export interface TargetModel {
  readonly observations: readonly WireObservation[];
  readonly track: ProbeTrack;
  readonly kind: StaticTarget;
  /** Which view each image is of: what images of one view err by is alike. */
  readonly views: readonly number[];
}

const NUDGE = [1e-5, 1e-5, 1e-5, 1e-3, 1e-3, 1e-3, 1e-5, 1e-5, 1];
const TARGET_NUDGE = 1e-4;
const REJECT = 4;
const ROUNDS = 6;
const STEPS = 25;

const pose4 = new Float64Array(16);

/** The misfits of one image, mm. */
export function targetMisfits(model: TargetModel, state: ProbeState, target: Float64Array, image: number): Float64Array {
  model.track.referenceFromProbe(pose4, image, state.lagMs);
  return misfitsBy(model, probeFromImageOf(state), target, image);
}

/** The same by a map from pixels, with the pose in `pose4`. */
function misfitsBy({ kind, observations }: TargetModel, m: Float64Array, target: Float64Array, image: number): Float64Array {
  const out = new Float64Array(kind.dots * kind.misfits);
  const { dots } = observations[image] as WireObservation;
  for (let k = 0; k < kind.dots; k += 1) {
    const [u, v] = [at(dots, 2 * k), at(dots, 2 * k + 1)];
    const a = at(m, 0) * u + at(m, 4) * v + at(m, 12);
    const b = at(m, 1) * u + at(m, 5) * v + at(m, 13);
    const c = at(m, 2) * u + at(m, 6) * v + at(m, 14);
    const along = (r: number): number => at(pose4, r) * a + at(pose4, 4 + r) * b + at(pose4, 8 + r) * c + at(pose4, 12 + r);
    kind.misfit(out, k * kind.misfits, target, along(0), along(1), along(2));
  }
  return out;
}

/** A state and a target beside others. */
interface Side {
  readonly map: Float64Array;
  readonly lagMs: number;
  readonly target: Float64Array;
}

class Fitter {
  readonly #model: TargetModel;
  readonly #images: readonly number[];
  /** Of the probe's parameters; the target's follow them. */
  readonly #free: readonly number[];
  readonly pivot: Float64Array;
  readonly weights: Float64Array;
  sd = 1;
  readonly #pose = new Float64Array(16);
  #image = -1;
  #lagMs = Number.NaN;

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

  /** The pose is read anew only where image or lag differ from the last time. */
  #misfits({ map, lagMs, target }: Side, image: number): Float64Array {
    if (image !== this.#image || lagMs !== this.#lagMs) {
      this.#model.track.referenceFromProbe(this.#pose, image, lagMs);
      [this.#image, this.#lagMs] = [image, lagMs];
    }
    pose4.set(this.#pose);
    return misfitsBy(this.#model, map, target, image);
  }

  cost(state: ProbeState, target: Float64Array): number {
    const map = probeFromImageOf(state);
    let sum = 0;
    for (const n of this.#images) {
      const w = at(this.weights, n);
      if (w > 0) for (const r of this.#misfits({ map, lagMs: state.lagMs, target }, n)) sum += w * r * r;
    }
    return sum;
  }

  normal(
    state: ProbeState,
    target: Float64Array,
    images: readonly number[] = this.#images,
  ): { a: Float64Array; g: Float64Array } {
    const f = this.size;
    const [a, g] = [new Float64Array(f * f), new Float64Array(f)];
    const side = (i: number, h: number): Side => {
      const x = new Float64Array(f);
      x[i] = h;
      const [moved, there] = this.step(state, target, x);
      return { map: probeFromImageOf(moved), lagMs: moved.lagMs, target: there };
    };
    const steps = Array.from({ length: f }, (_, i) =>
      i < this.#free.length ? (NUDGE[this.#free[i] as number] as number) : TARGET_NUDGE,
    );
    const sides = steps.map((h, i) => ({ plus: side(i, h), minus: side(i, -h), h }));
    const own = { map: probeFromImageOf(state), lagMs: state.lagMs, target };
    for (const n of images) {
      const w = at(this.weights, n);
      if (w === 0) continue;
      const r = this.#misfits(own, n);
      const columns = sides.map(({ plus, minus, h }) => {
        const low = this.#misfits(minus, n);
        return this.#misfits(plus, n).map((x, k) => (x - at(low, k)) / (2 * h));
      });
      for (let i = 0; i < f; i += 1) {
        const ci = columns[i] as Float64Array;
        for (let k = 0; k < r.length; k += 1) g[i] = at(g, i) + w * at(ci, k) * at(r, k);
        for (let j = 0; j < f; j += 1) {
          const cj = columns[j] as Float64Array;
          for (let k = 0; k < r.length; k += 1) a[i * f + j] = at(a, i * f + j) + w * at(ci, k) * at(cj, k);
        }
      }
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

  /**
   * The jackknife over views (CR3: MacKinnon & White 1985, J. Econometrics 29:305; by groups as in Bell & McCaffrey 2002, Survey Methodology 28:169), of the
   * probe's parameters only, at its PARAMETERS' places. Without view g the fit would be (A − A_g)⁻¹ s_g elsewhere, one step of Gauss–Newton. Few views bend a fit
   * towards themselves, so that their own misfits are too small to tell its error by: what happens without them is not.
   */
  covariance(state: ProbeState, target: Float64Array): { covariance: Float64Array; clusters: number } {
    const f = this.size;
    const { a } = this.normal(state, target);
    const groups = clustersOf(
      this.#model.views,
      this.#images.filter((n) => at(this.weights, n) > 0),
    );
    const out = new Float64Array(PARAMETERS * PARAMETERS);
    for (const images of groups) {
      const own = this.normal(state, target, images);
      const rest = a.map((x, i) => x - at(own.a, i));
      for (let i = 0; i < f; i += 1) rest[i * f + i] = at(rest, i * f + i) * (1 + 1e-12);
      // Without this view nothing is determined: neither is the error.
      if (!cholesky(rest, rest, f)) return { covariance: out.fill(Number.NaN), clusters: groups.length };
      const x = choleskySolve(new Float64Array(f), rest, own.g, f);
      this.#free.forEach((p, i) => {
        this.#free.forEach((q, j) => {
          out[p * PARAMETERS + q] = at(out, p * PARAMETERS + q) + (at(x, i) * at(x, j) * (groups.length - 1)) / groups.length;
        });
      });
    }
    return { covariance: out, clusters: groups.length };
  }
}

/** Views whose errors are taken for independent: at most. More are joined with those after them, which share what a tracker errs by slowly. */
const MOST_CLUSTERS = 24;

/** Images by their views, in the order in which views were first seen. */
function clustersOf(views: readonly number[], images: readonly number[]): number[][] {
  const order = [...new Set(images.map((n) => views[n] as number))];
  const count = Math.min(MOST_CLUSTERS, order.length);
  const clusters = Array.from({ length: count }, (): number[] => []);
  for (const n of images) {
    const place = order.indexOf(views[n] as number);
    (clusters[Math.floor((place * count) / order.length)] as number[]).push(n);
  }
  return clusters;
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
 * @param withError false for a fit whose error is not asked for: its covariance is 0
 * @throws NavError `calibration/narrow` where the images do not determine them
 */
export function fitTarget(
  model: TargetModel,
  start: { readonly state: ProbeState; readonly target: Float64Array },
  images: readonly number[],
  estimateLag: boolean,
  withError: boolean = true,
): TargetFit {
  const fitter = new Fitter(model, start.state, images, estimateLag);
  let now = { ...start, converged: false };
  for (let round = 0; round < ROUNDS; round += 1) {
    now = fitter.settle(now.state, now.target);
    if (round < ROUNDS - 1) fitter.weigh(now.state, now.target);
  }
  const none = { covariance: new Float64Array(PARAMETERS * PARAMETERS), clusters: 0 };
  const { covariance, clusters } = withError ? fitter.covariance(now.state, now.target) : none;
  const { dots, misfits } = model.kind;
  if (withError && (clusters - 1) * dots * misfits <= fitter.size) {
    const least = Math.floor(fitter.size / (dots * misfits)) + 2;
    const message = `The images are of ${clusters} views, and ${least} are needed. Turn and tilt the probe about all axes between them.`;
    throw new NavError('calibration/narrow', message, { detail: { views: clusters, needed: least } });
  }
  if (!covariance.every((x) => Number.isFinite(x))) {
    throw new NavError(
      'calibration/narrow',
      'The images do not determine the map from pixels. Turn and tilt the probe about all axes.',
    );
  }
  return { ...now, covariance, clusters, pivot: fitter.pivot, weights: fitter.weights, sdMm: fitter.sd };
}
