import type { IgtlFrame } from './frame.js';
import { decodeAs, decodeText } from './text.js';
import { type IgtlStorage, requireEncoded } from './writer.js';

/** A named text beside the content (header version 2 only). */
export interface IgtlMetadata {
  readonly key: string;
  /** MIBenum of the value: 3 ASCII, 106 UTF-8. */
  readonly encoding: number;
  readonly value: string;
}

/** All metadata of a message, in the sender's order; keys may repeat. Allocates. */
export function readMetadata(frame: IgtlFrame): IgtlMetadata[] {
  const out: IgtlMetadata[] = [];
  let text = frame.metadata;
  for (let i = 0, at = frame.metadataHeader + 2; i < frame.metadataCount; i += 1, at += 8) {
    const middle = text + frame.view.getUint16(at);
    const encoding = frame.view.getUint16(at + 2);
    const end = middle + frame.view.getUint32(at + 4);
    out.push({ key: decodeText(frame.bytes, text, middle), encoding, value: decodeAs(encoding, frame.bytes, middle, end) });
    text = end;
  }
  return out;
}

/**
 * Where the value of a key lies in the frame's bytes, start and end into `out`; false where there is no such key. The
 * first of several counts. Allocates nothing.
 * @param key its bytes
 */
export function findMetadata(frame: IgtlFrame, key: Uint8Array, out: Uint32Array): boolean {
  const { bytes, view } = frame;
  let text = frame.metadata;
  for (let i = 0, at = frame.metadataHeader + 2; i < frame.metadataCount; i += 1, at += 8) {
    const keySize = view.getUint16(at);
    const middle = text + keySize;
    const end = middle + view.getUint32(at + 4);
    if (keySize === key.length && sameBytes(bytes, text, key)) {
      out[0] = middle;
      out[1] = end;
      return true;
    }
    text = end;
  }
  return false;
}

function sameBytes(bytes: Uint8Array, at: number, key: Uint8Array): boolean {
  for (let i = 0; i < key.length; i += 1) if (bytes[at + i] !== key[i]) return false;
  return true;
}

/**
 * Writes metadata header and metadata; a count of 0 where there is none, as the reference library does. Returns the
 * sizes of both.
 * @throws NavError `igtl/does-not-fit`
 */
export function writeMetadata(w: IgtlStorage, metadata: readonly IgtlMetadata[]): { header: number; size: number } {
  const start = w.at;
  const encoded = metadata.map(({ key, encoding, value }) => ({
    key: requireEncoded(106, key),
    encoding,
    value: requireEncoded(encoding, value),
  }));
  w.u16(encoded.length);
  for (const { key, encoding, value } of encoded) {
    w.u16(key.length);
    w.u16(encoding);
    w.u32(value.length);
  }
  const middle = w.at;
  for (const { key, value } of encoded) {
    w.put(key);
    w.put(value);
  }
  return { header: middle - start, size: w.at - middle };
}
