import type { MarginMap } from '../../guidance/index.js';
import type { Ink } from './hatch.js';

/** Of which zone margins are: of a plan; of a zone at a tool's pose; of what images afterwards show. */
export type MarginKind = 'planned' | 'tracked' | 'confirmed';

/** One step of the scale that margins are drawn in. */
export interface MarginStep extends Ink {
  /** From this margin on, mm; −Infinity for the first. */
  readonly fromMm: number;
  /** Its outline on a slice: width, CSS pixels, and whether it has barbs. */
  readonly widthPx: number;
  readonly barbed: boolean;
}

/** The limits between the steps, mm: those of {@link MarginMap.surfaceBelow}. */
export const MARGIN_LIMITS_MM: readonly [number, number, number] = [0, 5, 10];

/**
 * The steps of a margin's scale. Colour, hatch and the outline's width differ from step to step, so that none is told by its colour alone: the
 * less margin, the heavier.
 */
export const MARGIN_STEPS: readonly [MarginStep, MarginStep, MarginStep, MarginStep] = [
  {
    fromMm: Number.NEGATIVE_INFINITY,
    ...{ colour: '#d55e00', hatch: 'crossed', ink: '#ffffff', widthPx: 5, barbed: true },
  },
  { fromMm: 0, colour: '#f2b632', hatch: 'stripes', widthPx: 5, barbed: false },
  { fromMm: 5, colour: '#0f8f6a', hatch: 'dots', widthPx: 3.25, barbed: false },
  { fromMm: 10, colour: '#bfe8d8', hatch: 'plain', widthPx: 1.75, barbed: false },
];

/** The step of a margin, 0 … 3; −1 for one that is not known. @param mm negative: not covered */
export function marginStep(mm: number): number {
  if (Number.isNaN(mm)) return -1;
  return mm < 0 ? 0 : mm < 5 ? 1 : mm < 10 ? 2 : 3;
}

/** The part of the surface in each step, by area, 0 … 1. */
export function marginShares({
  surfaceBelow,
}: Pick<MarginMap<string>, 'surfaceBelow'>): readonly [number, number, number, number] {
  const { mm0, mm5, mm10 } = surfaceBelow;
  return [mm0, mm5 - mm0, mm10 - mm5, 1 - mm10];
}
