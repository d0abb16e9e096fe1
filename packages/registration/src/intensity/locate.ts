import type { ClimbOptions } from './climb.js';
import type { Crew } from './crew.js';
import type { Motion, MotionKind } from './motion.js';
import { distanceBetween } from './motion.js';
import { type Candidate, climbed, distinct, scored, worth } from './search.js';

/** Where {@link locate} looks. */
export interface SearchSpace {
  /** Poses to begin with, on the coarsest level. */
  readonly starts: readonly Motion[];
  /** Poses outside of what was asked for: looked at only to tell whether the answer is ambiguous. */
  readonly others: readonly Motion[];
  /** Whether a pose is one that was asked for. */
  allows(motion: Motion): boolean;
}

/** The levels as the search needs them. */
export interface Ladder {
  /** Coarsest first, mm. */
  readonly spacings: readonly number[];
  readonly radiusMm: number;
  /** The level on which the best poses are compared with each other. */
  readonly judgedLevel: number;
}

/** What the search found, all on the judged level. */
export interface Located {
  readonly judged: Candidate;
  /** Whether it is one that was asked for. */
  readonly allowed: boolean;
  /** The best pose elsewhere: absent where everything led to the same one. */
  readonly runnerUp: Candidate | undefined;
  /** Whether that is one that was asked for, too. */
  readonly runnerUpAllowed: boolean;
  /** Share of the poses refined on the coarsest level that led to the best one there. */
  readonly agreement: number;
  /** How many poses were tried, and how many refined. */
  readonly tried: number;
  readonly refined: number;
}

/** How many poses go on from the coarsest level, the second and the third; of those only looked at for ambiguity, fewer. */
interface Effort {
  readonly kept: readonly [number, number, number];
  readonly others: readonly [number, number, number];
}

/** Enough where the images show the same. */
export const QUICK: Effort = { kept: [36, 12, 4], others: [16, 4, 2] };
/** For what the quick search was not sure of: images cut in different places. */
export const THOROUGH: Effort = { kept: [120, 40, 6], others: [48, 12, 3] };

/**
 * Finds the pose of greatest worth, coarse to fine: every start is scored on the coarsest level, the best and farthest apart
 * of them are refined there, and fewer go on from level to level.
 * @param told called with the fraction done and the best pose so far
 */
export async function locate(
  crew: Crew,
  ladder: Ladder,
  space: SearchSpace,
  effort: Effort,
  told: (fraction: number, best: Motion) => void,
): Promise<Located> {
  const { spacings, radiusMm, judgedLevel } = ladder;
  const best = (pool: readonly Candidate[]): Candidate => distinct(pool, 0, radiusMm, 1)[0] as Candidate;
  const all = await scored(crew, 0, [...space.starts, ...space.others]);
  let [pool, others] = [all.slice(0, space.starts.length), all.slice(space.starts.length)];
  [pool, others] = await begun(crew, ladder, pool, others, effort);
  let agreement = 0;
  let refinedCount = 0;
  for (let level = 0; level <= judgedLevel; level += 1) {
    told(0.1 + (0.5 * level) / (judgedLevel + 1), best(pool).motion);
    const spacing = spacings[level] as number;
    const apart = level === 0 ? spacing / 2 : spacing;
    const kept = distinct(pool, apart, radiusMm, effort.kept[level as 0 | 1 | 2]);
    const keptOthers = distinct(others, apart, radiusMm, effort.others[level as 0 | 1 | 2]);
    const ends = await climbed(crew, level, [...kept, ...keptOthers], {
      kind: 'rigid',
      reachMm: level === 0 ? 1.5 * spacing : spacing,
      toleranceMm: spacing / (level === 0 ? 6 : 20),
      mostEvaluations: level === 0 ? 14 : 25,
    });
    [pool, others] = [ends.slice(0, kept.length), ends.slice(kept.length)];
    refinedCount += ends.length;
    if (level === 0) agreement = agreementOf(pool, radiusMm, 1.5 * spacing);
  }
  const allowed = pool.filter(({ motion }) => space.allows(motion));
  const judged = best(allowed.length > 0 ? allowed : pool);
  const apart = 4 * (spacings[judgedLevel] as number);
  const elsewhere = [...pool, ...others].filter(({ motion }) => distanceBetween(motion, judged.motion, radiusMm) > apart);
  const runnerUp = distinct(elsewhere, 0, radiusMm, 1)[0];
  const runnerUpAllowed = runnerUp !== undefined && space.allows(runnerUp.motion);
  return { judged, allowed: allowed.length > 0, runnerUp, runnerUpAllowed, agreement, tried: all.length, refined: refinedCount };
}

/** So many times as many starts as go on from the coarsest level are walked a few steps first: a start says little itself. */
const BEGUN = 2.5;

async function begun(
  crew: Crew,
  { spacings, radiusMm }: Ladder,
  pool: readonly Candidate[],
  others: readonly Candidate[],
  effort: Effort,
): Promise<[Candidate[], Candidate[]]> {
  const spacing = spacings[0] as number;
  const some = distinct(pool, 1.2 * spacing, radiusMm, BEGUN * effort.kept[0]);
  const someOthers = distinct(others, 1.2 * spacing, radiusMm, BEGUN * effort.others[0]);
  const ends = await climbed(crew, 0, [...some, ...someOthers], {
    kind: 'rigid',
    reachMm: 1.5 * spacing,
    toleranceMm: spacing / 4,
    mostEvaluations: 6,
  });
  return [ends.slice(0, some.length), ends.slice(some.length)];
}

/** Share of the pool within `withinMm` of its best. */
function agreementOf(pool: readonly Candidate[], radiusMm: number, withinMm: number): number {
  const best = pool.reduce((a, b) => (worth(b) > worth(a) ? b : a));
  return pool.filter(({ motion }) => distanceBetween(motion, best.motion, radiusMm) <= withinMm).length / pool.length;
}

/** A pose refined on the levels from `from` to the finest. */
export async function refined(crew: Crew, ladder: Ladder, start: Candidate, kind: MotionKind, from: number): Promise<Candidate> {
  let candidate = start;
  for (let level = from; level < ladder.spacings.length; level += 1) {
    const [next] = await climbed(crew, level, [candidate], finestClimb(ladder, level, kind));
    candidate = next as Candidate;
  }
  return candidate;
}

/** How a level is climbed once the right hill is known. */
export function finestClimb(ladder: Ladder, level: number, kind: MotionKind): ClimbOptions {
  const spacing = ladder.spacings[level] as number;
  const finest = level === ladder.spacings.length - 1;
  return { kind, reachMm: spacing, toleranceMm: spacing / (finest ? 60 : 30), mostEvaluations: kind === 'rigid' ? 25 : 50 };
}
