import { NavError } from '@trocar/core';
import { Opening } from './opening.js';

/** A bright spot in an image, as a wire shows where the image cuts it. */
export interface Dot {
  /** Its centre of brightness: column and row in pixels, the centre of the first pixel at (0, 0). */
  readonly column: number;
  readonly row: number;
  /** Sum of its grey values; of one that was cut out of a longer spot, above the level that it was cut at. */
  readonly strength: number;
}

/** Dots of the wires: column and row for each wire, patterns from top to bottom, wires from LEFT to right. */
export type WireDots = Float64Array;

/** How {@link detectDots} looks. */
export interface DotOptions {
  /** Pixels outside are not looked at: origin and size in pixels. Default all. */
  readonly clip?: { readonly origin: readonly [number, number]; readonly size: readonly [number, number] };
  /** About how large a pixel is, mm: from the depth setting. */
  readonly pixelMm: number;
  /** Pixels at least this share of the range between the darkest and the brightest belong to dots. Default 0.1. */
  readonly threshold?: number;
  /** Radius of the disc that a dot must hold, mm; whole pixels are taken, rounded down. Default 0.27. */
  readonly discMm?: number;
  /** Longer spots are lines. Default 4 mm. */
  readonly longestMm?: number;
  /** So many of the strongest are kept. Default 30. */
  readonly most?: number;
}

/** Spots that are too long are cut apart by thresholds that rise by so much of what is left, at most so often. */
const RISE = 0.25;
const MOST_RISES = 6;

/**
 * Bright spots of an image, the strongest first: the image opened with a disc, pixels above a threshold that touch (edges or corners),
 * their centre weighted by grey value. With the defaults these are PLUS's dots to a hundredth of a pixel (fCal's segmentation). Spots
 * too long for a dot are looked at again above higher thresholds, so that a dot on a wall's echo is found beside it.
 * @param pixels grey values, row by row
 * @throws NavError `calibration/bad-option`
 */
export function detectDots(pixels: Uint8Array, size: readonly [number, number], options: DotOptions): Dot[] {
  const { pixelMm, threshold = 0.1, discMm = 0.27, longestMm = 4, most = 30 } = options;
  if (pixels.length !== size[0] * size[1] || !(pixelMm > 0.005 && pixelMm < 5) || !(threshold > 0 && threshold < 1)) {
    throw new NavError('calibration/bad-option', 'Dots are looked for in images of the size given, with pixels of 0.005 … 5 mm.');
  }
  const { origin, size: extent } = options.clip ?? { origin: [0, 0], size };
  const box = {
    left: Math.max(0, origin[0]),
    top: Math.max(0, origin[1]),
    right: Math.min(size[0], origin[0] + extent[0]),
    bottom: Math.min(size[1], origin[1] + extent[1]),
  };
  const { opened, level } = openBright(pixels, size, box, Math.floor(discMm / pixelMm), threshold);
  const dots = new Seeker(opened, size[0], box, longestMm / pixelMm).find(level);
  return dots.sort((a, b) => b.strength - a.strength).slice(0, most);
}

/** Columns left … right − 1 and rows top … bottom − 1. */
interface PixelBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Pixels of a box from one level up and below another, row by row. */
function pixelsFrom(pixels: Uint8Array, columns: number, box: PixelBox, level: number, above: number): number[] {
  const found: number[] = [];
  for (let row = box.top; row < box.bottom; row += 1) {
    const end = row * columns + box.right;
    for (let at = row * columns + box.left; at < end; at += 1) {
      const value = pixels[at] as number;
      if (value >= level && value < above) found.push(at);
    }
  }
  return found;
}

