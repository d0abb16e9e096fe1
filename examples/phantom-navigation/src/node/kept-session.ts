import type { Clock } from '@trocar/core';
import { edgeBetween, reportHtml, restoreSession, type SessionStorage } from '@trocar/core/session';
import { REFERENCE, STYLUS, TIP } from '../../../suite/src/frames.js';
import { CT } from '../frames.js';
import { type KeptProcedure, keptStylus } from '../kept-procedure.js';

/** What a session was worth at the end of a run. */
export interface KeptSession {
  /** What a restore of it gives is what the graph holds, in every bit. */
  readonly restored: boolean;
  /** What was compared, for a person. */
  readonly detail: string;
  /** Its report. */
  readonly html: string;
}

/**
 * Restores a session as after a crash at this moment, and holds what comes back against the procedure that goes on.
 * @param crashed what the crash would have left
 * @throws NavError as `restoreSession`
 */
export async function keptSession(kept: KeptProcedure, crashed: SessionStorage, clock: Clock): Promise<KeptSession> {
  const { procedure, session } = kept;
  const { volume } = procedure.case;
  const { session: again, givenUpBytes } = await restoreSession({ storage: crashed, clock, image: volume, by: 'restore' });
  const { registration, plan } = again.state;
  const pairs = [
    [registration && edgeBetween(registration.edge, CT, REFERENCE).matrix, procedure.graph.get(CT, REFERENCE)?.matrix],
    [keptStylus(again.state)?.matrix, procedure.graph.get(STYLUS, TIP)?.matrix],
    [plan?.plan.target.xyz, procedure.plan.target.xyz],
    [plan?.plan.entry.xyz, procedure.plan.entry.xyz],
  ] as const;
  const restored = givenUpBytes === 0 && pairs.every(([is, was]) => sameBits(is, was));
  const audit = await session.audit();
  const { patient, modality, series, frameOfReferenceUid: uid } = volume;
  const images = {
    modality,
    ...(series.description && { description: series.description }),
    ...(uid && { frameOfReferenceUid: uid }),
  };
  return {
    restored,
    detail: `registration, calibration and plan from ${audit.head.count} lines, bit for bit`,
    html: reportHtml({ state: session.state, audit, patient, images, made: clock.utc(clock.now()) }),
  };
}

function sameBits(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  return Array.from(a).every((v, i) => Object.is(v, b[i]));
}
