import { type Code, dcm } from './codes.js';
import {
  badObject,
  commonModules,
  type EncodedObject,
  type InstanceReference,
  idsOf,
  madeAt,
  type ObjectInit,
  sourceImages,
  UNKNOWN_LATERALITY,
} from './object.js';
import { type Dataset, encodePart10 } from './part10.js';
import { evidenceOf } from './report.js';
import { REPORT } from './report-codes.js';
import { codeContent, container, imageContent, personContent, textContent } from './report-items.js';
import { SOP_CLASS } from './uid.js';

/** A picture to write: what a screen showed. */
export interface KeyImageInit extends ObjectInit {
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits each, top row first, as a canvas gives them. Opaque. */
  readonly pixels: Uint8Array | Uint8ClampedArray;
  /** Whether text is part of the pixels: it cannot be taken out again, and may name the patient. */
  readonly burnedInAnnotation: boolean;
  /** What it shows and how it was made; at most 1024 characters. */
  readonly derivation: string;
  /** The images that it was made from. */
  readonly sources?: readonly InstanceReference[] | undefined;
}

/**
 * A picture as Secondary Capture in RGB (PS3.3, A.8.1). It has no place in space, on purpose: nobody is to measure on it.
 * @throws NavError `dicom/bad-object` for pixels of another number, or that let the background through; `dicom/bad-value`
 */
export function encodeKeyImage(init: KeyImageInit): EncodedObject {
  const ids = idsOf(init, SOP_CLASS.secondaryCapture);
  const made = madeAt(init);
  const dataset: Dataset = {
    ...commonModules(init, ids, 'OT'),
    ...UNKNOWN_LATERALITY,
    ConversionType: 'WSD',
    DateOfSecondaryCapture: made.date,
    TimeOfSecondaryCapture: made.time,
    ContentDate: made.date,
    ContentTime: made.time,
    InstanceNumber: init.instance?.number ?? 1,
    PatientOrientation: null,
    ImageType: ['DERIVED', 'SECONDARY'],
    DerivationDescription: init.derivation,
    SourceImageSequence: sourceImages(init.sources),
    BurnedInAnnotation: init.burnedInAnnotation ? 'YES' : 'NO',
    LossyImageCompression: '00',
    SamplesPerPixel: 3,
    PhotometricInterpretation: 'RGB',
    PlanarConfiguration: 0,
    Rows: init.height,
    Columns: init.width,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    PixelData: rgbOf(init),
  };
  return { ...ids, bytes: encodePart10(dataset) };
}

function rgbOf({ width, height, pixels }: KeyImageInit): Uint8Array {
  const count = width * height;
  const legal = Number.isInteger(width) && Number.isInteger(height) && count > 0 && pixels.length === 4 * count;
  if (!legal) throw badObject(`a picture of ${width}×${height} needs ${4 * count} bytes of RGBA, got ${pixels.length}`, {});
  const rgb = new Uint8Array(3 * count);
  for (let n = 0; n < count; n += 1) {
    if (pixels[4 * n + 3] !== 255)
      throw badObject('the picture is transparent somewhere: draw it on a background first', { pixel: n });
    rgb.set(pixels.subarray(4 * n, 4 * n + 3), 3 * n);
  }
  return rgb;
}

/** A selection of key objects to write. */
export interface KeyObjectsInit extends ObjectInit {
  /** PS3.16, CID 7010; default "Of Interest". */
  readonly title?: Code | undefined;
  readonly description?: string | undefined;
  readonly observer?: string | undefined;
  readonly images: readonly InstanceReference[];
}

/**
 * A Key Object Selection (PS3.3, A.35.4; PS3.16, TID 2010): which images matter, and why.
 * @throws NavError `dicom/bad-object` for a selection of nothing; `dicom/bad-value`
 */
export function encodeKeyObjects(init: KeyObjectsInit): EncodedObject {
  const ids = idsOf(init, SOP_CLASS.keyObjectSelection);
  if (init.images.length === 0) throw badObject('a key object selection needs an image', {});
  const made = madeAt(init);
  const { observer, description } = init;
  const content = [
    ...(observer === undefined
      ? []
      : [
          codeContent('HAS OBS CONTEXT', REPORT.observerType, REPORT.person),
          personContent('HAS OBS CONTEXT', REPORT.personName, observer),
        ]),
    ...(description === undefined ? [] : [textContent('CONTAINS', dcm('113012', 'Key Object Description'), description)]),
    ...init.images.map((image) => imageContent('CONTAINS', undefined, image)),
  ];
  const { RelationshipType: _, ...root } = container(init.title ?? dcm('113000', 'Of Interest'), content, '2010');
  const dataset: Dataset = {
    ...commonModules(init, ids, 'KO'),
    ...UNKNOWN_LATERALITY,
    InstanceNumber: init.instance?.number ?? 1,
    ContentDate: made.date,
    ContentTime: made.time,
    ReferencedPerformedProcedureStepSequence: [],
    ...evidenceOf(init.images, ids),
    ...root,
  };
  return { ...ids, bytes: encodePart10(dataset) };
}
