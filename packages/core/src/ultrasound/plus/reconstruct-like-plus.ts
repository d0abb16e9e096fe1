import { type Volume, volume } from '../../volume/index.js';
import type { ClipFan, ImageClip } from '../clip.js';
import { type SweepGrid, spacingsOf } from '../grid.js';
import type { Sweep, SweepFrame } from '../sweep.js';
import { type PlusVolume, plusRound, Q14, toQ14 } from './arithmetic.js';
import { detectPlusFan } from './fan-angles.js';
import { fillHolesLikePlus } from './holes.js';
import { PlusSplat } from './linear.js';
import { Pasted, PlusPaste } from './nearest.js';
import {
  inPlainFan,
  type PlusExtent,
  type PlusReconstructionOptions,
  type PlusRow,
  plusExtent,
  plusRow,
  requirePlusOptions,
} from './options.js';

/**
 * Reconstructs a sweep to the rules of PLUS, rounding by rounding, so that volumes can be compared voxel by voxel with those that
 * PLUS's VolumeReconstructor made with one thread. For patients use reconstructSweep(): PLUS's mean depends on the order of the
 * pixels, saturates, and rounds to eight bits after each of them.
 *
 * Voxels of 8 bits; 0 where no pixel was. Rules from the sources of IGSIO's VolumeReconstruction. `importance` keeps PLUS's slips
 * of the pen: its fast nearest loop stops in a row at the first pixel of importance 0 and reads on from there, and linear weights
 * read the mask one byte further for each corner.
 * @throws NavError `ultrasound/bad-option`
 */
export function reconstructLikePlus<F extends string>(sweep: Sweep<F>, options: PlusReconstructionOptions): Volume<F> {
  requirePlusOptions(options, sweep.size[0] * sweep.size[1]);
  const extent = plusExtent(sweep.size, options.clip);
  const spacing = spacingsOf(options.spacingMm);
  const grid =
    options.grid ??
    plusGrid(sweep, extent, options.recomputeSpacing === true ? plusSpacing(sweep, options.clip, spacing) : spacing);
  const count = grid.size[0] * grid.size[1] * grid.size[2];
  const out: PlusVolume = { voxels: new Uint8Array(count), accumulator: new Uint16Array(count), size: grid.size };
  const insert = options.interpolation === 'linear' ? linearInsert(out, options) : nearestInsert(out, options);
  for (const frame of sweep.frames) {
    const fan = fanIn(frame, sweep.size, options);
    if (fan !== 'dark') insert(frame, placeIn(grid, frame), sweep.size, extent, fan);
  }
  const { holeFilling = [] } = options;
  const voxels = holeFilling.length === 0 ? out.voxels : fillHolesLikePlus(out, holeFilling);
  return volume({
    frame: sweep.frame,
    voxels,
    ...grid,
    modality: 'US',
    series: { description: 'reconstructed by the rules of PLUS' },
  });
}

type Insert = (
  frame: SweepFrame,
  place: Float64Array,
  size: readonly [number, number],
  extent: PlusExtent,
  fan: ClipFan | undefined,
) => void;

/** What of a fan an image is pasted by; `dark` where it fills none of it. */
function fanIn(
  { pixels }: SweepFrame,
  size: readonly [number, number],
  { clip, fanDetection }: PlusReconstructionOptions,
): ClipFan | 'dark' | undefined {
  if (fanDetection === undefined || clip?.fan === undefined) return clip?.fan;
  return detectPlusFan(pixels, size, clip.fan, fanDetection) ?? 'dark';
}

/** A box along the frame's axes from the least of the clip corners; its size is the range in voxels, rounded, and one. */
function plusGrid<F extends string>(sweep: Sweep<F>, e: PlusExtent, spacing: readonly [number, number, number]): SweepGrid {
  const { low, high } = plusBox(sweep, e);
  const size = [0, 1, 2].map((r) => Math.round(((high[r] as number) - (low[r] as number)) / (spacing[r] as number)) + 1);
  const [sx, sy, sz] = spacing;
  const frameFromIndex = Float64Array.of(sx, 0, 0, 0, 0, sy, 0, 0, 0, 0, sz, 0, ...low, 1);
  return { size: size as [number, number, number], frameFromIndex };
}

/**
 * PLUS's RecomputeOutputSpacing: the third edge of a voxel so much larger that a whole number of them reaches over the images, which PLUS's box may otherwise exceed or miss by half of one. A
 * range below one voxel leaves it as it is: PLUS divides by zero there.
 */
export function plusSpacing<F extends string>(
  sweep: Sweep<F>,
  clip: ImageClip | undefined,
  [sx, sy, sz]: readonly [number, number, number],
): readonly [number, number, number] {
  const { low, high } = plusBox(sweep, plusExtent(sweep.size, clip));
  const range = (high[2] as number) - (low[2] as number);
  const whole = Math.floor(range / sz);
  return [sx, sy, whole >= 1 ? range / whole : sz];
}

