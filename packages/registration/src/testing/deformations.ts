import { fromRotationVector, invertRigid, Random, transformPoint } from '@trocar/core/math';
import { abdomenPhantom, headPhantom, type Phantom } from '@trocar/core/testing';
import { cornersOf, type Volume } from '@trocar/core/volume';
import { errorsOf, mr, warped } from './phantoms.js';

/** A pair of images of one body, the second moved and deformed, with the truth between them. */
export interface DeformedPair {
  readonly fixed: Volume<'ct'>;
  readonly moving: Volume<'mr'>;
  /** Mean and worst error of a map from fixed to moving over the body, mm in the fixed frame. */
  errorsOf(map: (p: number[]) => ArrayLike<number>): { readonly mean: number; readonly worst: number };
}

/** None; six Gaussians of up to 12 mm and 25 to 45 mm wide at random places; or a bend of the whole body along z. */
export type DeformationFamily = 'none' | 'bumps' | 'bend';

/**
 * A CT-like and an MR-like phantom. The body is moved by up to 0.1 rad and 8 mm along each axis, then deformed: what lies
 * at y − shift(y) is seen at y, so that the truth is known from moving to fixed.
 */
export function deformedPair(body: 'head' | 'abdomen', family: DeformationFamily, seed: number): DeformedPair {
  const make = body === 'head' ? headPhantom : abdomenPhantom;
  const spacingMm = body === 'head' ? 4 : 5;
  const fixed = make({ spacingMm, contrast: 'ct', seed: 1 });
  const places = placesIn(fixed);
  const random = new Random(100 * seed + 7);
  const pose = fromRotationVector(new Float64Array(16), triple(random, 0.1));
  pose.set(triple(random, 8), 12);
  const source = make({ frame: mr, spacingMm, contrast: 'mr', seed: seed + 1, frameFromBody: pose }).volume;
  const shift = shiftOf(family, random, places, pose);
  const unshifted = (y: ArrayLike<number>): number[] => shift(y).map((s, i) => (y[i] as number) - s);
  const grid = { frame: mr, size: source.size, frameFromIndex: source.frameFromIndex };
  const home = invertRigid(new Float64Array(16), pose);
  return {
    fixed: fixed.volume,
    moving: family === 'none' ? source : warped(source, grid, unshifted),
    errorsOf: (map) =>
      errorsOf(
        places,
        (p) => transformPoint(new Float64Array(3), home, unshifted(map(p))),
        (p) => p,
      ),
  };
}

function shiftOf(
  family: DeformationFamily,
  random: Random,
  places: readonly number[][],
  pose: Float64Array,
): (y: ArrayLike<number>) => number[] {
  if (family === 'none') return () => [0, 0, 0];
  if (family === 'bend') {
    const direction = random.between(0, 2 * Math.PI);
    const mm = random.between(8, 12);
    return (y) => {
      const z = (y[2] as number) / 100;
      return [mm * z * z * Math.cos(direction), mm * z * z * Math.sin(direction), -4 * z * z];
    };
  }
  const bumps = Array.from({ length: 6 }, () => {
    const place = places[Math.floor(random.between(0, places.length))] as number[];
    return { at: transformPoint(new Float64Array(3), pose, place), width: random.between(25, 45), mm: triple(random, 7) };
  });
  return (y) =>
    [0, 1, 2].map((r) =>
      bumps.reduce((sum, { at, width, mm }) => {
        const d2 = [0, 1, 2].reduce((s, i) => s + ((y[i] as number) - (at[i] as number)) ** 2, 0);
        return sum + (mm[r] as number) * Math.exp(-d2 / (2 * width * width));
      }, 0),
    );
}

function triple(random: Random, most: number): number[] {
  return [random.between(-most, most), random.between(-most, most), random.between(-most, most)];
}

/** Places in the body, 12 mm apart and from the edge of the image. */
function placesIn(phantom: Phantom<'ct'>): number[][] {
  const corners = cornersOf(phantom.volume);
  const end = (pick: (...x: number[]) => number): number[] => [0, 1, 2].map((i) => pick(...corners.map((c) => c[i] as number)));
  const [low, high] = [end(Math.min), end(Math.max)];
  const along = (i: number): number[] => {
    const count = Math.floor(((high[i] as number) - (low[i] as number) - 24) / 12) + 1;
    return Array.from({ length: count }, (_, n) => (low[i] as number) + 12 + 12 * n);
  };
  return along(0).flatMap((x) =>
    along(1).flatMap((y) => along(2).flatMap((z) => (phantom.signedDistance('skin', x, y, z) < -3 ? [[x, y, z]] : []))),
  );
}
