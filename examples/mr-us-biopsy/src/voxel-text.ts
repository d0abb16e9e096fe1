import { NavError } from '@trocar/core';

/** How much text is made at a time: a call takes so many arguments, not millions. */
const PIECE = 0x4000;

/** Voxels as a text that a session's log can hold: deflated (RFC 1951), in base64. */
export async function voxelText(voxels: Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = await through(voxels, new CompressionStream('deflate-raw'));
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  return btoa(text);
}

/**
 * The voxels again.
 * @param count how many there must be
 * @throws NavError `session/bad-value` for a text that is none, or of another number
 */
export async function voxelsOf(text: string, count: number): Promise<Uint8Array<ArrayBuffer>> {
  let voxels: Uint8Array<ArrayBuffer>;
  try {
    voxels = await through(
      Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
      new DecompressionStream('deflate-raw'),
    );
  } catch (cause) {
    throw bad('the text of its voxels cannot be read', cause);
  }
  if (voxels.length !== count) throw bad(`it has ${voxels.length} voxels instead of ${count}`);
  return voxels;
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}

function bad(why: string, cause?: unknown): NavError {
  return new NavError('session/bad-value', `The kept sweep cannot be used: ${why}. Sweep again.`, { cause });
}
