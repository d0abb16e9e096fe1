import { NavError } from '@trocar/core';
import { identity4, invert4, multiply4 } from '@trocar/core/math';
import { type AnyVolume, spacingOf } from '@trocar/core/volume';
import { blurred, type CubeImage, locallyNormalised } from '../../intensity/ultrasound/cube-image.js';
import { type Box, boxOf, commonBox, cubesOf, type Reading, sameValue } from '../../intensity/ultrasound/cubes-of.js';
import { fillingOf, readingOfUltrasound, withoutHoles } from '../../intensity/ultrasound/fan.js';
import { CHANNELS, type Descriptors, mindDescriptors } from '../../intensity/ultrasound/mind.js';
import { movingFields } from '../../intensity/ultrasound/moving-fields.js';
import { compare } from './compare.js';
import { type Level, level } from './level.js';
import { regressionComparer } from './regression.js';

/** How images are compared: by descriptors of their own structure, or by how well the moving ones explain the fixed one. */
export type DenseMetric = 'mind' | 'lc2';

/** What is registered. */
export interface DenseInput {
  readonly fixed: AnyVolume;
  readonly moving: readonly AnyVolume[];
  /** Moving from fixed, 16 doubles, column-major, mm. */
  readonly initial: ArrayLike<number>;
  readonly metric: DenseMetric;
  readonly fixedMask: AnyVolume | undefined;
  readonly movingMask: AnyVolume | undefined;
}

/** Blur before all else, in cubes. */
const BLUR = 0.7;
/** LC2: structures wider than this are taken out on both sides, mm. */
const WIDEST_MM = 2.5;
const FLOOR = 0.1;
/** Cubes are never finer than this, mm, nor more than so many. */
const FINEST_MM = 0.8;
const MOST_CUBES = 700_000;

/** The moving images are looked at so far beyond the fixed one, and the other way round, mm: start and shift together. */
const MARGIN_MM = 15;

/** Both images on cubes of one size, the moving ones where `initial` puts them. */
export interface Images {
  readonly fixed: CubeImage;
  readonly moving: readonly CubeImage[];
}

/** The images, ready to be put on cubes of any size. */
export interface Scene {
  readonly input: DenseInput;
  /** Edge of the finest cubes, mm. */
  readonly finestMm: number;
  images(spacingMm: number): Images;
}

/** @throws NavError `registration/no-overlap`, `registration/failed` */
export function sceneOf(input: DenseInput): Scene {
  const fixedFromMoving = identity4();
  invert4(fixedFromMoving, input.initial);
  const placed = <V extends AnyVolume>(v: V): V => ({
    ...v,
    frameFromIndex: multiply4(identity4(), fixedFromMoving, v.frameFromIndex),
  });
  const moving = input.moving.map(placed);
  const movingMask = input.movingMask === undefined ? undefined : placed(input.movingMask);
  const ultrasound = input.fixed.modality === 'US';
  const filling = ultrasound ? fillingOf(input.fixed) : Number.NaN;
  const reach = grown(boxOf(input.fixed), MARGIN_MM);
  const movingBox = moving.reduce((box, v) => commonBox(box, boxOf(v)), reach);
  const fixedBox = commonBox(boxOf(input.fixed), grown(movingBox, MARGIN_MM));
  requireReach(fixedBox, movingBox);
  const finestMm = finestOf([input.fixed, ...moving], fixedBox);
  const images = (h: number): Images => {
    const own = cubesOf(input.fixed, h, fixedBox, ultrasound ? readingOfUltrasound(filling) : readingOf(input.fixed));
    const fixed = ultrasound ? withoutHoles(own, filling) : own;
    // Off the fixed grid: where both coincide, interpolation would blur one displacement less than all others.
    const shifted = { low: movingBox.low.map((x) => x + 0.37 * h) as [number, number, number], high: movingBox.high };
    return {
      fixed: masked(fixed, input.fixedMask),
      moving: moving.map((v) => masked(cubesOf(v, h, shifted, readingOf(v)), movingMask)),
    };
  };
  return { input, finestMm, images };
}

