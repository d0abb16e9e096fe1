import { type DecodedLine, refusedMessage } from '../decoded.js';
import { decodeDtrack } from './decode.js';
import { dtrackFacts } from './facts.js';
import { DTrackFrame } from './frame.js';

const F = 0x66;
const R = 0x72;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const LONGEST_FRAME_LINE = 16;

/**
 * What a file of DTrack datagrams, one behind the other, holds: a line that begins with `fr` begins a new datagram.
 * Lengths in mm, rotations row by row, quaternions x y z w. A datagram that cannot be read is one line with its code,
 * and the next is tried.
 */
export function* decodeDtrackLog(bytes: Uint8Array): Generator<DecodedLine> {
  const frame = new DTrackFrame();
  for (let from = 0; from < bytes.length; ) {
    const to = nextFrame(bytes, from);
    const datagram = bytes.subarray(from, to);
    if (!isBlank(datagram)) yield decodeOne(frame, datagram, from);
    from = to;
  }
}

function decodeOne(frame: DTrackFrame, datagram: Uint8Array, offset: number): DecodedLine {
  try {
    decodeDtrack(frame, datagram);
    return { type: 'frame', offset, ...dtrackFacts(frame, datagram) };
  } catch (error) {
    return refusedMessage(error, offset);
  }
}

/**
 * Where the next datagram behind the one at `from` begins: at a line that begins with `fr`, or, where a datagram was cut
 * off in the middle of a line, at a whole `fr` line behind what is left of it.
 */
function nextFrame(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(F, from + 1); at >= 0; at = bytes.indexOf(F, at + 1)) {
    if (bytes[at + 1] !== R) continue;
    const after = bytes[at + 2];
    if (bytes[at - 1] === LF && (after === undefined || after === SPACE)) return at;
    if (isFrameLine(bytes, at)) return at;
  }
  return bytes.length;
}

/** `fr`, a space, a number and the line's end. */
function isFrameLine(bytes: Uint8Array, from: number): boolean {
  let at = from + 3;
  while (at < from + LONGEST_FRAME_LINE && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
  return bytes[from + 2] === SPACE && at > from + 3 && (bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF));
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a);
}
