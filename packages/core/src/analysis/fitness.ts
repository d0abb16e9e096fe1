import { NavError } from '../base/index.js';
import { requireSameFrame } from '../frames/index.js';
import { type AnyVolume, requireNoShear, spacingOf } from '../volume/index.js';
import type { ModelDescription } from './model.js';
import type { AnalysisWarning } from './proposal.js';

/** Least, greatest, mean and standard deviation of a volume's finite rescaled values, and how many are not finite. */
export interface ValueStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly sd: number;
  readonly notFinite: number;
}

export function statisticsOf({ voxels, rescale: { slope, intercept } }: AnyVolume): ValueStatistics {
  let [min, max, sum, square, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  // Sums about the first finite value: far from zero a sum of squares would lose its digits.
  let origin = Number.NaN;
  for (let n = 0; n < voxels.length; n += 1) {
    const x = voxels[n] as number;
    if (!Number.isFinite(x)) continue;
    if (Number.isNaN(origin)) origin = x;
    if (x < min) min = x;
    if (x > max) max = x;
    sum += x - origin;
    square += (x - origin) * (x - origin);
    count += 1;
  }
  const mean = sum / count;
  const ends = [slope * min + intercept, slope * max + intercept];
  return {
    min: Math.min(...ends),
    max: Math.max(...ends),
    mean: slope * (origin + mean) + intercept,
    sd: Math.abs(slope) * Math.sqrt(Math.max(0, square / count - mean * mean)),
    notFinite: voxels.length - count,
  };
}

/**
 * Whether a model may be asked about volumes, and what must be said first.
 * @throws NavError `analysis/bad-option` (another number of images than the model takes), `frame/mismatch`, `volume/sheared`,
 * `analysis/wrong-modality`, `analysis/wrong-unit`, `volume/bad-voxels` (nothing finite)
 */
export function fitnessOf(
  volumes: readonly AnyVolume[],
  d: ModelDescription,
): { readonly warnings: AnalysisWarning[]; readonly statistics: readonly ValueStatistics[] } {
  if (volumes.length !== d.channels) {
    throw new NavError(
      'analysis/bad-option',
      `"${d.name}" takes ${d.channels} image(s) at once but was given ${volumes.length}.`,
      {
        detail: { channels: d.channels, volumes: volumes.length },
      },
    );
  }
  const statistics = volumes.map((v) => {
    requireSameFrame((volumes[0] as AnyVolume).frame, v.frame, 'A model of several images');
    requireNoShear(v, `Segmenting by "${d.name}"`);
    requireKind(v, d);
    return statisticsOf(v);
  });
  const warnings = volumes.flatMap((v, n) => warningsOf(v, statistics[n] as ValueStatistics, d));
  if (d.errors === undefined) {
    const message = `"${d.name}" does not say how large its errors are: volumes and diameters carry those of the voxels alone.`;
    warnings.push({ code: 'errors-unknown', message });
  }
  return { warnings, statistics };
}

function requireKind(v: AnyVolume, d: ModelDescription): void {
  if (!d.modalities.includes(v.modality)) {
    throw new NavError(
      'analysis/wrong-modality',
      `"${d.name}" was trained with ${d.modalities.join(', ')} and says nothing of ${v.modality}. Choose another model or image.`,
      { detail: { modality: v.modality, modalities: d.modalities } },
    );
  }
  const { unit } = v.rescale;
  if (d.unit !== undefined && unit !== undefined && unit !== d.unit) {
    throw new NavError(
      'analysis/wrong-unit',
      `"${d.name}" takes values in ${d.unit}, but this volume's are in ${unit}. Convert them first.`,
      { detail: { unit, wanted: d.unit } },
    );
  }
}

function warningsOf(v: AnyVolume, s: ValueStatistics, d: ModelDescription): AnalysisWarning[] {
  if (!Number.isFinite(s.mean)) {
    throw new NavError('volume/bad-voxels', 'The volume holds no finite value: there is nothing to segment.');
  }
  const found: AnalysisWarning[] = [];
  const warn = (code: AnalysisWarning['code'], message: string, detail: Readonly<Record<string, unknown>>): void => {
    found.push({ code, message, detail });
  };
  if (d.unit !== undefined && v.rescale.unit === undefined) {
    warn('unit-unknown', `The volume does not say that its values are in ${d.unit}, which the model takes them for.`, {
      wanted: d.unit,
    });
  }
  const [least, most] = d.trainedSpacingMm;
  const spacing = spacingOf(v);
  if (spacing.some((x) => x < least * 0.99 || x > most * 1.01)) {
    const shown = spacing.map((x) => x.toFixed(2)).join(' × ');
    warn('spacing-outside-training', `The model was trained for voxels of ${least} to ${most} mm; these are ${shown} mm.`, {
      spacingMm: spacing,
    });
  }
  const n = d.normalisation;
  if (n.kind === 'window' && (s.max <= n.low || s.min >= n.high || s.max - s.min < 0.1 * (n.high - n.low))) {
    warn(
      'values-implausible',
      `The values run from ${s.min} to ${s.max}: hardly within what the model looks at (${n.low} to ${n.high}).`,
      {
        min: s.min,
        max: s.max,
      },
    );
  }
  const short = v.size.some(
    (x, r) => x * (spacing[r] as number) < 0.5 * Math.min(...d.patch.map((p, c) => p * (d.spacingMm[c] as number))),
  );
  if (short) {
    warn('small-field', 'The volume is less than half as long as a patch of the model: it sees little of what is around.', {
      size: v.size,
    });
  }
  if (s.notFinite > 0) {
    warn('not-finite', `${s.notFinite} voxels hold no finite number: they count as places without an image.`, {
      voxels: s.notFinite,
    });
  }
  return found;
}
