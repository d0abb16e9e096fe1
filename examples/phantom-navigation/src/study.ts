import { type Instant, PoseSample } from '@trocar/core';
import { manualClock } from '@trocar/core/testing';
import type { NavigationCase } from './case.js';
import { TOOLS } from './frames.js';
import { Procedure } from './procedure.js';
import { calibratedStylus, HiddenTruth, USUAL_ERRORS, type WorldErrors } from './truth.js';

/** The probabilities at which the calibration of the bound is looked at. */
export const LEVELS: readonly number[] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/** One simulated procedure's registration. */
export interface StudyRun {
  /** True error at the target, mm. */
  readonly treMm: number;
  /** The bound shown for each of {@link LEVELS}, mm. */
  readonly bounds: readonly number[];
  readonly freMm: number;
}

/** What many runs say of the bound. */
export interface StudySummary {
  readonly runs: number;
  /** For each of {@link LEVELS}: the share of runs whose true error stayed within the bound. */
  readonly coverage: readonly number[];
  /** Median of the 95 % bound, mm. */
  readonly medianBoundMm: number;
  /** 95th percentile of the true error, mm. */
  readonly empirical95Mm: number;
}

const FRAME_MS = 1000 / 60;

/**
 * One procedure up to its registration, by the same code that runs live, on a clock that jumps and without sockets: every
 * fiducial is touched, measured, averaged, registered, and the bound at the target is taken as it is displayed. The noise
 * of the world is not told to the procedure; only the tip's calibration carries its own covariance, as it does live.
 */
export function studyRun(given: NavigationCase, seed: number, errors: WorldErrors = USUAL_ERRORS): StudyRun {
  const clock = manualClock(0);
  const truth = new HiddenTruth(given, seed, errors);
  const procedure = new Procedure({ clock, case: given, stylusFromTip: calibratedStylus(errors.tipSdMm) });
  const sample = new PoseSample();
  const frame = (): void => {
    clock.advance(FRAME_MS);
    const at = clock.now();
    for (const tool of TOOLS) {
      truth.observe(sample, tool, at as Instant);
      procedure.buffers[tool].push(sample);
    }
    procedure.update();
  };
  frame();
  given.fiducials.forEach((_, i) => {
    truth.hand.placeAt(i);
    frame();
    procedure.touch(i);
    while (procedure.touching !== undefined) frame();
    // A refused touch would leave a hole in the study; at rest none may be.
    if (procedure.touches[i] === undefined) throw new Error(`Run ${seed}, fiducial ${i}: ${procedure.refusal?.message}`);
  });
  procedure.register();
  const proposal = procedure.proposal;
  if (proposal === undefined) throw new Error(`Run ${seed}: ${procedure.refusal?.message}`);
  return {
    treMm: truth.trueTreMm(proposal.registration.edge, given.plan.target),
    bounds: LEVELS.map((level) => proposal.bound.quantileMm(level)),
    freMm: proposal.registration.freMm,
  };
}

/** Many runs with seeds from `firstSeed` on. */
export function study(given: NavigationCase, runs: number, firstSeed: number, errors: WorldErrors = USUAL_ERRORS): StudyRun[] {
  return Array.from({ length: runs }, (_, n) => studyRun(given, firstSeed + n, errors));
}

/** Coverage at every level, the median bound and the error it bounds. */
export function summarise(runs: readonly StudyRun[]): StudySummary {
  const at = LEVELS.indexOf(0.95);
  return {
    runs: runs.length,
    coverage: LEVELS.map((_, k) => runs.filter((r) => r.treMm <= (r.bounds[k] as number)).length / runs.length),
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
