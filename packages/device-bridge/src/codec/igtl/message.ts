import { decodeContent, encodeContent, type IgtlContent } from './content.js';
import { crc64 } from './crc64.js';
import { EXTENDED_SIZE, HEADER, HEADER_SIZE, type HeaderVersion, type IgtlFrame, isType } from './frame.js';
import { type IgtlMetadata, readMetadata, writeMetadata } from './metadata.js';
import { ContentReader } from './reader.js';
import { type IgtlTimestamp, NO_TIMESTAMP } from './time.js';
import { doesNotFit, IgtlStorage } from './writer.js';

/** One message as a value: what {@link decodeIgtl} gives and {@link encodeIgtl} takes. */
export interface IgtlMessage {
  /** 1 for every peer; 2 only for one that has shown it: older ones hang on it. */
  readonly headerVersion: HeaderVersion;
  readonly type: string;
  /** At most 20 bytes. */
  readonly device: string;
  readonly timestamp: IgtlTimestamp;
  /** Header version 2 only. */
  readonly messageId: number;
  readonly metadata: readonly IgtlMetadata[];
  readonly content: IgtlContent;
}

/** The parts of a message that have no default, and those that have. */
export type IgtlMessageInit = Pick<IgtlMessage, 'type' | 'device' | 'content'> & Partial<IgtlMessage>;

/**
 * A frame as a value that keeps nothing of it. Allocates: poses are read in place, with `readTransform` and others.
 * @param borrow bytes in the content (pixels, tables) are views of the frame, valid only as long as it is
 * @throws NavError `igtl/wrong-size`, `igtl/size-mismatch`, `igtl/bad-value`: the message is refused, and the stream
 * goes on
 */
export function decodeIgtl(frame: IgtlFrame, borrow = false): IgtlMessage {
  const { type, bytes, view, contentStart, contentEnd } = frame;
  return {
    headerVersion: frame.headerVersion,
    type,
    device: frame.device,
    timestamp: frame.timestamp,
    messageId: frame.messageId,
    metadata: readMetadata(frame),
    content: decodeContent(new ContentReader(type, bytes, view, contentStart, contentEnd, borrow)),
  };
}

const crc = new Int32Array(2);

/**
 * A message as bytes.
 * @param storage where to write: the bytes are then a view of it, valid until it is written to again
 * @throws NavError `igtl/does-not-fit` where a value is too large for its field, `igtl/bad-value` where the content
 * is not of the type
 */
export function encodeIgtl(message: IgtlMessageInit, storage: IgtlStorage = new IgtlStorage()): Uint8Array {
  const { headerVersion = 1, timestamp = NO_TIMESTAMP, messageId = 0, metadata = [] } = message;
  const w = storage;
  if (!isType(message.type)) throw doesNotFit(`a type must be printable ASCII, and "${message.type}" is not.`);
  w.at = 0;
  w.u16(headerVersion);
  w.name(message.type, HEADER.typeWidth);
  w.name(message.device, HEADER.deviceWidth);
  w.u32(timestamp.seconds);
  w.u32(timestamp.fraction);
  w.skip(HEADER_SIZE - HEADER.size);
  if (headerVersion === 1) {
    if (metadata.length > 0 || messageId !== 0) throw doesNotFit('metadata and message numbers need header version 2.');
    encodeContent(w, message.type, message.content);
  } else {
    w.u16(EXTENDED_SIZE);
    const sizes = w.skip(6);
    w.u32(messageId);
    encodeContent(w, message.type, message.content);
    const { header, size } = writeMetadata(w, metadata);
    if (header > 0xffff) throw doesNotFit(`${metadata.length} metadata entries.`);
    w.view.setUint16(sizes, header);
    w.view.setUint32(sizes + 2, size);
  }
  return seal(w);
}

/** Body size and CRC into the header of the message that `w` holds. */
function seal(w: IgtlStorage): Uint8Array {
  w.view.setBigUint64(HEADER.size, BigInt(w.at - HEADER_SIZE));
  crc[0] = crc[1] = 0;
  crc64(crc, w.view, HEADER_SIZE, w.at);
  w.view.setInt32(HEADER.crc, crc[0] as number);
  w.view.setInt32(HEADER.crc + 4, crc[1] as number);
  return w.bytes.subarray(0, w.at);
}
