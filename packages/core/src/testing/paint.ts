import { invert4, Random, transformPoint } from '../math/index.js';
import type { Solid } from './solid.js';

/** One thing that is painted, over whatever was painted before it. */
export interface Coat {
  readonly solid: Solid;
  /** What it looks like, in stored units before noise. */
  readonly value: number;
  /** Label of the voxels whose centre lies inside. */
  readonly label: number;
}

/** The grid a picture is painted on. */
export interface Canvas {
  readonly size: readonly [number, number, number];
  /** 16 doubles, column-major: body coordinates of a voxel's centre. */
  readonly bodyFromIndex: Float64Array;
  readonly values: Float32Array;
  readonly labels: Uint8Array;
}

/** Sub-samples along each axis of a border voxel. */
const SUB = 3;

/** Paints one coat, piece by piece. Voxels that a border crosses are mixed by the share of their sub-samples inside. */
export function paint(canvas: Canvas, coat: Coat): void {
  for (const piece of coat.solid.pieces ?? [coat.solid]) paintPiece(canvas, piece, coat);
}

function paintPiece(canvas: Canvas, solid: Solid, coat: Coat): void {
  const { size, values, labels } = canvas;
  const m = canvas.bodyFromIndex;
  const [i0, j0, k0, i1, j1, k1] = indexBox(canvas, solid);
  const reach = halfDiagonal(m);
  const [dx, dy, dz] = [m[0] as number, m[1] as number, m[2] as number];
  for (let k = k0; k <= k1; k += 1) {
    for (let j = j0; j <= j1; j += 1) {
      const base = size[0] * (j + size[1] * k);
      const x = at(m, 0, 0, j, k);
      const y = at(m, 1, 0, j, k);
      const z = at(m, 2, 0, j, k);
      for (let i = i0; i <= i1; i += 1) {
        const d = solid.near(x + i * dx, y + i * dy, z + i * dz);
        if (d > reach) continue;
        const n = base + i;
        if (d <= 0) labels[n] = coat.label;
        const share = d < -reach ? 1 : coverage(solid, m, i, j, k);
        const before = values[n] as number;
        values[n] = before + share * (coat.value - before);
      }
    }
  }
}

function at(m: Float64Array, r: number, i: number, j: number, k: number): number {
  return (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
}

function coverage(solid: Solid, m: Float64Array, i: number, j: number, k: number): number {
  const [dx, dy, dz] = [(m[0] as number) / SUB, (m[1] as number) / SUB, (m[2] as number) / SUB];
  const first = i + 0.5 / SUB - 0.5;
  let inside = 0;
  for (let c = 0; c < SUB; c += 1) {
    const kk = k + (c + 0.5) / SUB - 0.5;
    for (let b = 0; b < SUB; b += 1) {
      const jj = j + (b + 0.5) / SUB - 0.5;
      const x = at(m, 0, first, jj, kk);
      const y = at(m, 1, first, jj, kk);
      const z = at(m, 2, first, jj, kk);
      for (let a = 0; a < SUB; a += 1) if (solid.near(x + a * dx, y + a * dy, z + a * dz) <= 0) inside += 1;
    }
  }
  return inside / (SUB * SUB * SUB);
}

/** Half a voxel's longest diagonal, and a little: beyond it a border cannot reach the voxel. */
function halfDiagonal(m: Float64Array): number {
  let sum = 0;
  for (const c of [0, 4, 8]) sum += Math.hypot(m[c] as number, m[c + 1] as number, m[c + 2] as number);
  return 0.6 * sum;
}

/** The range of voxel indices that a solid's box can touch, clipped to the grid. */
function indexBox(canvas: Canvas, solid: Solid): [number, number, number, number, number, number] {
  const indexFromBody = new Float64Array(16);
  invert4(indexFromBody, canvas.bodyFromIndex);
  const reach = halfDiagonal(canvas.bodyFromIndex);
  const low = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const high = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const p = new Float64Array(3);
  for (let n = 0; n < 8; n += 1) {
    for (let r = 0; r < 3; r += 1) {
      const upper = (n >> r) & 1;
      const edge = solid.box[upper * 3 + r] as number;
      p[r] = Math.max(-1e5, Math.min(1e5, edge + (upper === 1 ? reach : -reach)));
    }
    transformPoint(p, indexFromBody, p);
    for (let r = 0; r < 3; r += 1) {
      low[r] = Math.min(low[r] as number, p[r] as number);
      high[r] = Math.max(high[r] as number, p[r] as number);
    }
  }
  const first = low.map((v) => Math.max(0, Math.floor(v)));
  const last = high.map((v, r) => Math.min((canvas.size[r] as number) - 1, Math.ceil(v)));
  return [...first, ...last] as [number, number, number, number, number, number];
}

/** What makes a painted picture look measured. */
export interface Noise {
  readonly seed: number;
  /** Standard deviation in stored units. */
  readonly sd: number;
  /** Gaussian noise around the value (CT), or the magnitude of a complex signal with noise in both parts (MR). */
  readonly kind: 'gaussian' | 'rician';
  /** Share by which the receive field brightens or darkens the corners: 0.2 is ±20 %. MR only. */
  readonly bias: number;
}

/** The painted values with bias field and noise, rounded to int16. */
export function develop(canvas: Canvas, noise: Noise): Int16Array {
  const random = new Random(noise.seed);
  const out = new Int16Array(canvas.values.length);
  const [ni, nj, nk] = canvas.size;
  const phase = [random.between(0, Math.PI), random.between(0, Math.PI), random.between(0, Math.PI)];
  const wave = (n: number, axis: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => Math.cos((Math.PI * i) / n + (phase[axis] as number)));
  const [wi, wj, wk] = [wave(ni, 0), wave(nj, 1), wave(nk, 2)];
  let n = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      const field = (wk[k] as number) + (wj[j] as number);
      for (let i = 0; i < ni; i += 1, n += 1) {
        const clean = (canvas.values[n] as number) * (1 + (noise.bias / 3) * (field + (wi[i] as number)));
        out[n] = Math.round(noise.sd === 0 ? clean : disturbed(clean, noise, random));
      }
    }
  }
  return out;
}

function disturbed(clean: number, noise: Noise, random: Random): number {
  const real = clean + noise.sd * random.normal();
  return noise.kind === 'gaussian' ? real : Math.hypot(real, noise.sd * random.normal());
}
