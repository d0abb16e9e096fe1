import type { PoseView, Transform } from '@trocar/core';
import {
  type AblationCoverage,
  type AblationTarget,
  coverageProbability,
  type EllipsoidZone,
  ellipsoidZone,
  type MarginMap,
  marginMap,
  type PlacedProbe,
  type ProbeSetting,
  zoneShapeOf,
} from '@trocar/core/guidance';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import { CT } from './frames.js';

/** One burn, done or broken off. */
export interface Burn {
  /** Which probe of the plan, or a later one. */
  readonly name: string;
  readonly setting: ProbeSetting;
  /** What the table makes of it at the tracked pose; undefined where the applicator moved: what was burnt is then not known. */
  readonly probe: PlacedProbe<'ct'> | undefined;
  /** The furthest the tip was from where it began, over live poses, mm. */
  readonly movedMm: number;
  /** `unknown`: the program stopped during the burn, and nobody knows how it went on. */
  readonly outcome: 'done' | 'moved' | 'stopped' | 'unknown';
}

/** The registration's part of a burn's error, which all burns share. */
export type SharedError = Pick<Transform<'ct', 'reference'>, 'covariance' | 'degreesOfFreedom'>;

/** What all burns together do, as tracked. */
export interface Achieved {
  readonly zone: EllipsoidZone<'ct'>;
  readonly map: MarginMap<'ct'>;
  /** That all of the tumour lies in the zone, and that all of it does with the margin. */
  readonly complete: AblationCoverage;
  readonly withMargin: AblationCoverage;
}

/** A burn that goes on. */
interface Running {
  readonly name: string;
  readonly setting: ProbeSetting;
  readonly probe: PlacedProbe<'ct'>;
  readonly fromMs: number;
  readonly ms: number;
}

/** Further than this from where the burn began, and it is not one zone any more, mm. */
const MOST_MOVED_MM = 4;

/**
 * The burn: its zone stands where the applicator was tracked when it began, with the error of that pose. A tip that moves away meanwhile
 * ends the burn, and no zone is made of it.
 */
export class BurnStep {
  readonly target: AblationTarget<'ct'>;
  readonly marginMm: number;
  readonly #burns: Burn[] = [];
  #running: Running | undefined;
  #movedMm = 0;
  #shared: SharedError | undefined;
  #achieved: Achieved | undefined;

  constructor(target: AblationTarget<'ct'>, marginMm: number) {
    this.target = target;
    this.marginMm = marginMm;
  }

  get burns(): readonly Burn[] {
    return this.#burns;
  }
  /** The registration's error that went into the burns; undefined before the first. */
  get shared(): SharedError | undefined {
    return this.#shared;
  }
  get isRunning(): boolean {
    return this.#running !== undefined;
  }
  /** Whether a burn is in the tissue of which nobody knows where. */
  get isUnknown(): boolean {
    return this.#burns.some((b) => b.probe === undefined);
  }
  /** How much of the running burn is done, 0 … 1. */
  progress(atMs: number): number {
    return this.#running === undefined ? 0 : Math.min(1, (atMs - this.#running.fromMs) / this.#running.ms);
  }
  /** How far the tip is from where the running burn began, at most so far, mm. */
  get movedMm(): number {
    return this.#movedMm;
  }

  /**
   * Begins a burn at a live pose.
   * @param view ct from tip, live, with its error
   * @param edge the registration that went into it: its error is the same in every burn
   * @param ms how long it takes
   */
  start(
    name: string,
    setting: ProbeSetting,
    view: PoseView,
    edge: Transform<'ct', 'reference'>,
    ms: number,
  ): Refusal | undefined {
    if (!view.covarianceKnown || edge.covariance === undefined) {
      return {
        code: 'unknown-error',
        message: 'The error of the applicator’s pose is not known: nothing could be said of what is burnt.',
      };
    }
    const placed = tried(
      (): PlacedProbe<'ct'> => ({
        frame: CT,
        shape: zoneShapeOf(setting.applicator, setting.powerW, setting.minutes),
        matrix: Float64Array.from(view.matrix),
        covariance: less(view.covariance, edge.covariance as ArrayLike<number>),
      }),
    );
    if (isRefusal(placed)) return placed;
    this.#running = { name, setting, probe: placed, fromMs: view.at, ms };
    this.#movedMm = 0;
    this.#shared = edge;
    return undefined;
  }

