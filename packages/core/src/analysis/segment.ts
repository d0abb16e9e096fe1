import { NavError } from '../base/index.js';
import { type AnyVolume, spacingOf, type Volume, volume } from '../volume/index.js';
import { answersAt, type KeptProbabilities, probabilityAt, type VoxelAnswers } from './back.js';
import { fitnessOf, type ValueStatistics } from './fitness.js';
import { identityOf, type Sha256, webSha256 } from './hash.js';
import type { MeasuredErrors, ModelDescription, ModelLabel, SegmentationModel } from './model.js';
import { BoxMeans, patientGrid } from './patient-grid.js';
import { Pause } from './pause.js';
import type { AnalysisProvenance, AnalysisWarning, Proposal } from './proposal.js';
import { keptLabels, type Normalise, probabilitiesOf, type TileWork } from './slab.js';
import { axisTiles } from './tiles.js';

/** How to segment. */
export interface SegmentOptions {
  /** Least share of a tile's edge that the next one overlaps, 0 … 0.9. Default 0.5. */
  readonly overlap?: number;
  /** A voxel is uncertain whose entropy is above this share of the greatest, 0 … 1. Default 0.5. */
  readonly uncertainAbove?: number;
  /** More memory than this is not asked for, bytes. Default 1 GiB. */
  readonly maxBytes?: number;
  /** The caller's clock now, for the record. */
  readonly createdAt?: Date;
  /** In place of WebCrypto's, which a page over plain HTTP lacks. */
  readonly sha256?: Sha256;
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 … 1. */
  readonly progress?: (fraction: number) => void;
}

/** What a network found, on the grid of the volume that it was asked about: voxel n is the volume's voxel n. */
export interface Segmentation<F extends string> {
  /** Values of {@link labelNames}, 0 for the background; modality SEG. */
  readonly labels: Volume<F>;
  readonly labelNames: readonly ModelLabel[];
  /** Entropy of the labels' probabilities as a share of the greatest there is, 0 … 1 after rescaling (steps of 1/255). */
  readonly uncertainty: Volume<F>;
  /** How much is uncertain: voxels above the limit, their volume, and what they are in relation to the labelled ones. */
  readonly uncertain: { readonly voxels: number; readonly ml: number; readonly shareOfLabelled: number };
  /** Of the model, for what is measured on the labels. */
  readonly errors: MeasuredErrors | undefined;
  /**
   * The probability of a label at every voxel, 0 … 1 after rescaling (steps of 1/255). Computed anew with every call.
   * @throws NavError `analysis/bad-option` for a value that is no label of the model
   */
  probability(value: number): Volume<F>;
}

/**
 * Asks a network about a volume of any orientation and spacing, and gives what it says as a proposal on the volume's own grid.
 *
 * The volume is averaged onto a grid of the model's spacing along L, P and S ({@link patientGrid}), so the order of its voxels does not
 * matter; tiles of that overlap, and are blended by Gaussian weights that sum to 1 at every voxel; probabilities, not labels, are interpolated back
 * to the voxels (trilinear). Beside its input and its answer it holds one layer of tiles in single precision, and for each voxel of
 * the model's grid two bytes a label and one more.
 * @param given one volume, or one for each channel of the model, all in one frame; the first one's grid is that of the answer
 * @throws NavError `analysis/bad-option`, `analysis/bad-model`, `analysis/wrong-modality`, `analysis/wrong-unit`, `analysis/too-large`,
 * `analysis/bad-output`, `analysis/runtime-failed`, `analysis/no-hash`, `analysis/aborted`, `frame/mismatch`, `volume/sheared`,
 * `volume/bad-voxels`
 */
export async function segment<F extends string>(
  given: Volume<F> | readonly Volume<F>[],
  model: SegmentationModel,
  options: SegmentOptions = {},
): Promise<Proposal<Segmentation<F>>> {
  const { overlap = 0.5, uncertainAbove = 0.5, sha256 = webSha256 } = options;
  const volumes = 'voxels' in given ? [given] : given;
  const { description } = model;
  requireShare('overlap', overlap, 0.9);
  requireShare('uncertainAbove', uncertainAbove, 1);
  const pause = new Pause(options.signal);
  pause.check();
  const { warnings, statistics } = fitnessOf(volumes, description);
  const first = volumes[0] as Volume<F>;
  const grid = patientGrid(first, description.spacingMm, description.patch);
  requireMemory(first, grid.size, description, options.maxBytes ?? 2 ** 30);
  const tiles = [0, 1, 2].map((r) => axisTiles(grid.size[r] as number, description.patch[r] as number, overlap));
  const kept = await probabilitiesOf({
    model,
    grid,
    images: volumes.map((v) => new BoxMeans(v, grid)),
    normalise: statistics.map((s) => normaliseBy(description, s)),
    tiles: tiles as unknown as TileWork['tiles'],
    pause,
    progress: options.progress && ((done) => options.progress?.(0.95 * done)),
  });
  const answers = await answersAt(first, { grid, description, kept }, uncertainAbove, pause);
  const provenance: AnalysisProvenance = {
    model: { name: description.name, version: description.version, sha256: model.sha256, purpose: description.purpose },
    runtime: model.runtime,
    inputs: await Promise.all(volumes.map((v) => identityOf(v, sha256))),
    grid: { orientation: 'LPS', size: grid.size, frameFromIndex: Array.from(grid.frameFromIndex) },
    options: { overlap, uncertainAbove },
    ...(options.createdAt !== undefined && { createdAt: options.createdAt.toISOString() }),
  };
  pause.check();
  options.progress?.(1);
  const content = contentOf(first, { grid, description, kept }, answers);
  return { status: 'proposed', content, provenance, warnings: [...warnings, ...afterwards(model, content)] };
}

