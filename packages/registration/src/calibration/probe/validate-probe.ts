import { NavError } from '@trocar/core';
import { median } from '../../accuracy/robust.js';
import type { Finding } from '../../outcome.js';
import { at } from '../../points/rigid-fit.js';
import { imageScalesOf, type ScaleStep, type SizeCheck, scaleStepIn } from './checks.js';
import { type Labelling, linearProbe, middlePoints } from './linear.js';
import {
  haveTimes,
  ProbeTrack,
  requireObservations,
  requirePoses,
  type TimedProbePose,
  type WireObservation,
} from './observations.js';
import { type NWirePhantom, patternsOf, type WirePattern } from './phantom.js';
import { startOf } from './start.js';

/** What a calibration is checked by. */
export interface CheckedProbe {
  /** p_probe = m · (column, row, 0), 16 doubles, column-major, mm. */
  readonly probeFromImage: ArrayLike<number>;
  /** The pose of an image is that of so much later, ms. */
  readonly lagMs: number;
  readonly labelling: Labelling;
}

/** How well a calibration tells where middle wires are. */
export interface ProbeValidation {
  /** Mean and standard deviation of the nearest 95 % of the distances below, mm: as PLUS reports them. */
  readonly meanMm: number;
  readonly sdMm: number;
  /** Of all of them, mm. */
  readonly rmsMm: number;
  readonly maxMm: number;
  /**
   * Distance, for each middle wire of each image, between its dot's place by the calibration and where on it the outer dots put it, mm; NaN for
   * images at an end of the recording that have no pose at the calibration's lag.
   */
  readonly distancesMm: Float64Array;
}

/**
 * Something about a recording that was to validate a calibration. `mirrored`: its images are stored the other way round; `scale`: its pixels are of another size
 * (another depth); `depth-changed`: they are from some image on; `wires-elsewhere`: the wires lie farther from where the calibration has them than they may.
 */
export type ValidationFinding = Finding<'mirrored' | 'scale' | 'depth-changed' | 'wires-elsewhere'>;

/** What a calibration has to hold. */
export interface ValidationLimits {
  /** The most that `meanMm` may be, mm. Default: any. What is needed is up to the application; PLUS's own phantoms reach 1 to 1.5 mm. */
  readonly limitMm?: number;
}

/** A validation, and whether its images are such as the calibration was made from. */
export interface ProbeCheck extends ProbeValidation {
  /** How large its pictures are drawn against those of the calibration: 1 for the same depth. */
  readonly scale: SizeCheck;
  readonly findings: readonly ValidationFinding[];
}

/** PLUS leaves the largest errors out. */
const KEPT = 0.95;

/**
 * The 3D error at the middle wires (PLUS fCal's reprojection error) of images that took no part in the calibration.
 * As a check before each use, with fresh images and `limitMm`, it finds a marker that was moved and a calibration of another probe (`wires-elsewhere`).
 * @param poses all of the recording, as in ProbeOptions
 * @throws NavError `calibration/bad-option` (a lag without times, a limit that is not above 0), and those of requireObservations()
 */
export function validateProbe(
  probe: CheckedProbe,
  phantom: NWirePhantom,
  observations: readonly WireObservation[],
  poses?: readonly TimedProbePose[],
  { limitMm = Number.POSITIVE_INFINITY }: ValidationLimits = {},
): ProbeCheck {
  if (!(limitMm > 0)) throw new NavError('calibration/bad-option', `A limit is above 0 mm, not ${limitMm}.`);
  const patterns = patternsOf(phantom);
  requireObservations(observations, 3 * patterns.length, 1);
  if (probe.lagMs !== 0 && !haveTimes(observations)) {
    throw new NavError('calibration/bad-option', 'A calibration with a lag can be checked only by images with times.');
  }
  if (poses !== undefined) requirePoses(poses);
  const track = new ProbeTrack(observations, probe.lagMs === 0 ? 'measured' : 'smoothed', poses);
  const distances = distancesOf(middlePoints(observations, track, patterns, probe.labelling, probe.lagMs), probe.probeFromImage);
  const state = startOf(probe.probeFromImage, probe.lagMs);
  const scales = imageScalesOf({ observations, track, phantom, labelling: probe.labelling }, state);
  const scale = usualScale(scales);
  const causes = findingsOf(scale, scaleStepIn(scales), numberedOtherwise(probe, observations, track, patterns));
  return { ...distances, scale, findings: [...causes, ...elsewhere(distances.meanMm, limitMm, causes.length > 0)] };
}

