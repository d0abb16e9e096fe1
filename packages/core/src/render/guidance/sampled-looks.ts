import type { AnyBiopsyCore } from '../../guidance/index.js';
import { PALETTE, statusStyle } from '../palette.js';
import type { Ink } from './hatch.js';
import type { MeshCut } from './mesh-cut.js';

/** How well a target was sampled: enough, less than that, or nobody knows. */
export type SampledLevel = 'enough' | 'little' | 'unknown';

/** The looks of targets: colour, hatch and outline differ. */
export const SAMPLED_LOOKS: Readonly<Record<SampledLevel, Ink>> = {
  enough: { colour: PALETTE.fiducial, hatch: 'plain' },
  little: { colour: PALETTE.target, hatch: 'stripes' },
  unknown: { colour: PALETTE.unknown, hatch: 'dots' },
};

/** A core as it is drawn. */
export interface CoreMark {
  readonly core: AnyBiopsyCore;
  readonly cut: MeshCut;
}

/** A target as it is drawn. */
export interface TargetMark {
  readonly name: string;
  readonly cut: MeshCut;
  level: SampledLevel;
  text: string;
}

/** What was done is green, as an achieved zone; one at a predicted pose has that status's own colour. */
export function coreColour({ status }: AnyBiopsyCore): string {
  return status === 'ok' ? PALETTE.fiducial : statusStyle(status).colour;
}
