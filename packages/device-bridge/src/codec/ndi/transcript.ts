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
const LOOKED_AT = 1_000_000;
const COUNTED = /(\d+)\. (command|receive)\[(\d+)\] /y;

/** Tells the form of a log from its first megabyte. */
export function logForm(text: string): LogForm {
  const head = text.slice(0, LOOKED_AT);
  if (/^[^\n]*\((?:INFO|DEBUG)\) \d+\. (?:command|receive)\[\d+\]/m.test(head)) return 'escaped';
  if (/(?:^|\n)\d+\. (?:command|receive)\[\d+\] /.test(head)) return 'counted';
  if (/(?:^|\n|>)(?:sent|recv):\d+ = /.test(head)) return 'tagged';
  const sent = /(?:^|\n|>)(?:\d\d:\d\d:\d\d)?> [A-Z][A-Z0-9]*[ :]/.test(head);
  return sent && /(?:^|\n|>)(?:\d\d:\d\d:\d\d)?< [ -~]/.test(head) ? 'arrows' : 'raw';
}

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
  else yield* splitTagged(bytes, text, form === 'tagged' ? tagged : arrows);
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
  const noCr = (text.match(/\r/g)?.length ?? 0) * 2 < (text.match(/(?:^|\n)\d+\. (?:command|receive)\[/g)?.length ?? 0);
  let at = 0;
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
    const next = from + Number(match?.[3]);
    if (match === null || !endsAt(text, next)) {
      const why = match === null ? 'This is no line of the transcript.' : `Its length of ${match[3]} does not fit what follows.`;
      yield broken(match === null ? at : from, why);
      at = nextCounted(text, at + 1);
      continue;
    }
    const raw = bytes.slice(from, next);
    if (noCr && raw.at(-1) === 0x0a) raw[raw.length - 1] = 0x0d;
    yield { what: match[2] === 'command' ? 'command' : 'reply', at: from, number: Number(match[1]), bytes: raw };
    at = next;
  }
}

function behindSpace(text: string, from: number): number {
  let at = from;
  while (text[at] === '\n' || text[at] === '\r') at += 1;
  return at;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end + 1;
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
  const search = /\n\d+\. (?:command|receive)\[\d+\] /g;
  search.lastIndex = from;
  const match = search.exec(text);
  return match === null ? text.length : match.index + 1;
}

/** Lines of `<time> : (INFO) 12. command[10] …` with `\xNN` and `\\` for bytes. */
function* splitEscaped(text: string): Generator<Piece> {
  for (let at = 0; at < text.length; ) {
    const next = lineEnd(text, at);
    const line = text.slice(at, next).replace(/[\r\n]+$/, '');
    const match = /^[^(]*\(INFO\) (\d+)\. (command|receive)\[(\d+)\] ?/.exec(line);
    if (match !== null) {
      const from = match[0].length;
      const raw = unescaped(line.slice(from));
      if (raw === undefined) yield broken(at + from, 'A "\\" does not begin a "\\xNN" or "\\\\".');
      else if (raw.length !== Number(match[3])) {
        yield broken(at + from, `It has ${raw.length} bytes where the transcript says ${match[3]}.`);
      } else {
        yield { what: match[2] === 'command' ? 'command' : 'reply', at: at + from, number: Number(match[1]), bytes: raw };
      }
    } else if (line !== '' && !/^[^(]*\(DEBUG\) /.test(line)) {
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

/** A form whose messages run from one tag to the next. */
interface TagForm {
  readonly tag: RegExp;
  readonly read: (match: RegExpExecArray) => { what: 'command' | 'reply'; number: number };
}

/** `sent:0012 = …`, `recv:0012 = …`. */
const tagged: TagForm = {
  tag: /(?<=^|\n)(sent|recv):(\d+) = /g,
  read: (match) => ({ what: match[1] === 'sent' ? 'command' : 'reply', number: Number(match[2]) }),
};

/** `14:38:33> …` and `14:38:33< …`, also without the time. */
const arrows: TagForm = {
  tag: /(?<=^|\n)(?:\d\d:\d\d:\d\d)?([<>]) (?!\/?div)/g,
  read: (match) => ({ what: match[1] === '>' ? 'command' : 'reply', number: Number.NaN }),
};

/** Line ends are LF alone in these logs: the last of a message stands for its CR. */
function* splitTagged(bytes: Uint8Array, text: string, form: TagForm): Generator<Piece> {
  // Some were saved from a mail, as the one element of a page.
  const begin = /^<div[^>\n]*>/.exec(text)?.[0].length ?? 0;
  const end = text.length - (/<\/div>\s*$/.exec(text)?.[0].length ?? 0);
  const body = text.slice(begin, end);
  const matches = [...body.matchAll(form.tag)];
  const first = matches[0]?.index ?? body.length;
  if (body.slice(0, first).trim() !== '') yield broken(begin, 'Something stands before the first message.');
  for (const [i, match] of matches.entries()) {
    const from = begin + match.index + match[0].length;
    const next = begin + (matches[i + 1]?.index ?? body.length);
    let stop = next;
    while (stop > from && (bytes[stop - 1] === 0x0a || bytes[stop - 1] === 0x0d)) stop -= 1;
    const { what, number } = form.read(match);
    if (stop === from) {
      yield { what: 'note', at: from, number, bytes: NOTHING, message: `Nothing is recorded as ${what}.` };
      continue;
    }
    const raw = new Uint8Array(stop - from + 1);
    raw.set(bytes.subarray(from, stop));
    raw[stop - from] = 0x0d;
    yield { what, at: from, number, bytes: raw };
  }
}
