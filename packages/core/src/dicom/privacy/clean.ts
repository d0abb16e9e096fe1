import { NavError } from '../../base/index.js';
import { shifted } from './dates.js';
import { type Attribute, attributeOf } from './dictionary.js';
import { elementOf, groupOf, isPrivate, type RawElement, type RawItem, textBytes } from './elements.js';
import { METHOD_TAGS } from './method.js';
import type { Needles } from './needles.js';
import type { Settings } from './options.js';
import { type Outcome, outcomeOf } from './rules.js';
import { charsetOf, isInstanceUid, textAt } from './survey.js';
import { BYTE_VRS, DUMMY_TEXT, dummyOf, emptied, FREE_TEXT, isLegal, TEXT_VRS, textsOf } from './values.js';

/** What was done in one file, by numbers of elements in all its sequences. */
export interface CleaningCounts {
  /** Removed by the profile's table. */
  removed: number;
  emptied: number;
  /** Given a value that says nothing. */
  replaced: number;
  remappedUids: number;
  shiftedDates: number;
  /** Descriptors of which only words of the list are left. */
  cleaned: number;
  /** Private elements, removed. */
  private: number;
  /** Elements that no dictionary knows, removed. */
  unknown: number;
  /** Elements whose value breaks the rules of its VR, and could be anything; removed or replaced. */
  illegal: number;
  /** Elements that the profile keeps but that held an identifier of this study; removed or replaced. */
  leaks: number;
}

/** What one file's elements are cleaned with. */
export interface CleaningContext {
  readonly settings: Settings;
  readonly needles: Needles;
  readonly uids: ReadonlyMap<string, string>;
  /** Days that the patient's dates move. */
  readonly days: number;
  readonly pseudonym: string;
  readonly counts: CleaningCounts;
  /** How messages call the file. */
  readonly what: string;
}

export function noCounts(): CleaningCounts {
  return {
    removed: 0,
    emptied: 0,
    replaced: 0,
    remappedUids: 0,
    shiftedDates: 0,
    cleaned: 0,
    private: 0,
    unknown: 0,
    illegal: 0,
    leaks: 0,
  };
}

/** Values that say how the image is made: words of the standard, which a patient's name may happen to be. */
const STRUCTURAL: ReadonlySet<number> = new Set([
  0x0008_0005, 0x0008_0008, 0x0008_0016, 0x0008_0060, 0x0008_1150, 0x0018_5100, 0x0028_2114, 0x0040_a040,
]);
const CONTENT = 0x0040_a730;
/** Content items that refer or hold others; the others say what was seen (PS3.3, C.17.3). */
const REFERRING: ReadonlySet<string> = new Set('CONTAINER IMAGE COMPOSITE WAVEFORM SCOORD SCOORD3D TCOORD UIDREF'.split(' '));
const GRAPHIC_DATA = 0x0070_0022;
/** Code Value, Long Code Value and Code Meaning. */
const CODE_TEXT: ReadonlySet<number> = new Set([0x0008_0100, 0x0008_0119, 0x0008_0104]);
/** Schemes of a site or vendor (PS3.16, 8.2), whose codes may be anything; ours is none of them. */
const LOCAL_SCHEME = /^(99(?!TROCAR$)|L$)/;
/** No term of the standard has four digits in a row, but numbers of patients do. */
const NUMBERED = /\d{4}/;
/** Nor has a model's name or a code's meaning five, or what joins the parts of names and addresses. */
const PERSONAL = /\d{5}|[\^@]/;
/** Codes of dictionaries are long numbers. */
const CODE_NUMBERS: ReadonlySet<number> = new Set([0x0008_0100, 0x0008_0103, 0x0008_0119]);

/** A data set's elements, de-identified, with the pseudonym and without anything that the rules do not let pass. */
export function cleanElements(elements: readonly RawElement[], context: CleaningContext): RawElement[] {
  return cleanAll(elements, charsetOf(elements, ['']), context, true);
}

function cleanAll(
  elements: readonly RawElement[],
  charset: readonly string[],
  context: CleaningContext,
  top: boolean,
): RawElement[] {
  const cleaned: RawElement[] = [];
  for (const element of elements) {
    const out = cleanOne(element, elements, charset, context);
    if (out !== undefined && !(top && METHOD_TAGS.has(out.tag))) cleaned.push(out);
  }
  return cleaned;
}

