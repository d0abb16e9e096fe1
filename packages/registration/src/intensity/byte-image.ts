import { NavError } from '@trocar/core';
import { type AnyVolume, Sampler, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf, type VoxelArray } from '@trocar/core/volume';

/**
 * An image as the mutual-information kernels work on it: one byte a voxel, 0 … 254 from black to white of a window, 255
 * where there is no value. Geometry as in Volume: index (0, 0, 0) is the CENTRE of the first voxel; may mirror.
 */
export interface ByteImage {
  readonly values: Uint8Array;
  readonly size: readonly [number, number, number];
  /** 16 doubles, column-major, mm. */
  readonly frameFromIndex: Float64Array;
  /** Whether any voxel is {@link HOLE}. */
  readonly holes: boolean;
}

/** The byte of a voxel without a value. */
export const HOLE = 255;
/** The largest byte of a voxel with one. */
export const WHITE = 254;

/** Shares of the voxels that are all black and all white. */
const BLACK_SHARE = 0.002;
const WHITE_SHARE = 0.998;
/** Voxels looked at for that. */
const LOOKED_AT = 20_000;

/** How stored values become bytes: from `low` on, `steps per value` steps of a curve. */
interface Stretch {
  readonly low: number;
  readonly gain: number;
  readonly curve: Uint8Array;
}

const AS_IT_IS: Stretch = { low: 0, gain: 1, curve: Uint8Array.from({ length: WHITE + 1 }, (_, n) => n) };

/** Steps of the curve. */
const STEPS = 1024;
/** The curve is nowhere steeper than this, against an even stretch, and nowhere flatter. */
const STEEPEST = 4;
const FLATTEST = 0.25;

/**
 * How an image's values are spread over the bytes: between two percentiles, robust to a few extreme voxels, and more of the
 * bytes for values that more voxels have (contrast-limited equalisation; Pizer 1987, CVGIP 39:355), so that the tissues of
 * a CT do not share one bin of a histogram that also holds air and metal. Mutual information does not mind the curve.
 * @throws NavError `registration/failed` where the image shows nothing
 */
function stretchOf(v: AnyVolume, side: string): Stretch {
  const { voxels } = v;
  // An odd stride that is no multiple of the row length does not walk down one column of the image.
  const stride = Math.max(1, Math.floor(voxels.length / LOOKED_AT)) | 1;
  const seen = new Float64Array(Math.ceil(voxels.length / stride));
  let count = 0;
  for (let n = 0; n < voxels.length; n += stride) {
    const x = voxels[n] as number;
    if (Number.isFinite(x)) seen[count++] = x;
  }
  const sorted = seen.subarray(0, count).sort();
  const low = sorted[Math.floor(BLACK_SHARE * count)] as number;
  const high = sorted[Math.min(count - 1, Math.floor(WHITE_SHARE * count))] as number;
  const range = count > 0 && high > low ? { low, high } : wholeRange(voxels, side);
  const gain = (STEPS - 1) / (range.high - range.low);
  return { low: range.low, gain, curve: curveOf(sorted, range.low, gain) };
}

/** The byte of each step: a cumulative histogram whose slope is limited. */
function curveOf(values: Float64Array, low: number, gain: number): Uint8Array {
  const bins = 128;
  const shares = new Float64Array(bins);
  for (const x of values) {
    const bin = Math.floor(((x - low) * gain * bins) / STEPS);
    if (bin >= 0 && bin < bins) shares[bin] = (shares[bin] as number) + bins / values.length;
  }
  // What is cut off the peaks is spread evenly, which lifts others over the limit: a few rounds settle it.
  for (let round = 0; round < 8; round += 1) {
    let excess = 0;
    for (let b = 0; b < bins; b += 1) {
      const s = shares[b] as number;
      const limited = Math.min(STEEPEST, Math.max(FLATTEST, s));
      excess += s - limited;
      shares[b] = limited;
    }
    for (let b = 0; b < bins; b += 1) shares[b] = (shares[b] as number) + excess / bins;
  }
  const curve = new Uint8Array(STEPS);
  let reached = 0;
  for (let n = 0; n < STEPS; n += 1) {
    const share = (shares[Math.floor((n * bins) / STEPS)] as number) / STEPS;
    curve[n] = Math.min(WHITE, Math.round(WHITE * (reached + share / 2)));
    reached += share;
  }
  return curve;
}

