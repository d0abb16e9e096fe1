import { chiSquareTail, twoSidedZ } from '@trocar/core/math';
import type { Finding } from '../outcome.js';
import { CERTAIN_ROTATION_SD } from './checks.js';
import type { Estimate } from './estimate.js';
import type { PointResidual } from './residuals.js';

/**
 * Something about a registration that a person must look at before accepting it.
 *
 * `poor-fit`: all residuals together are larger than the known noise allows (χ² test, p < 0.001);
 * `outlier`: one pair disagrees with all others (probability below 0.001, corrected for the number of pairs);
 * `no-consensus`: the robust fit rests on no more than half of the pairs;
 * `scale`: one side is larger than the other by 0.4 % or more (probability below 0.001; below 0.0001 it is refused);
 * `uncertain-rotation`: the points spread so little for their noise that the rotation about one axis has a standard
 * deviation above 0.1 rad (5.7°); the expected errors are then only good to about 15 %;
 * `not-converged`: the iteration for anisotropic noise did not settle.
 */
export type RegistrationFinding = Finding<
  'poor-fit' | 'outlier' | 'no-consensus' | 'scale' | 'uncertain-rotation' | 'not-converged'
>;

/** The χ² test of the residuals against a known noise level. */
export interface FitHealth {
  readonly chiSquare: number;
  readonly degreesOfFreedom: number;
  readonly pValue: number;
}

/** False alarms per registration that one test may raise. */
export const ALARM = 0.001;

/** N · FRE² / σ² is χ² with 3N − 6 degrees of freedom; other weights than the noise's own are matched in the mean. */
export function healthOf(estimate: Pick<Estimate, 'chiSquare' | 'freedom'>): FitHealth {
  const { chiSquare, freedom } = estimate;
  return { chiSquare, degreesOfFreedom: freedom, pValue: chiSquareTail(chiSquare, freedom) };
}

/** The pair in use that disagrees most with the others, where that is significant. */
export function suspectOf(residuals: readonly PointResidual[]): number | undefined {
  const used = residuals.filter((r) => r.inlier).length;
  const limit = twoSidedZ(ALARM / used);
  let worst: number | undefined;
  residuals.forEach((r, k) => {
    if (r.inlier && r.zScore > Math.max(limit, worst === undefined ? 0 : (residuals[worst] as PointResidual).zScore)) worst = k;
  });
  return worst;
}

/** What the residuals and the pose's uncertainty say. */
export function findingsOf(
  residuals: readonly PointResidual[],
  health: FitHealth | undefined,
  estimate: Pick<Estimate, 'converged'>,
  rotationSdRad: number,
): RegistrationFinding[] {
  const findings: RegistrationFinding[] = [];
  if (health !== undefined && health.pValue < ALARM) {
    findings.push({
      code: 'poor-fit',
      message:
        `The residuals are larger than the stated localisation error allows (χ² ${health.chiSquare.toFixed(1)} with ` +
        `${health.degreesOfFreedom} degrees of freedom). Look for a moved or wrongly touched fiducial, or correct the stated error.`,
    });
  }
  const suspect = suspectOf(residuals);
  if (suspect !== undefined) findings.push(outlier(suspect, residuals[suspect] as PointResidual));
  if (rotationSdRad > CERTAIN_ROTATION_SD) {
    findings.push({
      code: 'uncertain-rotation',
      message:
        `The rotation about one axis is only known to ±${((rotationSdRad * 180) / Math.PI).toFixed(1)}° for this layout and ` +
        'localisation error. Add a point well away from the others.',
    });
  }
  if (!estimate.converged) {
    findings.push({ code: 'not-converged', message: 'The fit with anisotropic errors did not settle. Check the covariances.' });
  }
  return findings;
}

function outlier(index: number, r: PointResidual): RegistrationFinding {
  return {
    code: 'outlier',
    index,
    message:
      `Point ${index + 1} (counting from 1) lies ${r.leaveOneOutMm.toFixed(1)} mm from where the others put it, where ` +
      `${r.leaveOneOutExpectedMm.toFixed(1)} mm is usual. Touch it again, or leave it out.`,
  };
}
