import { type Frame, type Point, point } from '@trocar/core';
import { type AnyVolume, mesh, type Volume, type VoxelArray, volume } from '@trocar/core/volume';
import type { AblationCase, LabelRoles, Marked } from './case.js';
import { CT, POST } from './frames.js';
import type { PostCt } from './post-ct.js';

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

interface PackedCase {
  readonly roles: LabelRoles;
  readonly side: AblationCase['side'];
  readonly skin: { readonly positions: number[]; readonly triangles: number[] };
  readonly fiducials: readonly PackedMark[];
  readonly landmarks: readonly PackedMark[];
  readonly anatomy: readonly number[][];
  readonly warnings: readonly string[];
}

interface PackedMark {
  readonly at: number[];
  readonly normal: Marked['normal'];
}

/** A case as three files: images, labels, and what is marked on them. */
export function packCase(given: AblationCase): Uint8Array[] {
  const mark = ({ at, normal }: Marked): PackedMark => ({ at: Array.from(at.xyz), normal });
  const { roles, side, skin, warnings } = given;
  const rest: PackedCase = {
    roles,
    side,
    warnings,
    skin: { positions: Array.from(skin.positions), triangles: Array.from(skin.triangles) },
    fiducials: given.fiducials.map(mark),
    landmarks: given.landmarks.map(mark),
    anatomy: given.anatomy.map((p) => Array.from(p.xyz)),
  };
  return [packVolume(given.volume), packVolume(given.labels), json(rest)];
}

/** What {@link packCase} packed. */
export function unpackCase([images, labels, rest]: readonly Uint8Array[]): AblationCase {
  const given = parsed(rest) as PackedCase;
  const mark = ({ at, normal }: PackedMark): Marked => ({ at: point(CT, at), normal });
  const { positions, triangles } = given.skin;
  return {
    ...given,
    volume: unpackVolume(CT, images as Uint8Array),
    labels: unpackVolume(CT, labels as Uint8Array),
    skin: mesh({ frame: CT, positions: Float64Array.from(positions), triangles: Uint32Array.from(triangles) }),
    fiducials: given.fiducials.map(mark),
    landmarks: given.landmarks.map(mark),
    anatomy: given.anatomy.map((p) => point(CT, p)),
  };
}

/** A CT after the ablation as three files: images, the drawn necrosis, and the anatomy that was found in it. */
export function packPost({ volume: images, necrosis, anatomy }: PostCt): Uint8Array[] {
  return [packVolume(images), packVolume(necrosis), json(anatomy.map((p) => Array.from(p.xyz)))];
}

/** What {@link packPost} packed. */
export function unpackPost([images, necrosis, anatomy]: readonly Uint8Array[]): PostCt {
  return {
    volume: unpackVolume(POST, images as Uint8Array),
    necrosis: unpackVolume(POST, necrosis as Uint8Array),
    anatomy: (parsed(anatomy) as number[][]).map((p): Point<'post'> => point(POST, p)),
  };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parsed(bytes: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
