import { NavError } from '@trocar/core';
import { type DecodedLine, type DecodedMessage, finiteOrNull, refusedMessage } from '../decoded.js';
import { isListed } from './content.js';
import type { IgtlFrame } from './frame.js';
import { DEFAULT_MAX_BODY, IgtlFramer, type IgtlFramerOptions } from './framer.js';
import { fieldsOf } from './log-fields.js';
import { decodeIgtl } from './message.js';

/** How {@link decodeIgtlLog} reads and prints. */
export interface IgtlLogOptions extends IgtlFramerOptions {
  /**
   * Byte arrays up to this length are printed as base64, longer ones only as length and CRC64. Lists of numbers (NDARRAY,
   * POLYDATA) up to as many are printed, of longer ones only how many they are. Default 65536.
   */
  readonly inlineBytes?: number;
}

/** Bytes taken at once: what waits between two lines is at most what lies in so many. */
const CHUNK = 65_536;
/** Lists, texts and metadata beyond this are refused: printed they would be many times as long. */
const LONGEST_PRINTED = 16 * 2 ** 20;

/**
 * What a recording of OpenIGTLink's bytes holds, one line per message, header versions 1 and 2.
 *
 * Every line has `type`, `offset` (byte of its header), `deviceName`, `headerVersion`, `timestamp` (ISO, UTC) and
 * `utcMs` (both null where the sender gave no time), `messageId`, `metadata`, and the fields of its content: matrices as
 * four rows, NaN as null, 64-bit numbers as text, bytes as base64 (`…Base64`) with their number (`…ByteCount`) and their
 * CRC64. A type that is not known has its bytes. A refused message gives `{ error, offset, message }`; reading goes on
 * behind it where its size can be trusted, and ends where it cannot. What is cut off at the end is refused too, as
 * `igtl/truncated-header` or `igtl/truncated-body`.
 * @throws NavError `codec/oversize` for an impossible `maxBodyBytes`, with the first line
 */
export function* decodeIgtlLog(bytes: Uint8Array, options: IgtlLogOptions = {}): Generator<DecodedLine> {
  const inlineBytes = options.inlineBytes ?? 65_536;
  let lines: DecodedLine[] = [];
  const framer = new IgtlFramer(
    {
      message: (frame) => lines.push(lineOf(frame, inlineBytes)),
      fault: ({ code, offset, message }) => lines.push({ error: code, offset, message }),
    },
    // A body that lies whole in the file needs no other bound.
    { ...options, maxBodyBytes: options.maxBodyBytes ?? Math.min(2 ** 31, Math.max(DEFAULT_MAX_BODY, bytes.length)) },
  );
  for (let at = 0; at < bytes.length && !framer.failed; at += CHUNK) {
    framer.feed(bytes.subarray(at, at + CHUNK));
    yield* lines;
    lines = [];
  }
  framer.end();
  yield* lines;
}

function lineOf(frame: IgtlFrame, inlineBytes: number): DecodedLine {
  const { offset } = frame;
  try {
    return messageOf(frame, inlineBytes);
  } catch (error) {
    return refusedMessage(error, offset);
  }
}

function messageOf(frame: IgtlFrame, inlineBytes: number): DecodedMessage {
  const listed = isListed(frame.type) ? frame.contentEnd - frame.contentStart : 0;
  const size = Math.max(listed, frame.end - frame.contentEnd);
  if (size > LONGEST_PRINTED) {
    throw new NavError(
      'codec/oversize',
      `${size} bytes of text or lists in one message; at most ${LONGEST_PRINTED} are printed.`,
    );
  }
  const { type, device, headerVersion, messageId, metadata, content } = decodeIgtl(frame, true);
  const utcMs = frame.utcMs;
  const known = !Number.isNaN(utcMs);
  return {
    type,
    offset: frame.offset,
    deviceName: device,
    headerVersion,
    timestamp: known ? new Date(utcMs).toISOString() : null,
    utcMs: finiteOrNull(utcMs),
    messageId,
    metadata,
    ...fieldsOf(content, inlineBytes),
  };
}
