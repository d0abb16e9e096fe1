import { type Volume, volume } from '@trocar/core/volume';
import { type Isosurface, isosurface } from '@trocar/core/vtk';
import type { Structure } from '../../suite/page/guide.js';
import { findBody } from '../../suite/src/skin.js';
import { CT } from '../src/frames.js';
import { phantomStructures } from '../src/structures.js';

/** What of an image the skin is made from: no identity goes along. */
export type SkinOrder = Pick<Volume<'ct'>, 'voxels' | 'size' | 'frameFromIndex' | 'rescale'> & { readonly modality?: string };

/** What is to be made: the skin of an image, or the structures to avoid of the phantom. */
export type SurfaceOrder = { readonly skin: SkinOrder } | { readonly structures: 'phantom' };

/** What was made, or why there is none. The skin is one surface that is called so. */
export type SurfaceAnswer = { readonly surfaces: readonly Structure[] } | { readonly failure: string };

const TRIANGLES = 40_000;

function skinOf(order: SkinOrder): Isosurface {
  const image = volume({ ...order, frame: CT });
  return isosurface(image, findBody(image).threshold, { maxTriangles: TRIANGLES, smooth: 1 });
}

addEventListener('message', ({ data }: MessageEvent<SurfaceOrder>) => {
  let answer: SurfaceAnswer;
  try {
    answer = { surfaces: 'skin' in data ? [{ name: 'skin', mesh: skinOf(data.skin) }] : phantomStructures() };
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) };
  }
  const surfaces = 'surfaces' in answer ? answer.surfaces : [];
  postMessage(answer, { transfer: surfaces.flatMap(({ mesh: m }) => [m.positions.buffer, m.normals.buffer, m.indices.buffer]) });
});
