import type { SweepFinding } from './sweep-checks-findings.js';

/** Pixels beside the sector that may be lit in one picture, as a share of the sector's. */
const LIT_SHARE = 0.004;
/**
 * A sector that became smaller leaves its rim dark, where a shadow leaves a wedge. The rim lies so many pixels inside the edge, which no mask has to the
 * pixel; so much of it must stay dark, over so many pictures at least.
 */
const RIM = [3, 4] as const;
const DARK_SHARE = 0.2;
const LEAST_PICTURES = 5;
/** A sector is learned from so many pictures at least, until so many in a row add less than this share to it. */
const LEAST_LEARNED = 8;
const QUIET_PICTURES = 3;
const QUIET_SHARE = 0.001;

/** What is known of a sector, from a calibration or from a sweep's own first pictures. */
interface KnownSector {
  /** 1 where it is. */
  readonly mask: Uint8Array;
  /** How many of its pixels there are. */
  readonly count: number;
  /** The first picture that is held against it. */
  readonly from: number;
  /** Whose it is, as the rest of a sentence. */
  readonly whose: string;
}

/**
 * Whether pictures show the sector that they are to show. Lit pixels beside it are certain: another depth, zoom or probe. Pixels of it that are dark in
 * every picture from some picture on are not: the sector may have become smaller, or the probe has lost contact there.
 * @param pictures grey values, all of one size
 * @param columns pixels along a row
 * @param mask of the calibration; undefined where there is none: then the sweep's first pictures stand for it, if they fill their sector
 * @param background a pixel is lit above this grey level
 */
export function sectorFindings(
  pictures: readonly Uint8Array[],
  columns: number,
  mask: ArrayLike<number> | undefined,
  background: number,
): SweepFinding[] {
  const known = mask === undefined ? learned(pictures, columns, background) : given(mask, columns);
  if (known === undefined) return [];
  const larger = firstLitBeside(pictures, known, background);
  if (larger !== undefined) {
    const message = `From picture ${larger} on the sector is not ${known.whose}: depth or zoom was changed. Set it back, or calibrate at this setting.`;
    return [{ code: 'sector-changed', message, index: larger }];
  }
  const dark = darkFrom(pictures, known, rimOf(known.mask, columns), background);
  if (dark === undefined) return [];
  const share = (100 * dark.share).toFixed(0);
  const message = `From picture ${dark.index} on ${share} % of the rim of the sector, which is to be ${known.whose}, is dark in every picture: depth or zoom was changed, or the probe has no contact there. Look at the pictures.`;
  return [{ code: 'sector-dark', message, index: dark.index }];
}

function given(pixels: ArrayLike<number>, columns: number): KnownSector {
  const mask = withoutHoles(pixels, columns);
  return { mask, count: mask.reduce((sum, x) => sum + x, 0), from: 0, whose: 'the one that the probe was calibrated with' };
}

/** The sector that the first pictures fill: what is lit in any of them. Undefined where pictures go on adding to it, as in water. */
function learned(pictures: readonly Uint8Array[], columns: number, background: number): KnownSector | undefined {
  const mask = new Uint8Array(pictures[0]?.length ?? 0);
  let [count, quiet] = [0, 0];
  for (let k = 0; k < pictures.length; k += 1) {
    if (k >= LEAST_LEARNED && quiet >= QUIET_PICTURES) {
      return { ...given(mask, columns), from: k, whose: `that of the first ${k} pictures` };
    }
    const pixels = pictures[k] as Uint8Array;
    let added = 0;
    for (let n = 0; n < mask.length; n += 1) {
      if (mask[n] === 1 || (pixels[n] as number) <= background) continue;
      mask[n] = 1;
      added += 1;
    }
    count += added;
    quiet = added < QUIET_SHARE * count ? quiet + 1 : 0;
  }
  return undefined;
}

/** With what lies between pixels of the mask both along its row and along its column: shadows leave holes. */
function withoutHoles(mask: ArrayLike<number>, columns: number): Uint8Array {
  const rows = mask.length / columns;
  const between = (count: number, length: number, at: (line: number, k: number) => number): Uint8Array => {
    const out = new Uint8Array(mask.length);
    for (let line = 0; line < count; line += 1) {
      let [first, last] = [length, -1];
      for (let k = 0; k < length; k += 1) if (mask[at(line, k)] !== 0) [first, last] = [Math.min(first, k), k];
      for (let k = first; k <= last; k += 1) out[at(line, k)] = 1;
    }
    return out;
  };
  const across = between(rows, columns, (row, k) => row * columns + k);
  const down = between(columns, rows, (column, k) => k * columns + column);
  return across.map((x, n) => x & (down[n] as number));
}

function firstLitBeside(
  pictures: readonly Uint8Array[],
  { mask, count, from }: KnownSector,
  background: number,
): number | undefined {
  for (let k = from; k < pictures.length; k += 1) {
    const pixels = pictures[k] as Uint8Array;
    let beside = 0;
    for (let n = 0; n < mask.length; n += 1) if (mask[n] === 0 && (pixels[n] as number) > background) beside += 1;
    if (beside > LIT_SHARE * count) return k;
  }
  return undefined;
}

/** The pixels that lie as far inside a mask's edge as {@link RIM} says, by steps along rows and columns. */
function rimOf(mask: Uint8Array, columns: number): readonly number[] {
  let left = mask;
  const rim: number[] = [];
  for (let depth = 1; depth <= RIM[1]; depth += 1) {
    const inner = left.map((x, n) => {
      const column = n % columns;
      const [before, behind] = [column > 0 && left[n - 1] === 1, column < columns - 1 && left[n + 1] === 1];
      return x === 1 && before && behind && left[n - columns] === 1 && left[n + columns] === 1 ? 1 : 0;
    });
    if (depth >= RIM[0]) for (let n = 0; n < left.length; n += 1) if (left[n] === 1 && inner[n] === 0) rim.push(n);
    left = inner;
  }
  return rim;
}

/** From which picture on a part of the rim is never lit again, and how large it is. */
function darkFrom(
  pictures: readonly Uint8Array[],
  { from }: KnownSector,
  rim: readonly number[],
  background: number,
): { readonly index: number; readonly share: number } | undefined {
  const ended = new Uint32Array(pictures.length + 1);
  for (const n of rim) {
    let end = pictures.length;
    while (end > from && ((pictures[end - 1] as Uint8Array)[n] as number) <= background) end -= 1;
    ended[end] = (ended[end] as number) + 1;
  }
  // Near the end of the sweep what a shadow hides is not lit again either: the picture that is named is that from which on most is dark.
  let [dark, index] = [0, from];
  for (let k = from; k + LEAST_PICTURES <= pictures.length; k += 1) {
    dark += ended[k] as number;
    if ((ended[k] as number) > (ended[index] as number)) index = k;
  }
  return dark > DARK_SHARE * rim.length ? { index, share: dark / rim.length } : undefined;
}
