import { type Frame, frame } from '@trocar/core';

/** The image: patient coordinates, LPS. */
export const CT: Frame<'ct'> = frame('ct');
/** A second image of the same patient: its own patient coordinates, LPS, which are not the first's. */
export const SECOND: Frame<'second'> = frame('second');
