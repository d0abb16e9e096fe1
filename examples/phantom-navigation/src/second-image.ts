import type { AffineTransform, Point } from '@trocar/core';
import { fromRotationVector, invertRigid, Random, transformPoint } from '@trocar/core/math';
import { headPhantom } from '@trocar/core/testing';
import type { Volume } from '@trocar/core/volume';
import { SECOND } from './frames.js';

/** What is wrong with a simulated second image, if anything. */
export type SecondFault = 'none' | 'noisy' | 'mirrored';

/** Another image of the phantom, and where it truly lies: what a registration tries to find. */
export interface SimulatedSecond {
  readonly volume: Volume<'second'>;
  /** ct from second, rigid, 16 doubles, column-major, mm: for scoring alone. */
  readonly ctFromSecond: Float64Array;
}

/** How far the head lay otherwise in the other scanner: rotation, rad, and shift along each axis, mm. */
const TURN_RAD = [0.2, 0.6] as const;
const SHIFT_MM = 40;
/** Noise that hides most of an MR of about 1000 units. */
const DROWNING = 600;

/**
 * An MR of the phantom whose CT is `phantomCase(seed)`, taken in another scanner: another contrast, an oblique grid that
 * runs the other way, and a head that lies elsewhere.
 * @param spacingMm of the image; default 2
 */
export function simulatedSecond(seed: number, fault: SecondFault = 'none', spacingMm = 2): SimulatedSecond {
  const random = new Random(seed ^ 0x3c6ef372);
  const secondFromCt = displacement(random);
  const noise = fault === 'noisy' ? { noise: DROWNING } : {};
  const { volume: taken } = headPhantom({
    frame: SECOND,
    spacingMm,
    contrast: 'mr',
    seed: seed ^ 0x1f83d9ab,
    axes: 'RPS',
    obliqueRad: [0.1, -0.05, 0.2],
    frameFromBody: secondFromCt,
    frameOfReferenceUid: '2.25.77120933150284',
    ...noise,
  });
  const ctFromSecond = new Float64Array(16);
  invertRigid(ctFromSecond, secondFromCt);
  return { volume: fault === 'mirrored' ? mirrored(taken) : taken, ctFromSecond };
}

function displacement(random: Random): Float64Array {
  const axis = [random.normal(), random.normal(), random.normal()];
  const angle = random.between(...TURN_RAD) / Math.hypot(...axis);
  const m = fromRotationVector(
    new Float64Array(16),
    axis.map((x) => angle * x),
  );
  for (let k = 12; k < 15; k += 1) m[k] = random.between(-SHIFT_MM, SHIFT_MM);
  return m;
}

/** The same grid with every row the wrong way round: a file that has its left and right exchanged. */
function mirrored(v: Volume<'second'>): Volume<'second'> {
  const [ni] = v.size;
  const voxels = v.voxels.slice();
  for (let row = 0; row < voxels.length; row += ni) voxels.subarray(row, row + ni).reverse();
  return { ...v, voxels };
}

/** How far a registration puts a point of the CT from where it truly lies, mm. @param truth `ctFromSecond` */
export function secondErrorMm(found: AffineTransform<'ct', 'second'>, truth: ArrayLike<number>, p: Point<'ct'>): number {
  const secondFromCt = invertRigid(new Float64Array(16), truth);
  const there = transformPoint(new Float64Array(3), secondFromCt, p.xyz);
  const back = transformPoint(new Float64Array(3), found.matrix, there);
  return Math.hypot(...[0, 1, 2].map((k) => (back[k] as number) - (p.xyz[k] as number)));
}
