import { NavError } from '../base/index.js';
import type { SetupNote, SetupReconstruction } from '../recording/index.js';
import {
  fillHoles,
  type ImageClip,
  type ReconstructionWorker,
  reconstructLikePlus,
  reconstructSweep,
  type Sweep,
  type SweepFrame,
  type SweepReconstruction,
  type SweepReconstructionOptions,
  startReconstructionWorker,
} from '../ultrasound/index.js';
import { detectPlusFan } from '../ultrasound/plus/fan-angles.js';
import { inPlainFan } from '../ultrasound/plus/options.js';
import { plusSpacing } from '../ultrasound/plus/reconstruct-like-plus.js';
import { spacingOf, type Volume, volume } from '../volume/index.js';

/** A volume, and how it was made. */
export interface Reconstructed {
  readonly volume: Volume<'reference'>;
  readonly coverage?: Uint8Array;
  /** For the report. */
  readonly facts: Readonly<Record<string, unknown>>;
  readonly notes: readonly SetupNote[];
}

/** How our own mode is run. */
export interface OwnWayOptions {
  readonly workers: number;
  readonly fillGapsMm: number | undefined;
  readonly axes: 'frame' | 'sweep';
  readonly voxels: 'uint8' | 'float32';
}

function clipOf({ clip, fan }: SetupReconstruction): ImageClip {
  return { ...(clip !== undefined && { rectangle: clip }), ...(fan !== undefined && { fan }) };
}

const FILLINGS = 'STICK, GAUSSIAN, GAUSSIAN_ACCUMULATION, DISTANCE_WEIGHT_INVERSE and NEAREST_NEIGHBOR';

/**
 * PLUS's rules to the last rounding.
 * @throws NavError `setup/unsupported` for what is not known of them, `ultrasound/…`
 */
export function likePlus(
  sweep: Sweep<'reference'>,
  plan: SetupReconstruction,
  importance: Uint8Array | undefined,
): Reconstructed {
  const holeFilling = plan.holeFilling.map((one) => {
    if (one.kind !== 'other') return one;
    throw new NavError('setup/unsupported', `PLUS has no hole filling by ${one.name}: it has ${FILLINGS}.`);
  });
  if (plan.rejectBelow !== undefined && plan.compounding === 'importance' && plan.interpolation === 'nearest') {
    throw new NavError(
      'setup/unsupported',
      'PixelRejectionThreshold together with an importance mask and NEAREST_NEIGHBOR is not known.',
    );
  }
  const { interpolation, compounding, optimization, spacingMm, rejectBelow } = plan;
  const made = reconstructLikePlus(sweep, {
    spacingMm,
    interpolation,
    compounding,
    optimization,
    clip: clipOf(plan),
    ...(importance !== undefined && compounding === 'importance' && { importance }),
    ...(rejectBelow !== undefined && { rejectBelow }),
    ...(plan.fanDetection !== undefined && { fanDetection: plan.fanDetection }),
    ...(plan.recomputeSpacing === true && { recomputeSpacing: true }),
    holeFilling,
  });
  return { volume: made, facts: { interpolation, compounding, optimization, holeFilling }, notes: [] };
}

/**
 * Our own mode, with what the set-up says of interpolation, compounding, clip, importance, dark pixels and gaps.
 * @throws NavError `setup/unsupported`, `ultrasound/…`
 */
