import { type Mesh, type SignedField, SignedMeshDistance } from '../../volume/index.js';
import { requireClosed } from './target.js';
import type { AblationZone } from './zone.js';

/**
 * A zone as it is seen in an image: necrosis after the procedure, by its closed, outward surface.
 * @throws NavError `ablation/bad-target` for a surface that is open
 */
export function surfaceZone<F extends string>(surface: Mesh<F>): AblationZone<F> {
  requireClosed(surface);
  const field = new SignedMeshDistance(surface);
  return { frame: surface.frame, errorMm: 0, distance: (p) => field.from(p) };
}

/**
 * A zone by a distance field that is there already, of a label map or of a dose: faster, and as exact as the field.
 * @param errorMm how far the field's values may be from the truth near the zone's boundary, mm: `interpolationErrorMm` of a DistanceField
 */
export function fieldZone<F extends string>(field: SignedField<F>, errorMm: number): AblationZone<F> {
  const [out, place] = [new Float64Array(3), new Float64Array(3)];
  return {
    frame: field.frame,
    errorMm,
    distance: (p) => {
      place.set([p[0] as number, p[1] as number, p[2] as number]);
      field.sampleInto(out, place);
      return out[0] as number;
    },
  };
}
