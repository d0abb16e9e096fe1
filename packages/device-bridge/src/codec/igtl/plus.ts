import type { Status } from '@trocar/core';
import type { IgtlFrame } from './frame.js';
import { findMetadata, type IgtlMetadata } from './metadata.js';
import { ENCODING, encodeText } from './text.js';

/** The metadata key of a device's full name. */
export const FULL_NAME_KEY = 'IGTL_DEVICE_NAME';
const STATUS_KEY = encodeText('TransformStatus');
const VALID_KEY = encodeText('TransformValid');
const NAME_KEY = encodeText(FULL_NAME_KEY);
const OLD_PREFIX = encodeText('TOOL_');
const YES = encodeText('TRUE');
const NO = encodeText('FALSE');

/** PLUS's words for a tool and what they are here. A pressed button says nothing of the pose. */
const STATUSES: ReadonlyMap<string, Status> = new Map([
  ['OK', 'ok'],
  ['MISSING', 'missing'],
  ['OUT_OF_VIEW', 'missing'],
  ['INVALID', 'missing'],
  ['REQ_TIMEOUT', 'missing'],
  ['PATH_NOT_FOUND', 'missing'],
  ['OUT_OF_VOLUME', 'outOfVolume'],
]);
const WORDS: readonly (readonly [word: Uint8Array, status: Status])[] = [...STATUSES].map(([word, status]) => [
  encodeText(word),
  status,
]);

const found = new Uint32Array(2);

/**
 * What PLUS says of a transform, in the metadata `TransformStatus` and `TransformValid`. Allocates nothing.
 *
 * `unknown` where it says nothing, as any message of header version 1 and any server but PLUS does: OpenIGTLink
 * itself cannot tell whether a tool was seen, so such a pose is never `ok`. Only both together, or one alone, saying
 * yes make it `ok`; where they contradict each other the tool is `missing`. Outside the volume PLUS sends the pose
 * and calls it invalid.
 * @param silent what a message that says nothing counts as, where the caller knows more of the sender: one that leaves
 * out what it does not see. Default `unknown`
 */
export function plusStatus(frame: IgtlFrame, silent: Status = 'unknown'): Status {
  if (frame.metadataCount === 0) return silent;
  const valid = findMetadata(frame, VALID_KEY, found) ? truthOf(frame.bytes) : undefined;
  const status = findMetadata(frame, STATUS_KEY, found) ? wordOf(frame.bytes) : undefined;
  if (status === undefined) return valid === undefined ? silent : valid ? 'ok' : 'missing';
  return valid === false && status !== 'outOfVolume' ? 'missing' : status;
}

/** What PLUS's word for a tool means; `unknown` for a word it does not have. */
export function plusWordStatus(word: string): Status {
  return (
    STATUSES.get(
      word
        .trim()
        .toUpperCase()
        .replace(/^TOOL_/, ''),
    ) ?? 'unknown'
  );
}

/**
 * Where the full name of a device lies that the header's 20 bytes cut short (metadata `IGTL_DEVICE_NAME`), start and end
 * into `out`; false where the message has none. Allocates nothing.
 */
export function findFullName(frame: IgtlFrame, out: Uint32Array): boolean {
  return frame.metadataCount > 0 && findMetadata(frame, NAME_KEY, out);
}

function truthOf(bytes: Uint8Array): boolean | undefined {
  const start = found[0] as number;
  const end = found[1] as number;
  if (isWord(bytes, start, end, YES)) return true;
  return isWord(bytes, start, end, NO) ? false : undefined;
}

function wordOf(bytes: Uint8Array): Status {
  const start = found[0] as number;
  const end = found[1] as number;
  const prefixed = isWord(bytes, start, Math.min(end, start + OLD_PREFIX.length), OLD_PREFIX);
  const from = prefixed ? start + OLD_PREFIX.length : start;
  for (let i = 0; i < WORDS.length; i += 1) {
    const entry = WORDS[i] as readonly [Uint8Array, Status];
    if (isWord(bytes, from, end, entry[0])) return entry[1];
  }
  return 'unknown';
}

/** Whether `bytes[start … end)` is a word, in capitals or not: PLUS compares so, and writes `True`. */
function isWord(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i += 1) {
    const byte = bytes[start + i] as number;
    if ((byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte) !== word[i]) return false;
  }
  return true;
}

/** The metadata that make PLUS's clients see a status of ours: anything but `ok` is not valid to them. */
export function plusMetadata(status: Status): IgtlMetadata[] {
  const word = status === 'ok' ? 'OK' : status === 'outOfVolume' ? 'OUT_OF_VOLUME' : status === 'missing' ? 'MISSING' : 'INVALID';
  return [
    { key: 'TransformStatus', encoding: ENCODING.ascii, value: word },
    { key: 'TransformValid', encoding: ENCODING.ascii, value: status === 'ok' ? 'True' : 'False' },
  ];
}
