import { isNavError } from '@trocar/core';
import { calibrateProbeByPoint, type PointObservation } from '@trocar/registration';
import type { Refusal } from '../../suite/src/refusal.js';
import { IMAGE, PROBE } from './frames.js';

/**
 * How well it is known which part of a bead of 2.2 mm echoes, standard deviation along and across the beam, mm: all pictures err by it alike, so that none tells. An assumption of
 * this program.
 */
const ECHO_SD_MM = 0.2;

/** What the pictures of a bead say of the probe, as it can come out of a worker. */
export interface BeadFit {
  /** Probe from image: p = m · (column, row, 0), mm; 16 doubles. */
  readonly probeFromImage: ArrayLike<number>;
  /** Edges of a pixel, mm. */
  readonly pixelMm: readonly [number, number];
  /** How far the bead was from its place in views that were held out, mm (mean of the nearest 95 %); NaN where that is not known. */
  readonly heldOutMm: number;
  /** The error to be expected at the pixel that was asked for, mm (rms). */
  readonly expectedMm: number;
  /** The largest standard deviation of a turn about an axis, rad. */
  readonly turnSdRad: number;
}

/**
 * The probe calibrated by its pictures of one bead: some tenths of a second, in which a page would not draw.
 * @param row of the middle column, where the error is asked for
 */
export function fitBead(seen: readonly PointObservation[], row: number): BeadFit | Refusal {
  try {
    const result = calibrateProbeByPoint(PROBE, IMAGE, seen, { sharedMm: ECHO_SD_MM });
    const [finding] = result.findings;
    if (finding !== undefined) return { code: finding.code, message: finding.message };
    const { covariance } = result;
    return {
      probeFromImage: result.probeFromImage,
      pixelMm: result.pixelMm,
      heldOutMm: result.heldOut?.meanMm ?? Number.NaN,
      expectedMm: result.expectedErrorMm(0, row),
      turnSdRad: Math.sqrt(Math.max(...[0, 1, 2].map((k) => covariance[11 * k] as number))),
    };
  } catch (error) {
    if (!isNavError(error)) throw error;
    return { code: error.code, message: error.message };
  }
}
