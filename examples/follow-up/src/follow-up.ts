import type { Transform } from '@trocar/core';
import { type Change, type LesionChange, lesionChange, sumOfDiameters } from './change.js';
import { type FollowUpHands, registeredStudies, type Study, type StudyRegistration } from './study.js';
import { type Subtraction, subtractStudies } from './subtract.js';
import { type LesionTrack, type TrackOptions, trackLesions } from './track.js';

/** What two studies say together. */
export interface FollowUp<E extends string, L extends string> {
  readonly registration: StudyRegistration<E, L>;
  readonly laterFromEarlier: Transform<L, E>;
  readonly subtraction: Subtraction<E>;
  readonly tracks: readonly LesionTrack<E, L>[];
  /** For each matched track, in the order of the tracks. */
  readonly changes: readonly LesionChange[];
  /** Of all matched lesions; undefined where there are none, or an image cuts one off. */
  readonly sumOfDiametersMm: Change | undefined;
  /** Days between the studies; undefined where one of the dates is unknown. */
  readonly days: number | undefined;
}

const DAY_MS = 86_400_000;

/**
 * Compares two studies of one patient: registers them, waits for a person to accept that, subtracts, and follows every lesion.
 * @throws NavError `follow-up/unregistered`, `follow-up/bad-option`, and what the functions handed in throw
 */
export async function followUp<E extends string, L extends string>(
  earlier: Study<E>,
  later: Study<L>,
  hands: FollowUpHands<E, L>,
  options: TrackOptions = {},
): Promise<FollowUp<E, L>> {
  const registration = await registeredStudies(earlier, later, hands);
  const laterFromEarlier = registration.movingFromFixed;
  const deformation = await hands.deform?.(earlier.volume, later.volume, laterFromEarlier);
  const tracks = trackLesions({ earlier, later, laterFromEarlier, deformation }, options);
  const pairs = tracks.flatMap((t) => (t.kind === 'matched' ? [[t.before, t.after] as const] : []));
  const known = earlier.takenAt !== undefined && later.takenAt !== undefined;
  return {
    registration,
    laterFromEarlier,
    subtraction: subtractStudies(earlier.volume, later.volume, laterFromEarlier, deformation),
    tracks,
    changes: pairs.map(([a, b]) => lesionChange(a, b)),
    sumOfDiametersMm: sumOfDiameters(pairs),
    days: known ? ((later.takenAt as Date).getTime() - (earlier.takenAt as Date).getTime()) / DAY_MS : undefined,
  };
}
