import { type ByteImage, HOLE, WHITE } from '../byte-image.js';
import type { Entropies, JointShares, ParzenWindow } from '../mutual-information.js';
import type { SampleSet } from '../samples.js';
import { type Kernel, unpackInformation } from './kernel.js';
import { TwinHistogram } from './twin-parzen.js';

const f = Math.fround;

/**
 * The kernel in typed arrays: the oracle of the WebAssembly one, and what runs where WebAssembly is forbidden. What is
 * done for every sample is rounded to single precision after each operation, which is exact for sums and products of singles in doubles.
 */
export class TwinKernel implements Kernel<ByteImage, SampleSet, ParzenWindow> {
  readonly kind = 'typed-arrays';
  #cells = new Int32Array(0);
  #gradients: [Float32Array, Float32Array, Float32Array] = [new Float32Array(0), new Float32Array(0), new Float32Array(0)];
  #histogram = new Uint32Array(0);
  readonly #parzen = new TwinHistogram();
  #table = new Float32Array(0);

  addImage(image: ByteImage, exchange?: Uint8Array): ByteImage {
    return exchange === undefined ? image : { ...image, values: image.values.map((byte) => exchange[byte] as number) };
  }

  addSamples(set: SampleSet): SampleSet {
    return set;
  }

  addWindow(window: ParzenWindow): ParzenWindow {
    return window;
  }

  scatter(s: SampleSet, image: ByteImage, indexFromSample: Float32Array, gradient: boolean): number {
    const trash = s.fixedBins * s.fine;
    if (this.#cells.length < s.count) {
      this.#cells = new Int32Array(s.count);
      this.#gradients = [new Float32Array(s.count), new Float32Array(s.count), new Float32Array(s.count)];
    }
    if (this.#histogram.length <= trash) this.#histogram = new Uint32Array(trash + 1);
    else this.#histogram.fill(0, 0, trash + 1);
    const histogram = this.#histogram;
    const scale = f((s.fine - 1) / WHITE);
    for (let n = 0; n < s.count; n += 1) {
      const fine = this.#lookUp(s, image, indexFromSample, n, gradient ? n : -1, scale);
      const cell = fine < 0 ? trash : (s.rows[n] as number) + fine;
      if (gradient) this.#cells[n] = cell;
      histogram[cell] = (histogram[cell] as number) + 1;
    }
    return s.count - (histogram[trash] as number);
  }

  /** The fine intensity under sample n, −1 outside; its gradient goes to place `to` where that is not negative. */
  #lookUp(s: SampleSet, image: ByteImage, m: Float32Array, n: number, to: number, scale: number): number {
    const x = s.x[n] as number;
    const y = s.y[n] as number;
    const z = s.z[n] as number;
    const [ni, nj, nk] = image.size;
    const p = rowTimes(m, 0, x, y, z);
    const q = rowTimes(m, 4, x, y, z);
    const r = rowTimes(m, 8, x, y, z);
    let inside = p >= 0 && p < ni - 1 && q >= 0 && q < nj - 1 && r >= 0 && r < nk - 1;
    const i = inside ? Math.trunc(p) : 0;
    const j = inside ? Math.trunc(q) : 0;
    const k = inside ? Math.trunc(r) : 0;
    const u = inside ? f(p - i) : 0;
    const v = inside ? f(q - j) : 0;
    const w = inside ? f(r - k) : 0;
    const b = image.values;
    const o = i + ni * (j + nj * k);
    const far = o + ni * nj;
    const [l00, h00, l10, h10] = [b[o] as number, b[o + 1] as number, b[o + ni] as number, b[o + ni + 1] as number];
    const [l01, h01, l11, h11] = [b[far] as number, b[far + 1] as number, b[far + ni] as number, b[far + ni + 1] as number];
    if (image.holes && Math.max(l00, h00, l10, h10, l01, h01, l11, h11) === HOLE) inside = false;
    const d00 = h00 - l00;
    const d10 = h10 - l10;
    const d01 = h01 - l01;
    const d11 = h11 - l11;
    const q00 = f(l00 + f(u * d00));
    const q01 = f(l01 + f(u * d01));
    const e0 = f(f(l10 + f(u * d10)) - q00);
    const e1 = f(f(l11 + f(u * d11)) - q01);
    const r0 = f(q00 + f(v * e0));
    const gz = f(f(q01 + f(v * e1)) - r0);
    if (to >= 0) {
      const d0 = f(d00 + f(v * f(d10 - d00)));
      const d1 = f(d01 + f(v * f(d11 - d01)));
      this.#gradients[0][to] = f(d0 + f(w * f(d1 - d0)));
      this.#gradients[1][to] = f(e0 + f(w * f(e1 - e0)));
      this.#gradients[2][to] = gz;
    }
    return inside ? Math.trunc(f(f(f(r0 + f(w * gz)) * scale) + 0.5)) : -1;
  }

