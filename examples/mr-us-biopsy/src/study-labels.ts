import { NavError } from '@trocar/core';
import { STRUCTURE } from '@trocar/core/dicom';
import type { Volume } from '@trocar/core/volume';
import { volume } from '@trocar/core/volume';
import type { StudyStructure } from '../../suite/src/node/study-structures.js';
import type { ImportOptions } from './case.js';

const GLAND = /prostate|gland/i;
const LESION = /lesion|target|\broi\b|pi-?rads|tumou?r|\bgtv\b/i;
const LESION_TYPES = [STRUCTURE.lesion.value, STRUCTURE.neoplasm.value, 'GTV'];

/** The label map of an MR, and what its lesions are called. */
export interface DrawnLabels {
  readonly labels: Volume<'mr'>;
  readonly lesions: NonNullable<ImportOptions['lesions']>;
}

/**
 * The label map of what a study has drawn on its MR: the gland is what is coded or named as the prostate, targets are what is coded or named as
 * lesions. Nothing else is taken.
 * @throws NavError `guidance/bad-plan` where not exactly one structure is the gland, or none is a lesion: all are listed
 */
export function labelsFrom(image: Volume<'mr'>, structures: readonly StudyStructure[]): DrawnLabels {
  const isLesion = ({ name, type }: StudyStructure): boolean => LESION_TYPES.includes(type ?? '') || LESION.test(name);
  const isGland = (s: StudyStructure): boolean => !isLesion(s) && (s.type === STRUCTURE.prostate.value || GLAND.test(s.name));
  const [glands, lesions] = [structures.filter(isGland), structures.filter(isLesion)];
  const [gland] = glands;
  if (gland === undefined || glands.length > 1 || lesions.length === 0) {
    const lines = structures.map(({ number, name }) => `\n  ${number}: "${name}"`).join('');
    const what =
      glands.length === 1
        ? 'Nothing drawn on these images is a target'
        : `${glands.length} structures drawn on these images are the prostate, not one`;
    throw new NavError('guidance/bad-plan', `${what}. Name them as what they are, or give --mr and --lesions.${lines}`, {
      detail: { structures: structures.map(({ number }) => number) },
    });
  }
  const { frame, size, frameFromIndex, frameOfReferenceUid, patient } = image;
  const voxels = new Uint8Array(size[0] * size[1] * size[2]);
  [gland, ...lesions].forEach(({ voxels: own }, n) => {
    for (let v = 0; v < own.length; v += 1) if (own[v] !== 0) voxels[v] = n + 1;
  });
  return {
    labels: volume({
      frame,
      voxels,
      size,
      frameFromIndex,
      modality: 'SEG',
      patient,
      ...(frameOfReferenceUid && { frameOfReferenceUid }),
    }),
    lesions: Object.fromEntries(lesions.map(({ name }, n) => [n + 2, { name }])),
  };
}