function rangeIn(pixels: Uint8Array, columns: number, box: PixelBox): [number, number] {
  let [low, high] = [255, 0];
  for (let row = box.top; row < box.bottom; row += 1) {
    const end = row * columns + box.right;
    for (let at = row * columns + box.left; at < end; at += 1) {
      const value = pixels[at] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** The opened image where it reaches the threshold, which is a share of its own brightest value; darker pixels are 0. */
function openBright(
  pixels: Uint8Array,
  size: readonly [number, number],
  box: PixelBox,
  radius: number,
  share: number,
): { opened: Uint8Array; level: number } {
  const opening = new Opening(pixels, size, radius);
  const opened = new Uint8Array(pixels.length);
  const [low, high] = rangeIn(pixels, size[0], box);
  let above = 256;
  let brightest = 0;
  for (let level = levelOf(low, high, share); ; ) {
    for (const at of pixelsFrom(pixels, size[0], box, level, above)) {
      opened[at] = opening.at(at % size[0], Math.floor(at / size[0]));
      brightest = Math.max(brightest, opened[at] as number);
    }
    // Opening takes the brightest peaks away, and the threshold sinks with them.
    const next = levelOf(low, brightest, share);
    if (next >= level) return { opened, level };
    above = level;
    level = next;
  }
}

const levelOf = (low: number, high: number, share: number): number => Math.max(1, Math.round(low + share * (high - low)));

class Seeker {
  readonly #pixels: Uint8Array;
  readonly #columns: number;
  readonly #box: PixelBox;
  readonly #longest: number;
  /** The highest threshold above which a pixel was looked at. */
  readonly #done: Uint16Array;
  readonly #dots: Dot[] = [];

  constructor(pixels: Uint8Array, columns: number, box: PixelBox, longest: number) {
    this.#pixels = pixels;
    this.#columns = columns;
    this.#box = box;
    this.#longest = longest;
    this.#done = new Uint16Array(pixels.length);
  }

  find(level: number): Dot[] {
    for (const at of pixelsFrom(this.#pixels, this.#columns, this.#box, level, 256)) {
      if ((this.#done[at] as number) < level) this.#spot(at, level, 0);
    }
    return this.#dots;
  }

  /** The spot that a pixel belongs to. */
  #spot(seed: number, level: number, rises: number): void {
    const members = this.#flood(seed, level);
    let [sum, u, v, most] = [0, 0, 0, 0];
    let [left, right, top, bottom] = [Number.POSITIVE_INFINITY, 0, Number.POSITIVE_INFINITY, 0];
    for (const at of members) {
      const value = this.#pixels[at] as number;
      const [column, row] = [at % this.#columns, Math.floor(at / this.#columns)];
      sum += value;
      u += value * column;
      v += value * row;
      most = Math.max(most, value);
      left = Math.min(left, column);
      right = Math.max(right, column);
      top = Math.min(top, row);
      bottom = Math.max(bottom, row);
    }
    if (Math.max(right - left, bottom - top) + 1 <= this.#longest) {
      // Of what stands out of a band or a wall only that counts which stands out.
      const strength = rises === 0 ? sum : sum - level * members.length;
      this.#dots.push({ column: u / sum, row: v / sum, strength });
      return;
    }
    const higher = level + Math.max(1, Math.floor(RISE * (most - level)));
    if (rises >= MOST_RISES || higher > most) return;
    for (const at of members) {
      if ((this.#done[at] as number) < higher && (this.#pixels[at] as number) >= higher) this.#spot(at, higher, rises + 1);
    }
  }

  #flood(seed: number, level: number): number[] {
    const { left, top, right, bottom } = this.#box;
    const columns = this.#columns;
    const members = [seed];
    this.#done[seed] = level;
    for (let n = 0; n < members.length; n += 1) {
      const at = members[n] as number;
      const [column, row] = [at % columns, Math.floor(at / columns)];
      for (let y = Math.max(top, row - 1); y <= Math.min(bottom - 1, row + 1); y += 1) {
        for (let x = Math.max(left, column - 1); x <= Math.min(right - 1, column + 1); x += 1) {
          const next = y * columns + x;
          if ((this.#done[next] as number) >= level || (this.#pixels[next] as number) < level) continue;
          this.#done[next] = level;
          members.push(next);
        }
      }
    }
    return members;
  }
}
