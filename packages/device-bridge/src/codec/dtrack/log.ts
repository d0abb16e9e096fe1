import { type DecodedLine, refusedMessage } from '../decoded.js';
import { decodeDtrack } from './decode.js';
import { dtrackFacts } from './facts.js';
import { DTrackFrame } from './frame.js';
import { lineEnd } from './scanner.js';

const F = 0x66;
const R = 0x72;

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

/** Where the next `fr` line behind the one at `from` begins. */
function nextFrame(bytes: Uint8Array, from: number): number {
  for (let at = lineEnd(bytes, from) + 1; at < bytes.length; at = lineEnd(bytes, at) + 1) {
    const after = bytes[at + 2];
    if (bytes[at] === F && bytes[at + 1] === R && (after === undefined || after === 0x20)) return at;
  }
  return bytes.length;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x0d || byte === 0x0a);
}
