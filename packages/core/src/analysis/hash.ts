import { NavError } from '../base/index.js';
import type { AnyVolume } from '../volume/index.js';

/** SHA-256 of bytes as 64 small hexadecimal digits. */
export type Sha256 = (bytes: Uint8Array) => string | Promise<string>;

/**
 * SHA-256 by WebCrypto: Node's, or a page's over HTTPS or from localhost.
 * @throws NavError `analysis/no-hash` in a page without it
 */
export async function webSha256(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new NavError(
      'analysis/no-hash',
      'This page has no WebCrypto, which browsers give over HTTPS and from localhost only. Serve it so, or hand in sha256.',
    );
  }
  // WebCrypto takes no shared memory.
  const own = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes);
  const digest = new Uint8Array(await subtle.digest('SHA-256', own));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Which volume went into an analysis. */
export interface InputIdentity {
  readonly modality: string;
  readonly studyUid?: string;
  readonly seriesUid?: string;
  readonly frameOfReferenceUid?: string;
  readonly size: readonly [number, number, number];
  readonly frameFromIndex: readonly number[];
  /** SHA-256 of the JSON text of size, frameFromIndex, rescale, the type of the voxels and the SHA-256 of their bytes. */
  readonly sha256: string;
}

/** What identifies a volume, without a patient's name. */
export async function identityOf(v: AnyVolume, sha256: Sha256): Promise<InputIdentity> {
  const { buffer, byteOffset, byteLength } = v.voxels;
  const voxels = await sha256(new Uint8Array(buffer, byteOffset, byteLength));
  const header = {
    size: v.size,
    frameFromIndex: Array.from(v.frameFromIndex),
    slope: v.rescale.slope,
    intercept: v.rescale.intercept,
    type: v.voxels.constructor.name,
    voxels,
  };
  return {
    modality: v.modality,
    ...(v.series.studyUid !== undefined && { studyUid: v.series.studyUid }),
    ...(v.series.seriesUid !== undefined && { seriesUid: v.series.seriesUid }),
    ...(v.frameOfReferenceUid !== undefined && { frameOfReferenceUid: v.frameOfReferenceUid }),
    size: v.size,
    frameFromIndex: header.frameFromIndex,
    sha256: await sha256(new TextEncoder().encode(JSON.stringify(header))),
  };
}