/** CT is windowed to what other images can tell apart, so that bone does not drown soft tissue. */
function readingOf(v: AnyVolume): Reading {
  if (v.modality !== 'CT') return { value: sameValue };
  return { value: (hu) => Math.max(-200, Math.min(400, hu)) };
}

/** Between the finest and the coarsest image: averaged to the coarsest, ultrasound loses what places are found by. */
function finestOf(volumes: readonly AnyVolume[], box: Box): number {
  const spacings = volumes.map((v) => Math.cbrt(spacingOf(v).reduce((a, b) => a * b, 1)));
  const between = Math.sqrt(Math.min(...spacings) * Math.max(...spacings));
  const mm3 = [0, 1, 2].reduce((product, r) => product * ((box.high[r] as number) - (box.low[r] as number)), 1);
  return Math.max(FINEST_MM, Math.min(between, 3), Math.cbrt(mm3 / MOST_CUBES));
}

function grown(box: Box, mm: number): Box {
  return {
    low: [box.low[0] - mm, box.low[1] - mm, box.low[2] - mm],
    high: [box.high[0] + mm, box.high[1] + mm, box.high[2] + mm],
  };
}

/** Narrower than this nothing can be deformed, mm. */
const LEAST_MM = 20;

function requireReach(fixed: Box, moving: Box): void {
  const enough = (box: Box): boolean => [0, 1, 2].every((r) => (box.high[r] as number) - (box.low[r] as number) >= LEAST_MM);
  if (enough(fixed) && enough(moving)) return;
  throw new NavError(
    'registration/no-overlap',
    `The images share less than ${LEAST_MM} mm along some axis at the initial transform. Correct it with a rigid registration first.`,
  );
}

function masked(image: CubeImage, mask: AnyVolume | undefined): CubeImage {
  if (mask === undefined) return image;
  const { size, origin, spacingMm: h } = image;
  const high = size.map((n, r) => (origin[r] as number) + h * (n - 1)) as [number, number, number];
  const cubes = cubesOf(mask, h, { low: origin, high }, { value: (x) => (x > 0 ? 1 : 0) });
  return { ...image, values: image.values.map((x, n) => ((cubes.values[n] as number) >= 0.5 ? x : Number.NaN)) };
}

/** A level of both images: how they are compared at this size of cubes. @throws NavError `registration/failed` */
export function levelOf(images: Images, metric: DenseMetric): Level {
  for (const [image, name] of [[images.fixed, 'fixed'] as const, ...images.moving.map((m) => [m, 'moving'] as const)]) {
    requireContrast(image, name);
  }
  return metric === 'lc2' ? lc2Level(images) : mindLevel(images);
}

function mindLevel({ fixed, moving }: Images): Level {
  const describe = (image: CubeImage): Descriptors => mindDescriptors(blurred(image, BLUR), 1, 2);
  const f = describe(fixed);
  const m = moving.map(describe);
  const weights = Float32Array.from({ length: f.values.length / CHANNELS }, (_, n) =>
    Number.isNaN(f.values[CHANNELS * n] as number) ? 0 : 1,
  );
  return level(f, m[0] as Descriptors, weights, (out, places) => compare(out, f, m, places));
}

function lc2Level({ fixed, moving }: Images): Level {
  const normalise = (image: CubeImage): CubeImage =>
    locallyNormalised(blurred(image, BLUR), Math.max(1, WIDEST_MM / image.spacingMm), FLOOR);
  const f = normalise(fixed);
  const fields = movingFields(moving.map(normalise), 0);
  const weights = f.values.map((x) => (Number.isNaN(x) ? 0 : 1));
  return level(f, fields, weights, regressionComparer(f, fields));
}

function requireContrast({ values }: CubeImage, name: string): void {
  let [low, high, seen] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const x of values) {
    if (Number.isNaN(x)) continue;
    seen += 1;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (seen >= 1000 && high > low) return;
  throw new NavError(
    'registration/failed',
    seen < 1000
      ? `The ${name} image leaves ${seen} cubes to compare. Check its mask, and voxels that are no number.`
      : `The ${name} image shows nothing: all its voxels in reach are ${low}.`,
  );
}
