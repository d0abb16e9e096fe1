import { NavError } from '../../base/index.js';
import type { ClipFan, ImageClip } from '../clip.js';
import type { SweepGrid } from '../grid.js';
import { plusCeil, plusFloor } from './arithmetic.js';
import type { PlusFanDetection } from './fan-angles.js';
import type { PlusHoleFilling } from './holes.js';

/** How PLUS places a pixel: in the voxel nearest to it, or shared out among the eight around it. */
export type PlusInterpolation = 'nearest' | 'linear';
/** What PLUS makes of several pixels of one voxel. */
export type PlusCompounding = 'latest' | 'maximum' | 'mean' | 'importance';
/** PLUS's arithmetic: 14 binary digits (`full`), or doubles in its faster (`partial`) or plain (`none`) loops. */
export type PlusOptimization = 'full' | 'partial' | 'none';

/** What PLUS's `VolumeReconstruction` element says. */
export interface PlusReconstructionOptions {
  readonly spacingMm: number | readonly [number, number, number];
  readonly interpolation: PlusInterpolation;
  readonly compounding: PlusCompounding;
  /** Default `full`, as in PLUS. */
  readonly optimization?: PlusOptimization;
  /** PLUS's rectangle holds one more column and one more row than its size says. */
  readonly clip?: ImageClip;
  /** PLUS's EnableFanAnglesAutoDetect: of the clip's fan that part which each image fills; images that fill none are left out. Needs a fan. */
  readonly fanDetection?: PlusFanDetection;
  /** PLUS's RecomputeOutputSpacing: the voxels' third edge is made larger, so that a whole number of them reaches from the first to the last image. Default false. */
  readonly recomputeSpacing?: boolean;
  /** One byte per pixel, for `importance`. */
  readonly importance?: Uint8Array;
  /** PLUS's PixelRejectionThreshold: darker pixels are left out. Default none. */
  readonly rejectBelow?: number;
  /** Ways to fill holes, tried one after another. Without any, holes stay 0. */
  readonly holeFilling?: readonly PlusHoleFilling[];
  /** The output's voxels; by default a box around the clip corners, along the frame's axes, as PLUS makes it. */
  readonly grid?: SweepGrid;
}

