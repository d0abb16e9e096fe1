import type { AnyVolume } from '../../volume/index.js';
import { planePosition, planesOf, sharedGeometry } from './grid.js';
import {
  badObject,
  commonModules,
  commonReferences,
  type EncodedObject,
  type InstanceReference,
  idsOf,
  madeAt,
  type ObjectInit,
  sourceImages,
  UNKNOWN_LATERALITY,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import { frameOfReferenceModule } from './spatial-registration.js';
import { newUid, SOP_CLASS } from './uid.js';

/** A reconstructed volume to write. */
export interface VolumeObjectInit extends ObjectInit {
  /** Values of 8 or 16 bits without sign, as ultrasound has them, without a rescale. Its geometry is patient (LPS) mm. */
  readonly volume: Pick<AnyVolume, 'voxels' | 'size' | 'frameFromIndex' | 'rescale' | 'modality'>;
  readonly frameOfReferenceUid: string;
  /** How it was reconstructed; at most 1024 characters. */
  readonly derivation: string;
  /** The images that it was made from, where the archive has them. */
  readonly sources?: readonly InstanceReference[] | undefined;
}

/**
 * A reconstructed volume as a multi-frame grayscale Secondary Capture of bytes or words (PS3.3, A.8.3, A.8.4), one frame a slice,
 * each with its place by Pixel Measures, Plane Position and Plane Orientation.
 *
 * Not as Enhanced US Volume: that object must state the mechanical and thermal indices, the transducer's depth and scan pattern
 * and a synchronised clock (PS3.3, C.8.24), which a volume reconstructed from another device's frames does not know.
 * @throws NavError `dicom/bad-object` for values with sign or fraction, a rescale, or a geometry that planes cannot say
 */
export function encodeVolumeObject(init: VolumeObjectInit): EncodedObject {
  const { volume } = init;
  const words = wordsOf(init);
  const ids = idsOf(
    init,
    words ? SOP_CLASS.multiFrameGrayscaleWordSecondaryCapture : SOP_CLASS.multiFrameGrayscaleByteSecondaryCapture,
  );
  const planes = planesOf(volume);
  const organisation = newUid();
  const slices = Array.from({ length: volume.size[2] }, (_, k) => k);
  const made = madeAt(init);
  const bits = words ? 16 : 8;
  const dataset: Dataset = {
    ...commonModules(init, ids, volume.modality),
    ...UNKNOWN_LATERALITY,
    ...frameOfReferenceModule(init.frameOfReferenceUid),
    ...commonReferences(ids, init.sources ?? []),
    SourceImageSequence: sourceImages(init.sources),
    PatientOrientation: null,
    ConversionType: 'WSD',
    ContentDate: made.date,
    ContentTime: made.time,
    InstanceNumber: init.instance?.number ?? 1,
    ImageType: ['DERIVED', 'SECONDARY', 'VOLUME'],
    DerivationDescription: init.derivation,
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
    PresentationLUTShape: 'IDENTITY',
    RescaleIntercept: 0,
    RescaleSlope: 1,
    RescaleType: 'US',
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: planes.rows,
    Columns: planes.columns,
    NumberOfFrames: volume.size[2],
    BitsAllocated: bits,
    BitsStored: bits,
    HighBit: bits - 1,
    PixelRepresentation: 0,
    // Frames step through the slices; their distance along the normal is repeated for readers without functional groups.
    FrameIncrementPointer: slices.length > 1 ? 0x00182005 : undefined,
    SliceLocationVector: slices.length > 1 ? slices.map((k) => k * planes.sliceSpacing) : undefined,
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organisation }],
    DimensionIndexSequence: [
      {
        DimensionOrganizationUID: organisation,
        DimensionIndexPointer: 0x00200032,
        FunctionalGroupPointer: 0x00209113,
        DimensionDescriptionLabel: 'Position',
      },
    ],
    SharedFunctionalGroupsSequence: [sharedGeometry(planes)],
    PerFrameFunctionalGroupsSequence: slices.map((k) => ({
      FrameContentSequence: [{ DimensionIndexValues: [k + 1] }],
      ...planePosition(planes, k),
    })),
    PixelData: volume.voxels,
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

/** Whether the values take two bytes. @throws NavError `dicom/bad-object` */
function wordsOf({ volume: { voxels, size, rescale } }: VolumeObjectInit): boolean {
  const words = voxels instanceof Uint16Array;
  if (!words && !(voxels instanceof Uint8Array)) {
    throw badObject(
      'this object holds values of 8 or 16 bits without sign only: round or shift them, and say so in the derivation',
      {},
    );
  }
  if (voxels.length !== size[0] * size[1] * size[2]) throw badObject(`${size.join('×')} voxels were to be ${voxels.length}`, {});
  if (rescale.slope !== 1 || rescale.intercept !== 0) {
    throw badObject('this object has no rescale: its values are those that are stored', { rescale });
  }
  return words;
}
