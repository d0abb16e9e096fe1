import { compose, type Frame, type Transform, transform } from '@trocar/core';
import { biopsyGun } from '@trocar/core/guidance';
import { fromRotationVector, identity4, multiply4 } from '@trocar/core/math';
import { FanShape } from './fan.js';
import { GUIDE, PLANE, PROBE } from './frames.js';

/** The end-fire probe's sector, from its data sheet: 115° wide, 59 mm deep from an arc of 11 mm. */
export const FAN = new FanShape({ lines: 112, samples: 124, stepMm: 0.48, startMm: 11, halfAngle: 1 });

/** An 18 G side-notch gun as is usual for the prostate: 22 mm throw, 19 mm notch, 5 mm dead end. */
export const GUN = biopsyGun({ name: '18 G × 20 cm side notch', deadEndMm: 5, notchMm: 19, throwMm: 22, needleMm: 200 });
/** The depth stop clicks every so many mm. */
export const STOP_MARKS_MM = 5;

/** How well the stored calibrations are known: standard deviations per axis about the middle of what they are used for. */
export const CALIBRATION_SD = { planeMm: 0.35, planeRad: 0.006, guideMm: 0.3, guideRad: 0.004 } as const;

/** Where the plane lies in the probe's marker: the handle is 170 mm behind the face. */
export const PROBE_FROM_PLANE: Float64Array = multiply4(
  identity4(),
  at(4, -22, 168),
  fromRotationVector(identity4(), [0.02, -0.03, 0.6]),
);
/** Where the needle leaves its guide, 9 mm beside the middle of the plane, and the way it goes: 0.1 rad towards the middle. */
export const PLANE_FROM_GUIDE: Float64Array = multiply4(identity4(), at(-9, 0, 8), fromRotationVector(identity4(), [0, 0.1, 0]));
/** What the plane's calibration is used for: the gland; in the plane, mm. */
export const PLANE_MIDDLE: readonly [number, number, number] = [0, 0, 35];
/** What the guide's is used for; along the guide, mm. */
export const GUIDE_MIDDLE: readonly [number, number, number] = [0, 0, 30];

function at(x: number, y: number, z: number): Float64Array {
  const m = identity4();
  m.set([x, y, z], 12);
  return m;
}

/**
 * A rigid edge whose error is known about a place of its `from` frame: turns by `sdRad`, shifts by `sdMm` along each axis there.
 * @param middle in `from`, mm
 */
export function edgeKnownAbout<To extends string, From extends string>(
  to: Frame<To>,
  from: Frame<From>,
  matrix: ArrayLike<number>,
  known: {
    readonly middle: readonly [number, number, number];
    readonly sdMm: number;
    readonly sdRad: number;
    readonly method: string;
  },
): Transform<To, From> {
  const [x, y, z] = known.middle;
  const covariance = new Float64Array(36);
  for (let k = 0; k < 6; k += 1) covariance[7 * k] = k < 3 ? known.sdMm ** 2 : known.sdRad ** 2;
  const there = transform(to, from, multiply4(identity4(), matrix, at(x, y, z)), { covariance: 'exact' });
  const error = transform(from, from, identity4(), { covariance });
  const back = transform(from, from, at(-x, -y, -z), { covariance: 'exact' });
  const whole = compose(compose(there, error), back);
  return transform(to, from, matrix, {
    ...(whole.covariance && { covariance: whole.covariance }),
    provenance: { method: known.method },
  });
}

/** The stored calibration of the image, with its error. */
export function storedPlane(): Transform<'probe', 'plane'> {
  const { planeMm: sdMm, planeRad: sdRad } = CALIBRATION_SD;
  return edgeKnownAbout(PROBE, PLANE, PROBE_FROM_PLANE, { middle: PLANE_MIDDLE, sdMm, sdRad, method: 'stored' });
}

/** Whether a calibration of the image is the stored one, and not one that was made since. */
export function isStoredPlane({ matrix }: { readonly matrix: ArrayLike<number> }): boolean {
  return PROBE_FROM_PLANE.every((v, k) => v === matrix[k]);
}

/**
 * The stored calibration of the needle guide, with its error.
 * @param offsetMm of a guide that is not the one it is said to be: beside the plane's middle, mm
 */
export function storedGuide(offsetMm = 0): Transform<'plane', 'guide'> {
  const { guideMm: sdMm, guideRad: sdRad } = CALIBRATION_SD;
  const m = multiply4(identity4(), at(offsetMm, 0, 0), PLANE_FROM_GUIDE);
  return edgeKnownAbout(PLANE, GUIDE, m, { middle: GUIDE_MIDDLE, sdMm, sdRad, method: 'stored' });
}

/** Places known in the calibration bath, in the reference's frame, mm: three beads, none in line with the others. */
export const BATH_BEADS: readonly (readonly [number, number, number])[] = [
  [180, -14, 12],
  [196, 2, -9],
  [188, 19, 4],
];
/** Where in the plane each bead is held: either side, and different depths; x and z, mm. */
export const BEAD_PLACES: readonly (readonly [number, number])[] = [
  [-15, 34],
  [4, 44],
  [16, 28],
];
/** How far the needle is put in while the guide is tried, mm. */
export const TRY_NEEDLE_MM = 45;
