import { NavError } from '@trocar/core';
import { type AnyVolume, Sampler, SHEAR_LIMIT_DEGREES, shearDegrees, type VoxelArray } from '@trocar/core/volume';
import type { Breath } from './breath.js';
import {
  averageSlice,
  type ByteImage,
  HOLE,
  STRETCH_STEPS,
  type Stretch,
  shrunkGeometry,
  shrunkSize,
  WHITE,
} from './byte-image.js';

/** Shares of the voxels that are all black and all white. */
const BLACK_SHARE = 0.002;
const WHITE_SHARE = 0.998;
/** Voxels looked at for that. */
const LOOKED_AT = 20_000;

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
  const gain = (STRETCH_STEPS - 1) / (range.high - range.low);
  return { low: range.low, gain, curve: curveOf(sorted, range.low, gain) };
}

/** The byte of each step: a cumulative histogram whose slope is limited. */
function curveOf(values: Float64Array, low: number, gain: number): Uint8Array {
  const bins = 128;
  const shares = new Float64Array(bins);
  for (const x of values) {
    const bin = Math.floor(((x - low) * gain * bins) / STRETCH_STEPS);
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
  const curve = new Uint8Array(STRETCH_STEPS);
  let reached = 0;
  for (let n = 0; n < STRETCH_STEPS; n += 1) {
    const share = (shares[Math.floor((n * bins) / STRETCH_STEPS)] as number) / STRETCH_STEPS;
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

/** An image with the curve that made its bytes. */
export interface StretchedImage extends ByteImage {
  /** The byte of each of {@link STRETCH_STEPS} even steps from black to white: rising. */
  readonly curve: Uint8Array;
}

/**
 * What each byte is where bytes are even in the values, as they were before the curve. Where noise is the same everywhere, so it is in
 * those; the curve spreads the noise of a tissue that many voxels have over many bins.
 * @param curve of {@link byteImageOf}: a byte stands for the middle of its steps
 * @returns 256 bytes, rising but for the last: {@link HOLE} stays
 */
export function evenBytes(curve: Uint8Array): Uint8Array {
  const table = new Uint8Array(HOLE + 1).fill(WHITE).fill(HOLE, HOLE);
  let next = 0;
  for (let n = 0; n < curve.length; ) {
    const byte = curve[n] as number;
    let end = n + 1;
    while (end < curve.length && curve[end] === byte) end += 1;
    // Bytes that the curve skips, but averages do not, go with the next.
    table.fill(Math.round((WHITE * (n + end - 1)) / (2 * (curve.length - 1))), next, byte + 1);
    next = byte + 1;
    n = end;
  }
  return table;
}

/**
 * A volume as bytes, `factors` voxels averaged to one along each axis.
 * @param mask voxels where it is not above 0 have no value; in the volume's own frame, on any grid
 * @throws NavError `registration/sheared-volume`, `registration/too-large` (fewer than 2 voxels along an axis are too few),
 * `registration/failed` where the image shows nothing
 */
export async function byteImageOf(
  v: AnyVolume,
  side: string,
  factors: readonly [number, number, number],
  breath: Breath,
  mask?: AnyVolume,
): Promise<StretchedImage> {
  const degrees = shearDegrees(v);
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'registration/sheared-volume',
      `The ${side} volume is sheared by ${degrees.toFixed(2)}° (gantry tilt), which image registration cannot take. ` +
        'Resample it first with resampleStraight().',
      { detail: { side, degrees } },
    );
  }
  requireThickness(v, side);
  const stretch = stretchOf(v, side);
  const size = shrunkSize(v.size, factors);
  const frameFromIndex = shrunkGeometry(v.frameFromIndex, factors);
  const values = breath.bytes(size[0] * size[1] * size[2]);
  // A negative slope turns black and white round; mutual information does not mind.
  const table = factors.some((f) => f > 1) ? undefined : tableFor(v.voxels, stretch);
  const row = new Float64Array(size[0]);
  let holes = false;
  if (table !== undefined) await lookUp(values, v.voxels, table, breath);
  for (let k = 0; table === undefined && k < size[2]; k += 1) {
    if (averageSlice(values, size, v.voxels, v.size, factors, stretch, row, k)) holes = true;
    await breath.take();
  }
  const image = { values, size, frameFromIndex, holes };
  return { ...(mask === undefined ? image : masked(image, mask, side)), curve: stretch.curve };
}

/** Fewer voxels along an axis cannot tell which way the image lies. */
const LEAST_VOXELS = 4;

function requireThickness({ size }: AnyVolume, side: string): void {
  if (Math.min(...size) >= LEAST_VOXELS) return;
  throw new NavError(
    'registration/failed',
    `The ${side} image has ${size.join('×')} voxels; registration of volumes needs at least ${LEAST_VOXELS} along each axis.`,
    { detail: { side, size } },
  );
}

/** The byte for each value that a voxel of 8 or 16 bits can have, by its bits as an unsigned number; undefined for wider ones. */
function tableFor(voxels: VoxelArray, { low, gain, curve }: Stretch): Uint8Array | undefined {
  const width = voxels.BYTES_PER_ELEMENT;
  if (width > 2) return undefined;
  const values = 2 ** (8 * width);
  const signed = voxels instanceof Int8Array || voxels instanceof Int16Array;
  const least = signed ? -values / 2 : 0;
  const last = curve.length - 1;
  const offset = low * gain - 0.5;
  const rising = new Uint8Array(values);
  const from = Math.min(values, Math.max(0, Math.floor(low) - least));
  const to = Math.min(values, Math.max(from, Math.ceil((last + offset) / gain) + 1 - least));
  rising.fill(curve[0] as number, 0, from).fill(curve[last] as number, to);
  for (let n = from; n < to; n += 1) {
    const x = (n + least) * gain - offset;
    rising[n] = curve[x > 0 ? (x < last ? x | 0 : last) : 0] as number;
  }
  if (!signed) return rising;
  // Negative values come after the positive ones.
  const table = new Uint8Array(values);
  table.set(rising.subarray(-least));
  table.set(rising.subarray(0, -least), -least);
  return table;
}

/** Voxels between two looks at the clock: a multiple of 4. */
const CHUNK = 1 << 18;

/** Bytes by the table, written four at a time. Two loops, each for one type of array: one for all is many times as slow. */
async function lookUp(out: Uint8Array, voxels: VoxelArray, table: Uint8Array, breath: Breath): Promise<void> {
  const { buffer, byteOffset, length } = voxels;
  const words = new Uint32Array(out.buffer, 0, length >> 2);
  const narrow = voxels.BYTES_PER_ELEMENT === 1;
  const bytes = narrow ? new Uint8Array(buffer, byteOffset, length) : undefined;
  const pairs = narrow ? undefined : new Uint16Array(buffer, byteOffset, length);
  for (let from = 0; from < words.length; from += CHUNK >> 2) {
    const to = Math.min(words.length, from + (CHUNK >> 2));
    if (bytes !== undefined) lookUpBytes(words, bytes, table, from, to);
    else lookUpPairs(words, pairs as Uint16Array, table, from, to);
    await breath.take();
  }
  for (let n = 4 * words.length; n < length; n += 1) out[n] = table[(bytes ?? (pairs as Uint16Array))[n] as number] as number;
}

function lookUpBytes(out: Uint32Array, voxels: Uint8Array, table: Uint8Array, from: number, to: number): void {
  for (let n = from, at = 4 * from; n < to; n += 1, at += 4) {
    out[n] =
      (table[voxels[at] as number] as number) |
      ((table[voxels[at + 1] as number] as number) << 8) |
      ((table[voxels[at + 2] as number] as number) << 16) |
      ((table[voxels[at + 3] as number] as number) << 24);
  }
}

function lookUpPairs(out: Uint32Array, voxels: Uint16Array, table: Uint8Array, from: number, to: number): void {
  for (let n = from, at = 4 * from; n < to; n += 1, at += 4) {
    out[n] =
      (table[voxels[at] as number] as number) |
      ((table[voxels[at + 1] as number] as number) << 8) |
      ((table[voxels[at + 2] as number] as number) << 16) |
      ((table[voxels[at + 3] as number] as number) << 24);
  }
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
