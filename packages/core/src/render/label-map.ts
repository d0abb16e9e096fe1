import { NavError } from '../base/index.js';
import { type Frame, requireSameFrame } from '../frames/index.js';
import type { AnyVolume, Volume } from '../volume/index.js';

/** One segment of a label map. */
export interface LabelSegment {
  /** The value of its voxels: a whole number from 1 to 65535. */
  readonly value: number;
  /** `#rrggbb` */
  readonly colour: string;
  /** Default true. */
  readonly visible?: boolean;
}

/** A label map to be drawn over the slices: every voxel has the number of its segment, or 0. */
export interface StageLabels<in out F extends string = string> {
  /** On a grid of its own, in the stage's frame; whole numbers, not rescaled. A value without a segment is not drawn. */
  readonly volume: Volume<F>;
  readonly segments: readonly LabelSegment[];
  /** How much a segment covers of the image, 0 … 1. Default 0.25. */
  readonly fill?: number;
  /** The width of its outline, CSS pixels, within the segment; 0: none. Default 1.5. */
  readonly outlinePx?: number;
}

/** Labels with nothing left out. */
export interface LabelLook {
  readonly volume: AnyVolume;
  readonly segments: readonly Required<LabelSegment>[];
  readonly fill: number;
  readonly outlinePx: number;
}

const MOST = 65535;

/**
 * Labels as they are drawn.
 * @throws NavError `frame/mismatch`; `math/out-of-range` for voxels that are no whole numbers or are rescaled, and for what cannot
 * be drawn
 */
export function labelLook<F extends string>(labels: StageLabels<F>, frame: Frame<F>): LabelLook {
  const { volume, segments, fill = 0.25, outlinePx = 1.5 } = labels;
  requireSameFrame(frame, volume.frame, 'Showing labels');
  const { slope, intercept } = volume.rescale;
  if (volume.voxels instanceof Float32Array || volume.voxels instanceof Float64Array || slope !== 1 || intercept !== 0) {
    throw new NavError(
      'math/out-of-range',
      `A label map needs voxels of a whole-number type, not rescaled, got ${volume.voxels.constructor.name} with slope ${slope} and ` +
        `intercept ${intercept}. Write the segments' numbers into a Uint8Array or Uint16Array.`,
    );
  }
  if (!(fill >= 0 && fill <= 1)) refuse('a fill from 0 to 1', fill);
  if (!(Number.isFinite(outlinePx) && outlinePx >= 0)) refuse('an outline of 0 pixels or more', outlinePx);
  const seen = new Set<number>();
  for (const { value, colour } of segments) {
    if (!(Number.isInteger(value) && value >= 1 && value <= MOST)) refuse(`values from 1 to ${MOST}`, value);
    if (seen.has(value)) refuse('every value once', value);
    if (!/^#[0-9a-f]{6}$/i.test(colour)) refuse('colours as #rrggbb', colour);
    seen.add(value);
  }
  return { volume, segments: segments.map((s) => ({ visible: true, ...s })), fill, outlinePx };
}

function refuse(needs: string, got: unknown): never {
  throw new NavError('math/out-of-range', `A label map needs ${needs}, got ${JSON.stringify(got)}.`, { detail: { got } });
}
