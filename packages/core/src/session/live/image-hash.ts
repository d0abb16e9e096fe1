import type { AnyVolume } from '../../volume/index.js';
import { sha256Hex } from '../sha256.js';
import type { LiveImage } from './state.js';

/**
 * The SHA-256 of an image: of its size, its frameFromIndex as doubles, slope and intercept, and its stored values, all little-endian. Two
 * programs that loaded the same series have the same; one with a slice less, or resampled, has not. About 1 s for 100 MB: once an image.
 * @returns 64 small hexadecimal digits
 */
export function imageHash(volume: Pick<AnyVolume, 'size' | 'frameFromIndex' | 'rescale' | 'voxels'>): string {
  const { size, frameFromIndex, rescale, voxels } = volume;
  const head = [...size, ...Array.from(frameFromIndex), rescale.slope, rescale.intercept, voxels.BYTES_PER_ELEMENT];
  const view = new DataView(new ArrayBuffer(8 * head.length));
  for (const [i, value] of head.entries()) view.setFloat64(8 * i, value, true);
  const bytes = new Uint8Array(view.byteLength + voxels.byteLength);
  bytes.set(new Uint8Array(view.buffer));
  bytes.set(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength), view.byteLength);
  return sha256Hex(bytes);
}

/** How an image is named in a live session. Nothing of the patient is in it. @param name what the session calls it */
export function liveImage(name: string, volume: AnyVolume): LiveImage {
  return {
    name,
    studyUid: volume.series.studyUid ?? '',
    seriesUid: volume.series.seriesUid ?? '',
    frameOfReferenceUid: volume.frameOfReferenceUid ?? '',
    hash: imageHash(volume),
  };
}
