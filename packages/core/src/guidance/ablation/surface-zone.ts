import { type DistanceField, distanceToMesh, type Mesh, type SignedField, SignedMeshDistance } from '../../volume/index.js';
import { boxOf, requireClosed } from './target.js';
import type { AblationZone } from './zone.js';

/**
 * A zone as it is seen in an image: necrosis after the procedure, by its closed, outward surface.
 * @throws NavError `ablation/bad-target` for a surface that is open
 */
export function surfaceZone<F extends string>(surface: Mesh<F>): AblationZone<F> {
  requireClosed(surface);
  const exact = new SignedMeshDistance(surface);
  let quick: DistanceField<F> | undefined;
  return {
    frame: surface.frame,
    errorMm: 0,
    distance: (p) => exact.from(p),
    contains: (p) => {
      quick ??= latticeOf(surface);
      return quick.at(p[0] as number, p[1] as number, p[2] as number) <= 0;
    },
  };
}

/** A distance lattice with forty steps along the zone, and little around it: outside only the sign is asked for. */
function latticeOf<F extends string>(surface: Mesh<F>): DistanceField<F> {
  const box = boxOf(surface);
  const side = Math.max(...[0, 1, 2].map((k) => (box[3 + k] as number) - (box[k] as number)));
  const spacingMm = Math.min(1.5, Math.max(0.4, side / 40));
  return distanceToMesh(surface, { spacingMm, reachMm: 2 * spacingMm });
}

/**
 * A zone by a distance field that is there already, of a label map or of a dose: faster, and as exact as the field.
 * @param errorMm how far the field's values may be from the truth near the zone's boundary, mm: `interpolationErrorMm` of a DistanceField
 */
export function fieldZone<F extends string>(field: SignedField<F>, errorMm: number): AblationZone<F> {
  const [out, place] = [new Float64Array(3), new Float64Array(3)];
  const distance = (p: ArrayLike<number>): number => {
    for (let k = 0; k < 3; k += 1) place[k] = p[k] as number;
    field.sampleInto(out, place);
    return out[0] as number;
  };
  return { frame: field.frame, errorMm, distance, contains: (p) => distance(p) <= 0 };
}
