import {
  type DicomArchive,
  encodeSegmentation,
  newUid,
  readSource,
  type SegmentInit,
  type StudyReference,
  sourcesOfSlices,
} from '@trocar/core/dicom';
import { type AnyVolume, type Volume, volume } from '@trocar/core/volume';
import { type ImageSeries, imageSeries } from '../../../../archive/src/image-series.js';

/** A study as a hospital would have it, from a phantom's volumes. */
export interface PlantedStudy<F extends string> {
  readonly study: StudyReference;
  readonly frameOfReferenceUid: string;
  readonly images: ImageSeries;
  /** The volume as the archive holds it: whole numbers. */
  readonly volume: Volume<F>;
  readonly segmentation: Uint8Array;
}

/** What {@link plantedStudy} is told. */
export interface Planting<F extends string> {
  readonly image: Volume<F>;
  readonly description: string;
  readonly labels: AnyVolume;
  /** By label: what it is called, and what kind of thing it is. */
  readonly segments: readonly (Pick<SegmentInit, 'label' | 'category' | 'type'> & { readonly value: number })[];
  /** Whom the segmentation names, where somebody filed it wrongly. */
  readonly drawnFor?: string;
}

/** The images of a volume and a segmentation that was drawn on them. */
export async function plantedStudy<F extends string>({
  image,
  description,
  labels,
  segments,
  drawnFor,
}: Planting<F>): Promise<PlantedStudy<F>> {
  const study = {
    studyUid: newUid(),
    patient: { name: 'Sen^Ira', id: 'TRC-0815', birthDate: '19660504', sex: 'O' },
    date: '20261120',
    time: '101500',
  };
  const frameOfReferenceUid = newUid();
  const { size, frameFromIndex, modality, frame } = image;
  const exact = volume({ frame, voxels: Int16Array.from(image.voxels, Math.round), size, frameFromIndex, modality });
  const images = imageSeries(exact, { study, frameOfReferenceUid, number: 2, description });
  const sources = await Promise.all(images.files.map((bytes, n) => readSource({ name: `${n}`, bytes })));
  const segmentation = encodeSegmentation({
    study: drawnFor === undefined ? study : { ...study, patient: { ...study.patient, id: drawnFor } },
    series: { number: 30, description: 'Drawn' },
    equipment: { manufacturer: 'Example', model: 'Reader', serialNumber: 'R-1', softwareVersions: ['1'] },
    provenance: { method: 'drawn', version: '1', createdAt: '2026-11-20T11:00:00+00:00' },
    geometry: exact,
    frameOfReferenceUid,
    sources: sourcesOfSlices(sources, exact),
    segments: segments.map((s) => ({ ...s, algorithm: { type: 'MANUAL' }, voxels: labels.voxels })),
  });
  return { study, frameOfReferenceUid, images, volume: exact, segmentation: segmentation.bytes };
}

/** Stores a planted study. @throws Error where an object is not taken */
export async function plantIn(
  archive: DicomArchive,
  { images, segmentation }: Pick<PlantedStudy<string>, 'images' | 'segmentation'>,
): Promise<void> {
  const outcomes = await archive.store([...images.files, segmentation]);
  const not = outcomes.find(({ outcome }) => outcome !== 'stored');
  if (not !== undefined) throw new Error(`An object of the study is "${not.outcome}".`);
}

/** The objects that an archive has of a study, by their series: each once, or it says twice. */
export async function instancesIn(archive: DicomArchive, studyUid: string): Promise<string[]> {
  const uids: string[] = [];
  for await (const { seriesUid } of archive.findSeries(studyUid))
    for await (const { sopInstanceUid } of archive.findInstances(studyUid, seriesUid)) uids.push(sopInstanceUid);
  return uids.sort();
}
