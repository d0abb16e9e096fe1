import type { PlanSet } from '@trocar/core/guidance';
import type { SessionState } from '@trocar/core/session';
import { restoreTouches } from '../../suite/src/kept-registration.js';
import { isRefusal, type Refusal, tried } from '../../suite/src/refusal.js';
import { ADDED, BURN, burnFrom, PROBE, probeFrom, valuesOf, WORTH } from './kept-records.js';
import type { Procedure } from './procedure.js';

/**
 * Takes a procedure up where its session left it: plan, calibrations, registration, burns. The registration follows again from what was
 * touched, and must be the accepted edge to the last bit; before it leads anything, it is verified at the landmarks anew. Where the burning
 * had ended, only the CT is left, for which nobody needs it.
 * @returns why something was not taken up: what was taken up before it stays
 */
export function resume(procedure: Procedure, state: SessionState<'ct'>): Refusal | undefined {
  const { planSet } = state;
  if (planSet === undefined) return undefined;
  const made = tried(() => {
    restorePlan(procedure, planSet.plan, state);
    restoreBurns(procedure, state);
    for (const { edge } of Object.values(state.calibrations)) procedure.calibrating.restore(edge);
    return state;
  });
  if (isRefusal(made)) return made;
  if (!procedure.calibrating.isDone || state.registration === undefined) return undefined;
  return restoreTouches(procedure.registration, state) ?? procedure.takeUpRegistration(state.registration.edge);
}

/** @throws NavError as `probeFrom` */
function restorePlan(procedure: Procedure, set: PlanSet<'ct'>, { records, step }: SessionState<'ct'>): void {
  const probes = valuesOf(records, PROBE).slice(0, set.trajectories.length).map(probeFrom);
  const added = valuesOf(records, ADDED).map(probeFrom);
  const [worth] = valuesOf(records, WORTH) as unknown as { readonly complete: boolean; readonly healthyMm3: number }[];
  procedure.planning.restore(set, probes, worth ?? { complete: false, healthyMm3: Number.NaN }, added);
  procedure.takeUp([...probes, ...added], step === 'confirm');
}

/** @throws NavError as `burnFrom` */
function restoreBurns({ burning }: Procedure, { records }: SessionState<'ct'>): void {
  const burns = valuesOf(records, BURN).map(burnFrom);
  burning.restore(
    burns.map(({ burn }) => burn),
    burns.findLast(({ shared }) => shared !== undefined)?.shared,
  );
}
