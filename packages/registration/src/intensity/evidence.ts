import type { ByteImage } from './byte-image.js';
import type { Crew } from './crew.js';
import { edgeAgreement } from './edges.js';
import { finestClimb, type Ladder, type Located } from './locate.js';
import { distanceBetween, inverseOf, type Motion, type MotionKind, PARAMETERS } from './motion.js';
import type { SampleSet } from './samples.js';
import { type Candidate, worth } from './search.js';
import type { LevelData, Reached, Task } from './workshop.js';

/** What speaks for and against a result: figures that need no truth. */
export interface RegistrationEvidence {
  /** Share of the fixed samples inside the moving image, 0 … 1. */
  readonly overlap: number;
  /** Mutual information over the samples inside, nats. */
  readonly mutualInformation: number;
  /** By how much the best pose elsewhere is worse, relative; 1 where there is none. */
  readonly runnerUpGap: number;
  /** The same in standard errors of the choice of samples. */
  readonly runnerUpSigmas: number;
  /** Share of the refined poses that led to the result, 0 … 1. */
  readonly agreement: number;
  /** How far the result with fixed and moving exchanged lies from it, mm rms over the fixed image. */
  readonly reversalMm: number;
  /**
   * How far apart the ways to the result's last steps lie: by the search's measure, by even samples of the fixed image, and of the moving
   * one; the largest distance, mm rms over the fixed image.
   */
  readonly finishMm: number;
  /** How far the rigid result moves when it may also stretch and shear, mm rms. */
  readonly affineGapMm: number;
  /** Mean squared cosine between the two images' gradients (1/3 where unrelated), and its peak at the result in standard errors. */
  readonly edges: number;
  readonly edgePeak: number;
  /** Expected error of the pose by the samples alone, mm rms over the fixed image. */
  readonly samplingMm: number;
  /** Spacing of the level on which the above was judged, mm: what the millimetres compare with. */
  readonly judgedSpacingMm: number;
  /** Root mean square distance of the fixed samples from their middle: the size of what is registered, mm. */
  readonly radiusMm: number;
  /** By how much the best pose of the moving image's mirror image is worse, relative; below 0 where it is better. */
  readonly mirrorGap: number;
  /** The same in standard errors of the choice of samples. */
  readonly mirrorSigmas: number;
}

/** The evidence of the search itself, before the mirror image is looked for. */
export type SearchEvidence = Omit<RegistrationEvidence, 'mirrorGap' | 'mirrorSigmas'>;

/** What {@link gather} needs of the images. */
export interface EvidenceSources {
  readonly ladder: Ladder;
  readonly located: Located;
  /** The rigid pose on the finest level, with its covariance by the samples. */
  readonly finest: Reached;
  /** The best pose elsewhere, refined as far, with its noise. */
  readonly runnerUp: Reached | undefined;
  /** The level of the crew on which fixed and moving are exchanged, and the centre of its samples. */
  readonly reversedLevel: number;
  /** Makes the finest level for that. */
  readonly reversedFinest: () => LevelData;
  readonly reversedFinestLevel: number;
  readonly centre: ArrayLike<number>;
  readonly reversedCentre: ArrayLike<number>;
  readonly edgeSpacingMm: number;
  readonly fixed: ByteImage;
  readonly moving: ByteImage;
  readonly edgeSamples: () => SampleSet;
}

/** The evidence for a rigid pose. */
export function gather(
  { located, finest, runnerUp, ladder }: EvidenceSources,
  checks: Pick<SearchEvidence, 'reversalMm' | 'affineGapMm' | 'finishMm'>,
  edges: EdgeChecks,
): SearchEvidence {
  return {
    ...seen(ladder, finest),
    ...checks,
    ...edges,
    ...gaps(finest, runnerUp),
    agreement: located.agreement,
    samplingMm: samplingError(finest, 'rigid'),
  };
}

/**
 * The evidence for a result that also grows or stretches: everything is checked anew, and the best pose elsewhere may grow and
 * stretch too; only that the starts agreed stays as it was found.
 * @param best the result on the finest level
 */
export async function gatherFor(
  crew: Crew,
  sources: Omit<EvidenceSources, 'located' | 'finest'>,
  kind: 'similarity' | 'affine',
  best: Reached,
  rigid: SearchEvidence,
): Promise<{ readonly evidence: SearchEvidence; readonly detailed: Reached }> {
  const { ladder, runnerUp } = sources;
  const { judgedLevel, radiusMm } = ladder;
  const top = ladder.spacings.length - 1;
  const climb = (motion: Motion, level: number): Task => ({
    kind: 'climb',
    level,
    motion,
    options: finestClimb(ladder, level, kind),
  });
  const detail = (motion: Motion, stepMm: number): Task => ({ kind: 'detail', level: top, motion, transform: kind, stepMm });
  const rival = runnerUp && [climb(runnerUp.motion, top)];
  const tasks = [climb(best.motion, judgedLevel), detail(best.motion, 0.2 * (ladder.spacings[top] as number)), ...(rival ?? [])];
  const [judged, detailed, other] = (await crew.run(tasks)).flat() as [Reached, Reached, Reached | undefined];
  const checks = {
    ...seen(ladder, best),
    ...(await settled(crew, sources, kind, await crossChecked(crew, sources, kind, judged), best)),
    ...edgesChecked(sources, best.motion),
  };
  const same =
    other === undefined || distanceBetween(other.motion, best.motion, radiusMm) < (ladder.spacings[judgedLevel] as number);
  const elsewhere = same ? undefined : ((await crew.run([detail((other as Reached).motion, 0)])).flat()[0] as Reached);
  const evidence = { ...rigid, ...checks, ...gaps(detailed, elsewhere), samplingMm: samplingError(detailed, kind) };
  // How far an affine map is from rigid stays a doubt: nothing else says whether a stretch is true.
  return { evidence: kind === 'affine' ? { ...evidence, affineGapMm: rigid.affineGapMm } : evidence, detailed };
}

