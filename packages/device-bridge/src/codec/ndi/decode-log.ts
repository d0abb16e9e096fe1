import { isNavError, NavError } from '@trocar/core';
import type { DecodedLine } from '../decoded.js';
import { decodeBx } from './bx.js';
import { Bx2Reply, decodeBx2 } from './bx2.js';
import { type Command, parseCommand } from './command.js';
import { hex, withCrc } from './crc16.js';
import { bx2Fields, type Described, frameFields } from './describe.js';
import { NdiFrame } from './frame.js';
import { textFields, wordFields } from './reply-text.js';
import { ReplyScanner, type ScannedReply } from './scan.js';
import { LOOKED_AT, logForm, type Piece, splitTranscript, textOf } from './transcript.js';

/** What a recording does not say of itself. */
export interface NdiLogOptions {
  /** The options that BX or TX was asked with, where the recording holds replies only: they say how a reply is laid out. */
  readonly bxOptions?: number;
}

/** A transcript is held as one text, and a text has an end. */
const LONGEST_TRANSCRIPT = 2 ** 28;

/** A command that waits for its reply. */
interface Asked {
  readonly command: Command;
  readonly number: number;
  readonly answered: boolean;
}

/**
 * Reads a recording of an NDI tracker: the raw bytes that came from it, or a transcript of both directions in one of
 * the forms of the IGSTK logs, which it tells apart by itself. One line for each command and reply, with the place of
 * its first byte in the file; what does not hold is told as a line with an error, in its place, and reading goes on.
 *
 * In a transcript the command says how its reply is to be read. Raw text replies are given as TX where they fit
 * `bxOptions`, or, without them, as TX or GX of option 0001 where they fit that (then with `assumed`), else as text (type
 * `reply`); raw binary ones as BX where `bxOptions` is given, as BX2 where they are one, else as bytes (type `binary`).
 *
 * Types: `command`; `okay`, `reset`, `error`, `warning`; `tx`, `bx`, `gx`, `bx2`; `phsr`, `phinf`, `phrq`, `pstat`,
 * `get`, `getinfo`, `sstat`, `irchk`; `text` and `reply` for other text, `binary` for other bytes, `note`
 * where a transcript records nothing. `crc` is `ok`, or `none` where the protocol has none there. Poses: quaternion
 * w x y z, position in mm in the tracker's frame. Never throws; memory is bounded by the file's size.
 */
export function* decodeNdiLog(bytes: Uint8Array, options: NdiLogOptions = {}): Generator<DecodedLine> {
  const form = logForm(textOf(bytes.subarray(0, LOOKED_AT)));
  if (form === 'raw') yield* new LogDecoder(options).raw(bytes);
  else if (bytes.length > LONGEST_TRANSCRIPT) {
    const message = `A transcript of ${bytes.length} bytes: at most ${LONGEST_TRANSCRIPT} can be read at once. Cut it into parts.`;
    yield { error: 'codec/oversize', offset: 0, message };
  } else yield* new LogDecoder(options).transcript(splitTranscript(bytes, textOf(bytes), form));
}

class LogDecoder {
  readonly #bxOptions: number | undefined;
  /** Made when they are first needed: they are large. */
  #madeFrame: NdiFrame | undefined;
  #madeBx2: Bx2Reply | undefined;
  /** Commands that streams repeat, by the stream's name. */
  readonly #streams = new Map<string, Command>();
  #asked: Asked | undefined;
  /** Bytes of a reply that has not ended yet, and where it began. */
  #held: Uint8Array = NOTHING;
  #heldAt = 0;

  constructor(options: NdiLogOptions) {
    this.#bxOptions = options.bxOptions;
  }

