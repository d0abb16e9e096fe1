import { FULL, type PlusVolume, plusFloor, plusRound, Q14, toQ14, WHOLE } from './arithmetic.js';
import type { PlusCompounding } from './options.js';

/** A pixel counts for a corner's `latest` and `maximum` from this weight on. */
const LEAST_WEIGHT = 1 / 8;

/** A product of two numbers of 14 digits, as one: halves up. */
const round14 = (product: number): number => (product + 8192) >> 14;

/** Shares pixels out among the eight voxels around them, with PLUS's rounding after every step. */
export class PlusSplat {
  readonly #voxels: Uint8Array;
  readonly #accumulator: Uint16Array;
  readonly #ni: number;
  readonly #nj: number;
  readonly #nk: number;
  readonly #compounding: PlusCompounding;
  readonly #mask: Uint8Array;
  readonly #fixed: boolean;
  readonly #weights = new Float64Array(8);
  readonly #at = new Int32Array(8);

  /** @param fixed by 14 binary digits; else in doubles */
  constructor(volume: PlusVolume, compounding: PlusCompounding, mask: Uint8Array, fixed: boolean) {
    this.#voxels = volume.voxels;
    this.#accumulator = volume.accumulator;
    [this.#ni, this.#nj, this.#nk] = volume.size;
    this.#compounding = compounding;
    this.#mask = mask;
    this.#fixed = fixed;
  }

  /**
   * One pixel at a place among the voxels: in units of 2⁻¹⁴ where `fixed`, else in voxels. It is dropped where any voxel around it is
   * outside.
   */
  paste(px: number, py: number, pz: number, value: number, index: number): void {
    const one = this.#fixed ? Q14 : 1;
    const i = this.#fixed ? Math.floor(px / Q14) : plusFloor(px);
    const j = this.#fixed ? Math.floor(py / Q14) : plusFloor(py);
    const k = this.#fixed ? Math.floor(pz / Q14) : plusFloor(pz);
    const fx = px - one * i;
    const fy = py - one * j;
    const fz = pz - one * k;
    const i1 = i + (fx !== 0 ? 1 : 0);
    const j1 = j + (fy !== 0 ? 1 : 0);
    const k1 = k + (fz !== 0 ? 1 : 0);
    if (i < 0 || j < 0 || k < 0 || i1 >= this.#ni || j1 >= this.#nj || k1 >= this.#nk) return;
    this.#corners(i, j, k, i1, j1, k1);
    this.#weigh(fx, fy, fz);
    if (this.#compounding === 'mean') this.#mean(value);
    else if (this.#compounding === 'importance') this.#important(value, index);
    else this.#one(value);
  }

  #corners(i: number, j: number, k: number, i1: number, j1: number, k1: number): void {
    const at = this.#at;
    const ni = this.#ni;
    const nj = this.#nj;
    for (let c = 0; c < 8; c += 1) {
      at[c] = (c & 4 ? i1 : i) + ni * ((c & 2 ? j1 : j) + nj * (c & 1 ? k1 : k));
    }
  }

  /** Weights of the corners; corner bits are x, y, z from high to low. Each product is rounded half up to 2⁻¹⁴ where fixed. */
  #weigh(fx: number, fy: number, fz: number): void {
    const w = this.#weights;
    const one = this.#fixed ? Q14 : 1;
    const [rx, ry, rz] = [one - fx, one - fy, one - fz];
    if (this.#fixed) {
      const [y0z0, y0z1, y1z0, y1z1] = [round14(ry * rz), round14(ry * fz), round14(fy * rz), round14(fy * fz)];
      w[0] = round14(rx * y0z0);
      w[1] = round14(rx * y0z1);
      w[2] = round14(rx * y1z0);
      w[3] = round14(rx * y1z1);
      w[4] = round14(fx * y0z0);
      w[5] = round14(fx * y0z1);
      w[6] = round14(fx * y1z0);
      w[7] = round14(fx * y1z1);
      return;
    }
    w[0] = rx * (ry * rz);
    w[1] = rx * (ry * fz);
    w[2] = rx * (fy * rz);
    w[3] = rx * (fy * fz);
    w[4] = fx * (ry * rz);
    w[5] = fx * (ry * fz);
    w[6] = fx * (fy * rz);
    w[7] = fx * (fy * fz);
  }

  #mean(value: number): void {
    const voxels = this.#voxels;
    const accumulator = this.#accumulator;
    for (let c = 7; c >= 0; c -= 1) {
      const w = this.#weights[c] as number;
      if (w === 0) continue;
      const at = this.#at[c] as number;
      const held = accumulator[at] as number;
      if (this.#fixed) {
        const r = held * 64;
        const sum = w + r;
        const q = toQ14((w * value + r * (voxels[at] as number)) / sum);
        voxels[at] = (q + 8192) >> 14;
        accumulator[at] = held256(sum / 64);
      } else {
        const r = held / WHOLE;
        voxels[at] = plusRound((w * value + r * (voxels[at] as number)) / (w + r));
        accumulator[at] = roundedHold((w + r) * WHOLE);
      }
    }
  }

  /** The mask is read one byte further for each corner, as PLUS does. */
  #important(value: number, index: number): void {
    const voxels = this.#voxels;
    const accumulator = this.#accumulator;
    let read = index;
    for (let c = 7; c >= 0; c -= 1) {
      const w = this.#weights[c] as number;
      if (w === 0) continue;
      const importance = this.#mask[read] ?? 0;
      read += 1;
      if (importance === 0) continue;
      const at = this.#at[c] as number;
      const held = accumulator[at] as number;
      if (this.#fixed) {
        const sum = importance * w + held * Q14;
        // A whole number in 32 bits, which in PLUS overflows once voxel × accumulator passes 2¹⁷.
        const product = Math.imul((voxels[at] as number) * held, Q14);
        const q = toQ14(((value * importance * w + product) | 0) / sum);
        voxels[at] = (q + 8192) >> 14;
        accumulator[at] = held256(sum / Q14);
      } else {
        const sum = importance * w + held;
        voxels[at] = plusRound((value * importance * w + (voxels[at] as number) * held) / sum);
        accumulator[at] = roundedHold(sum);
      }
    }
  }

  #one(value: number): void {
    const voxels = this.#voxels;
    const accumulator = this.#accumulator;
    const least = this.#fixed ? LEAST_WEIGHT * Q14 : LEAST_WEIGHT;
    for (let c = 7; c >= 0; c -= 1) {
      const w = this.#weights[c] as number;
      const at = this.#at[c] as number;
      if (w < least || (this.#compounding === 'maximum' && value <= (voxels[at] as number))) continue;
      voxels[at] = value;
      accumulator[at] = this.#fixed ? held256(w / 64) : roundedHold(w * WHOLE);
    }
  }
}

/** A new accumulator, whole or not, halves up and no more than it holds. */
const held256 = (x: number): number => (x < FULL ? Math.floor(x + 0.5) : FULL);
const roundedHold = (x: number): number => (x < FULL ? plusRound(x) : FULL);