function cleanOne(
  element: RawElement,
  around: readonly RawElement[],
  charset: readonly string[],
  context: CleaningContext,
): RawElement | undefined {
  const { counts } = context;
  const { tag } = element;
  if (isPrivate(tag)) return safePrivate(element, around, context);
  if (isScaffold(tag)) return undefined;
  const attribute = attributeOf(tag);
  if (attribute === undefined) return dropped(counts, 'unknown');
  if (groupOf(tag) >>> 8 === 0x60) return overlay(element, attribute, around, charset, context);
  if (!fits(element, attribute.vr)) return dropped(counts, 'illegal');
  if (tag === 0x0010_0010 || tag === 0x0010_0020) {
    counts.replaced += 1;
    return elementOf(tag, attribute.vr, textBytes(attribute.vr, context.pseudonym));
  }
  return applied(outcomeOf(tag, attribute, context.settings), element, attribute, around, charset, context);
}

/** Group lengths, which are retired, and groups that no data set has (PS3.5, 7.1). */
function isScaffold(tag: number): boolean {
  const group = groupOf(tag);
  return (tag & 0xffff) === 0 || group < 8;
}

/** Whether the form of the value is that of the attribute: text where text is due, items where a sequence is. */
function fits({ vr, items, bytes, fragments }: RawElement, due: string): boolean {
  if ((due === 'SQ') !== (items !== undefined)) return due === 'SQ' && bytes?.length === 0;
  if (fragments !== undefined) return BYTE_VRS.has(due);
  if (vr === 'UN' || vr === due) return true;
  return TEXT_VRS.has(vr) === TEXT_VRS.has(due);
}

function dropped(counts: CleaningCounts, why: 'removed' | 'private' | 'unknown' | 'illegal' | 'leaks'): undefined {
  counts[why] += 1;
  return undefined;
}

/** Undefined is removed. */
function applied(
  outcome: Outcome,
  element: RawElement,
  attribute: Attribute,
  around: readonly RawElement[],
  charset: readonly string[],
  context: CleaningContext,
): RawElement | undefined {
  const { counts } = context;
  const { vr } = attribute;
  if (typeof outcome === 'object') return described(outcome.cleanOr, element, vr, charset, context);
  switch (outcome) {
    case 'remove':
      return dropped(counts, 'removed');
    case 'empty':
      counts.emptied += 1;
      return emptied(element);
    case 'dummy':
      return replaced(element, vr, counts);
    case 'dummy-code':
      counts.replaced += 1;
      return { ...emptied(element), items: [{ elements: dummyCode(), openEnded: false }] };
    case 'uid':
      return remapped(element, context);
    case 'shift':
    case 'keep-date':
      return dated(outcome === 'shift' ? context.days : 0, element, vr, counts);
    case 'recurse':
      return inside(element, charset, context);
    case 'keep':
      return kept(element, attribute, around, charset, context);
  }
}

/** An empty value stays empty: it says nothing as it is. */
function replaced(element: RawElement, vr: string, counts: CleaningCounts): RawElement {
  if (element.bytes?.length === 0) return element;
  counts.replaced += 1;
  return dummyOf(element, vr);
}

function dummyCode(): RawElement[] {
  return [
    elementOf(0x0008_0100, 'SH', textBytes('SH', DUMMY_TEXT)),
    elementOf(0x0008_0102, 'SH', textBytes('SH', '99TROCAR')),
    elementOf(0x0008_0104, 'LO', textBytes('LO', DUMMY_TEXT)),
  ];
}

function remapped(element: RawElement, { uids, counts }: CleaningContext): RawElement {
  const texts = textsOf(element, 'UI', ['']).map((text) => text.trim());
  if (!texts.some(isInstanceUid)) return element;
  counts.remappedUids += 1;
  const mapped = texts.map((uid) => (isInstanceUid(uid) ? (uids.get(uid) as string) : uid));
  return elementOf(element.tag, element.vr, textBytes('UI', mapped.join('\\')));
}

function dated(days: number, element: RawElement, vr: string, counts: CleaningCounts): RawElement {
  const texts = textsOf(element, vr, ['']).map((text) => text.trim());
  const moved = texts.map((text) => (text === '' ? '' : shifted(vr, text, days)));
  if (moved.some((text) => text === undefined)) {
    counts.illegal += 1;
    return dummyOf(element, vr);
  }
  if (days === 0 || vr === 'TM') return element;
  counts.shiftedDates += 1;
  return elementOf(element.tag, element.vr, textBytes(vr, moved.join('\\')));
}

/** Of a descriptor, the words of the list. */
function described(
  otherwise: 'remove' | 'empty' | 'dummy',
  element: RawElement,
  vr: string,
  charset: readonly string[],
  { settings, needles, counts }: CleaningContext,
): RawElement | undefined {
  const words = textsOf(element, vr, charset)
    .flatMap((text) => text.split(/[^\p{L}\p{N}]+/u))
    .filter((word) => settings.words.has(word.toUpperCase()) && !needles.inText(word));
  if (words.length > 0) {
    counts.cleaned += 1;
    // A short string holds 16 characters (PS3.5, 6.2).
    const text = vr === 'SH' ? words.join(' ').slice(0, 16).trim() : words.join(' ').slice(0, 64).trim();
    return elementOf(element.tag, vr, textBytes(vr, text));
  }
  if (otherwise === 'remove') return dropped(counts, 'removed');
  if (otherwise === 'dummy') return replaced(element, vr, counts);
  counts.emptied += 1;
  return emptied(element);
}