/** What other ways to the pose say, on the judged level. */
export type CrossChecks = Pick<SearchEvidence, 'reversalMm' | 'affineGapMm'> & {
  /** Where fixed and moving exchanged lead to. */
  readonly reversed: Reached;
};
/** What the images' edges say. */
export type EdgeChecks = Pick<SearchEvidence, 'edges' | 'edgePeak'>;

/** Registers with fixed and moving exchanged, and lets the pose stretch. @param judged the pose on the judged level */
export async function crossChecked(
  crew: Crew,
  {
    ladder,
    reversedLevel,
    centre,
    reversedCentre,
  }: Pick<EvidenceSources, 'ladder' | 'reversedLevel' | 'centre' | 'reversedCentre'>,
  kind: MotionKind,
  judged: Candidate,
): Promise<CrossChecks> {
  const { judgedLevel, radiusMm } = ladder;
  const back = inverseOf(judged.motion, centre, reversedCentre);
  const tasks: Task[] = [
    { kind: 'climb', level: reversedLevel, motion: back, options: finestClimb(ladder, judgedLevel, kind) },
    { kind: 'climb', level: judgedLevel, motion: judged.motion, options: finestClimb(ladder, judgedLevel, 'affine') },
  ];
  const [reversed, affine] = (await crew.run(tasks)).map(([first]) => first as Reached) as [Reached, Reached];
  return {
    reversed,
    reversalMm: distanceBetween(inverseOf(reversed.motion, reversedCentre, centre), judged.motion, radiusMm),
    affineGapMm: distanceBetween(affine.motion, judged.motion, radiusMm),
  };
}

/** A result is right within this: two ways to it that differ by more cannot both be. */
export const RIGHT_MM = 2;

/**
 * What the checks come to. Where the exchanged images lead elsewhere on the judged level, that may be the level's coarseness: they are
 * followed to the finest, as the result was, and compared there.
 */
export async function settled(
  crew: Crew,
  {
    ladder,
    reversedFinest,
    reversedFinestLevel: level,
    centre,
    reversedCentre,
  }: Pick<EvidenceSources, 'ladder' | 'reversedFinest' | 'reversedFinestLevel' | 'centre' | 'reversedCentre'>,
  kind: MotionKind,
  { reversed, reversalMm, affineGapMm }: CrossChecks,
  finest: Candidate,
): Promise<Pick<SearchEvidence, 'reversalMm' | 'affineGapMm'>> {
  const top = ladder.spacings.length - 1;
  if (reversalMm <= RIGHT_MM || ladder.judgedLevel === top) return { reversalMm, affineGapMm };
  crew.supply(level, reversedFinest());
  const options = finestClimb(ladder, top, kind);
  const [end] = (await crew.run([{ kind: 'climb', level, motion: reversed.motion, options }])).flat() as [Reached];
  const back = inverseOf(end.motion, reversedCentre, centre);
  return { reversalMm: distanceBetween(back, finest.motion, ladder.radiusMm), affineGapMm };
}

/** In the caller's thread. */
export function edgesChecked(
  { fixed, moving, edgeSamples, edgeSpacingMm }: Pick<EvidenceSources, 'fixed' | 'moving' | 'edgeSamples' | 'edgeSpacingMm'>,
  motion: Motion,
): EdgeChecks {
  const edges = edgeAgreement(fixed, moving, edgeSamples(), motion, 1.5 * edgeSpacingMm);
  return { edges: edges.value, edgePeak: edges.peak };
}

function seen(
  ladder: Ladder,
  { score }: Reached,
): Pick<SearchEvidence, 'overlap' | 'mutualInformation' | 'judgedSpacingMm' | 'radiusMm'> {
  return {
    overlap: score.overlap,
    mutualInformation: score.mi,
    judgedSpacingMm: ladder.spacings[ladder.judgedLevel] as number,
    radiusMm: ladder.radiusMm,
  };
}

function gaps(best: Reached, other: Reached | undefined): Pick<SearchEvidence, 'runnerUpGap' | 'runnerUpSigmas'> {
  if (other === undefined) return { runnerUpGap: 1, runnerUpSigmas: worth(best) / noiseOf(best) };
  const gap = 1 - worth(other) / worth(best);
  return { runnerUpGap: gap, runnerUpSigmas: (gap * worth(best)) / Math.hypot(noiseOf(best), noiseOf(other)) };
}

/** Standard error of a pose's worth. */
function noiseOf({ detail, score }: Reached): number {
  return Math.max((detail?.noise ?? 0) * score.overlap, 1e-9);
}

/**
 * The root of the mean squared displacement over the samples by the covariance of the pose: translations count whole, rotation at
 * the samples' distance moves in two of three directions, growth in all, and an element of an affine map along one axis.
 */
function samplingError(finest: Reached, kind: MotionKind): number {
  const c = finest.detail?.covariance;
  if (c === undefined) return Number.NaN;
  const n = PARAMETERS[kind];
  let sum = 0;
  for (let k = 0; k < n; k += 1)
    sum += (c[(n + 1) * k] as number) * (k < 3 || (k === 6 && kind === 'similarity') ? 1 : kind === 'affine' ? 1 / 3 : 2 / 3);
  return Math.sqrt(sum);
}
