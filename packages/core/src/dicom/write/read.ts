import { NavError } from '../../base/index.js';
import {
  charsetOf,
  codeOf,
  type DataSet,
  type DicomFile,
  numbersOf,
  parseDicomFile,
  tagName,
  textOf,
} from '../../io/dicom/dataset.js';
import type { VolumeFile } from '../../io/index.js';
import type { Code } from './codes.js';
import type { InstanceReference, ObjectIds } from './object.js';
import { isUid } from './uid.js';

/** A parsed object and what is read of every one of them. */
export interface ReadObject extends DicomFile {
  readonly charset: readonly string[];
  readonly ids: ObjectIds;
}

/**
 * Parses a file, and holds it to one of the SOP classes wanted.
 * @throws NavError `dicom/not-dicom`, `dicom/truncated`, `io/corrupt`, `dicom/unsupported-object` for another SOP class
 */
export async function readObject(source: Uint8Array | VolumeFile, wanted: readonly string[], what: string): Promise<ReadObject> {
  const file = source instanceof Uint8Array ? { name: what, bytes: source } : source;
  const { dataset, syntax } = await parseDicomFile(file);
  const sopClassUid = codeOf(dataset, 'x00080016') ?? '';
  if (!wanted.includes(sopClassUid)) {
    throw new NavError('dicom/unsupported-object', `"${file.name}" is no ${what}: its SOP class is ${sopClassUid || 'absent'}.`, {
      detail: { file: file.name, sopClass: sopClassUid },
    });
  }
  const ids = {
    sopClassUid,
    sopInstanceUid: codeOf(dataset, 'x00080018') ?? '',
    seriesUid: codeOf(dataset, 'x0020000e') ?? '',
    studyUid: codeOf(dataset, 'x0020000d') ?? '',
  };
  return { name: file.name, syntax, dataset, charset: charsetOf(dataset), ids };
}

/** A registration as it is opened: the frame of reference that is its own, and the items of its sequence. */
export interface OpenedRegistration {
  readonly from: ReadObject;
  readonly frameOfReferenceUid: string;
  readonly items: readonly DataSet[];
}

/**
 * Opens a registration of one kind.
 * @param kind its SOP class, its name, the sequence of what it registers, and whether it maps `into` or `from` its own frame
 * @throws NavError as {@link readObject}; `io/corrupt` without a frame of reference or an item
 */
export async function openRegistration(
  source: Uint8Array | VolumeFile,
  kind: {
    readonly sopClass: string;
    readonly what: string;
    readonly sequence: string;
    readonly sequenceName: string;
    readonly maps: 'into' | 'from';
  },
): Promise<OpenedRegistration> {
  const from = await readObject(source, [kind.sopClass], kind.what);
  const frameOfReferenceUid = codeOf(from.dataset, 'x00200052');
  if (frameOfReferenceUid === undefined) throw corrupt(from, `it does not name the frame of reference that it maps ${kind.maps}`);
  const items = itemsOf(from.dataset, kind.sequence);
  if (items.length === 0) throw corrupt(from, `its ${kind.sequenceName} ${tagName(kind.sequence)} is absent or empty`);
  return { from, frameOfReferenceUid, items };
}

/** The items of a sequence; none where it is absent. */
export function itemsOf(dataset: DataSet | undefined, tag: string): readonly DataSet[] {
  const items = dataset?.elements[tag]?.items ?? [];
  return items.flatMap((item) => (item.dataSet === undefined ? [] : [item.dataSet]));
}

/** The first item of a code sequence; undefined where it has none that is whole. Long codes (UC, UR) are codes too. */
export function readCode(dataset: DataSet | undefined, tag: string, charset: readonly string[]): Code | undefined {
  const item = itemsOf(dataset, tag)[0];
  if (item === undefined) return undefined;
  const value = ['x00080100', 'x00080119', 'x00080120'].map((t) => textOf(item, t, charset)).find((v) => v !== undefined);
  if (value === undefined) return undefined;
  return { value, scheme: textOf(item, 'x00080102', charset) ?? '', meaning: textOf(item, 'x00080104', charset) ?? '' };
}

/** `n` numbers that must be there. @throws NavError `io/corrupt` */
export function requiredNumbers(
  from: ReadObject,
  dataset: DataSet | undefined,
  tag: string,
  count: number,
  what: string,
): number[] {
  const values = numbersOf(dataset, tag, count);
  if (values === undefined)
    throw corrupt(from, `${what} ${tagName(tag)} is absent or is not ${count} numbers`, { tag: tagName(tag) });
  return values;
}

/** References of a sequence of SOP Instance References, with their series and study from the Common Instance Reference module. */
export function readReferences(from: ReadObject, sequence: readonly DataSet[]): readonly InstanceReference[] {
  const places = instancePlaces(from);
  return sequence.flatMap((item) => {
    const sopInstanceUid = codeOf(item, 'x00081155') ?? '';
    const sopClassUid = codeOf(item, 'x00081150') ?? '';
    return isUid(sopInstanceUid) ? [{ sopClassUid, sopInstanceUid, seriesUid: '', ...places.get(sopInstanceUid) }] : [];
  });
}

type Place = Pick<InstanceReference, 'seriesUid' | 'studyUid'>;

function instancePlaces({ dataset, ids }: ReadObject): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const enter = (parent: DataSet, studyUid: string): void => {
    for (const series of itemsOf(parent, 'x00081115')) {
      const seriesUid = codeOf(series, 'x0020000e') ?? '';
      for (const item of itemsOf(series, 'x0008114a')) places.set(codeOf(item, 'x00081155') ?? '', { seriesUid, studyUid });
    }
  };
  enter(dataset, ids.studyUid);
  for (const study of itemsOf(dataset, 'x00081200')) enter(study, codeOf(study, 'x0020000d') ?? '');
  return places;
}

/** An object that says something impossible. */
export function corrupt(
  from: Pick<ReadObject, 'name'>,
  what: string,
  detail: Readonly<Record<string, unknown>> = {},
): NavError<'io/corrupt'> {
  return new NavError('io/corrupt', `"${from.name}" cannot be used: ${what}.`, { detail: { file: from.name, ...detail } });
}
