import { NavError } from '@trocar/core';
import { type AnyVolume, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf } from '@trocar/core/volume';
import type { ItkImage } from './engine.js';

/** An image as registration works on it: rescaled values in a tight array of its own, right-angled axes. */
export interface Picture {
  readonly values: Float32Array;
  readonly size: readonly [number, number, number];
  /** As in Volume: index (0, 0, 0) is the centre of the first voxel; may mirror. */
  readonly frameFromIndex: ArrayLike<number>;
}

/**
 * A volume's rescaled values, single precision: registration needs both images in one component type, and tight arrays
 * (a view into a larger buffer would be read from the buffer's start). A voxel without a value (NaN, as resampling leaves
 * them outside an image) counts as the smallest one there is.
 * @throws NavError `registration/sheared-volume`, `registration/failed` where all voxels are alike
 */
export function pictureOf(v: AnyVolume, side: string): Picture {
  const degrees = shearDegrees(v);
  if (degrees > SHEAR_LIMIT_DEGREES) {
    throw new NavError(
      'registration/sheared-volume',
      `The ${side} volume is sheared by ${degrees.toFixed(2)}° (gantry tilt), which image registration cannot take. ` +
        'Resample it first with resampleStraight().',
      { detail: { side, degrees } },
    );
  }
  const { slope, intercept } = v.rescale;
  const values = new Float32Array(v.voxels.length);
  for (let n = 0; n < values.length; n += 1) values[n] = slope * (v.voxels[n] as number) + intercept;
  requireContent(values, side);
  return { values, size: v.size, frameFromIndex: v.frameFromIndex };
}

/** Fills what has no value, and refuses an image that shows nothing: elastix would answer its own start for it. */
function requireContent(values: Float32Array, side: string): void {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const x of values) {
    if (!Number.isFinite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (!(high > low)) {
    const what = high === low ? `all its voxels with a value are ${low}` : 'none of its voxels has a value';
    throw new NavError('registration/failed', `The ${side} image shows nothing that could be registered: ${what}.`, {
      detail: { side },
    });
  }
  for (let n = 0; n < values.length; n += 1) if (!Number.isFinite(values[n] as number)) values[n] = low;
}

/** The picture in itk-wasm's form, with a copy of its values: the pipeline takes them away. */
export function itkImageOf(picture: Picture): ItkImage {
  const m = picture.frameFromIndex;
  const spacing = spacingOf(picture);
  const direction = new Float64Array(9);
  for (let r = 0; r < 3; r += 1) {
    for (let c = 0; c < 3; c += 1) direction[3 * r + c] = (m[4 * c + r] as number) / (spacing[c] as number);
  }
  return {
    imageType: { dimension: 3, componentType: 'float32', pixelType: 'Scalar', components: 1 },
    name: 'image',
    origin: [m[12] as number, m[13] as number, m[14] as number],
    spacing,
    direction,
    size: [...picture.size],
    metadata: new Map(),
    data: picture.values.slice(),
  };
}

/**
 * The picture with `factors` voxels averaged to one along each axis. Voxels that do not fill a block are left out; the
 * new voxel centres are the blocks' centres.
 */
export function shrunk(picture: Picture, factors: readonly [number, number, number]): Picture {
  const [fi, fj, fk] = factors;
  if (fi === 1 && fj === 1 && fk === 1) return picture;
  const [ni, nj] = picture.size;
  const size = picture.size.map((n, a) => Math.floor(n / (factors[a] as number))) as [number, number, number];
  const values = new Float32Array(size[0] * size[1] * size[2]);
  const share = 1 / (fi * fj * fk);
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1, n += 1) {
        let sum = 0;
        for (let c = k * fk; c < (k + 1) * fk; c += 1) {
          for (let b = j * fj; b < (j + 1) * fj; b += 1) {
            const row = ni * (b + nj * c);
            for (let a = i * fi; a < (i + 1) * fi; a += 1) sum += picture.values[row + a] as number;
          }
        }
        values[n] = sum * share;
      }
    }
  }
  const m = Float64Array.from(picture.frameFromIndex);
  for (let r = 0; r < 3; r += 1) {
    for (let a = 0; a < 3; a += 1) {
      const f = factors[a] as number;
      m[12 + r] = (m[12 + r] as number) + ((f - 1) / 2) * (picture.frameFromIndex[4 * a + r] as number);
      m[4 * a + r] = f * (picture.frameFromIndex[4 * a + r] as number);
    }
  }
  return { values, size, frameFromIndex: m };
}

/** Along each axis, how many voxels to average so that they come near `spacingMm`, keeping at least 16 of them. */
export function factorsFor(picture: Picture, spacingMm: number): [number, number, number] {
  const spacing = spacingOf(picture);
  const factor = (a: 0 | 1 | 2): number =>
    Math.max(1, Math.min(Math.round(spacingMm / spacing[a]), Math.floor(picture.size[a] / 16)));
  return [factor(0), factor(1), factor(2)];
}
