import type { CubeImage } from './cube-image.js';
import type { PatchCorrelation } from './lc2.js';
import { CHANNELS, type Descriptors } from './mind.js';
import { chosen, type Patches } from './patches.js';

/** What MIND compares at one resolution: every worker holds it. */
export interface MindData {
  readonly patches: Patches;
  /** 12 numbers for each place of the patches, 0 … 255 for 0 … 1; all 0 where there is no descriptor. */
  readonly fixed: Uint8Array;
  /** The moving images' descriptors, one grid for all. */
  readonly moving: PackedDescriptors;
  /** Mean squared difference of descriptors that have nothing to do with each other, in units of `fixed`. */
  readonly unrelated: number;
}

/** Descriptors of several images side by side, a byte a number: what differs by less than 1/255 is noise. */
interface PackedDescriptors {
  readonly size: readonly [number, number, number];
  readonly spacingMm: number;
  readonly origin: readonly [number, number, number];
  /** 12 for each image. */
  readonly count: number;
  /** `count` values for each cube, i fastest among cubes; all 0 where one of the images is not. */
  readonly values: Uint8Array;
}

/** What MIND compares, from descriptors of both sides; a patch keeps every second cube of the fixed image along each axis. */
export function mindData(image: CubeImage, patches: Patches, fixed: Descriptors, moving: readonly Descriptors[]): MindData {
  const { places, numbers } = placesIn(image, patches);
  const own = new Uint8Array(CHANNELS * numbers.length);
  numbers.forEach((n, s) => {
    pack(own, CHANNELS * s, fixed.values, CHANNELS * n);
  });
  const packed = packedOf(moving);
  return { patches: places, fixed: own, moving: packed, unrelated: unrelatedOf(own, packed) };
}

/** Every second cube of the patches, and their numbers in the image. */
function placesIn({ size, spacingMm, origin }: CubeImage, patches: Patches): { places: Patches; numbers: Int32Array } {
  const index = (s: number, r: 0 | 1 | 2): number => Math.round(((patches.places[3 * s + r] as number) - origin[r]) / spacingMm);
  const kept = new Int32Array(patches.values.length).fill(-1);
  const numbers: number[] = [];
  const used: number[] = [];
  for (let s = 0; s < kept.length; s += 1) {
    const [i, j, k] = [index(s, 0), index(s, 1), index(s, 2)];
    if ((i | j | k) & 1) continue;
    kept[s] = used.push(s) - 1;
    numbers.push(i + size[0] * (j + size[1] * k));
  }
  const starts = new Int32Array(patches.starts.length);
  const members: number[] = [];
  for (let p = 0; p + 1 < starts.length; p += 1) {
    for (let q = patches.starts[p] as number; q < (patches.starts[p + 1] as number); q += 1) {
      const s = kept[patches.members[q] as number] as number;
      if (s >= 0) members.push(s);
    }
    starts[p + 1] = members.length;
  }
  const places = Float64Array.from({ length: 3 * used.length }, (_, n) => {
    return patches.places[3 * (used[Math.floor(n / 3)] as number) + (n % 3)] as number;
  });
  const values = Float64Array.from(used, (s) => patches.values[s] as number);
  return { places: { ...patches, places, values, starts, members: Int32Array.from(members) }, numbers: Int32Array.from(numbers) };
}

/** The data of some of the patches, by their number. */
export function someOf(data: MindData, choose: (p: number) => boolean): MindData {
  const { patches, used } = chosen(data.patches, choose);
  const fixed = new Uint8Array(CHANNELS * used.length);
  used.forEach((s, n) => {
    fixed.set(data.fixed.subarray(CHANNELS * s, CHANNELS * (s + 1)), CHANNELS * n);
  });
  return { ...data, patches, fixed };
}

function pack(out: Uint8Array, at: number, values: Float32Array, from: number): void {
  // NaN becomes 0; of a descriptor that is there the largest is 1.
  for (let c = 0; c < CHANNELS; c += 1) out[at + c] = Math.round(255 * (values[from + c] as number));
}