  /** Takes a pose during the burn. Returns the burn once it has ended. */
  add(view: PoseView): Burn | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    if (view.isLive) {
      const m = running.probe.matrix;
      const off = Math.hypot(...[12, 13, 14].map((k) => (view.matrix[k] as number) - (m[k] as number)));
      this.#movedMm = Math.max(this.#movedMm, off);
    }
    if (this.#movedMm > MOST_MOVED_MM) return this.#end(running, 'moved');
    return view.at - running.fromMs >= running.ms ? this.#end(running, 'done') : undefined;
  }

  /** Takes up burns that were begun before the program stopped, and the error they share. */
  restore(burns: readonly Burn[], shared: SharedError | undefined): void {
    this.#burns.splice(0, this.#burns.length, ...burns);
    this.#shared = shared;
    this.#achieved = undefined;
  }

  /** Takes a burn back that did not begin. @returns whether one was running */
  cancel(): boolean {
    const was = this.isRunning;
    this.#running = undefined;
    return was;
  }

  /** Breaks the burn off: less was burnt than the table says of it, and nobody knows how much. */
  stop(): Burn | undefined {
    return this.#running && this.#end(this.#running, 'stopped');
  }

  #end({ name, setting, probe }: Running, outcome: Burn['outcome']): Burn {
    this.#running = undefined;
    const burn = { name, setting, probe: outcome === 'done' ? probe : undefined, movedMm: this.#movedMm, outcome };
    this.#burns.push(burn);
    this.#achieved = undefined;
    return burn;
  }

  /** What was burnt so far, as tracked; undefined before the first burn whose place is known. */
  get achieved(): Achieved | undefined {
    this.#achieved ??= this.#assess(this.#burns.flatMap(({ probe }) => (probe ? [probe] : [])));
    return this.#achieved;
  }

  #assess(probes: readonly PlacedProbe<'ct'>[]): Achieved | undefined {
    const edge = this.#shared;
    if (probes.length === 0 || edge?.covariance === undefined) return undefined;
    const zone = ellipsoidZone(probes);
    const { covariance, degreesOfFreedom } = edge;
    const shared = { frame: CT, covariance, ...(degreesOfFreedom !== undefined && { degreesOfFreedom }) };
    const chance = (marginMm: number): AblationCoverage =>
      coverageProbability(this.target, zone, { marginMm, shared, shifts: 6 });
    return { zone, map: marginMap(this.target, zone), complete: chance(0), withMargin: chance(this.marginMm) };
  }

  /** The zones of what was burnt where that is known, each by itself. */
  get zones(): readonly EllipsoidZone<'ct'>[] {
    return this.#burns.flatMap(({ probe }) => (probe ? [ellipsoidZone([probe])] : []));
  }
}

/**
 * The applicator's own error: that of the whole path less that of the registration, which is the sum of the two to first order. What
 * rounding leaves of a variance below zero is zero.
 */
function less(all: ArrayLike<number>, part: ArrayLike<number>): Float64Array {
  const own = Float64Array.from(all, (v, n) => v - (part[n] as number));
  for (let i = 0; i < 6; i += 1) own[7 * i] = Math.max(1e-12, own[7 * i] as number);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const most = Math.sqrt((own[7 * i] as number) * (own[7 * j] as number));
      const mean = ((own[6 * i + j] as number) + (own[6 * j + i] as number)) / 2;
      own[6 * i + j] = own[6 * j + i] = Math.min(most, Math.max(-most, mean));
    }
  }
  return own;
}
