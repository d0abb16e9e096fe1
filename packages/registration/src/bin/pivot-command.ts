import { type Frame, frame } from '@trocar/core';
import { calibratePivot, type PivotCalibration } from '../calibration/pivot.js';
import type { Arguments, OptionKinds } from './arguments.js';
import { posesOf, type RecordedTool } from './poses.js';
import { mm, number, type Report, rows3, table } from './report.js';

const text = { type: 'string' } as const;

/** The options of every command that reads recorded poses. */
export const POSE_OPTIONS: OptionKinds = {
  reference: text,
  device: text,
  unit: text,
  'time-unit': text,
  'accept-unknown': { type: 'boolean' },
  seed: text,
};

export const PIVOT_OPTIONS: OptionKinds = {
  ...POSE_OPTIONS,
  poses: text,
  tool: text,
  robust: text,
  'max-rms': text,
  'max-tip95': text,
};

const TRACKER: Frame<'tracker'> = frame('tracker');
const TOOL: Frame<'tool'> = frame('tool');

/** `trocar-register pivot`. @throws NavError, UsageError */
export async function pivotCommand(args: Arguments): Promise<Report> {
  const robust = args.choice('robust', ['none', 'huber']);
  const seed = args.number('seed', { whole: true });
  const maxRmsMm = args.number('max-rms', { above: 0 });
  const maxTip95Mm = args.number('max-tip95', { above: 0 });
  const recorded = await posesOf(args, { file: 'poses', tool: 'tool' }, TRACKER, TOOL);
  const result = calibratePivot(recorded.list, frame('tip'), {
    ...(robust !== undefined && { robust }),
    ...(seed !== undefined && { seed }),
    ...(maxRmsMm !== undefined && { maxRmsMm }),
    ...(maxTip95Mm !== undefined && { maxTip95Mm }),
  });
  return {
    outcome: result.outcome,
    findings: result.findings,
    warnings: recorded.notes,
    facts: factsOf(result, recorded),
    lines: linesOf(result, recorded),
  };
}

const degrees = (rad: number): number => (rad * 180) / Math.PI;

type Result = PivotCalibration<'tracker', 'tool', 'tip'>;

function factsOf(result: Result, { tool }: RecordedTool<'tracker', 'tool'>): Record<string, unknown> {
  const { counts, spread, noise } = result;
  return {
    tool,
    tipMm: result.tipMm,
    pivotMm: result.pivotMm,
    rmsMm: result.rmsMm,
    meanMm: result.meanMm,
    maxMm: result.maxMm,
    tip95Mm: result.tip95Mm,
    inliers: counts.inliers,
    poses: counts.given,
    used: result.usable.length,
    hidden: counts.hidden,
    repeated: counts.repeated,
    effective: counts.effective,
    outliers: result.usable.filter((k) => !result.inliers.includes(k)),
    coneDeg: degrees(spread.coneRad),
    spreadDeg: degrees(spread.widestRad),
    tipCovariance: rows3(result.tipCovariance),
    pivotCovariance: rows3(result.pivotCovariance),
    noise: { positionSdMm: noise.positionSdMm, rotationSdDeg: degrees(noise.rotationSdRad) },
  };
}

function linesOf(result: Result, { tool }: RecordedTool<'tracker', 'tool'>): string[] {
  const { counts, spread } = result;
  const row = (name: string, xyz: ArrayLike<number>): string[] => [name, ...Array.from(xyz, mm)];
  return [
    `${tool}: ${counts.inliers} of ${counts.given} poses in the fit (${counts.hidden} not seen, ${counts.repeated} repeated, ` +
      `${result.usable.length - counts.inliers} that disagree)`,
    '',
    ...table([['mm', 'x', 'y', 'z'], row('tip in the marker', result.tipMm), row('pivot in the tracker', result.pivotMm)]),
    '',
    `Error of the tip    ${mm(result.tip95Mm)} mm (95 % below)`,
    `Misfit              ${mm(result.rmsMm)} mm rms, ${mm(result.maxMm)} mm at most: how well poses agree, not how well the tip is known`,
    `Tilt                cone of ${number(degrees(spread.coneRad), 0)}° half-angle, up to ${number(degrees(spread.widestRad), 0)}° between poses`,
    'A pivot does not tell the direction of the shaft. Coordinates are the tracker’s: it has no patient axes, so nothing was converted.',
  ];
}