function packedOf(moving: readonly Descriptors[]): PackedDescriptors {
  const { size, spacingMm, origin } = moving[0] as Descriptors;
  const count = CHANNELS * moving.length;
  const cubes = size[0] * size[1] * size[2];
  const values = new Uint8Array(count * cubes);
  for (let n = 0; n < cubes; n += 1) {
    if (moving.some((d) => Number.isNaN(d.values[CHANNELS * n] as number))) continue;
    moving.forEach((d, m) => {
      pack(values, count * n + CHANNELS * m, d.values, CHANNELS * n);
    });
  }
  return { size, spacingMm, origin, count, values };
}

/** E (f − m)² for independent f and m: the sum of their variances and the squared difference of their means, a channel. */
function unrelatedOf(fixed: Uint8Array, moving: PackedDescriptors): number {
  let sum = 0;
  for (let c = 0; c < moving.count; c += 1) {
    const f = momentsOf(fixed, CHANNELS, c % CHANNELS);
    const m = momentsOf(moving.values, moving.count, c);
    sum += f.variance + m.variance + (f.mean - m.mean) ** 2;
  }
  return Math.max(1, sum / moving.count);
}

function momentsOf(values: Uint8Array, stride: number, channel: number): { readonly mean: number; readonly variance: number } {
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (let n = 0; n < values.length; n += stride) {
    if (!isThere(values, n)) continue;
    const x = values[n + channel] as number;
    sum += x;
    squares += x * x;
    count += 1;
  }
  const mean = count > 0 ? sum / count : 0;
  return { mean, variance: count > 0 ? squares / count - mean * mean : 0 };
}

function isThere(values: Uint8Array, at: number): boolean {
  for (let c = 0; c < CHANNELS; c += 1) if (values[at + c] !== 0) return true;
  return false;
}

/** A patch needs this share of its places on the moving images. */
const LEAST_SHARE = 0.6;

/**
 * How alike the descriptors of an ultrasound's patches and of the moving images are under a pose: S_P is 1 − the mean squared
 * difference over a patch and all channels, as a share of what unrelated descriptors differ by (Heinrich 2013, MICCAI
 * 8149:187). The cost is Σ w_P (1 − S_P) / Σ w_P with w_P = std(u), its derivatives those of Gauss–Newton on the differences;
 * a patch off the moving images counts as unrelated. Motions are as {@link PatchCorrelation} says.
 */
export class MindCost implements PatchCorrelation {
  readonly gradient: Float64Array = new Float64Array(6);
  readonly hessian: Float64Array = new Float64Array(36);
  readonly scatter: Float64Array = new Float64Array(36);
  readonly similarity: Float64Array;
  overlap = 0;

  readonly #data: MindData;
  readonly #totalWeight: number;
  /** Per place: Σ r², Σ r g (3), Σ g gᵀ (6), y − pivot (3), over the channels. */
  readonly #samples: Float64Array;
  readonly #inside: Uint8Array;
  readonly #own = new Float64Array(6);

  constructor(data: MindData) {
    this.#data = data;
    const { values, weights } = data.patches;
    this.#samples = new Float64Array(SAMPLE * values.length);
    this.#inside = new Uint8Array(values.length);
    this.similarity = new Float64Array(weights.length);
    this.#totalWeight = weights.reduce((a, b) => a + b, 0);
  }

  evaluate(matrix: ArrayLike<number>, pivot?: ArrayLike<number>): number {
    this.#sample(matrix, pivot);
    this.gradient.fill(0);
    this.hessian.fill(0);
    this.scatter.fill(0);
    const { weights } = this.#data.patches;
    let cost = 0;
    let seen = 0;
    for (let p = 0; p < weights.length; p += 1) {
      const w = weights[p] as number;
      const s = this.#patch(p, pivot !== undefined, w / this.#totalWeight);
      this.similarity[p] = s;
      if (!Number.isNaN(s)) seen += w;
      cost += w * (Number.isNaN(s) ? 1 : 1 - s);
    }
    this.overlap = seen / this.#totalWeight;
    return cost / this.#totalWeight;
  }

