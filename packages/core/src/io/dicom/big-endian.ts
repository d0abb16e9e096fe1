import type { DicomFile } from './dataset.js';

/** Explicit VR big endian (PS3.5, A.3), retired but still in archives. */
const BIG_ENDIAN: string = '1.2.840.10008.1.2.2';

/** Whether an element of single bytes lies in big-endian words, each pair of bytes the other way round (PS3.5, A.3). */
export function isPairSwapped({ dataset, syntax }: Pick<DicomFile, 'dataset' | 'syntax'>, tag: string): boolean {
  return syntax === BIG_ENDIAN && dataset.elements[tag]?.vr !== 'OB';
}
