import { attributeOf } from './dictionary.js';
import { groupOf, isPrivate, type RawElement, type RawFile } from './elements.js';
import type { Needles } from './needles.js';
import type { Settings } from './options.js';
import { outcomeOf } from './rules.js';
import { textsOf } from './values.js';

/** Who a file says the patient is. */
export interface PatientIdentity {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  readonly birthDate: string;
}

/** The defined terms of Specific Character Set (0008,0005); an item's own, where it has one, replaces its data set's. */
export function charsetOf(elements: readonly RawElement[], outer: readonly string[]): readonly string[] {
  const own = elements.find(({ tag }) => tag === 0x0008_0005);
  return own === undefined ? outer : textsOf(own, 'CS', ['']);
}

/** The first text of an element of the standard; '' where it is absent or empty. */
export function textAt(elements: readonly RawElement[], tag: number, charset: readonly string[] = ['']): string {
  const element = elements.find((e) => e.tag === tag);
  const vr = attributeOf(tag)?.vr ?? 'LO';
  return element === undefined ? '' : (textsOf(element, vr, charset)[0] ?? '').trim();
}

/** Who the patient of a file is. */
export function patientOf({ elements }: RawFile): PatientIdentity {
  const charset = charsetOf(elements, ['']);
  return {
    id: textAt(elements, 0x0010_0020, charset),
    issuer: textAt(elements, 0x0010_0021, charset),
    name: textAt(elements, 0x0010_0010, charset),
    birthDate: textAt(elements, 0x0010_0030),
  };
}

/**
 * What tells patients apart: the ID; without one, name and day of birth; without those the study, so that nobody's files become
 * one patient's. Who issued the ID is left out: not all objects of a study say it. Files of another site take another key.
 */
export function patientKey(patient: PatientIdentity, studyUid: string): string {
  if (patient.id !== '') return `id\0${patient.id}`;
  if (patient.name !== '') return `name\0${patient.name.toUpperCase()}\0${patient.birthDate}`;
  return `study\0${studyUid}`;
}

/** UIDs of the standard itself (PS3.6, A) and of schemes of codes in general use name no instance. */
const KNOWN_UID = /^1\.2\.840\.10008\.|^2\.16\.840\.1\.113883\.6\.(1|8|96|119|256)$/;

/** Whether a UID is replaced: those of the standard are not. */
export function isInstanceUid(uid: string): boolean {
  return uid !== '' && !KNOWN_UID.test(uid);
}

/** Texts outside names that tell who somebody is: the patient's group, and numbers and places of hospital, order and device. */
const TELLING: ReadonlySet<number> = new Set([
  0x0008_0050, 0x0008_0080, 0x0008_0081, 0x0008_1010, 0x0008_1040, 0x0018_1000, 0x0020_0010, 0x0038_0010, 0x0040_0009,
  0x0040_0253, 0x0040_1001, 0x0040_2016, 0x0040_2017,
]);
const TELLING_VRS: ReadonlySet<string> = new Set(['LO', 'SH', 'DA', 'ST', 'UC']);

/** Gathers, over the elements and all sequences, the UIDs to replace and the identifiers to look out for. */
export function survey(elements: readonly RawElement[], settings: Settings, uids: Set<string>, needles: Needles): void {
  walk(elements, charsetOf(elements, ['']), settings, uids, needles);
}

function walk(
  elements: readonly RawElement[],
  charset: readonly string[],
  settings: Settings,
  uids: Set<string>,
  needles: Needles,
): void {
  for (const element of elements) {
    for (const { elements: inner } of element.items ?? []) walk(inner, charsetOf(inner, charset), settings, uids, needles);
    const attribute = isPrivate(element.tag) ? undefined : attributeOf(element.tag);
    if (attribute === undefined || element.items !== undefined) continue;
    const outcome = outcomeOf(element.tag, attribute, settings);
    if (outcome === 'keep' || outcome === 'keep-date' || outcome === 'recurse') continue;
    const { vr } = attribute;
    const texts = textsOf(element, vr, charset).map((text) => text.trim());
    if (vr === 'UI') {
      for (const uid of texts.filter(isInstanceUid)) {
        uids.add(uid);
        needles.add(uid);
      }
    } else if (vr === 'PN') for (const name of texts) addName(name, needles);
    else if ((groupOf(element.tag) === 0x0010 || TELLING.has(element.tag)) && TELLING_VRS.has(vr)) {
      for (const text of texts) needles.add(text);
    }
  }
}

/** A name as it stands, its groups, and each of its parts. */
function addName(name: string, needles: Needles): void {
  needles.add(name);
  for (const part of name.split(/[\^=,\s]+/)) needles.add(part);
}
