import { NameCache } from './names.js';
import { type IgtlTimestamp, utcMsOf } from './time.js';

/** Bytes of the header that begins every message. */
export const HEADER_SIZE = 58;
/** Bytes of the extended header of header version 2, as this codec writes it. */
export const EXTENDED_SIZE = 12;
/** Where the fields of the header are: type (12), device name (20), time (8), body size (8), CRC (8). */
export const HEADER: {
  readonly type: 2;
  readonly device: 14;
  readonly time: 34;
  readonly size: 42;
  readonly crc: 50;
  readonly typeWidth: 12;
  readonly deviceWidth: 20;
} = { type: 2, device: 14, time: 34, size: 42, crc: 50, typeWidth: 12, deviceWidth: 20 };

/** 1 is protocol 1 and 2; 2 is protocol 3, with an extended header and metadata. Nothing else is on the wire. */
export type HeaderVersion = 1 | 2;

const types = new NameCache(HEADER.typeWidth);
const devices = new NameCache(HEADER.deviceWidth);
const tools = new NameCache(HEADER.deviceWidth);

/** The type named by a header, at its field. Cached. */
export const typeAt = (bytes: Uint8Array, view: DataView, at: number): string => types.get(bytes, view, at);

/** What a type may look like: printable ASCII, and not empty. */
export function isType(type: string): boolean {
  for (let i = 0; i < type.length; i += 1) {
    const c = type.charCodeAt(i);
    if (c < 0x20 || c > 0x7e) return false;
  }
  return type.length > 0;
}

/** A name in a 20-byte field at `at`. Cached apart from device names. */
export const nameAt = (bytes: Uint8Array, view: DataView, at: number): string => tools.get(bytes, view, at);

/**
 * One complete message whose CRC was right: a window into the framer's or the caller's bytes, reused for the next
 * message and valid only until the handler returns. The hot path reads it in place; `decodeIgtl` makes a value.
 */
export class IgtlFrame {
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes for multi-byte reads, all of them big-endian. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The header begins here in {@link bytes} … */
  start = 0;
  /** … and the body ends here. */
  end = 0;
  /** Where the message began in the stream, in bytes since the connection began. */
  offset = 0;
  headerVersion: HeaderVersion = 1;
  /** As in the header: `TRANSFORM`, `STT_TDATA`, … */
  type = '';
  /** The content without extended header and metadata: `bytes[contentStart … contentEnd)`. */
  contentStart = 0;
  contentEnd = 0;
  /** How many metadata entries there are; their sizes begin at {@link metadataHeader}, their text at {@link metadata}. */
  metadataCount = 0;
  metadataHeader = 0;
  metadata = 0;
  /** Header version 2: what the sender numbered the message with; 0 otherwise. */
  messageId = 0;

  /** The sender's name for the device or the transform. Allocates only for a name not met before. */
  get device(): string {
    return devices.get(this.bytes, this.view, this.start + HEADER.device);
  }

  get timestamp(): IgtlTimestamp {
    return {
      seconds: this.view.getUint32(this.start + HEADER.time),
      fraction: this.view.getUint32(this.start + HEADER.time + 4),
    };
  }

  /** UTC in ms; NaN where the sender gave none. */
  get utcMs(): number {
    return utcMsOf(this.timestamp);
  }

  /** {@link utcMs} into a cell, for the pose path. */
  readTime(out: Float64Array): void {
    const seconds = this.view.getUint32(this.start + HEADER.time);
    const fraction = this.view.getUint32(this.start + HEADER.time + 4);
    out[0] = seconds === 0 && fraction === 0 ? Number.NaN : seconds * 1000 + fraction * (1000 / 2 ** 32);
  }
}

/**
 * Finds content and metadata in a frame whose bytes, start, end and version are set. Returns what is wrong, or
 * undefined. Layout: OpenIGTLink protocol 3, extended header and metadata.
 */
export function layOut(frame: IgtlFrame): 'igtl/bad-extended-header' | 'igtl/bad-metadata' | undefined {
  frame.contentStart = frame.start + HEADER_SIZE;
  frame.contentEnd = frame.end;
  frame.metadataCount = 0;
  frame.metadataHeader = frame.end;
  frame.metadata = frame.end;
  frame.messageId = 0;
  return frame.headerVersion === 1 ? undefined : layOutExtended(frame);
}

function layOutExtended(frame: IgtlFrame): 'igtl/bad-extended-header' | 'igtl/bad-metadata' | undefined {
  const { view, contentStart: at, end } = frame;
  if (end - at < EXTENDED_SIZE) return 'igtl/bad-extended-header';
  const extended = view.getUint16(at);
  const header = view.getUint16(at + 2);
  const size = view.getUint32(at + 4);
  if (extended < EXTENDED_SIZE || extended + header + size > end - at) return 'igtl/bad-extended-header';
  frame.messageId = view.getUint32(at + 8);
  frame.contentStart = at + extended;
  frame.contentEnd = end - size - header;
  frame.metadataHeader = frame.contentEnd;
  frame.metadata = frame.contentEnd + header;
  if (header === 0) return size === 0 ? undefined : 'igtl/bad-metadata';
  if (header < 2) return 'igtl/bad-metadata';
  frame.metadataCount = view.getUint16(frame.metadataHeader);
  return metadataFits(frame, header, size) ? undefined : 'igtl/bad-metadata';
}

function metadataFits(frame: IgtlFrame, header: number, size: number): boolean {
  if (header !== 2 + 8 * frame.metadataCount) return false;
  let sum = 0;
  for (let i = 0, at = frame.metadataHeader + 2; i < frame.metadataCount; i += 1, at += 8) {
    sum += frame.view.getUint16(at) + frame.view.getUint32(at + 4);
  }
  return sum === size;
}