  get #frame(): NdiFrame {
    this.#madeFrame ??= new NdiFrame();
    return this.#madeFrame;
  }

  get #bx2(): Bx2Reply {
    this.#madeBx2 ??= new Bx2Reply();
    return this.#madeBx2;
  }

  *raw(bytes: Uint8Array): Generator<DecodedLine> {
    const scanner = new ReplyScanner(bytes, bytes.includes(0x0d) ? 0x0d : 0x0a);
    for (let at = 0; at < bytes.length; ) {
      if (bytes[at] === 0x0a && bytes[at - 1] === 0x0d) {
        // Saved with CRLF for every CR.
        at += 1;
        continue;
      }
      const reply = scanner.read(at, bytes.length);
      at = reply.next;
      if ('fault' in reply) yield { error: reply.fault, offset: reply.at, message: reply.message };
      else if (reply.kind === 'long' && !decodeBx2(this.#bx2, viewOf(bytes), reply.start, reply.end)) {
        // No checksum stands for its length: where the content does not either, it is noise.
        at = scanner.resume(reply.at + 2, bytes.length);
        const message = `A long binary reply of ${reply.end - reply.start} bytes is not laid out as one.`;
        yield { error: 'codec/malformed', offset: reply.at, message };
      } else yield this.#rawReply(bytes, reply);
    }
  }

  #rawReply(bytes: Uint8Array, reply: ScannedReply): DecodedLine {
    const head = { offset: reply.at, ...(reply.stream !== undefined && { stream: reply.stream }) };
    if (reply.kind === 'text') {
      const text = textOf(bytes.subarray(reply.start, reply.end));
      return { ...(wordFields(text) ?? this.#trackingText(text) ?? { type: 'reply', text }), ...head, crc: 'ok' };
    }
    const view = viewOf(bytes);
    const crc = reply.kind === 'long' ? 'none' : 'ok';
    if (this.#bxOptions !== undefined && decodeBx(this.#frame, view, reply.start, reply.end, this.#bxOptions)) {
      return { type: 'bx', ...head, crc, ...frameFields(this.#frame, 'bx') };
    }
    if (decodeBx2(this.#bx2, view, reply.start, reply.end)) return { type: 'bx2', ...head, crc, ...bx2Fields(this.#bx2) };
    if (this.#bxOptions !== undefined) {
      const why = `A binary reply of ${reply.end - reply.start} bytes is no BX of these options, and no BX2.`;
      return { error: 'codec/malformed', offset: reply.at, message: why };
    }
    const shown = bytes.subarray(reply.start, Math.min(reply.end, reply.start + MOST_BYTES_SHOWN));
    return { type: 'binary', ...head, crc, length: reply.end - reply.start, bytes: [...shown] };
  }

  /**
   * Tracking data as text, whose command is not known: TX with the options given, else TX or GX of what is asked for
   * nearly always, option 0001, where the text fits to the last character. What was only tried says so.
   */
  #trackingText(text: string): Described | undefined {
    const args = hex(this.#bxOptions ?? 0x0001, 4);
    for (const name of this.#bxOptions === undefined ? ['TX', 'GX'] : ['TX']) {
      const fields = textFields(text, { name, args, form: 'crc' }, () => this.#frame);
      if (fields === undefined || this.#frame.count === 0) continue;
      return this.#bxOptions === undefined ? { ...fields, assumed: true } : fields;
    }
    return undefined;
  }

  *transcript(pieces: Iterable<Piece>): Generator<DecodedLine> {
    for (const piece of pieces) {
      if (piece.what !== 'reply') yield* this.#endReply();
      if (piece.what === 'broken') this.#asked = undefined;
      if (piece.what === 'broken') yield { error: 'codec/malformed', offset: piece.at, message: piece.message ?? '' };
      else if (piece.what === 'note') yield { type: 'note', offset: piece.at, text: piece.message ?? '' };
      else if (piece.what === 'command') yield this.#command(piece);
      else yield* this.#replyPiece(piece);
    }
    yield* this.#endReply();
  }

  #command(piece: Piece): DecodedLine {
    const { at, bytes, number } = piece;
    this.#asked = undefined;
    const line = bytes.subarray(0, bytes.length - 1);
    try {
      if (bytes.at(-1) !== 0x0d) throw new NavError('codec/malformed', 'A command does not end with CR.');
      const command = parseCommand(line);
      requireSound(command, line);
      this.#asked = { command, number, answered: false };
      this.#learnStream(command);
      return { type: 'command', offset: at, name: command.name, args: command.args, crc: command.form === 'crc' ? 'ok' : 'none' };
    } catch (error) {
      const code = isNavError(error, 'codec/bad-crc') ? 'codec/bad-crc' : 'codec/malformed';
      return { error: code, offset: at, message: error instanceof Error ? error.message : String(error) };
    }
  }

  #learnStream({ name, args }: Command): void {
    if (name !== 'STREAM') return;
    const id = /--id=(\S+)/.exec(args)?.[1] ?? '';
    const inner = /--cmd="([^"]*)"/.exec(args)?.[1] ?? args.replace(/--\S+\s*/g, '');
    const match = /^([A-Z][A-Z0-9]*)[ :]?(.*)$/.exec(inner.trim());
    if (match !== null) this.#streams.set(id, { name: match[1] as string, args: (match[2] as string).trim(), form: 'plain' });
  }

  /** A reply may be logged in several parts, as a binary one by its header and its body. */
  *#replyPiece(piece: Piece): Generator<DecodedLine> {
    const joined = join(this.#held, piece.bytes);
    const alone = this.#held.length === 0;
    const reply = new ReplyScanner(joined).read(0, joined.length);
    const whole = !('fault' in reply) && reply.next === joined.length;
    if (!whole && !alone && this.#isWhole(piece.bytes)) {
      // What is held never ended, and this is another reply.
      yield* this.#endReply();
      yield* this.#replyPiece(piece);
      return;
    }
    if (alone) this.#heldAt = piece.at;
    this.#held = joined;
    if (!whole && this.#goesOn(joined)) return;
    this.#held = NOTHING;
    yield this.#whole(joined, reply, whole, piece.number);
  }

  #isWhole(bytes: Uint8Array): boolean {
    const reply = new ReplyScanner(bytes).read(0, bytes.length);
    return !('fault' in reply) && reply.next === bytes.length;
  }

  /** Whether these bytes are the beginning of a reply, the rest of which the next part may hold. */
  #goesOn(bytes: Uint8Array): boolean {
    if (bytes.length > LONGEST_REPLY) return false;
    if (bytes[0] === 0xc4 && bytes[1] === 0xa5) return bytes.length < 6 || bytes.length < viewOf(bytes).getUint16(2, true) + 8;
    if (bytes.at(-1) === 0x0d) return false;
    // In answer to a binary command: what a damaged header looks like. Else text before its CR.
    const name = this.#asked?.command.name;
    return name === 'BX' || name === 'BX2' ? bytes.length <= LONGEST_HEADER : bytes.every((byte) => byte < 0x80);
  }

  #whole(bytes: Uint8Array, reply: ReturnType<ReplyScanner['read']>, whole: boolean, number: number): DecodedLine {
    const offset = this.#heldAt;
    if ('fault' in reply) return { error: reply.fault, offset, message: reply.message };
    if (!whole) {
      const message = `${bytes.length - reply.next} bytes follow a reply that has ended.`;
      return { error: 'codec/malformed', offset, message };
    }
    const asked = this.#asked;
    const text = reply.kind === 'text' ? textOf(bytes.subarray(reply.start, reply.end)) : undefined;
    if (reply.stream === undefined && text !== 'RESET') {
      const why = unpaired(asked, number);
      if (why !== undefined) return { error: 'codec/malformed', offset, message: why };
      if (asked !== undefined) this.#asked = { ...asked, answered: true };
    }
    const command = reply.stream === undefined ? asked?.command : this.#streams.get(reply.stream);
    const fields = text === undefined ? this.#binaryFields(bytes, reply, command) : textFields(text, command, () => this.#frame);
    if (fields === undefined) {
      const message = `A reply to "${`${command?.name} ${command?.args}`.trim()}" passes its CRC, but is not laid out as one.`;
      return { error: 'codec/malformed', offset, message };
    }
    const to = command === undefined || text === 'RESET' ? {} : { command: command.name };
    const stream = reply.stream === undefined ? {} : { stream: reply.stream };
    return { ...fields, offset, ...to, ...stream, crc: reply.kind === 'long' ? 'none' : 'ok' };
  }

  #binaryFields(bytes: Uint8Array, reply: ScannedReply, command: Command | undefined): Described | undefined {
    const view = viewOf(bytes);
    if (command?.name === 'BX') {
      const options = command.args === '' ? 1 : Number.parseInt(command.args, 16);
      const fits = decodeBx(this.#frame, view, reply.start, reply.end, options);
      return fits ? { type: 'bx', ...frameFields(this.#frame, 'bx') } : undefined;
    }
    if (decodeBx2(this.#bx2, view, reply.start, reply.end)) return { type: 'bx2', ...bx2Fields(this.#bx2) };
    if (command?.name === 'BX2') return undefined;
    return reply.kind === 'long' ? undefined : { type: 'binary', length: reply.end - reply.start };
  }

  /** A reply that stops before it is whole. */
  *#endReply(): Generator<DecodedLine> {
    if (this.#held.length === 0) return;
    const message = `A reply stops after ${this.#held.length} bytes.`;
    this.#held = NOTHING;
    yield { error: 'codec/malformed', offset: this.#heldAt, message };
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

const NOTHING = new Uint8Array(0);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A binary reply's header, and a body CRC at most. */
const LONGEST_HEADER = 8;
/** The longest short binary reply: 6 + 65535 + 2 bytes. */
const LONGEST_REPLY = 65_543;
/** So much of a binary reply that cannot be read is shown. */
const MOST_BYTES_SHOWN = 4096;

/**
 * The space form has no CRC, but a damaged CRC form can look like it: where the ":" or a letter before it became a space.
 * @throws NavError `codec/malformed`, `codec/bad-crc`
 */
function requireSound({ name, args, form }: Command, line: Uint8Array): void {
  if (form === 'crc') return;
  if (line[name.length] !== 0x20) {
    throw new NavError('codec/malformed', `"${name.slice(0, 40)}" is no command: no ":" or space follows.`);
  }
  const asCrcForm = withCrc(`${name}:${args.slice(0, -4)}`);
  const tail = textOf(asCrcForm.subarray(asCrcForm.length - 5, asCrcForm.length - 1));
  if ((args.length >= 4 && args.endsWith(tail)) || /^[A-Z0-9]*:.*[0-9A-F]{4}$/.test(args)) {
    throw new NavError('codec/bad-crc', `"${name} ${args}" is a command with a CRC whose ":" or name is damaged.`);
  }
}

/**
 * What is wrong with a reply here, or undefined: it needs a command of its number that has no reply yet. Where the
 * command could not be read, that has been told, and the reply is taken for what it is alone.
 */
function unpaired(asked: Asked | undefined, number: number): string | undefined {
  if (asked === undefined) return undefined;
  if (asked.answered) return `A second reply to "${asked.command.name}".`;
  if (asked.number === number || Number.isNaN(number)) return undefined;
  return `A reply numbered ${number} follows command ${asked.number}.`;
}
