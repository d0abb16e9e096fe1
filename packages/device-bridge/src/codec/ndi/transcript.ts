/** How a log of both directions is written. `raw` is none: bytes from the device, as they came. */
export type LogForm = 'counted' | 'escaped' | 'tagged' | 'arrows' | 'raw';

/** One part of a transcript: something sent or received, or what could not be read. */
export interface Piece {
  readonly what: 'command' | 'reply' | 'note' | 'broken';
  /** Where its first byte stands in the file. */
  readonly at: number;
  /** The number that pairs a reply with its command; NaN where the form has none. */
  readonly number: number;
  /** As it went over the wire, with its CR; empty for notes and for what is broken. */
  readonly bytes: Uint8Array;
  readonly message?: string;
}

const NOTHING = new Uint8Array(0);
/** So much of a file is looked at to tell its form. */
export const LOOKED_AT = 1_000_000;
/** More characters than any text reply has. */
const LONGEST_TEXT = 65_536;
const COUNTED = /(\d{1,9})\. (command|receive)\[(\d{1,9})\] /y;

/** Tells the form of a log from its first megabyte. Every pattern stays within a line, so that this takes linear time. */
export function logForm(text: string): LogForm {
  const head = text.slice(markEnd(text), LOOKED_AT);
  if (/\((?:INFO|DEBUG)\) \d{1,9}\. (?:command|receive)\[\d{1,9}\]/.test(head)) return 'escaped';
  if (/(?:^|[\n\r])\d{1,9}\. (?:command|receive)\[\d{1,9}\] /.test(head)) return 'counted';
  if (/(?:^|[\n\r>])(?:sent|recv):\d{1,9} = /.test(head)) return 'tagged';
  const sent = /(?:^|[\n\r>])(?:\d\d:\d\d:\d\d)?> [A-Z][A-Z0-9]{0,30}[ :]/.test(head);
  return sent && /(?:^|[\n\r>])(?:\d\d:\d\d:\d\d)?< [ -~]/.test(head) ? 'arrows' : 'raw';
}

/** Behind the mark that some editors put before UTF-8 text. */
const markEnd = (text: string): number => (text.startsWith('\xef\xbb\xbf') ? 3 : 0);

/** Bytes as text, one character per byte, whatever they are: so that places in it are places in the file. */
export function textOf(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** Cuts a transcript into its parts. Whatever is neither a part nor space between parts is told as broken. */
export function* splitTranscript(bytes: Uint8Array, text: string, form: LogForm): Generator<Piece> {
  if (form === 'counted') yield* splitCounted(bytes, text);
  else if (form === 'escaped') yield* splitEscaped(text);
  else yield* splitTagged(bytes, text, form === 'tagged' ? TAGGED : ARROWS);
}

const broken = (at: number, message: string): Piece => ({
  what: 'broken',
  at,
  number: Number.NaN,
  bytes: NOTHING,
  message,
});

/** `12. command[10] …` with the raw bytes behind it. */
function* splitCounted(bytes: Uint8Array, text: string): Generator<Piece> {
  // A log that was saved as text has LF where each message ended with CR.
  const noCr = countOf(text, '\r') * 2 < countOf(text, '. command[') + countOf(text, '. receive[');
  let at = markEnd(text);
  while (at < text.length) {
    at = behindSpace(text, at);
    if (at >= text.length) return;
    if (text[at] === '#') {
      at = lineEnd(text, at);
      continue;
    }
    COUNTED.lastIndex = at;
    const match = COUNTED.exec(text);
    const from = COUNTED.lastIndex;
    const length = Number(match?.[3]);
    const next = messageEnd(text, from, length);
    if (match === null || !endsAt(text, next)) {
      const why = match === null ? 'This is no line of the transcript.' : `Its length of ${match[3]} does not fit what follows.`;
      yield broken(match === null ? at : from, why);
      at = nextCounted(text, at + 1);
      continue;
    }
    const raw = next === from + length ? bytes.slice(from, next) : withoutCrlf(bytes.subarray(from, next));
    if (raw.at(-1) === 0x0a && (noCr || next !== from + length)) raw[raw.length - 1] = 0x0d;
    yield pieceOf(match[2] as string, from, Number(match[1]), raw);
    at = next;
  }
}

/** A message, or the note that nothing was recorded: so a read that timed out is logged. */
function pieceOf(word: string, at: number, number: number, bytes: Uint8Array): Piece {
  const what = word === 'command' || word === 'sent' || word === '>' ? 'command' : 'reply';
  if (bytes.length > 0) return { what, at, number, bytes };
  return { what: 'note', at, number, bytes: NOTHING, message: `Nothing is recorded as ${what}.` };
}

function countOf(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

/** Where a counted message ends. In a log that has CRLF for each LF, they were counted as one. */
function messageEnd(text: string, from: number, length: number): number {
  const plain = from + length;
  if (!endsAt(text, plain)) return behindLines(text, from, length);
  const cut = text.startsWith('\r\n', plain) && text.slice(from, plain).includes('\r\n');
  const lines = cut ? behindLines(text, from, length) : plain;
  return endsAt(text, lines) ? lines : plain;
}

/** Behind `length` characters from `from`, where CR and LF together count as one; only of what a text reply may be. */
function behindLines(text: string, from: number, length: number): number {
  if (length > LONGEST_TEXT) return from + length;
  let at = from;
  for (let n = 0; n < length && at < text.length; n += 1) at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1;
  return at;
}

/** Bytes with LF for every CRLF. A reply holds no CR but its last byte. */
function withoutCrlf(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte, i) => byte !== 0x0d || bytes[i + 1] !== 0x0a);
}

function behindSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === '\n' || text[at] === '\r') at += 1;
  return at;
}

/** Behind the line end that comes next: CR, LF or both. */
function lineEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return end + (text[end] === '\r' && text[end + 1] === '\n' ? 2 : 1);
}

/** Whether a message may end here: at the end, before a line end, or right before the next message. */
function endsAt(text: string, at: number): boolean {
  if (at > text.length) return false;
  const next = behindSpace(text, at);
  if (next === text.length || text[next] === '#') return true;
  COUNTED.lastIndex = next;
  return COUNTED.test(text);
}

function nextCounted(text: string, from: number): number {
  const search = /[\n\r]\d{1,9}\. (?:command|receive)\[\d{1,9}\] /g;
  search.lastIndex = from;
  const match = search.exec(text);
  return match === null ? text.length : match.index + 1;
}

/** What the logger has to say itself, which is no message. */
const OTHER_LEVEL = /^[^(]{0,80}\((?:MUSTFLUSH|FATAL|CRITICAL|WARNING|DEBUG|NOTSET)\)/;

/** Lines of `<time> : (INFO) 12. command[10] …` with `\xNN` and `\\` for bytes. */
function* splitEscaped(text: string): Generator<Piece> {
  for (let at = 0; at < text.length; ) {
    const next = lineEnd(text, at);
    const line = text.slice(at, next).replace(/[\r\n]+$/, '');
    const match = /^[^(]{0,80}\(INFO\) (\d{1,9})\. (command|receive)\[(\d{1,9})\] ?/.exec(line);
    if (match !== null) {
      const from = match[0].length;
      const raw = unescaped(line.slice(from));
      if (raw === undefined) yield broken(at + from, 'A "\\" does not begin a "\\xNN" or "\\\\".');
      else if (raw.length !== Number(match[3])) {
        yield broken(at + from, `It has ${raw.length} bytes where the transcript says ${match[3]}.`);
      } else {
        yield pieceOf(match[2] as string, at + from, Number(match[1]), raw);
      }
    } else if (line !== '' && !OTHER_LEVEL.test(line)) {
      yield broken(at, 'This is no line of the transcript.');
    }
    at = next;
  }
}

function unescaped(text: string): Uint8Array | undefined {
  if (/\\(?!x[0-9A-Fa-f]{2}|\\)/.test(text.replaceAll('\\\\', ''))) return undefined;
  const plain = text.replace(/\\(?:x([0-9A-Fa-f]{2})|\\)/g, (_, digits: string | undefined) =>
    digits === undefined ? '\\' : String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

/** `sent:0012 = …`, `recv:0012 = …`. */
const TAGGED = /(?<=^|[\n\r])(sent|recv):(\d{1,9}) = /g;
/** `14:38:33> …` and `14:38:33< …`, also without the time. */
const ARROWS = /(?<=^|[\n\r])(?:\d\d:\d\d:\d\d)?([<>]) (?!\/?div)/g;

/** Messages run from one tag to the next. Line ends stand for LF within a message, and its last for its CR. */
function* splitTagged(bytes: Uint8Array, text: string, form: RegExp): Generator<Piece> {
  // Some were saved from a mail, as the one element of a page.
  const begin = /^(?:\xef\xbb\xbf)?(?:<div[^>\n]*>)?/.exec(text)?.[0].length ?? 0;
  const end = behindLast(text, text.length) - (text.endsWith('</div>', behindLast(text, text.length)) ? '</div>'.length : 0);
  const body = text.slice(begin, end);
  const tags = body.matchAll(form);
  let tag = tags.next();
  if (body.slice(0, tag.done ? body.length : tag.value.index).trim() !== '') {
    yield broken(begin, 'Something stands before the first message.');
  }
  while (!tag.done) {
    const match = tag.value;
    tag = tags.next();
    const from = begin + match.index + match[0].length;
    const stop = Math.max(from, behindLast(text, begin + (tag.done ? body.length : tag.value.index)));
    const lines = withLf(bytes.subarray(from, stop));
    const raw = new Uint8Array(stop === from ? 0 : lines.length + 1);
    if (stop > from) raw.set(lines);
    if (stop > from) raw[lines.length] = 0x0d;
    yield pieceOf(match[1] as string, from, match[2] === undefined ? Number.NaN : Number(match[2]), raw);
  }
}

/** Without the line ends before `to`. */
function behindLast(text: string, to: number): number {
  let at = to;
  while (at > 0 && (text[at - 1] === '\n' || text[at - 1] === '\r')) at -= 1;
  return at;
}

/** With LF for every line end, whichever the log has. */
function withLf(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0x0d)) return bytes;
  return withoutCrlf(bytes).map((byte) => (byte === 0x0d ? 0x0a : byte));
}
