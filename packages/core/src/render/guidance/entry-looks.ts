import { TRAJECTORY_REFUSALS, type TrajectoryRefusal } from '../../guidance/index.js';
import { PALETTE } from '../palette.js';
import type { Ink } from './hatch.js';

/** What is drawn of an entry: that it can be used, or the first reason why not. */
export type EntryKind = 'possible' | TrajectoryRefusal;

/** How entries of a kind look on the skin. */
export interface EntryLook extends Ink {
  /** 0 … 1: what cannot be used lets the inside be seen. */
  readonly opacity: number;
}

/** In the order of the shader's kinds. Colour and hatch both differ; what a structure forbids is in the colour of alarm, what the shape forbids is grey. */
export const ENTRY_LOOKS: Readonly<Record<EntryKind, EntryLook>> = {
  possible: { colour: '#bfe8d8', hatch: 'plain', opacity: 0.9 },
  tooNear: { colour: PALETTE.alarm, hatch: 'crossed', opacity: 0.6 },
  tooOblique: { colour: '#8894a1', hatch: 'stripes', opacity: 0.42 },
  tooDeep: { colour: '#5d6873', hatch: 'dots', opacity: 0.42 },
  offDirection: { colour: '#8894a1', hatch: 'lines', opacity: 0.42 },
  notFinite: { colour: '#3a434d', hatch: 'counter', opacity: 0.42 },
};

/** The kinds, in that order. */
export const ENTRY_KINDS: readonly EntryKind[] = Object.keys(ENTRY_LOOKS) as EntryKind[];

/** The colour of the least and of the best score; between them the lightness rises. */
export const SCORE_COLOURS: readonly [string, string] = ['#0b5a45', '#d6f5e8'];

/** Which reason is drawn where there are several: what would be left if the others were mended. */
const FIRST: readonly TrajectoryRefusal[] = ['notFinite', 'tooDeep', 'offDirection', 'tooOblique', 'tooNear'];

/** The kind of an entry, by its bits of {@link TRAJECTORY_REFUSALS}: a number in {@link ENTRY_KINDS}. */
export function entryKind(bits: number): number {
  for (let n = 0; n < FIRST.length; n += 1) {
    const reason = FIRST[n] as TrajectoryRefusal;
    if ((bits & TRAJECTORY_REFUSALS[reason]) !== 0) return ENTRY_KINDS.indexOf(reason);
  }
  return 0;
}
