import { frame, invert, type Transform } from '@trocar/core';
import { calibrateHandEye, calibrateRobotWorld } from '../calibration/hand-eye.js';
import type { HandEyeCalibration } from '../calibration/hand-eye-result.js';
import { estimateTimeOffset, pairInTime } from '../calibration/hand-eye-time.js';
import type { AnyPoseList, PoseList } from '../calibration/poses.js';
import { type Arguments, type OptionKinds, UsageError } from './arguments.js';
import { POSE_OPTIONS } from './pivot-command.js';
import { posesOf } from './poses.js';
import { matrixLines, mm, type Note, number, type Report, rowsOf } from './report.js';

const text = { type: 'string' } as const;

// A reference belongs to one recording of one tracker; these are two.
const { reference: _, ...OPTIONS } = POSE_OPTIONS;

export const HAND_EYE_OPTIONS: OptionKinds = {
  ...OPTIONS,
  hand: text,
  eye: text,
  'hand-tool': text,
  'eye-tool': text,
  world: { type: 'boolean' },
  'invert-hand': { type: 'boolean' },
  'invert-eye': { type: 'boolean' },
  pair: text,
  'offset-ms': text,
  robust: text,
};

const BASE = frame('base');
const HAND = frame('hand');
const EYE = frame('eye');
const TARGET = frame('target');
const WORLD = frame('world');

type HandEyeOptions = NonNullable<Parameters<typeof calibrateHandEye>[4]>;

/** `trocar-register hand-eye`. @throws NavError, UsageError */
export async function handEyeCommand(args: Arguments): Promise<Report> {
  const robust = args.choice('robust', ['none', 'tukey']);
  const seed = args.number('seed', { whole: true });
  const options: HandEyeOptions = { ...(robust !== undefined && { robust }), ...(seed !== undefined && { seed }) };
  args.required('eye');
  const hand = await posesOf(args, { file: 'hand', tool: 'hand-tool', inverted: 'invert-hand' }, BASE, HAND);
  if (args.flag('world')) {
    const eye = await posesOf(args, { file: 'eye', tool: 'eye-tool', inverted: 'invert-eye' }, WORLD, EYE);
    const { first, second, notes } = together(args, hand.list, eye.list);
    const result = calibrateRobotWorld(HAND, EYE, first, second, options);
    const worldFromBase = invert(result.otherEdge);
    const facts = { baseFromWorld: rowsOf(result.otherEdge.matrix), worldFromBase: rowsOf(worldFromBase.matrix) };
    return reported(result, facts, matrixLines('world from base (mm)', worldFromBase.matrix), [
      ...hand.notes,
      ...eye.notes,
      ...notes,
    ]);
  }
  const eye = await posesOf(args, { file: 'eye', tool: 'eye-tool', inverted: 'invert-eye' }, EYE, TARGET);
  const { first, second, notes } = together(args, hand.list, eye.list);
  const result = calibrateHandEye(HAND, EYE, first, second, options);
  const facts = { baseFromTarget: rowsOf(result.otherEdge.matrix) };
  return reported(result, facts, matrixLines('base from target (mm)', result.otherEdge.matrix), [
    ...hand.notes,
    ...eye.notes,
    ...notes,
  ]);
}

/** Times this near, ms, are of one moment. */
const SAME_MOMENT = 1;

interface Together<A extends string, B extends string, C extends string, D extends string> {
  readonly first: PoseList<A, B>;
  readonly second: PoseList<C, D>;
  readonly notes: readonly Note[];
}

/** The two recordings pose by pose: as they stand where they are of the same moments, else by their times. */
function together<A extends string, B extends string, C extends string, D extends string>(
  args: Arguments,
  hand: PoseList<A, B>,
  eye: PoseList<C, D>,
): Together<A, B, C, D> {
  const how = args.choice('pair', ['order', 'time']) ?? (byOrder(hand, eye) ? 'order' : 'time');
  const asked = args.text('offset-ms');
  if (how === 'order') {
    if (asked !== undefined) throw new UsageError('--offset-ms belongs to poses that are paired by time (--pair time).');
    return { first: hand, second: eye, notes: [] };
  }
  const offsetMs = asked === 'auto' ? estimateTimeOffset(hand, eye).offsetMs : (args.number('offset-ms') ?? 0);
  const { first, second, unpaired } = pairInTime(hand, eye, { offsetMs });
  const message =
    `The hand's poses were interpolated at the ${second.poses.length} times of the eye's, read ${number(offsetMs, 1)} ms later; ` +
    `${unpaired} of the eye's had none near enough.`;
  return { first, second, notes: [{ code: 'paired-in-time', message }] };
}

