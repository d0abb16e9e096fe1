import { Random } from '@trocar/core/math';
import { spacingOf } from '@trocar/core/volume';
import type { ByteImage } from './byte-image.js';
import type { SearchSpace } from './locate.js';
import { type Motion, moved, product3, turned } from './motion.js';
import { allRotations } from './orientations.js';
import type { Scene } from './scene.js';
import { posesOf } from './search.js';

/** How far from the start the answer may be. */
export interface SearchLimits {
  readonly searchMm?: number;
  readonly searchDeg?: number;
  readonly seed?: number;
}

/** Starts drawn within limits, in a quick and in a thorough search. */
const DRAWN = 250;
const DRAWN_THOROUGHLY = 2000;
/** The answer may lie so much outside the limits: a start at the limit is refined a little. */
const SLACK_MM = 2;
const SLACK_RAD = (2 * Math.PI) / 180;

/**
 * Where to begin. Without limits: 216 rotations that cover all of them, each with the start's place, with the images' centres
 * on each other, and with the bodies' middles. With limits: places and rotations drawn within them; the others then only
 * tell whether the answer is ambiguous.
 */
export function searchSpace(scene: Scene, initial: Motion, limits: SearchLimits, thorough: boolean): SearchSpace {
  const { ladder } = scene;
  const everywhere = posesEverywhere(scene, initial, thorough);
  const mm = limits.searchMm ?? Number.POSITIVE_INFINITY;
  const rad = ((limits.searchDeg ?? 180) * Math.PI) / 180;
  if (mm === Number.POSITIVE_INFINITY && rad >= Math.PI) {
    return { starts: [initial, ...everywhere], others: [], allows: () => true };
  }
  const allows = (motion: Motion, slackMm = SLACK_MM, slackRad = SLACK_RAD): boolean =>
    shiftBetween(initial, motion) <= mm + slackMm && angleBetween(initial, motion) <= rad + slackRad;
  const random = new Random((limits.seed ?? 1) ^ 0x5eed);
  const drawn = drawnStarts(thorough ? DRAWN_THOROUGHLY : DRAWN, initial, mm, rad, ladder.radiusMm, random);
  return {
    starts: [initial, ...drawn, ...everywhere.filter((m) => allows(m, 0, 0))],
    others: everywhere.filter((m) => !allows(m)),
    allows: (m) => allows(m),
  };
}

/** Every rotation about the start's, or its mirror image, with each guess of the place. */
export function posesEverywhere(scene: Scene, initial: Motion, thorough: boolean, mirrored = false): Motion[] {
  const relative = scene.fixedBody.map((x, r) => x - (scene.centre[r] as number));
  // With all rotations, one reflection is all of them.
  const base = mirrored ? product3(initial.linear, [-1, 0, 0, 0, 1, 0, 0, 0, 1]) : initial.linear;
  return posesOf(
    allRotations().map((r) => product3(base, r)),
    [
      ...(thorough ? spreadAnchors(scene) : []),
      { fixed: [0, 0, 0], moving: initial.at },
      { fixed: [0, 0, 0], moving: scene.reversedCentre },
      { fixed: relative, moving: scene.movingBody },
    ],
  );
}

/**
 * The moving image's centre on 27 to 125 places about the fixed image's, along each fixed axis as far as the smaller image may
 * be off the larger one's middle, and no farther apart than a quarter of the smaller.
 */
function spreadAnchors(scene: Scene): Array<{ readonly fixed: number[]; readonly moving: ArrayLike<number> }> {
  const extents = (image: ByteImage): number[] => spacingOf(image).map((s, a) => s * (image.size[a] as number));
  const across = Math.cbrt(extents(scene.moving).reduce((product, e) => product * e, 1));
  const geometry = scene.fixed.frameFromIndex;
  const spacing = spacingOf(scene.fixed);
  let places = [[0, 0, 0]];
  extents(scene.fixed).forEach((extent, a) => {
    const range = Math.max(extent / 4, Math.abs(extent - across) / 2);
    const count = Math.max(1, Math.min(2, Math.round((4 * range) / Math.min(extent, across))));
    const steps = Array.from({ length: 2 * count + 1 }, (_, n) => ((n - count) * range) / count);
    places = places.flatMap((place) =>
      steps.map((step) => place.map((x, r) => x + (step * (geometry[4 * a + r] as number)) / (spacing[a] as number))),
    );
  });
  return places.map((fixed) => ({ fixed, moving: scene.reversedCentre }));
}

/** Poses uniform in the ball of places and in the ball of rotation vectors, as far as those are bounded. */
function drawnStarts(count: number, initial: Motion, mm: number, rad: number, radiusMm: number, random: Random): Motion[] {
  const far = Math.min(mm, 2 * radiusMm);
  return Array.from({ length: count }, () => {
    const shift = inBall(random, far);
    const [x, y, z] = inBall(random, Math.min(rad, Math.PI) / 2) as [number, number, number];
    // tan h ≥ h + h³ / 3: never more than the limit, and without a tangent, which machines round differently.
    const lengthen = 1 + (x * x + y * y + z * z) / 3;
    const rotation = turned(x * lengthen, y * lengthen, z * lengthen);
    const shifted = moved('rigid', initial, [...shift, 0, 0, 0], radiusMm);
    return { linear: product3(rotation, shifted.linear), at: shifted.at };
  });
}

function inBall(random: Random, radius: number): number[] {
  for (;;) {
    const p = [0, 1, 2].map(() => random.between(-1, 1));
    if (Math.hypot(...p) <= 1) return p.map((x) => x * radius);
  }
}

function shiftBetween(a: Motion, b: Motion): number {
  return Math.hypot(...[0, 1, 2].map((r) => (a.at[r] as number) - (b.at[r] as number)));
}

/** Of rotations, by the trace where it is large and by the difference where it is small. */
function angleBetween(a: Motion, b: Motion): number {
  let sum = 0;
  for (let n = 0; n < 9; n += 1) sum += ((a.linear[n] as number) - (b.linear[n] as number)) ** 2;
  return 2 * Math.asin(Math.min(1, Math.sqrt(sum / 8)));
}
