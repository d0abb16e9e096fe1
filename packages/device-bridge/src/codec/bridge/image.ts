import { NavError } from '@trocar/core';
import { type ImageFrame, imageBytes, imageFault } from '@trocar/core/recording';
import { IMAGE_ACK, IMAGE_HEADER, MESSAGE } from './layout.js';

/**
 * How an image's pixels travel: as they are; or each number less its left neighbour's of the same component (the first of a row less
 * the one above), modulo its size, and then raw DEFLATE (RFC 1951).
 */
export type ImageEncoding = 'raw' | 'deflate';

/** Their numbers on the wire. */
const ENCODINGS: readonly ImageEncoding[] = ['raw', 'deflate'];

/** An image as it came over the wire: times on the BRIDGE's clock, and its pixels as they travelled. */
export interface ImageMessage {
  readonly source: number;
  /** Number of this image, counted by the bridge for each source, modulo 2³²: those not sent to this client leave gaps. */
  readonly sequence: number;
  readonly encoding: ImageEncoding;
  /** A window into the message; only with the encoding `raw` are they the image's pixels. */
  readonly data: Uint8Array;
  /** All but its pixels. */
  readonly image: Omit<ImageFrame, 'pixels'>;
}

function malformed(what: string): NavError {
  return new NavError('bridge/malformed', `The bridge connection carries a malformed image: ${what}.`);
}

/**
 * An image message.
 * @param data the pixels in that encoding; copied
 * @param allocate gives the bytes to write to; they need not be zero
 */
export function encodeImage(
  message: Pick<ImageMessage, 'source' | 'sequence' | 'encoding' | 'data'>,
  image: Omit<ImageFrame, 'pixels'>,
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Uint8Array {
  const out = allocate(IMAGE_HEADER + message.data.length);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  view.setUint8(0, MESSAGE.image);
  view.setUint8(1, ENCODINGS.indexOf(message.encoding));
  view.setUint8(2, image.components);
  view.setUint8(3, image.number === 'u8' ? 1 : 2);
  view.setUint16(4, message.source, true);
  view.setUint16(6, 0, true);
  view.setUint32(8, message.sequence, true);
  view.setUint32(12, image.frameNumber, true);
  view.setUint16(16, image.width, true);
  view.setUint16(18, image.height, true);
  view.setUint32(20, message.data.length, true);
  const { measuredAt, arrivedAt, boundMs, spacingMm, depthMm } = image;
  for (const [k, x] of [measuredAt, arrivedAt, boundMs, ...spacingMm, depthMm].entries()) view.setFloat64(24 + 8 * k, x, true);
  out.set(message.data, IMAGE_HEADER);
  return out;
}

/** Whether a message is an image: those are longer than any other, and taken before the others' size is looked at. */
export function isImage(message: ArrayBuffer | Uint8Array): boolean {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message, 0, Math.min(1, message.byteLength));
  return bytes[0] === MESSAGE.image;
}

/**
 * An image of a bridge. Its data are a window into the message, so nothing is copied.
 * @throws NavError `bridge/malformed`
 */
export function decodeImage(message: ArrayBuffer | Uint8Array): ImageMessage {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  if (bytes.length < IMAGE_HEADER) throw malformed(`${bytes.length} bytes where its header has ${IMAGE_HEADER}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const encoding = ENCODINGS[view.getUint8(1)];
  if (encoding === undefined) throw malformed(`encoding ${view.getUint8(1)}`);
  const bytesPerNumber = view.getUint8(3);
  if (bytesPerNumber !== 1 && bytesPerNumber !== 2) throw malformed(`${bytesPerNumber} bytes a number`);
  const length = view.getUint32(20, true);
  if (length !== bytes.length - IMAGE_HEADER) throw malformed(`${bytes.length} bytes where it needs ${IMAGE_HEADER + length}`);
  const f64 = (k: number): number => view.getFloat64(24 + 8 * k, true);
  const data = bytes.subarray(IMAGE_HEADER);
  const image: Omit<ImageFrame, 'pixels'> = {
    width: view.getUint16(16, true),
    height: view.getUint16(18, true),
    components: view.getUint8(2) as ImageFrame['components'],
    number: bytesPerNumber === 1 ? 'u8' : 'u16',
    measuredAt: f64(0),
    arrivedAt: f64(1),
    boundMs: f64(2),
    frameNumber: view.getUint32(12, true),
    spacingMm: [f64(3), f64(4)],
    depthMm: f64(5),
  };
  requireSize(image, encoding, data);
  return { source: view.getUint16(4, true), sequence: view.getUint32(8, true), encoding, data, image };
}

/** What unpacks is bounded before it is unpacked. */
function requireSize(image: Omit<ImageFrame, 'pixels'>, encoding: ImageEncoding, data: Uint8Array): void {
  const wanted = imageBytes(image);
  // Of packed pixels only the claim can be judged here: unpacking stops at it.
  const pixels = encoding === 'raw' ? data : { length: wanted };
  const fault = imageFault({ ...image, pixels: pixels as Uint8Array });
  if (fault !== undefined) throw malformed(`it ${fault}`);
  if (encoding !== 'raw' && data.length > wanted + wanted / 8 + 64)
    throw malformed('packed pixels that are longer than plain ones');
}

/** The client has dealt with an image, and with every earlier one of its source. */
export function encodeImageAck(source: number, sequence: number): Uint8Array {
  const out = new Uint8Array(IMAGE_ACK);
  const view = new DataView(out.buffer);
  view.setUint8(0, MESSAGE.imageAck);
  view.setUint16(2, source, true);
  view.setUint32(4, sequence, true);
  return out;
}

/** What an acknowledgement says; undefined for another message. @throws NavError `bridge/malformed` */
export function decodeImageAck(view: DataView): { readonly source: number; readonly sequence: number } | undefined {
  if (view.byteLength === 0 || view.getUint8(0) !== MESSAGE.imageAck) return undefined;
  if (view.byteLength !== IMAGE_ACK) throw malformed(`an acknowledgement of ${view.byteLength} bytes`);
  return { source: view.getUint16(2, true), sequence: view.getUint32(4, true) };
}

/**
 * Differences to the left neighbour, so that DEFLATE finds what is smooth; see {@link ImageEncoding}. `out` may not be the pixels.
 * Numbers of 16 bits are taken byte by byte: high bytes next to high ones.
 */
export function toDifferences(pixels: Uint8Array, step: number, row: number, out: Uint8Array): void {
  for (let at = 0; at < pixels.length; at += row) {
    for (let i = at; i < at + step; i += 1) out[i] = (pixels[i] as number) - (at === 0 ? 0 : (pixels[i - row] as number));
    for (let i = at + step; i < at + row; i += 1) out[i] = (pixels[i] as number) - (pixels[i - step] as number);
  }
}

/** The way back, in place. @param step bytes a pixel @param row bytes a row */
export function fromDifferences(pixels: Uint8Array, step: number, row: number): void {
  for (let at = 0; at < pixels.length; at += row) {
    if (at > 0) for (let i = at; i < at + step; i += 1) pixels[i] = (pixels[i] as number) + (pixels[i - row] as number);
    for (let i = at + step; i < at + row; i += 1) pixels[i] = (pixels[i] as number) + (pixels[i - step] as number);
  }
}
