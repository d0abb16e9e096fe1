import { transformPoint } from '@trocar/core/math';
import type { BModeProbe } from '@trocar/core/testing';
import { aboutOrigin } from '../../accuracy/pose-covariance.js';
import type { ProbeCalibration } from '../../calibration/probe/calibrate-probe.js';

/**
 * What the place of an ultrasound volume may be wrong by beside its registration: the probe's calibration, and the phantom's own
 * registration in that. All pictures share these, so they are errors of a rigid motion, to first order, about the sector's middle, with what
 * grows from there taken for rotation. The speed of sound is in the registration's covariance already.
 * @param frameFromImage of the sweep's middle picture
 * @param phantomRmsMm of the phantom's registration at its wires
 * @returns 6×6 row-major about the frame's origin, mm² and rad²
 */
export function imagingCovariance(
  found: Pick<ProbeCalibration<string, string>, 'expectedErrorMm'>,
  { sector, geometry }: BModeProbe,
  frameFromImage: Float64Array,
  phantomRmsMm: number,
): Float64Array {
  const { startMm, depthMm, pixelMm } = geometry;
  const column = sector.apex[0];
  const rowAt = (mm: number): number => sector.apex[1] + (startMm + mm) / pixelMm;
  const half = depthMm / 2;
  const middle = found.expectedErrorMm(column, rowAt(half)) ** 2 + phantomRmsMm ** 2;
  const ends = (found.expectedErrorMm(column, rowAt(0)) ** 2 + found.expectedErrorMm(column, rowAt(depthMm)) ** 2) / 2;
  const growth = Math.max(0, ends + phantomRmsMm ** 2 - middle) / (2 * half * half);
  const c = new Float64Array(36);
  for (let i = 0; i < 3; i += 1) {
    c[7 * i] = middle / 3;
    c[7 * (i + 3)] = growth;
  }
  return aboutOrigin(c, transformPoint(new Float64Array(3), frameFromImage, [column, rowAt(half), 0]));
}
