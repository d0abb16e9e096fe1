/** The decoders in use: what a browser needs served, and what `trocar-volume assets` copies. */

/** Decodes compressed DICOM pixels. */
export const DICOM_PIPELINE = 'read-image-dicom-file-series';

/** Read text-encoded voxels of each format. */
export const IMAGE_PIPELINES = { NRRD: 'nrrd-read-image', MetaImage: 'meta-read-image' } as const;
