import { type AffineTransform, affineTransform, NavError, type Point, requireSameFrame } from '@trocar/core';
import { determinant3, identity4, multiply4 } from '@trocar/core/math';
import { requireNoShear, type Volume } from '@trocar/core/volume';
import { Breath } from '../intensity/breath.js';
import type { ResultOutcome } from '../outcome.js';
import { inverseDeformation } from './compose.js';
import type { Deformation } from './deformation.js';
import { confidenceOf } from './dense/confidence.js';
import { type Deformed, deform } from './dense/deform.js';
import { expectedErrorAt } from './dense/error-map.js';
import { type DeformableEvidence, type DeformableFinding, verdictOf } from './dense/judge.js';
import { type DenseMetric, sceneOf } from './dense/scene.js';
import { type SplineDeformation, splineDeformation } from './displacement-grid.js';

/** How to register deformably. */
export interface DeformableOptions<F extends string, M extends string> {
  /**
   * Where to start: moving from fixed, rigid or affine, right to a few millimetres (the result of `registerVolumes` or
   * `registerToUltrasound`). A rigid correction is found first. Default: both share their coordinates.
   */
  readonly initial?: AffineTransform<M, F>;
  /**
   * `lc2`, the default: how well a local mixture of the moving images' intensities and edges explains the fixed one (Wein 2013).
   * `mind`: descriptors of each image's own structure (MIND-SSC, Heinrich 2013); hardly any use for ultrasound.
   */
  readonly metric?: DenseMetric;
  /** Only what lies where these are above 0 counts: the image's own frame, any grid. Elsewhere stiffness carries the map. */
  readonly fixedMask?: Volume<F>;
  readonly movingMask?: Volume<M>;
  /** How far tissue may have moved beyond the rigid motion, mm: more is called failed. Default 20. */
  readonly maxDisplacementMm?: number;
  /** Stops it within a few tenths of a second. */
  readonly signal?: AbortSignal;
  /** Called with the fraction done, 0 … 1. */
  readonly progress?: (fraction: number) => void;
}

/** A deformable registration. */
export interface DeformableRegistration<F extends string, M extends string> {
  /**
   * `ok`: the deformation explains blocks held out better than the rigid motion, or, with the finding `no-deformation`, nothing
   * but the rigid motion could be shown. `failed`: a finding says what does not hold; with `not-alike` the map is rigid.
   */
  readonly outcome: ResultOutcome;
  readonly findings: readonly DeformableFinding[];
  /**
   * Probability that the map is right, 0 … 1: off by at most 1 mm in the mean over the body, and, where it is deformed, by no more
   * than its rigid part. Logistic in the evidence, with weights set by hand and held against few phantoms with `lc2`, none with `mind`: 13 of
   * 15 maps told 0.95 and more were right (docs/deformable.md). Read `outcome` first.
   */
  readonly confidence: number;
  /** Where a place of the fixed image lies in the moving one. */
  readonly movingFromFixed: SplineDeformation<M, F>;
  /** Its inverse, by Newton's method to 1e-6 mm at every place: the two are consistent by construction. */
  readonly fixedFromMoving: Deformation<F, M>;
  /** The rigid or affine part: the start with its rigid correction. */
  readonly rigid: AffineTransform<M, F>;
  /** Whether the images' deformation is in the map; else it is `rigid`. */
  readonly deformed: boolean;
  /** Least and greatest local volume against the rigid part's (det J > 0: no folds), and the largest displacement, mm. */
  readonly shape: { readonly leastVolumeRatio: number; readonly greatestVolumeRatio: number; readonly largestMm: number };
  readonly evidence: DeformableEvidence;
  readonly metric: DenseMetric;
  /**
   * Root mean square error to expect at a place of the fixed image where the deformation is kept, mm: from how far halves of the
   * images disagree around it, held against phantoms. NaN where the fixed image shows nothing. It holds where `outcome` is `ok`.
   * @throws NavError `frame/mismatch`
   */
  expectedError(place: Point<F>): number;
  readonly seconds: number;
}

/**
 * Registers images of one body that has changed its shape: brain shift, a resection, breathing. Displacements on cubic B-splines
 * (control points every four cubes of 0.8 mm or more), coarse to fine, by Gauss–Newton with exact slopes, against bending
 * and change of volume; a bounded loss lets go of what has been cut out. The result never folds: det J is looked at twice per
 * control point along each axis, and the map made stiffer where tissue would vanish. It is held against the rigid motion on blocks
 * that had no say in it, and is not returned where it is no better there. No random numbers: the same input gives the same result.
 * @param moving one image, or several in one frame that explain the fixed one together
 * @throws NavError `frame/mismatch`, `registration/bad-option`, `volume/sheared`, `registration/no-overlap`,
 * `registration/failed` (an image that shows nothing), `registration/aborted`
 */
