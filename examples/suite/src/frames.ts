import { type Frame, frame } from '@trocar/core';

/** The tracking device. */
export const TRACKER: Frame<'tracker'> = frame('tracker');
/** The reference body that is fixed to the patient: what is registered, so that patient and tracker may move. */
export const REFERENCE: Frame<'reference'> = frame('reference');
/**
 * A second body, fixed to the patient elsewhere. Nothing is registered to it: what it is for is to find that the reference was
 * pushed, which one body alone cannot tell from a move of the table.
 */
export const ANCHOR: Frame<'anchor'> = frame('anchor');
/** The stylus as the tracker sees it. */
export const STYLUS: Frame<'stylus'> = frame('stylus');
/** The stylus's tip, −z pointing out of it. */
export const TIP: Frame<'tip'> = frame('tip');

/** The simulated bodies, by the names the bridge knows them by. */
export const BODIES = ['stylus', 'reference', 'anchor'] as const;
export type BodyName = (typeof BODIES)[number];