export async function ownWay(
  sweep: Sweep<'reference'>,
  plan: SetupReconstruction,
  importance: Uint8Array | undefined,
  options: OwnWayOptions,
): Promise<Reconstructed> {
  const { interpolation, rejectBelow, fanDetection, recomputeSpacing } = plan;
  const isRecomputed = recomputeSpacing === true && options.axes === 'frame';
  const spacingMm = isRecomputed ? plusSpacing(sweep, clipOf(plan), plan.spacingMm) : plan.spacingMm;
  const weighed = plan.compounding === 'importance';
  const compounding = plan.compounding === 'importance' ? 'mean' : plan.compounding;
  const fillGapsMm = options.fillGapsMm ?? gapOf(plan);
  const common: SweepReconstructionOptions = {
    spacingMm,
    interpolation,
    compounding,
    axes: options.axes,
    clip: clipOf(plan),
    ...(weighed && importance !== undefined && { importance }),
  };
  const facts = { interpolation, compounding: plan.compounding, fillGapsMm, workers: options.workers };
  const workers = Array.from({ length: options.workers }, () => startReconstructionWorker());
  try {
    const result =
      rejectBelow === undefined && fanDetection === undefined
        ? await reconstructSweep(sweep, { ...common, fillGapsMm, voxels: options.voxels, workers })
        : await withoutSome(sweep, keptOf(sweep, plan), common, { ...options, fillGapsMm, workers });
    const { seen, filled } = result;
    const unknown = result.coverage.length - seen - filled;
    return {
      volume: result.volume,
      coverage: result.coverage,
      facts: { ...facts, seen, filled, unknown },
      notes: [...notesOf(plan, options), ...(recomputeSpacing === true && !isRecomputed ? [AXES_NOTE] : [])],
    };
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

const AXES_NOTE: SetupNote = {
  code: 'spacing-as-said',
  message: "RecomputeOutputSpacing was not carried out: it is for a box along the reference's axes (--axes frame).",
};

/** A stick of PLUS's bridges so many voxels, centre to centre, less one; a cube fills what lies within half its edge of a known voxel. */
function gapOf({ holeFilling, spacingMm }: SetupReconstruction): number {
  const limits = holeFilling.map((one) => (one.kind === 'stick' ? one.lengthLimit - 1 : one.kind === 'other' ? 0 : one.size - 1));
  return Math.max(0, ...limits) * Math.min(...spacingMm);
}

function notesOf({ holeFilling, spacingMm }: SetupReconstruction, { fillGapsMm }: OwnWayOptions): SetupNote[] {
  if (holeFilling.length === 0 || fillGapsMm !== undefined) return [];
  const others = holeFilling.filter((one) => one.kind === 'other').map((one) => one.name);
  const gap = gapOf({ holeFilling, spacingMm } as SetupReconstruction);
  const left =
    others.length === 0
      ? ''
      : ` ${others.join(', ')} is not known here and was left out; --fill-gaps MM says how wide gaps are bridged.`;
  return [
    { code: 'hole-filling', message: `Gaps up to ${gap} mm were bridged, as far as PLUS's sticks and cubes would reach.${left}` },
  ];
}

/** Which pixels of an image count: 1, or 0. */
type Kept = (frame: SweepFrame) => Uint8Array;

/** Those that are not too dark, and in that part of the fan which the image fills. */
function keptOf({ size }: Sweep<'reference'>, { rejectBelow = 0, fan, fanDetection }: SetupReconstruction): Kept {
  return ({ pixels }) => {
    const kept = pixels.map((value) => (value < rejectBelow ? 0 : 1));
    if (fan === undefined || fanDetection === undefined) return kept;
    const own = detectPlusFan(pixels, size, fan, fanDetection);
    if (own === undefined) return kept.fill(0);
    for (let n = 0; n < kept.length; n += 1) {
      if (kept[n] === 1 && !inPlainFan(n % size[0], Math.floor(n / size[0]), own)) kept[n] = 0;
    }
    return kept;
  };
}

/**
 * Some pixels left out. Sums over the pixels that are left, and how much of the weight they are, are made as two volumes of the
 * same sums: their quotient is the mean of what is left, and where it is 0 nothing was seen.
 * @throws NavError `setup/unsupported` for LATEST, which cannot be told so
 */
async function withoutSome(
  sweep: Sweep<'reference'>,
  kept: Kept,
  common: SweepReconstructionOptions,
  options: Omit<OwnWayOptions, 'workers'> & { readonly fillGapsMm: number; readonly workers: readonly ReconstructionWorker[] },
): Promise<SweepReconstruction<'reference'>> {
  if (common.compounding === 'latest') {
    const message =
      'PixelRejectionThreshold and EnableFanAnglesAutoDetect with CompoundingMode LATEST are known to --like-plus only: take MEAN or MAXIMUM, or --like-plus.';
    throw new NavError('setup/unsupported', message);
  }
  const { workers } = options;
  const changed = (how: (value: number) => number): Sweep<'reference'> => ({
    ...sweep,
    frames: sweep.frames.map((one) => {
      const left = kept(one);
      return { ...one, pixels: one.pixels.map((value, n) => (left[n] === 1 ? how(value) : 0)) };
    }),
  });
  const bright = await reconstructSweep(
    changed((value) => value),
    { ...common, voxels: 'float32', workers },
  );
  const share = await reconstructSweep(
    changed(() => 255),
    { ...common, voxels: 'float32', workers },
  );
  const float = options.voxels === 'float32';
  const voxels = float ? new Float32Array(share.coverage.length) : new Uint8Array(share.coverage.length);
  const { coverage } = share;
  let seen = 0;
  for (let n = 0; n < coverage.length; n += 1) {
    const kept = coverage[n] === 1 ? (share.volume.voxels[n] as number) / 255 : 0;
    coverage[n] = kept > 0 ? 1 : 0;
    seen += coverage[n] as number;
    const value =
      kept > 0 ? (bright.volume.voxels[n] as number) / (common.compounding === 'mean' ? kept : 1) : float ? Number.NaN : 0;
    voxels[n] = float ? value : Math.round(value);
  }
  const { size, frameFromIndex, frame } = share.volume;
  const spacingMm = spacingOf(share.volume);
  const filled = options.fillGapsMm > 0 ? fillHoles(voxels, coverage, { size, spacingMm, maxGapMm: options.fillGapsMm }) : 0;
  const made = volume({ frame, voxels, size, frameFromIndex, modality: 'US', series: { description: 'reconstructed sweep' } });
  return { ...share, volume: made, coverage, seen, filled };
}