export async function registerDeformable<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M> | readonly Volume<M>[],
  options: DeformableOptions<F, M> = {},
): Promise<DeformableRegistration<F, M>> {
  const started = performance.now();
  const movingImages = 'voxels' in moving ? [moving] : moving;
  const first = requireInput(fixed, movingImages, options);
  const { initial, fixedMask, movingMask, maxDisplacementMm = 20 } = options;
  const metric = options.metric ?? 'lc2';
  const start = initial?.matrix ?? identity4();
  const breath = new Breath(options.signal);
  const breathe = async (share: number): Promise<void> => {
    options.progress?.(share);
    await breath.take();
  };
  await breathe(0);
  const scene = sceneOf({ fixed, moving: movingImages, initial: start, metric, fixedMask, movingMask });
  const found = await deform(scene, breathe);
  const evidence = evidenceIn(found);
  const confidence = confidenceOf(evidence);
  const verdict = verdictOf(found, { maxDisplacementMm, finestMm: scene.finestMm, confidence });
  options.progress?.(1);
  return {
    ...assembled(fixed, first, start, found, verdict.keep, metric),
    outcome: verdict.outcome,
    findings: verdict.findings,
    confidence,
    evidence,
    metric,
    expectedError(place) {
      requireSameFrame(fixed.frame, place.frame, 'Predicting the error of a deformation');
      return expectedErrorAt(found.disagreement, place.xyz);
    },
    seconds: (performance.now() - started) / 1000,
  };
}

function evidenceIn({ heldOut, distinct, halvesApartMm, explained, information }: Deformed): DeformableEvidence {
  return { heldOut, distinct, halvesApartMm, explained, information };
}

function assembled<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: Volume<M>,
  start: ArrayLike<number>,
  { rigid, displacements, volume }: Deformed,
  keep: boolean,
  metric: DenseMetric,
): Pick<DeformableRegistration<F, M>, 'movingFromFixed' | 'fixedFromMoving' | 'rigid' | 'deformed' | 'shape'> {
  const linear = multiply4(identity4(), start, rigid);
  const provenance = { method: `dense-${metric}` };
  const coefficients = keep ? displacements.coefficients : new Float32Array(displacements.coefficients.length);
  const { gridFrameFromIndex, gridSize } = displacements;
  const movingFromFixed = splineDeformation(moving.frame, fixed.frame, {
    initial: linear,
    gridFrameFromIndex,
    gridSize,
    coefficients,
    provenance,
  });
  const shape = keep
    ? { leastVolumeRatio: volume.least, greatestVolumeRatio: volume.greatest, largestMm: volume.largestMm }
    : { leastVolumeRatio: 1, greatestVolumeRatio: 1, largestMm: 0 };
  return {
    movingFromFixed,
    fixedFromMoving: inverseDeformation(movingFromFixed),
    rigid: affineTransform(moving.frame, fixed.frame, linear, { method: `dense-${metric}-rigid` }),
    deformed: keep,
    shape,
  };
}

function requireInput<F extends string, M extends string>(
  fixed: Volume<F>,
  moving: readonly Volume<M>[],
  { initial, fixedMask, movingMask, maxDisplacementMm = 20, metric }: DeformableOptions<F, M>,
): Volume<M> {
  const first = moving[0];
  if (first === undefined) throw new NavError('registration/bad-option', 'A deformable registration needs a moving image.');
  for (const v of moving) requireSameFrame(first.frame, v.frame, 'Registering several images at once');
  for (const v of [fixed, ...moving]) requireNoShear(v, 'A deformable registration');
  if (initial !== undefined) {
    requireSameFrame(first.frame, initial.to, 'The initial transform');
    requireSameFrame(fixed.frame, initial.from, 'The initial transform');
    if (!(determinant3(initial.matrix) > 0)) {
      throw new NavError(
        'registration/bad-option',
        'The initial transform mirrors: a body cannot be registered to its mirror image.',
      );
    }
  }
  if (fixedMask !== undefined) requireSameFrame(fixed.frame, fixedMask.frame, 'The fixed mask');
  if (movingMask !== undefined) requireSameFrame(first.frame, movingMask.frame, 'The moving mask');
  if (!(maxDisplacementMm > 0 && maxDisplacementMm <= 60)) {
    throw new NavError('registration/bad-option', `maxDisplacementMm must be above 0 and at most 60, got ${maxDisplacementMm}.`, {
      detail: { maxDisplacementMm },
    });
  }
  if (metric !== undefined && metric !== 'mind' && metric !== 'lc2') {
    throw new NavError('registration/bad-option', `metric must be mind or lc2, got ${String(metric)}.`);
  }
  return first;
}
