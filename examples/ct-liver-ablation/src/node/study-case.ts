import { NavError } from '@trocar/core';
import { readVolume } from '@trocar/core/io';
import { studyCase } from '../../../suite/src/node/study-case.js';
import type { StudyArguments, StudyPlace } from '../../../suite/src/node/study-options.js';
import type { ResultStudy } from '../../../suite/src/results.js';
import type { AblationCase, LabelRoles } from '../case.js';
import { filesCase } from '../files-case.js';
import { CT } from '../frames.js';
import { labelsFrom } from '../study-roles.js';

/** What {@link ablationFromStudy} needs. */
export interface AblationStudyOptions {
  readonly place: StudyPlace;
  readonly args: Pick<StudyArguments, 'series' | 'structures'> & { readonly study: string };
  /** A label map of its own, with what its labels mean, instead of what the study has drawn. */
  readonly drawn?: { readonly path: string; readonly roles: LabelRoles } | undefined;
  /** Which structure of the study is the tumour, by its number. */
  readonly tumour?: number | undefined;
  readonly seed: number;
  readonly say?: (text: string) => void;
}

/** An ablation's case from a study, and what its results join. */
export interface AblationStudy {
  readonly given: AblationCase;
  readonly origin: ResultStudy;
}

/**
 * The case of a study: its planning CT, with the structures that were drawn on it or a label map of its own.
 * @throws NavError as `studyCase`, {@link labelsFrom} and {@link filesCase}; `guidance/bad-plan` where nothing is drawn on the CT;
 *   `guidance/wrong-patient` for a label map of another patient
 */
export async function ablationFromStudy(options: AblationStudyOptions): Promise<AblationStudy> {
  const { place, args, drawn, tumour, seed, say } = options;
  const wish = { modality: 'CT', what: 'planning CT' };
  const found = await studyCase({ place, args, wish, frame: CT, ...(say && { say }) });
  const { volume, origin } = found;
  if (drawn !== undefined) {
    const labels = await readVolume(drawn.path, { frame: CT });
    if (labels.patient.id !== undefined && labels.patient.id !== '' && labels.patient.id !== volume.patient.id) {
      throw new NavError(
        'guidance/wrong-patient',
        'The label map names another patient than the CT of the study. Load the one of this patient.',
      );
    }
    const made = filesCase(volume, labels, drawn.roles, seed);
    return { given: { ...made, warnings: [...found.warnings, ...made.warnings] }, origin };
  }
  if (found.structures === undefined) {
    throw new NavError(
      'guidance/bad-plan',
      'The study has no segmentation or structure set that is drawn on this CT. Give a label map with --labels PATH --tumour N, or have one stored in the study.',
    );
  }
  const { labels, roles, warnings } = labelsFrom(volume, found.structures, tumour);
  const made = filesCase(volume, labels, roles, seed);
  return { given: { ...made, warnings: [...found.warnings, ...warnings, ...made.warnings] }, origin };
}
