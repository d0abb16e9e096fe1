import { packBits } from './bits.js';
import { type Code, codeItem, dcm } from './codes.js';
import { type GridGeometry, type Planes, planePosition, planesOf, sharedGeometry } from './grid.js';
import { labOf } from './lab.js';
import {
  badObject,
  commonModules,
  commonReferences,
  contentModule,
  type EncodedObject,
  type InstanceReference,
  idsOf,
  type ObjectInit,
  referenceItem,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import { frameOfReferenceModule } from './spatial-registration.js';
import { newUid, SOP_CLASS } from './uid.js';

/** How a segment was drawn. */
export interface SegmentAlgorithm {
  readonly type: 'AUTOMATIC' | 'SEMIAUTOMATIC' | 'MANUAL';
  /** Asked for unless MANUAL. */
  readonly name?: string | undefined;
}

/** A structure to write. Segments may overlap. */
export interface SegmentInit {
  /** What a person calls it: `Tumour 1`. At most 64 characters. */
  readonly label: string;
  /** PS3.16, CID 7150; `STRUCTURE` has some. */
  readonly category: Code;
  readonly type: Code;
  readonly algorithm: SegmentAlgorithm;
  /** The organ that it lies in. */
  readonly anatomicRegion?: Code | undefined;
  readonly description?: string | undefined;
  /** The same structure in other objects and studies has the same. */
  readonly trackingUid?: string | undefined;
  readonly trackingId?: string | undefined;
  /** sRGB, 0 to 255. */
  readonly colour?: readonly [number, number, number] | undefined;
  /** One number a voxel, i fastest. BINARY: 0 or 1, or a label map with `value`. FRACTIONAL: 0 to 1. */
  readonly voxels: ArrayLike<number>;
  /** In a label map: the voxels of this value are the segment. */
  readonly value?: number | undefined;
}

/** An image that slices of the segmentation lie on. */
export type SourceSlice = InstanceReference & {
  /** Of a multi-frame image: which frame, from 1. */
  readonly frame?: number | undefined;
};

/** A segmentation to write. */
export interface SegmentationInit extends ObjectInit {
  /** BINARY: one bit a voxel. Else one byte: how likely, or how much of the voxel. Default BINARY. */
  readonly kind?: 'BINARY' | 'PROBABILITY' | 'OCCUPANCY' | undefined;
  readonly geometry: GridGeometry;
  readonly frameOfReferenceUid: string;
  readonly segments: readonly SegmentInit[];
  /** The image of each slice k, where the geometry is the source's own: as many as there are slices. */
  readonly sources?: readonly SourceSlice[] | undefined;
  /** CS, at most 16 characters; default SEGMENTATION. */
  readonly contentLabel?: string | undefined;
  /** At most 64 characters. */
  readonly description?: string | undefined;
}

/** A frame to be: which segment on which slice. */
interface SegmentFrame {
  readonly segment: number;
  readonly k: number;
}

/** The step of a fraction: 1/255, so that a fraction is off by 1/510 at most. */
const MAXIMUM_FRACTION = 255;

/**
 * A Segmentation (PS3.3, A.51, C.8.20.2) on the geometry of a volume. Slices that a segment does not touch are left out, and
 * every frame has its own position.
 * @throws NavError `dicom/bad-object` for segments without a voxel, values that are neither in nor out (BINARY) or not in 0 to 1
 *   (FRACTIONAL), sources that are not one a slice, or a geometry that DICOM's planes cannot say; `dicom/bad-value`
 */
export function encodeSegmentation(init: SegmentationInit): EncodedObject {
  const ids = idsOf(init, SOP_CLASS.segmentation);
  const planes = planesOf(init.geometry);
  requireSources(init);
  const binary = (init.kind ?? 'BINARY') === 'BINARY';
  const stored = init.segments.map((segment) => storedValues(segment, init.geometry, binary));
  const frames = framesOf(stored, init);
  const organisation = newUid();
  const dataset: Dataset = {
    ...commonModules(init, ids, 'SEG'),
    ...contentModule(init, init.contentLabel ?? 'SEGMENTATION', init.description),
    ...frameOfReferenceModule(init.frameOfReferenceUid),
    ...commonReferences(ids, init.sources ?? []),
    ...pixelModule(planes, frames.length, binary),
    ...typeModule(init, binary),
    SegmentsOverlap: overlap(stored) ? 'YES' : 'NO',
    SegmentSequence: init.segments.map(segmentItem),
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organisation }],
    DimensionIndexSequence: [
      dimension(organisation, 0x0062000b, 0x0062000a, 'Segment'),
      dimension(organisation, 0x00200032, 0x00209113, 'Position'),
    ],
    SharedFunctionalGroupsSequence: [sharedGeometry(planes)],
    PerFrameFunctionalGroupsSequence: frames.map((each) => frameItem(each, planes, init.sources)),
    PixelData: pixelData(stored, frames, planes, binary),
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

function requireSources({ sources, geometry, segments }: SegmentationInit): void {
  if (segments.length === 0 || segments.length > 65535) throw badObject('a segmentation needs a segment', {});
  if (sources !== undefined && sources.length !== geometry.size[2]) {
    throw badObject(`${geometry.size[2]} slices need as many source images, got ${sources.length}`, {});
  }
}

/** The segment's values as they are stored: 0 and 1, or 0 to 255. */
function storedValues(segment: SegmentInit, { size }: GridGeometry, binary: boolean): Uint8Array {
  const { voxels, value, label } = segment;
  const count = size[0] * size[1] * size[2];
  if (voxels.length !== count)
    throw badObject(`segment "${label}" has ${voxels.length} voxels where the volume has ${count}`, {});
  if (value !== undefined && !binary) throw badObject('a label map has no fractions: write it as BINARY', {});
  const stored = new Uint8Array(count);
  let any = false;
  for (let n = 0; n < count; n += 1) {
    const x = voxels[n] as number;
    const inside = value === undefined ? x : x === value ? 1 : 0;
    const legal = binary ? inside === 0 || inside === 1 : inside >= 0 && inside <= 1;
    if (!legal)
      throw badObject(`segment "${label}" has the value ${x}, and ${binary ? '0 or 1' : '0 to 1'} is wanted`, { voxel: n });
    stored[n] = binary ? inside : Math.round(inside * MAXIMUM_FRACTION);
    any ||= stored[n] !== 0;
  }
  if (!any) throw badObject(`segment "${label}" is empty: leave it out, or say in a report that nothing was found`, {});
  return stored;
}

function framesOf(stored: readonly Uint8Array[], { geometry: { size } }: SegmentationInit): readonly SegmentFrame[] {
  const area = size[0] * size[1];
  const touched = (voxels: Uint8Array, k: number): boolean => {
    for (let n = k * area; n < (k + 1) * area; n += 1) if (voxels[n] !== 0) return true;
    return false;
  };
  return stored.flatMap((voxels, n) =>
    Array.from({ length: size[2] }, (_, k) => k)
      .filter((k) => touched(voxels, k))
      .map((k) => ({ segment: n + 1, k })),
  );
}

function overlap(stored: readonly Uint8Array[]): boolean {
  const taken = new Uint8Array(stored[0]?.length ?? 0);
  return stored.some((voxels) => {
    let meets = false;
    for (let n = 0; n < voxels.length; n += 1) {
      if (voxels[n] === 0) continue;
      meets ||= taken[n] === 1;
      taken[n] = 1;
    }
    return meets;
  });
}

function pixelModule(planes: Planes, frames: number, binary: boolean): Dataset {
  return {
    ImageType: ['DERIVED', 'PRIMARY'],
    Rows: planes.rows,
    Columns: planes.columns,
    NumberOfFrames: frames,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    PixelRepresentation: 0,
    BitsAllocated: binary ? 1 : 8,
    BitsStored: binary ? 1 : 8,
    HighBit: binary ? 0 : 7,
    LossyImageCompression: '00',
  };
}

function typeModule({ kind }: SegmentationInit, binary: boolean): Dataset {
  if (binary) return { SegmentationType: 'BINARY' };
  return { SegmentationType: 'FRACTIONAL', SegmentationFractionalType: kind, MaximumFractionalValue: MAXIMUM_FRACTION };
}

function segmentItem(segment: SegmentInit, n: number): Dataset {
  const { algorithm } = segment;
  if (algorithm.type !== 'MANUAL' && (algorithm.name ?? '').trim() === '') {
    throw badObject(`segment "${segment.label}" was drawn by an algorithm (${algorithm.type}), which needs a name`, {});
  }
  if ((segment.trackingUid === undefined) !== (segment.trackingId === undefined)) {
    throw badObject(`segment "${segment.label}" needs trackingUid and trackingId together, or neither`, {});
  }
  return {
    SegmentNumber: n + 1,
    SegmentLabel: segment.label,
    SegmentDescription: segment.description,
    SegmentAlgorithmType: algorithm.type,
    SegmentAlgorithmName: algorithm.name,
    SegmentedPropertyCategoryCodeSequence: [codeItem(segment.category)],
    SegmentedPropertyTypeCodeSequence: [codeItem(segment.type)],
    AnatomicRegionSequence: segment.anatomicRegion && [codeItem(segment.anatomicRegion)],
    RecommendedDisplayCIELabValue: segment.colour && labOf(segment.colour),
    TrackingID: segment.trackingId,
    TrackingUID: segment.trackingUid,
  };
}

/** One dimension that frames are ordered by (PS3.3, C.7.6.17). */
function dimension(organisation: string, attribute: number, group: number, label: string): Dataset {
  return {
    DimensionOrganizationUID: organisation,
    DimensionIndexPointer: attribute,
    FunctionalGroupPointer: group,
    DimensionDescriptionLabel: label,
  };
}

function frameItem({ segment, k }: SegmentFrame, planes: Planes, sources: readonly SourceSlice[] | undefined): Dataset {
  const source = sources?.[k];
  return {
    FrameContentSequence: [{ DimensionIndexValues: [segment, k + 1] }],
    ...planePosition(planes, k),
    SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment }],
    DerivationImageSequence: source === undefined ? undefined : [derivationItem(source)],
  };
}

function derivationItem(source: SourceSlice): Dataset {
  return {
    DerivationCodeSequence: [codeItem(dcm('113076', 'Segmentation'))],
    SourceImageSequence: [
      {
        ...referenceItem(source),
        ReferencedFrameNumber: source.frame,
        SpatialLocationsPreserved: 'YES',
        PurposeOfReferenceCodeSequence: [codeItem(dcm('121322', 'Source image for image processing operation'))],
      },
    ],
  };
}

/** The frames one after another; bits without a gap between frames (PS3.5, 8.1.1; PS3.3, C.8.20.2.1). */
function pixelData(
  stored: readonly Uint8Array[],
  frames: readonly SegmentFrame[],
  { rows, columns }: Planes,
  binary: boolean,
): Uint8Array {
  const area = rows * columns;
  const all = new Uint8Array(area * frames.length);
  frames.forEach(({ segment, k }, n) => {
    all.set((stored[segment - 1] as Uint8Array).subarray(k * area, (k + 1) * area), n * area);
  });
  return binary ? packBits(all) : all;
}
