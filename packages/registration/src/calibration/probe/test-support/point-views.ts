import { fromRotationVector, type Random } from '@trocar/core/math';
import type { PointObservation } from '../other-targets.js';

/** How a made-up point is looked at, and what is wrong with it: standard deviations along each axis, mm. */
export interface PointViewOptions {
  readonly views: number;
  readonly imagesAView: number;
  /** What all images of a view err by together. */
  readonly commonMm: number;
  /** What each image errs by on its own, in its pose and in its picture. */
  readonly ownMm: number;
}

/** A point that stands still, several pictures of it from each of many sides, and the truth. */
export function pointViews(
  random: Random,
  { views, imagesAView, commonMm, ownMm }: PointViewOptions,
): { probeFromImage: Float64Array; observations: PointObservation[] } {
  const [sx, sy] = [random.between(0.07, 0.09), random.between(0.07, 0.09)];
  const probeFromImage = turned(random, 1.5).map((x, n) => (n < 4 ? sx * x : n < 8 ? sy * x : n < 12 ? 0.08 * x : x));
  for (let r = 0; r < 3; r += 1) probeFromImage[12 + r] = random.between(-40, 40);
  const place = [30, -50, 120];
  const normals = (sd: number): number[] => place.map(() => sd * random.normal());
  const observations: PointObservation[] = [];
  for (let view = 0; view < views; view += 1) {
    const pose = turned(random, 0.6);
    const [u, v] = [random.between(50, 770), random.between(50, 560)];
    const inProbe = [0, 1, 2].map((r) => at(probeFromImage, r) * u + at(probeFromImage, 4 + r) * v + at(probeFromImage, 12 + r));
    const common = normals(commonMm);
    for (let k = 0; k < imagesAView; k += 1) {
      const own = normals(ownMm);
      const referenceFromProbe = pose.slice();
      for (let r = 0; r < 3; r += 1) {
        const there = [0, 1, 2].reduce((sum, c) => sum + at(pose, 4 * c + r) * (inProbe[c] as number), 0);
        referenceFromProbe[12 + r] = (place[r] as number) - there + (common[r] as number) + (own[r] as number);
      }
      const [du, dv] = normals(ownMm) as [number, number];
      observations.push({ point: [u + du / sx, v + dv / sy], referenceFromProbe });
    }
  }
  return { probeFromImage, observations };
}

const at = (m: Float64Array, n: number): number => m[n] as number;

const turned = (random: Random, most: number): Float64Array =>
  fromRotationVector(new Float64Array(16), [
    random.between(-most, most),
    random.between(-most, most),
    random.between(-most, most),
  ]);
