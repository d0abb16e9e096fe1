import { isNavError } from '../../base/index.js';
import { badAnswer } from './errors.js';
import { type Attributes, type PersonName, parseDicomJson } from './json.js';
import { type ArchiveSettings, bad, requireUid } from './options.js';
import { exchange } from './transport.js';

/** What every search takes. */
export interface FindOptions {
  /** Further attributes to match, by tag (`00080060`) or keyword (`Modality`): PS3.4, C.2.2.2 says how. */
  readonly match?: Readonly<Record<string, string>>;
  /** Further attributes to answer with, by tag or keyword; `all` for all that the archive has at this level. */
  readonly include?: readonly string[];
  /** How many at most. Default all. */
  readonly limit?: number;
  /** How many are asked for in one request. Default 100. */
  readonly pageSize?: number;
  /** How many to pass over first. Default 0. */
  readonly offset?: number;
  readonly signal?: AbortSignal;
}

/**
 * Which studies. `*` and `?` stand for any characters in text. DICOMweb puts these values into the query of a URL, where a proxy may log
 * them: search by UID where that matters.
 */
export interface StudyQuery extends FindOptions {
  readonly studyUid?: string;
  readonly patientName?: string;
  readonly patientId?: string;
  readonly accessionNumber?: string;
  /** `YYYYMMDD`, or a range `YYYYMMDD-YYYYMMDD` that may lack one end. */
  readonly studyDate?: string;
  readonly modality?: string;
  readonly description?: string;
}

/** Which series of a study. */
export interface SeriesQuery extends FindOptions {
  readonly seriesUid?: string;
  readonly modality?: string;
  readonly description?: string;
}

/** Which instances of a series. */
export interface InstanceQuery extends FindOptions {
  readonly sopInstanceUid?: string;
}

/** A study that was found. What the archive does not say is absent. Dates are DICOM's `YYYYMMDD`, times `HHMMSS.ffffff`. */
export interface FoundStudy {
  readonly studyUid: string;
  readonly date?: string;
  readonly time?: string;
  readonly description?: string;
  readonly accessionNumber?: string;
  readonly patientName?: PersonName;
  readonly patientId?: string;
  readonly patientBirthDate?: string;
  readonly patientSex?: string;
  readonly modalities: readonly string[];
  readonly seriesCount?: number;
  readonly instanceCount?: number;
  /** All that was answered. */
  readonly attributes: Attributes;
}

/** A series that was found. */
export interface FoundSeries {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly modality?: string;
  readonly number?: number;
  readonly description?: string;
  readonly instanceCount?: number;
  readonly attributes: Attributes;
}

/** An instance that was found. */
export interface FoundInstance {
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid?: string;
  readonly number?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly frames?: number;
  readonly attributes: Attributes;
}

const JSON_TYPE = 'application/dicom+json';

/** @throws NavError `archive/…` */
export async function* findStudies(
  settings: ArchiveSettings,
  query: StudyQuery = {},
): AsyncGenerator<FoundStudy, void, undefined> {
  const keys = {
    StudyInstanceUID: query.studyUid,
    PatientName: query.patientName,
    PatientID: query.patientId,
    AccessionNumber: query.accessionNumber,
    StudyDate: dateRange(query.studyDate),
    ModalitiesInStudy: query.modality,
    StudyDescription: query.description,
  };
  const include = ['StudyDescription', 'ModalitiesInStudy', 'PatientBirthDate', 'PatientSex'];
  for await (const { attributes, where } of pages(settings, '/studies', '0020000D', keys, include, query)) {
    yield {
      ...present({
        date: attributes.text('00080020'),
        time: attributes.text('00080030'),
        description: attributes.text('00081030'),
        accessionNumber: attributes.text('00080050'),
        patientName: attributes.personName('00100010'),
        patientId: attributes.text('00100020'),
        patientBirthDate: attributes.text('00100030'),
        patientSex: attributes.text('00100040'),
        seriesCount: attributes.number('00201206'),
        instanceCount: attributes.number('00201208'),
      }),
      studyUid: uidOf(attributes, '0020000D', where),
      modalities: attributes.texts('00080061'),
      attributes,
    };
  }
}

/** @throws NavError `archive/…` */
export async function* findSeries(
  settings: ArchiveSettings,
  studyUid: string,
  query: SeriesQuery = {},
): AsyncGenerator<FoundSeries, void, undefined> {
  const path = `/studies/${requireUid(studyUid, 'studyUid')}/series`;
  const keys = { SeriesInstanceUID: query.seriesUid, Modality: query.modality, SeriesDescription: query.description };
  const include = ['SeriesDescription', 'NumberOfSeriesRelatedInstances'];
  for await (const { attributes, where } of pages(settings, path, '0020000E', keys, include, query)) {
    yield {
      ...present({
        modality: attributes.text('00080060'),
        number: attributes.number('00200011'),
        description: attributes.text('0008103E'),
        instanceCount: attributes.number('00201209'),
      }),
      studyUid,
      seriesUid: uidOf(attributes, '0020000E', where),
      attributes,
    };
  }
}

