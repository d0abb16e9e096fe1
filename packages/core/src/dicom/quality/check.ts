import { NavError } from '../../base/index.js';
import { identity4, invert4, transformPoint } from '../../math/index.js';
import { type AnyVolume, SHEAR_LIMIT_DEGREES, shearDegrees, spacingOf, valueRange } from '../../volume/index.js';
import { type ContrastInput, contrastPhase } from './contrast.js';
import type { AcquisitionFacts } from './facts.js';
import { sliceMotion } from './motion.js';
import type { AcquisitionProtocol, Limit } from './protocol.js';

/** `unknown`: the protocol asks for it, and the images do not say. A person must find out. */
export type FindingVerdict = 'ok' | 'unknown' | 'caution' | 'unfit';

/** One thing that was looked at. */
export interface Finding {
  readonly check:
    | 'modality'
    | 'slice-spacing'
    | 'slice-thickness'
    | 'gap'
    | 'filled-gaps'
    | 'tilt'
    | 'pixel'
    | 'anisotropy'
    | 'matrix'
    | 'field-of-view'
    | 'motion'
    | 'saturation'
    | 'contrast'
    | 'age'
    | 'position'
    | 'compression';
  readonly verdict: FindingVerdict;
  /** A sentence for a person. */
  readonly message: string;
  /** What was measured, in the protocol's unit, where it is a number. */
  readonly measured?: number;
  readonly limit?: Limit;
}

/** The verdict on a series before anything is planned on it. */
export interface AcquisitionReport {
  readonly protocol: string;
  /** The worst finding; what is unknown counts as caution. */
  readonly verdict: 'ok' | 'caution' | 'unfit';
  readonly findings: readonly Finding[];
}

/** What is checked. */
export interface AcquisitionInput {
  /** Slices along k, as readVolume gives them, in LPS mm. */
  readonly volume: AnyVolume;
  readonly facts?: AcquisitionFacts;
  readonly protocol: AcquisitionProtocol;
  /** Target, entry, fiducials: LPS mm, in the volume's frame. */
  readonly points?: ReadonlyArray<{ readonly name: string; readonly position: ArrayLike<number> }>;
  /** Enhancement where labels are at hand; delay and agent are taken from the facts where they are left out. */
  readonly contrast?: ContrastInput;
  /** The day of the procedure, YYYYMMDD, from the caller's clock. */
  readonly today?: string;
}

/**
 * Looks at everything that a protocol asks of a series, and says what it found, one finding a check.
 * @throws NavError `dicom/bad-protocol` for limits that are none, a point that is not finite, or a day that is none
 */
export function checkAcquisition(input: AcquisitionInput): AcquisitionReport {
  requireProtocol(input.protocol);
  const findings = [
    ...geometry(input),
    ...fieldOfView(input),
    motion(input),
    saturation(input),
    ...contrast(input),
    age(input),
    ...position(input),
    compression(input),
  ];
  const worst = (v: FindingVerdict): boolean => findings.some((f) => f.verdict === v);
  const verdict = worst('unfit') ? 'unfit' : worst('caution') || worst('unknown') ? 'caution' : 'ok';
  return { protocol: input.protocol.name, verdict, findings };
}

function requireProtocol(p: AcquisitionProtocol): void {
  for (const [key, value] of Object.entries(p)) {
    if (typeof value !== 'object' || Array.isArray(value)) continue;
    const { caution, unfit } = value as Limit;
    const falling = key === 'matrix' || key === 'marginMm';
    if (
      Number.isFinite(caution) &&
      Number.isFinite(unfit) &&
      caution >= 0 &&
      unfit >= 0 &&
      (falling ? caution >= unfit : caution <= unfit)
    ) {
      continue;
    }
    throw new NavError(
      'dicom/bad-protocol',
      `The protocol "${p.name}" has a limit ${key} of caution ${caution} and unfit ${unfit}.`,
      {
        detail: { key, caution, unfit },
      },
    );
  }
}

const above = (x: number, { caution, unfit }: Limit): FindingVerdict => (x > unfit ? 'unfit' : x > caution ? 'caution' : 'ok');
const below = (x: number, { caution, unfit }: Limit): FindingVerdict => (x < unfit ? 'unfit' : x < caution ? 'caution' : 'ok');

function unknown(check: Finding['check'], what: string): Finding {
  return { check, verdict: 'unknown', message: `${what} is not known.` };
}