/** For an image that is all background but for a few voxels. */
function wholeRange(voxels: VoxelArray, side: string): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const x of voxels) {
    if (!Number.isFinite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (high > low) return { low, high };
  const what = high === low ? `all its voxels with a value are ${low}` : 'none of its voxels has a value';
  throw new NavError('registration/failed', `The ${side} image shows nothing that could be registered: ${what}.`, {
    detail: { side },
  });
}

/**
 * A volume as bytes, `factors` voxels averaged to one along each axis.
 * @param mask voxels where it is not above 0 have no value; in the volume's own frame, on any grid
 * @throws NavError `registration/sheared-volume`, `registration/too-large` (fewer than 2 voxels along an axis are too few),
 * `registration/failed` where the image shows nothing
 */
export function byteImageOf(v: AnyVolume, side: string, factors: readonly [number, number, number], mask?: AnyVolume): ByteImage {
  const degrees = shearDegrees(v);
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'registration/sheared-volume',
      `The ${side} volume is sheared by ${degrees.toFixed(2)}° (gantry tilt), which image registration cannot take. ` +
        'Resample it first with resampleStraight().',
      { detail: { side, degrees } },
    );
  }
  const stretch = stretchOf(v, side);
  const size = shrunkSize(v.size, factors);
  const frameFromIndex = shrunkGeometry(v.frameFromIndex, factors);
  const values = new Uint8Array(size[0] * size[1] * size[2]);
  // A negative slope turns black and white round; mutual information does not mind.
  const holes = averageInto(values, size, v.voxels, v.size, factors, stretch);
  const image = { values, size, frameFromIndex, holes };
  return mask === undefined ? image : masked(image, mask, side);
}

/** Averages blocks of stored values into bytes; a block without a finite value is a hole. Says whether there is one. */
function averageInto(
  out: Uint8Array,
  size: readonly [number, number, number],
  voxels: VoxelArray,
  full: readonly [number, number, number],
  factors: readonly [number, number, number],
  { low, gain, curve }: Stretch,
): boolean {
  const row = new Float64Array(size[0]);
  const scale = gain / (factors[0] * factors[1] * factors[2]);
  let holes = false;
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1, n += size[0]) {
      row.fill(0);
      for (let c = 0; c < factors[2]; c += 1) {
        for (let b = 0; b < factors[1]; b += 1) {
          addRow(row, voxels, full[0] * (factors[1] * j + b + full[1] * (factors[2] * k + c)), factors[0]);
        }
      }
      if (toBytes(out, n, row, scale, low * gain - 0.5, curve)) holes = true;
    }
  }
  return holes;
}

/** row[i] += the sum of `factor` stored values from i · factor on. */
function addRow(row: Float64Array, voxels: VoxelArray, from: number, factor: number): void {
  if (factor === 1) {
    for (let i = 0; i < row.length; i += 1) row[i] = (row[i] as number) + (voxels[from + i] as number);
    return;
  }
  let at = from;
  for (let i = 0; i < row.length; i += 1) {
    let sum = row[i] as number;
    for (let a = 0; a < factor; a += 1, at += 1) sum += voxels[at] as number;
    row[i] = sum;
  }
}

/** The curve's bytes at row · scale − offset. Says whether any is a hole: not a number. */
function toBytes(out: Uint8Array, from: number, row: Float64Array, scale: number, offset: number, curve: Uint8Array): boolean {
  const last = curve.length - 1;
  let holes = false;
  for (let i = 0; i < row.length; i += 1) {
    const x = (row[i] as number) * scale - offset;
    if (x >= 0) out[from + i] = curve[x < last ? x | 0 : last] as number;
    else if (x < 0) out[from + i] = curve[0] as number;
    else {
      out[from + i] = HOLE;
      holes = true;
    }
  }
  return holes;
}

