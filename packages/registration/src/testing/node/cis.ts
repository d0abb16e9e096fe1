import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * The files of the Johns Hopkins CIS programming assignments, for tests: a header of counts and the file's own name, then
 * rows of three numbers. Tests look for them in TROCAR_DATA/tracking/cis.
 */

/** Where the files are expected. */
export const cisFolder: string = resolve(
  process.env['TROCAR_DATA'] ?? resolve(import.meta.dirname, '../../../../../../shared/data'),
  'tracking/cis',
);

/** A file as it stands. */
export interface CisFile {
  readonly counts: readonly number[];
  readonly rows: readonly Float64Array[];
}

/**
 * Reads one file, as `pa1-debug-a-calbody.txt`.
 * @throws Error where a row is not three numbers
 */
export function readCis(name: string): CisFile {
  const [header = '', ...lines] = readFileSync(resolve(cisFolder, name), 'utf8').trim().split(/\r?\n/);
  const counts = header
    .split(',')
    .map((cell) => cell.trim())
    .filter((cell) => /^\d+$/.test(cell))
    .map(Number);
  const rows = lines.map((line, i) => {
    const row = Float64Array.from(line.split(','), Number);
    if (row.length !== 3 || row.some((x) => !Number.isFinite(x))) throw new Error(`${name}, line ${i + 2}: not three numbers.`);
    return row;
  });
  return { counts, rows };
}

/** Rows as frames, each of parts of these sizes: `frames[f][part]` is that part's points. */
function framesOf(rows: readonly Float64Array[], sizes: readonly number[], frames: number): Float64Array[][][] {
  const stride = sizes.reduce((a, b) => a + b, 0);
  return Array.from({ length: frames }, (_, f) => {
    let start = f * stride;
    return sizes.map((size) => {
      const part = rows.slice(start, start + size);
      start += size;
      return part;
    });
  });
}

/** The calibration object: markers of the EM base (`d`), optical (`a`) and EM (`c`) markers of the calibration body. */
export function readCalbody(set: string): { d: readonly Float64Array[]; a: readonly Float64Array[]; c: readonly Float64Array[] } {
  const { counts, rows } = readCis(`${set}-calbody.txt`);
  const [[d = [], a = [], c = []] = []] = framesOf(rows, counts.slice(0, 3), 1);
  return { d, a, c };
}

/** Frames of readings of D, A (by the optical tracker) and C (by the EM tracker). */
export function readCalreadings(
  set: string,
): { d: readonly Float64Array[]; a: readonly Float64Array[]; c: readonly Float64Array[] }[] {
  const { counts, rows } = readCis(`${set}-calreadings.txt`);
  return framesOf(rows, counts.slice(0, 3), counts[3] as number).map(([d = [], a = [], c = []]) => ({ d, a, c }));
}

/** Frames of marker positions of one probe: of `empivot`, `EM-nav` and `em-fiducialss`. */
export function readProbeFrames(set: string, kind: 'empivot' | 'EM-nav' | 'em-fiducialss'): Float64Array[][] {
  const { counts, rows } = readCis(`${set}-${kind}.txt`);
  return framesOf(rows, counts.slice(0, 1), counts[1] as number).map(([g = []]) => g);
}

/** Frames of the optical pivot: the EM base's markers `d` and the probe's `h`, both by the optical tracker. */
export function readOpticalPivot(set: string): { d: readonly Float64Array[]; h: readonly Float64Array[] }[] {
  const { counts, rows } = readCis(`${set}-optpivot.txt`);
  return framesOf(rows, counts.slice(0, 2), counts[2] as number).map(([d = [], h = []]) => ({ d, h }));
}

/** Published answers: the two posts in EM coordinates, and the expected readings of C for each frame. */
export function readOutput1(set: string): { em: Float64Array; optical: Float64Array; expected: readonly Float64Array[][] } {
  const { counts, rows } = readCis(`${set}-output1.txt`);
  const [em, optical, ...rest] = rows as [Float64Array, Float64Array, ...Float64Array[]];
  return { em, optical, expected: framesOf(rest, counts.slice(0, 1), counts[1] as number).map(([c = []]) => c) };
}

/** Published tip positions in CT coordinates, one for each navigation frame. */
export function readOutput2(set: string): readonly Float64Array[] {
  return readCis(`${set}-output2.txt`).rows;
}

/** Fiducials in CT coordinates. */
export function readCtFiducials(set: string): readonly Float64Array[] {
  return readCis(`${set}-ct-fiducials.txt`).rows;
}
