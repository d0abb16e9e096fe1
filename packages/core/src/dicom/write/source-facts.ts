import { NavError } from '../../base/index.js';
import { charsetOf, codeOf, numbersOf, parseDicomFile, textOf } from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import type { GridGeometry } from './grid.js';
import { badObject, type InstanceReference, type StudyReference } from './object.js';
import { isUid } from './uid.js';

/** What a result needs to know of a file that it was made from. */
export interface SourceFacts {
  /** For `ObjectInit.study`: the result joins this study. */
  readonly study: StudyReference;
  /** For references: this very file. */
  readonly reference: InstanceReference & { readonly studyUid: string };
  readonly frameOfReferenceUid: string | undefined;
  /** Image Position (Patient), LPS mm, of a file of one frame. */
  readonly position: readonly number[] | undefined;
}

/**
 * The study, the patient and the names of a DICOM file, copied as they stand.
 * @throws NavError `dicom/bad-object` for a file without the UIDs that a reference needs; and as parsing throws
 */
export async function readSource(file: VolumeFile): Promise<SourceFacts> {
  const { dataset } = await parseDicomFile(file);
  const charset = charsetOf(dataset);
  const text = (tag: string): string | undefined => textOf(dataset, tag, charset);
  const uid = (tag: string, what: string): string => {
    const value = codeOf(dataset, tag) ?? '';
    if (isUid(value)) return value;
    throw new NavError('dicom/bad-object', `"${file.name}" cannot be referred to: its ${what} is absent or no UID.`, {
      detail: { file: file.name, what },
    });
  };
  const studyUid = uid('x0020000d', 'Study Instance UID');
  return {
    study: {
      studyUid,
      patient: { name: text('x00100010'), id: text('x00100020'), birthDate: text('x00100030'), sex: text('x00100040') },
      date: text('x00080020'),
      time: text('x00080030'),
      timezoneOffset: text('x00080201'),
      accessionNumber: text('x00080050'),
      id: text('x00200010'),
      description: text('x00081030'),
      referringPhysician: text('x00080090'),
    },
    reference: {
      sopClassUid: uid('x00080016', 'SOP Class UID'),
      sopInstanceUid: uid('x00080018', 'SOP Instance UID'),
      seriesUid: uid('x0020000e', 'Series Instance UID'),
      studyUid,
    },
    frameOfReferenceUid: codeOf(dataset, 'x00200052'),
    position: numbersOf(dataset, 'x00200032', 3),
  };
}

/** How far a slice may lie beside its image, mm: positions are decimal strings. */
const PLACE_MM = 0.01;

/**
 * The image of each slice of a volume, found by its place: for `SegmentationInit.sources`. Images that are no slice of it are
 * passed over.
 * @throws NavError `dicom/bad-object` for a slice without an image, or with two
 */
export function sourcesOfSlices(files: readonly SourceFacts[], geometry: GridGeometry): readonly InstanceReference[] {
  const m = geometry.frameFromIndex;
  return Array.from({ length: geometry.size[2] }, (_, k) => {
    const place = [12, 13, 14].map((n) => (m[n] as number) + k * (m[n - 4] as number));
    const here = files.filter(
      ({ position }) => position !== undefined && Math.hypot(...position.map((x, c) => x - (place[c] as number))) < PLACE_MM,
    );
    const [only] = here;
    if (only === undefined || here.length > 1)
      throw badObject(`slice ${k + 1} has ${here.length} source images, not one`, { slice: k });
    return only.reference;
  });
}