function geometry({ volume: v, facts, protocol: p }: AcquisitionInput): Finding[] {
  const [si, sj, sk] = spacingOf(v);
  const distance = sliceDistance(v);
  const pixel = Math.max(si, sj);
  const ratio = Math.max(si, sj, sk) / Math.min(si, sj, sk);
  const least = Math.min(v.size[0], v.size[1]);
  const degrees = shearDegrees(v);
  const filled = v.warnings.find((w) => w.code === 'gaps-filled');
  const found: Finding[] = [
    {
      check: 'modality',
      verdict: p.modalities.includes(v.modality) ? 'ok' : 'unfit',
      message: `The images are ${v.modality}; the protocol takes ${p.modalities.join(' or ')}.`,
    },
    number(
      'slice-spacing',
      distance,
      above(distance, p.sliceSpacingMm),
      p.sliceSpacingMm,
      `The slices are ${distance.toFixed(2)} mm apart.`,
    ),
    ...thickness(facts?.sliceThicknessMm, distance, p),
    number('pixel', pixel, above(pixel, p.pixelMm), p.pixelMm, `A pixel is ${si.toFixed(2)} × ${sj.toFixed(2)} mm.`),
    number(
      'anisotropy',
      ratio,
      above(ratio, p.anisotropy),
      p.anisotropy,
      `A voxel is ${ratio.toFixed(1)} times as long as wide.`,
    ),
    number('matrix', least, below(least, p.matrix), p.matrix, `A slice has ${v.size[0]} × ${v.size[1]} pixels.`),
    {
      check: 'tilt',
      verdict: degrees > SHEAR_LIMIT_DEGREES ? 'unfit' : v.warnings.some((w) => w.code === 'resampled') ? 'caution' : 'ok',
      measured: degrees,
      message:
        degrees > SHEAR_LIMIT_DEGREES
          ? `The gantry was tilted by ${degrees.toFixed(1)}°: resample the volume first.`
          : 'The slices are stacked straight.',
    },
  ];
  if (filled !== undefined) found.push({ check: 'filled-gaps', verdict: 'unfit', message: filled.message });
  return found;
}

function number(check: Finding['check'], measured: number, verdict: FindingVerdict, limit: Limit, message: string): Finding {
  return { check, verdict, message, measured, limit };
}

/** Between slices along their normal, mm: of a tilted stack less than the length of its step. */
function sliceDistance(v: AnyVolume): number {
  const m = v.frameFromIndex;
  const c = (n: number): [number, number, number] => [m[4 * n] as number, m[4 * n + 1] as number, m[4 * n + 2] as number];
  const [[ax, ay, az], [bx, by, bz], step] = [c(0), c(1), c(2)];
  const n = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
  return Math.abs(step.reduce((sum, x, r) => sum + x * (n[r] as number), 0)) / Math.hypot(...n);
}

function thickness(mm: number | undefined, spacing: number, p: AcquisitionProtocol): Finding[] {
  if (mm === undefined || !(mm > 0))
    return [unknown('slice-thickness', 'Slice Thickness (0018,0050)'), unknown('gap', 'Whether slices leave gaps')];
  const gap = spacing - mm;
  const how = gap > 0 ? `leave gaps of ${gap.toFixed(2)} mm` : gap < 0 ? `overlap by ${(-gap).toFixed(2)} mm` : 'touch';
  return [
    number('slice-thickness', mm, above(mm, p.sliceThicknessMm), p.sliceThicknessMm, `A slice is ${mm} mm thick.`),
    number('gap', gap, above(gap, p.gapMm), p.gapMm, `The slices ${how}.`),
  ];
}

function fieldOfView({ volume: v, points, protocol: p }: AcquisitionInput): Finding[] {
  if (points === undefined || points.length === 0)
    return [unknown('field-of-view', 'Whether target, entry and fiducials lie in the images')];
  const indexFromFrame = identity4();
  invert4(indexFromFrame, v.frameFromIndex);
  const spacing = spacingOf(v);
  return points.map(({ name, position }) => {
    if (position.length < 3 || ![0, 1, 2].every((r) => Number.isFinite(position[r]))) {
      throw new NavError('dicom/bad-protocol', `The point "${name}" has no finite position.`, { detail: { point: name } });
    }
    const at = transformPoint(new Float64Array(3), indexFromFrame, position);
    // The images end half a voxel beyond the centres of their outermost voxels.
    const margins = [0, 1, 2].map(
      (r) => Math.min((at[r] as number) + 0.5, v.size[r as 0] - 0.5 - (at[r] as number)) * (spacing[r] as number),
    );
    const margin = Math.min(...margins);
    const where =
      margin < 0
        ? `lies ${(-margin).toFixed(1)} mm outside the images`
        : `lies ${margin.toFixed(1)} mm inside the edge of the images`;
    return number('field-of-view', margin, below(margin, p.marginMm), p.marginMm, `"${name}" ${where}.`);
  });
}

