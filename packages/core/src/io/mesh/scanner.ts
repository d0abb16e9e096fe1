import { NavError } from '../../base/index.js';

const NEWLINE = 10;
const HASH = 35;

/** A finite decimal number as formats write it; no hexadecimal, no Infinity, no decimal comma. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The words and numbers of a mesh file, whose text may be followed by binary, and the line they stand in. */
export class Scanner {
  readonly bytes: Uint8Array;
  readonly name: string;
  /** The byte that is read next. */
  at = 0;
  /** The line that is read next, from 1; of no meaning once binary was taken. */
  line = 1;
  /** Whether `#` begins a comment that reaches to the end of its line. */
  readonly #comments: boolean;

  constructor(bytes: Uint8Array, name: string, options: { readonly comments?: boolean } = {}) {
    this.bytes = bytes;
    this.name = name;
    this.#comments = options.comments ?? false;
  }

  /** The next word, on whatever line; undefined at the end. */
  word(): string | undefined {
    while (this.at < this.bytes.length) {
      const found = this.wordHere();
      if (found !== undefined) return found;
      this.endLine();
    }
    return undefined;
  }

  /** The next word of this line; undefined where it has no more. */
  wordHere(): string | undefined {
    const { bytes } = this;
    let from = this.at;
    while (from < bytes.length && isBlank(bytes[from] as number)) from += 1;
    this.at = from;
    if (from >= bytes.length || bytes[from] === NEWLINE || (this.#comments && bytes[from] === HASH)) return undefined;
    let to = from;
    let text = '';
    while (to < bytes.length && !isBlank(bytes[to] as number) && bytes[to] !== NEWLINE) {
      if (to - from >= 256) throw this.damaged('has a word of more than 256 letters');
      text += String.fromCharCode(bytes[to] as number);
      to += 1;
    }
    this.at = to;
    return text;
  }

  /** The rest of this line, and goes on to the next. */
  rest(): string {
    const from = this.at;
    this.endLine();
    const to = this.bytes[this.at - 1] === NEWLINE && this.at > from ? this.at - 1 : this.at;
    return new TextDecoder('latin1').decode(this.bytes.subarray(from, Math.min(to, from + 65_536))).trim();
  }

  /** Goes on to the next line. */
  endLine(): void {
    const newline = this.bytes.indexOf(NEWLINE, this.at);
    this.at = newline < 0 ? this.bytes.length : newline + 1;
    this.line += 1;
  }

  /** @throws NavError `mesh/damaged` */
  number(what: string): number {
    const text = this.word();
    if (text === undefined) throw this.damaged(`ends where ${what} should stand`);
    return this.numberIn(text, what);
  }

  /** @throws NavError `mesh/damaged` */
  numberIn(text: string, what: string): number {
    const value = NUMBER.test(text) ? Number(text) : Number.NaN;
    if (!Number.isFinite(value)) throw this.damaged(`has "${text.slice(0, 40)}" where ${what} should stand`);
    return value;
  }

  /** A whole number from 0 to `most`. @throws NavError `mesh/damaged` */
  count(what: string, most: number): number {
    const value = this.number(what);
    if (!Number.isInteger(value) || value < 0 || value > most) {
      throw this.damaged(`has ${value} as ${what}, which must be a whole number from 0 to ${most}`);
    }
    return value;
  }

  /** The next `n` bytes. @throws NavError `mesh/damaged` where there are fewer */
  take(n: number, what: string): DataView {
    const left = this.bytes.length - this.at;
    if (!(n <= left)) throw this.damaged(`is cut short: ${what} need ${n} bytes and ${left} are left`);
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, n);
    this.at += n;
    return view;
  }

  /** How many more numbers there can be at most, in text. */
  get mostNumbers(): number {
    return Math.ceil((this.bytes.length - this.at) / 2) + 1;
  }

  /** A refusal that says where. */
  damaged(what: string): NavError<'mesh/damaged'> {
    return new NavError('mesh/damaged', `"${this.name}", line ${this.line}: it ${what}. Export or transfer the file again.`, {
      detail: { file: this.name, line: this.line },
    });
  }
}

/** Space, tab, carriage return, form feed, vertical tab; not the end of a line. */
function isBlank(byte: number): boolean {
  return byte === 32 || byte === 9 || byte === 13 || byte === 12 || byte === 11;
}
