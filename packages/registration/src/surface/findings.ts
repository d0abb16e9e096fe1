import { chiSquareTail } from '@trocar/core/math';
import type { Finding, ResultOutcome } from '../outcome.js';
import { at } from '../points/rigid-fit.js';
import type { Fit } from './fit.js';
import type { Structure } from './mistakes.js';
import type { SurfaceUncertainty } from './uncertainty.js';
import { describeMotion, type FreeMotion } from './words.js';

/**
 * Something about a surface registration that a person must look at before accepting it.
 *
 * `registration/ambiguous`: a different pose explains the points about as well;
 * `registration/slippage`: the surface's shape under the points leaves a motion free (it names which);
 * `registration/no-overlap`: most of the points lie off the surface, or all are too far from it;
 * `registration/scale`: the points are significantly larger or smaller than the surface;
 * `poor-fit`: the residuals are larger than the known noise allows;
 * `misfit`: neighbouring points err alike: the surface is not the one touched, or the pose is wrong;
 * `not-converged`: the iteration did not settle.
 */
export type SurfaceRegistrationFinding = Finding<
  | 'registration/ambiguous'
  | 'registration/slippage'
  | 'registration/no-overlap'
  | 'registration/scale'
  | 'poor-fit'
  | 'misfit'
  | 'not-converged'
>;

/** What is judged. */
export interface Checked {
  readonly fit: Fit;
  readonly uncertainty: SurfaceUncertainty;
  readonly structure: Structure;
  readonly weakest: FreeMotion;
  readonly overlap: number;
  readonly rmsMm: number;
  readonly known: number | undefined;
  /** The noise level above which it is no registration, mm. */
  readonly limit: number;
  /** Whether the fit is bad enough to look for gross mistakes everywhere. */
  readonly suspect: boolean;
}

/** A rival within this many standard deviations of sampling noise cannot be told from the answer. */
const LEAST_GAP = 3.5;

/** Information per point below which a motion counts as free. */
const FREE = 1e-3;

/** A motion less certain than this (one standard deviation, mm at the cloud's edge) is free, however many points say so. */
const MOST_SD_MM = 2;

/** Significance of the tests: once in a thousand where all is well. */
const ALARM_Z = 3.29;

/** A smaller size error is within what segmentation does to a surface. */
const LEAST_SCALE = 0.005;

/** All findings about a fit. */
export function findingsOf(
  checked: Checked,
  rivals: readonly { readonly gap: number; readonly sigmaMm: number }[],
): SurfaceRegistrationFinding[] {
  return [...rivalFindings(rivals), ...slippageFindings(checked), ...fitFindings(checked), ...scaleFindings(checked)];
}

/** `failed` for what speaks against the pose, `ambiguous` where another would do as well. */
export function outcomeOf(findings: readonly SurfaceRegistrationFinding[]): ResultOutcome {
  const codes = new Set(findings.map((f) => f.code));
  const unsure = [...codes].every((code) => code === 'registration/ambiguous' || code === 'registration/slippage');
  if (codes.size === 0) return 'ok';
  return unsure ? 'ambiguous' : 'failed';
}

function rivalFindings(rivals: readonly { readonly gap: number; readonly sigmaMm: number }[]): SurfaceRegistrationFinding[] {
  const near = rivals.filter((r) => r.gap < LEAST_GAP);
  if (near.length === 0) return [];
  const least = Math.min(...near.map((r) => r.gap));
  return [
    {
      code: 'registration/ambiguous',
      message:
        `${near.length === 1 ? 'Another pose explains' : `${near.length} other poses explain`} the points about as well ` +
        `(${least.toFixed(1)} standard deviations apart; ${LEAST_GAP} are needed). Touch more of the surface, above all where its shape changes.`,
    },
  ];
}

function freeMotions({ uncertainty }: Checked): number {
  return uncertainty.stiffness.filter((s, k) => s < FREE || at(uncertainty.motionSdMm, k) > MOST_SD_MM).length;
}

function slippageFindings(checked: Checked): SurfaceRegistrationFinding[] {
  const { weakest } = checked;
  const free = freeMotions(checked);
  if (free === 0) return [];
  const sd = weakest.sdMm > 100 ? 'freely' : `by ± ${weakest.sdMm.toPrecision(2)} mm (standard deviation)`;
  return [
    {
      code: 'registration/slippage',
      message:
        `The points do not hold the surface: it ${describeMotion(weakest)} ${sd}` +
        `${free > 1 ? `, and moves in ${free - 1} more ways` : ''}. Touch places whose shape stops it.`,
    },
  ];
}

function fitFindings(checked: Checked): SurfaceRegistrationFinding[] {
  const { fit, overlap, rmsMm, limit, known, uncertainty, structure } = checked;
  const findings: SurfaceRegistrationFinding[] = [];
  if (overlap < 0.5 || rmsMm > limit) {
    findings.push({
      code: 'registration/no-overlap',
      message:
        `${(100 * overlap).toFixed(0)} % of the points lie on the surface, ${rmsMm.toPrecision(2)} mm (rms) off it: they were not touched on ` +
        'this surface, or the pose is wrong. Check the surface, and try without a start.',
    });
  }
  if (known !== undefined) {
    const free = Math.max(1, uncertainty.inliers - 6);
    const p = chiSquareTail(free * (rmsMm / known) ** 2 * (uncertainty.inliers / free), free);
    if (p < 0.001 && rmsMm > 1.15 * known) {
      findings.push({
        code: 'poor-fit',
        message: `The points are ${rmsMm.toPrecision(2)} mm (rms) off the surface, more than their noise of ${known.toPrecision(2)} mm allows.`,
      });
    }
  }
  if (structure.correlation > 0.4 && structure.z > 5) {
    findings.push({
      code: 'misfit',
      message:
        `Neighbouring points are off the surface alike (correlation ${structure.correlation.toFixed(2)}), as noise never is: the surface has ` +
        'changed, is another, or the pose is wrong. Look at the residuals on the surface.',
    });
  }
  // Along a free motion there is no place to rest at: that is said by name.
  if (!fit.converged && freeMotions(checked) === 0) {
    findings.push({ code: 'not-converged', message: 'The fit did not come to rest. Touch more points, or give a better start.' });
  }
  return findings;
}

function scaleFindings({ uncertainty }: Checked): SurfaceRegistrationFinding[] {
  const { error, sd } = uncertainty.scale;
  if (!(Math.abs(error) > LEAST_SCALE && Math.abs(error) > ALARM_Z * sd)) return [];
  return [
    {
      code: 'registration/scale',
      message:
        `The points are ${(100 * Math.abs(error)).toFixed(1)} ± ${(100 * sd).toFixed(1)} % ${error > 0 ? 'larger' : 'smaller'} than the surface. ` +
        'Check the voxel size of the image, the threshold of the surface and the tip of the pointer.',
    },
  ];
}
