import { Random } from '@trocar/core/math';
import {
  drawLiverAnatomy,
  type LiverAnatomy,
  type LiverTumours,
  liverTumourPhantom,
  type TumourShape,
} from '@trocar/core/testing';

/** From which ranges of anatomy a phantom is drawn: no size of the trunk is in two of them. */
export type Anatomy = 'training' | 'validation' | 'held-out';

/** Size of the trunk on which thresholds and error bars are chosen: below what was trained with (0.90 – 1.04); held out is above (1.04 – 1.12). */
const VALIDATION_BODY = [0.84, 0.9] as const;
/** Beside that its tumours are drawn out along their longest axis by so much. */
const VALIDATION_STRETCH = [1.1, 1.3] as const;

/** An abdomen as some scanner sees it: spacing, orientation, noise, texture, streaks drawn. The same seed gives the same one. */
export function imagedLiver(seed: number, from: Anatomy): LiverTumours<'ct'> {
  const random = new Random(seed ^ 0x77);
  const plane = random.between(1.2, 2.2);
  const axes = ['LPS', 'RPS', 'LAS', 'LPI', 'SLP', 'PSL', 'RAI', 'ARS'][random.below(8)] as string;
  const slice = random.between(1.5, 3.2);
  return liverTumourPhantom({
    anatomy: from === 'validation' ? validationAnatomy(seed) : drawLiverAnatomy(seed, from),
    seed,
    axes,
    spacingMm: [...axes].map((letter) => ('SI'.includes(letter) ? slice : plane)) as [number, number, number],
    obliqueRad: [random.between(-0.12, 0.12), random.between(-0.12, 0.12), random.between(-0.12, 0.12)],
    noise: random.between(8, 26),
    faults: { textureHu: random.between(0, 6), streakHu: random.between(0, 8), biasHu: random.between(0, 8) },
  });
}

/** A person of the training's ranges made smaller as a whole, tumours with him, and these drawn out. */
function validationAnatomy(seed: number): LiverAnatomy {
  const given = drawLiverAnatomy(seed, 'training');
  const random = new Random(seed ^ 0x5a5a);
  const bodyScale = random.between(...VALIDATION_BODY);
  const f = bodyScale / given.bodyScale;
  const smaller = (v: TumourShape['centre']): TumourShape['centre'] => [f * v[0], f * v[1], f * v[2]];
  const tumours = given.tumours.map(({ centre, radii, bulge, hu }): TumourShape => {
    const longest = radii.indexOf(Math.max(...radii));
    const stretch = random.between(...VALIDATION_STRETCH);
    const drawnOut = radii.map((r, axis) => f * r * stretch ** (axis === longest ? 2 / 3 : -1 / 3));
    return {
      centre: smaller(centre),
      radii: drawnOut as unknown as TumourShape['radii'],
      hu,
      ...(bulge && { bulge: { centre: smaller(bulge.centre), radius: f * bulge.radius } }),
    };
  });
  return { ...given, bodyScale, tumours };
}
