import { NavError } from '@trocar/core';
import { at } from '../../points/rigid-fit.js';
import type { ProbeCalibration } from './calibrate-probe.js';
import { PARAMETERS } from './model.js';

/** What is known of how images were made. */
export interface SoundSpeedOptions {
  /** The speed that the machine took, m/s. Default 1540. */
  readonly assumedMps?: number;
  /** `linear`: beams run straight down the rows of the image; `curved`: they fan out. */
  readonly probe: 'linear' | 'curved';
  /** How much longer the machine says that a pixel is down a column than along a row; 1 for square ones. Undefined where nobody knows. */
  readonly pixelAspect?: number;
}

/** The speed of sound where a calibration was made, or why it cannot be told. */
export type SoundSpeed =
  | { readonly known: true; readonly mps: number; readonly sdMps: number; readonly factor: number }
  | { readonly known: false; readonly why: string };

/** Rows of the parameters' covariance: logarithms of a pixel's edge along a row and down a column. */
const COLUMN = 6;
const ROW = 7;

/**
 * The speed of sound at which a calibration was recorded. It stretches the image along the beams, and so does the pixel's edge there: the two are one
 * unknown. Only where the beams are parallel and the machine says what shape its pixels have does their other edge, which sound does not change, tell them
 * apart: speed / assumed = (edge down a column / edge along a row) / aspect.
 * @throws NavError `calibration/bad-option`
 */
export function soundSpeedOf(
  calibration: Pick<ProbeCalibration<string, string>, 'pixelMm' | 'covariance'>,
  { assumedMps = 1540, probe, pixelAspect }: SoundSpeedOptions,
): SoundSpeed {
  if (!(assumedMps > 500 && assumedMps < 5000) || !(pixelAspect === undefined || (pixelAspect > 0.05 && pixelAspect < 20))) {
    throw new NavError(
      'calibration/bad-option',
      'A speed of sound is 500 … 5000 m/s, and a pixel 0.05 … 20 times as long as it is wide.',
    );
  }
  if (probe === 'curved') {
    return {
      known: false,
      why: 'The beams of a curved probe run across rows and columns alike: their stretch and the size of a pixel are one unknown.',
    };
  }
  if (pixelAspect === undefined) {
    return {
      known: false,
      why: 'The edge of a pixel along the beams is unknown, and the speed of sound stretches the same lengths: say what shape a pixel has.',
    };
  }
  const [column, row] = calibration.pixelMm;
  const factor = row / column / pixelAspect;
  const c = (i: number, j: number): number => at(calibration.covariance, i * PARAMETERS + j);
  const sd = Math.sqrt(Math.max(0, c(ROW, ROW) + c(COLUMN, COLUMN) - 2 * c(ROW, COLUMN)));
  return { known: true, factor, mps: factor * assumedMps, sdMps: factor * assumedMps * sd };
}
