import { isNavError, NavError } from '@trocar/core';
import { decodeSegmentation, readSource, readStructures, SOP_CLASS, type Structure, structureLabel } from '@trocar/core/dicom';
import type { Volume } from '@trocar/core/volume';
import type { StudyPlace } from './study-options.js';
import { type ListedStudy, objectsOfSeries } from './study-series.js';

/** Something that was drawn on the images of a case. */
export interface StudyStructure {
  /** As its object numbers it: what a person names it by on the command line. */
  readonly number: number;
  readonly name: string;
  /** The code of what it is (SNOMED CT, or `99TROCAR`), where its object says; or the kind of a structure set: `GTV`, `ORGAN`. */
  readonly type: string | undefined;
  /** 1 where it is, on the grid of the images, i fastest. */
  readonly voxels: Uint8Array;
}

interface Options<F extends string> {
  readonly place: StudyPlace;
  readonly study: ListedStudy;
  readonly volume: Volume<F>;
  readonly series: string;
  /** Instance or series UID that a person named. */
  readonly named: string | undefined;
  readonly patient: string;
}

interface Drawn {
  readonly uid: string;
  readonly seriesUid: string;
  readonly label: string;
  structures(): Promise<readonly StudyStructure[]>;
}

/** Zones that a procedure writes are results: no case is made from them. */
const RESULTS = ['ABLATION_ZONE', 'SAFETY_MARGIN'];
const STRUCTURE_SETS = '1.2.840.10008.5.1.4.1.1.481.3';

/**
 * What a study has drawn on these images: the segments of its one segmentation, or the regions of its one structure set. Objects in another
 * frame of reference are passed over, and told.
 * @throws NavError `guidance/bad-plan` where several are drawn on these images and none was named, or the one that was named is not;
 *   `guidance/wrong-patient`; `archive/…`, `store/…`, `dicom/…`
 */
export async function structuresOn<F extends string>(
  options: Options<F>,
): Promise<{ readonly found: readonly StudyStructure[] | undefined; readonly warnings: readonly string[] }> {
  const { place, study, named } = options;
  const [drawn, warnings]: [Drawn[], string[]] = [[], []];
  for (const { uid, modality } of study.series) {
    if (modality !== 'SEG' && modality !== 'RTSTRUCT') continue;
    for (const bytes of await objectsOfSeries(place, study, uid)) {
      const one = await drawnIn(bytes, options);
      if (typeof one === 'string') warnings.push(one);
      else if (one !== undefined) drawn.push(one);
    }
  }
  const could = named === undefined ? drawn : drawn.filter((d) => d.uid === named || d.seriesUid === named);
  if (could.length === 0 && named === undefined) return { found: undefined, warnings };
  const [only, other] = could;
  if (only === undefined || other !== undefined) {
    const lines = drawn.map((d) => `\n  ${d.uid}: "${d.label}"`).join('');
    const what =
      only === undefined
        ? `Nothing drawn on these images is named ${named}`
        : `${could.length} objects are drawn on these images`;
    throw new NavError('guidance/bad-plan', `${what}. Name one with --structures.${lines}`, {
      detail: { studyUid: study.uid, uids: drawn.map(({ uid }) => uid) },
    });
  }
  return { found: await only.structures(), warnings };
}

async function drawnIn<F extends string>(
  bytes: Uint8Array,
  { volume, patient }: Options<F>,
): Promise<Drawn | string | undefined> {
  const source = await readSource({ name: 'a segmentation or structure set', bytes });
  const { sopInstanceUid: uid, seriesUid, sopClassUid } = source.reference;
  if ((source.study.patient.id ?? '') !== patient) {
    throw new NavError(
      'guidance/wrong-patient',
      `Object ${uid} of the study names another patient than its images. Nothing was begun. Have the study put right in the archive.`,
      { detail: { sopInstanceUid: uid } },
    );
  }
  if (sopClassUid === STRUCTURE_SETS) return regionsIn(bytes, uid, seriesUid, volume);
  if (sopClassUid !== SOP_CLASS.segmentation) return undefined;
  const read = await decodeSegmentation(bytes);
  if (read.segments.every(({ type }) => RESULTS.includes(type?.value ?? ''))) return undefined;
  const label = read.segments.map((s) => s.label).join(', ');
  if (read.frameOfReferenceUid !== volume.frameOfReferenceUid) return elsewhere(uid);
  return {
    ...{ uid, seriesUid, label },
    structures: async () => {
      const { segments, voxelsOf, slope } = await decodeSegmentation(bytes, { onto: volume });
      return segments.map(({ number, label: name, type }) => {
        const values = voxelsOf(number);
        const voxels = slope === 1 ? values : values.map((v) => (v * slope >= 0.5 ? 1 : 0));
        return { number, name, type: type?.value, voxels };
      });
    },
  };
}

async function regionsIn<F extends string>(
  bytes: Uint8Array,
  uid: string,
  seriesUid: string,
  volume: Volume<F>,
): Promise<Drawn | string> {
  const set = await readStructures({ name: 'a structure set', bytes });
  const here = set.structures.filter((s) => s.frameOfReferenceUid === volume.frameOfReferenceUid && s.contours.length > 0);
  if (here.length === 0) return elsewhere(uid);
  return {
    ...{ uid, seriesUid, label: here.map(({ name }) => name).join(', ') },
    structures: async () => here.flatMap((one) => laidOn(one, volume)),
  };
}

/** A region without a closed contour encloses nothing: markers and lines are passed over. */
function laidOn<F extends string>(one: Structure, volume: Volume<F>): StudyStructure[] {
  try {
    const { voxels } = structureLabel(one, volume);
    return [{ number: one.number, name: one.name, type: one.interpretedType, voxels: voxels as Uint8Array }];
  } catch (error) {
    if (isNavError(error, 'dicom/bad-structures') && !one.contours.some(({ kind }) => kind.startsWith('closed'))) return [];
    throw error;
  }
}

const elsewhere = (uid: string): string =>
  `Object ${uid} is drawn in another frame of reference than these images, and was passed over.`;
