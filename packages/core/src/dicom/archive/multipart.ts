import type { NavError } from '../../base/index.js';
import { badAnswer } from './errors.js';

/** One part of a multipart answer, whole. */
export interface Part {
  readonly contentType: string;
  /** Its own copy. */
  readonly bytes: Uint8Array;
}

/** What a part may have: more is no image that this program could hold. */
const MOST_PART_BYTES = 2 ** 31 - 1;
/** Preamble, header lines and what follows the end are a few lines in any real answer. */
const MOST_HEADER_BYTES = 64 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;

/** A parameter of a Content-Type (RFC 9110, 5.6.6), unquoted; undefined where it is absent. */
export function parameterOf(contentType: string, name: string): string | undefined {
  for (const [, key, value = ''] of contentType.matchAll(/;\s*([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)/g)) {
    if (key?.toLowerCase() === name) return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
  }
  return undefined;
}

/** The media type itself, in small letters. */
export function mediaTypeOf(contentType: string): string {
  return (contentType.split(';')[0] as string).trim().toLowerCase();
}

/**
 * The parts of a multipart/related answer (RFC 2046, 5.1; RFC 2387), each as soon as its last byte has come. A part that is cut, or
 * an answer without its closing boundary, is an error: what was handed out before is whole, nothing else is.
 * @param pieces the body as it comes
 * @param where the request, for errors
 * @throws NavError `archive/bad-answer`, and what `pieces` throws
 */
export async function* readParts(
  pieces: AsyncIterator<Uint8Array>,
  contentType: string,
  where: string,
): AsyncGenerator<Part, void, undefined> {
  const input = new Input(pieces, where);
  try {
    if (!mediaTypeOf(contentType).startsWith('multipart/')) {
      throw badAnswer(where, `the answer is "${mediaTypeOf(contentType)}" and not multipart`);
    }
    const boundary = parameterOf(contentType, 'boundary');
    if (boundary === undefined || boundary === '' || boundary.length > 200)
      throw badAnswer(where, 'the answer names no boundary');
    const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
    // The first delimiter may stand at the very beginning, where no line ends before it.
    input.pretend(Uint8Array.of(CR, LF));
    await input.through(delimiter, MOST_HEADER_BYTES, 'its boundary is not the one it announces');
    while (!(await isLast(input))) yield await readPart(input, delimiter);
    await input.drain();
  } finally {
    await pieces.return?.();
  }
}

/** After a delimiter: two dashes at the end of all parts, else the end of the line. */
async function isLast(input: Input): Promise<boolean> {
  await input.ensure(2, 'it is cut within a boundary');
  if (input.at(0) === DASH && input.at(1) === DASH) return true;
  const rest = await input.line();
  if (rest.trim() !== '') throw input.wrong('a boundary is followed by other characters');
  return false;
}

async function readPart(input: Input, delimiter: Uint8Array): Promise<Part> {
  let contentType = '';
  let declared: number | undefined;
  for (let read = 0; ; ) {
    const line = await input.line();
    if (line === '') break;
    read += line.length;
    if (read > MOST_HEADER_BYTES) throw input.wrong('the headers of a part do not end');
    const [, name, value = ''] = /^([^:\s]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (name?.toLowerCase() === 'content-type') contentType = value.trim();
    if (name?.toLowerCase() === 'content-length' && /^\d+$/.test(value.trim())) declared = Number(value);
  }
  if (declared === undefined) {
    return {
      contentType,
      bytes: await input.through(delimiter, MOST_PART_BYTES, 'it ends within a part: half of it is missing'),
    };
  }
  if (declared > MOST_PART_BYTES) throw input.wrong(`a part claims to have ${declared} bytes`);
  await input.ensure(declared + delimiter.length, 'it ends within a part: half of it is missing');
  const bytes = input.take(declared);
  if (!input.startsWith(delimiter)) throw input.wrong('a part is longer or shorter than it says');
  input.take(delimiter.length);
  return { contentType, bytes };
}

/** A stream of bytes, read by lengths and by delimiters. */
class Input {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #where: string;
  #buffer = new Uint8Array(256 * 1024);
  #from = 0;
  #to = 0;

  constructor(pieces: AsyncIterator<Uint8Array>, where: string) {
    this.#pieces = pieces;
    this.#where = where;
  }

  wrong(what: string): NavError {
    return badAnswer(this.#where, `the multipart answer is damaged: ${what}`);
  }

  pretend(bytes: Uint8Array): void {
    this.#append(bytes);
  }

  at(offset: number): number {
    return this.#buffer[this.#from + offset] as number;
  }

  startsWith(bytes: Uint8Array): boolean {
    return bytes.every((b, n) => this.at(n) === b);
  }

  /** A copy of the next bytes, which must be there. */
  take(length: number): Uint8Array {
    const bytes = this.#buffer.slice(this.#from, this.#from + length);
    this.#from += length;
    return bytes;
  }

  /** Waits until so many bytes are there. */
  async ensure(length: number, otherwise: string): Promise<void> {
    while (this.#to - this.#from < length) if (!(await this.#more())) throw this.wrong(otherwise);
  }

  /** A line without its end. */
  async line(): Promise<string> {
    const bytes = await this.through(Uint8Array.of(CR, LF), MOST_HEADER_BYTES, 'it ends within the headers of a part');
    return new TextDecoder('latin1').decode(bytes);
  }

  /** Everything up to a delimiter, which is passed over. */
  async through(delimiter: Uint8Array, most: number, otherwise: string): Promise<Uint8Array> {
    let searched = 0;
    for (;;) {
      const found = this.#find(delimiter, searched);
      if (found >= 0) {
        const bytes = this.take(found);
        this.#from += delimiter.length;
        return bytes;
      }
      searched = Math.max(0, this.#to - this.#from - delimiter.length + 1);
      if (searched > most || !(await this.#more())) throw this.wrong(otherwise);
    }
  }

  /** Reads to the end, so that the connection can be used again. */
  async drain(): Promise<void> {
    for (let rest = 0; rest < MOST_HEADER_BYTES; rest += this.#to - this.#from) {
      this.#from = this.#to;
      if (!(await this.#more())) return;
    }
  }

  #find(delimiter: Uint8Array, after: number): number {
    const seen = this.#buffer.subarray(0, this.#to);
    const first = delimiter[0] as number;
    for (let at = seen.indexOf(first, this.#from + after); at >= 0; at = seen.indexOf(first, at + 1)) {
      if (at + delimiter.length > this.#to) return -1;
      if (delimiter.every((b, n) => seen[at + n] === b)) return at - this.#from;
    }
    return -1;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#pieces.next();
    if (done) return false;
    this.#append(value);
    return true;
  }

  #append(bytes: Uint8Array): void {
    const there = this.#to - this.#from;
    if (this.#to + bytes.length > this.#buffer.length) {
      const needed = there + bytes.length;
      const into = needed > this.#buffer.length / 2 ? new Uint8Array(2 * needed) : this.#buffer;
      into.set(this.#buffer.subarray(this.#from, this.#to));
      this.#buffer = into;
      this.#from = 0;
      this.#to = there;
    }
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
  }
}
