import { type Point, point } from '@trocar/core';
import {
  type AblationProposal,
  type AblationTarget,
  type Applicator,
  applicatorOf,
  coverageProbability,
  ellipsoidZone,
  ILLUSTRATIVE_APPLICATORS,
  type KeepClear,
  marginMap,
  type Needle,
  needle,
  type PlacedProbe,
  type PlanSet,
  type ProbeSetting,
  type ProbeWay,
  plannedProbe,
  planSet,
  proposeProbes,
  requirePlanFor,
  type Side,
  type StraightPlan,
  searchTrajectories,
  straightPlan,
  TrajectoryEvaluator,
  type TrajectorySearch,
  zoneShapeOf,
} from '@trocar/core/guidance';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import type { BurnStep } from './burn-step.js';
import type { AblationCase } from './case.js';
import { CT } from './frames.js';
import { fieldOf, targetOf } from './label-fields.js';
import { aimsAbout, along, apart, leastOver, middleOf, midsagittalOf, placesOn, type V3 } from './plan-geometry.js';

/** What the plan is held to. */
export interface PlanDemands {
  /** The margin to burn around the tumour, mm. */
  readonly marginMm: number;
  /** The site's largest power, W. */
  readonly maxPowerW: number;
  /** Probes at most. */
  readonly maxProbes: number;
  /** The largest error at a probe's tip (95 %) that a registration may have, mm. */
  readonly maxTre95Mm: number;
  /** Of the applicator's shaft. */
  readonly lengthMm: number;
}

/** As usual: a margin of 5 mm (Laimer et al. 2020, Eur. Radiol. 30:934: local progression falls with the minimal margin). */
export const USUAL_DEMANDS: PlanDemands = { marginMm: 5, maxPowerW: 100, maxProbes: 2, maxTre95Mm: 5, lengthMm: 150 };

/** One probe as it is planned. */
export interface PlannedAblation {
  /** `A`, `B` … */
  readonly name: string;
  readonly entry: Point<'ct'>;
  /** Where the tip is to lie. */
  readonly tip: Point<'ct'>;
  readonly setting: ProbeSetting;
  readonly probe: PlacedProbe<'ct'>;
}

/** Probes that a person may accept. */
export interface AblationPlan {
  readonly probes: readonly PlannedAblation[];
  readonly proposal: Pick<AblationProposal<'ct'>, 'complete' | 'map' | 'healthyMm3'>;
  /** That all of the tumour is burnt, and that all of it is with the margin, if the tips come to lie with the error that is to be expected. */
  readonly complete: number;
  readonly withMargin: number;
}

/** The error to expect along the way while planning, 95 %, mm: of the registration, the gate and a needle that bends a little. */
const PLANNING_ERROR95_MM = 3;
/** That error as a covariance: alike in all directions, mm². Its 95 % radius is 2.7955 standard deviations (χ²₃). */
export function planningCovariance(): Float64Array {
  const sd = PLANNING_ERROR95_MM / 2.7955;
  return Float64Array.from({ length: 36 }, (_, n) => (n % 7 === 0 && n < 21 ? sd * sd : 0));
}

/** So far beyond the tumour's middle a tip may go, mm. */
const BEYOND_MM = 26;
/** Shorter settings burn less than any tumour that is planned here needs. */
const LEAST_MINUTES = 5;
/** Tips that are tried for one more probe: so far back from the deepest, in such steps, mm. */
const TOP_UP = { backMm: 32, stepMm: 4 } as const;
/** Entries that ways are offered from, and how far apart they are at least, mm. */
const ENTRIES = { count: 4, apartMm: 14 } as const;

/**
 * The plan: what is burnt, what is avoided, where the skin lets the tumour be reached, and the probes that cover it. Accepting binds it
 * to patient, side, frame of reference and series.
 */
