import { type Volume, volume } from '@trocar/core/volume';
import { type Isosurface, isosurface } from '@trocar/core/vtk';
import { CT } from '../src/frames.js';
import { findBody } from '../src/skin.js';

/** What of an image the skin is made from: no identity goes along. */
export type SkinOrder = Pick<Volume<'ct'>, 'voxels' | 'size' | 'frameFromIndex' | 'rescale'> & { readonly modality?: string };

/** The skin, or why there is none. */
export type SkinAnswer = { readonly mesh: Isosurface } | { readonly failure: string };

const TRIANGLES = 40_000;

function skinOf(order: SkinOrder): Isosurface {
  const image = volume({ ...order, frame: CT });
  return isosurface(image, findBody(image).threshold, { maxTriangles: TRIANGLES, smooth: 1 });
}

addEventListener('message', ({ data }: MessageEvent<SkinOrder>) => {
  let answer: SkinAnswer;
  try {
    answer = { mesh: skinOf(data) };
  } catch (error) {
    answer = { failure: error instanceof Error ? error.message : String(error) };
  }
  const parts = 'mesh' in answer ? [answer.mesh.positions, answer.mesh.normals, answer.mesh.indices] : [];
  postMessage(answer, { transfer: parts.map((part) => part.buffer) });
});
