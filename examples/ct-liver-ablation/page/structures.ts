import { volume } from '@trocar/core/volume';
import { decimationReady, type Isosurface, isosurface } from '@trocar/core/vtk';
import type { Structure } from '../../suite/page/guide.js';
import type { AblationCase } from '../src/case.js';
import { CT } from '../src/frames.js';
import { targetOf } from '../src/label-fields.js';

/** So far around the tumour structures are drawn, mm. */
const AROUND_MM = 75;
/** So far a thinned surface may lie from that of the label map, mm: well within a voxel. In software each triangle costs microseconds a frame. */
const MOST_ERROR_MM = 0.5;

/**
 * What must not be touched, as surfaces about the tumour, from the label map. They are cut off where they leave the box about the tumour,
 * and closed there: distances near that cut are too small, never too large.
 */
export async function structuresOf({ labels, roles }: AblationCase): Promise<Structure[]> {
  await decimationReady();
  const { surface } = targetOf(labels, roles.tumour);
  const centre = [0, 1, 2].map((k) => {
    let [low, high] = [Infinity, -Infinity];
    for (let n = k; n < surface.positions.length; n += 3) {
      low = Math.min(low, surface.positions[n] as number);
      high = Math.max(high, surface.positions[n] as number);
    }
    return (low + high) / 2;
  });
  return roles.avoid.flatMap(({ name, label }) => {
    const mesh = surfaceOf(labels, label, centre);
    return mesh === undefined ? [] : [{ name, mesh, errorMm: mesh.errorMm }];
  });
}

/** The closed surface of a label within the box; undefined where nothing of it is in there. */
function surfaceOf(labels: AblationCase['labels'], label: number, centre: readonly number[]): Isosurface | undefined {
  const { frameFromIndex: m, size, voxels } = labels;
  const [ni, nj, nk] = size;
  const mask = new Float32Array(voxels.length);
  let any = false;
  for (let k = 1, n = ni * nj; k < nk - 1; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, n += 1) {
        if (voxels[n] !== label || i === 0 || j === 0 || i === ni - 1 || j === nj - 1) continue;
        const near = [0, 1, 2].every((r) => {
          const at = (m[r] as number) * i + (m[4 + r] as number) * j + (m[8 + r] as number) * k + (m[12 + r] as number);
          return Math.abs(at - (centre[r] as number)) < AROUND_MM;
        });
        if (!near) continue;
        mask[n] = 1;
        any = true;
      }
    }
  }
  if (!any) return undefined;
  return isosurface(volume({ frame: CT, voxels: mask, size, frameFromIndex: m }), 0.5, {
    smooth: 1,
    decimation: { toErrorMm: MOST_ERROR_MM },
  });
}