/** A mean distance beyond its limit, or one that nobody knows. */
function elsewhere(meanMm: number, limitMm: number, isExplained: boolean): ValidationFinding[] {
  if (meanMm <= limitMm || limitMm === Number.POSITIVE_INFINITY) return [];
  if (Number.isNaN(meanMm)) {
    const message = 'How far the wires are from where this calibration has them is not known: no image has a pose at its lag.';
    return [{ code: 'wires-elsewhere', message }];
  }
  const why = isExplained ? '' : ": it is another probe's, or the marker has moved";
  const message = `The wires are ${meanMm.toFixed(1)} mm from where this calibration has them, and may be ${limitMm} mm${why}. Calibrate again.`;
  return [{ code: 'wires-elsewhere', message }];
}

/** Pictures that are drawn so much larger or smaller are of another depth. Two recordings of one depth differ by 0.3 %. */
const MOST_SCALE = Math.log(1.0055);

function findingsOf(scale: SizeCheck, step: ScaleStep | undefined, turned: string | undefined): ValidationFinding[] {
  if (turned !== undefined) {
    const message = `Images of the validation are stored ${turned} against those of the calibration. Store both alike.`;
    return [{ code: 'mirrored', message }];
  }
  if (step !== undefined) {
    const message = `In the validation, from image ${step.index} on pictures are drawn ${(100 * (step.factor - 1)).toFixed(1)} % larger: the depth setting was changed.`;
    return [{ code: 'depth-changed', message, index: step.index }];
  }
  const off = Math.abs(Math.log(scale.factor));
  if (!(off > MOST_SCALE && off > 4 * scale.sd)) return [];
  const message = `Pictures of the validation are drawn ${(100 * (scale.factor - 1)).toFixed(1)} % larger than those of the calibration: another depth, or another machine.`;
  return [{ code: 'scale', message }];
}

/** The images' median, and its standard deviation. */
function usualScale(scales: Float64Array): SizeCheck {
  const known = scales.filter((s) => Number.isFinite(s) && s > 0);
  if (known.length === 0) return { factor: Number.NaN, sd: Number.NaN };
  const factor = median(known);
  const spread = 1.4826 * median(known.map((s) => Math.abs(s - factor)));
  return { factor, sd: spread * Math.sqrt(Math.PI / 2 / known.length) };
}

/** Images needed to say how their wires are numbered, and how much better the other way must fit. */
const LEAST_IMAGES = 8;
const MUCH_BETTER = 3;

/** How images are stored whose wires fit much better when they are numbered in another way; undefined where they do not. */
function numberedOtherwise(
  { labelling, lagMs }: CheckedProbe,
  observations: readonly WireObservation[],
  track: ProbeTrack,
  patterns: readonly WirePattern[],
): string | undefined {
  if (observations.length < LEAST_IMAGES) return undefined;
  const rms = (way: Labelling): number =>
    linearProbe(observations, track, patterns, way, lagMs)?.rmsMm ?? Number.POSITIVE_INFINITY;
  const own = rms(labelling);
  for (const [mirrored, upsideDown, words] of [
    [true, false, 'mirrored'],
    [false, true, 'upside down'],
    [true, true, 'turned by half a circle'],
  ] as const) {
    const way = { mirrored: labelling.mirrored !== mirrored, upsideDown: labelling.upsideDown !== upsideDown };
    if (rms(way) * MUCH_BETTER < own) return words;
  }
  return undefined;
}

/** Of points as middlePoints() gives them. */
export function distancesOf(points: Float64Array, m: ArrayLike<number>): ProbeValidation {
  const distancesMm = Float64Array.from({ length: points.length / 5 }, (_, n) => {
    const from = 5 * n;
    return Math.hypot(
      ...[0, 1, 2].map(
        (r) => at(m, r) * at(points, from) + at(m, 4 + r) * at(points, from + 1) + at(m, 12 + r) - at(points, from + 2 + r),
      ),
    );
  });
  return summaryOf(distancesMm);
}

/** The figures of a validation from its distances, mm; NaN ones do not count. */
export function summaryOf(distancesMm: Float64Array): ProbeValidation {
  const sorted = distancesMm.filter((mm) => !Number.isNaN(mm)).sort();
  const kept = sorted.subarray(0, Math.max(1, Math.floor(KEPT * sorted.length)));
  const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length;
  const sd = Math.sqrt(kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, kept.length - 1));
  const rms = Math.sqrt(sorted.reduce((sum, x) => sum + x * x, 0) / sorted.length);
  return { meanMm: mean, sdMm: sd, rmsMm: rms, maxMm: sorted.at(-1) ?? Number.NaN, distancesMm };
}
