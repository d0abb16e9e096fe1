import { type Dataset, encodePart10, newUid, type StudyReference } from '@trocar/core/dicom';
import type { AnyVolume } from '@trocar/core/volume';

/** CT and MR Image Storage. */
const CLASSES: Readonly<Record<string, string>> = { CT: '1.2.840.10008.5.1.4.1.1.2', MR: '1.2.840.10008.5.1.4.1.1.4' };

/** A volume as the series that a scanner would have sent. */
export interface ImageSeries {
  readonly seriesUid: string;
  readonly files: readonly Uint8Array[];
}

/** Where the series belongs. */
export interface SeriesPlace {
  readonly study: StudyReference;
  readonly frameOfReferenceUid: string;
  readonly number: number;
  readonly description: string;
}

/**
 * One file a slice, 16 bits with sign, in the volume's own geometry (LPS mm, voxel centres; no shear).
 * @throws NavError `dicom/bad-value`; RangeError for a modality that is neither CT nor MR
 */
export function imageSeries(volume: AnyVolume, place: SeriesPlace): ImageSeries {
  const sopClass = CLASSES[volume.modality ?? ''];
  if (sopClass === undefined) throw new RangeError(`A series of modality "${volume.modality}" is not written here.`);
  const seriesUid = newUid();
  const files = Array.from({ length: volume.size[2] }, (_, k) =>
    encodePart10({ SOPClassUID: sopClass, SOPInstanceUID: newUid(), ...common(volume, place, seriesUid), ...sliceOf(volume, k) }),
  );
  return { seriesUid, files };
}

function common(volume: AnyVolume, { study, frameOfReferenceUid, number, description }: SeriesPlace, seriesUid: string): Dataset {
  const isCt = volume.modality === 'CT';
  return {
    ImageType: ['ORIGINAL', 'PRIMARY', isCt ? 'AXIAL' : 'M'],
    StudyDate: study.date ?? null,
    StudyTime: study.time ?? null,
    AccessionNumber: study.accessionNumber ?? null,
    ReferringPhysicianName: null,
    Modality: volume.modality as string,
    Manufacturer: 'Trocar',
    SeriesDescription: description,
    PatientName: study.patient.name ?? null,
    PatientID: study.patient.id ?? null,
    PatientBirthDate: study.patient.birthDate ?? null,
    PatientSex: study.patient.sex ?? null,
    StudyInstanceUID: study.studyUid,
    SeriesInstanceUID: seriesUid,
    StudyID: study.id ?? null,
    SeriesNumber: number,
    FrameOfReferenceUID: frameOfReferenceUid,
    PositionReferenceIndicator: null,
    PatientPosition: 'HFS',
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    PixelRepresentation: 1,
    ...(isCt
      ? { KVP: 120, AcquisitionNumber: 1, RescaleIntercept: 0, RescaleSlope: 1, RescaleType: 'HU' }
      : {
          ScanningSequence: 'GR',
          SequenceVariant: 'NONE',
          ScanOptions: null,
          MRAcquisitionType: '3D',
          EchoTime: 4,
          EchoTrainLength: 1,
        }),
  };
}

function sliceOf({ size: [columns, rows], frameFromIndex: m, voxels }: AnyVolume, k: number): Dataset {
  const column = (c: number): number[] => [0, 1, 2].map((r) => m[4 * c + r] as number);
  const length = (c: number): number => Math.hypot(...column(c));
  const unit = (c: number): number[] => column(c).map((x) => x / length(c));
  const position = column(3).map((x, r) => x + k * (column(2)[r] as number));
  const perSlice = rows * columns;
  return {
    InstanceNumber: k + 1,
    ImagePositionPatient: position,
    ImageOrientationPatient: [...unit(0), ...unit(1)],
    PixelSpacing: [length(1), length(0)],
    SliceThickness: length(2),
    Rows: rows,
    Columns: columns,
    PixelData: Int16Array.from(voxels.subarray(k * perSlice, (k + 1) * perSlice)),
  };
}
