import { NavError } from '@trocar/core';
import { at } from '../../points/rigid-fit.js';
import { type Labelling, middlePoints } from './linear.js';
import {
  haveTimes,
  ProbeTrack,
  requireObservations,
  requirePoses,
  type TimedProbePose,
  type WireObservation,
} from './observations.js';
import { type NWirePhantom, patternsOf } from './phantom.js';

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

/** PLUS leaves the largest errors out. */
const KEPT = 0.95;

/**
 * The 3D error at the middle wires (PLUS fCal's reprojection error) of images that took no part in the calibration.
 * @param poses all of the recording, as in ProbeOptions
 * @throws NavError `calibration/bad-option` (a lag without times), and those of requireObservations()
 */
export function validateProbe(
  probe: CheckedProbe,
  phantom: NWirePhantom,
  observations: readonly WireObservation[],
  poses?: readonly TimedProbePose[],
): ProbeValidation {
  const patterns = patternsOf(phantom);
  requireObservations(observations, 3 * patterns.length, 1);
  if (probe.lagMs !== 0 && !haveTimes(observations)) {
    throw new NavError('calibration/bad-option', 'A calibration with a lag can be checked only by images with times.');
  }
  if (poses !== undefined) requirePoses(poses);
  const track = new ProbeTrack(observations, probe.lagMs === 0 ? 'measured' : 'smoothed', poses);
  return distancesOf(middlePoints(observations, track, patterns, probe.labelling, probe.lagMs), probe.probeFromImage);
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
  const sorted = distancesMm.filter((mm) => !Number.isNaN(mm)).sort();
  const kept = sorted.subarray(0, Math.max(1, Math.floor(KEPT * sorted.length)));
  const mean = kept.reduce((sum, x) => sum + x, 0) / kept.length;
  const sd = Math.sqrt(kept.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, kept.length - 1));
  const rms = Math.sqrt(sorted.reduce((sum, x) => sum + x * x, 0) / sorted.length);
  return { meanMm: mean, sdMm: sd, rmsMm: rms, maxMm: sorted.at(-1) ?? Number.NaN, distancesMm };
}
