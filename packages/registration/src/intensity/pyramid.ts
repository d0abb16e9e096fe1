import { Random } from '@trocar/core/math';
import { type AnyVolume, spacingOf } from '@trocar/core/volume';
import type { Breath } from './breath.js';
import { type ByteImage, coarser, factorsTowards, HOLE } from './byte-image.js';
import { averager } from './kernels/averaging.js';
import { drawSamples, type SampleSet, sampleWeights } from './samples.js';
import { byteImageOf } from './stretch.js';

/** One image from fine to coarse. */
export interface Pyramid {
  /** Coarsest first. */
  readonly levels: readonly ByteImage[];
  /** How many voxels of the volume were averaged to one in the finest. */
  readonly factors: readonly [number, number, number];
  /** What made the bytes from even steps. */
  readonly curve: Uint8Array;
}

/** How many samples a level has, and how finely intensities are told apart on it: few samples fill only few bins. */
export interface LevelPlan {
  readonly count: number;
  readonly fixedBins: number;
  readonly movingBins: number;
  readonly fine: number;
}

const COARSEST: LevelPlan = { count: 2400, fixedBins: 16, movingBins: 16, fine: 64 };
const COARSE: LevelPlan = { count: 8000, fixedBins: 24, movingBins: 24, fine: 96 };
const MIDDLE: LevelPlan = { count: 20_000, fixedBins: 32, movingBins: 32, fine: 128 };
const FINEST: LevelPlan = { count: 60_000, fixedBins: 32, movingBins: 32, fine: 128 };

/** @param level 0 is the coarsest of `levels` */
export function planOf(level: number, levels: number): LevelPlan {
  if (level === 0) return COARSEST;
  if (level === levels - 1) return FINEST;
  return level === 1 ? COARSE : MIDDLE;
}

/** A cube with the volume of the smaller image is divided by this for the coarsest spacing. */
const COARSEST_CELLS = 24;

/** Spacings of the levels, mm, coarsest first, each half of the one before, down to the finer image's own. */
export function levelSpacings(fixed: AnyVolume, moving: AnyVolume): number[] {
  const extent = Math.cbrt(Math.min(boxOf(fixed), boxOf(moving)));
  const finest = Math.min(meanSpacing(fixed), meanSpacing(moving));
  const spacings = [extent / COARSEST_CELLS];
  while (spacings.length < 5 && (spacings.at(-1) as number) > 1.4 * finest) spacings.push((spacings.at(-1) as number) / 2);
  return spacings;
}

function meanSpacing(v: AnyVolume): number {
  return Math.cbrt(spacingOf(v).reduce((a, b) => a * b, 1));
}

function boxOf(v: AnyVolume): number {
  return spacingOf(v).reduce((product, s, a) => product * s * (v.size[a] as number), 1);
}

/** Voxels of the finest level at most: more bring nothing, and cost time and memory. */
const MOST_VOXELS = 16e6;

/** How many voxels to average so that no more than {@link MOST_VOXELS} are left, along the finest axis first. */
export function baseFactors(v: AnyVolume): [number, number, number] {
  const factors: [number, number, number] = [1, 1, 1];
  const spacing = spacingOf(v);
  const left = (): number => v.size.reduce((product, n, a) => product * Math.floor(n / (factors[a] as number)), 1);
  while (left() > MOST_VOXELS) {
    const axis = ([0, 1, 2] as const).reduce((best, a) => (spacing[a] * factors[a] < spacing[best] * factors[best] ? a : best));
    factors[axis] += 1;
  }
  return factors;
}

/**
 * About how many bytes a registration of two volumes takes beside the volumes themselves: a byte for each voxel of the finest
 * levels, copies of those in every worker's own memory, and the samples.
 */
export function volumeRegistrationBytes(fixed: AnyVolume, moving: AnyVolume, threads = 0): number {
  const [f, m] = [fixed, moving].map((v) => {
    const factors = baseFactors(v);
    return v.size.reduce((product, n, a) => product * Math.floor(n / (factors[a] as number)), 1);
  }) as [number, number];
  // The coarser levels add a seventh; shared memory saves the copies that are counted here. The finish holds both images.
  const levels = 1.15 * (f + m);
  const held = 2.15 * m + f + 16e6;
  return Math.round(levels + Math.max(1, threads) * 2 * held);
}

/** @throws as `byteImageOf` */
export async function pyramidOf(
  v: AnyVolume,
  side: string,
  spacings: readonly number[],
  breath: Breath,
  mask?: AnyVolume,
): Promise<Pyramid> {
  const factors = baseFactors(v);
  const stretched = await byteImageOf(v, side, factors, breath, mask);
  let image: ByteImage = stretched;
  const kernel = await averager();
  const levels: ByteImage[] = [];
  for (let n = spacings.length - 1; n >= 0; n -= 1) {
    image = await coarser(image, factorsTowards(image, spacings[n] as number), breath, kernel);
    levels.unshift(image);
  }
  return { levels, factors, curve: stretched.curve };
}

/** The centre of an image's grid, mm. */
export function centreOf(image: ByteImage): [number, number, number] {
  const m = image.frameFromIndex;
  return [0, 1, 2].map((r) =>
    image.size.reduce((sum, n, a) => sum + ((m[4 * a + r] as number) * (n - 1)) / 2, m[12 + r] as number),
  ) as [number, number, number];
}

/** The centre of what is brighter than the mean, mm: near the middle of the body in CT and MR alike. */
export function bodyCentreOf(image: ByteImage): [number, number, number] {
  const [ni, nj] = image.size;
  let total = 0;
  let count = 0;
  for (const x of image.values) {
    if (x === HOLE) continue;
    total += x;
    count += 1;
  }
  const mean = total / Math.max(1, count);
  const sum = [0, 0, 0];
  let inside = 0;
  image.values.forEach((x, n) => {
    if (x === HOLE || x <= mean) return;
    inside += 1;
    sum[0] = (sum[0] as number) + (n % ni);
    sum[1] = (sum[1] as number) + (Math.floor(n / ni) % nj);
    sum[2] = (sum[2] as number) + Math.floor(n / (ni * nj));
  });
  const m = image.frameFromIndex;
  const at = inside > 0 ? sum.map((s) => s / inside) : image.size.map((n) => (n - 1) / 2);
  return [0, 1, 2].map((r) => at.reduce((p, i, a) => p + (m[4 * a + r] as number) * i, m[12 + r] as number)) as [
    number,
    number,
    number,
  ];
}

/** Where samples of a pyramid are drawn: the coarsest level steers itself, the second all others. */
export function samplersOf(
  pyramid: Pyramid,
  centre: readonly [number, number, number],
  seed: number,
): (level: number) => SampleSet {
  const weights: Array<Float32Array | undefined> = [];
  return (level) => {
    const guide = Math.min(level, 1, pyramid.levels.length - 1);
    const steering = pyramid.levels[guide] as ByteImage;
    weights[guide] ??= sampleWeights(steering);
    const { count, fixedBins, fine } = planOf(level, pyramid.levels.length);
    const options = { count, fixedBins, fine, centre };
    return drawSamples(pyramid.levels[level] as ByteImage, steering, weights[guide], new Random(seed + 7919 * level), options);
  };
}
