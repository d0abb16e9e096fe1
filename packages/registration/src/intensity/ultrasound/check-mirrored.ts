import { mirrorSweep, type Sweep } from '@trocar/core/ultrasound';
import type { Volume } from '@trocar/core/volume';
import type { Finding } from '../../outcome.js';
import { registerToUltrasound, type UltrasoundRegistrationOptions } from './register-to-ultrasound.js';

/** What {@link checkMirrored} looks at. */
export interface MirroredCheck<U extends string, M extends string> {
  /** The sweep whose volume did not register. */
  readonly sweep: Sweep<U>;
  /** How its volume was made: by reconstructSweep(), with the same options. */
  readonly reconstruct: (sweep: Sweep<U>) => Promise<Volume<U>>;
  /** What it was registered with, and how. */
  readonly moving: readonly Volume<M>[];
  readonly options?: UltrasoundRegistrationOptions<U, M>;
}

/** `pictures-mirrored`: the moving images fit the sweep once left and right of its pictures are exchanged. */
export type MirroredFinding = Finding<'pictures-mirrored'>;

/**
 * Why a sweep does not register to CT or MR, where that is because its pictures were turned round after the probe was calibrated: makes the volume of the pictures
 * with their sides exchanged, and registers that. It takes as long as the first registration, so ask only when that was not `ok`. What it finds explains
 * a failure; it is no registration to navigate by. An empty list says that the pictures were not shown to be mirrored, not that they are right: both
 * sides of a body are much alike.
 * @throws NavError as registerToUltrasound() does, and what `reconstruct` throws
 */
export async function checkMirrored<U extends string, M extends string>(check: MirroredCheck<U, M>): Promise<MirroredFinding[]> {
  const us = await check.reconstruct(mirrorSweep(check.sweep));
  const { outcome } = await registerToUltrasound(us, check.moving, check.options);
  if (outcome !== 'ok') return [];
  const message =
    'The moving images fit the sweep with left and right of its pictures exchanged. Check the marker beside the picture against the mark on the probe.';
  return [{ code: 'pictures-mirrored', message }];
}
