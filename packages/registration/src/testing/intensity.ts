import { fromQuaternion, fromRotationVector } from '@trocar/core/math';
import { headPhantom, type Phantom } from '@trocar/core/testing';
import type { Volume } from '@trocar/core/volume';
import { ctHead, errorsOf, headPlaces, mr, through } from './phantoms.js';

/** Pairs for the tests of registration by intensity, here and in browsers. */

/** A rigid matrix from a rotation vector, rad, and a translation, mm. */
export function poseOf(turn: readonly number[], shift: readonly number[]): Float64Array {
  const pose = fromRotationVector(new Float64Array(16), turn);
  pose.set(shift, 12);
  return pose;
}

/** Two images and where the second really is: mr from ct. */
export interface IntensityPair {
  readonly fixed: Phantom<'ct'>;
  readonly moving: Volume<'mr'>;
  readonly pose: Float64Array;
}

/** Mean and worst error of a result all over the head, mm. */
export function errorsOfPair(
  { fixed, pose }: IntensityPair,
  found: { readonly matrix: ArrayLike<number> },
): { readonly mean: number; readonly worst: number } {
  return errorsOf(
    headPlaces(fixed),
    (p) => through(found, p),
    (p) => through({ matrix: pose }, p),
  );
}

/** One pair for everything that must come out the same to the last bit, wherever it is run. */
export function pairForBits(): IntensityPair {
  // A rotation without sines, and grids that are not oblique: engines round those differently in the last digit.
  const q = [2, -1.5, 3, 20].map((x) => x / Math.sqrt(4 + 2.25 + 9 + 400));
  const pose = fromQuaternion(new Float64Array(16), q, [12, -9, 7]);
  const moving = headPhantom({
    frame: mr,
    spacingMm: 4,
    contrast: 'mr',
    seed: 2,
    axes: 'RPS',
    frameFromBody: pose,
    bias: 0,
  }).volume;
  return { fixed: ctHead(4), moving, pose };
}

/** What `registerVolumes(fixed, moving, {seed: 7})` makes of {@link pairForBits}: the matrix movingFromFixed, byte by byte. */
export const BITS: string =
  'a41271647743ee3f69105ad9fb94d13f707e75075b36c63f0000000000000000d0ef3974616ed3bf8b41a6cb06ffed3fe28fe8f047d9c53f' +
  '00000000000000009172fd9d69a3bdbfe775762a3668cbbf36763e0d9b09ef3f0000000000000000e1664adfdf0328405deaa135d80922c0' +
  'e098334aa51b1c40000000000000f03f';

/** The bytes of a matrix of doubles, as hexadecimal digits. */
export function bitsOf(matrix: ArrayLike<number>): string {
  return Array.from(new Uint8Array(Float64Array.from(matrix).buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
