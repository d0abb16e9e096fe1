import { isNavError, type Path, PoseView, type Transform } from '@trocar/core';
import {
  type BiopsyCore,
  type BiopsyMap,
  biopsyMap,
  coreSampling,
  type DepthStop,
  depthStop,
  nextTargets,
  recordCore,
} from '@trocar/core/guidance';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import { type BiopsyCase, type CaseLesion, type GlandSide, sideOf } from './case.js';
import { GUN, STOP_MARKS_MM } from './probe.js';

/** A core with what a report says of it. */
export interface TakenCore {
  readonly core: BiopsyCore<'mr'>;
  /** What it was aimed at. */
  readonly aimedAt: string;
  /** The side of the patient that its middle came from. */
  readonly side: GlandSide;
  readonly insertedMm: number;
}

/** Where the needle's line passes a target, from the live pose; NaN throughout while the pose is not live. */
export interface Aim {
  /** From the line to the target's middle, mm. */
  readonly besideMm: number;
  /** In the plane to the right of the image and across it, as the guide's x and y, mm. */
  readonly besideXY: readonly [number, number];
  /** From where the needle leaves the guide to the target's middle along the line, mm. */
  readonly depthMm: number;
  /** The 95 % radius of the core's middle, mm. */
  readonly error95Mm: number;
  /** The probability that a core fired now would sample the target. */
  readonly probability: number;
  readonly stop: DepthStop | undefined;
}

export const NO_AIM: Aim = {
  besideMm: Number.NaN,
  besideXY: [Number.NaN, Number.NaN],
  depthMm: Number.NaN,
  error95Mm: Number.NaN,
  probability: Number.NaN,
  stop: undefined,
};

/** A sampled length of at least so much counts, mm. */
export const AT_LEAST_MM = 1;
/** A target this likely to have been sampled needs no more cores. */
export const ENOUGH = 0.9;

/** Aiming, firing and what was sampled with what probability. */
export class FireStep {
  readonly #case: BiopsyCase;
  readonly #path: Path<'mr', 'guide'>;
  readonly #view = new PoseView();
  readonly #cores: TakenCore[] = [];
  #map: BiopsyMap | undefined;
  #target: CaseLesion;

  constructor(given: BiopsyCase, path: Path<'mr', 'guide'>) {
    this.#case = given;
    this.#path = path;
    this.#target = given.lesions[0] as CaseLesion;
  }

  get cores(): readonly TakenCore[] {
    return this.#cores;
  }
  get target(): CaseLesion {
    return this.#target;
  }

  /** Cores that were taken before, in their order. */
  restore(cores: readonly TakenCore[]): void {
    this.#cores.splice(0, this.#cores.length, ...cores);
    this.#map = undefined;
  }

  aimAt(name: string): Refusal | undefined {
    const found = this.#case.lesions.find((l) => l.name === name);
    if (found === undefined) return { code: 'no-such-target', message: `There is no target "${name}".` };
    this.#target = found;
    return undefined;
  }

  /** The needle's pose in the MR at the graph's moment: reused. */
  read(): PoseView {
    this.#path.read(this.#view);
    return this.#view;
  }

  /** How the needle lies to the target now. @param nodes of the probability's integral; 1024 while moving */
  aim(registration: Transform<'mr', 'reference'>, nodes = 1024): Aim {
    const view = this.read();
    if (view.status !== 'ok') return NO_AIM;
    const m = view.matrix;
    const to = this.#target.centre.xyz;
    const way = [0, 1, 2].map((k) => (to[k] as number) - (m[12 + k] as number));
    const along = (c: number): number => way.reduce((sum, v, k) => sum + v * (m[4 * c + k] as number), 0);
    const [x, y, depthMm] = [along(0), along(1), along(2)];
    const stop = tried(() => depthStop(GUN, { targetDepthMm: Math.max(0, depthMm), marksMm: STOP_MARKS_MM }));
    if (isRefusal(stop)) return { ...NO_AIM, besideMm: Math.hypot(x, y), besideXY: [x, y], depthMm };
    const core = tried(() => this.#record('preview', 'preview', '2000-01-01T00:00:00Z', stop.settingMm, registration));
    const known = !isRefusal(core);
    return {
      besideMm: Math.hypot(x, y),
      besideXY: [x, y],
      depthMm,
      error95Mm: known ? radius95(core.covarianceAlong.middle) : Number.NaN,
      probability: known ? coreSampling(core, this.#target.target, { atLeastMm: AT_LEAST_MM, nodes }).probability : Number.NaN,
      stop,
    };
  }

  #record(id: string, by: string, at: string, insertedMm: number, registration: Transform<'mr', 'reference'>): BiopsyCore<'mr'> {
    return recordCore(
      this.#path,
      {
        id,
        by,
        at,
        gun: GUN,
        image: this.#case.mr,
        guide: { origin: [0, 0, 0], direction: [0, 0, 1], insertedMm },
        registration,
      },
      this.#view,
    );
  }

  /**
   * Records a core from the pose at the moment that the graph was ticked at. A stale pose, or one whose error is not known, is refused with
   * what to do.
   */
  fire(fired: {
    readonly by: string;
    readonly utc: string;
    readonly insertedMm: number;
    readonly registration: Transform<'mr', 'reference'>;
  }): TakenCore | Refusal {
    const { name } = this.#target;
    const count = this.#cores.filter((c) => c.aimedAt === name).length + 1;
    const id = `${name} #${count}`;
    try {
      const core = this.#record(id, fired.by, fired.utc, fired.insertedMm, fired.registration);
      const middle = core.near.map((v, k) => (v + (core.far[k] as number)) / 2);
      const side = sideOf(middle, this.#case.gland.centre.xyz);
      const taken: TakenCore = { core, aimedAt: name, side, insertedMm: fired.insertedMm };
      this.#cores.push(taken);
      this.#map = undefined;
      return taken;
    } catch (error) {
      if (isNavError(error)) return { code: error.code, message: error.message };
      throw error;
    }
  }

  /** What was sampled with what probability, by all cores together. */
  map(): BiopsyMap {
    this.#map ??= biopsyMap(
      this.#cores.map((c) => c.core),
      this.#case.lesions.map((l) => l.target),
      { atLeastMm: AT_LEAST_MM, nodes: 4096 },
    );
    return this.#map;
  }

  /** Which target has the most to gain from another core; undefined where each was sampled well enough. */
  next(): CaseLesion | undefined {
    const map = this.map();
    const weights = Object.fromEntries(this.#case.lesions.map((l) => [l.name, l.weight]));
    const open = nextTargets(map, weights).find(({ target }) => {
      const sampled = map.targets.find((t) => t.target === target);
      return sampled !== undefined && sampled.probability < ENOUGH;
    });
    return this.#case.lesions.find((l) => l.name === open?.target);
  }
}

/** Not above this with 95 %, for any shape of the error: 1.96 √trace (docs/planning.md). */
export function radius95(covariance: ArrayLike<number>): number {
  return 1.96 * Math.sqrt((covariance[0] as number) + (covariance[4] as number) + (covariance[8] as number));
}