export class PlanStep {
  readonly case: AblationCase;
  readonly demands: PlanDemands;
  readonly target: AblationTarget<'ct'>;
  /** The tumour's middle: what entries are judged to. */
  readonly centre: Point<'ct'>;
  readonly structures: readonly KeepClear<'ct'>[];
  readonly applicator: Applicator = applicatorOf(ILLUSTRATIVE_APPLICATORS, 'example-microwave');
  readonly shaft: Needle;
  /** The map of entries, one number a vertex of the skin; undefined until it was looked for. */
  search: TrajectorySearch | undefined;
  /** What waits to be accepted, or was. */
  plan: AblationPlan | undefined;
  #accepted: PlanSet<'ct'> | undefined;
  readonly #added: { readonly name: string; readonly plan: StraightPlan<'ct'> }[] = [];
  #from: number | undefined;

  /** @throws NavError `ablation/bad-target`, `volume/sheared`, `guidance/bad-plan` */
  constructor(given: AblationCase, demands: PlanDemands = USUAL_DEMANDS) {
    this.case = given;
    this.demands = demands;
    this.target = targetOf(given.labels, given.roles.tumour);
    this.centre = point(CT, middleOf(this.target));
    this.structures = given.roles.avoid
      .filter(({ label }) => given.labels.voxels.some((v) => v === label))
      .map(({ name, label, marginMm }) => ({ name, field: fieldOf(given.labels, label), marginMm }));
    this.shaft = needle({
      name: `${this.applicator.name} 14G × ${demands.lengthMm} mm`,
      lengthMm: demands.lengthMm,
      gauge: 14,
    });
  }

