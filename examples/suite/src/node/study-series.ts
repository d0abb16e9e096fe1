import { isNavError, NavError } from '@trocar/core';
import { keepSeries } from '@trocar/core/dicom';
import type { StudyPlace } from './study-options.js';

/** A series of a study, as the archive or the folder lists it. What neither says is absent. */
export interface ListedSeries {
  readonly uid: string;
  readonly modality: string | undefined;
  readonly number: number | undefined;
  readonly description: string | undefined;
  readonly instances: number | undefined;
}

/** A study as it was found. */
export interface ListedStudy {
  readonly uid: string;
  readonly series: readonly ListedSeries[];
  /** Why the archive was not asked, or did not answer: what is kept here is used. Undefined where it answered. */
  readonly offline: string | undefined;
}

/** Which series a procedure looks for. */
export interface SeriesWish {
  readonly modality: string;
  /** What it is for, for people: `planning CT`. */
  readonly what: string;
  /** Of several, those that are likely meant come first in later rounds; each round narrows down. */
  readonly likely?: readonly ((description: string) => boolean)[];
}

/** A series of fewer images is a localizer or a screen shot. */
const LEAST_IMAGES = 8;

/**
 * The series of a study: as the archive has them, else, where it cannot be reached and the study is kept here, as they are kept.
 * @throws NavError `archive/not-found` or `store/not-found` for a study that is not there; `archive/…` where the archive is away and nothing
 *   of the study is kept here
 */
export async function listStudy({ store, archive }: StudyPlace, uid: string): Promise<ListedStudy> {
  const kept = keptSeries({ store, archive }, uid);
  if (archive === undefined) {
    if (kept.length > 0) return { uid, series: kept, offline: 'no archive was named' };
    throw new NavError(
      'store/not-found',
      `Study ${uid} is not kept in ${store.folder.label}. Check --study and --studies, or fetch it once with --archive URL.`,
      { detail: { studyUid: uid } },
    );
  }
  try {
    const series: ListedSeries[] = [];
    for await (const one of archive.findSeries(uid)) {
      const { seriesUid, modality, number, description, instanceCount } = one;
      series.push({ uid: seriesUid, modality, number, description, instances: instanceCount });
    }
    if (series.length > 0) return { uid, series, offline: undefined };
  } catch (error) {
    if (isAway(error) && kept.length > 0)
      return { uid, series: kept, offline: `the archive did not answer (${(error as NavError).code})` };
    if (!isNavError(error, 'archive/not-found')) throw error;
  }
  throw new NavError(
    'archive/not-found',
    `The archive has no study ${uid}. Check --study; a study that has just been made may not have reached the archive yet.`,
    { detail: { studyUid: uid } },
  );
}

/** Whether the archive is not there now: what is kept here may be used instead. A refusal is no such reason. */
function isAway(error: unknown): boolean {
  return isNavError(error, 'archive/unreachable') || isNavError(error, 'archive/failed') || isNavError(error, 'archive/cut-off');
}

function keptSeries({ store }: StudyPlace, studyUid: string): ListedSeries[] {
  const found = new Map<string, ListedSeries>();
  for (const one of store.find({ studyUid })) {
    const instances = (found.get(one.seriesUid)?.instances ?? 0) + 1;
    const { seriesUid: uid, modality, seriesNumber: number, seriesDescription: description } = one;
    found.set(uid, { uid, modality, number, description, instances });
  }
  return [...found.values()];
}

/**
 * The one series that is meant: the one that was named, else the only one of its modality, else the only likely one.
 * @throws NavError `guidance/wrong-series` where none or several could be meant: each is listed
 */
export function pickSeries(study: ListedStudy, wish: SeriesWish, named: string | undefined): ListedSeries {
  const { modality, what, likely = [] } = wish;
  if (named !== undefined) {
    const one = study.series.find(({ uid }) => uid === named);
    if (one?.modality === modality) return one;
    const why = one === undefined ? 'is not in this study' : `is ${one.modality ?? 'of no modality'}, not ${modality}`;
    throw wrong(study, `Series ${named} ${why}. Name the ${what} with --series.`, study.series);
  }
  let could = study.series.filter((s) => s.modality === modality && (s.instances ?? LEAST_IMAGES) >= LEAST_IMAGES);
  if (could.length === 0)
    throw wrong(study, `The study has no ${what}: no ${modality} of ${LEAST_IMAGES} images or more.`, study.series);
  for (const test of likely) {
    if (could.length === 1) break;
    const narrowed = could.filter(({ description = '' }) => test(description));
    if (narrowed.length > 0) could = narrowed;
  }
  const [only, other] = could;
  if (only !== undefined && other === undefined) return only;
  throw wrong(study, `${could.length} series of the study could be the ${what}. Name one with --series.`, could);
}

function wrong(study: ListedStudy, what: string, series: readonly ListedSeries[]): NavError {
  const lines = [...series]
    .sort((a, b) => (a.number ?? 0) - (b.number ?? 0))
    .map(lineOf)
    .join('');
  return new NavError('guidance/wrong-series', `${what}${lines}`, {
    detail: { studyUid: study.uid, seriesUids: series.map(({ uid }) => uid) },
  });
}

/** A series as a line for a person. */
function lineOf({ uid, modality, number, description, instances }: ListedSeries): string {
  const count = instances === undefined ? '' : `, ${instances} images`;
  return `\n  ${uid}: ${modality ?? '?'} ${number ?? ''} "${description ?? ''}"${count}`;
}

/**
 * The objects of a series that each stand for themselves, as segmentations do: from a folder alone, those that are kept.
 * @throws NavError as {@link filesOfSeries}
 */
export async function objectsOfSeries(place: StudyPlace, study: ListedStudy, series: string): Promise<readonly Uint8Array[]> {
  return study.offline === undefined ? filesOfSeries(place, study, series) : place.store.files(series);
}

/**
 * The files of a series, whole: brought from the archive where it answers, else as they are kept here.
 * @throws NavError `archive/…`, `store/…`
 */
export async function filesOfSeries(
  { store, archive }: StudyPlace,
  study: ListedStudy,
  series: string,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<readonly Uint8Array[]> {
  if (archive !== undefined && study.offline === undefined) {
    await keepSeries(archive, store, { study: study.uid, series, progress }).catch((error: unknown) => {
      // It went away amid the work: what is here whole is as good.
      if (!isAway(error) || !store.isComplete(series)) throw error;
    });
  }
  if (store.isComplete(series)) return store.files(series);
  throw new NavError(
    'store/not-found',
    `Series ${series} is not known to be whole in ${store.folder.label}, and ${study.offline ?? 'the archive did not give it'}. ` +
      'Start once while the archive can be reached.',
    { detail: { studyUid: study.uid, seriesUid: series } },
  );
}
