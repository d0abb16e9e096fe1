import { isosurface, type Mesh, mesh, type Volume, volume } from '@trocar/core/volume';
import { CT } from './frames.js';

/** Edge of the grid that the skin is meshed on, mm: entries half a centimetre apart are near enough for a finger. */
const STEP_MM = 5;
/** Nearer to a face of the image than this no entry is offered: the body goes on behind it, mm. */
const BORDER_MM = 8;

/**
 * The skin as a surface, from a signed distance to the body (mm, negative inside) in the image's frame.
 * @throws NavError `mesh/empty` where the distance is nowhere zero within the image
 */
export function skinOf(image: Volume<'ct'>, distance: (x: number, y: number, z: number) => number): Mesh<'ct'> {
  const { low, high } = boxOf(image);
  const size = [0, 1, 2].map((k) => Math.ceil(((high[k] as number) - (low[k] as number)) / STEP_MM) + 1) as [
    number,
    number,
    number,
  ];
  const [x, y, z] = low as [number, number, number];
  const voxels = new Float32Array(size[0] * size[1] * size[2]);
  let n = 0;
  for (let k = 0; k < size[2]; k += 1) {
    for (let j = 0; j < size[1]; j += 1) {
      for (let i = 0; i < size[0]; i += 1) voxels[n++] = -distance(x + STEP_MM * i, y + STEP_MM * j, z + STEP_MM * k);
    }
  }
  const frameFromIndex = Float64Array.of(STEP_MM, 0, 0, 0, 0, STEP_MM, 0, 0, 0, 0, STEP_MM, 0, x, y, z, 1);
  return isosurface(volume({ frame: CT, voxels, size, frameFromIndex }), 0, { largestOnly: true });
}

/** A surface without what lies at the faces of the image: where the image ends there is no skin. */
export function openSkin(image: Volume<'ct'>, { positions, triangles }: Mesh<'ct'>): Mesh<'ct'> {
  const { low, high } = boxOf(image);
  const inside = (v: number): boolean =>
    [0, 1, 2].every((k) => {
      const at = positions[3 * v + k] as number;
      return at > (low[k] as number) + BORDER_MM && at < (high[k] as number) - BORDER_MM;
    });
  const number = new Map<number, number>();
  const [kept, faces]: [number[], number[]] = [[], []];
  for (let t = 0; t < triangles.length; t += 3) {
    const corners = [triangles[t], triangles[t + 1], triangles[t + 2]] as number[];
    if (!corners.every(inside)) continue;
    for (const v of corners) {
      let at = number.get(v);
      if (at === undefined) {
        at = number.size;
        number.set(v, at);
        kept.push(positions[3 * v] as number, positions[3 * v + 1] as number, positions[3 * v + 2] as number);
      }
      faces.push(at);
    }
  }
  return mesh({ frame: CT, positions: Float64Array.from(kept), triangles: Uint32Array.from(faces) });
}

/** The box of the voxels' centres, in the frame, mm. */
function boxOf({ frameFromIndex: m, size }: Volume<'ct'>): { readonly low: number[]; readonly high: number[] } {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let c = 0; c < 8; c += 1) {
    const index = [0, 1, 2].map((k) => ((c >> k) & 1) * ((size[k] as number) - 1));
    for (let r = 0; r < 3; r += 1) {
      const at = index.reduce((sum, v, a) => sum + v * (m[4 * a + r] as number), m[12 + r] as number);
      low[r] = Math.min(low[r] as number, at);
      high[r] = Math.max(high[r] as number, at);
    }
  }
  return { low, high };
}
