import { join } from './bytes.js';

/** Deflate in its three wrappers, by the platform's own streams: they exist in Node 20 and in every browser. */

/** More than this out of one file is not an image but an attack or an accident. */
const LARGEST_OUTPUT = 8 * 1024 ** 3;

async function pump(bytes: Uint8Array, stream: GenericTransformStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = (new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as ReadableStream<unknown>)
    .pipeThrough(stream as ReadableWritablePair<Uint8Array, unknown>)
    .getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    if (length > LARGEST_OUTPUT) {
      await reader.cancel();
      throw new RangeError(`more than ${LARGEST_OUTPUT} bytes came out`);
    }
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : join(parts);
}

/** Whether the bytes begin as gzip does (RFC 1952). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Undoes gzip. Rejects with the platform's error where the data is damaged or cut short. */
export function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new DecompressionStream('gzip'));
}

/** Undoes zlib (RFC 1950). Rejects where the data is damaged or cut short. */
export function inflateZlib(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new DecompressionStream('deflate'));
}

/** Undoes bare deflate (RFC 1951). Rejects where the data is damaged or cut short. */
export function inflateRaw(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new DecompressionStream('deflate-raw'));
}

/** Gzip, RFC 1952. */
export function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new CompressionStream('gzip'));
}

/** Zlib, RFC 1950. */
export function deflateZlib(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new CompressionStream('deflate'));
}
