import { join, uint16, uint32 } from '../bytes.js';
import type { PixelLayout } from './slice.js';

/**
 * A minimal multi-frame DICOM file around encapsulated frames: what the decoder needs and nothing else.
 *
 * The decoder's own reading of a clinical file applies rescale, sorts slices and guesses absent geometry. Given only
 * bits and code streams it can do none of that: it returns stored values, in the order we put them, and sees no
 * patient.
 */
export interface Encapsulated {
  readonly syntax: string;
  readonly rows: number;
  readonly columns: number;
  readonly layout: PixelLayout;
  /** Samples per pixel. Three are called RGB, whatever they are, so that the decoder changes no colour. */
  readonly samples?: 1 | 3;
  /** One code stream a frame. */
  readonly frames: readonly Uint8Array[];
}

/** Multi-frame Grayscale Byte and Word Secondary Capture (PS3.3, A.8.3, A.8.4). */
const BYTE_CLASS = '1.2.840.10008.5.1.4.1.1.7.2';
const WORD_CLASS = '1.2.840.10008.5.1.4.1.1.7.3';
/** Multi-frame True Color Secondary Capture (PS3.3, A.8.5). */
const COLOUR_CLASS = '1.2.840.10008.5.1.4.1.1.7.4';
/** A UID under the root for UUIDs (PS3.5, B.2): the wrapper never leaves this process. */
const ANY_UID = '2.25.1';

/** The file's bytes: explicit VR little endian, pixel data encapsulated with an empty offset table (PS3.5, A.4). */
export function wrapFrames(image: Encapsulated): Uint8Array {
  const { layout } = image;
  const colour = image.samples === 3;
  const sopClass = colour ? COLOUR_CLASS : layout.bitsAllocated === 8 ? BYTE_CLASS : WORD_CLASS;
  const meta = [
    element(0x0002, 0x0001, 'OB', Uint8Array.of(0, 1)),
    element(0x0002, 0x0002, 'UI', text(sopClass, 0)),
    element(0x0002, 0x0003, 'UI', text(ANY_UID, 0)),
    element(0x0002, 0x0010, 'UI', text(image.syntax, 0)),
    element(0x0002, 0x0012, 'UI', text(ANY_UID, 0)),
  ];
  const metaLength = meta.reduce((sum, part) => sum + part.length, 0);
  const body = [
    element(0x0008, 0x0016, 'UI', text(sopClass, 0)),
    element(0x0008, 0x0018, 'UI', text(ANY_UID, 0)),
    element(0x0008, 0x0060, 'CS', text('OT')),
    element(0x0020, 0x000d, 'UI', text(ANY_UID, 0)),
    element(0x0020, 0x000e, 'UI', text(ANY_UID, 0)),
    element(0x0028, 0x0002, 'US', uint16(colour ? 3 : 1)),
    element(0x0028, 0x0004, 'CS', text(colour ? 'RGB' : 'MONOCHROME2')),
    ...(colour ? [element(0x0028, 0x0006, 'US', uint16(0))] : []),
    element(0x0028, 0x0008, 'IS', text(String(image.frames.length))),
    element(0x0028, 0x0010, 'US', uint16(image.rows)),
    element(0x0028, 0x0011, 'US', uint16(image.columns)),
    element(0x0028, 0x0100, 'US', uint16(layout.bitsAllocated)),
    element(0x0028, 0x0101, 'US', uint16(layout.bitsStored)),
    element(0x0028, 0x0102, 'US', uint16(layout.highBit)),
    element(0x0028, 0x0103, 'US', uint16(layout.signed ? 1 : 0)),
    // Pixel Data, undefined length, then an empty Basic Offset Table.
    Uint8Array.of(0xe0, 0x7f, 0x10, 0, 0x4f, 0x42, 0, 0, 0xff, 0xff, 0xff, 0xff),
    item(0),
    ...image.frames.flatMap((frame) => [item(frame.length + (frame.length % 2)), frame, new Uint8Array(frame.length % 2)]),
    Uint8Array.of(0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0),
  ];
  const mark = new Uint8Array(132);
  mark.set(text('DICM'), 128);
  return join([mark, element(0x0002, 0x0000, 'UL', uint32(metaLength)), ...meta, ...body]);
}

function element(group: number, tag: number, vr: string, value: Uint8Array): Uint8Array {
  const wide = vr === 'OB';
  const bytes = new Uint8Array((wide ? 12 : 8) + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, group, true);
  view.setUint16(2, tag, true);
  bytes[4] = vr.charCodeAt(0);
  bytes[5] = vr.charCodeAt(1);
  if (wide) view.setUint32(8, value.length, true);
  else view.setUint16(6, value.length, true);
  bytes.set(value, wide ? 12 : 8);
  return bytes;
}

function item(length: number): Uint8Array {
  return join([Uint8Array.of(0xfe, 0xff, 0x00, 0xe0), uint32(length)]);
}

/** ASCII, padded to even length: UIDs with NUL, all else with a space (PS3.5, 6.2). */
function text(value: string, pad = 0x20): Uint8Array {
  const bytes = new Uint8Array(value.length + (value.length % 2)).fill(pad);
  for (let n = 0; n < value.length; n += 1) bytes[n] = value.charCodeAt(n);
  return bytes;
}
