import { type Frame, frame } from '@trocar/core';

/** The CT that was planned on: patient coordinates, LPS. */
export const CT: Frame<'ct'> = frame('ct');
/** The CT after the ablation: its own patient coordinates, LPS, which are not the first's. */
export const POST: Frame<'post'> = frame('post');
/** The applicator as the tracker sees it. */
export const APPLICATOR: Frame<'applicator'> = frame('applicator');
/** The applicator's tip, −z pointing out of it; its shaft runs back along +z. */
export const APPLICATOR_TIP: Frame<'applicator-tip'> = frame('applicator-tip');

/** The tools by the names the bridge knows them by. */
export const TOOLS = ['stylus', 'applicator', 'reference', 'anchor'] as const;
export type ToolName = (typeof TOOLS)[number];
