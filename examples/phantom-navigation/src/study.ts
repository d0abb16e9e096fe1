import { PACES } from '../../suite/src/hand.js';
import { isRefusal, type Refusal } from '../../suite/src/refusal.js';
import { USUAL_ERRORS, type WorldErrors } from '../../suite/src/truth.js';
import type { NavigationCase } from './case.js';
import { SimulatedProcedure } from './simulated-procedure.js';

/** The probabilities at which the calibration of the bound is looked at. */
export const LEVELS: readonly number[] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/** A world to study. */
export interface StudyWorld {
  readonly errors?: WorldErrors;
  /**
   * How the tip is known: `stored` as calibrated on an earlier day, or by pivoting within a cone of so many degrees.
   * Default: pivoted as a careful hand does.
   */
  readonly tip?: 'stored' | number;
}

/** One simulated procedure's registration. */
export interface StudyRun {
  /** True error at the target, mm. */
  readonly treMm: number;
  /** The bound shown for each of {@link LEVELS}, mm. */
  readonly bounds: readonly number[];
  readonly freMm: number;
  /** How far the calibrated tip truly is off, and the 95 % bound of that which was shown, mm. */
  readonly tipErrorMm: number;
  readonly tip95Mm: number;
}

/** What many runs say of the bound. */
export interface StudySummary {
  readonly runs: number;
  /** The share of procedures that ended in a refusal, as of a stylus whose tip is nowhere near: they have no bound. */
  readonly refused: number;
  /** For each of {@link LEVELS}: the share of the other runs whose true error stayed within the bound. */
  readonly coverage: readonly number[];
  /** The share of runs whose tip was within its own 95 % bound. */
  readonly tipCoverage: number;
  /** Median of that bound, mm. */
  readonly medianTip95Mm: number;
  /** Median of the 95 % bound, mm. */
  readonly medianBoundMm: number;
  /** 95th percentile of the true error, mm. */
  readonly empirical95Mm: number;
}

/**
 * One procedure up to its registration, by the same code that runs live, on a clock that jumps and without sockets: the
 * stylus is pivoted, every fiducial is touched, measured, averaged, registered, and the bound at the target is taken as it
 * is displayed. The noise of the world is not told to the procedure.
 */
export function studyRun(
  given: NavigationCase,
  seed: number,
  { errors = USUAL_ERRORS, tip }: StudyWorld = {},
): StudyRun | Refusal {
  const run = new SimulatedProcedure(given, seed, { errors });
  const { procedure, truth } = run;
  truth.hand.pace = PACES.fast;
  if (tip === 'stored') run.beginWithStored();
  else pivoted(run, tip);
  run.touchAll();
  procedure.register();
  const { proposal } = procedure;
  const calibrated = procedure.calibration.accepted;
  const { refusal } = procedure;
  if (proposal === undefined && refusal?.code.startsWith('registration/')) return refusal;
  // A refused pivoting or touch would leave a hole in the study; none may be.
  if (proposal === undefined || calibrated === undefined || proposal.fiducials.length !== given.fiducials.length) {
    throw new Error(`Run ${seed}: ${refusal?.message}`);
  }
  return {
    treMm: truth.trueTreMm(proposal.registration.edge, given.plan.target),
    bounds: LEVELS.map((level) => proposal.bound.quantileMm(level)),
    freMm: proposal.registration.freMm,
    tipErrorMm: truth.tipCalibrationErrorMm(calibrated.stylusFromTip),
    tip95Mm: calibrated.tip95Mm,
  };
}

/** As often as this a person pivots again when a recording does not hold. */
const PIVOTINGS = 3;

function pivoted(run: SimulatedProcedure, coneDeg: number | undefined): void {
  for (let attempt = 0; attempt < PIVOTINGS && run.procedure.calibration.accepted === undefined; attempt += 1) {
    run.pivot(coneDeg);
    run.procedure.acceptCalibration();
  }
}

/** Many runs with seeds from `firstSeed` on. */
export function study(given: NavigationCase, runs: number, firstSeed: number, world: StudyWorld = {}): (StudyRun | Refusal)[] {
  return Array.from({ length: runs }, (_, n) => studyRun(given, firstSeed + n, world));
}

/** Coverage at every level, the median bound and the error it bounds. */
export function summarise(all: readonly (StudyRun | Refusal)[]): StudySummary {
  const at = LEVELS.indexOf(0.95);
  const runs = all.filter((r): r is StudyRun => !isRefusal(r));
  return {
    runs: all.length,
    refused: 1 - runs.length / all.length,
    coverage: LEVELS.map((_, k) => runs.filter((r) => r.treMm <= (r.bounds[k] as number)).length / runs.length),
    tipCoverage: runs.filter((r) => r.tipErrorMm <= r.tip95Mm).length / runs.length,
    medianTip95Mm: percentile(
      runs.map((r) => r.tip95Mm),
      0.5,
    ),
    medianBoundMm: percentile(
      runs.map((r) => r.bounds[at] as number),
      0.5,
    ),
    empirical95Mm: percentile(
      runs.map((r) => r.treMm),
      0.95,
    ),
  };
}

/** The value below which a share of the values lies, linear between neighbours. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] as number;
  const high = sorted[Math.ceil(place)] as number;
  return low + (place - Math.floor(place)) * (high - low);
}
