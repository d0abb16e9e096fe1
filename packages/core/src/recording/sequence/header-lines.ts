import { NavError } from '../../base/index.js';
import type { SequenceField } from './sequence.js';

/** A header that goes on longer than this is none, bytes. */
const LONGEST_HEADER = 512 * 1024 * 1024;
const LONGEST_LINE = 65_536;

/** The fields of a sequence's header, those of single frames by the frame's number. */
export interface SequenceHeader {
  readonly fields: SequenceField[];
  readonly frames: Map<number, SequenceField[]>;
  /** Where the header ends, bytes. */
  readonly end: number;
}

/** A line of a header. */
export interface HeaderLine {
  readonly text: string;
  /** Where the next one begins, bytes. */
  readonly end: number;
  /** Whether a newline ends it, and not the file. */
  readonly ended: boolean;
}

/** What a file is refused with that cannot be what it says it is. */
export const corrupt = (name: string, what: string): NavError => new NavError('sequence/corrupt', `${name}: ${what}.`);

/**
 * The lines that a file begins with, one after the other, for as long as they are asked for.
 * @throws NavError `sequence/corrupt` for a line that is too long to be one
 */
export function* headerLines(bytes: Uint8Array, name: string): Generator<HeaderLine> {
  const decoder = new TextDecoder('latin1');
  for (let from = 0; from < bytes.length && from < LONGEST_HEADER; ) {
    const newline = bytes.indexOf(0x0a, from);
    const to = newline < 0 ? bytes.length : newline;
    if (to - from > LONGEST_LINE) throw corrupt(name, `a line of its header, at byte ${from}, has ${to - from} bytes`);
    yield { text: decoder.decode(bytes.subarray(from, to)), end: to + 1, ended: newline >= 0 };
    from = to + 1;
  }
}

/** Puts a field where it belongs: `Seq_Frame0012_Name` to frame 12, everything else to the sequence. */
export function putField({ fields, frames }: Omit<SequenceHeader, 'end'>, field: SequenceField): void {
  const ofFrame = /^Seq_Frame(\d{1,8})_(.+)$/.exec(field.key);
  if (ofFrame === null) {
    fields.push(field);
    return;
  }
  const own = { key: ofFrame[2] as string, value: field.value };
  const those = frames.get(Number(ofFrame[1]));
  if (those === undefined) frames.set(Number(ofFrame[1]), [own]);
  else those.push(own);
}