  #sample(matrix: ArrayLike<number>, pivot: ArrayLike<number> | undefined): void {
    const { patches, fixed, moving } = this.#data;
    const m = Float64Array.from(matrix);
    const [px, py, pz] = pivot === undefined ? [0, 0, 0] : [pivot[0] as number, pivot[1] as number, pivot[2] as number];
    const { places } = patches;
    for (let s = 0; s < this.#inside.length; s += 1) {
      const a = places[3 * s] as number;
      const b = places[3 * s + 1] as number;
      const c = places[3 * s + 2] as number;
      const x = (m[0] as number) * a + (m[4] as number) * b + (m[8] as number) * c + (m[12] as number);
      const y = (m[1] as number) * a + (m[5] as number) * b + (m[9] as number) * c + (m[13] as number);
      const z = (m[2] as number) * a + (m[6] as number) * b + (m[10] as number) * c + (m[14] as number);
      const o = SAMPLE * s;
      this.#samples[o + 10] = x - px;
      this.#samples[o + 11] = y - py;
      this.#samples[o + 12] = z - pz;
      this.#inside[s] = differ(this.#samples, o, fixed, CHANNELS * s, moving, x, y, z, pivot !== undefined) ? 1 : 0;
    }
  }

  #patch(p: number, derivatives: boolean, share: number): number {
    const { patches, moving, unrelated } = this.#data;
    const from = patches.starts[p] as number;
    const to = patches.starts[p + 1] as number;
    const samples = this.#samples;
    let squares = 0;
    let n = 0;
    for (let q = from; q < to; q += 1) {
      const s = patches.members[q] as number;
      if (this.#inside[s] === 0) continue;
      squares += samples[SAMPLE * s] as number;
      n += 1;
    }
    if (n === 0 || n < LEAST_SHARE * (to - from)) return Number.NaN;
    const unit = 1 / (unrelated * moving.count * n);
    if (derivatives) this.#derive(from, to, 2 * share * unit);
    return 1 - squares * unit;
  }

  /** Adds k Jᵀr and k JᵀJ over the places of a patch: J = g (1, −[y]×). */
  #derive(from: number, to: number, k: number): void {
    const { members } = this.#data.patches;
    const own = this.#own.fill(0);
    for (let q = from; q < to; q += 1) {
      const s = members[q] as number;
      if (this.#inside[s] === 1) addPlace(own, this.hessian, this.#samples, SAMPLE * s, k);
    }
    for (let i = 0; i < 6; i += 1) {
      this.gradient[i] = (this.gradient[i] as number) + (own[i] as number);
      for (let j = 0; j < 6; j += 1) {
        this.scatter[6 * i + j] = (this.scatter[6 * i + j] as number) + (own[i] as number) * (own[j] as number);
      }
    }
  }
}

const SAMPLE = 13;

/** One place's share: with y the place, t = y × (Σ r g), and the 6×6 of [1, [y]×] Σ g gᵀ [1, [y]×]ᵀ. */
function addPlace(gradient: Float64Array, hessian: Float64Array, samples: Float64Array, o: number, k: number): void {
  const at = (n: number): number => samples[o + n] as number;
  const [x, y, z] = [at(10), at(11), at(12)];
  const [rx, ry, rz] = [at(1), at(2), at(3)];
  const forces = [rx, ry, rz, y * rz - z * ry, z * rx - x * rz, x * ry - y * rx];
  for (let i = 0; i < 6; i += 1) gradient[i] = (gradient[i] as number) + k * (forces[i] as number);
  // Columns of Σ g gᵀ, each turned as the forces were, give the lower left; turned once more, the lower right.
  const G = [at(4), at(5), at(6), at(5), at(7), at(8), at(6), at(8), at(9)];
  const rows: number[][] = [];
  for (let r = 0; r < 3; r += 1) {
    const [gx, gy, gz] = [G[3 * r] as number, G[3 * r + 1] as number, G[3 * r + 2] as number];
    rows.push([gx, gy, gz, y * gz - z * gy, z * gx - x * gz, x * gy - y * gx]);
  }
  const [a, b, c] = rows as [number[], number[], number[]];
  for (let i = 0; i < 6; i += 1) {
    const [u, v, w] = [a[i] as number, b[i] as number, c[i] as number];
    const column = [u, v, w, y * w - z * v, z * u - x * w, x * v - y * u];
    for (let j = 0; j < 6; j += 1) hessian[6 * j + i] = (hessian[6 * j + i] as number) + k * (column[j] as number);
  }
}

