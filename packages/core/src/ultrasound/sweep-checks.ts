import { isNavError, NavError } from '../base/index.js';
import { severity } from '../frames/index.js';
import { requireFrame, requireTimes, type Sweep, type SweepInit } from './sweep.js';
import type { SweepFinding } from './sweep-checks-findings.js';
import { gapFinding, outermost, type PlacedFrame, speedFinding } from './sweep-checks-motion.js';
import { sectorFindings } from './sweep-checks-sector.js';

/** What a sweep is held against. */
export interface SweepCheckOptions {
  /**
   * Where ultrasound was in the pictures that the probe was calibrated with: not 0 there, columns × rows (the `mask` of detectFan(), of pictures of
   * tissue). Default: unknown; then a change in the middle of the sweep is looked for by the sweep's first pictures (8 at least), once
   * further ones add nothing to what they light, and a change before cannot be seen.
   */
  readonly sector?: ArrayLike<number>;
  /** A pixel is lit above this grey level. Default 2. */
  readonly background?: number;
  /** The share of pictures that may be without a pose. Default 0.1. */
  readonly mostLost?: number;
  /** Neighbouring images may be so far apart, mm, anywhere in the sector. Default: not looked at. */
  readonly gapMm?: number;
  /** How fast any place of the sector may move, mm/s. Default: not looked at. */
  readonly mostMmPerS?: number;
}

/** Frames before makeSweep(), or a sweep: of that the pictures without a pose are gone, and only counted. */
export type CheckedSweep = Pick<SweepInit<string>, 'size' | 'frames'> & Partial<Pick<Sweep<string>, 'withoutPose'>>;

const MOST_LOST = 0.1;
const BACKGROUND = 2;

/**
 * Looks for what makes a sweep unfit although every single picture of it is sound: see {@link SweepFinding}. What is wrong with a picture itself is thrown.
 *
 * A sector that became smaller shows by what stays dark only: in water, which is dark all over, it cannot be told from one that did not.
 * @returns an empty list where nothing was found
 * @throws NavError `ultrasound/bad-option`, `ultrasound/no-frames` (no pictures), `ultrasound/bad-image`, `ultrasound/bad-geometry`
 */
export function checkSweep(sweep: CheckedSweep, options: SweepCheckOptions = {}): SweepFinding[] {
  const { size, frames, withoutPose = [] } = sweep;
  requireOptions(size, options);
  if (frames.length === 0) throw new NavError('ultrasound/no-frames', 'There are no pictures to check.');
  const placed: PlacedFrame[] = [];
  frames.forEach((frame, index) => {
    const isPlaced = severity(frame.status ?? 'ok') <= severity('unknown');
    if (isPlaced) placed.push({ frame, index });
    requireFrame(isPlaced ? frame : { ...frame, frameFromImage: UNPLACED }, index, size[0] * size[1]);
  });
  const times = timesFinding(sweep);
  const lost = lostFinding(frames.length - placed.length + withoutPose.length, frames.length + withoutPose.length, options);
  const pictures = frames.map(({ pixels }) => pixels);
  const sector = sectorFindings(pictures, size[0], options.sector, options.background ?? BACKGROUND);
  return [...times, ...lost, ...sector, ...motionFindings(placed, size, options, times.length === 0)];
}

/** Any place will do for a picture without a pose. */
const UNPLACED = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);

function motionFindings(
  placed: readonly PlacedFrame[],
  size: readonly [number, number],
  { sector, gapMm, mostMmPerS }: SweepCheckOptions,
  timesAreGood: boolean,
): SweepFinding[] {
  if (gapMm === undefined && mostMmPerS === undefined) return [];
  const points = outermost(size, sector);
  const findings = gapMm === undefined ? [] : gapFinding(placed, points, gapMm);
  if (mostMmPerS === undefined || !timesAreGood) return findings;
  const timed = placed.every(({ frame }) => frame.timeMs !== undefined);
  if (timed) return [...findings, ...speedFinding(placed, points, mostMmPerS)];
  const message = 'How fast the probe was cannot be told: the pictures have no times. Record with times.';
  return [...findings, { code: 'no-times', message }];
}

/** What makeSweep() would refuse of the times. */
function timesFinding({ frames }: CheckedSweep): SweepFinding[] {
  try {
    requireTimes(frames);
    return [];
  } catch (error) {
    if (!isNavError(error, 'ultrasound/bad-times')) throw error;
    const index = error.detail?.['frame'];
    return [{ code: 'bad-times', message: error.message, ...(typeof index === 'number' && { index }) }];
  }
}

function lostFinding(lost: number, all: number, { mostLost = MOST_LOST }: SweepCheckOptions): SweepFinding[] {
  if (!(lost / all > mostLost)) return [];
  const message = `${Math.round((100 * lost) / all)} % of the pictures have no pose. Keep the probe's marker in sight.`;
  return [{ code: 'missing-poses', message }];
}

function requireOptions([columns, rows]: readonly [number, number], options: SweepCheckOptions): void {
  const { sector, background = BACKGROUND, mostLost = MOST_LOST, gapMm = 1, mostMmPerS = 1 } = options;
  if (!(background >= 0 && background < 255 && mostLost >= 0 && mostLost <= 1 && gapMm > 0 && mostMmPerS > 0)) {
    throw new NavError(
      'ultrasound/bad-option',
      `A sweep is checked with a background of 0 … 254, a share of lost poses of 0 … 1, and a gap and a speed above 0; got ${background}, ${mostLost}, ${gapMm} mm and ${mostMmPerS} mm/s.`,
    );
  }
  if (sector === undefined) return;
  let isEmpty = true;
  for (let n = 0; n < sector.length; n += 1) if (sector[n] !== 0) isEmpty = false;
  if (sector.length === columns * rows && !isEmpty) return;
  const has = isEmpty ? 'is empty' : `has ${sector.length} pixels and the pictures ${columns} × ${rows}`;
  throw new NavError(
    'ultrasound/bad-option',
    `The sector to check a sweep against ${has}. Give that of the calibration's pictures.`,
  );
}