/** Columns and rows that a clip rectangle leaves in PLUS: both ends belong to it. */
export interface PlusExtent {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** PLUS's clip rectangle in whole pixels: origin … origin + size, kept within the image. */
export function plusExtent(size: readonly [number, number], clip: ImageClip | undefined): PlusExtent {
  const [columns, rows] = size;
  const { origin, size: extent } = clip?.rectangle ?? { origin: [0, 0], size: [columns - 1, rows - 1] };
  return {
    left: Math.max(0, Math.ceil(origin[0])),
    right: Math.min(columns - 1, Math.floor(origin[0] + extent[0])),
    top: Math.max(0, Math.ceil(origin[1])),
    bottom: Math.min(rows - 1, Math.floor(origin[1] + extent[1])),
  };
}

/** Where one row is pasted: columns from … to, without skipFrom … skipTo where there is a gap; both ends belong to it. */
export interface PlusRow {
  from: number;
  to: number;
  skipFrom: number;
  skipTo: number;
}

/**
 * The columns of a row that PLUS's faster loops paste: one pixel inside the sides and the outer arc of a fan, and without what
 * lies more than a pixel inside its inner arc.
 */
export function plusRow(out: PlusRow, row: number, extent: PlusExtent, fan: ClipFan | undefined): PlusRow {
  out.from = extent.left;
  out.to = extent.right;
  out.skipFrom = 0;
  out.skipTo = -1;
  if (row < extent.top || row > extent.bottom) {
    out.to = out.from - 1;
    return out;
  }
  return fan === undefined ? out : insideFan(out, row - fan.apex[1], fan);
}

function insideFan(out: PlusRow, y: number, fan: ClipFan): PlusRow {
  const [left, right] = tangents(fan);
  const [x] = fan.apex;
  const stop = fan.radii[1] ** 2 - y * y;
  if (stop < 0) {
    out.to = out.from - 1;
    return out;
  }
  const outer = Math.sqrt(stop);
  out.from = Math.max(out.from, plusCeil(left * y + x + 1), plusCeil(x - outer + 1));
  out.to = Math.min(out.to, plusFloor(right * y + x - 1), plusFloor(x + outer - 1));
  const start = fan.radii[0] ** 2 - y * y;
  if (start <= 0 || out.from > out.to) return out;
  const inner = Math.sqrt(start);
  const [skipFrom, skipTo] = [plusCeil(x - inner + 1), plusFloor(x + inner - 1)];
  if (skipFrom < out.from) out.from = Math.max(out.from, skipTo + 1);
  else if (skipTo > out.to) out.to = Math.min(out.to, skipFrom - 1);
  else Object.assign(out, { skipFrom, skipTo });
  return out;
}

/** Slopes of the sides, left before right. */
function tangents(fan: ClipFan): [number, number] {
  const [a, b] = fan.anglesDeg.map((degrees) => Math.tan((degrees * Math.PI) / 180)) as [number, number];
  return a <= b ? [a, b] : [b, a];
}

/** Whether a pixel lies in the fan by the rule of PLUS's plain loop, which has no margin. */
export function inPlainFan(column: number, row: number, fan: ClipFan): boolean {
  const [left, right] = tangents(fan);
  const x = column - fan.apex[0];
  const y = row - fan.apex[1];
  if (y < 0 || x / y < left || x / y > right) return false;
  const squared = x * x + y * y;
  return squared >= fan.radii[0] ** 2 && squared <= fan.radii[1] ** 2;
}

/** A hole costs the cube of this. */
const LARGEST_CUBE = 51;

/** @throws NavError `ultrasound/bad-option` */
export function requirePlusOptions(options: PlusReconstructionOptions, pixels: number): void {
  const { importance, compounding, rejectBelow, interpolation, fanDetection, clip } = options;
  if (fanDetection !== undefined && clip?.fan === undefined) {
    throw new NavError('ultrasound/bad-option', 'A fan is looked for within one: say with clip.fan how far it may reach.');
  }
  if (fanDetection !== undefined && !((fanDetection.brightness ?? 30) >= 0 && (fanDetection.filterRadiusPx ?? 10) >= 1)) {
    throw new NavError(
      'ultrasound/bad-option',
      'A fan is looked for from a grey level of 0 on, and over 1 pixel or more to either side.',
    );
  }
  if (rejectBelow !== undefined && compounding === 'importance' && interpolation === 'nearest') {
    throw new NavError(
      'ultrasound/bad-option',
      "Left-out pixels together with an importance mask and nearest are not among PLUS's rules here.",
    );
  }
  if (compounding === 'importance' && importance?.length !== pixels) {
    throw new NavError(
      'ultrasound/bad-option',
      `Compounding by importance needs a mask of ${pixels} bytes, one for each pixel; it has ${importance?.length ?? 0}.`,
    );
  }
  for (const one of options.holeFilling ?? []) requireFilling(one);
}

function requireFilling(one: PlusHoleFilling): void {
  if (one.kind === 'stick') {
    if (one.lengthLimit >= 3 && (one.count ?? 1) >= 1) return;
    throw new NavError('ultrasound/bad-option', 'Sticks shorter than 3 voxels, or fewer than one, fill no hole.');
  }
  const { kind, size, minKnownRatio, stdev } = one;
  const spread = kind === 'gaussian' || kind === 'gaussian-accumulation' ? stdev : 1;
  if (Number.isInteger(size) && size >= 2 && size <= LARGEST_CUBE && minKnownRatio >= 0 && spread !== undefined && spread > 0)
    return;
  throw new NavError(
    'ultrasound/bad-option',
    `Hole filling by ${kind} needs a cube of 2 to ${LARGEST_CUBE} voxels along an edge (it has ${size}), a ratio from 0 on (${minKnownRatio}) and, for a Gaussian, its stdev in voxels (${stdev}).`,
  );
}
