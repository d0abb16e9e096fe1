import type { Frame } from '@trocar/core';
import { type AnyVolume, type Volume, type VoxelArray, volume } from '@trocar/core/volume';

/** Voxel types that are sent, by their names. */
const TYPES = { Uint8Array, Int16Array, Uint16Array, Float32Array, Int32Array } as const;
type TypeName = keyof typeof TYPES;

/**
 * A volume as bytes, from this example's server to its page: the length of a JSON header, 4 bytes little-endian; the header, padded to
 * 8 bytes; the voxels. It is no file format: what is read here was written by the same program.
 * @throws TypeError for voxels of another type
 */
export function packVolume(v: AnyVolume): Uint8Array {
  const type = v.voxels.constructor.name;
  if (!(type in TYPES)) throw new TypeError(`Voxels of ${type} are not sent.`);
  const { size, rescale, modality, frameOfReferenceUid, patient, series } = v;
  const header = {
    type,
    size,
    frameFromIndex: Array.from(v.frameFromIndex),
    rescale,
    modality,
    frameOfReferenceUid,
    patient,
    series,
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = 8 * Math.ceil((4 + text.length) / 8);
  const out = new Uint8Array(start + v.voxels.byteLength);
  new DataView(out.buffer).setUint32(0, text.length, true);
  out.set(text, 4);
  out.set(new Uint8Array(v.voxels.buffer, v.voxels.byteOffset, v.voxels.byteLength), start);
  return out;
}

/** What {@link packVolume} packed. @throws NavError `volume/bad-geometry` */
export function unpackVolume<F extends string>(frame: Frame<F>, bytes: Uint8Array): Volume<F> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Omit<Volume<F>, 'voxels'> & {
    type: TypeName;
  };
  const start = 8 * Math.ceil((4 + length) / 8);
  const raw = bytes.slice(start);
  const voxels = new TYPES[header.type](raw.buffer) as VoxelArray;
  const { size, rescale, modality, patient, series, frameOfReferenceUid } = header;
  return volume({
    frame,
    voxels,
    size,
    rescale,
    modality,
    patient,
    series,
    frameFromIndex: Float64Array.from(header.frameFromIndex),
    ...(frameOfReferenceUid !== undefined && { frameOfReferenceUid }),
  });
}
