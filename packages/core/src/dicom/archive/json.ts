import type { NavError } from '../../base/index.js';
import { badAnswer } from './errors.js';

/** A person's name with all its groups (PS3.5, 6.2: components are separated by "^"). An absent group is absent. */
export interface PersonName {
  readonly alphabetic?: string;
  readonly ideographic?: string;
  readonly phonetic?: string;
}

/** One element of the DICOM JSON model (PS3.18, F.2): its value is one of the kinds that its VR allows. */
export interface JsonElement {
  readonly vr: string;
  readonly values: readonly unknown[];
  /** Where a value stands that was left out of the answer. */
  readonly bulkDataUri?: string;
  /** Base64. */
  readonly inlineBinary?: string;
}

/**
 * The attributes of a study, a series, an instance or an item of a sequence. Tags are `ggggeeee`, in either letters. What is absent or
 * empty is undefined, or an empty list; nothing is made up.
 */
export class Attributes {
  readonly elements: ReadonlyMap<string, JsonElement>;

  constructor(elements: ReadonlyMap<string, JsonElement>) {
    this.elements = elements;
  }

  #values(tag: string): readonly unknown[] {
    return this.elements.get(tag.toUpperCase())?.values ?? [];
  }

  has(tag: string): boolean {
    return this.#values(tag).length > 0;
  }

  /** The first value as text; a number or a name too, as DICOM writes it. */
  text(tag: string): string | undefined {
    return this.texts(tag)[0];
  }

  texts(tag: string): string[] {
    return this.#values(tag).flatMap((value) => joinedName(value) ?? []);
  }

  number(tag: string): number | undefined {
    return this.numbers(tag)[0];
  }

  /** All values as numbers. Some archives write DS and IS as strings (allowed since 2022): those are taken where they are numbers. */
  numbers(tag: string): number[] {
    return this.#values(tag).flatMap((value) => {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      return typeof number === 'number' && Number.isFinite(number) ? [number] : [];
    });
  }

  personName(tag: string): PersonName | undefined {
    const value = this.#values(tag)[0];
    if (typeof value === 'string') return value === '' ? undefined : { alphabetic: value };
    if (typeof value !== 'object' || value === null) return undefined;
    const { Alphabetic: alphabetic, Ideographic: ideographic, Phonetic: phonetic } = value as Record<string, unknown>;
    const name = {
      ...(isText(alphabetic) && { alphabetic }),
      ...(isText(ideographic) && { ideographic }),
      ...(isText(phonetic) && { phonetic }),
    };
    return Object.keys(name).length > 0 ? name : undefined;
  }

  /** The items of a sequence. */
  items(tag: string): Attributes[] {
    return this.#values(tag).flatMap((value) => (value instanceof Attributes ? [value] : []));
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A value as DICOM writes it in text: the groups of a name are joined by "=" (PS3.5, 6.2). Undefined where it has none. */
export function joinedName(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  if (isText(value)) return value;
  if (typeof value !== 'object' || value === null || value instanceof Attributes) return undefined;
  const { Alphabetic, Ideographic, Phonetic } = value as Record<string, unknown>;
  const groups = [Alphabetic, Ideographic, Phonetic].map((group) => (typeof group === 'string' ? group : ''));
  const text = groups.join('=').replace(/=+$/, '');
  return text === '' ? undefined : text;
}

/** Items within items within items: real objects have fewer, and a damaged answer must not exhaust the stack. */
const DEEPEST = 32;

/**
 * An answer in DICOM JSON: a list of objects.
 * @throws NavError `archive/bad-answer`
 */
export function parseDicomJson(bytes: Uint8Array, where: string): Attributes[] {
  const wrong = (what: string): NavError => badAnswer(where, `the answer is no DICOM JSON: ${what}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw badAnswer(where, 'the answer is no DICOM JSON: it cannot be parsed, or is cut', { cause });
  }
  // One object without its list is what some archives answer to STOW-RS.
  const list = Array.isArray(json) ? json : [json];
  return list.map((one) => attributesOf(one, wrong, 0));
}

function attributesOf(json: unknown, wrong: (what: string) => NavError, depth: number): Attributes {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong('an object is expected in its list');
  if (depth > DEEPEST) throw wrong('its sequences are nested too deeply');
  const elements = new Map<string, JsonElement>();
  for (const [tag, element] of Object.entries(json)) {
    if (!/^[0-9a-f]{8}$/i.test(tag)) throw wrong('a name in it is no tag of eight hexadecimal digits');
    elements.set(tag.toUpperCase(), elementOf(tag, element, wrong, depth));
  }
  return new Attributes(elements);
}

function elementOf(tag: string, json: unknown, wrong: (what: string) => NavError, depth: number): JsonElement {
  const { vr, Value, BulkDataURI, InlineBinary } = (json ?? {}) as Record<string, unknown>;
  if (typeof vr !== 'string' || !/^[A-Z]{2}$/.test(vr)) throw wrong(`element ${tag} has no value representation`);
  if (Value !== undefined && Value !== null && !Array.isArray(Value)) throw wrong(`the value of element ${tag} is no list`);
  const raw: readonly unknown[] = Array.isArray(Value) ? Value : [];
  // null stands for an empty value among others (PS3.18, F.2.5): it keeps its place in a list of numbers no more than it has one.
  const values = raw.filter((value) => value !== null);
  return {
    vr,
    values: vr === 'SQ' ? values.map((item) => attributesOf(item, wrong, depth + 1)) : values,
    ...(typeof BulkDataURI === 'string' && { bulkDataUri: BulkDataURI }),
    ...(typeof InlineBinary === 'string' && { inlineBinary: InlineBinary }),
  };
}
