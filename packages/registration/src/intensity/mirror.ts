import type { Crew } from './crew.js';
import type { RegistrationEvidence } from './evidence.js';
import { locate, refined } from './locate.js';
import { type Motion, type MotionKind, product3 } from './motion.js';
import { allRotations } from './orientations.js';
import type { Scene } from './scene.js';
import { posesOf, worth } from './search.js';
import type { Reached } from './workshop.js';

type MirrorEvidence = Pick<RegistrationEvidence, 'mirrorGap' | 'mirrorSigmas'>;

/** Few poses go on: the mirror image is looked for in an image in which the body's place is known. */
const EFFORT = { kept: [16, 5, 2], others: [0, 0, 0] } as const;

/** Left and right exchanged about the fixed centre; with all rotations these are all mirror images. */
const MIRROR = Float64Array.of(-1, 0, 0, 0, 1, 0, 0, 0, 1);

/**
 * Looks for the mirror image of the moving image everywhere, on the samples on which the result was judged. Heads are
 * symmetric enough for a file whose left and right were exchanged to register without a doubt, every target on the wrong side.
 * @param kind what the mirror image may do, as the result
 * @param found the result on the finest level, with its noise
 */
export async function mirrorEvidence(crew: Crew, scene: Scene, kind: MotionKind, found: Reached): Promise<MirrorEvidence> {
  const { ladder, centre } = scene;
  const relative = scene.fixedBody.map((x, r) => x - (centre[r] as number));
  const linear = allRotations().map((turn) => product3(product3(found.motion.linear, turn), MIRROR));
  const starts: Motion[] = posesOf(linear, [
    { fixed: [0, 0, 0], moving: found.motion.at },
    { fixed: relative, moving: scene.movingBody },
  ]);
  const { judged } = await locate(crew, ladder, { starts, others: [], allows: () => true }, EFFORT, () => undefined);
  const best = await refined(crew, ladder, judged, kind, ladder.judgedLevel + 1);
  const top = ladder.spacings.length - 1;
  const [seen] = (await crew.run([{ kind: 'detail', level: top, motion: best.motion, transform: kind, stepMm: 0 }])).flat();
  return compared(found, seen as Reached);
}

function compared(found: Reached, mirrored: Reached): MirrorEvidence {
  const noise = (of: Reached): number => (of.detail?.noise ?? 0) * of.score.overlap;
  const less = worth(found) - worth(mirrored);
  return {
    mirrorGap: less / Math.max(worth(found), 1e-9),
    mirrorSigmas: less / Math.max(Math.hypot(noise(found), noise(mirrored)), 1e-9),
  };
}
