import { type Point, point } from '@trocar/core';
import { mesh } from '@trocar/core/volume';
import { packVolume, unpackVolume } from '../../suite/src/volume-bytes.js';
import type { AblationCase, LabelRoles, Marked } from './case.js';
import { CT, POST } from './frames.js';
import type { PostCt } from './post-ct.js';

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
