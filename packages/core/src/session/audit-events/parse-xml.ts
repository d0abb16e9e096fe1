import { NavError } from '../../base/index.js';

/** An element of an audit message. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
  /** The text inside, where there are no elements. */
  readonly text: string;
}

/** Elements in each other; the message has five. */
const DEEPEST = 16;

/**
 * The XML of an audit message: elements, attributes, text and the entities for characters, and nothing else that XML has — no
 * document types, comments, instructions or namespaces, with which a parser can be led astray.
 * @throws NavError `audit/bad-message` that names the place
 */
export function parseXml(text: string): XmlNode {
  const parser = new XmlParser(text);
  parser.declaration();
  const root = parser.element(0);
  parser.space();
  if (!parser.atEnd) throw parser.bad('something follows the message');
  return root;
}

const NAME = /[A-Za-z_][\w.-]*/y;
const SPACE = /[ \t\r\n]*/y;
const DECLARATION = /<\?xml version="1\.0"( encoding="(UTF|utf)-8")?( standalone="(yes|no)")?\s*\?>/y;
const ENTITY = /&(amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});/g;
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

class XmlParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.startsWith('\ufeff') ? text.slice(1) : text;
  }

  get atEnd(): boolean {
    return this.#at === this.#text.length;
  }

  declaration(): void {
    this.#match(DECLARATION);
    this.space();
  }

  space(): string {
    return this.#match(SPACE) ?? '';
  }

  element(depth: number): XmlNode {
    if (depth > DEEPEST) throw this.bad(`elements lie more than ${DEEPEST} deep in each other`);
    this.#expect('<');
    const name = this.#name();
    const attributes = this.#attributes();
    if (this.#take('/>')) return { name, attributes, children: [], text: '' };
    this.#expect('>');
    const children: XmlNode[] = [];
    let text = '';
    while (!this.#text.startsWith('</', this.#at)) {
      if (this.atEnd) throw this.bad(`<${name}> has no end`);
      if (this.#text[this.#at] === '<') children.push(this.element(depth + 1));
      else text += this.#until('<');
    }
    this.#expect('</');
    const end = this.#name();
    if (end !== name) throw this.bad(`<${name}> ends as </${end}>`);
    this.space();
    this.#expect('>');
    if (children.length > 0 && text.trim() !== '') throw this.bad(`<${name}> has text between its elements`);
    return { name, attributes, children, text: children.length > 0 ? '' : text };
  }

  #attributes(): Record<string, string> {
    const attributes: Record<string, string> = {};
    while (this.space() !== '' && /[A-Za-z_]/.test(this.#text[this.#at] ?? '')) {
      const name = this.#name();
      if (Object.hasOwn(attributes, name)) throw this.bad(`the attribute ${name} is given twice`);
      this.#expect('=');
      const quote = this.#take('"') ? '"' : "'";
      if (quote === "'") this.#expect("'");
      const value = this.#until(quote);
      this.#expect(quote);
      attributes[name] = value;
    }
    return attributes;
  }

  #until(stop: string): string {
    const end = this.#text.indexOf(stop, this.#at);
    if (end < 0) throw this.bad('the message ends too early');
    const raw = this.#text.slice(this.#at, end);
    this.#at = end;
    const bare = raw.replace(ENTITY, '');
    if (bare.includes('&')) throw this.bad('an & begins no entity that is allowed');
    if (bare.includes('<')) throw this.bad('a bare < stands in a value');
    return raw.replace(ENTITY, (_, entity: string) => {
      if (!entity.startsWith('#')) return NAMED[entity] as string;
      const code = entity[1] === 'x' ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
      if (code > 0x10ffff || code === 0) throw this.bad('an entity stands for no character');
      return String.fromCodePoint(code);
    });
  }

  #name(): string {
    const name = this.#match(NAME);
    if (name === undefined || name === '') throw this.bad('a name is due here');
    return name;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.bad(`${text} is due here`);
  }

  bad(why: string): NavError {
    return new NavError('audit/bad-message', `The audit message is not well-formed at character ${this.#at + 1}: ${why}.`, {
      detail: { at: this.#at },
    });
  }
}
