import { platform } from '#io/platform';
import { NavError } from '../base/index.js';
import type { Volume } from '../volume/index.js';
import { isDicom } from './dicom/dataset.js';
import { readDicom } from './dicom/read.js';
import { looksLikeImage, readImage } from './formats/read.js';
import { baseName, filesInMemory, type ReadVolumeOptions, type VolumeFile, type VolumeSource } from './source.js';

/**
 * A volume from files: a DICOM series (CT, MR and other single-sample images, enhanced multi-frame too), NIfTI, NRRD
 * or MetaImage. Its geometry is the files' own, exact, in LPS mm at voxel centres; what has none is refused.
 *
 * In a browser the decoders' place must be configured first, whatever is read, so that a forgotten set-up shows at
 * once and not with the first compressed series.
 * @param source a path (Node) or files in memory
 * @throws NavError `io/…`, `dicom/…`, `assets/not-configured`, `assets/missing`, `volume/…`
 */
export async function readVolume<F extends string>(source: VolumeSource, options: ReadVolumeOptions<F>): Promise<Volume<F>> {
  platform.requireAssets();
  const path = typeof source === 'string' ? source : undefined;
  const files =
    typeof source === 'string' ? await platform.readPath(source, options.signal) : await filesInMemory(source, options.signal);
  if (files.length === 0) {
    throw new NavError('io/not-found', `"${path}" is an empty folder: there is nothing to read.`, { detail: { path } });
  }
  const sibling = (name: string): Promise<VolumeFile | undefined> => {
    const inMemory = files.find((f) => baseName(f.name) === baseName(name));
    return inMemory === undefined && path !== undefined ? platform.readSibling(path, name) : Promise.resolve(inMemory);
  };
  const image = imageAmong(files) ?? (await headerOfHalf(files, sibling));
  if (image !== undefined) return readImage(image, sibling, options, platform);
  const only = files[0] as VolumeFile;
  if (files.length === 1 && !isDicom(only.bytes)) {
    throw new NavError(
      'io/unsupported-format',
      `"${only.name}" is none of DICOM, NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr) and MetaImage (.mha, .mhd).`,
      { detail: { file: only.name } },
    );
  }
  return readDicom(files, options, platform);
}

/** The .hdr where only the .img of a NIfTI pair was named. */
async function headerOfHalf(
  files: readonly VolumeFile[],
  sibling: (name: string) => Promise<VolumeFile | undefined>,
): Promise<VolumeFile | undefined> {
  const only = files[0] as VolumeFile;
  if (files.length !== 1 || !/\.img(\.gz)?$/i.test(only.name) || isDicom(only.bytes)) return undefined;
  const header = await sibling(baseName(only.name).replace(/\.img(?=(\.gz)?$)/i, '.hdr'));
  return header !== undefined && looksLikeImage(header) ? header : undefined;
}

/**
 * The one image file among files, where there is one and no DICOM beside it.
 * @throws NavError `io/unsupported-format` where there are several
 */
function imageAmong(files: readonly VolumeFile[]): VolumeFile | undefined {
  if (files.some((f) => isDicom(f.bytes))) return undefined;
  const all = files.filter(looksLikeImage);
  // A packed file beside a header that is one for sure holds that header's voxels (.nhdr with .raw.gz), unless named an image.
  const sure = all.filter((f) => !/\.gz$/i.test(f.name) || /\.(nii|hdr)\.gz$/i.test(f.name));
  const images = sure.length > 0 ? sure : all;
  if (images.length > 1) {
    const names = images.map((f) => f.name);
    throw new NavError(
      'io/unsupported-format',
      `There are ${images.length} image files here (${names.slice(0, 5).join(', ')}). Name one.`,
      {
        detail: { files: names },
      },
    );
  }
  return images[0];
}
