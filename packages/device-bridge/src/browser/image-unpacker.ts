import { NavError } from '@trocar/core';
import { imageBytes } from '@trocar/core/recording';
import { fromDifferences, type ImageMessage } from '../codec/bridge/index.js';

/**
 * The pixels of a packed image, in memory of their own. What unpacks to more than the image has is read no further.
 * @throws NavError `bridge/malformed` where the bytes are no DEFLATE, or not as many as the image needs
 */
export async function unpackImage({ data, image }: ImageMessage): Promise<Uint8Array> {
  const pixels = new Uint8Array(imageBytes(image));
  const stream: ReadableWritablePair<Uint8Array, unknown> = new DecompressionStream('deflate-raw') as never;
  const reader = new Blob([data as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(stream as never)
    .getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let at = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (part.value.length > pixels.length - at) throw new Error(`more than the ${pixels.length} bytes of the image`);
      pixels.set(part.value, at);
      at += part.value.length;
    }
    if (at !== pixels.length) throw new Error(`${at} bytes and not the ${pixels.length} of the image`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NavError('bridge/malformed', `An image of the bridge cannot be unpacked: ${why}.`, { cause });
  } finally {
    void reader.cancel().catch(() => undefined);
  }
  const step = image.components * (image.number === 'u8' ? 1 : 2);
  fromDifferences(pixels, step, step * image.width);
  return pixels;
}
