import type { Finding } from '../outcome.js';
import type { DeformationShape } from './deformation-checks.js';
import type { Agreement } from './metric.js';

/**
 * Something about an image registration that a person must look at before accepting it.
 *
 * `not-better`: the images do not agree better than at the start; `little-overlap`: under a quarter of the fixed image
 * lies on the moving one; `reduced`: the images were made coarser to fit into memory.
 *
 * Of deformations only: `no-better-than-linear`: they agree hardly better than under its rigid or affine start, as they
 * also may where nothing is deformed: take the linear result; `folds`: somewhere the map is not one to one; `implausible`:
 * it squeezes or swells something to less than a third or more than three times its volume, or moves something farther
 * than `plausibleMm`.
 */
export type ImageFinding = Finding<
  'not-better' | 'little-overlap' | 'reduced' | 'no-better-than-linear' | 'folds' | 'implausible'
>;

/** What a deformation is judged by, beside its agreement. */
export interface DeformationEvidence {
  /** Agreement under its linear start alone. */
  readonly linear: Agreement;
  readonly shape: DeformationShape;
  /** How far tissue may have moved beyond the linear start, mm. */
  readonly plausibleMm: number;
}

/** Less than this share of the fixed image on the moving one fails, and where elastix itself gives up. */
const LEAST_OVERLAP = 0.25;

/** What must be said of any result. `reduced`: the images were made coarser. */
export function findingsOf(before: Agreement, after: Agreement, reduced: boolean): ImageFinding[] {
  const findings: ImageFinding[] = [];
  if (!(after.mutualInformation >= before.mutualInformation - 1e-3)) {
    findings.push({
      code: 'not-better',
      message: `The images agree no better than at the start (mutual information ${change(before, after)}).`,
    });
  }
  if (after.overlap < LEAST_OVERLAP) {
    findings.push({
      code: 'little-overlap',
      message: `Only ${(100 * after.overlap).toFixed(0)} % of the fixed image lies on the moving one.`,
    });
  }
  if (reduced) findings.push({ code: 'reduced', message: 'The images were made coarser to fit into memory.' });
  return findings;
}

/**
 * A map that bends freely gains by following noise: up to 4 % of mutual information, 2 mm from the truth, on phantoms that
 * are not deformed at all. Phantoms deformed by 2 mm and more on average gained 8 % to 35 % where the B-spline was
 * better than affine, and 2 % to 4 % where it was not (flat organs).
 */
const LEAST_GAIN = 0.05;

/** Volume ratios that no tissue passes but lung, bladder and a resection. */
const MOST_SWELLING = 3;

/** What must be said of a deformation besides. */
export function deformationFindings(after: Agreement, evidence: DeformationEvidence): ImageFinding[] {
  const { linear, shape, plausibleMm } = evidence;
  const findings: ImageFinding[] = [];
  if (!(after.mutualInformation >= linear.mutualInformation * (1 + LEAST_GAIN))) {
    findings.push({
      code: 'no-better-than-linear',
      message:
        `The images agree hardly better than under the deformation's linear start (mutual information ` +
        `${change(linear, after)}): nothing proves that anything is deformed. Take the linear result.`,
    });
  }
  if (shape.foldedShare > 0) {
    findings.push({
      code: 'folds',
      message: `The deformation folds in ${(100 * shape.foldedShare).toFixed(1)} % of the places looked at. Use a wider grid.`,
    });
  }
  const { leastVolumeRatio: least, greatestVolumeRatio: greatest, largestMm } = shape;
  if (!(least * MOST_SWELLING >= 1 && greatest <= MOST_SWELLING)) {
    findings.push({
      code: 'implausible',
      message: `Somewhere the deformation changes volume to ${least.toFixed(2)} or ${greatest.toFixed(2)} of what it was.`,
    });
  }
  if (!(largestMm <= plausibleMm)) {
    findings.push({
      code: 'implausible',
      message: `The deformation moves something by ${largestMm.toFixed(1)} mm; ${plausibleMm} mm were called plausible.`,
    });
  }
  return findings;
}

function change(from: Agreement, to: Agreement): string {
  return `${from.mutualInformation.toFixed(3)} → ${to.mutualInformation.toFixed(3)}`;
}
