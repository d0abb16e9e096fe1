import { FULL, NEARLY_FULL, type PlusVolume, WHOLE } from './arithmetic.js';
import type { PlusCompounding } from './options.js';

/** What pasting a pixel did. */
export const Pasted = { yes: 0, unimportant: 1, overflow: 2 } as const;
type PastedKind = (typeof Pasted)[keyof typeof Pasted];

/** Puts pixels into single voxels, with PLUS's rounding after every step. */
export class PlusPaste {
  readonly #voxels: Uint8Array;
  readonly #accumulator: Uint16Array;
  readonly #ni: number;
  readonly #nj: number;
  readonly #nk: number;
  readonly #compounding: PlusCompounding;
  /** The faster loops note that a voxel was met, not how often. */
  readonly #once: boolean;

  constructor(volume: PlusVolume, compounding: PlusCompounding, once: boolean) {
    this.#voxels = volume.voxels;
    this.#accumulator = volume.accumulator;
    [this.#ni, this.#nj, this.#nk] = volume.size;
    this.#compounding = compounding;
    this.#once = once;
  }

  /** @param importance of the pixel, where the compounding asks for it */
  paste(i: number, j: number, k: number, value: number, importance: number): PastedKind {
    if (i < 0 || j < 0 || k < 0 || i >= this.#ni || j >= this.#nj || k >= this.#nk) return Pasted.yes;
    const voxels = this.#voxels;
    const accumulator = this.#accumulator;
    const at = i + this.#ni * (j + this.#nj * k);
    const held = accumulator[at] as number;
    const old = voxels[at] as number;
    if (this.#compounding === 'latest' || this.#compounding === 'maximum') {
      if (this.#compounding === 'latest' || value > old) voxels[at] = value;
      accumulator[at] = this.#once ? WHOLE : Math.min(FULL, held + WHOLE);
      return Pasted.yes;
    }
    if (held > NEARLY_FULL) {
      voxels[at] = Math.trunc(value * (1 / 256) + old * (255 / 256));
      return Pasted.overflow;
    }
    const weight = this.#compounding === 'mean' ? WHOLE : importance;
    if (weight === 0) return Pasted.unimportant;
    voxels[at] = Math.trunc((value * weight + old * held) / (held + weight));
    accumulator[at] = held + weight;
    return Pasted.yes;
  }
}