function motion({ volume: v, protocol: p }: AcquisitionInput): Finding {
  const { largest, measured, jumps } = sliceMotion(v);
  if (largest === undefined || measured < jumps.length / 2)
    return unknown('motion', 'Whether the patient moved (the slices show too little)');
  const what = `The anatomy jumps by at most ${largest.sizeMm.toFixed(1)} mm, between slices ${largest.slice + 1} and ${largest.slice + 2}`;
  return number('motion', largest.sizeMm, above(largest.sizeMm, p.motionMm), p.motionMm, `${what}.`);
}

/** CT numbers end at 3071 HU with 12 bits; metal is above 3000 HU. Elsewhere the end of the scale is the largest value, if many share it. */
function saturation({ volume: v, protocol: p }: AcquisitionInput): Finding {
  const { slope, intercept } = v.rescale;
  const limit = v.modality === 'CT' ? 3000 : valueRange(v).max - Math.abs(slope) / 2;
  let count = 0;
  for (let n = 0; n < v.voxels.length; n += 1) if (slope * (v.voxels[n] as number) + intercept >= limit) count += 1;
  // One voxel is the largest in any picture.
  const share = (v.modality === 'CT' ? count : count - 1) / v.voxels.length;
  const what = v.modality === 'CT' ? 'are 3000 HU or more (metal)' : 'are at the end of the scale';
  return number(
    'saturation',
    share,
    above(share, p.saturatedShare),
    p.saturatedShare,
    `${(100 * share).toFixed(3)} % of the voxels ${what}.`,
  );
}

function contrast({ facts, contrast: given, protocol: p }: AcquisitionInput): Finding[] {
  if (p.phases.length === 0) return [];
  const input: ContrastInput = {
    ...(facts?.contrastDelayS !== undefined && { delayS: facts.contrastDelayS }),
    ...(facts?.contrastAgent !== undefined && { agent: facts.contrastAgent }),
    ...given,
  };
  const { phase, reason } = contrastPhase(input);
  if (phase === 'unknown')
    return [{ check: 'contrast', verdict: 'unknown', message: `The phase of contrast is not known: ${reason}.` }];
  const fits = p.phases.includes(phase);
  const message =
    `The phase of contrast is ${phase}: ${reason}. ${fits ? '' : `The protocol asks for ${p.phases.join(' or ')}.`}`.trim();
  return [{ check: 'contrast', verdict: fits ? 'ok' : 'caution', message }];
}

function age({ facts, today, protocol: p }: AcquisitionInput): Finding {
  if (today === undefined || facts?.studyDate === undefined) return unknown('age', 'How old the images are');
  const days = dayOf(today) - dayOf(facts.studyDate);
  if (Number.isNaN(dayOf(today)))
    throw new NavError('dicom/bad-protocol', `"${today}" is no day (YYYYMMDD).`, { detail: { today } });
  if (Number.isNaN(days)) return unknown('age', 'How old the images are');
  if (days < 0)
    return { check: 'age', verdict: 'caution', measured: days, message: 'The study is dated after today: a clock is wrong.' };
  return number('age', days, above(days, p.ageDays), p.ageDays, `The images are ${days} days old.`);
}

/** Days since 1970; NaN where the text is no day. */
function dayOf(text: string): number {
  const [y, m, d] = [Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6, 8))];
  const at = new Date(Date.UTC(y, m - 1, d));
  return /^\d{8}$/.test(text) && at.getUTCMonth() === m - 1 && at.getUTCDate() === d ? at.getTime() / 864e5 : Number.NaN;
}

function position({ volume: v, facts, protocol: p }: AcquisitionInput): Finding[] {
  if (p.positions.length === 0) return [];
  const found = facts?.patientPosition ?? v.series.patientPosition;
  if (found === undefined) return [unknown('position', 'Patient Position (0018,5100)')];
  const fits = p.positions.includes(found);
  return [
    {
      check: 'position',
      verdict: fits ? 'ok' : 'caution',
      message: `The patient lay ${found}${fits ? '' : `, not ${p.positions.join(' or ')}: organs lie otherwise`}.`,
    },
  ];
}

function compression({ volume: v, facts, protocol: p }: AcquisitionInput): Finding {
  const lossy = (facts?.lossy ?? false) || v.warnings.some((w) => w.code === 'lossy-compression');
  const message = lossy
    ? 'The images were compressed with loss: fine detail may be altered.'
    : 'The images were not compressed with loss, as far as they say.';
  return { check: 'compression', verdict: lossy ? p.lossy : 'ok', message };
}
