import { type Frame, isNavError, NavError } from '@trocar/core';
import { type InstanceReference, readSource, type SourceFacts, sourcesOfSlices } from '@trocar/core/dicom';
import { readVolume } from '@trocar/core/io';
import type { AnyVolume, Volume } from '@trocar/core/volume';
import type { ResultStudy } from '../results.js';
import type { StudyArguments, StudyPlace } from './study-options.js';
import { filesOfSeries, type ListedStudy, listStudy, pickSeries, type SeriesWish } from './study-series.js';
import { type StudyStructure, structuresOn } from './study-structures.js';

/** The images of a case with what their study says of them. */
export interface StudyCase<F extends string> {
  readonly volume: Volume<F>;
  /** What was drawn on them; undefined where the study has nothing that is drawn on these images. */
  readonly structures: readonly StudyStructure[] | undefined;
  /** What results join. */
  readonly origin: ResultStudy;
  /** What a person must know of how it was made. */
  readonly warnings: readonly string[];
}

/** What {@link studyCase} looks for. */
export interface StudyCaseOptions<F extends string> {
  readonly place: StudyPlace;
  readonly args: Pick<StudyArguments, 'series' | 'structures'> & { readonly study: string };
  readonly wish: SeriesWish;
  readonly frame: Frame<F>;
  /** Told in words what is done, for a person who waits. */
  readonly say?: (text: string) => void;
}

/**
 * The case of a study: its images, picked by what they are, and what was drawn on them. All comes into the folder of this machine first,
 * whole and checked; from then on no network is needed.
 * @throws NavError `guidance/wrong-series`, `guidance/wrong-patient` where parts of the study name different patients, or the archive
 *   another one than the images kept here, `archive/…`, `store/…`, `dicom/…`, and as `readVolume` throws
 */
export async function studyCase<F extends string>(options: StudyCaseOptions<F>): Promise<StudyCase<F>> {
  const { place, args, wish, frame, say = () => undefined } = options;
  const study = await listStudy(place, args.study);
  const series = pickSeries(study, wish, args.series);
  say(`Reading the ${wish.what}`);
  const files = await filesOfSeries(place, study, series.uid);
  const sources = await Promise.all(files.map((bytes, n) => readSource({ name: `image ${n + 1}`, bytes })));
  const first = sources[0] as SourceFacts;
  await requireSamePatient(place, study, first);
  const named = files.map((bytes, n) => ({ name: `image ${n + 1}`, bytes }));
  const volume = await readVolume(named, { frame, seriesUid: series.uid });
  const structures = await structuresOn({
    place,
    study,
    volume,
    series: series.uid,
    named: args.structures,
    patient: patientOf(first),
  });
  const warnings = [
    ...(study.offline === undefined ? [] : [`The images are those kept on this machine: ${study.offline}.`]),
    ...volume.warnings.map((w) => w.message),
    ...structures.warnings,
  ];
  return {
    ...{ volume, warnings, structures: structures.found },
    origin: {
      study: first.study,
      frameOfReferenceUid: volume.frameOfReferenceUid,
      images: sources.map(({ reference }) => reference),
      slices: slicesOf(sources, volume),
    },
  };
}

const patientOf = ({ study }: SourceFacts): string => study.patient.id ?? '';

/** Images that hold several slices in one file have no image for each. */
function slicesOf(sources: readonly SourceFacts[], volume: AnyVolume): readonly InstanceReference[] | undefined {
  try {
    return sourcesOfSlices(sources, volume);
  } catch (error) {
    if (isNavError(error, 'dicom/bad-object')) return undefined;
    throw error;
  }
}

/** A patient that was corrected in the archive since the images were kept here is another one until a person says otherwise. */
async function requireSamePatient({ archive, store }: StudyPlace, study: ListedStudy, first: SourceFacts): Promise<void> {
  if (archive === undefined || study.offline !== undefined) return;
  for await (const one of archive.findStudies({ studyUid: study.uid })) {
    if (one.studyUid !== study.uid || one.patientId === undefined || one.patientId === patientOf(first)) continue;
    throw new NavError(
      'guidance/wrong-patient',
      `The archive has study ${study.uid} under another patient than the images kept in ${store.folder.label}. Nothing was begun. ` +
        'Find out which is right; then remove the study from that folder, and start again.',
      { detail: { studyUid: study.uid } },
    );
  }
}
