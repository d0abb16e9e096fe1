import type { Crew } from './crew.js';
import type { RegistrationEvidence } from './evidence.js';
import { locate, refined, THOROUGH } from './locate.js';
import { type Motion, type MotionKind, product3 } from './motion.js';
import type { Scene } from './scene.js';
import { type Candidate, posesOf, worth } from './search.js';
import { posesEverywhere } from './search-space.js';
import type { Reached, Task } from './workshop.js';

type MirrorEvidence = Pick<RegistrationEvidence, 'mirrorGap' | 'mirrorSigmas'>;

/** Few poses go on: where the body is, is known. */
const EFFORT = { kept: [8, 3, 1], others: [0, 0, 0] } as const;

/**
 * How a body may have been mistaken for its mirror image, 3×3 row-major: as its image in one of 49 planes that cover all
 * directions to 15°, or turned inside out about its middle. Only sums, products and quotients, which every machine rounds alike.
 */
function reflections(): Float64Array[] {
  const out = [Float64Array.of(-1, 0, 0, 0, -1, 0, 0, 0, -1)];
  for (let n = 0; n < 125; n += 1) {
    const v = [(n % 5) - 2, (Math.floor(n / 5) % 5) - 2, Math.floor(n / 25) - 2] as const;
    const first = v.find((x) => x !== 0) ?? 0;
    if (first <= 0 || Math.max(...v.map(Math.abs)) < 2) continue;
    const squared = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
    const at = (r: number): number => v[r as 0 | 1 | 2];
    out.push(
      Float64Array.from({ length: 9 }, (_, e) => (e % 4 === 0 ? 1 : 0) - (2 * at(Math.floor(e / 3)) * at(e % 3)) / squared),
    );
  }
  return out;
}

/**
 * The best pose of the moving image's mirror image on the judged level, looked for where the body was found. Heads are symmetric
 * enough for a file whose left and right were exchanged to register without a doubt, every target on the wrong side.
 * @param found the image's own best pose: where the body is
 */
export async function mirrorCandidate(crew: Crew, scene: Scene, found: Candidate): Promise<Candidate> {
  const starts = reflected(scene, found.motion);
  const { judged } = await locate(crew, scene.ladder, { starts, others: [], allows: () => true }, EFFORT, () => undefined);
  return judged;
}

/** A pose mirrored in every plane through the middle of the fixed image, and with the body where the moving image has its. */
export function reflected(scene: Scene, { linear, at }: Motion): Motion[] {
  const relative = scene.fixedBody.map((x, r) => x - (scene.centre[r] as number));
  return posesOf(
    reflections().map((reflection) => product3(linear, reflection)),
    [
      { fixed: [0, 0, 0], moving: at },
      { fixed: relative, moving: scene.movingBody },
    ],
  );
}

/**
 * The best pose of the mirror image anywhere, found with the effort that found the image's own: where the two overlap only in part,
 * the own best pose may lie where the body is not, and its mirror image elsewhere.
 */
export async function mirrorEverywhere(crew: Crew, scene: Scene, initial: Motion, near: Candidate): Promise<Candidate> {
  const starts = [near.motion, ...posesEverywhere(scene, initial, true, true)];
  const { judged } = await locate(crew, scene.ladder, { starts, others: [], allows: () => true }, THOROUGH, () => undefined);
  return worth(judged) > worth(near) ? judged : near;
}

/** Where the two are this far apart on the judged level, relative and in standard errors, the finest one does not change it. */
const CLEAR = 0.04;
const CLEAR_SIGMAS = 6;

/**
 * Compares a result with the best pose of the mirror image, which may do what the result may: on the judged level, and where that
 * leaves doubt on the finest.
 * @param found the result on the finest level, with its noise
 */
export async function mirrorEvidence(
  crew: Crew,
  { ladder }: Scene,
  kind: MotionKind,
  found: Reached,
  { judged, mirrored }: { readonly judged: Candidate; readonly mirrored: Candidate },
): Promise<MirrorEvidence> {
  const { judgedLevel } = ladder;
  const seen = (level: number, motion: Motion): Task => ({ kind: 'detail', level, motion, transform: kind, stepMm: 0 });
  if (kind === 'rigid') {
    const both = await crew.run([seen(judgedLevel, judged.motion), seen(judgedLevel, mirrored.motion)]);
    const early = compared(...(both.flat() as [Reached, Reached]));
    if (Math.abs(early.mirrorGap) > CLEAR && Math.abs(early.mirrorSigmas) > CLEAR_SIGMAS) return early;
  }
  const best = await refined(crew, ladder, mirrored, kind, judgedLevel + 1);
  const [last] = (await crew.run([seen(ladder.spacings.length - 1, best.motion)])).flat();
  return compared(found, last as Reached);
}

function compared(found: Reached, mirrored: Reached): MirrorEvidence {
  const noise = (of: Reached): number => (of.detail?.noise ?? 0) * of.score.overlap;
  const less = worth(found) - worth(mirrored);
  return {
    mirrorGap: less / Math.max(worth(found), 1e-9),
    mirrorSigmas: less / Math.max(Math.hypot(noise(found), noise(mirrored)), 1e-9),
  };
}
