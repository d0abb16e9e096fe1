import { NavError } from '../base/index.js';
import { type Frame, type Status, severity } from '../frames/index.js';

/**
 * One ultrasound image and where it was. Image coordinates are (column, row, 0) in PIXELS, with the CENTRE of the first pixel at
 * (0, 0, 0); columns run along a row of the stored image, rows downwards.
 */
export interface SweepFrame {
  /** Grey values row by row: columns × rows. Not copied and not written to. */
  readonly pixels: Uint8Array;
  /**
   * p = frameFromImage · (column, row, 0, 1): 16 doubles, column-major, mm in the sweep's frame. Its first two columns are the
   * vectors from one pixel to the next along a row and down a column; the third plays no part.
   */
  readonly frameFromImage: ArrayLike<number>;
  /** When the image was taken, ms of any one clock; undefined where nobody knows. */
  readonly timeMs?: number;
  /**
   * What is known of its pose. Default `ok`. A frame whose pose is worse than `unknown` (stale, missing, out of volume …) is left
   * out, and counted.
   */
  readonly status?: Status;
}

/** A tracked sweep: images of one size with their places in one frame, in the order they were taken. */
export interface Sweep<in out F extends string> {
  readonly frame: Frame<F>;
  /** Pixels along a row, and rows. */
  readonly size: readonly [number, number];
  /** Those with a pose, in the order of the recording. */
  readonly frames: readonly SweepFrame[];
  /** Numbers of the frames, in the list that was given, whose pose cannot be used. */
  readonly withoutPose: readonly number[];
  /** Numbers of the frames, in the same list, that {@link gateSweep} left out. */
  readonly outsideGate?: readonly number[];
}

/** What {@link makeSweep} is given. */
export interface SweepInit<F extends string> {
  readonly frame: Frame<F>;
  readonly size: readonly [number, number];
  readonly frames: readonly SweepFrame[];
}

/** Pixels smaller or larger than this, mm, are a mistake of units or of scale. */
const PIXEL_LIMITS_MM = [0.005, 5] as const;
/** The sine of the angle between rows and columns must not fall below this. */
const LEAST_SINE = 0.9;

/**
 * A sweep, checked. Frames without a usable pose are left out; whose image or geometry cannot be is refused.
 * @throws NavError `ultrasound/bad-image` (size), `ultrasound/bad-geometry` (a matrix that is not finite, skewed, or whose pixels are
 *   not 0.005 … 5 mm), `ultrasound/bad-times` (a time twice, one that goes backwards, times for some only), `ultrasound/no-frames`
 */
export function makeSweep<F extends string>(init: SweepInit<F>): Sweep<F> {
  const [columns, rows] = init.size;
  if (!(Number.isInteger(columns) && Number.isInteger(rows) && columns >= 2 && rows >= 2)) {
    throw new NavError(
      'ultrasound/bad-image',
      `A sweep's images need at least 2 × 2 pixels; these are said to have ${columns} × ${rows}.`,
    );
  }
  const withoutPose: number[] = [];
  const frames = init.frames.filter((frame, n) => {
    if (severity(frame.status ?? 'ok') <= severity('unknown')) return true;
    withoutPose.push(n);
    return false;
  });
  if (frames.length === 0) {
    const why = init.frames.length === 0 ? 'it has no frames' : `none of its ${init.frames.length} frames has a pose`;
    throw new NavError('ultrasound/no-frames', `The sweep cannot be placed: ${why}. Check the names of its transforms.`);
  }
  init.frames.forEach((frame, n) => {
    if (!withoutPose.includes(n)) requireFrame(frame, n, columns * rows);
  });
  requireTimes(init.frames);
  return { frame: init.frame, size: [columns, rows], frames, withoutPose };
}

/**
 * Whether one frame can be placed.
 * @throws NavError `ultrasound/bad-image`, `ultrasound/bad-geometry`
 */
export function requireFrame(frame: SweepFrame, n: number, pixels: number): void {
  if (frame.pixels.length !== pixels) {
    throw new NavError(
      'ultrasound/bad-image',
      `Image ${n} has ${frame.pixels.length} pixels and the sweep's images have ${pixels}.`,
      {
        detail: { frame: n, pixels: frame.pixels.length, expected: pixels },
      },
    );
  }
  const m = frame.frameFromImage;
  const what = geometryFault(m);
  if (what !== undefined)
    throw new NavError('ultrasound/bad-geometry', `The place of image ${n} ${what}.`, { detail: { frame: n } });
}

/** What is wrong with a matrix from pixels to millimetres, as the rest of a sentence; undefined where nothing is. */
export function geometryFault(m: ArrayLike<number>): string | undefined {
  if (m.length !== 16 || !Array.from(m).every((x) => Number.isFinite(x))) return 'is not 16 finite numbers';
  if (m[3] !== 0 || m[7] !== 0 || m[11] !== 0 || m[15] !== 1) return 'is no affine matrix: its last row is not 0 0 0 1';
  const [x, y] = [pixelMm(m, 0), pixelMm(m, 4)];
  for (const mm of [x, y]) {
    if (!(mm >= PIXEL_LIMITS_MM[0] && mm <= PIXEL_LIMITS_MM[1])) {
      return `has pixels of ${x.toPrecision(3)} × ${y.toPrecision(3)} mm; 0.005 … 5 mm can be: is the matrix from pixels to millimetres?`;
    }
  }
  const dot = [0, 1, 2].reduce((sum, r) => sum + (m[r] as number) * (m[4 + r] as number), 0) / (x * y);
  if (!(Math.sqrt(Math.max(0, 1 - dot * dot)) >= LEAST_SINE)) return 'has rows and columns that are far from right angles';
  return undefined;
}

/** The length of a column of a matrix, mm. */
export function pixelMm(m: ArrayLike<number>, from: number): number {
  return Math.hypot(m[from] as number, m[from + 1] as number, m[from + 2] as number);
}

/**
 * Whether frames have times in the order they were taken, or none has.
 * @throws NavError `ultrasound/bad-times`
 */
export function requireTimes(frames: readonly SweepFrame[]): void {
  const timed = frames.filter((frame) => frame.timeMs !== undefined).length;
  if (timed > 0 && timed < frames.length) {
    throw badTimes(
      'Some frames have a time and others have none',
      frames.findIndex((frame) => frame.timeMs === undefined),
    );
  }
  let last = Number.NEGATIVE_INFINITY;
  let lastAt = -1;
  frames.forEach((frame, n) => {
    if (frame.timeMs === undefined) return;
    if (!Number.isFinite(frame.timeMs)) throw badTimes(`Frame ${n} has no finite time`, n);
    if (frame.timeMs === last)
      throw badTimes(`Frames ${lastAt} and ${n} have the same time, ${last} ms: one was recorded twice`, n);
    if (frame.timeMs < last)
      throw badTimes(`Frame ${n} is ${(last - frame.timeMs).toFixed(1)} ms earlier than frame ${lastAt}`, n);
    last = frame.timeMs;
    lastAt = n;
  });
}

const badTimes = (what: string, frame: number): NavError =>
  new NavError('ultrasound/bad-times', `${what}. Remove repeated frames and sort the sweep before it is reconstructed.`, {
    detail: { frame },
  });
