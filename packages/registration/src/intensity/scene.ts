import type { AnyVolume } from '@trocar/core/volume';
import type { Breath } from './breath.js';
import type { ByteImage } from './byte-image.js';
import { finishLevels } from './finish.js';
import type { Ladder } from './locate.js';
import type { IntensityMetric } from './mutual-information.js';
import { bodyCentreOf, centreOf, levelSpacings, planOf, pyramidOf, samplersOf } from './pyramid.js';
import type { SampleSet } from './samples.js';
import type { LevelData } from './workshop.js';

/** Two images made ready: levels for the crew, and what the search and the checks need to know of them. */
export interface Scene {
  readonly ladder: Ladder;
  /**
   * What makes each level, once and when first called: coarsest first; then, at `reversedLevel`, the judged level with fixed and moving
   * exchanged; then, from `finishLevel` on, the two levels of the finish.
   */
  readonly levels: ReadonlyArray<() => LevelData>;
  readonly reversedLevel: number;
  readonly finishLevel: number;
  /** The finest level with fixed and moving exchanged: only made where it is needed. */
  readonly reversedFinest: () => LevelData;
  readonly reversedFinestLevel: number;
  /** What motions are about: the middle of the fixed image, and of the moving one where they are exchanged, mm. */
  readonly centre: readonly [number, number, number];
  readonly reversedCentre: readonly [number, number, number];
  /** The middles of what is bright, each in its own frame, mm. */
  readonly fixedBody: readonly [number, number, number];
  readonly movingBody: readonly [number, number, number];
  /** Of the second level, where edges are compared: finer ones lie apart as soon as anything is deformed. */
  readonly edgeSpacingMm: number;
  readonly fixed: ByteImage;
  readonly moving: ByteImage;
  readonly edgeSamples: () => SampleSet;
  /** How many voxels were averaged to one in the finest level of each. */
  readonly fixedFactors: readonly [number, number, number];
  readonly movingFactors: readonly [number, number, number];
}

/** What of the options it takes to make a scene. */
export interface SceneOptions {
  readonly metric?: IntensityMetric;
  readonly fixedMask?: AnyVolume;
  readonly movingMask?: AnyVolume;
  readonly seed?: number;
}

/** @throws NavError as `byteImageOf` */
export async function sceneOf(fixed: AnyVolume, moving: AnyVolume, options: SceneOptions, breath: Breath): Promise<Scene> {
  const metric = options.metric ?? 'mi';
  const seed = options.seed ?? 1;
  const spacings = levelSpacings(fixed, moving);
  const count = spacings.length;
  const ofFixed = await pyramidOf(fixed, 'fixed', spacings, breath, options.fixedMask);
  const ofMoving = await pyramidOf(moving, 'moving', spacings, breath, options.movingMask);
  const centre = centreOf(ofFixed.levels[0] as ByteImage);
  const reversedCentre = centreOf(ofMoving.levels[0] as ByteImage);
  const samplesOf = samplersOf(ofFixed, centre, seed);
  const levels = spacings.map((_, n) =>
    once(
      (): LevelData => ({
        samples: samplesOf(n),
        image: ofMoving.levels[n] as ByteImage,
        metric,
        movingBins: planOf(n, count).movingBins,
      }),
    ),
  );
  const judgedLevel = Math.max(Math.min(1, count - 1), Math.min(2, count - 2));
  const reversedSamples = samplersOf(ofMoving, reversedCentre, seed);
  const reversed = (n: number): (() => LevelData) =>
    once(() => ({
      samples: reversedSamples(n),
      image: ofFixed.levels[n] as ByteImage,
      metric,
      movingBins: planOf(n, count).movingBins,
    }));
  const levelAt = (n: number): LevelData => (levels[n] as () => LevelData)();
  const second = Math.min(1, count - 1);
  const { radiusMm } = levelAt(0).samples;
  return {
    ladder: { spacings, radiusMm, judgedLevel },
    levels: [
      ...levels,
      reversed(judgedLevel),
      ...finishLevels({ fixed: ofFixed, moving: ofMoving, centre, reversedCentre, metric, radiusMm, seed }),
    ],
    reversedLevel: count,
    finishLevel: count + 1,
    reversedFinest: reversed(count - 1),
    reversedFinestLevel: count + 3,
    centre,
    reversedCentre,
    fixedBody: bodyCentreOf(ofFixed.levels[0] as ByteImage),
    movingBody: bodyCentreOf(ofMoving.levels[0] as ByteImage),
    edgeSpacingMm: spacings[second] as number,
    fixed: ofFixed.levels[second] as ByteImage,
    moving: ofMoving.levels[second] as ByteImage,
    edgeSamples: () => levelAt(second).samples,
    fixedFactors: ofFixed.factors,
    movingFactors: ofMoving.factors,
  };
}

/** What `make` makes, made when first asked for. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
