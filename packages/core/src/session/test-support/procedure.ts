import { frame, point, type Transform, transform } from '../../frames/index.js';
import { type StraightPlan, straightPlan } from '../../guidance/index.js';
import { fromQuaternion, type Random } from '../../math/index.js';
import { manualClock } from '../../testing/index.js';
import { type Volume, volume } from '../../volume/index.js';
import type { RegistrationAccuracy, SessionParts } from '../index.js';
import { memoryStorage } from '../index.js';

/** Things that a procedure accepts, with numbers that use every bit of a double. */

export const CT = frame('ct');
export const REFERENCE = frame('reference');
export const STYLUS = frame('stylus');
export const TIP = frame('tip');

/** A small image with a name. @param uid its frame of reference */
export function image(uid: string | null = '1.2.3'): Volume<'ct'> {
  return volume({
    frame: CT,
    voxels: new Int16Array(24),
    size: [2, 3, 4],
    frameFromIndex: [0.7, 0, 0, 0, 0, 0.7, 0, 0, 0, 0, 1.25, 0, -120.1, -0, 1 / 3, 1],
    modality: 'CT',
    series: { seriesUid: '1.2.3.4' },
    ...(uid !== null && { frameOfReferenceUid: uid }),
  });
}

/** What a session is made with, on a clock that stands where it is put. */
export function parts(): SessionParts<'ct'> & { storage: ReturnType<typeof memoryStorage> } {
  return { storage: memoryStorage(), clock: manualClock(1000), image: image() };
}

/** A rigid transform with every bit in use, and a covariance. */
export function wildEdge<To extends string, From extends string>(
  to: ReturnType<typeof frame<To>>,
  from: ReturnType<typeof frame<From>>,
  random: Random,
): Transform<To, From> {
  const matrix = new Float64Array(16);
  const at = [random.normal() * 100, -0, random.normal() / 3];
  fromQuaternion(matrix, random.rotation(new Float64Array(4)), at);
  const root = Array.from({ length: 36 }, () => random.normal() * 1e-3);
  const covariance = new Float64Array(36);
  for (let i = 0; i < 6; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = 0;
      for (let k = 0; k < 6; k += 1) sum += (root[6 * i + k] as number) * (root[6 * j + k] as number);
      covariance[6 * i + j] = covariance[6 * j + i] = sum;
    }
  }
  const degreesOfFreedom = random.below(2) === 0 ? Number.POSITIVE_INFINITY : 3 * random.below(9) + 1;
  return transform(to, from, matrix, {
    ...(random.below(4) > 0 && { covariance }),
    degreesOfFreedom,
    provenance: { method: 'paired-points', inputs: 'touches 1–6' },
  });
}

/** A plan on {@link image}. */
export function wildPlan(random: Random, uid = '1.2.3'): StraightPlan<'ct'> {
  const at = (): number[] => [random.normal() * 80, random.normal() * 80, random.normal() * 80];
  return straightPlan({
    entry: point(CT, at()),
    target: point(CT, at()),
    frameOfReferenceUid: uid,
    ...(random.below(2) === 0 && { maxTre95Mm: random.between(1, 3) }),
  });
}

/** An accuracy in which some is not known. */
export function wildAccuracy(random: Random): RegistrationAccuracy {
  return {
    tre95Mm: random.between(0.5, 2),
    freMm: random.uniform(),
    fleMm: random.below(3) === 0 ? Number.NaN : random.uniform(),
    residuals: [
      { label: '1', residualMm: random.uniform(), expectedMm: random.uniform(), used: true },
      { label: '2', residualMm: Number.NaN, expectedMm: Number.NaN, used: false },
    ],
    findings: ['Fiducial 2 was touched 3.1 mm from where the others put it.'],
    acknowledged: random.below(2) === 0,
  };
}

/** A view that lies somehow. */
export function wildView(random: Random): {
  right: [number, number, number];
  up: [number, number, number];
  centre: [number, number, number];
  mmPerPx: number;
  window: { width: number; level: number };
} {
  const m = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), [0, 0, 0]);
  return {
    right: [m[0] as number, m[1] as number, m[2] as number],
    up: [m[4] as number, m[5] as number, m[6] as number],
    centre: [random.normal() * 50, -0, random.normal() * 50],
    mmPerPx: random.between(0.1, 1),
    window: { width: random.between(80, 2000), level: random.normal() * 300 },
  };
}
