import { platform } from '#io/platform';
import { NavError } from '../base/index.js';
import type { AnyVolume } from '../volume/index.js';
import { join } from './bytes.js';
import { deflateZlib, gzip } from './compression.js';
import { metaHeader } from './formats/meta-write.js';
import { niftiFile } from './formats/nifti-write.js';
import { nrrdHeader } from './formats/nrrd-write.js';
import { plainValues } from './formats/values.js';
import { baseName } from './source.js';

/**
 * The volume as a file's bytes, in the format that the name's ending says: `.nii`, `.nii.gz` (RAS, single-precision
 * matrix, rescale kept), `.nrrd` (gzip) or `.mha` (zlib), both LPS in doubles with rescaled values.
 *
 * These formats hold neither patient nor Frame of Reference, so a volume read back has none.
 * @throws NavError `io/unsupported-format`, `volume/sheared` (MetaImage cannot hold shear), `io/not-writable` (too
 *   large for NIfTI-1)
 */
export async function encodeVolume(v: AnyVolume, name: string): Promise<Uint8Array> {
  const lower = baseName(name).toLowerCase();
  if (lower.endsWith('.nii')) return niftiFile(v);
  if (lower.endsWith('.nii.gz')) return gzip(niftiFile(v));
  const { voxels } = plainValues(v);
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  if (lower.endsWith('.nrrd')) return join([nrrdHeader(v, voxels), await gzip(bytes)]);
  if (lower.endsWith('.mha')) {
    const packed = await deflateZlib(bytes);
    return join([metaHeader(v, voxels, packed.length), packed]);
  }
  throw new NavError('io/unsupported-format', `"${name}" cannot be written: choose .nii, .nii.gz, .nrrd or .mha.`, {
    detail: { name },
  });
}

/**
 * Writes the volume to a path (Node); in a browser use {@link encodeVolume}.
 * @throws NavError as {@link encodeVolume}; `io/not-writable`; `io/unsupported-format` in a browser
 */
export async function writeVolume(v: AnyVolume, path: string): Promise<void> {
  await platform.writePath(path, await encodeVolume(v, path));
}
