import { join } from './bytes.js';

/** Deflate in its three wrappers, by the platform's own streams: they exist in Node 20 and in every browser. */

/** More than this out of one file is not an image but an attack or an accident. */
const LARGEST_OUTPUT = 8 * 1024 ** 3;

async function pump(bytes: Uint8Array, stream: GenericTransformStream, most: number = LARGEST_OUTPUT): Promise<Uint8Array> {
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
    if (length > most) {
      await reader.cancel();
      throw new RangeError(`more than ${most} bytes came out`);
    }
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : join(parts);
}

/** Whether the bytes begin as gzip does (RFC 1952). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Undoes gzip. Rejects with the platform's error where the data is damaged or cut short. */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    return await pump(bytes, new DecompressionStream('gzip'));
  } catch (cause) {
    const parts = await gunzipMembers(bytes);
    if (parts === undefined) throw cause;
    return join(parts);
  }
}

/** What looks like the start of a member may be chance, once in 16 million bytes; a file with more of that is damaged. */
const MOST_FALSE_STARTS = 64;

/**
 * Undoes gzip member by member, as parallel packers write them: browsers' streams end at the first (Compression Streams
 * standard), where RFC 1952, 2.2, and Node go on. Undefined where the data is no such file.
 */
export async function gunzipMembers(bytes: Uint8Array): Promise<Uint8Array[] | undefined> {
  const parts: Uint8Array[] = [];
  let from = 0;
  let end = nextMember(bytes, 1);
  if (end === bytes.length) return undefined;
  for (let wrong = 0; wrong <= MOST_FALSE_STARTS; ) {
    try {
      parts.push(await pump(bytes.subarray(from, end), new DecompressionStream('gzip')));
      if (end === bytes.length) return parts;
      from = end;
    } catch {
      if (end === bytes.length) return undefined;
      wrong += 1;
    }
    end = nextMember(bytes, end + 1);
  }
  return undefined;
}

/** Where the next member may begin at or after `from`: the mark, the one method, no reserved flag; else the end. */
function nextMember(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0x1f, from); at >= 0; at = bytes.indexOf(0x1f, at + 1)) {
    if (bytes[at + 1] === 0x8b && bytes[at + 2] === 8 && (bytes[at + 3] ?? 0xff) < 0x20) return at;
  }
  return bytes.length;
}

/** Undoes zlib (RFC 1950). Rejects where the data is damaged or cut short. */
export function inflateZlib(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new DecompressionStream('deflate'));
}

/** Undoes bare deflate (RFC 1951). Rejects where the data is damaged, cut short, or more than `most` bytes come out. */
export function inflateRaw(bytes: Uint8Array, most?: number): Promise<Uint8Array> {
  return pump(bytes, new DecompressionStream('deflate-raw'), most);
}

/** Gzip, RFC 1952. */
export function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new CompressionStream('gzip'));
}

/** Zlib, RFC 1950. */
export function deflateZlib(bytes: Uint8Array): Promise<Uint8Array> {
  return pump(bytes, new CompressionStream('deflate'));
}
