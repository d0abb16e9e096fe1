import type { Volume } from '@trocar/core/volume';
import type { Finding } from '../../outcome.js';
import { registerToUltrasound, type UltrasoundRegistrationOptions } from './register-to-ultrasound.js';

/** `pictures-mirrored`: the moving images fit the sweep once left and right of its pictures are exchanged. */
export type MirroredFinding = Finding<'pictures-mirrored'>;

/**
 * Why a sweep does not register to CT or MR, where that is because its pictures were turned round after the probe was calibrated: registers its volume of
 * pictures with their sides exchanged. That takes as long as the first registration, so ask only when the first was not `ok`. What it finds explains a
 * failure; it is no registration to navigate by. An empty list says that the pictures were not shown to be mirrored, not that they are right: both sides of
 * a body are much alike.
 * @param mirrored the volume of mirrorSweep(sweep) of `@trocar/core/ultrasound`, reconstructed as that of the sweep was; in the same frame
 * @param moving the images that the sweep's own volume did not register with
 * @param options those of that registration
 * @throws NavError as registerToUltrasound() does
 */
export async function checkMirrored<U extends string, M extends string>(
  mirrored: Volume<U>,
  moving: readonly Volume<M>[],
  options: UltrasoundRegistrationOptions<U, M> = {},
): Promise<MirroredFinding[]> {
  const { outcome } = await registerToUltrasound(mirrored, moving, options);
  if (outcome !== 'ok') return [];
  const message =
    'The moving images fit the sweep with left and right of its pictures exchanged. Check the marker beside the picture against the mark on the probe.';
  return [{ code: 'pictures-mirrored', message }];
}
