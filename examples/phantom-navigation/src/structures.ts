import { headPhantom, type Phantom } from '@trocar/core/testing';
import { volume } from '@trocar/core/volume';
import { type Isosurface, isosurface } from '@trocar/core/vtk';
import { CT } from './frames.js';

/** The phantom's parts that are to be kept clear of, as the screen names them. */
const PARTS = [
  ['ventricles', 'Ventricles'],
  ['vessels', 'Vessels'],
] as const;
/** Edge h of the grid that a surface is made on, mm: off by h²/4R at the round end of a vessel of R = 2.2 mm, which is 0.17 mm. */
const STEP_MM = 1.2;
/** The grid reaches so far beyond a part, so that its surface is closed, mm. */
const MARGIN_MM = 4;
/** Edge of the grid that a part is looked for on, mm. */
const COARSE_MM = 4;

/**
 * The structures to avoid of the head phantom: its ventricles and its vessels. They stand where the anatomy has them, whatever
 * the seed of its image. Takes some tenths of a second.
 */
export function phantomStructures(): { readonly name: string; readonly mesh: Isosurface }[] {
  const phantom = headPhantom({ spacingMm: COARSE_MM, noise: 0 });
  return PARTS.map(([part, name]) => {
    const distance = (x: number, y: number, z: number): number => phantom.signedDistance(part, x, y, z);
    const label = phantom.labelNames.indexOf(part);
    return { name, mesh: surfaceOf(distance, boxOf(phantom, label)) };
  });
}

interface Box {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What holds all voxels of a label, in the image's frame, mm, with a margin. */
function boxOf({ volume: v, labels }: Phantom, label: number): Box {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  const [ni, nj] = v.size;
  const m = v.frameFromIndex;
  labels.forEach((found, n) => {
    if (found !== label) return;
    const index = [n % ni, Math.floor(n / ni) % nj, Math.floor(n / (ni * nj))];
    for (let k = 0; k < 3; k += 1) {
      const at = [0, 1, 2].reduce((sum, a) => sum + (m[4 * a + k] as number) * (index[a] as number), m[12 + k] as number);
      low[k] = Math.min(low[k] as number, at);
      high[k] = Math.max(high[k] as number, at);
    }
  });
  const margin = COARSE_MM + MARGIN_MM;
  return { low: low.map((v) => v - margin), high: high.map((v) => v + margin) };
}

/** Where a signed distance (mm, negative inside) is zero within a box. */
function surfaceOf(distance: (x: number, y: number, z: number) => number, { low, high }: Box): Isosurface {
  const size = [0, 1, 2].map((k) => Math.ceil(((high[k] as number) - (low[k] as number)) / STEP_MM) + 1);
  const [ni, nj, nk] = size as [number, number, number];
  const [x, y, z] = low as [number, number, number];
  const voxels = new Float32Array(ni * nj * nk);
  let n = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1) voxels[n++] = -distance(x + STEP_MM * i, y + STEP_MM * j, z + STEP_MM * k);
    }
  }
  const frameFromIndex = Float64Array.of(STEP_MM, 0, 0, 0, 0, STEP_MM, 0, 0, 0, 0, STEP_MM, 0, x, y, z, 1);
  return isosurface(volume({ frame: CT, voxels, size: [ni, nj, nk], frameFromIndex }), 0);
}
