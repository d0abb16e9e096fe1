import { Random } from '@trocar/core/math';
import type { ByteImage } from './byte-image.js';
import type { Crew } from './crew.js';
import { drawEvenly } from './even-samples.js';
import type { Ladder } from './locate.js';
import { distanceBetween, halfwayBetween, inverseOf, type Motion, type MotionKind } from './motion.js';
import type { IntensityMetric } from './mutual-information.js';
import type { LevelPlan, Pyramid } from './pyramid.js';
import { evenBytes } from './stretch.js';
import type { LevelData, Reached, Task } from './workshop.js';

/**
 * How a result is finished. The search's samples crowd where the fixed image changes, and its bytes are spread for telling tissues
 * apart: both find the hill quickly and move its top. The finish takes even samples of even bytes, and as many of the moving image
 * as of the fixed one, so that the answer is the same whichever is called fixed.
 */
const PLAN: LevelPlan = { count: 64_000, fixedBins: 32, movingBins: 32, fine: 128 };
/** Steps shorter than this share of the finest spacing end it: the samples leave more open. */
const TOLERANCE = 1 / 20;

/** What the levels of the finish are made of. */
export interface FinishSources {
  readonly fixed: Pyramid;
  readonly moving: Pyramid;
  readonly centre: readonly [number, number, number];
  readonly reversedCentre: readonly [number, number, number];
  readonly metric: IntensityMetric;
  /** What rotations are measured at, mm: the ladder's. */
  readonly radiusMm: number;
  readonly seed: number;
}

/** Makes the two levels of the finish: moving on the fixed image's samples, and the other way round. */
export function finishLevels(sources: FinishSources): [() => LevelData, () => LevelData] {
  const { fixed, moving, centre, reversedCentre, metric, radiusMm, seed } = sources;
  const level =
    (from: Pyramid, to: Pyramid, about: readonly [number, number, number], stream: number): (() => LevelData) =>
    () => {
      const random = new Random(seed + 7919 * stream);
      const drawing = { ...PLAN, centre: about };
      return {
        samples: drawEvenly(from.levels.at(-1) as ByteImage, evenBytes(from.curve), random, drawing, radiusMm),
        image: to.levels.at(-1) as ByteImage,
        metric,
        movingBins: PLAN.movingBins,
        exchange: evenBytes(to.curve),
      };
    };
  return [level(fixed, moving, centre, 16), level(moving, fixed, reversedCentre, 17)];
}

/** A result finished. */
export interface Finished {
  readonly motion: Motion;
  /** How far apart, mm rms over the fixed image, the ways to it lie: where each direction ended, and where the search did. */
  readonly apartMm: number;
}

/** Where a result is finished. */
export interface FinishPlace {
  readonly ladder: Ladder;
  /** The first of the crew's two levels of {@link finishLevels}. */
  readonly finishLevel: number;
  readonly centre: ArrayLike<number>;
  readonly reversedCentre: ArrayLike<number>;
}

/** Climbs from a pose on the finest level in both directions, and takes the middle of where they end. */
export async function finished(
  crew: Crew,
  { ladder, finishLevel, centre, reversedCentre }: FinishPlace,
  kind: MotionKind,
  from: Motion,
): Promise<Finished> {
  const spacing = ladder.spacings.at(-1) as number;
  const options = { kind, reachMm: spacing, toleranceMm: TOLERANCE * spacing, mostEvaluations: kind === 'rigid' ? 25 : 50 };
  const tasks: Task[] = [
    { kind: 'climb', level: finishLevel, motion: from, options },
    { kind: 'climb', level: finishLevel + 1, motion: inverseOf(from, centre, reversedCentre), options },
  ];
  const [there, back] = (await crew.run(tasks)).flat() as [Reached, Reached];
  const other = inverseOf(back.motion, reversedCentre, centre);
  const motion = halfwayBetween(kind, there.motion, other);
  const apart = [distanceBetween(there.motion, other, ladder.radiusMm), distanceBetween(from, motion, ladder.radiusMm)];
  return { motion, apartMm: Math.max(...apart) };
}
