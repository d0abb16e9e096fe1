import { NavError, type Point, type Transform } from '@trocar/core';
import type { Lesion } from '@trocar/core/analysis';
import type { Volume } from '@trocar/core/volume';

/** One examination: its image and the lesions that a person has accepted in it, measured in the image's frame (LPS mm). */
export interface Study<F extends string> {
  readonly volume: Volume<F>;
  readonly lesions: readonly Lesion<F>[];
  /** When it was taken; absent means unknown. */
  readonly takenAt?: Date;
}

/** What is used of a registration: `registerVolumes` of @trocar/registration/intensity gives it, with the earlier image fixed. */
export interface StudyRegistration<E extends string, L extends string> {
  readonly outcome: 'ok' | 'ambiguous' | 'failed';
  readonly findings: readonly { readonly code: string; readonly message: string }[];
  /** Later from earlier. */
  readonly movingFromFixed: Transform<L, E>;
}

/** A map that bends, where there is one: what tissue did beside moving as a whole. */
export interface StudyDeformation<E extends string, L extends string> {
  /** Where a place of the earlier image lies in the later one. */
  readonly laterFromEarlier: (p: Point<E>) => Point<L>;
  /** Root mean square error to expect of it there, mm; NaN where unknown. */
  readonly expectedError: (p: Point<E>) => number;
}

/** The functions that join packages, handed in. */
export interface FollowUpHands<E extends string, L extends string> {
  readonly register: (earlier: Volume<E>, later: Volume<L>) => Promise<StudyRegistration<E, L>>;
  /** A person's look at the registration. Nothing is compared before it says yes. */
  readonly accept: (registration: StudyRegistration<E, L>) => boolean | Promise<boolean>;
  readonly deform?: (earlier: Volume<E>, later: Volume<L>, start: Transform<L, E>) => Promise<StudyDeformation<E, L> | undefined>;
}

/**
 * The registration of two studies, looked at and accepted.
 * @throws NavError `follow-up/unregistered` where it failed, was not accepted, or carries no covariance: without that no lesion can be
 * told from its neighbour
 */
export async function registeredStudies<E extends string, L extends string>(
  earlier: Study<E>,
  later: Study<L>,
  hands: FollowUpHands<E, L>,
): Promise<StudyRegistration<E, L>> {
  const found = await hands.register(earlier.volume, later.volume);
  const refuse = (why: string): never => {
    throw new NavError('follow-up/unregistered', `The two studies are not compared: ${why}`, {
      detail: { outcome: found.outcome, findings: found.findings.map((f) => f.code) },
    });
  };
  if (found.outcome === 'failed') refuse(`their registration failed (${found.findings.map((f) => f.message).join(' ')})`);
  if (!(await hands.accept(found))) refuse('nobody accepted their registration.');
  if (found.movingFromFixed.covariance === undefined) refuse('their registration does not say how uncertain it is.');
  return found;
}
