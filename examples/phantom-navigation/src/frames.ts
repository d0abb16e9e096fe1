import { type Frame, frame } from '@trocar/core';

/** The image: patient coordinates, LPS. */
export const CT: Frame<'ct'> = frame('ct');
/** A second image of the same patient: its own patient coordinates, LPS, which are not the first's. */
export const SECOND: Frame<'second'> = frame('second');
/** The tracking device. */
export const TRACKER: Frame<'tracker'> = frame('tracker');
/** The reference body that is fixed to the patient: what is registered, so that patient and tracker may move. */
export const REFERENCE: Frame<'reference'> = frame('reference');
/** The stylus as the tracker sees it. */
export const STYLUS: Frame<'stylus'> = frame('stylus');
/** The stylus's tip, −z pointing out of it. */
export const TIP: Frame<'tip'> = frame('tip');

/** The tools by the names the bridge knows them by. */
export const TOOLS = ['stylus', 'reference'] as const;
export type ToolName = (typeof TOOLS)[number];