function inside(element: RawElement, charset: readonly string[], context: CleaningContext): RawElement | undefined {
  const items = (element.items ?? []).filter((item) => element.tag !== CONTENT || refers(item, context));
  context.counts.removed += (element.items?.length ?? 0) - items.length;
  if (element.tag === CONTENT && items.length === 0) return undefined;
  const cleaned = items.map((item) => ({
    ...item,
    elements: cleanAll(item.elements, charsetOf(item.elements, charset), context, false),
  }));
  const { tag, vr, openEnded, implicitInside } = element;
  return { tag, vr: element.items === undefined ? 'SQ' : vr, items: cleaned, openEnded, implicitInside };
}

function refers({ elements }: RawItem, { settings }: CleaningContext): boolean {
  const type = textAt(elements, 0x0040_a040);
  return type === '' || settings.clean.has('structured-content') || REFERRING.has(type);
}

function kept(
  element: RawElement,
  attribute: Attribute,
  around: readonly RawElement[],
  charset: readonly string[],
  context: CleaningContext,
): RawElement | undefined {
  const { counts, settings, needles } = context;
  const { vr } = attribute;
  if (!isLegal(element, attribute)) return dropped(counts, 'illegal');
  if (element.tag === GRAPHIC_DATA && !settings.clean.has('graphics')) return replaced(element, vr, counts);
  if (CODE_TEXT.has(element.tag) && LOCAL_SCHEME.test(textAt(around, 0x0008_0102))) return replaced(element, vr, counts);
  if (STRUCTURAL.has(element.tag)) return element;
  if (FREE_TEXT.has(vr) || vr === 'CS' || vr === 'PN') {
    const leaks = textsOf(element, vr, charset).some((text) => needles.inText(text) || looksPersonal(element.tag, vr, text));
    if (!leaks) return element;
    counts.leaks += 1;
    return vr === 'CS' ? undefined : dummyOf(element, vr);
  }
  if (TEXT_VRS.has(vr)) return element;
  const leaks = [...(element.fragments ?? []), ...(element.bytes === undefined ? [] : [element.bytes])].some((b) =>
    needles.inBytes(b),
  );
  if (!leaks) return element;
  if (groupOf(element.tag) !== 0x7fe0) return dropped(counts, 'leaks');
  throw new NavError(
    'dicom/identity-left',
    `${context.what} holds an identifier of the patient or the study in the bytes of its pixels, where nothing may be changed. ` +
      'Look at the image, and convert it to another transfer syntax if the text stands in a comment of the compressed data.',
  );
}

/** Whether a text has the look of a number or name of somebody, where words of the art are due. */
function looksPersonal(tag: number, vr: string, text: string): boolean {
  if (vr === 'CS') return NUMBERED.test(text);
  return !CODE_NUMBERS.has(tag) && PERSONAL.test(text);
}

/** Private elements of the list stay with the element that reserves their block (PS3.5, 7.8.1). */
function safePrivate(element: RawElement, around: readonly RawElement[], context: CleaningContext): RawElement | undefined {
  const { settings, counts, needles } = context;
  const low = element.tag & 0xffff;
  const block = low < 0x100 ? low : low >>> 8;
  const group = groupOf(element.tag);
  const reserved = group * 0x10000 + block;
  const creator = around.find(({ tag }) => tag === reserved);
  const name = creator === undefined ? '' : (textsOf(creator, 'LO', [''])[0] ?? '').trim();
  const safe = settings.safePrivate.filter((s) => s.group === group && s.creator === name && block >= 0x10 && block <= 0xff);
  const isSafe = low < 0x100 ? safe.length > 0 : safe.some((s) => s.element === (low & 0xff));
  if (!isSafe || element.bytes === undefined || needles.inBytes(element.bytes)) return dropped(counts, 'private');
  return element;
}

/** Overlays go, text and all; under Clean Graphics those of regions of interest stay, without their texts. */
function overlay(
  element: RawElement,
  attribute: Attribute,
  around: readonly RawElement[],
  charset: readonly string[],
  context: CleaningContext,
): RawElement | undefined {
  const type = groupOf(element.tag) * 0x10000 + 0x0040;
  const isRegion = context.settings.clean.has('graphics') && textAt(around, type) === 'R';
  if (!isRegion || (element.tag & 0xffff) === 0x4000) return dropped(context.counts, 'removed');
  if ((element.tag & 0xffff) === 0x3000) return element;
  return applied(outcomeOf(element.tag, attribute, context.settings), element, attribute, around, charset, context);
}
