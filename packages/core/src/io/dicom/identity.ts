import type { PatientIdentity, SeriesIdentity } from '../../volume/index.js';
import { charsetOf, codeOf, type DataSet, textOf } from './dataset.js';

/** JPEG baseline and extended, near-lossless JPEG-LS, JPEG 2000 with loss (PS3.5, 8.2, A.4). */
const LOSSY = new Set(['50', '51', '81', '91'].map((end) => `1.2.840.10008.1.2.4.${end}`));

/** Whose images these are; a field that is absent was absent in the file. */
export function patientOf(dataset: DataSet): PatientIdentity {
  const charset = charsetOf(dataset);
  const [name, id, birthDate, sex] = [
    textOf(dataset, 'x00100010', charset),
    textOf(dataset, 'x00100020', charset),
    codeOf(dataset, 'x00100030'),
    codeOf(dataset, 'x00100040'),
  ];
  return {
    ...(name !== undefined && { name }),
    ...(id !== undefined && { id }),
    ...(birthDate !== undefined && { birthDate }),
    ...(sex !== undefined && { sex }),
  };
}

/** The study and series a file belongs to. */
export function seriesOf(dataset: DataSet): SeriesIdentity {
  const [studyUid, seriesUid] = [codeOf(dataset, 'x0020000d'), codeOf(dataset, 'x0020000e')];
  const description = textOf(dataset, 'x0008103e', charsetOf(dataset));
  const patientPosition = codeOf(dataset, 'x00185100');
  return {
    ...(studyUid !== undefined && { studyUid }),
    ...(seriesUid !== undefined && { seriesUid }),
    ...(description !== undefined && { description }),
    ...(patientPosition !== undefined && { patientPosition }),
  };
}

/** Whether the pixels were ever compressed with loss: they are now, or Lossy Image Compression (0028,2110) says so. */
export function isLossy({ dataset, syntax }: { readonly dataset: DataSet; readonly syntax: string }): boolean {
  return dataset.string('x00282110') === '01' || LOSSY.has(syntax);
}
