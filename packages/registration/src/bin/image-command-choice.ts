import { basename } from 'node:path';
import { UsageError } from './arguments.js';

export const IMAGE_METRICS = ['auto', 'mi', 'nmi', 'lc2', 'mind', 'elastix'] as const;
export const IMAGE_TRANSFORMS = ['rigid', 'similarity', 'affine', 'bspline'] as const;
export type ImageMetric = Exclude<(typeof IMAGE_METRICS)[number], 'auto'>;
export type ImageTransform = (typeof IMAGE_TRANSFORMS)[number];

/** What is known of an image without its voxels. */
export interface ImageAbout {
  readonly path: string;
  /** DICOM modality; `OT` where the file does not say. */
  readonly modality: string;
  /** The caller says that it is ultrasound. */
  readonly saidUltrasound: boolean;
}

/** Which metric, on which side the ultrasound is, and why: for the report. */
export interface MetricChoice {
  readonly metric: ImageMetric;
  readonly ultrasound: 'fixed' | 'moving' | undefined;
  readonly reason: string;
}

/**
 * The metric for these images. `auto`: LC2 where one of them is ultrasound, else mutual information. `mind` is of ultrasound, as
 * LC2 is, and of deformations of any images: the rigid registration that these begin with is `auto`'s.
 * @throws UsageError for what does not go together
 */
export function chooseMetric(
  wanted: (typeof IMAGE_METRICS)[number],
  transform: ImageTransform,
  fixed: ImageAbout,
  moving: readonly ImageAbout[],
): MetricChoice {
  const choice = wanted === 'auto' ? automatic(fixed, moving) : told(wanted, transform, fixed, moving);
  const { metric, ultrasound } = choice;
  if (ultrasound === undefined && moving.length > 1)
    throw new UsageError(`Several moving images go together to ultrasound, with --metric lc2; ${metric} takes one.`);
  if (ultrasound === 'moving' && moving.length > 1)
    throw new UsageError('Where several images go to ultrasound at once, the ultrasound is --fixed.');
  if (ultrasound !== undefined && transform !== 'rigid' && transform !== 'bspline')
    throw new UsageError(
      `Registration to ultrasound (${choice.reason}) is rigid or bspline: --transform ${transform} does not go with it.`,
    );
  if (ultrasound === 'moving' && transform === 'bspline')
    throw new UsageError('A deformation to ultrasound maps the ultrasound to the other image: make the ultrasound --fixed.');
  if (metric === 'elastix' && transform === 'similarity')
    throw new UsageError('--metric elastix goes with --transform rigid, affine and bspline.');
  return choice;
}

function told(metric: ImageMetric, kind: ImageTransform, fixed: ImageAbout, moving: readonly ImageAbout[]): MetricChoice {
  const reason = '--metric says so';
  if (metric === 'mind' && kind === 'bspline') return { ...automatic(fixed, moving), metric, reason };
  if (metric !== 'lc2' && metric !== 'mind') return { metric, ultrasound: undefined, reason };
  const turned = strongest(moving).strength > strongest([fixed]).strength;
  return { metric, ultrasound: turned ? 'moving' : 'fixed', reason };
}

function automatic(fixed: ImageAbout, moving: readonly ImageAbout[]): MetricChoice {
  const [ofFixed, ofMoving] = [strongest([fixed]), strongest(moving)];
  const nothing: MetricChoice = { metric: 'mi', ultrasound: undefined, reason: 'nothing says that an image is ultrasound' };
  if (ofFixed.strength > ofMoving.strength) return { metric: 'lc2', ultrasound: 'fixed', reason: ofFixed.reason };
  if (ofMoving.strength > ofFixed.strength) return { metric: 'lc2', ultrasound: 'moving', reason: ofMoving.reason };
  if (moving.length > 1 && fixed.modality === 'OT')
    return { metric: 'lc2', ultrasound: 'fixed', reason: 'several moving images go together to ultrasound only' };
  return ofFixed.strength === 0 ? nothing : { ...nothing, reason: 'both images are ultrasound' };
}

/** NIfTI and NRRD do not say what made them; people's names for files often do. */
const NAMED_ULTRASOUND = /(^|[^a-z])(i?us|usg|ultrasound|sono(graphy)?)([^a-z]|$)/i;
/** What was resampled onto an ultrasound's grid is no ultrasound for that. */
const NAMED_OTHERWISE = /(^|[^a-z])(t[12]w?|pd|flair|mri?|cb?ct|pet)([^a-z]|$)/i;

interface Hint {
  /** 0 where nothing says that it is ultrasound; 1 by its name, 2 by its file, 3 by whoever calls. */
  readonly strength: number;
  readonly reason: string;
}

/** What speaks most for one of these images being ultrasound. */
function strongest(images: readonly ImageAbout[]): Hint {
  return images.map(hintOf).reduce((a, b) => (b.strength > a.strength ? b : a));
}

function hintOf({ path, modality, saidUltrasound }: ImageAbout): Hint {
  if (saidUltrasound) return { strength: 3, reason: `"${path}" was said to be ultrasound` };
  if (modality === 'US') return { strength: 2, reason: `"${path}" says that it is ultrasound` };
  const name = basename(path);
  if (modality === 'OT' && NAMED_ULTRASOUND.test(name) && !NAMED_OTHERWISE.test(name))
    return { strength: 1, reason: `"${path}" does not say what made it, and its name says ultrasound` };
  return { strength: 0, reason: '' };
}
