import { NavError } from '../../base/index.js';
import { codeOf, type DicomFile, parseDicomFile } from '../../io/dicom/dataset.js';
import { isUid } from './options.js';

/** Where a DICOM object belongs, by its own UIDs. */
export interface ObjectIdentity {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntax: string;
}

const NEEDED = {
  studyUid: ['x0020000d', 'Study Instance UID (0020,000D)'],
  seriesUid: ['x0020000e', 'Series Instance UID (0020,000E)'],
  sopInstanceUid: ['x00080018', 'SOP Instance UID (0008,0018)'],
  sopClassUid: ['x00080016', 'SOP Class UID (0008,0016)'],
  transferSyntax: ['x00020010', 'Transfer Syntax UID (0002,0010)'],
} as const;

/**
 * The UIDs of a parsed object.
 * @throws NavError `io/corrupt` where one is absent or no UID
 */
export function identityOf(file: DicomFile): ObjectIdentity {
  const read = (what: keyof typeof NEEDED): string => {
    const [tag, name] = NEEDED[what];
    const uid = codeOf(file.dataset, tag)?.trim();
    if (uid !== undefined && isUid(uid)) return uid;
    throw new NavError('io/corrupt', `"${file.name}" has no usable ${name}: it cannot be kept or sent. Transfer it again.`, {
      detail: { file: file.name, tag },
    });
  };
  return {
    studyUid: read('studyUid'),
    seriesUid: read('seriesUid'),
    sopInstanceUid: read('sopInstanceUid'),
    sopClassUid: read('sopClassUid'),
    transferSyntax: read('transferSyntax'),
  };
}

/**
 * An object in memory, parsed whole and identified: what is cut short does not pass.
 * @param name for errors
 * @throws NavError `dicom/…`, `io/corrupt`
 */
export async function identified(
  name: string,
  bytes: Uint8Array,
): Promise<{ readonly file: DicomFile; readonly identity: ObjectIdentity }> {
  const file = await parseDicomFile({ name, bytes });
  return { file, identity: identityOf(file) };
}
