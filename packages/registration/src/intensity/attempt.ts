import { confidenceOf, type VolumeFinding, volumeFindings } from './confidence.js';
import type { Crew } from './crew.js';
import { type CrossChecks, crossChecked, edgesChecked, gather, type SearchEvidence, settled } from './evidence.js';
import { type Finished, finished } from './finish.js';
import { type Ladder, type Located, locate, type QUICK, refined, type SearchSpace } from './locate.js';
import { mirrorCandidate } from './mirror.js';
import { distanceBetween, type Motion } from './motion.js';
import type { Scene } from './scene.js';
import { type Candidate, worth } from './search.js';
import type { Reached, Task } from './workshop.js';

/** A pose found, with what speaks for and against it. */
export interface Attempt {
  readonly located: Located;
  /** The rigid pose on the finest level, with its covariance by the samples. */
  readonly finest: Reached;
  /** The same pose finished. */
  readonly finish: Finished;
  /** The same pose on the judged level. */
  readonly judged: Candidate;
  /** The best pose elsewhere, refined as far. */
  readonly runnerUp: Reached | undefined;
  /** The best pose of the moving image's mirror image, on the judged level. */
  readonly mirrored: Candidate;
  readonly evidence: SearchEvidence;
  readonly confidence: number;
  readonly findings: readonly VolumeFinding[];
}

/** Searches, refines and gathers the evidence. */
export async function attempt(
  crew: Crew,
  scene: Scene,
  space: SearchSpace,
  effort: typeof QUICK,
  tell: (fraction: number, best: Motion) => void,
): Promise<Attempt> {
  const { ladder } = scene;
  const located = await locate(crew, ladder, space, effort, tell);
  const top = ladder.spacings.length - 1;
  // All at once: the last steps of the result alone would leave workers idle.
  const [{ best, judged, runnerUp }, early] = await Promise.all([
    finals(crew, ladder, located),
    elsewhere(crew, scene, located.judged),
  ]);
  tell(0.7, best.motion);
  const { mirrored, checks } = judged === located.judged ? early : await elsewhere(crew, scene, judged);
  // Wide enough that the ripples of interpolation do not pass for curvature, narrow enough for the optimum to look round.
  const stepMm = 0.2 * (ladder.spacings[top] as number);
  const detail = (motion: Motion, step: number): Task => ({
    kind: 'detail',
    level: top,
    motion,
    transform: 'rigid',
    stepMm: step,
  });
  const tasks = [detail(best.motion, stepMm), ...(runnerUp === undefined ? [] : [detail(runnerUp.motion, 0)])];
  const details = Promise.all([crew.run(tasks), finished(crew, scene, 'rigid', best.motion)]);
  const edges = edgesChecked(scene, best.motion);
  const [seen, finish] = await details;
  const [finest, other] = seen.flat() as [Reached, Reached | undefined];
  const settledChecks = { ...(await settled(crew, scene, 'rigid', checks, best)), finishMm: finish.apartMm };
  const evidence = gather({ ...scene, located, finest, runnerUp: other }, settledChecks, edges);
  const confidence = confidenceOf(evidence);
  const circumstances = { confidence, allowed: located.allowed, reduced: false, linear: finest.motion.linear };
  return {
    located,
    finest,
    finish,
    judged,
    runnerUp: other,
    mirrored,
    evidence,
    confidence,
    findings: volumeFindings(evidence, circumstances),
  };
}

/** What is worked out from the pose on the judged level alone. */
async function elsewhere(
  crew: Crew,
  scene: Scene,
  judged: Candidate,
): Promise<{ readonly mirrored: Candidate; readonly checks: CrossChecks }> {
  const [mirrored, checks] = await Promise.all([
    mirrorCandidate(crew, scene, judged),
    crossChecked(crew, scene, 'rigid', judged),
  ]);
  return { mirrored, checks };
}

/**
 * The best pose and the best elsewhere, both refined to the finest level: there the two change places where the coarser
 * level was wrong about them.
 */
async function finals(
  crew: Crew,
  ladder: Ladder,
  { judged, runnerUp, runnerUpAllowed }: Located,
): Promise<{ readonly best: Reached; readonly judged: Candidate; readonly runnerUp: Reached | undefined }> {
  const up = (from: Reached): Promise<Reached> => refined(crew, ladder, from, 'rigid', ladder.judgedLevel + 1);
  const [first, second] = await Promise.all([up(judged), runnerUp === undefined ? undefined : up(runnerUp)]);
  if (
    second === undefined ||
    distanceBetween(first.motion, second.motion, ladder.radiusMm) < (ladder.spacings[ladder.judgedLevel] as number)
  ) {
    return { best: first, judged, runnerUp: undefined };
  }
  // A better pose that was not asked for stays a runner-up: it makes the answer ambiguous.
  return worth(second) > worth(first) && runnerUpAllowed
    ? { best: second, judged: runnerUp as Candidate, runnerUp: first }
    : { best: first, judged, runnerUp: second };
}

/** The thorough search tried more, so its answer stands; unless the quick one found what is worth more. */
export function better(quick: Attempt, thorough: Attempt): Attempt {
  if (quick.located.allowed !== thorough.located.allowed) return quick.located.allowed ? quick : thorough;
  return worth(quick.located.judged) > 1.01 * worth(thorough.located.judged) ? quick : thorough;
}
