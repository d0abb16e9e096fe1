import { isNavError, type Point, point } from '@trocar/core';
import { fromQuaternion, Random } from '@trocar/core/math';
import { type PreparedSurface, prepareSurface, registerSurface } from '@trocar/registration';
import {
  CT,
  cap,
  errorAt,
  headMesh,
  type Patch,
  randomHead,
  SurfaceSampler,
  seenBy,
  strokes,
  TRACKER,
  touched,
} from '../../packages/registration/src/testing/surfaces.js';

/** What a registration without a start led to, counted. */
export interface Anywhere {
  readonly name: string;
  readonly runs: number;
  /** Right (the head's middle and three places 50 mm off it within 5 mm or what the result itself expects) and `ok`. */
  readonly right: number;
  /** Not `ok`, whatever the pose: ambiguous, failed or refused. */
  readonly said: number;
  /** Wrong, and `ok`. */
  readonly silent: number;
  readonly ms: number[];
  readonly words: Record<string, number>;
}

const SEEN = [
  [0, 0, 0],
  [50, 0, 0],
  [0, 50, 0],
  [0, 0, 50],
];

const FRONT = cap([0, 0, 0], [0, -1, 0.15], 60);
const PATCHES: readonly { readonly name: string; readonly patch: Patch; readonly noseMm?: number }[] = [
  { name: 'face', patch: FRONT },
  {
    name: 'strokes over face and forehead',
    patch: strokes(
      cap([0, 0, 0], [0, -1, 0.1], 75),
      [0, 0, 0],
      [
        [1, 0, 0],
        [0, 0, 1],
        [1, 0.2, 0.5],
      ],
      4,
    ),
  },
  { name: 'side of the head', patch: cap([0, 0, 0], [1, -0.5, 0], 55) },
  { name: 'half a face', patch: cap([0, 0, 0], [0.5, -1, 0.2], 50) },
  { name: 'face, nose of 3 mm', patch: FRONT, noseMm: 3 },
  { name: 'face without a nose', patch: FRONT, noseMm: 0 },
  { name: 'cheek', patch: cap([0, 0, 0], [1, -0.8, -0.2], 25) },
  { name: 'crown', patch: cap([0, 0, 0], [0, 0.2, 1], 50) },
  { name: 'one stroke', patch: strokes(cap([0, 0, 0], [0, -1, 0.1], 60), [0, 0, 0], [[1, 0.1, 0]], 2) },
];

/** Each patch on a head of its own: `runs` registrations from orientations drawn at random. */
export function anywhere(seed: number, runs: number): Anywhere[] {
  const random = new Random(seed);
  return PATCHES.map(({ name, patch, noseMm }) => {
    const shape = randomHead(random);
    const mesh = headMesh(noseMm === undefined ? shape : { ...shape, noseMm });
    const prepared = prepareSurface(mesh);
    const sampler = new SurfaceSampler(mesh, patch);
    const out = { name, runs, right: 0, said: 0, silent: 0, ms: [] as number[], words: {} as Record<string, number> };
    for (let run = 0; run < runs; run += 1) {
      const away = [0, 1, 2].map(() => random.between(-300, 300));
      const truth = fromQuaternion(new Float64Array(16), random.rotation(new Float64Array(4)), away);
      const stray = run % 2 === 0 ? 'lifted' : 'any';
      const points = seenBy(truth, touched(random, sampler, { count: 200, noiseMm: 0.5, outliers: 0.1, stray }));
      const before = process.cpuUsage();
      const { outcome, wrong } = once(prepared, points, truth);
      const spent = process.cpuUsage(before);
      out.ms.push((spent.user + spent.system) / 1000);
      out.words[outcome] = (out.words[outcome] ?? 0) + 1;
      if (outcome !== 'ok') out.said += 1;
      else if (!wrong) out.right += 1;
      else out.silent += 1;
    }
    return out;
  });
}

function once(
  prepared: PreparedSurface<'ct'>,
  points: readonly Point<'tracker'>[],
  truth: Float64Array,
): { readonly outcome: string; readonly wrong: boolean } {
  try {
    const { outcome, edge, expectedTre } = registerSurface(CT, TRACKER, prepared, points);
    // A head is nearly a ball: its middle alone would not see a turn.
    const wrong = SEEN.some((t) => {
      const error = errorAt(edge.matrix, truth, t);
      return error > 5 && error > 1.5 * expectedTre(point(CT, t)).p95Mm;
    });
    return { outcome, wrong };
  } catch (error) {
    if (!isNavError(error)) throw error;
    return { outcome: error.code, wrong: false };
  }
}