  entropies(s: SampleSet, window: ParzenWindow, inside: number): Entropies {
    return this.#parzen.entropies(s, window, this.#histogram, inside);
  }

  shares(): JointShares {
    return this.#parzen.shares();
  }

  weigh(s: SampleSet, window: ParzenWindow, joint: number, margin: number): void {
    const cells = s.fixedBins * s.fine;
    if (this.#table.length < cells) this.#table = new Float32Array(cells);
    this.#parzen.weigh(s, window, this.#histogram, [joint, margin], this.#table);
  }

  gather(s: SampleSet): Float64Array {
    const table = this.#table;
    const out = new Float64Array(12);
    const lanes = new Float32Array(48);
    const trash = s.fixedBins * s.fine;
    for (let from = 0; from < s.count; from += 1024) {
      lanes.fill(0);
      for (let n = from; n < Math.min(from + 1024, s.count); n += 1) {
        const cell = this.#cells[n] as number;
        const weight = cell === trash ? 0 : (table[cell] as number);
        for (let g = 0; g < 3; g += 1) {
          const a = f(weight * (this.#gradients[g as 0 | 1 | 2][n] as number));
          const lane = 16 * g + (n & 3);
          lanes[lane] = (lanes[lane] as number) + f(a * (s.x[n] as number));
          lanes[lane + 4] = (lanes[lane + 4] as number) + f(a * (s.y[n] as number));
          lanes[lane + 8] = (lanes[lane + 8] as number) + f(a * (s.z[n] as number));
          lanes[lane + 12] = (lanes[lane + 12] as number) + a;
        }
      }
      for (let c = 0; c < 12; c += 1) {
        const [p, q, r, t] = lanes.subarray(4 * c, 4 * c + 4) as unknown as [number, number, number, number];
        out[c] = (out[c] as number) + (p + q + (r + t));
      }
    }
    return out;
  }

  information(s: SampleSet, stride: number): Float64Array {
    const table = this.#table;
    const sums = new Float64Array(60);
    const trash = s.fixedBins * s.fine;
    for (let n = 0; n < s.count; n += stride) {
      const cell = this.#cells[n] as number;
      const weight = cell === trash ? 0 : (table[cell] as number);
      if (weight === 0) continue;
      const g = this.#gradients.map((axis) => weight * (axis[n] as number));
      let at = 0;
      for (let a = 0; a < 3; a += 1) {
        for (let b = a; b < 3; b += 1, at += 10) addBlock(sums, at, (g[a] as number) * (g[b] as number), s, n);
      }
    }
    return unpackInformation(sums);
  }
}

function rowTimes(m: Float32Array, at: number, x: number, y: number, z: number): number {
  const xy = f(f((m[at] as number) * x) + f((m[at + 1] as number) * y));
  return f(f(xy + f((m[at + 2] as number) * z)) + (m[at + 3] as number));
}

function addBlock(sums: Float64Array, at: number, q: number, s: SampleSet, n: number): void {
  const x = s.x[n] as number;
  const y = s.y[n] as number;
  const z = s.z[n] as number;
  const terms = [q * x * x, q * x * y, q * x * z, q * x, q * y * y, q * y * z, q * y, q * z * z, q * z, q];
  for (let t = 0; t < 10; t += 1) sums[at + t] = (sums[at + t] as number) + (terms[t] as number);
}