/**
 * Into `out` from `at`, over all channels: Σ r², and with `slopes` Σ r g and Σ g gᵀ; r is the moving descriptor at the place,
 * trilinear, less the fixed one, g its derivatives per mm. Returns false off the images.
 */
function differ(
  out: Float64Array,
  at: number,
  fixed: Uint8Array,
  from: number,
  { size, spacingMm, origin, count, values }: PackedDescriptors,
  x: number,
  y: number,
  z: number,
  slopes: boolean,
): boolean {
  const [ni, nj, nk] = size;
  const u = (x - origin[0]) / spacingMm;
  const v = (y - origin[1]) / spacingMm;
  const w = (z - origin[2]) / spacingMm;
  if (!(u >= 0 && v >= 0 && w >= 0 && u < ni - 1 && v < nj - 1 && w < nk - 1) || !isThere(fixed, from)) return false;
  const [i, j, k] = [u | 0, v | 0, w | 0];
  const [fx, fy, fz] = [u - i, v - j, w - k];
  const dx = count;
  const dy = ni * count;
  const dz = dy * nj;
  const n = i * dx + j * dy + k * dz;
  for (let corner = 0; corner < 8; corner += 1) {
    if (!isThere(values, n + (corner & 1) * dx + ((corner >> 1) & 1) * dy + (corner >> 2) * dz)) return false;
  }
  let rr = 0;
  let [rx, ry, rz, xx, xy, xz, yy, yz, zz] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let c = 0; c < count; c += 1) {
    const q = n + c;
    const v000 = values[q] as number;
    const v010 = values[q + dy] as number;
    const v001 = values[q + dz] as number;
    const v011 = values[q + dz + dy] as number;
    const e00 = (values[q + dx] as number) - v000;
    const e10 = (values[q + dx + dy] as number) - v010;
    const e01 = (values[q + dx + dz] as number) - v001;
    const e11 = (values[q + dx + dz + dy] as number) - v011;
    const a0 = v000 + fx * e00;
    const a1 = v010 + fx * e10;
    const b0 = v001 + fx * e01;
    const b1 = v011 + fx * e11;
    const p0 = a0 + fy * (a1 - a0);
    const p1 = b0 + fy * (b1 - b0);
    const r = p0 + fz * (p1 - p0) - (fixed[from + (c % CHANNELS)] as number);
    rr += r * r;
    if (!slopes) continue;
    const g0 = e00 + fy * (e10 - e00);
    const gx = g0 + fz * (e01 + fy * (e11 - e01) - g0);
    const gy = a1 - a0 + fz * (b1 - b0 - a1 + a0);
    const gz = p1 - p0;
    rx += r * gx;
    ry += r * gy;
    rz += r * gz;
    xx += gx * gx;
    xy += gx * gy;
    xz += gx * gz;
    yy += gy * gy;
    yz += gy * gz;
    zz += gz * gz;
  }
  out[at] = rr;
  if (!slopes) return true;
  const perMm = 1 / spacingMm;
  out[at + 1] = perMm * rx;
  out[at + 2] = perMm * ry;
  out[at + 3] = perMm * rz;
  const perMm2 = perMm * perMm;
  [xx, xy, xz, yy, yz, zz].forEach((sum, e) => {
    out[at + 4 + e] = perMm2 * sum;
  });
  return true;
}
