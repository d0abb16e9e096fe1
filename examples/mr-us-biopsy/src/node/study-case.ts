import { NavError } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { studyCase } from '../../../suite/src/node/study-case.js';
import type { StudyArguments, StudyPlace } from '../../../suite/src/node/study-options.js';
import type { ResultStudy } from '../../../suite/src/results.js';
import { type BiopsyCase, importCase } from '../case.js';
import { MR } from '../frames.js';
import { labelsFrom } from '../study-labels.js';

/** What {@link biopsyFromStudy} needs. */
export interface BiopsyStudyOptions {
  readonly place: StudyPlace;
  readonly args: Pick<StudyArguments, 'series' | 'structures'> & { readonly study: string };
  /** A label map of its own instead of what the study has drawn. */
  readonly lesions?: string | undefined;
  readonly say?: (text: string) => void;
}

/** A biopsy's case from a study, and what its results join. */
export interface BiopsyStudy {
  readonly given: BiopsyCase;
  readonly origin: ResultStudy;
  readonly warnings: readonly string[];
}

/** T2-weighted anatomy, and of several the axial one. Maps and diffusion are made from other weightings. */
const LIKELY = [
  (text: string): boolean => /\bt2/i.test(text) && !/adc|dwi|diff|map|flair|scout|loc/i.test(text),
  (text: string): boolean => /\b(ax|tra|transv)/i.test(text),
];

/**
 * The case of a study: its T2-weighted MR, with the prostate and the targets that were drawn on it, or a label map of its own.
 * @throws NavError as `studyCase`, {@link labelsFrom} and {@link importCase}; `guidance/bad-plan` where nothing is drawn on the MR;
 *   `guidance/wrong-patient` for a label map of another patient
 */
export async function biopsyFromStudy({ place, args, lesions: path, say }: BiopsyStudyOptions): Promise<BiopsyStudy> {
  const wish = { modality: 'MR', what: 'T2-weighted MR', likely: LIKELY };
  const { volume, structures, origin, warnings } = await studyCase({ place, args, wish, frame: MR, ...(say && { say }) });
  if (path !== undefined) {
    const own = await readVolume(path, { frame: MR });
    if (own.patient.id !== undefined && own.patient.id !== '' && own.patient.id !== volume.patient.id) {
      throw new NavError(
        'guidance/wrong-patient',
        'The label map names another patient than the MR of the study. Load the one of this patient.',
      );
    }
    return { given: importCase(volume, own), origin, warnings };
  }
  if (structures === undefined) {
    throw new NavError(
      'guidance/bad-plan',
      'The study has no segmentation or structure set that is drawn on this MR. Give a label map with --lesions PATH, or have one stored in the study.',
    );
  }
  const { labels, lesions } = labelsFrom(volume, structures);
  return { given: importCase(volume, labels, { lesions }), origin, warnings };
}
