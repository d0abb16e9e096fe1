import type { ClimbOptions } from './climb.js';
import type { Crew } from './crew.js';
import { distanceBetween, type Motion } from './motion.js';
import type { Reached, Task } from './workshop.js';

/** A pose reached in the search, with what it is worth on one sample set. */
export type Candidate = Reached;

/**
 * What a pose is worth: the information that the moving image gives about the whole fixed image, nats per sample. Samples
 * outside count as none, so that a pose is not better for showing less. Poses on one sample set compare.
 */
export function worth(candidate: Candidate): number {
  return candidate.score.mi * candidate.score.overlap;
}

/** The best of poses that are within `apartMm` of each other, best first. */
export function distinct(candidates: readonly Candidate[], apartMm: number, radiusMm: number, most: number): Candidate[] {
  const kept: Candidate[] = [];
  for (const one of [...candidates].sort((a, b) => worth(b) - worth(a))) {
    if (kept.length >= most) break;
    if (kept.every((other) => distanceBetween(other.motion, one.motion, radiusMm) > apartMm)) kept.push(one);
  }
  return kept;
}

/** Every rotation about the fixed centre with every place that an anchor of the fixed image may have in the moving one. */
export function posesOf(
  rotations: readonly Float64Array[],
  anchors: ReadonlyArray<{ readonly fixed: ArrayLike<number>; readonly moving: ArrayLike<number> }>,
): Motion[] {
  return rotations.flatMap((linear) =>
    anchors.map(({ fixed, moving }) => ({
      linear,
      at: Float64Array.from({ length: 3 }, (_, r) => {
        let t = moving[r] as number;
        for (let c = 0; c < 3; c += 1) t -= (linear[3 * r + c] as number) * (fixed[c] as number);
        return t;
      }),
    })),
  );
}

/** The motions' scores on a level, shared out in equal parts; the answer does not depend on how many parts. */
export async function scored(crew: Crew, level: number, motions: readonly Motion[]): Promise<Candidate[]> {
  const size = Math.max(8, Math.ceil(motions.length / (4 * crew.hands)));
  const tasks: Task[] = [];
  for (let n = 0; n < motions.length; n += size) tasks.push({ kind: 'scores', level, motions: motions.slice(n, n + size) });
  return (await crew.run(tasks)).flat();
}

/** Each candidate walked uphill on a level. */
export async function climbed(
  crew: Crew,
  level: number,
  from: readonly Candidate[],
  options: ClimbOptions,
): Promise<Candidate[]> {
  return (await crew.run(from.map(({ motion }) => ({ kind: 'climb', level, motion, options })))).flat();
}
