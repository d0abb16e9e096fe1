import type { Finding, ResultOutcome } from '../../outcome.js';
import type { Deformed } from './deform.js';

/** What can be wrong with, or must be known of, a deformable registration. */
export type DeformableFinding = Finding<
  'not-alike' | 'unsure' | 'no-deformation' | 'less-information' | 'unsteady' | 'too-far' | 'volume' | 'stiffened'
>;

/** What a deformable registration was judged by. */
export interface DeformableEvidence {
  /**
   * Fall of the difference by the deformation, against the rigid motion, in blocks of 12 mm that had no say in it: its mean as a
   * share, its mean over its standard error, and in how many blocks.
   */
  readonly heldOut: { readonly share: number; readonly z: number; readonly blocks: number };
  /** The same for not being moved aside by four of the finest cubes: whether the images are alike at all. */
  readonly distinct: { readonly share: number; readonly z: number; readonly blocks: number };
  /** Rms distance between the displacements that two halves of the blocks give, mm: twice the error of their mean, about. */
  readonly halvesApartMm: number;
  /** Share of the fixed image that the moving ones explain with the deformation, beyond what all have that is wider than 2.5 mm. */
  readonly explained: number;
  /** Mutual information under the rigid motion and with the deformation, nats; absent for ultrasound. */
  readonly information: { readonly rigid: number; readonly deformed: number } | undefined;
}

/** Standard errors that a mean fall must reach to count. */
const SURE_Z = 2;
/** Those that moving the map aside must cost. */
const DISTINCT_Z = 3;
/** Halves that differ by more than this share of the largest displacement show no common motion; and by more than this, mm, little. */
const MOST_APART = 0.5;
const MOST_APART_MM = 1.2;
/** Local volume outside this range is nothing that tissue does. */
const VOLUMES = [0.4, 2.5] as const;

/** Whether the deformation is kept, and what is said of it. */
export interface Verdict {
  readonly keep: boolean;
  readonly outcome: ResultOutcome;
  readonly findings: readonly DeformableFinding[];
}

/** What a verdict needs to know beside what was found. */
interface Limits {
  readonly maxDisplacementMm: number;
  readonly finestMm: number;
  readonly confidence: number;
}

/** Maps less sure than this are failed. */
const LEAST_CONFIDENCE = 0.5;

export function verdictOf(d: Deformed, limits: Limits): Verdict {
  const findings: DeformableFinding[] = [];
  const failed = (code: DeformableFinding['code'], message: string): void => {
    findings.push({ code, message });
  };
  const z = (x: number): string => x.toFixed(1);
  if (d.distinct.z < DISTINCT_Z) {
    failed(
      'not-alike',
      `Moved aside by ${(4 * limits.finestMm).toFixed(0)} mm the images are about as alike as where they were put (${z(d.distinct.z)} standard ` +
        'errors): nothing shows that they belong together so. Register rigidly first, and check that both show the same part.',
    );
    return { keep: false, outcome: 'failed', findings };
  }
  if (limits.confidence < LEAST_CONFIDENCE) {
    failed(
      'unsure',
      `The checks together give this result a chance of ${(100 * limits.confidence).toFixed(0)} % to be right. Start closer, or check that both ` +
        'images show the same part.',
    );
  }
  const gained = d.heldOut.z >= SURE_Z && d.heldOut.share > 0;
  if (!gained) {
    const outcome = findings.length > 0 ? 'failed' : 'ok';
    findings.push({
      code: 'no-deformation',
      message:
        `In blocks held out the deformation explains no more than the rigid motion (${z(d.heldOut.z)} standard errors): ` +
        'the rigid motion is returned.',
    });
    return { keep: false, outcome, findings };
  }
  if (d.information !== undefined && d.information.deformed < d.information.rigid) {
    failed(
      'less-information',
      `The deformation makes the images tell less of each other (mutual information ${d.information.deformed.toFixed(3)} against ` +
        `${d.information.rigid.toFixed(3)}): it is wrong somewhere, and the rigid motion is returned.`,
    );
    return { keep: false, outcome: 'failed', findings };
  }
  if (d.halvesApartMm > Math.min(MOST_APART_MM, MOST_APART * Math.max(2, d.volume.largestMm))) {
    failed(
      'unsteady',
      `Two halves of the images give displacements ${d.halvesApartMm.toFixed(1)} mm apart: do not rely on either.`,
    );
  }
  if (d.volume.largestMm > limits.maxDisplacementMm) {
    failed(
      'too-far',
      `The largest displacement is ${d.volume.largestMm.toFixed(1)} mm, beyond the ${limits.maxDisplacementMm} mm that were allowed.`,
    );
  }
  if (d.volume.least < VOLUMES[0] || d.volume.greatest > VOLUMES[1]) {
    failed(
      'volume',
      `Somewhere the deformation changes volume to ${d.volume.least.toFixed(2)} or ${d.volume.greatest.toFixed(2)} times: tissue does not.`,
    );
  }
  const outcome = findings.length > 0 ? 'failed' : 'ok';
  if (d.stiffened > 0) {
    findings.push({
      code: 'stiffened',
      message: 'The images asked for folds; the deformation was made stiffer until it had none.',
    });
  }
  return { keep: true, outcome, findings };
}