function contentOf<F extends string>(of: Volume<F>, kept: KeptProbabilities, answers: VoxelAnswers): Segmentation<F> {
  const { description } = kept;
  const ml = spacingOf(of).reduce((a, b) => a * b, 1) / 1000;
  return {
    labels: onGridOf(of, answers.labels, 1),
    labelNames: keptLabels(description),
    uncertainty: onGridOf(of, answers.entropy, 1 / 255),
    uncertain: {
      voxels: answers.uncertain,
      ml: answers.uncertain * ml,
      shareOfLabelled: answers.labelled === 0 ? (answers.uncertain === 0 ? 0 : Infinity) : answers.uncertain / answers.labelled,
    },
    errors: description.errors,
    probability(value) {
      const at = keptLabels(description).findIndex((label) => label.value === value);
      if (at < 0)
        throw new NavError('analysis/bad-option', `"${description.name}" has no label ${value}.`, { detail: { value } });
      return onGridOf(of, probabilityAt(of, kept.grid, kept.kept[at] as Uint16Array), 1 / 255);
    },
  };
}

/** A volume of new values with another's place and identity. */
function onGridOf<F extends string>(of: Volume<F>, voxels: Uint8Array, slope: number): Volume<F> {
  const { frame, size, frameFromIndex, patient, series, frameOfReferenceUid } = of;
  return volume({
    frame,
    size,
    frameFromIndex,
    voxels,
    rescale: { slope, intercept: 0 },
    modality: 'SEG',
    patient,
    series: { ...(series.studyUid !== undefined && { studyUid: series.studyUid }) },
    ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
  });
}

function normaliseBy({ normalisation: n, outside }: ModelDescription, { mean, sd }: ValueStatistics): Normalise {
  const step: Normalise =
    n.kind === 'window'
      ? (x) => (Math.min(Math.max(x, n.low), n.high) - n.subtract) / n.divide
      : (x) => (x - mean) / (sd > 0 ? sd : 1);
  const beyond = step(outside);
  return (x) => (Number.isNaN(x) ? beyond : step(x));
}

/** As much uncertain as labelled is worth a word. */
const MUCH = 1;

function afterwards<F extends string>({ runtime }: SegmentationModel, { uncertain }: Segmentation<F>): AnalysisWarning[] {
  const found: AnalysisWarning[] = [];
  if (runtime.fallback !== undefined) {
    found.push({ code: 'backend-fallback', message: `Computed by ${runtime.backend}: ${runtime.fallback}` });
  }
  if (uncertain.shareOfLabelled > MUCH) {
    const message = `${uncertain.ml.toFixed(1)} ml are uncertain, more than is labelled. Look at all of it, or do not use it.`;
    found.push({ code: 'much-uncertain', message, detail: { ...uncertain } });
  }
  return found;
}

function requireShare(name: string, value: number, most: number): void {
  if (value >= 0 && value <= most) return;
  throw new NavError('analysis/bad-option', `${name} must be from 0 to ${most}, got ${value}.`, { detail: { name, value } });
}

/** @throws NavError `analysis/too-large` */
function requireMemory(of: AnyVolume, size: readonly [number, number, number], d: ModelDescription, maxBytes: number): void {
  const area = size[0] * size[1];
  const labels = keptLabels(d).length;
  const layer = 4 * area * d.patch[2] * (d.channels + labels);
  // Two bytes for each label and one for where anything was found, on the model's grid; labels and entropy on the volume's.
  const bytes = layer + area * size[2] * (2 * labels + 1) + 2 * of.voxels.length;
  if (bytes <= maxBytes) return;
  throw new NavError(
    'analysis/too-large',
    `Segmenting this volume takes ${Math.ceil(bytes / 2 ** 20)} MiB beside the volume itself; allowed are ` +
      `${Math.floor(maxBytes / 2 ** 20)} MiB. Cut the volume to what matters, or raise maxBytes.`,
    { detail: { bytes, maxBytes } },
  );
}
