import { type Frame, frame, NavError, type Point, point } from '@trocar/core';
import { calibrateSpin, type SpinCalibration } from '../calibration/spin.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { bytesOf } from './files.js';
import { POSE_OPTIONS } from './pivot-command.js';
import { posesOf, type RecordedTool } from './poses.js';
import { number, type Report, rows3, table } from './report.js';

const text = { type: 'string' } as const;

export const SPIN_OPTIONS: OptionKinds = {
  ...POSE_OPTIONS,
  poses: text,
  tool: text,
  pivot: text,
  tip: text,
  robust: text,
};

const TRACKER: Frame<'tracker'> = frame('tracker');
const TOOL: Frame<'tool'> = frame('tool');

/** `trocar-register spin`. @throws NavError, UsageError */
export async function spinCommand(args: Arguments): Promise<Report> {
  const robust = args.choice('robust', ['none', 'huber']);
  const seed = args.number('seed', { whole: true });
  const tip = await tipOf(args);
  const recorded = await posesOf(args, { file: 'poses', tool: 'tool' }, TRACKER, TOOL);
  const result = calibrateSpin(recorded.list, {
    ...(robust !== undefined && { robust }),
    ...(seed !== undefined && { seed }),
    ...(tip !== undefined && { tip }),
  });
  return {
    outcome: result.outcome,
    findings: result.findings,
    warnings: recorded.notes,
    facts: factsOf(result, recorded),
    lines: linesOf(result, recorded),
  };
}

/** The tip in the marker's frame: `--tip x,y,z`, or `--pivot FILE` with what `trocar-register pivot --json` printed. */
async function tipOf(args: Arguments): Promise<Point<'tool'> | undefined> {
  const typed = args.text('tip');
  const path = args.text('pivot');
  if (typed !== undefined && path !== undefined) throw new UsageError('--tip and --pivot say the same thing; give one.');
  if (typed !== undefined) {
    const xyz = typed.split(',').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (xyz.length !== 3 || !xyz.every((x) => Number.isFinite(x))) throw new UsageError(`--tip is x,y,z in mm, not "${typed}".`);
    return point(TOOL, xyz);
  }
  if (path === undefined) return undefined;
  const tipMm = tipIn(new TextDecoder().decode(await bytesOf(path)));
  if (tipMm === undefined) {
    throw new NavError(
      'calibration/bad-option',
      `"${path}" has no "tipMm" of three numbers: it must hold what "pivot --json" printed.`,
      {
        detail: { path },
      },
    );
  }
  return point(TOOL, tipMm);
}

function tipIn(json: string): number[] | undefined {
  try {
    const tip = (JSON.parse(json) as { tipMm?: unknown } | null)?.tipMm;
    return Array.isArray(tip) && tip.length === 3 && tip.every((x) => typeof x === 'number' && Number.isFinite(x))
      ? tip
      : undefined;
  } catch {
    return undefined;
  }
}

type Result = SpinCalibration<'tracker', 'tool'>;

function factsOf(result: Result, { tool }: RecordedTool<'tracker', 'tool'>): Record<string, unknown> {
  const { counts } = result;
  return {
    tool,
    axis: result.axis,
    axisInTracker: result.axisInTracker,
    sign: result.sign,
    axis95Deg: result.axis95Deg,
    rmsDeg: result.rmsDeg,
    maxDeg: result.maxDeg,
    spinDeg: result.spinDeg,
    inliers: counts.inliers,
    poses: counts.given,
    used: result.usable.length,
    hidden: counts.hidden,
    repeated: counts.repeated,
    effective: counts.effective,
    outliers: result.usable.filter((k) => !result.inliers.includes(k)),
    axisCovariance: rows3(result.covariance),
  };
}

function linesOf(result: Result, { tool }: RecordedTool<'tracker', 'tool'>): string[] {
  const { counts } = result;
  const row = (name: string, v: ArrayLike<number>): string[] => [name, ...Array.from(v, (x) => number(x, 5))];
  return [
    `${tool}: ${counts.inliers} of ${counts.given} poses in the fit`,
    '',
    ...table([
      ['unit vector', 'x', 'y', 'z'],
      row('axis in the marker', result.axis),
      row('axis in the tracker', result.axisInTracker),
    ]),
    '',
    `Error of the axis   ${number(result.axis95Deg, 3)}° (95 % below)`,
    `Wobble              ${number(result.rmsDeg, 3)}° rms, ${number(result.maxDeg, 3)}° at most`,
    `Turned              through ${number(result.spinDeg, 0)}°`,
    result.sign === 'tip'
      ? 'The axis points from the marker towards the tip.'
      : 'Which end is the tip is unknown: say --pivot with what "pivot --json" printed, or --tip x,y,z.',
  ];
}
