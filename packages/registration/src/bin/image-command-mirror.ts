import { isNavError } from '@trocar/core';
import { cornersOf, type Volume } from '@trocar/core/volume';
import {
  type RegistrationEvidence,
  type RigidVolumeRegistration,
  registerVolumes,
  type VolumeRegistrationOptions,
} from '../intensity/index.js';
import type { Finding } from '../outcome.js';

/** What the registration of the mirrored image must reach to be believed. */
const SURE = 0.9;
/** By so much it must agree better, relative and in standard errors: a body that is its own mirror image does neither. */
const BETTER = 0.02;
const SIGMAS = 3;
/** Agreement is only comparable over about the same part of the image. */
const LESS_OVERLAP = 0.03;

type Options<F extends string, M extends string> = Pick<
  VolumeRegistrationOptions<'rigid', F, M>,
  'metric' | 'threads' | 'seed' | 'signal' | 'fixedMask' | 'movingMask'
>;

/**
 * A finding where the moving image's mirror image fits better than the image itself: heads are symmetric enough for a file whose
 * left and right were exchanged to register without a doubt, with every target on the wrong side.
 */
export async function mirrorFinding<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  evidence: RegistrationEvidence,
  { movingMask, ...options }: Options<F, M>,
): Promise<Finding<'mirrored'> | undefined> {
  const middle = cornersOf(moving).reduce((sum, c) => sum + (c[0] as number), 0) / 8;
  const mirrored = await quickly(fixed, mirrorImage(moving, middle), {
    ...options,
    ...(movingMask !== undefined && { movingMask: mirrorImage(movingMask, middle) }),
  });
  if (mirrored === undefined || mirrored.confidence < SURE) return undefined;
  const { mutualInformation, overlap } = mirrored.evidence;
  if (overlap < evidence.overlap - LESS_OVERLAP) return undefined;
  const gain = mutualInformation - evidence.mutualInformation;
  if (!(gain > BETTER * evidence.mutualInformation && gain > SIGMAS * noiseOf(evidence))) return undefined;
  return {
    code: 'mirrored',
    message:
      `The moving image's mirror image fits better (mutual information ${mutualInformation.toFixed(3)} against ` +
      `${evidence.mutualInformation.toFixed(3)}): left and right of one of the images seem to be exchanged. Correct its file.`,
  };
}

/** Standard error of the mutual information by the choice of samples: what the gap to the next pose was measured in. */
function noiseOf({ mutualInformation, runnerUpGap, runnerUpSigmas }: RegistrationEvidence): number {
  const noise = (runnerUpGap * mutualInformation) / runnerUpSigmas;
  return Number.isFinite(noise) ? noise : 0;
}

/** The same voxels with the patient's left and right exchanged about a sagittal plane, mm. */
function mirrorImage<M extends string>(v: Volume<M>, middle: number): Volume<M> {
  const frameFromIndex = Float64Array.from(v.frameFromIndex, (x, n) => (n % 4 !== 0 ? x : n === 12 ? 2 * middle - x : -x));
  return { ...v, frameFromIndex };
}

/** A registration that is given up where the quick search leaves doubt: its thorough one begins the progress anew. */
async function quickly<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  { signal, ...options }: Options<F, M>,
): Promise<RigidVolumeRegistration<F, M> | undefined> {
  const giveUp = new AbortController();
  const stop = (): void => giveUp.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  let reached = 0;
  const progress = (fraction: number): void => {
    if (fraction < reached - 0.2) giveUp.abort();
    reached = Math.max(reached, fraction);
  };
  try {
    return await registerVolumes(fixed, moving, { ...options, signal: giveUp.signal, progress });
  } catch (error) {
    if (isNavError(error, 'registration/aborted') && signal?.aborted !== true) return undefined;
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
