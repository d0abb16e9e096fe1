import { invertRigid, type Mat4, multiply4 } from '../math/index.js';
import { addMoved } from './covariance.js';
import type { AnyFrame, Frame } from './frame.js';
import type { PoseBuffer } from './pose-buffer.js';
import type { PoseView } from './pose-view.js';
import { hasPose, type Status, severity } from './status.js';
import type { Transform } from './transform.js';

/** One edge of a resolved route, seen from the path's `to` end. */
export interface PathStep {
  readonly to: AnyFrame;
  readonly from: AnyFrame;
  readonly fixed: Transform<string, string> | undefined;
  readonly inverse: Mat4 | undefined;
  readonly buffer: PoseBuffer | undefined;
  /** Whether the edge is walked against its own direction. */
  readonly reversed: boolean;
}

/** What a path asks of its graph. */
export interface RouteSource {
  revision(): number;
  route(): readonly PathStep[] | undefined;
}

/**
 * A question asked every frame: `to` from `from` at the graph's query time. Made once, read often; reading allocates
 * nothing.
 */
export class Path<in out To extends string, in out From extends string> {
  readonly to: Frame<To>;
  readonly from: Frame<From>;
  readonly #time: Float64Array;
  readonly #source: RouteSource;
  #revision = -1;
  #steps: readonly PathStep[] | undefined;
  readonly #edge = new Float64Array(16);
  readonly #edgeTimes = new Float64Array(4);
  readonly #covariance = new Float64Array(36);

  /** Made by {@link FrameGraph.path}. */
  constructor(to: Frame<To>, from: Frame<From>, time: Float64Array, source: RouteSource) {
    this.to = to;
    this.from = from;
    this.#time = time;
    this.#source = source;
  }

  /** Whether a route exists now. */
  get connected(): boolean {
    this.#resolve();
    return this.#steps !== undefined;
  }

  /**
   * The transform at the graph's query time, into `view`. The status is the worst edge's; with a missing or
   * disconnected edge, or without a route, there is no matrix and every number is NaN.
   */
  read(view: PoseView): Status {
    this.#resolve();
    this.#begin(view);
    const steps = this.#steps;
    if (steps === undefined) return this.#noPose(view, 'missing');
    for (let i = 0; i < steps.length; i += 1) {
      this.#first = i === 0;
      this.#apply(steps[i] as PathStep, view);
    }
    if (!hasPose(view.status)) return this.#noPose(view, view.status);
    if (!view.covarianceKnown) view.covariance.fill(Number.NaN);
    return view.status;
  }

  #resolve(): void {
    const revision = this.#source.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#steps = this.#source.route();
  }

  #begin(view: PoseView): void {
    view.status = 'ok';
    view.worstEdge = undefined;
    view.covarianceKnown = true;
    view.degreesOfFreedom = Number.POSITIVE_INFINITY;
    view.covariance.fill(0);
    view.times.fill(Number.NaN);
    view.times[0] = this.#time[0] as number;
    view.times[4] = 0;
    const m = view.matrix;
    m.fill(0);
    m[0] = m[5] = m[10] = m[15] = 1;
  }

  #noPose(view: PoseView, status: Status): Status {
    view.status = status;
    view.covarianceKnown = false;
    view.times[4] = 0;
    view.matrix.fill(Number.NaN);
    view.covariance.fill(Number.NaN);
    return status;
  }

  #apply(step: PathStep, view: PoseView): void {
    const buffer = step.buffer;
    if (buffer !== undefined) this.#applyStreamed(step, buffer, view);
    else if (step.fixed !== undefined) this.#applyFixed(step, step.fixed, view);
  }

  #applyFixed(step: PathStep, fixed: Transform<string, string>, view: PoseView): void {
    if (fixed.covariance === undefined) view.covarianceKnown = false;
    else this.#addCovariance(fixed.covariance, step.reversed ? (step.inverse as Mat4) : undefined, view);
    const dof = fixed.degreesOfFreedom;
    if (dof !== undefined && dof < view.degreesOfFreedom) view.degreesOfFreedom = dof;
    multiply4(view.matrix, view.matrix, step.reversed ? (step.inverse as Mat4) : fixed.matrix);
  }

  #applyStreamed(step: PathStep, buffer: PoseBuffer, view: PoseView): void {
    const edge = this.#edge;
    const times = this.#edgeTimes;
    const status = buffer.read(this.#time, edge, times);
    if (severity(status) > severity(view.status)) {
      view.status = status;
      view.worstEdge = step;
    }
    // The chain is as old as its oldest measurement.
    if (!((view.times[1] as number) <= (times[0] as number))) {
      for (let k = 0; k < 3; k += 1) view.times[1 + k] = times[k] as number;
    }
    if ((times[3] as number) > (view.times[4] as number)) view.times[4] = times[3] as number;
    if (!hasPose(status)) return;
    const known = buffer.covariance(edge, this.#covariance);
    if (step.reversed) invertRigid(edge, edge);
    if (known) this.#addCovariance(this.#covariance, step.reversed ? edge : undefined, view);
    else view.covarianceKnown = false;
    multiply4(view.matrix, view.matrix, edge);
  }

  /** view.covariance += Ad(path so far, and the inverse edge where it is walked backwards) · C · Adᵀ. */
  #addCovariance(c: ArrayLike<number>, inverse: Mat4 | undefined, view: PoseView): void {
    if (!view.covarianceKnown) return;
    if (this.#first && inverse === undefined) {
      // The path so far is the identity, which moves nothing.
      view.covariance.set(c);
      return;
    }
    const total = inverse === undefined ? view.matrix : multiply4(this.#product, view.matrix, inverse);
    addMoved(view.covariance, total, c);
  }

  readonly #product = new Float64Array(16);
  #first = false;
}
