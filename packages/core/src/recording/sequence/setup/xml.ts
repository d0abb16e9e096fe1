import { NavError } from '../../../base/index.js';

/** An element of an XML text: its attributes and the elements in it. Its text is not kept. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** The line where it begins, from 1. */
  readonly line: number;
}

const LARGEST = 32 * 1024 * 1024;
const DEEPEST = 100;
const NAME = /[A-Za-z_:][\w:.-]*/y;
const BLANK = /\s*/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Reads the elements of an XML text, as configurations need them: elements, attributes, comments, CDATA and the five named entities.
 * Document types, which may define entities that grow without end, are refused.
 * @param name what messages call the file
 * @throws NavError `setup/corrupt` with the line
 */
export function readXml(text: string, name: string): XmlElement {
  if (text.length > LARGEST)
    throw new NavError('setup/corrupt', `${name} has ${text.length} characters; no configuration is so long.`);
  const reader = new Reader(text.replace(/^\ufeff/, ''), name);
  reader.skip();
  const root = reader.element(0);
  reader.skip();
  if (!reader.atEnd()) throw reader.fault('something follows its last element');
  return root;
}

class Reader {
  readonly #text: string;
  readonly #name: string;
  #at = 0;
  /** How far lines were counted, and the line there. */
  #counted = 0;
  #line = 1;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  fault(what: string): NavError {
    const line = this.#lineHere();
    return new NavError('setup/corrupt', `${this.#name}, line ${line}: ${what}. It is no well-formed XML.`, { detail: { line } });
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Text, comments, instructions and CDATA, up to the next tag. */
  skip(): void {
    for (;;) {
      const next = this.#text.indexOf('<', this.#at);
      if (next < 0) {
        this.#at = this.#text.length;
        return;
      }
      this.#at = next;
      if (this.#starts('<!--')) this.#past('-->');
      else if (this.#starts('<?')) this.#past('?>');
      else if (this.#starts('<![CDATA[')) this.#past(']]>');
      else if (this.#starts('<!')) throw this.fault('a document type is not read');
      else return;
    }
  }

  element(depth: number): XmlElement {
    if (depth > DEEPEST) throw this.fault(`its elements lie in one another more than ${DEEPEST} deep`);
    const line = this.#lineHere();
    if (!this.#starts('<')) throw this.fault('it has no element');
    this.#at += 1;
    const name = this.#match(NAME, 'a tag has no name');
    const attributes = this.#attributes(name);
    if (this.#take('/>')) return { name, attributes, children: [], line };
    if (!this.#take('>')) throw this.fault(`the tag of "${name}" does not end`);
    const children: XmlElement[] = [];
    for (;;) {
      this.skip();
      if (this.atEnd()) throw this.fault(`"${name}" of line ${line} is not closed`);
      if (this.#take('</')) {
        const end = this.#match(NAME, 'a closing tag has no name');
        this.#blank();
        if (end !== name || !this.#take('>')) throw this.fault(`"${name}" of line ${line} is closed by "${end}"`);
        return { name, attributes, children, line };
      }
      children.push(this.element(depth + 1));
    }
  }

  #attributes(element: string): Map<string, string> {
    const attributes = new Map<string, string>();
    for (;;) {
      this.#blank();
      if (this.#starts('>') || this.#starts('/>')) return attributes;
      const key = this.#match(NAME, `the tag of "${element}" holds what is no attribute`);
      this.#blank();
      if (!this.#take('=')) throw this.fault(`"${key}" of "${element}" has no value`);
      this.#blank();
      const quote = this.#text[this.#at];
      if (quote !== '"' && quote !== "'") throw this.fault(`the value of "${key}" of "${element}" has no quotes`);
      const end = this.#text.indexOf(quote, this.#at + 1);
      if (end < 0) throw this.fault(`the value of "${key}" of "${element}" does not end`);
      if (attributes.has(key)) throw this.fault(`"${element}" has "${key}" twice`);
      const value = this.#text.slice(this.#at + 1, end);
      if (value.includes('<')) throw this.fault(`the value of "${key}" of "${element}" does not end`);
      attributes.set(key, this.#plain(value));
      this.#at = end + 1;
    }
  }

  /** Entities as what they stand for; line breaks in a value are blanks. */
  #plain(value: string): string {
    return value.replaceAll(/\s/g, ' ').replaceAll(/&([^;&]{0,12});?/g, (whole, body: string) => {
      const number = /^#(?:x([\da-f]+)|(\d+))$/i.exec(body);
      const code =
        number === null ? undefined : Number.parseInt(number[1] ?? (number[2] as string), number[1] === undefined ? 10 : 16);
      const known = code === undefined ? ENTITIES[body] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
      if (known === undefined || !whole.endsWith(';')) throw this.fault(`"${whole}" is no entity that is known`);
      return known;
    });
  }

  #starts(mark: string): boolean {
    return this.#text.startsWith(mark, this.#at);
  }

  #take(mark: string): boolean {
    if (!this.#starts(mark)) return false;
    this.#at += mark.length;
    return true;
  }

  #past(mark: string): void {
    const end = this.#text.indexOf(mark, this.#at);
    if (end < 0) throw this.fault(`"${this.#text.slice(this.#at, this.#at + 9).trim()}" does not end`);
    this.#at = end + mark.length;
  }

  #blank(): void {
    BLANK.lastIndex = this.#at;
    BLANK.exec(this.#text);
    this.#at = BLANK.lastIndex;
  }

  #match(pattern: RegExp, fault: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw this.fault(fault);
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #lineHere(): number {
    for (; this.#counted < this.#at; this.#counted += 1) if (this.#text[this.#counted] === '\n') this.#line += 1;
    return this.#line;
  }
}