function byOrder(hand: AnyPoseList, eye: AnyPoseList): boolean {
  if (hand.poses.length !== eye.poses.length) return false;
  return hand.poses.every((pose, k) => {
    const other = eye.poses[k]?.timeMs;
    return pose.timeMs === undefined || other === undefined || Math.abs(pose.timeMs - other) <= SAME_MOMENT;
  });
}

type Result = HandEyeCalibration<'hand', 'eye', string, string>;

function reported<Y extends string, YFrom extends string>(
  result: HandEyeCalibration<'hand', 'eye', Y, YFrom>,
  other: Record<string, unknown>,
  otherLines: readonly string[],
  warnings: readonly Note[],
): Report {
  return {
    outcome: result.outcome,
    findings: result.findings,
    warnings,
    facts: { fixedFromMoving: rowsOf(result.edge.matrix), ...other, ...factsOf(result) },
    lines: [...linesOf(result), ...otherLines, ...figures(result)],
  };
}

const DEG = 180 / Math.PI;

/** One standard deviation along each axis and about it. */
function spreadOf({
  covariance,
}: Pick<Transform<string, string>, 'covariance'>): { positionMm: number[]; rotationDeg: number[] } | null {
  if (covariance === undefined) return null;
  const sd = (i: number): number => Math.sqrt(covariance[7 * i] as number);
  return { positionMm: [0, 1, 2].map(sd), rotationDeg: [3, 4, 5].map((i) => sd(i) * DEG) };
}

type Common = Omit<Result, 'edge' | 'otherEdge' | 'expectedTre'> & {
  readonly edge: Pick<Transform<string, string>, 'matrix' | 'covariance'>;
};

function factsOf(result: Common): Record<string, unknown> {
  const { noise } = result;
  return {
    sd: spreadOf(result.edge),
    rmsMm: result.rmsMm,
    rmsDeg: result.rmsDeg,
    inliers: result.inliers,
    poses: result.residuals.length + result.unused,
    unused: result.unused,
    effective: result.effectivePoses,
    holdOut: result.holdOut ?? null,
    noise: {
      positionSdMm: noise.positionSdMm,
      handRotationSdDeg: noise.handRotationSdRad * DEG,
      otherRotationSdDeg: noise.otherRotationSdRad * DEG,
      estimated: noise.estimated,
    },
    axes: result.axes,
    lengthFactor: result.lengthFactor ?? null,
    timeOffsetMs: result.timeOffsetMs ?? null,
    residuals: result.residuals,
  };
}

function linesOf(result: Common): string[] {
  return [
    `${result.inliers} of ${result.residuals.length} pairs of poses in the fit (${result.unused} not measured in both, or copies)`,
    ...matrixLines('hand from eye (mm)', result.edge.matrix),
  ];
}

function figures(result: Common): string[] {
  const sd = spreadOf(result.edge);
  const held = result.holdOut;
  return [
    `Uncertainty of hand from eye   ${sd?.positionMm.map(mm).join(', ') ?? '–'} mm and ${sd?.rotationDeg.map((x) => number(x, 3)).join(', ') ?? '–'}° (sd along and about x, y, z)`,
    `Misfit                         ${mm(result.rmsMm)} mm, ${number(result.rmsDeg, 3)}° rms`,
    ...(held === undefined
      ? []
      : [`Misfit of held-out poses       ${mm(held.rmsMm)} mm, ${number(held.rmsDeg, 3)}° rms (${held.folds} folds)`]),
    `Rotation axes                  spread by ${number(result.axes.axisSpreadDeg, 0)}° about their common direction; largest turn ${number(result.axes.largestTurnDeg, 0)}°`,
    'Robots and trackers have no patient axes: nothing was converted.',
  ];
}