/** The least and the greatest of the clip corners along the frame's axes, mm. */
function plusBox<F extends string>(sweep: Sweep<F>, e: PlusExtent): { readonly low: number[]; readonly high: number[] } {
  const low = [0, 0, 0].map(() => Number.POSITIVE_INFINITY);
  const high = [0, 0, 0].map(() => Number.NEGATIVE_INFINITY);
  for (const { frameFromImage: m } of sweep.frames) {
    for (const [x, y] of [
      [e.left, e.top],
      [e.left, e.bottom],
      [e.right, e.top],
      [e.right, e.bottom],
    ] as const) {
      for (let r = 0; r < 3; r += 1) {
        const p = (m[r] as number) * x + (m[4 + r] as number) * y + (m[12 + r] as number);
        if (p < (low[r] as number)) low[r] = p;
        if (p > (high[r] as number)) high[r] = p;
      }
    }
  }
  return { low, high };
}

/** Rows x, y and 1 of index-from-image: 3 × 3, column by column. The grid lies along the frame's axes, as PLUS's do. */
function placeIn(grid: SweepGrid, { frameFromImage: m }: SweepFrame): Float64Array {
  const g = grid.frameFromIndex;
  const place = new Float64Array(9);
  for (let r = 0; r < 3; r += 1) {
    const spacing = g[5 * r] as number;
    place[r] = (m[r] as number) / spacing;
    place[3 + r] = (m[4 + r] as number) / spacing;
    place[6 + r] = ((m[12 + r] as number) - (g[12 + r] as number)) / spacing;
  }
  return place;
}

function linearInsert(out: PlusVolume, options: PlusReconstructionOptions): Insert {
  const fixed = (options.optimization ?? 'full') === 'full';
  const reject = options.rejectBelow ?? 0;
  const splat = new PlusSplat(out, options.compounding, options.importance ?? new Uint8Array(0), fixed);
  return (frame, place, size, extent, fan) => {
    const [x0, y0, z0, x1, y1, z1, x2, y2, z2] = (fixed ? place.map(toQ14) : place) as unknown as Place;
    const { pixels } = frame;
    eachPixel(options, fan, size, extent, (u, v, index) => {
      if ((pixels[index] as number) < reject) return false;
      splat.paste(x2 + x1 * v + x0 * u, y2 + y1 * v + y0 * u, z2 + z1 * v + z0 * u, pixels[index] as number, index);
      return false;
    });
  };
}

/** Of index-from-image: columns x, y and 1. */
type Place = readonly [number, number, number, number, number, number, number, number, number];

const nearestQ14 = (p: number): number => Math.floor((p + Q14 / 2) / Q14);

function nearestInsert(out: PlusVolume, options: PlusReconstructionOptions): Insert {
  const { optimization = 'full', compounding, importance = new Uint8Array(0), rejectBelow: reject = 0 } = options;
  const paste = new PlusPaste(out, compounding, optimization !== 'none');
  const full = optimization === 'full';
  const nearest = full ? nearestQ14 : plusRound;
  const slips = compounding === 'importance' && optimization !== 'none';
  return (frame, place, size, extent, fan) => {
    const [x0, y0, z0, x1, y1, z1, x2, y2, z2] = (full ? place.map(toQ14) : place) as unknown as Place;
    // How far the fast loops' pointers have fallen behind.
    let behind = 0;
    let maskBehind = 0;
    eachPixel(options, fan, size, extent, (u, v, index, left) => {
      if ((frame.pixels[index] as number) < reject) return false;
      const [value, weight] = [frame.pixels[index - behind] as number, importance[index - maskBehind] ?? 0];
      const i = nearest(x2 + x1 * v + x0 * u);
      const j = nearest(y2 + y1 * v + y0 * u);
      const kind = paste.paste(i, j, nearest(z2 + z1 * v + z0 * u), value, weight);
      if (!slips || kind === Pasted.yes) return false;
      if (kind === Pasted.overflow) {
        maskBehind += 1;
        return false;
      }
      behind += left;
      maskBehind += left;
      return true;
    });
  };
}

/** @param visit true where the rest of the stretch is to be skipped; `left` counts its pixels, this one too */
function eachPixel(
  { optimization }: { readonly optimization?: string },
  fan: ClipFan | undefined,
  size: readonly [number, number],
  extent: PlusExtent,
  visit: (column: number, row: number, index: number, left: number) => boolean,
): void {
  const plain = optimization === 'none';
  const span: PlusRow = { from: 0, to: -1, skipFrom: 0, skipTo: -1 };
  const stretch = (row: number, from: number, to: number): void => {
    for (let column = from; column <= to; column += 1) {
      if (plain && fan !== undefined && !inPlainFan(column, row, fan)) continue;
      if (visit(column, row, row * size[0] + column, to - column + 1)) return;
    }
  };
  for (let row = extent.top; row <= extent.bottom; row += 1) {
    plusRow(span, row, extent, plain ? undefined : fan);
    const { from, to, skipFrom, skipTo } = span;
    if (skipTo < skipFrom) stretch(row, from, to);
    else {
      stretch(row, from, skipFrom - 1);
      stretch(row, skipTo + 1, to);
    }
  }
}
