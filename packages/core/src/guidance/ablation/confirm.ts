import { NavError } from '../../base/index.js';
import { requireSameFrame, type Transform } from '../../frames/index.js';
import { rigidityError, transformPoint } from '../../math/index.js';
import { type Mesh, mesh, type Volume } from '../../volume/index.js';
import { type AblationCoverage, coverageProbability } from './coverage.js';
import { type MarginMap, marginMap } from './margin.js';
import { surfaceZone } from './surface-zone.js';
import { type AblationTarget, labelSurface } from './target.js';

/** What {@link confirmAblation} is told. */
export interface ConfirmationInit<Pre extends string, Post extends string> {
  /** The tumour, as drawn on the images before. */
  readonly target: AblationTarget<Pre>;
  /** The necrosis on the images after: its label map with the label, or its closed surface. */
  readonly necrosis: { readonly labels: Volume<Post>; readonly label: number } | Mesh<Post>;
  /** The registration of the two images, pre-from-post, as a person accepted it; undefined: there is none, which is refused. */
  readonly preFromPost: Transform<NoInfer<Pre>, NoInfer<Post>> | undefined;
  /** The margin asked for, mm. Default 5. */
  readonly marginMm?: number;
  /** As in CoverageOptions. */
  readonly shifts?: number;
  readonly seed?: number;
}

/** What images after a procedure say of it. */
export interface AblationConfirmation<in out Pre extends string> {
  /** On the tumour's surface, in the frame of the images before. */
  readonly map: MarginMap<Pre>;
  /** That all of the tumour lies in the necrosis; undefined where the registration's error is not known. */
  readonly complete: AblationCoverage | undefined;
  /** That all of it does with the margin asked for; undefined likewise. */
  readonly withMargin: AblationCoverage | undefined;
}

/**
 * The margins of the necrosis seen after a procedure about the tumour seen before it, and the probability that they cover it, given the error of the
 * registration between. Tissue shrinks when it is burnt: a rigid registration does not know it, and neither do these margins.
 * @throws NavError `ablation/unregistered` without a registration, `frame/mismatch`, `frame/not-rigid` where the registration scales or shears,
 *   `volume/sheared` for label maps with a gantry tilt, `ablation/bad-target` for a necrosis that is empty, open or cut off by the image
 */
export function confirmAblation<Pre extends string, Post extends string>(
  init: ConfirmationInit<Pre, Post>,
): AblationConfirmation<Pre> {
  const { target, necrosis, preFromPost, marginMm = 5, shifts = 16, seed = 1 } = init;
  if (preFromPost === undefined) {
    throw new NavError(
      'ablation/unregistered',
      `The images after the procedure are not registered to "${target.frame.name}": margins between them mean nothing. Register them first.`,
    );
  }
  const after = 'labels' in necrosis ? labelSurface(necrosis.labels, necrosis.label, 'necrosis') : necrosis;
  requireSameFrame(preFromPost.from, after.frame, 'Confirming an ablation');
  requireSameFrame(preFromPost.to, target.frame, 'Confirming an ablation');
  requireRigid(preFromPost);
  const zone = surfaceZone(carried(after, preFromPost));
  const { covariance, degreesOfFreedom } = preFromPost;
  const chance = (mm: number): AblationCoverage | undefined =>
    covariance &&
    coverageProbability(target, zone, {
      marginMm: mm,
      shared: { frame: target.frame, covariance, ...(degreesOfFreedom !== undefined && { degreesOfFreedom }) },
      shifts,
      seed,
    });
  return Object.freeze({ map: marginMap(target, zone), complete: chance(0), withMargin: chance(marginMm) });
}

/** A surface in the frame before. */
function carried<Pre extends string, Post extends string>(after: Mesh<Post>, by: Transform<Pre, Post>): Mesh<Pre> {
  const positions = Float64Array.from(after.positions);
  for (let n = 0; n < positions.length; n += 3) {
    const p = positions.subarray(n, n + 3);
    transformPoint(p, by.matrix, p);
  }
  return mesh({ frame: by.to, positions, triangles: after.triangles });
}

/** The types ask for a rigid motion; a file or a caller without types may bring another. */
function requireRigid(by: { readonly matrix: ArrayLike<number> }): void {
  const error = rigidityError(by.matrix);
  if (error > 1e-6) {
    throw new NavError(
      'frame/not-rigid',
      `The registration of the images after the procedure scales or shears (RᵀR is off by ${error.toPrecision(3)}). Register rigidly.`,
    );
  }
}
