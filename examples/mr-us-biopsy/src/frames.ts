import { type Frame, frame } from '@trocar/core';

/** The MR and what was marked in it: patient coordinates, LPS. */
export const MR: Frame<'mr'> = frame('mr');
/** The tracking device. */
export const TRACKER: Frame<'tracker'> = frame('tracker');
/** The body fixed to the patient or the table: the swept volume and everything of today is in it. */
export const REFERENCE: Frame<'reference'> = frame('reference');
/** The probe's marker as the tracker sees it. */
export const PROBE: Frame<'probe'> = frame('probe');
/** The ultrasound's plane: x along the lines, z along the middle beam, y across, origin at the fan's apex, mm. */
export const PLANE: Frame<'plane'> = frame('plane');
/** The pixels that the probe is calibrated in. */
export const IMAGE: Frame<'image'> = frame('image');
/** The needle guide on the probe: the needle leaves it at the origin, along +z. */
export const GUIDE: Frame<'guide'> = frame('guide');

/** The tools by the names the bridge knows them by. */
export const TOOLS = ['probe', 'reference'] as const;
export type ToolName = (typeof TOOLS)[number];