function masked(image: ByteImage, mask: AnyVolume, side: string): ByteImage {
  const sampler = new Sampler(mask);
  const m = image.frameFromIndex;
  const [ni, nj, nk] = image.size;
  let left = 0;
  for (let k = 0, n = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        const x = (m[0] as number) * i + (m[4] as number) * j + (m[8] as number) * k + (m[12] as number);
        const y = (m[1] as number) * i + (m[5] as number) * j + (m[9] as number) * k + (m[13] as number);
        const z = (m[2] as number) * i + (m[6] as number) * j + (m[10] as number) * k + (m[14] as number);
        if (sampler.at(x, y, z) > 0) left += 1;
        else image.values[n] = HOLE;
      }
    }
  }
  if (left === 0) {
    throw new NavError('registration/no-overlap', `The ${side} mask leaves nothing of the ${side} image.`, { detail: { side } });
  }
  return { ...image, holes: true };
}

function shrunkSize(size: readonly number[], factors: readonly number[]): [number, number, number] {
  return size.map((n, a) => Math.max(1, Math.floor(n / (factors[a] as number)))) as [number, number, number];
}

/** The new voxel centres are the blocks' centres. */
function shrunkGeometry(from: ArrayLike<number>, factors: readonly number[]): Float64Array {
  const m = Float64Array.from(from);
  for (let r = 0; r < 3; r += 1) {
    for (let a = 0; a < 3; a += 1) {
      const f = factors[a] as number;
      m[12 + r] = (m[12 + r] as number) + ((f - 1) / 2) * (from[4 * a + r] as number);
      m[4 * a + r] = f * (from[4 * a + r] as number);
    }
  }
  return m;
}

/** The image with `factors` voxels averaged to one; a block with more holes than values is a hole. */
export function coarser(image: ByteImage, factors: readonly [number, number, number]): ByteImage {
  const [fi, fj, fk] = factors;
  if (fi * fj * fk === 1) return image;
  const size = shrunkSize(image.size, factors);
  const values = new Uint8Array(size[0] * size[1] * size[2]);
  const frameFromIndex = shrunkGeometry(image.frameFromIndex, factors);
  if (image.holes) return { values, size, frameFromIndex, holes: averageWithHoles(values, size, image, factors) };
  averageInto(values, size, image.values, image.size, factors, AS_IT_IS);
  return { values, size, frameFromIndex, holes: false };
}

function averageWithHoles(
  out: Uint8Array,
  size: readonly [number, number, number],
  image: ByteImage,
  [fi, fj, fk]: readonly [number, number, number],
): boolean {
  const [ni, nj] = image.size;
  const half = (fi * fj * fk) / 2;
  let holes = false;
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        let sum = 0;
        let count = 0;
        for (let c = k * fk; c < (k + 1) * fk; c += 1) {
          for (let b = j * fj; b < (j + 1) * fj; b += 1) {
            const row = ni * (b + nj * c) + i * fi;
            for (let a = row; a < row + fi; a += 1) {
              const x = image.values[a] as number;
              if (x === HOLE) continue;
              sum += x;
              count += 1;
            }
          }
        }
        if (count < half) holes = true;
        out[n] = count < half ? HOLE : (sum / count + 0.5) | 0;
      }
    }
  }
  return holes;
}

/** How many voxels to average along each axis to come nearest to a spacing, mm, keeping at least 8 of them. */
export function factorsTowards(v: Pick<ByteImage, 'size' | 'frameFromIndex'>, spacingMm: number): [number, number, number] {
  const spacing = spacingOf(v);
  const factor = (a: 0 | 1 | 2): number => Math.max(1, Math.min(Math.round(spacingMm / spacing[a]), Math.floor(v.size[a] / 8)));
  return [factor(0), factor(1), factor(2)];
}
