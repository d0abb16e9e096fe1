import { NavError } from '../../base/index.js';
import type { TrackedSequence } from './sequence.js';

/**
 * How an image of a sequence is turned so that its columns run from the marked side of the probe and its rows away from it
 * (PLUS's MF, in which calibrations and clip rectangles are told).
 */
export interface ImageTurn {
  /** Columns run from the unmarked side. */
  readonly columns: boolean;
  /** Rows run towards the probe. */
  readonly rows: boolean;
}

/**
 * What turns a sequence's images to MF; nothing where the file does not say (XX, or empty).
 * @param name what messages call the sequence
 * @throws NavError `sequence/unsupported` for scan lines (FM and its like): convert them first
 */
export function turnToMarkedFar(sequence: TrackedSequence, name: string = 'the sequence'): ImageTurn {
  const letters = sequence.orientation.trim().toUpperCase();
  if (letters === '' || letters.startsWith('X')) return { columns: false, rows: false };
  const match = /^([MU])([FN])[AD]?$/.exec(letters);
  if (match !== null) return { columns: match[1] === 'U', rows: match[2] === 'N' };
  const message = `${name} has images of orientation "${letters}": scan lines, or slices of a volume. Only flat images whose rows lie along the probe can be used.`;
  throw new NavError('sequence/unsupported', message, { detail: { orientation: letters } });
}

/** An image turned; the same pixels where there is nothing to turn. @param size columns and rows */
export function turnedImage(pixels: Uint8Array, size: readonly [number, number], turn: ImageTurn): Uint8Array {
  if (!turn.columns && !turn.rows) return pixels;
  const [columns, rows] = size;
  const out = new Uint8Array(pixels.length);
  for (let row = 0; row < rows; row += 1) {
    const line = pixels.subarray(row * columns, (row + 1) * columns);
    const to = (turn.rows ? rows - 1 - row : row) * columns;
    out.set(turn.columns ? line.slice().reverse() : line, to);
  }
  return out;
}
