import type { LiveFrame } from './live-images.js';

/** A picture on its way to a page: its age in ms and its number, each a double, little-endian; then its echoes. */
const HEAD_BYTES = 16;

/** @param ageMs how old the picture is as it is sent */
export function packed({ echoes, number }: LiveFrame, ageMs: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + echoes.length);
  const view = new DataView(bytes.buffer);
  view.setFloat64(0, ageMs, true);
  view.setFloat64(8, number, true);
  bytes.set(echoes, HEAD_BYTES);
  return bytes;
}

/**
 * The picture, on the receiver's clock.
 * @param askedAtMs when it was asked for, and @param gotAtMs when it came: it was sent in between, and is taken for having been sent half way
 * @returns undefined for bytes that are none
 */
export function unpacked(bytes: Uint8Array, askedAtMs: number, gotAtMs: number): LiveFrame | undefined {
  if (bytes.length <= HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const ageMs = view.getFloat64(0, true);
  const number = view.getFloat64(8, true);
  if (!(ageMs >= 0) || !Number.isInteger(number)) return undefined;
  return { echoes: bytes.subarray(HEAD_BYTES), atMs: (askedAtMs + gotAtMs) / 2 - ageMs, number };
}
