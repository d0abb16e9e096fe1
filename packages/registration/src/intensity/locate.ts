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
}

/** What the search found. */
export interface Located {
  readonly best: Candidate;
  /** The best pose elsewhere, scored on {@link judgedLevel} as `judged` is: absent where everything led to the same one. */
  readonly runnerUp: Candidate | undefined;
  /** The best pose, scored on the level where it is compared with others. */
  readonly judged: Candidate;
  readonly judgedLevel: number;
  /** Share of the poses refined on the second level that led to the best one. */
  readonly agreement: number;
  /** How many poses were tried, and how many refined. */
  readonly tried: number;
  readonly refined: number;
}

/** How many poses go on from the coarsest level, the second and the third. */
const KEPT = [32, 8, 4] as const;

/**
 * Finds the pose of greatest worth, coarse to fine: every start is scored on the coarsest level, the best and farthest apart
 * of them are refined there, and fewer go on from level to level.
 * @param told called with the fraction done and the best pose so far
 */
export async function locate(
  crew: Crew,
  ladder: Ladder,
  space: SearchSpace,
  told: (fraction: number, best: Motion) => void,
): Promise<Located> {
  const { spacings, radiusMm } = ladder;
  const first = spacings[0] as number;
  const tries = await scored(crew, 0, [...space.starts, ...space.others]);
  told(0.15, (distinct(tries, 0, radiusMm, 1)[0] as Candidate).motion);
  let pool = await climbed(crew, 0, distinct(tries, 1.2 * first, radiusMm, KEPT[0]), {
    kind: 'rigid',
    reachMm: 1.5 * first,
    toleranceMm: first / 10,
    mostEvaluations: 25,
  });
  let agreement = 0;
  let refined = pool.length;
  const judgedLevel = Math.min(2, spacings.length - 1);
  for (let level = 1; level <= judgedLevel; level += 1) {
    const spacing = spacings[level] as number;
    told(0.15 + (0.5 * level) / judgedLevel, (distinct(pool, 0, radiusMm, 1)[0] as Candidate).motion);
    const kept = distinct(pool, spacing, radiusMm, KEPT[level as 1 | 2]);
    pool = await climbed(crew, level, kept, { kind: 'rigid', reachMm: spacing, toleranceMm: spacing / 20, mostEvaluations: 25 });
    refined += pool.length;
    if (level === 1) agreement = agreementOf(pool, radiusMm, 2 * spacing);
  }
  const allowed = pool.filter(({ motion }) => space.allows(motion));
  const last = spacings[judgedLevel] as number;
  const judged = (distinct(allowed, 0, radiusMm, 1)[0] ?? distinct(pool, 0, radiusMm, 1)[0]) as Candidate;
  const elsewhere = pool.filter(({ motion }) => distanceBetween(motion, judged.motion, radiusMm) > 4 * last);
  const runnerUp = distinct(elsewhere, 0, radiusMm, 1)[0];
  return { best: judged, runnerUp, judged, judgedLevel, agreement, tried: tries.length, refined };
}

/** Share of the pool within `withinMm` of its best. */
function agreementOf(pool: readonly Candidate[], radiusMm: number, withinMm: number): number {
  const best = pool.reduce((a, b) => (worth(b) > worth(a) ? b : a));
  return pool.filter(({ motion }) => distanceBetween(motion, best.motion, radiusMm) <= withinMm).length / pool.length;
}

/** The pose refined on the levels from `from` to the finest, with everything the transform may do at the last two. */
export async function refined(crew: Crew, ladder: Ladder, start: Candidate, kind: MotionKind, from: number): Promise<Candidate> {
  let candidate = start;
  for (let level = from; level < ladder.spacings.length; level += 1) {
    const spacing = ladder.spacings[level] as number;
    const finest = level === ladder.spacings.length - 1;
    const [next] = await climbed(crew, level, [candidate], {
      kind,
      reachMm: spacing,
      toleranceMm: spacing / (finest ? 200 : 30),
      mostEvaluations: kind === 'rigid' ? 25 : 50,
    });
    candidate = next as Candidate;
  }
  return candidate;
}