  /** The plan as it was accepted. */
  get accepted(): PlanSet<'ct'> | undefined {
    return this.#accepted;
  }
  /** The ways of the accepted plan, and of probes that were added since. */
  get ways(): readonly { readonly name: string; readonly plan: StraightPlan<'ct'> }[] {
    return [...(this.#accepted?.trajectories ?? []), ...this.#added];
  }
  /** The vertex of the skin that a person chose to go in by; undefined: the proposal is free. */
  get entry(): number | undefined {
    return this.#from;
  }

  /** What may be burnt with. */
  get settings(): ProbeSetting[] {
    return this.applicator.rows
      .filter((row) => row.powerW <= this.demands.maxPowerW && row.minutes >= LEAST_MINUTES)
      .map(({ powerW, minutes }) => ({ applicator: this.applicator, powerW, minutes }));
  }

  /** Looks for entries on all of the skin. @throws NavError `guidance/aborted` */
  async findEntries(signal?: AbortSignal, progress?: (fraction: number) => void): Promise<Refusal | undefined> {
    this.search = await searchTrajectories({
      target: this.centre,
      // Deep enough for every tip that may be proposed: the whole way to there must be clear.
      needle: needle({ name: this.shaft.name, lengthMm: this.demands.lengthMm, gauge: 14, tipOffsetMm: BEYOND_MM }),
      structures: this.structures,
      error95Mm: PLANNING_ERROR95_MM,
      entries: this.case.skin,
      ...(signal && { signal }),
      ...(progress && { progress }),
    });
    return this.search.ranked.length > 0 ? undefined : NO_WAY;
  }

  /** Takes an entry by its place in the ranking, 0 the best; undefined: free again. What was proposed is forgotten. */
  chooseEntry(rank: number | undefined): Refusal | undefined {
    const vertex = rank === undefined ? undefined : this.search?.ranked[rank];
    if (rank !== undefined && vertex === undefined)
      return { code: 'no-such-entry', message: `There is no entry of rank ${rank + 1}.` };
    this.#from = vertex;
    this.plan = undefined;
    return undefined;
  }

  /** Proposes probes from the best entries, or from the chosen one. @throws NavError `ablation/aborted` */
  async propose(signal?: AbortSignal, progress?: (fraction: number) => void): Promise<Refusal | undefined> {
    const ways = this.#safeWays();
    if (ways.length === 0) return NO_WAY;
    const { settings } = this;
    if (settings.length === 0) {
      return { code: 'no-setting', message: `The applicator has no setting of ${this.demands.maxPowerW} W or less.` };
    }
    const { marginMm, maxProbes } = this.demands;
    const proposal = await proposeProbes({
      target: this.target,
      ways,
      settings,
      marginMm,
      maxProbes,
      ...(signal && { signal }),
      ...(progress && { onProgress: progress }),
    });
    const probes = proposal.probes.map(({ way, setting, depthMm, probe }, n): PlannedAblation => {
      const { entry, target } = ways[way] as ProbeWay<'ct'>;
      return {
        name: String.fromCharCode(65 + n),
        entry,
        tip: along(entry, target, depthMm),
        setting: settings[setting] as ProbeSetting,
        probe,
      };
    });
    this.plan = { probes, proposal, ...this.#expected(probes) };
    if (proposal.complete) return undefined;
    return {
      code: 'not-covered',
      message:
        `No set of ${maxProbes} probes or fewer at up to ${this.demands.maxPowerW} W covers the tumour with ${marginMm} mm: ` +
        `the best leaves ${proposal.map.minimalMarginMm.toFixed(1)} mm. Allow more probes or power, or plan a smaller margin.`,
    };
  }

  /**
   * The plan as it is accepted for the side that was confirmed at the patient, or why it is not: nothing is taken yet.
   * @param short a person has read that the margin is not reached, and plans it nevertheless
   */
  toAccept(side: Side | undefined, short = false): PlanSet<'ct'> | Refusal {
    const { plan } = this;
    if (plan === undefined) return { code: 'no-plan', message: 'Nothing is proposed yet. Propose probes first.' };
    if (!plan.proposal.complete && !short) {
      return {
        code: 'not-covered',
        message: 'The probes do not cover the tumour with its margin. Say that you accept a smaller one.',
      };
    }
    return tried(() => {
      const set = this.#planSet(plan);
      requirePlanFor(set, { ...this.case.volume, side });
      return set;
    });
  }

  /** Takes what {@link toAccept} gave. */
  take(set: PlanSet<'ct'>): void {
    this.#accepted = set;
  }

  /**
   * Takes up a plan that was accepted before the program stopped. What its probes do follows again from where they lie.
   * @param added probes that were added after burns, with their ways
   * @throws NavError `ablation/bad-zone`, `frame/mismatch`
   */
  restore(
    set: PlanSet<'ct'>,
    probes: readonly PlannedAblation[],
    { complete, healthyMm3 }: Pick<AblationProposal<'ct'>, 'complete' | 'healthyMm3'>,
    added: readonly PlannedAblation[],
  ): void {
    const map = marginMap(this.target, ellipsoidZone(probes.map(({ probe }) => probe)));
    this.plan = { probes, proposal: { complete, healthyMm3, map }, ...this.#expected(probes) };
    this.#accepted = set;
    this.#added.splice(0, this.#added.length, ...added.map((one) => ({ name: one.name, plan: this.#wayOf(one) })));
  }

  /**
   * One more probe, beside what was burnt: of all safe ways, depths and settings the one whose zone, together with those before, leaves the
   * largest margin, or the smallest of those that reach the plan's.
   */
  topUp(burnt: BurnStep, name: string): PlannedAblation | Refusal {
    const places = placesOn(this.target);
    // Each place is as deep as in the zone that has it deepest: in their union it is no less deep.
    const before = places.map((p) => Math.max(...burnt.zones.map((zone) => -zone.distance(p)), Number.NEGATIVE_INFINITY));
    let best: { readonly worth: number; readonly margin: number; readonly planned: PlannedAblation } | undefined;
    for (const { entry, target } of this.#safeWays()) {
      for (const setting of this.settings) {
        const shape = zoneShapeOf(setting.applicator, setting.powerW, setting.minutes);
        const deepest = apart(entry.xyz, target.xyz);
        for (let depthMm = deepest - TOP_UP.backMm; depthMm <= deepest; depthMm += TOP_UP.stepMm) {
          const tip = along(entry, target, depthMm);
          const probe = plannedProbe({ frame: CT, matrix: { entry, tip }, shape });
          const zone = ellipsoidZone([probe]);
          const margin = leastOver(
            places,
            (p, n) => Math.max(before[n] as number, -zone.distance(p)),
            best && Math.min(best.margin, this.demands.marginMm),
          );
          const size = shape.radiiMm.reduce((product, r) => product * r, 1);
          const worth = margin >= this.demands.marginMm ? 1e3 - size / 1e3 : margin;
          if (best === undefined || worth > best.worth) best = { worth, margin, planned: { name, entry, tip, setting, probe } };
        }
      }
    }
    if (best === undefined) return NO_WAY;
    const { planned } = best;
    const plan = tried(() => this.#wayOf(planned));
    if (isRefusal(plan)) return plan;
    this.#added.push({ name, plan });
    return planned;
  }

  /** @throws NavError `guidance/bad-plan` */
  #wayOf({ entry, tip }: PlannedAblation): StraightPlan<'ct'> {
    const uid = this.case.volume.frameOfReferenceUid;
    const { maxTre95Mm } = this.demands;
    return straightPlan({ entry, target: tip, maxTre95Mm, ...(uid !== undefined && { frameOfReferenceUid: uid }) });
  }

  /** The plan of the accepted probes. @throws NavError `guidance/wrong-side`, `guidance/out-of-reach`, `guidance/bad-plan` */
  #planSet({ probes }: AblationPlan): PlanSet<'ct'> {
    const { volume, side } = this.case;
    return planSet({
      frame: CT,
      patient: volume.patient,
      side,
      frameOfReferenceUid: volume.frameOfReferenceUid ?? '',
      seriesUid: volume.series.seriesUid ?? '',
      midsagittal: midsagittalOf(this.case),
      trajectories: probes.map(({ name, entry, tip }) => ({
        ...{ name, entry, target: tip, needle: this.shaft },
        maxTre95Mm: this.demands.maxTre95Mm,
      })),
    });
  }

  /** What the probes are expected to do, with tips that err as the plan allows. */
  #expected(probes: readonly PlannedAblation[]): Pick<AblationPlan, 'complete' | 'withMargin'> {
    const covariance = planningCovariance();
    const zone = ellipsoidZone(probes.map(({ probe }) => plannedProbe({ ...probe, covariance: 'exact' })));
    const chance = (marginMm: number): number =>
      coverageProbability(this.target, zone, { marginMm, shared: { frame: CT, covariance }, shifts: 4 }).probability;
    return { complete: chance(0), withMargin: chance(this.demands.marginMm) };
  }

  /** Ways from the best entries that are apart from each other, to the tumour's middle and beside it; each judged by itself. */
  #safeWays(): ProbeWay<'ct'>[] {
    const out: ProbeWay<'ct'>[] = [];
    const aims = aimsAbout(this.centre.xyz);
    const deep = needle({ name: this.shaft.name, lengthMm: this.demands.lengthMm, gauge: 14, tipOffsetMm: BEYOND_MM });
    const judges = aims.map(
      (aim) =>
        new TrajectoryEvaluator({
          ...{ target: point(CT, aim), needle: deep, structures: this.structures, error95Mm: PLANNING_ERROR95_MM },
          maxSkinAngleDeg: 70,
        }),
    );
    for (const entry of this.#entries()) {
      aims.forEach((aim, n) => {
        const judge = judges[n] as TrajectoryEvaluator<'ct'>;
        judge.evaluate(Float64Array.from(entry), new Float64Array(3));
        if (judge.refusal !== 0) return;
        const from = point(CT, entry);
        out.push({ entry: from, target: along(from, point(CT, aim), apart(entry, aim) + BEYOND_MM) });
      });
    }
    return out;
  }

  #entries(): V3[] {
    const { search } = this;
    const { positions } = this.case.skin;
    const at = (v: number): V3 => [positions[3 * v] as number, positions[3 * v + 1] as number, positions[3 * v + 2] as number];
    if (this.#from !== undefined) return [at(this.#from)];
    const chosen: V3[] = [];
    for (const v of search?.ranked ?? []) {
      if (chosen.length === ENTRIES.count) break;
      if (chosen.every((p) => apart(p, at(v)) >= ENTRIES.apartMm)) chosen.push(at(v));
    }
    return chosen;
  }
}

const NO_WAY: Refusal = {
  code: 'no-way',
  message:
    'From no place on the skin can the tumour be reached by this applicator with room to all structures. Take a longer one, a smaller ' +
    'margin to a structure, or another way than a straight one.',
};