/** @throws NavError `archive/…` */
export async function* findInstances(
  settings: ArchiveSettings,
  studyUid: string,
  seriesUid: string,
  query: InstanceQuery = {},
): AsyncGenerator<FoundInstance, void, undefined> {
  const path = `/studies/${requireUid(studyUid, 'studyUid')}/series/${requireUid(seriesUid, 'seriesUid')}/instances`;
  const keys = { SOPInstanceUID: query.sopInstanceUid };
  for await (const { attributes, where } of pages(settings, path, '00080018', keys, [], query)) {
    yield {
      ...present({
        sopClassUid: attributes.text('00080016'),
        number: attributes.number('00200013'),
        rows: attributes.number('00280010'),
        columns: attributes.number('00280011'),
        frames: attributes.number('00280008'),
      }),
      studyUid,
      seriesUid,
      sopInstanceUid: uidOf(attributes, '00080018', where),
      attributes,
    };
  }
}

/** Without what is undefined, so that an absent fact is an absent field. */
function present<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as never;
}

function uidOf(attributes: Attributes, tag: string, where: string): string {
  const uid = attributes.text(tag);
  if (uid === undefined) throw badAnswer(where, `an answer lacks its UID (${tag.slice(0, 4)},${tag.slice(4)})`);
  return requireAnsweredUid(uid, where);
}

function requireAnsweredUid(uid: string, where: string): string {
  try {
    return requireUid(uid, 'uid');
  } catch (cause) {
    throw badAnswer(where, 'an answer has a UID that is none', { cause });
  }
}

function dateRange(date: string | undefined): string | undefined {
  if (date !== undefined && !/^(\d{8}(-(\d{8})?)?|-\d{8})$/.test(date)) {
    throw bad('studyDate is neither YYYYMMDD nor a range YYYYMMDD-YYYYMMDD');
  }
  return date;
}

interface Found {
  readonly attributes: Attributes;
  readonly where: string;
}

/**
 * All pages of a search (PS3.18, 8.3.4.4). An archive may answer fewer than it was asked for and yet have more, so only an empty
 * page is the end; one that repeats a page would lose results in silence, and is refused.
 */
async function* pages(
  settings: ArchiveSettings,
  path: string,
  uidTag: string,
  keys: Readonly<Record<string, string | undefined>>,
  include: readonly string[],
  options: FindOptions,
): AsyncGenerator<Found, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY, pageSize = 100, offset = 0 } = options;
  if (!(limit >= 0) || !(Number.isInteger(pageSize) && pageSize >= 1) || !(Number.isInteger(offset) && offset >= 0)) {
    throw bad('limit, pageSize or offset is no count');
  }
  const fixed = parametersOf(keys, include, options);
  const seen = new Set<string>();
  let [given, skip, full] = [0, offset, false];
  while (given < limit) {
    const asked = Math.min(pageSize, limit - given);
    const query = [...fixed, `limit=${asked}`, `offset=${skip}`].join('&');
    const { list, where } = await page(settings, `${path}?${query}`, options.signal);
    const fresh = list.filter((one) => !seen.has(one.text(uidTag) ?? ''));
    if (fresh.length === 0 && list.length > 0 && full)
      throw badAnswer(where, 'the archive answers the same page again: it ignores "offset"');
    for (const attributes of fresh.slice(0, limit - given)) {
      seen.add(attributes.text(uidTag) ?? '');
      given += 1;
      yield { attributes, where };
    }
    // More than was asked for: it knows no paging, and this was all.
    if (fresh.length === 0 || list.length > asked) return;
    full = list.length === asked;
    skip += list.length;
  }
}

function parametersOf(
  keys: Readonly<Record<string, string | undefined>>,
  include: readonly string[],
  options: FindOptions,
): readonly string[] {
  const matches = Object.entries({ ...keys, ...options.match }).filter(([, value]) => value !== undefined);
  for (const [key] of matches)
    if (!/^([0-9a-f]{8}|[a-z]+)(\.([0-9a-f]{8}|[a-z]+))*$/i.test(key)) throw bad('a key of match is neither a tag nor a keyword');
  return [
    ...matches.map(([key, value]) => `${key}=${encodeURIComponent(value as string)}`),
    ...[...include, ...(options.include ?? [])].map((field) => `includefield=${encodeURIComponent(field)}`),
  ];
}

async function page(
  settings: ArchiveSettings,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly list: readonly Attributes[]; readonly where: string }> {
  return exchange(settings, { method: 'GET', path, accept: JSON_TYPE, signal }, async (answer) => {
    const bytes = await answer.bytes();
    // 204: nothing matches (PS3.18, 10.6.3).
    const list = answer.status === 204 || bytes.length === 0 ? [] : parseDicomJson(bytes, answer.where);
    return { list, where: answer.where };
  });
}

/** Whether the archive has an instance. @throws NavError `archive/…` other than `archive/not-found` */
export async function hasInstance(
  settings: ArchiveSettings,
  at: { readonly studyUid: string; readonly seriesUid: string; readonly sopInstanceUid: string },
  signal?: AbortSignal,
): Promise<boolean> {
  const query = { sopInstanceUid: at.sopInstanceUid, limit: 1, ...(signal && { signal }) };
  try {
    for await (const found of findInstances(settings, at.studyUid, at.seriesUid, query)) {
      return found.sopInstanceUid === at.sopInstanceUid;
    }
    return false;
  } catch (error) {
    if (isNavError(error, 'archive/not-found')) return false;
    throw error;
  }
}
