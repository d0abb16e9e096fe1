/** Beyond `caution` a person must look; beyond `unfit` the images must not be navigated on. */
export interface Limit {
  readonly caution: number;
  readonly unfit: number;
}

/**
 * What a procedure asks of its images, as data. The defaults below are a starting point from common practice, not a standard:
 * each site sets its own from its protocols and what its targets need.
 */
export interface AcquisitionProtocol {
  readonly name: string;
  /** DICOM modalities that will do. */
  readonly modalities: readonly string[];
  /** Between slice centres, mm. */
  readonly sliceSpacingMm: Limit;
  /** Slice thickness as the scanner states it, mm. */
  readonly sliceThicknessMm: Limit;
  /** Spacing less thickness, mm: tissue that no slice has seen. */
  readonly gapMm: Limit;
  /** The larger edge of a pixel in the slice, mm. */
  readonly pixelMm: Limit;
  /** Longest edge of a voxel ÷ shortest. */
  readonly anisotropy: Limit;
  /** Fewer rows or columns than this. `caution` is the larger number. */
  readonly matrix: Limit;
  /** Target, entry and fiducials closer to the edge of the images than this, mm. `caution` is the larger number. */
  readonly marginMm: Limit;
  /** Jump of the anatomy between neighbouring slices, mm. */
  readonly motionMm: Limit;
  /** Share of voxels at the end of the scale (metal, clipping), 0 to 1. */
  readonly saturatedShare: Limit;
  /** Age of the images, days. */
  readonly ageDays: Limit;
  /** Patient Positions (0018,5100) as in the procedure; empty: any. */
  readonly positions: readonly string[];
  /** What compression with loss means. */
  readonly lossy: 'caution' | 'unfit';
  /** The phases of contrast that show the target; empty: contrast is not asked for. */
  readonly phases: readonly ('none' | 'arterial' | 'portal-venous' | 'late')[];
}

/** Defaults: liver ablation by CT, prostate biopsy by MR, and the head by CT or MR. */
export const ACQUISITION_PROTOCOLS: {
  readonly liverAblationCt: AcquisitionProtocol;
  readonly prostateMr: AcquisitionProtocol;
  readonly head: AcquisitionProtocol;
} = {
  liverAblationCt: {
    name: 'liver ablation, CT',
    modalities: ['CT'],
    sliceSpacingMm: { caution: 2, unfit: 5 },
    sliceThicknessMm: { caution: 2.5, unfit: 5 },
    gapMm: { caution: 0.01, unfit: 1 },
    pixelMm: { caution: 1, unfit: 1.5 },
    anisotropy: { caution: 4, unfit: 8 },
    matrix: { caution: 512, unfit: 256 },
    marginMm: { caution: 20, unfit: 5 },
    motionMm: { caution: 1.5, unfit: 4 },
    saturatedShare: { caution: 0.001, unfit: 0.02 },
    ageDays: { caution: 14, unfit: 42 },
    positions: [],
    lossy: 'caution',
    phases: ['arterial', 'portal-venous'],
  },
  prostateMr: {
    name: 'prostate biopsy, MR',
    modalities: ['MR'],
    sliceSpacingMm: { caution: 3.5, unfit: 5 },
    sliceThicknessMm: { caution: 3.5, unfit: 5 },
    gapMm: { caution: 0.01, unfit: 1 },
    pixelMm: { caution: 0.75, unfit: 1.2 },
    anisotropy: { caution: 8, unfit: 12 },
    matrix: { caution: 256, unfit: 128 },
    marginMm: { caution: 10, unfit: 3 },
    motionMm: { caution: 1.5, unfit: 4 },
    saturatedShare: { caution: 0.005, unfit: 0.05 },
    ageDays: { caution: 180, unfit: 365 },
    positions: [],
    lossy: 'caution',
    phases: [],
  },
  head: {
    name: 'head, CT or MR',
    modalities: ['CT', 'MR'],
    sliceSpacingMm: { caution: 1.25, unfit: 3 },
    sliceThicknessMm: { caution: 1.5, unfit: 3 },
    gapMm: { caution: 0.01, unfit: 0.5 },
    pixelMm: { caution: 1.1, unfit: 1.5 },
    anisotropy: { caution: 2.5, unfit: 4 },
    matrix: { caution: 256, unfit: 192 },
    marginMm: { caution: 10, unfit: 3 },
    motionMm: { caution: 1, unfit: 2.5 },
    saturatedShare: { caution: 0.002, unfit: 0.02 },
    ageDays: { caution: 30, unfit: 90 },
    positions: [],
    lossy: 'caution',
    phases: [],
  },
};
